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
    deploy)
        if command -v docker-compose >/dev/null 2>&1; then
            docker-compose --file docker-compose.yml config --quiet
        elif command -v docker >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
            docker compose --file docker-compose.yml config --quiet
        else
            echo "lint: docker compose is not installed: only the tests read docker-compose.yml" >&2
        fi
        ;;
    *)
        echo "lint: no check \`$1\`: there are form, lints, contract, laws, dependencies, deploy" >&2
        return 64
        ;;
    esac
}

[ $# -gt 0 ] || set -- form lints contract laws dependencies deploy
for name in "$@"; do
    echo "lint: $name" >&2
    check "$name" </dev/null
done
