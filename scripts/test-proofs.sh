#!/usr/bin/env bash
# Checks verify-deal.mjs: what the service answers is verified, and nothing that differs from it in any part:
#
#   scripts/test-proofs.sh [FOLDER OF BINARIES]
#
# Builds the binaries where none are given. Installs the packages of scripts/package.json into scripts/node_modules.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/serving.sh

binaries=${1:-${CARGO_TARGET_DIR:-target}/debug}
if [ $# -eq 0 ]; then
    SQLX_OFFLINE=true cargo build --quiet --locked --package resi-data-api --bins
    cargo build --quiet --locked --package resi-protocol --example sign_access_request
fi
npm ci --prefix scripts --silent

printf '2a%.0s' {1..32} >"$scratch/rotation.key"
serve "$binaries/resi-data-api" --rotation-key-file "$scratch/rotation.key" --epoch-seconds 4 --pool-size 600 \
    --zipcodes-per-epoch 300 --honeypots 5
node scripts/proofs.mjs "http://$address" "$binaries/examples/sign_access_request"
