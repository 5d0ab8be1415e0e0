#!/usr/bin/env bash
# Runs all tests:
#
#   scripts/test.sh [--strict] [--no-install] [ARGUMENTS OF CARGO TEST]
#
# Needs a Rust toolchain. What else there is to need is in needs.sh: it is installed by the system's package manager where
# this may be done, as root or where sudo asks for no password. Otherwise what needs it is left out, named, and counted as
# skipped in the last line; with --strict that is a failure. A throw-away Postgres is started for the tests and removed
# after them. With arguments for cargo, only tests of cargo are run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

strict=false install=true
while [ $# -gt 0 ]; do
    case $1 in
        --strict) strict=true ;;
        --no-install) install=false ;;
        *) break ;;
    esac
    shift
done

# Queries are checked against what is checked in, whatever database this shell may point to.
export SQLX_OFFLINE=true
unset DATABASE_URL SQLITE_DATABASE_URL

parts=(tests postgres)
[ $# -gt 0 ] || parts+=(wallets proofs)
meet_needs "$install" "${parts[@]}"
is_left_out() { [[ " $left_out " == *" $1 "* ]]; }
if [ -n "$left_out" ] && { $strict || is_left_out tests; }; then
    say_left_out >&2
    exit 1
fi

said=$(mktemp "${TMPDIR:-/tmp}/resi-tests.XXXXXX")
skipped_scripts=0

# The last line: of all that ran, how much passed, failed, and was left out.
tally() {
    local code=$?
    [ -z "$left_out" ] || say_left_out
    awk -v skipped="$skipped_scripts" '
        / passed; [0-9]+ failed; [0-9]+ ignored; / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") passed += $(i - 1)
                if ($i == "failed;") failed += $(i - 1)
                if ($i == "ignored;" || $i == "filtered") skipped += $(i - 1)
            }
        }
        /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
        END {
            if (passed + failed == 0) exit
            line = passed " passed, " failed + 0 " failed"
            print skipped ? line ", " skipped " skipped" : line
        }' "$said"
    rm -f "$said"
    exit "$code"
}
trap tally EXIT

counted() { "$@" | tee -a "$said"; }

if is_left_out postgres; then
    # Their names say it, or the harness refuses them.
    [[ " $* " == *" -- "* ]] && skip=(--skip on_postgres) || skip=(-- --skip on_postgres)
    counted cargo test --workspace --all-features --locked "$@" "${skip[@]}"
else
    counted scripts/with-postgres.sh cargo test --workspace --all-features --locked "$@"
fi
[ $# -eq 0 ] || exit 0

counted scripts/test-needs.sh
# They use what was built for the tests: another selection of packages would be built anew.
for part in wallets proofs; do
    if is_left_out "$part"; then
        skipped_scripts=$((skipped_scripts + 1))
    else
        counted "scripts/test-$part.sh" "${CARGO_TARGET_DIR:-target}/debug"
    fi
done
