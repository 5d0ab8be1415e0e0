# To be sourced: starts a service for a script, and ends it with the script.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-serving.XXXXXX")
service_pid=
clean_up() {
    [ -z "$service_pid" ] || { kill "$service_pid" 2>/dev/null && wait "$service_pid"; } || true
    rm -rf "$scratch"
}
trap clean_up EXIT

# Starts it on a free port, with no setting of this shell, and waits until it serves. Sets `address`.
serve() { # BINARY ARGUMENT...
    local binary=$1
    shift
    : >"$scratch/log"
    env -i "$binary" serve --port 0 --log-format json --drain-seconds 0 --data-dir "$scratch/data" "$@" 2>"$scratch/log" &
    service_pid=$!
    for _ in $(seq 600); do
        ! grep -q '"message":"ready"' "$scratch/log" || break
        kill -0 "$service_pid" && sleep 0.1
    done
    address=$(sed -n 's/.*"message":"ready".*"address":"\([^"]*\)".*/\1/p; s/.*"address":"\([^"]*\)".*"message":"ready".*/\1/p' \
        "$scratch/log" | head -n 1)
    [ -n "$address" ] || { cat "$scratch/log" >&2; exit 1; }
}
