#!/usr/bin/env bash
# Regenerates what the checked SQL of each backend was checked against (crates/store-*/.sqlx), from the migrations, on
# throw-away databases. With --check, changes nothing and fails when the committed files differ.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

check=false
backends=()
for argument in "$@"; do
    case $argument in
        --check) check=true ;;
        sqlite | postgres) backends+=("$argument") ;;
        *) echo "usage: ${0##*/} [--check] [sqlite] [postgres]" >&2; exit 2 ;;
    esac
done
[ ${#backends[@]} -gt 0 ] || backends=(sqlite postgres)

# The databases are made by a process of their own: Postgres does not run as root.
if [[ " ${backends[*]} " == *" postgres "* && -z ${RESI_TEST_POSTGRES_URL:-} ]]; then
    exec scripts/with-postgres.sh "$root/scripts/sqlx-prepare.sh" "$@"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

prepare() {
    local backend=$1 variable=$2 url=$3
    local crate=crates/store-$backend into=$scratch/$backend
    mkdir -p "$into"
    # A change of the time makes cargo expand the macros again.
    touch "$crate/src/lib.rs"
    env "$variable=$url" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$into" \
        cargo check --quiet --package "resi-store-$backend" --all-targets --all-features
    # What was just compiled knows the throw-away database; the next build shall not.
    touch "$crate/src/lib.rs"
    if $check; then
        diff --recursive "$crate/.sqlx" "$into" ||
            { echo "$crate/.sqlx is stale: run scripts/sqlx-prepare.sh" >&2; exit 1; }
    else
        rm -rf "$crate/.sqlx"
        cp -r "$into" "$crate/.sqlx"
    fi
}

for backend in "${backends[@]}"; do
    case $backend in
        sqlite)
            database=$scratch/prepare.db
            for migration in migrations/sqlite/*.sql; do
                python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())' \
                    "$database" "$migration"
            done
            prepare sqlite SQLITE_DATABASE_URL "sqlite://$database"
            ;;
        postgres)
            name=resi_prepare_$$
            psql --quiet --no-psqlrc "$RESI_TEST_POSTGRES_URL" --command "CREATE DATABASE $name"
            database=${RESI_TEST_POSTGRES_URL%/*}/$name
            for migration in migrations/postgres/*.sql; do
                psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 "$database" --file "$migration"
            done
            prepare postgres DATABASE_URL "$database"
            ;;
    esac
done
