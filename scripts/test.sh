#!/bin/sh
# Runs every test of the workspace: with cargo-nextest where it is installed, with cargo's own runner where not.
#
# Arguments go to the runner: `scripts/test.sh -p reeve-world`. Both run the same tests, and no test depends on which:
# nextest is faster, and its summary is the last line.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- --workspace
if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked "$@"
fi
echo "test: cargo-nextest is not installed; using cargo test" >&2
exec cargo test --locked --no-fail-fast "$@"
