#!/bin/sh
# The first lease, on a sandbox that lives as long as this script: `make demo`.
# Usage: doc/demo.sh FOLDER_OF_BLAZAR
set -eu

PATH=$(cd "${1:-.venv/bin}" && pwd):$PATH
folder=$(mktemp -d)
sandbox=

finish() {
    code=$?
    trap - EXIT INT TERM
    [ -z "$sandbox" ] || { kill "$sandbox" 2>/dev/null || true; wait "$sandbox" || true; }
    [ "$code" = 0 ] || cat "$folder/sandbox.log" >&2
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

# Nothing that is set for another cloud may get in the way.
for name in $(env | sed -n 's/^\(OS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done

printf '$ blazar sandbox --port 0 &\n'
blazar sandbox --port 0 --config-file "$folder/clouds.yaml" >"$folder/sandbox.log" 2>&1 &
sandbox=$!
until grep -q Ctrl-C "$folder/sandbox.log"; do
    kill -0 "$sandbox"
    sleep 0.1
done
sed -n '1,3p' "$folder/sandbox.log"

export OS_CLIENT_CONFIG_FILE="$folder/clouds.yaml" OS_CLOUD=alice
printf '\n$ export OS_CLIENT_CONFIG_FILE=%s OS_CLOUD=alice\n' "$OS_CLIENT_CONFIG_FILE"

run blazar lease create my-first-lease \
    --reservation resource_type=physical:host,min=1,max=1 --end-date +1h \
    --wait -c id -c name -c status -c end_date
run blazar lease list
run blazar lease show my-first-lease
run blazar lease delete my-first-lease
run blazar lease list

printf '\nThat was a sandbox. "%s/blazar sandbox" starts one for you.\n' "${1:-.venv/bin}"
