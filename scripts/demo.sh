#!/usr/bin/env bash
# The main job, end to end: starts Reeve in a fresh folder, walks through an admission and a refusal, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; "$@"; }
# Runs a command that must be refused (exit 1), and shows that it is.
refused() {
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  local code=0
  "$@" || code=$?
  if [ "$code" -ne 1 ]; then echo "expected a refusal (exit 1), got exit $code" >&2; exit 1; fi
}

step 'Building reeved and reeve'
cargo build --quiet -p reeved -p reeve
PATH="$PWD/${CARGO_TARGET_DIR:-target}/debug:$PATH"
case "${CARGO_TARGET_DIR:-target}" in /*) PATH="$CARGO_TARGET_DIR/debug:$PATH" ;; esac

home=$(mktemp -d)
server=''
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$home"
}
trap cleanup EXIT

# The tour's own credentials, not yours.
unset REEVE_USER REEVE_TOKEN REEVE_PASSWORD REEVE_SERVER REEVE_CLUSTER_KEY REEVE_ROOT_TOKEN
export XDG_CONFIG_HOME="$home/config" REEVE_INITIAL_PASSWORD='Correct-Horse-7'

step 'Starting every service in one process, on an embedded store in a fresh folder'
mkfifo "$home/said"
printf '%s$ reeved up --data %s --listen 127.0.0.1:0%s\n' "$dim" "$home/data" "$plain"
reeved up --data "$home/data" --listen 127.0.0.1:0 >"$home/said" 2>"$home/log" &
server=$!
if ! read -r -t 30 ready <"$home/said" || [ "${ready%% *}" != ready ]; then
  echo 'reeved did not become ready:' >&2; cat "$home/log" >&2; exit 1
fi
echo "$ready"
address=${ready#*grpc=}; address=${address%% *}
socket=${ready#*socket=}
export REEVE_SERVER="http://$address"

step 'The administrator signs in'
show reeve login admin --password-stdin <<<"$REEVE_INITIAL_PASSWORD"
show reeve whoami

step 'A researcher, a workspace, and a role in it'
show reeve user create alice --display-name 'Alice A.' --password-stdin <<<'Wonderland-8'
show reeve workspace create vision --description 'the vision team'
show reeve workspace create speech --description 'another team'
show reeve binding add editor user:alice -w vision --note 'joined the team'

step 'What workloads may look like: for the cluster, and for the workspace'
show cat deploy/examples/cluster-policy.yaml
show reeve config-policy set experiment -f deploy/examples/cluster-policy.yaml
show reeve config-policy set experiment -w vision -f deploy/examples/vision-policy.yaml

step "Which Unix user alice's tasks run as"
show reeve user link-with-agent-user alice --agent-uid 1042 --agent-user alice --agent-gid 500 --agent-group vision

step 'Alice submits an experiment: admitted, changed where the policies say so, with the Unix user to run as'
show reeve login alice --password-stdin <<<'Wonderland-8'
show reeve admit -w vision -t experiment -f deploy/examples/mnist-search.yaml

step 'She asks for more than the policies allow: refused, with every reason'
refused reeve admit -w vision -t experiment -f deploy/examples/big-training.yaml

step 'She asks where she has no role: refused, with what would help'
refused reeve admit -w speech -t experiment -f deploy/examples/mnist-search.yaml
refused reeve can user.administer

step 'A scheduler asks the sidecar, over its Unix socket, with the token of whoever submits'
token=$(reeve token)
admit=(reeve --server "unix:$socket" admit -w vision -t experiment -f deploy/examples/mnist-search.yaml)
printf '%s$ REEVE_TOKEN=… %s%s\n' "$dim" "${admit[*]}" "$plain"
REEVE_TOKEN="$token" "${admit[@]}"

step 'Alice leaves. Her token stops working everywhere, at once'
show reeve -u admin user deactivate alice
printf '%s$ REEVE_TOKEN=… %s%s\n' "$dim" "${admit[*]}" "$plain"
code=0
REEVE_TOKEN="$token" "${admit[@]}" 2>&1 || code=$?
if [ "$code" -ne 3 ]; then echo "expected exit 3 (not signed in), got $code" >&2; exit 1; fi

step 'Stopping'
kill "$server"
wait "$server"
server=''
echo 'done: nothing is left running, and the folder is removed'
