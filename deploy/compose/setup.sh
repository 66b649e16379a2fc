#!/bin/sh
# The steps of docker-compose.yml that run once: `setup.sh secrets`, `setup.sh sidecar`. What is there already stays as it is.
set -eu
umask 077

cluster=/var/lib/reeve/cluster first=/var/lib/reeve/first sidecar=/var/lib/reeve/sidecar

# keep FILE COMMAND...: what the command prints, whole or not at all, for its owner alone.
keep() {
    file=$1
    shift
    [ -s "$file" ] && return
    "$@" >"$file.new"
    [ -s "$file.new" ] || { echo "setup: $1 printed nothing for $file" >&2; exit 1; }
    mv "$file.new" "$file"
    echo "setup: made $file"
}

# A password that any rule for passwords lets pass.
password() { printf 'Rv1-%s\n' "$(head -c 18 /dev/urandom | base64 | tr '+/' '._')"; }

robot_token() {
    export HOME=/tmp/setup REEVE_SERVER="${REEVE_SERVER:-http://identity-0:7300}"
    /reeve login admin --password-stdin <"$first/initial-password" >&2
    # a step that was cut off has made some of this already
    /reeve robot list | grep -q '^sidecar ' || /reeve robot create sidecar --description 'the sidecar of docker-compose.yml' >&2
    /reeve can feed.follow --as robot:sidecar >/dev/null || /reeve binding add sidecar robot:sidecar >&2
    /reeve access-token create --robot sidecar
    /reeve logout >&2
}

case ${1:-} in
secrets)
    keep "$cluster/cluster-key" /reeved keys generate
    keep "$first/root-token" /reeved keys root-token
    keep "$first/initial-password" password
    echo "setup: the administrator is \`admin\`; the password: docker compose run --rm secrets password"
    ;;
sidecar) keep "$sidecar/token" robot_token ;;
password) cat "$first/initial-password" ;;
*)
    echo "setup: there are secrets, sidecar, password" >&2
    exit 64
    ;;
esac
