#!/bin/sh
# Installs what building needs and the machine lacks: `scripts/setup.sh [test|lint|demo-etcd]`.
#
# With nothing missing it says nothing and takes no time. As root, on Debian or a relative of it, it installs with apt-get; otherwise it
# prints the one line to run. The others ask for what they need besides: `test` and `lint` for the pinned buf and a gRPC client that is
# not ours, `test` and `demo-etcd` for etcd.
set -eu

purpose=${1:-build}
wants() { case " $1 " in *" $purpose "*) true ;; *) false ;; esac; }
case $purpose in build | test | lint | demo-etcd) ;; *)
    echo "setup: nothing is known of \`$purpose\`: there are test, lint, demo-etcd" >&2
    exit 64
    ;;
esac

has() { command -v "$1" >/dev/null 2>&1; }

missing=""
need() { has "$1" || missing="$missing $2"; }

# links (.cargo/config.toml), and compiles the C of aws-lc, which asks for `cc`, and needs no cmake
need clang clang
need cc clang
need mold mold
# compiles the protocol of etcd for its client, with the messages that every protocol may use: Debian has those apart
need protoc protobuf-compiler
bin=$(dirname "$(command -v protoc || echo /usr/bin/protoc)")
[ -e "$bin/../include/google/protobuf/descriptor.proto" ] || [ -e "$bin/google/protobuf/descriptor.proto" ] || missing="$missing libprotobuf-dev"
if wants 'test lint'; then
    # unpacks the pinned buf of package-lock.json
    need npm npm
fi
if wants 'test demo-etcd'; then
    # started by whoever needs them, on loopback, and ended by the same
    need etcd etcd-server
    need etcdctl etcd-client
    need setpriv util-linux
fi
if wants test; then
    # certificates for the servers of tests
    need openssl openssl
fi

if [ -n "$missing" ]; then
    missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ' | sed 's/ $//')
    if ! has apt-get; then
        echo "setup: missing: $missing. Install them with this system's package manager." >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "setup: missing: $missing. Run: sudo apt-get install --no-install-recommends --yes $missing" >&2
        case " $missing " in *' etcd-server '*) echo "setup: and, lest it run as a service: sudo systemctl disable --now etcd" >&2 ;; esac
        exit 1
    fi
    echo "setup: installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    # The package of etcd would start a server and have it start at every boot. Packages ask this file first whether they may (101: no),
    # and it goes again below; one that is there already is the machine's own, and stays.
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        policy=""
    else
        trap 'rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    # the lists of a fresh image are empty, those of an old one stale: read them where the first try fails
    # shellcheck disable=SC2086 # one word for each package
    apt-get install --no-install-recommends --yes --quiet $missing >/dev/null 2>&1 </dev/null || {
        apt-get update --quiet >/dev/null </dev/null
        apt-get install --no-install-recommends --yes --quiet $missing >/dev/null </dev/null
    }
    case " $missing " in *' etcd-server '*)
        # what was installed here for tests is nobody's service
        if has systemctl; then systemctl disable --now etcd.service >/dev/null 2>&1 || true; fi
        ;;
    esac
    if [ -n "$policy" ]; then
        rm -f "$policy"
        trap - EXIT INT TERM
    fi
fi

if ! has cargo; then
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
    echo "setup: there is no cargo: install Rust $wanted or newer (https://www.rust-lang.org/tools/install)" >&2
    exit 1
fi
if wants lint; then
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || { echo "setup: there is no cargo $tool: rustup component add clippy rustfmt" >&2; exit 1; }
    done
fi
if wants 'test lint'; then
    cd "$(dirname "$0")/.."
    # what is unpacked is what is pinned, or it is unpacked anew
    cmp -s package-lock.json node_modules/.package-lock-of-setup.json || {
        npm ci --no-audit --no-fund --loglevel=error </dev/null >/dev/null
        cp package-lock.json node_modules/.package-lock-of-setup.json
    }
fi
