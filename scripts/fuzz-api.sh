#!/usr/bin/env bash
# Sends generated requests, good and bad, to a running service and compares the answers with its OpenAPI document:
#
#   scripts/fuzz-api.sh [--max-examples N] [ARGUMENTS OF SCHEMATHESIS RUN]
#
# --max-examples is for each endpoint (100). Needs Python 3.10 or later with venv, curl and PyPI, and a Rust toolchain unless
# RESI_BINARY names a service that is already built. What is installed goes to target/fuzz-api. The exit code is that of
# Schemathesis; the service is stopped in any case, and a panic in its log is a failure too.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly REQUIREMENTS=(schemathesis==4.32.5 bittensor-wallet==4.1.1)

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "$0"
    exit "$1"
}

fail() {
    echo "fuzz-api: $*" >&2
    exit 1
}

max_examples=100
while [ $# -gt 0 ]; do
    case $1 in
        --max-examples) [[ ${2:-} =~ ^[1-9][0-9]{0,4}$ ]] || usage 2 >&2; max_examples=$2; shift 2 ;;
        -h | --help) usage 0 ;;
        *) break ;;
    esac
done

service=${RESI_BINARY:-}
target=${CARGO_TARGET_DIR:-target}
if [ -z "$service" ]; then
    cargo build --release --quiet --package resi-data-api
    service=$target/release/resi-data-api
fi

mkdir -p "$target"
tools=$(cd "$target" && pwd)/fuzz-api
# Another version here, another folder's worth of packages there: pip sees to it that the pinned ones are in it.
[ -x "$tools/bin/python" ] || python3 -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check "${REQUIREMENTS[@]}"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-fuzz.XXXXXX")
service_pid=''

clean_up() {
    local code=$?
    trap - EXIT INT TERM HUP
    if [ -n "$service_pid" ]; then
        kill -TERM "$service_pid" 2>/dev/null || true
        wait "$service_pid" 2>/dev/null || true
    fi
    if [ "$code" -ne 0 ] && [ -s "$scratch/service.log" ]; then
        echo "fuzz-api: what the service complained about:" >&2
        grep -v '"level":"INFO"' "$scratch/service.log" | tail -n 10 | cut -c 1-500 >&2 || true
    fi
    rm -rf "$scratch"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

export LIMIT_ACCESS_PER_MINUTE=0 LIMIT_REQUESTS_PER_HOUR=0 LIMIT_REPORTS_PER_HOUR=0 LIMIT_ASSIGNMENTS_PER_EPOCH=0
export LIMIT_STATISTICS_PER_HOUR=0 LIMIT_ADDRESS_PER_MINUTE=0
# Nothing of this shell's settings: the service under test has a folder, keys and a database of its own.
unset RESI_CONFIG DATABASE_URL ROTATION_KEY ROTATION_KEY_FILE JWT_KEYS JWT_KEYS_FILE RESI_METRICS_ADDR RESI_MOCK
"$service" serve --host 127.0.0.1 --port 0 --data-dir "$scratch/data" --registry open --netuid 46 \
    --log-format json --drain-seconds 0 >"$scratch/service.log" 2>&1 &
service_pid=$!

address=''
for ((tries = 0; tries < 200; tries++)); do
    kill -0 "$service_pid" 2>/dev/null || fail "the service ended while it started"
    address=$(sed -n 's/.*"message":"ready".*"address":"\([^"]*\)".*/\1/p' "$scratch/service.log")
    [ -z "$address" ] || break
    sleep 0.05
done
[ -n "$address" ] || fail "the service did not get ready"
base=http://$address

# A token as a validator gets one, signed with a development key that everybody has.
"$tools/bin/python" - >"$scratch/access.json" <<'EOF'
import json
import time

from bittensor_wallet import Keypair

key, now, sources = Keypair.create_from_uri("//Alice"), int(time.time()), "ZILLOW_SOLD"
message = f"api:data:request:{key.ss58_address}:{now}:{sources}"
print(json.dumps({"hotkey": key.ss58_address, "timestamp": now, "signature": "0x" + key.sign(message.encode()).hex(),
                  "sources": sources}))
EOF
token=$(curl -fsS -m 5 -d @"$scratch/access.json" "$base/get-validator-access" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
[ -n "$token" ] || fail "no access was granted"

# Not as a header of every request but as this security scheme's, so that it can also be left out (ignored_auth).
cat >"$scratch/schemathesis.toml" <<EOF
[auth.openapi.token]
bearer = "$token"

# A document cannot say all of what is valid, and these refuse good looking requests on purpose: a timestamp that is not
# of now, a signature of somebody else, a day that no month has, a source that nobody knows.
[[operations]]
include-path = ["/get-validator-access", "/api/v1/epochs/{id}", "/api/v1/validator-data", "/api/v1/assignment-status"]
checks.positive_data_acceptance.enabled = false
EOF

# It leaves its notes where it runs.
cd "$scratch"
"$tools/bin/schemathesis" --config-file "$scratch/schemathesis.toml" run "$base/openapi.json" \
    --max-examples "$max_examples" --checks all "$@"
! grep -q '"panic: ' "$scratch/service.log" || fail "the service panicked"
