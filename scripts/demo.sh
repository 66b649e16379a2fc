#!/usr/bin/env bash
# The main job, end to end: starts Reeve in a fresh folder, walks through an admission and a refusal, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tour.sh
. scripts/tour.sh

server=''
tour_ends() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
}

tour_prepare

step 'Starting every service in one process, on an embedded store in a fresh folder'
mkfifo "$home/said"
say_command reeved up --data "$home/data" --listen 127.0.0.1:0
reeved up --data "$home/data" --listen 127.0.0.1:0 >"$home/said" 2>"$home/log" &
server=$!
if ! read -r -t 30 ready <"$home/said" || [ "${ready%% *}" != ready ]; then
  echo 'reeved did not become ready:' >&2; cat "$home/log" >&2; exit 1
fi
echo "$ready"
address=${ready#*grpc=}; address=${address%% *}
export REEVE_SERVER="http://$address"

tour_people
tour_rules
tour_admission
tour_sidecar "${ready#*socket=}"
tour_leaving

step 'Stopping'
kill "$server"
wait "$server"
server=''
echo 'done: nothing is left running, and the folder is removed'
