# The tour of the main job, for scripts/demo.sh and scripts/demo-etcd.sh, which source it and say where. Its steps come in this order:
#
#   tour_prepare          builds, and puts the programs on the path; a folder in $home that goes when the script ends
#   tour_people           the administrator signs in, makes a user, workspaces and a binding
#   tour_rules            config policies, and a Unix user
#   tour_admission        the user submits: admitted, and refused
#   tour_sidecar SOCKET   a scheduler asks the sidecar
#   tour_leaving          the user is deactivated, and the token with them
#
# REEVE_SERVER says whom the command line asks. What the script starts, `tour_ends` in the script itself has to end.
# shellcheck shell=bash

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
say_command() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
show() { say_command "$@"; "$@"; }
# Runs a command that must end with a code, and shows that it does.
ends_with() {
  local expected=$1 code=0
  shift
  "$@" || code=$?
  if [ "$code" -ne "$expected" ]; then echo "expected exit $expected, got $code" >&2; exit 1; fi
}
# A refusal is exit 1.
refused() { say_command "$@"; ends_with 1 "$@"; }

tour_clean() {
  tour_ends
  rm -rf "$home"
}

tour_prepare() {
  step 'Building reeved and reeve'
  cargo build --quiet -p reeved -p reeve
  PATH="$PWD/${CARGO_TARGET_DIR:-target}/debug:$PATH"
  case "${CARGO_TARGET_DIR:-target}" in /*) PATH="$CARGO_TARGET_DIR/debug:$PATH" ;; esac
  home=$(mktemp -d)
  trap tour_clean EXIT
  # The tour's own credentials and settings, not yours.
  local name
  for name in "${!REEVE_@}"; do unset "$name"; done
  export XDG_CONFIG_HOME="$home/config" REEVE_INITIAL_PASSWORD='Correct-Horse-7'
}

tour_people() {
  step 'The administrator signs in'
  show reeve login admin --password-stdin <<<"$REEVE_INITIAL_PASSWORD"
  show reeve whoami

  step 'A researcher, a workspace, and a role in it'
  show reeve user create alice --display-name 'Alice A.' --password-stdin <<<'Wonderland-8'
  show reeve workspace create vision --description 'the vision team'
  show reeve workspace create speech --description 'another team'
  show reeve binding add editor user:alice -w vision --note 'joined the team'
}

tour_rules() {
  step 'What workloads may look like: for the cluster, and for the workspace'
  show cat deploy/examples/cluster-policy.yaml
  show reeve config-policy set experiment -f deploy/examples/cluster-policy.yaml
  show reeve config-policy set experiment -w vision -f deploy/examples/vision-policy.yaml

  step "Which Unix user alice's tasks run as"
  show reeve user link-with-agent-user alice --agent-uid 1042 --agent-user alice --agent-gid 500 --agent-group vision
}

tour_admission() {
  step 'Alice submits an experiment: admitted, changed where the policies say so, with the Unix user to run as'
  show reeve login alice --password-stdin <<<'Wonderland-8'
  show reeve admit -w vision -t experiment -f deploy/examples/mnist-search.yaml

  step 'She asks for more than the policies allow: refused, with every reason'
  refused reeve admit -w vision -t experiment -f deploy/examples/big-training.yaml

  step 'She asks where she has no role: refused, with what would help'
  refused reeve admit -w speech -t experiment -f deploy/examples/mnist-search.yaml
  refused reeve can user.administer
}

# Asks the sidecar with alice's token.
tour_ask_sidecar() {
  say_command 'REEVE_TOKEN=…' "${tour_admit[@]}"
  REEVE_TOKEN="$tour_token" "${tour_admit[@]}" 2>&1
}

tour_sidecar() {
  step 'A scheduler asks the sidecar, over its Unix socket, with the token of whoever submits'
  tour_token=$(reeve token)
  tour_admit=(reeve --server "unix:$1" admit -w vision -t experiment -f deploy/examples/mnist-search.yaml)
  tour_ask_sidecar
}

tour_leaving() {
  step 'Alice leaves. Her token stops working everywhere, at once'
  show reeve -u admin user deactivate alice
  # 3: not signed in
  ends_with 3 tour_ask_sidecar
}
