#!/usr/bin/env bash
# Checks that wallets made with the Python package bittensor-wallet work with the validators' command and the service,
# and that each side accepts what the other signs. Installs the package into a virtual environment under target/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/serving.sh

export SQLX_OFFLINE=true
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --locked --package resi-data-api --package resi-validator --bins

environment=$target/wallet-environment
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check 'bittensor-wallet>=4,<5'

serve "$target/debug/resi-data-api"
HOME=$scratch "$environment/bin/python" scripts/wallets.py "$scratch/wallets" "http://$address" "$target/debug/resi-validator"
