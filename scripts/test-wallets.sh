#!/usr/bin/env bash
# Checks that wallets made with the Python package bittensor-wallet work with the validators' command and the service,
# and that each side accepts what the other signs. Installs the package into a virtual environment under target/.
set -euo pipefail
cd "$(dirname "$0")/.."

export SQLX_OFFLINE=true
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --locked --package resi-data-api --package resi-validator --bins
service=$target/debug/resi-data-api validator=$target/debug/resi-validator

environment=$target/wallet-environment
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check 'bittensor-wallet>=4,<5'

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-wallets.XXXXXX")
service_pid=
clean_up() {
    [ -z "$service_pid" ] || { kill "$service_pid" 2>/dev/null && wait "$service_pid"; } || true
    rm -rf "$scratch"
}
trap clean_up EXIT

: >"$scratch/log"
"$service" serve --port 0 --log-format json --drain-seconds 0 --data-dir "$scratch/data" 2>"$scratch/log" &
service_pid=$!
for _ in $(seq 600); do
    ! grep -q '"message":"ready"' "$scratch/log" || break
    kill -0 "$service_pid" && sleep 0.1
done
address=$(sed -n 's/.*"message":"ready".*"address":"\([^"]*\)".*/\1/p; s/.*"address":"\([^"]*\)".*"message":"ready".*/\1/p' \
    "$scratch/log" | head -n 1)
[ -n "$address" ] || { cat "$scratch/log" >&2; exit 1; }

HOME=$scratch "$environment/bin/python" scripts/wallets.py "$scratch/wallets" "http://$address" "$validator"
