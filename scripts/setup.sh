#!/bin/sh
# Installs what building needs and the machine lacks: `scripts/setup.sh [test|lint]`.
#
# With nothing missing it says nothing and takes no time. As root, on Debian or a relative of it, it installs with apt-get; otherwise it
# prints the one line to run. `test` and `lint` ask for what those need besides: the pinned buf, a gRPC client that is not ours.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

missing=""
need() { has "$1" || missing="$missing $2"; }

# links (.cargo/config.toml), and compiles the C of aws-lc, which asks for `cc`; needs neither cmake nor protoc
need clang clang
need cc clang
need mold mold
if [ $# -gt 0 ]; then
    # unpacks the pinned buf of package-lock.json
    need npm npm
fi

if [ -n "$missing" ]; then
    missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ' | sed 's/ $//')
    if ! has apt-get; then
        echo "setup: missing: $missing. Install them with this system's package manager." >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "setup: missing: $missing. Run: sudo apt-get install --no-install-recommends --yes $missing" >&2
        exit 1
    fi
    echo "setup: installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    # the lists of a fresh image are empty, those of an old one stale: read them where the first try fails
    # shellcheck disable=SC2086 # one word for each package
    apt-get install --no-install-recommends --yes --quiet $missing >/dev/null 2>&1 </dev/null || {
        apt-get update --quiet >/dev/null </dev/null
        apt-get install --no-install-recommends --yes --quiet $missing >/dev/null </dev/null
    }
fi

if ! has cargo; then
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
    echo "setup: there is no cargo: install Rust $wanted or newer (https://www.rust-lang.org/tools/install)" >&2
    exit 1
fi
if [ "${1:-}" = lint ]; then
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || { echo "setup: there is no cargo $tool: rustup component add clippy rustfmt" >&2; exit 1; }
    done
fi
if [ $# -gt 0 ]; then
    cd "$(dirname "$0")/.."
    # what is unpacked is what is pinned, or it is unpacked anew
    cmp -s package-lock.json node_modules/.package-lock-of-setup.json || {
        npm ci --no-audit --no-fund --loglevel=error </dev/null >/dev/null
        cp package-lock.json node_modules/.package-lock-of-setup.json
    }
fi
