#!/usr/bin/env bash
# Builds this checkout with one more migration, for the fault `upgrade`, and prints where the binary is:
#
#   RESI_NEWER=$(scripts/faults/build-newer.sh [--release])
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
source=$target/newer/source

rm -rf "$source"
mkdir -p "$source"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$source"
for backend in postgres sqlite; do
    cat >"$source/migrations/$backend/9999_compatible_newer.sql" <<'SQL'
ALTER TABLE validators ADD COLUMN noted_at bigint;
CREATE TABLE notes (position bigint NOT NULL PRIMARY KEY, text text NOT NULL);
CREATE INDEX assignments_by_update ON assignments (updated_at);
SQL
done
# SQLite's tables are strict about the names of types.
sed -i 's/bigint/INTEGER/g; s/text text/text TEXT/' "$source/migrations/sqlite/9999_compatible_newer.sql"
# Its own version too: by that cargo tells its artifacts from those of this checkout, and none passes for the other's.
sed -i 's/^\(version = "[0-9.]*\)"/\1-newer"/; /path = "crates/s/, version = "[^"]*"//' "$source/Cargo.toml"
(cd "$source" && SQLX_OFFLINE=true CARGO_TARGET_DIR="$target" cargo build --offline --package resi-data-api "$@" >&2)
profile=debug
[[ " $* " != *" --release "* ]] || profile=release
mv "$target/$profile/resi-data-api" "$target/newer/resi-data-api"
echo "$target/newer/resi-data-api"
