#!/usr/bin/env bash
# Checks that wallets made with the Python package bittensor-wallet work with the validators' command and the service,
# and that each side accepts what the other signs:
#
#   scripts/test-wallets.sh [FOLDER OF BINARIES]
#
# Builds the binaries where none are given. Installs the package into a virtual environment under target/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/serving.sh

target=${CARGO_TARGET_DIR:-target}
binaries=${1:-$target/debug}
if [ $# -eq 0 ]; then
    SQLX_OFFLINE=true cargo build --quiet --locked --package resi-data-api --package resi-validator --bins
fi

environment=$target/wallet-environment
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check 'bittensor-wallet>=4,<5'

serve "$binaries/resi-data-api"
HOME=$scratch "$environment/bin/python" scripts/wallets.py "$scratch/wallets" "http://$address" "$binaries/resi-validator"
