#!/usr/bin/env bash
# The tour of demo.sh, apart: three etcd, two each of identity, policy and agentmap, a sidecar, each a process on loopback. On the way the
# etcd leader and one of each service are killed, and come back. Nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tour.sh
. scripts/tour.sh

# How long anything may take to come up, in seconds.
patience=60

declare -A pids ports etcd_ports peer_ports
etcds=(etcd-0 etcd-1 etcd-2)
services=(identity-0 identity-1 policy-0 policy-1 agentmap-0 agentmap-1)

tour_ends() {
  local name
  for name in "${!pids[@]}"; do kill -KILL "${pids[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
}

lives() { kill -0 "${pids[$1]}" 2>/dev/null; }

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# Ends the line of what took so long since a moment.
took() { printf '%s: %d ms\n' "$1" $(($(milliseconds) - $2)); }

# A port of loopback where nobody listens, below those that connections are given, and not given before.
taken=' '
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((12000 + RANDOM % 20000))
    case $taken in *" $port "*) continue ;; esac
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      taken+="$port "
      found_port=$port
      return
    fi
  done
  echo 'no port is free' >&2
  exit 1
}

# start NAME COMMAND...: in the background, ended with this script however it ends.
start() {
  local name=$1
  shift
  : >"$home/$name.out"
  setpriv --pdeathsig KILL "$@" >>"$home/$name.out" 2>>"$home/$name.log" &
  pids[$name]=$!
}

# until WHAT NAME COMMAND...: waits for a command to succeed, while a process lives.
until_succeeds() {
  local what=$1 name=$2 deadline=$((SECONDS + patience))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ] || ! lives "$name"; then
      echo "$what: $name did not come up:" >&2
      tail -n 20 "$home/$name.log" >&2
      exit 1
    fi
    sleep 0.05
  done
}

start_etcd() {
  local name=$1 client="http://127.0.0.1:${etcd_ports[$1]}" peer="http://127.0.0.1:${peer_ports[$1]}"
  start "$name" etcd --name "$name" --data-dir "$home/$name" --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "$initial_cluster" \
    --logger zap --log-outputs stderr
}

etcd_url() { echo "http://127.0.0.1:${etcd_ports[$1]}"; }
control() { ETCDCTL_API=3 etcdctl --endpoints "$@"; }
etcd_healthy() { control "$(etcd_url "$1")" endpoint health; }

# The member that leads, as one that is asked says.
leader() {
  local name said
  for name in "${etcds[@]}"; do
    lives "$name" || continue
    said=$(control "$(etcd_url "$name")" --command-timeout 1s --write-out fields endpoint status 2>/dev/null) || continue
    if [ "$(field MemberID "$said")" = "$(field Leader "$said")" ]; then echo "$name"; return; fi
  done
  return 1
}
field() { sed -n "s/^\"$1\" : //p" <<<"$2"; }
another_leads() { [ "$(leader)" != "$1" ]; }

start_service() { start "$1" reeved "${1%-*}" --config "$home/reeve.toml" --listen "127.0.0.1:${ports[$1]}"; }
is_ready() { grep -q '^ready' "$home/$1.out"; }
service_url() { echo "http://127.0.0.1:${ports[$1]}"; }
urls() {
  local name list=''
  for name in "$@"; do list+="\"$(service_url "$name")\", "; done
  echo "[${list%, }]"
}

# Ends a process as a crash does.
crash() {
  kill -KILL "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  echo "killed $1"
}

tour_prepare

step 'Starting three etcd, each a process'
began=$(milliseconds) initial_cluster=''
for name in "${etcds[@]}"; do
  free_port; etcd_ports[$name]=$found_port
  free_port; peer_ports[$name]=$found_port
  initial_cluster+="$name=http://127.0.0.1:${peer_ports[$name]},"
done
initial_cluster=${initial_cluster%,}
for name in "${etcds[@]}"; do start_etcd "$name"; done
for name in "${etcds[@]}"; do until_succeeds health "$name" etcd_healthy "$name"; done
took "three etcd, $(leader) leads" "$began"

