#!/usr/bin/env bash
# Runs a command with a throw-away Postgres of its own, and hands back its exit code:
#
#   scripts/with-postgres.sh cargo test -p resi-store-postgres
#
# The command finds it at RESI_TEST_POSTGRES_URL. It listens on loopback, on a port that was free, and trusts whoever
# connects. RESI_TEST_POSTGRES_FSYNC=off trades durability for speed.
set -euo pipefail

if [ $# -eq 0 ]; then
    echo "usage: ${0##*/} COMMAND..." >&2
    exit 2
fi

. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"

binaries=$(find_postgres) || {
    echo "found no initdb and postgres: scripts/needs.sh postgres installs PostgreSQL's server" >&2
    exit 1
}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-postgres.XXXXXX")

# Postgres refuses to run as root.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
    owner=${RESI_TEST_POSTGRES_USER:-postgres}
    id "$owner" >/dev/null
    chown "$owner" "$scratch"
    as_owner=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups)
fi

child=
stop() {
    trap - EXIT INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    if [ -f "$scratch/data/postmaster.pid" ]; then
        (cd "$scratch" && ${as_owner[@]+"${as_owner[@]}"} "$binaries/pg_ctl" stop -D data -m immediate -s) || true
    fi
    rm -rf "$scratch"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

cd_run() { (cd "$scratch" && ${as_owner[@]+"${as_owner[@]}"} env -i PATH="$PATH" LC_ALL=C "$@"); }

cd_run "$binaries/initdb" -D data -U postgres -A trust -E UTF8 --no-sync >"$scratch/initdb.log" 2>&1 ||
    { cat "$scratch/initdb.log" >&2; exit 1; }

# Somebody may take the port between finding it and listening on it.
for attempt in 1 2 3 4 5; do
    port=$(free_port)
    if cd_run "$binaries/pg_ctl" start -D data -w -s -l "$scratch/data/log" -o "-p $port -k '$scratch' \
        -c listen_addresses=127.0.0.1 -c fsync=${RESI_TEST_POSTGRES_FSYNC:-on} -c max_connections=200"; then
        break
    fi
    if [ "$attempt" -eq 5 ]; then
        cat "$scratch/data/log" >&2
        exit 1
    fi
done

export RESI_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
# Where only the server was linked to, its psql is beside it.
export PATH="$PATH:$binaries"

# In the background, so that a signal is answered at once and the cluster never outlives this script.
"$@" <&0 &
child=$!
code=0
wait "$child" || code=$?
child=
exit "$code"
