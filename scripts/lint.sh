#!/bin/sh
# Checks everything that is not a test: `scripts/lint.sh [CHECK...]`, all of them when none is named.
set -eu
cd "$(dirname "$0")/.."

check() {
    case $1 in
    form) cargo fmt --all --check ;;
    lints) cargo clippy --locked --quiet --workspace --all-targets -- -D warnings ;;
    contract) scripts/setup.sh lint && npm run --silent lint ;;
    laws) scripts/test.sh --package reeve-laws ;;
    dependencies)
        if command -v cargo-deny >/dev/null 2>&1; then
            cargo deny --locked --workspace check
        else
            echo "lint: cargo-deny is not installed: licences and advisories were not checked" >&2
        fi
        ;;
    *)
        echo "lint: no check \`$1\`: there are form, lints, contract, laws, dependencies" >&2
        return 64
        ;;
    esac
}

[ $# -gt 0 ] || set -- form lints contract laws dependencies
for name in "$@"; do
    echo "lint: $name" >&2
    check "$name" </dev/null
done
