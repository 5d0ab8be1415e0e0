#!/usr/bin/env bash
# Checks verify-deal.mjs: what the service answers is verified, and nothing that differs from it in any part. Installs the
# packages of scripts/package.json into scripts/node_modules.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/serving.sh

export SQLX_OFFLINE=true
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --locked --package resi-data-api --bins
cargo build --quiet --locked --package resi-protocol --example sign_access_request
npm ci --prefix scripts --silent

ROTATION_KEY=$(printf '2a%.0s' {1..32})
export ROTATION_KEY
serve "$target/debug/resi-data-api" --epoch-seconds 4 --pool-size 600 --zipcodes-per-epoch 300 --honeypots 5
node scripts/proofs.mjs "http://$address" "$target/debug/examples/sign_access_request"
