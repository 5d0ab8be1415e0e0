#!/usr/bin/env bash
# Checks form: formatting, lints, documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

export SQLX_OFFLINE=true
unset DATABASE_URL SQLITE_DATABASE_URL

cargo fmt --all --check
cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --locked --quiet