step 'Starting two each of identity, policy and agentmap, all at once, and no order among them'
umask 077
reeved keys generate >"$home/cluster-key"
reeved keys root-token >"$home/root-token"
for name in "${services[@]}"; do free_port; ports[$name]=$found_port; done
cat >"$home/reeve.toml" <<EOF
cluster_key_file = "$home/cluster-key"
bootstrap.root_token_file = "$home/root-token"
etcd.endpoints = ["$(etcd_url etcd-0)", "$(etcd_url etcd-1)", "$(etcd_url etcd-2)"]

[services]
identity = $(urls identity-0 identity-1)
policy = $(urls policy-0 policy-1)
agentmap = $(urls agentmap-0 agentmap-1)

[sidecar]
socket = "$home/sidecar.sock"
token_file = "$home/sidecar-token"
upstreams = $(urls policy-0 policy-1 agentmap-0 agentmap-1)
EOF
show cat "$home/reeve.toml"
began=$(milliseconds)
for name in "${services[@]}"; do
  say_command reeved "${name%-*}" --config "$home/reeve.toml" --listen "127.0.0.1:${ports[$name]}"
  start_service "$name"
done
for name in "${services[@]}"; do until_succeeds readiness "$name" is_ready "$name"; done
took 'all six are ready' "$began"

one=agentmap-0
REEVE_SERVER=$(service_url "$one")
export REEVE_SERVER
step "One address for everything from here on: $one, $REEVE_SERVER. What it does not own it forwards"
tour_people

step 'A sidecar beside a scheduler, with a token of its own'
show reeve robot create sidecar-a --description 'the sidecar of this tour'
show reeve binding add sidecar robot:sidecar-a
say_command reeve access-token create --robot sidecar-a
reeve access-token create --robot sidecar-a >"$home/sidecar-token"
start sidecar reeved sidecar --config "$home/reeve.toml"
until_succeeds readiness sidecar is_ready sidecar
show reeved health "unix:$home/sidecar.sock"

lost=$(leader)
step "The etcd leader crashes: $lost (SIGKILL). The next write waits for the election, no longer"
crash "$lost"
began=$(milliseconds)
show reeve workspace create robotics --description 'made without the leader'
took 'the write was acknowledged' "$began"
until_succeeds election "$one" another_leads "$lost"
took "$(leader) leads" "$began"
tour_rules

step 'One of each service crashes (SIGKILL)'
for name in identity-0 policy-0 agentmap-1; do crash "$name"; done
began=$(milliseconds)
tour_admission
took 'signed in, admitted and refused, through the same address, with half of the services' "$began"

step 'They come back, and so does etcd'
began=$(milliseconds)
start_etcd "$lost"
for name in identity-0 policy-0 agentmap-1; do start_service "$name"; done
for name in identity-0 policy-0 agentmap-1; do until_succeeds readiness "$name" is_ready "$name"; took "$name is ready" "$began"; done
until_succeeds health "$lost" etcd_healthy "$lost"
took "$lost is healthy, $(leader) leads" "$began"

tour_sidecar "$home/sidecar.sock"
tour_leaving

step 'Each of the six refuses it as well, those that were away too'
began=$(milliseconds)
for name in "${services[@]}"; do
  say_command 'REEVE_TOKEN=…' reeve --server "$(service_url "$name")" whoami
  REEVE_TOKEN="$tour_token" ends_with 3 reeve --server "$(service_url "$name")" whoami 2>&1
done
took 'six refusals' "$began"

step 'Stopping'
began=$(milliseconds)
for name in sidecar "${services[@]}"; do kill "${pids[$name]}"; done
for name in sidecar "${services[@]}"; do
  wait "${pids[$name]}" || { echo "$name did not stop well:" >&2; tail -n 20 "$home/$name.log" >&2; exit 1; }
  unset "pids[$name]"
done
took 'seven processes drained' "$began"
for name in "${etcds[@]}"; do kill "${pids[$name]}"; wait "${pids[$name]}" || true; unset "pids[$name]"; done
echo 'done: nothing is left running, and the folder is removed'
