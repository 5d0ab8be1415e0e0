#!/usr/bin/env bash
# Runs all tests: scripts/test.sh [ARGUMENTS OF CARGO TEST]
#
# Needs a Rust toolchain and PostgreSQL's server (Debian: apt-get install postgresql); a throw-away one is started for
# the tests and removed after them.
set -euo pipefail
cd "$(dirname "$0")/.."

# Queries are checked against what is checked in, whatever database this shell may point to.
export SQLX_OFFLINE=true
unset DATABASE_URL SQLITE_DATABASE_URL

exec scripts/with-postgres.sh cargo test --workspace --all-features --locked "$@"
