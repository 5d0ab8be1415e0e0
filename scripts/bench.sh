#!/usr/bin/env bash
# Measures the service on this machine, and writes a table to target/bench/report.md and to standard output.
#
#   scripts/bench.sh [--seconds N] [--quick] [--profile NAME] [--against BINARY] [PART...]
#
# Parts, all of them where none is named:
#   start             from the start of the process to its first healthy answer, the database being there
#   health, statistics, blocks, blocks-gzip
#                     reads, against a bare axum server that holds the same body
#   access-sqlite, status-sqlite, access-postgres, status-postgres
#                     writes: access against verifying signatures on one core, reports on SQLite against what its shell
#                     inserts in commits of 64 rows, on Postgres against pgbench with single prepared inserts in the
#                     same cluster
#   million           health and statistics once a million reports are there, on SQLite; and memory over that time
#   epochs            the first second of an epoch against the others, with epochs of 5 seconds
# Memory is reported for every service that ran. --seconds is for each part and side (20), --quick means 3. --profile is
# the one of cargo to build with (release; dev is for trying this script).
#
# --against BINARY runs another build of the service in turn with this one, in 20 pairs of slices, and writes the median of
# the ratios of each part with a 90 % interval to target/bench/against.md; --seconds is then for each slice (1). The other
# build is given only the flags that its `serve --help` knows.
#
# A machine drifts while it is measured: what is compared runs in short slices in turn, and the median of the ratios
# counts. Needs wrk and curl, for reports on SQLite sqlite3, for the parts with Postgres its server and pgbench.
# Everything is on loopback.
set -euo pipefail
came_from=$PWD
cd "$(dirname "$0")/.."

readonly ALL_PARTS=(start health statistics blocks blocks-gzip access-sqlite status-sqlite million access-postgres
    status-postgres epochs)
readonly CONNECTIONS=64 THREADS=2 EPOCH_SECONDS=5
# More than any service has granted in a second here, so that no thread runs out of signed bodies.
readonly BODIES_PER_SECOND=30000
readonly SQLITE_GROUPS=2000
readonly STATISTICS='{"total_miners_assigned":40,"responses_received":38,"consensus_achieved":35,"anomalies_detected":2,"total_properties_scraped":9450,"average_response_time_minutes":45,"success_rate":0.95}'

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "$0"
    exit "$1"
}

fail() {
    echo "bench: $*" >&2
    exit 1
}

again=()
seconds='' profile=release against=''
parts=()
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) [[ ${2:-} =~ ^[1-9][0-9]{0,3}$ ]] || usage 2 >&2; seconds=$2; again+=("$1" "$2"); shift ;;
        --quick) seconds=quick; again+=("$1") ;;
        --profile) [[ ${2:-} =~ ^[a-z][a-z0-9_-]*$ ]] || usage 2 >&2; profile=$2; again+=("$1" "$2"); shift ;;
        --against)
            [ -n "${2:-}" ] || usage 2 >&2
            against=$(cd "$came_from" && realpath -e -- "$2") && [ -f "$against" ] && [ -x "$against" ] ||
                fail "$2 is no program"
            again+=("$1" "$against"); shift ;;
        -h | --help) usage 0 ;;
        -*) usage 2 >&2 ;;
        *) [[ " ${ALL_PARTS[*]} " == *" $1 "* ]] || fail "no part $1; there are: ${ALL_PARTS[*]}"; parts+=("$1"); again+=("$1") ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=("${ALL_PARTS[@]}")
if [ -n "$against" ]; then
    [[ $seconds =~ [0-9] ]] || seconds=1
    slices=20 slice_seconds=$seconds
else
    [ "$seconds" != quick ] || seconds=3
    seconds=${seconds:-20}
    slices=$((seconds < 20 ? seconds : 20))
    slice_seconds=$((seconds / slices))
fi

wants() {
    local part
    for part in "$@"; do
        [[ " ${parts[*]} " != *" $part "* ]] || return 0
    done
    return 1
}

tools=(wrk curl awk)
[ -n "$against" ] || ! wants status-sqlite || tools+=(sqlite3)
for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || fail "$tool is not installed"
done
if wants access-postgres status-postgres && [ -z "${RESI_TEST_POSTGRES_URL:-}" ]; then
    exec scripts/with-postgres.sh scripts/bench.sh "${again[@]}"
fi

target=${CARGO_TARGET_DIR:-target}
built=$target/$profile
[ "$profile" != dev ] || built=$target/debug
service=$built/resi-data-api
load=$built/resi-load
cargo build --profile "$profile" --quiet --package resi-data-api --package resi-load

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-bench.XXXXXX")
ceiling_pid=''
# By side: `this` build, and the other one, `against`.
declare -A binaries=([this]=$service [against]=$against) pids=() bases=() ports=() flags=()

# Ends a process that was started here, in ten seconds at most.
end() {
    local pid=$1 tries
    kill -TERM "$pid" 2>/dev/null || return 0
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

clean_up() {
    local code=$? side
    trap - EXIT INT TERM HUP
    [ -z "$ceiling_pid" ] || end "$ceiling_pid"
    for side in "${!pids[@]}"; do end "${pids[$side]}"; done
    for side in this against; do
        if [ "$code" -ne 0 ] && [ -s "$scratch/$side.log" ]; then
            echo "bench: the last lines of the service's log ($side):" >&2
            tail -n 5 "$scratch/$side.log" | cut -c 1-500 >&2
        fi
    done
    rm -rf "$scratch"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

rows=() details=()
row() { # PART MEASURED COMPARED RATIO P99 GOAL NOTE
    local IFS='|'
    rows+=("|$*|")
    echo "bench: $1: $2${3:+, $3}${4:+, ratio $4}${5:+, p99 $5}${7:+ [$7]}" >&2
}

median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
compute() { awk "BEGIN { printf \"$1\", $2 }"; }
verdict() { awk "BEGIN { exit !($1) }" && echo met || echo missed; }
milliseconds() { compute '%.2f' "$1 / 1000"; }

# ---------------------------------------------------------------------------------------------------------------------
# The service

export LIMIT_ACCESS_PER_MINUTE=0 LIMIT_REQUESTS_PER_HOUR=0 LIMIT_REPORTS_PER_HOUR=0 LIMIT_ASSIGNMENTS_PER_EPOCH=0
export LIMIT_STATISTICS_PER_HOUR=0 LIMIT_ADDRESS_PER_MINUTE=0
while IFS= read -r line; do
    export "${line?}"
done < <("$service" keygen)
[ -n "${ROTATION_KEY:-}" ] && [ -n "${JWT_KEYS:-}" ] || fail "resi-data-api keygen gave no keys"

serve() { # SIDE DATABASE_URL [FLAG VALUE...]: fills `command`, `port` and `base`
    local side=$1 settings at
    port=$("$load" free-port)
    base=http://127.0.0.1:$port
    # A command line is seen by all, and this URL may have a password.
    export DATABASE_URL=$2
    settings=(--host 127.0.0.1 --port "$port" --data-dir "$scratch/data-$side" --netuid 46 --registry open
        --log-format json --drain-seconds 0 "${@:3}")
    [ -n "${flags[$side]:-}" ] ||
        flags[$side]=" $("${binaries[$side]}" serve --help | grep -oE -- '--[a-z][a-z._-]*' | sort -u | tr '\n' ' ')"
    [[ ${flags[$side]} == *' --port '* ]] || fail "${binaries[$side]} has no command serve with a --port"
    command=("${binaries[$side]}" serve)
    for ((at = 0; at < ${#settings[@]}; at += 2)); do
        [[ ${flags[$side]} != *" ${settings[at]} "* ]] || command+=("${settings[@]:at:2}")
    done
}

start_service() { # SIDE NAME DATABASE_URL [FLAG VALUE...]
    local side=$1 tries
    service_name=$2
    serve "$side" "${@:3}"
    "${command[@]}" >>"$scratch/$side.log" 2>&1 &
    pids[$side]=$! bases[$side]=$base ports[$side]=$port
    for ((tries = 0; tries < 200; tries++)); do
        kill -0 "${pids[$side]}" 2>/dev/null || fail "the service ended while it started ($side)"
        if curl -fsS -m 2 -o "$scratch/health" "$base/health" 2>/dev/null; then
            return
        fi
        sleep 0.05
    done
    fail "the service did not get healthy ($side)"
}

# Fills resident and peak, in kB.
stop_service() { # SIDE
    local side=$1
    kill -0 "${pids[$side]}" 2>/dev/null || fail "the service ended by itself ($side)"
    resident=$(awk '/^VmRSS/ { print $2 }' "/proc/${pids[$side]}/status")
    peak=$(awk '/^VmHWM/ { print $2 }' "/proc/${pids[$side]}/status")
    end "${pids[$side]}"
    unset "pids[$side]"
    : >"$scratch/$side.log"
}

stop_this() {
    stop_service this
    row "memory, $service_name" "$(compute '%.1f MB' "$resident / 1024")" "peak $(compute '%.1f MB' "$peak / 1024")" '' '' \
        '≤ 32 MB' "$(verdict "$resident <= 32 * 1024")"
}

get_tokens() { # COUNT: fills `tokens`
    local body answer
    "$load" bodies --count "$1" --hotkeys "$1" --out "$scratch/token-bodies"
    tokens=()
    while IFS= read -r body; do
        answer=$(curl -fsS -m 5 -d "$body" "$base/get-validator-access") || fail "no access: $answer"
        tokens+=("$(sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p' <<<"$answer")")
    done <"$scratch/token-bodies"
    [ -n "${tokens[0]}" ] || fail "no token in the answer of /get-validator-access"
}

# ---------------------------------------------------------------------------------------------------------------------
# Load

run_wrk() { # SECONDS SCRIPT URL ARGUMENT...: fills per_second, p99_us and faults
    local figures
    timeout --kill-after 5 $(($1 + 30)) wrk -t $THREADS -c $CONNECTIONS -d "${1}s" --timeout 10s \
        -s "scripts/wrk/$2.lua" "$3" -- "${@:4}" >"$scratch/wrk" || { cat "$scratch/wrk" >&2; fail "wrk failed"; }
    figures=$(grep '^figures ' "$scratch/wrk") || { cat "$scratch/wrk" >&2; fail "wrk gave no figures"; }
    per_second=$(sed 's/.* per_second=\([0-9]*\).*/\1/' <<<"$figures")
    p99_us=$(sed 's/.* p99_us=\([0-9]*\).*/\1/' <<<"$figures")
    faults=$(sed -n 's/^\(status [0-9]*: .*\)/\1/p; s/^a thread ran out.*/ran out of bodies/p' "$scratch/wrk" | paste -sd ';')
    local bad errors
    bad=$(sed 's/.* bad=\([0-9]*\).*/\1/' <<<"$figures")
    errors=$(sed 's/.* socket_errors=\([0-9]*\).*/\1/' <<<"$figures")
    [ -n "$faults" ] || [ "$bad" -eq 0 ] || faults="$bad bad answers"
    [ "$errors" -eq 0 ] || faults="${faults:+$faults; }$errors socket errors"
    [ "$per_second" -gt 0 ] || fail "wrk got no answer from $3"
}

start_ceiling() { # PATH BODY_FILE [--gzip]
    local tries
    rm -f "$scratch/ceiling-port"
    "$load" ceiling --path "$1" --body-file "$2" "${@:3}" >"$scratch/ceiling-port" &
    ceiling_pid=$!
    for ((tries = 0; tries < 100; tries++)); do
        [ ! -s "$scratch/ceiling-port" ] || break
        sleep 0.05
    done
    ceiling=http://127.0.0.1:$(cat "$scratch/ceiling-port")
    curl -fsS -m 2 -o /dev/null "$ceiling$1" || fail "the ceiling does not answer"
}

measure_read() { # PART PATH ENCODING TOKEN GOAL
    local part=$1 path=$2 encoding=$3 token=$4 goal=$5 slice body=$scratch/body
    local ours=() bare=() ratios=() p99s=() bare_p99s=() wrong=''
    local headers=(-H "Accept-Encoding: $encoding") gzip=()
    [ "$token" = - ] || headers+=(-H "Authorization: Bearer $token")
    [ "$encoding" != gzip ] || gzip=(--gzip)
    curl -fsS -m 5 "${headers[@]}" -D "$scratch/head" -o "$body" "$base$path" || fail "$part: no answer from $path"
    if [ "$encoding" = gzip ]; then
        grep -qi '^content-encoding: *gzip' "$scratch/head" || fail "$part: the answer is not compressed"
    fi
    start_ceiling "${path%%\?*}" "$body" "${gzip[@]}"
    run_wrk 1 get "$base$path" "$encoding" "$token"
    run_wrk 1 get "$ceiling$path" "$encoding" "$token"
    for ((slice = 0; slice < slices; slice++)); do
        run_wrk "$slice_seconds" get "$base$path" "$encoding" "$token"
        ours+=("$per_second") p99s+=("$p99_us") wrong=${faults:-$wrong}
        run_wrk "$slice_seconds" get "$ceiling$path" "$encoding" "$token"
        bare+=("$per_second") bare_p99s+=("$p99_us") wrong=${faults:-$wrong}
        ratios+=("$(compute '%.4f' "${ours[-1]} / ${bare[-1]}")")
    done
    end "$ceiling_pid"
    ceiling_pid=''
    local ratio p99 bare_p99
    ratio=$(median "${ratios[@]}") p99=$(median "${p99s[@]}") bare_p99=$(median "${bare_p99s[@]}")
    row "$part ($(stat -c %s "$body") bytes)" "$(compute '%.0f/s' "$(median "${ours[@]}")")" \
        "bare axum $(compute '%.0f/s' "$(median "${bare[@]}")")" "$(compute '%.2f' "$ratio")" \
        "$(milliseconds "$p99") ms, bare $(milliseconds "$bare_p99") ms" "≥ $goal; p99 ≤ 1.5 × bare" \
        "${wrong:-$(verdict "$ratio >= $goal"); p99 $(verdict "$p99 <= 1.5 * $bare_p99")}"
}

measure_access() { # PART GOAL
    "$load" bodies --count $((seconds * BODIES_PER_SECOND)) --hotkeys 200 --out "$scratch/bodies"
    local verified=("$("$load" verify)")
    run_wrk "$seconds" access "$base/get-validator-access" "$scratch/bodies" $THREADS
    verified+=("$("$load" verify)")
    rm "$scratch/bodies"
    local limit
    limit=$(median "${verified[@]}")
    row "$1" "$per_second/s" "$limit/s verified on one core" "$(compute '%.2f' "$per_second / $limit")" \
        "$(milliseconds "$p99_us") ms" "≥ $2/s" "${faults:-$(verdict "$per_second >= $2")}"
}

run_sqlite() { # fills rows_per_second
    local file=$scratch/groups.sqlite began
    rm -f "$file"*
    sqlite3 "$file" 'pragma journal_mode = wal' 'create table report (hotkey blob, assignment_id text, status text,
        statistics text, reported_at integer, primary key (assignment_id, hotkey))' >/dev/null
    began=$EPOCHREALTIME
    {
        echo 'pragma synchronous = full;'
        for ((group = 0; group < SQLITE_GROUPS; group++)); do
            echo "insert into report select x'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
                'bench-' || (10000000 + $group * 64 + value), 'completed', '$STATISTICS', 1750000000
                from generate_series(0, 63);"
        done
    } | sqlite3 "$file"
    rows_per_second=$(compute '%.0f' "64 * $SQLITE_GROUPS / ($EPOCHREALTIME - $began)")
}

measure_status_sqlite() {
    local inserted=()
    run_sqlite
    inserted+=("$rows_per_second")
    run_wrk "$seconds" status "$base/api/v1/assignment-status" sqlite "${tokens[@]}"
    run_sqlite
    inserted+=("$rows_per_second")
    local limit
    limit=$(median "${inserted[@]}")
    row status-sqlite "$per_second/s" "sqlite3, 64 rows a commit, $limit/s" "$(compute '%.2f' "$per_second / $limit")" \
        "$(milliseconds "$p99_us") ms" '≥ 24000/s; p99 ≤ 20 ms' \
        "${faults:-$(verdict "$per_second >= 24000"); p99 $(verdict "$p99_us <= 20000")}"
}

fill_million() { # SIDE: fills `reports` and `grown`
    local run=0
    reports=0 grown=()
    while [ "$reports" -lt 1000000 ]; do
        run_wrk 10 status "$base/api/v1/assignment-status" "million-$((run += 1))" "${tokens[@]}"
        [ -z "$faults" ] || fail "million: $faults"
        reports=$((reports + per_second * 10))
        grown+=("$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/${pids[$1]}/status")")
        : >"$scratch/$1.log"
        [ "$run" -lt 60 ] || fail "million: $reports reports after $run runs"
    done
}

measure_million() {
    fill_million this
    measure_read "health after $reports reports" /health identity - 0.85
    measure_read "statistics after $reports reports" /api/v1/statistics identity - 0.80
    details+=("Memory every 10 s of $reports reports, in MB: ${grown[*]}" '')
}

# ---------------------------------------------------------------------------------------------------------------------
# Postgres

database_url() { # NAME: the URL of another database of the cluster
    local url=${RESI_TEST_POSTGRES_URL%%\?*} query=''
    [[ $RESI_TEST_POSTGRES_URL != *\?* ]] || query=?${RESI_TEST_POSTGRES_URL#*\?}
    echo "${url%/*}/$1$query"
}

ask_postgres() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

create_databases() { # NAME...
    local name
    for name in "$@"; do
        ask_postgres -c "drop database if exists $name" -c "create database $name" "$RESI_TEST_POSTGRES_URL" 2>/dev/null
    done
    local setting
    for setting in fsync synchronous_commit; do
        [ "$(ask_postgres -c "show $setting" "$RESI_TEST_POSTGRES_URL")" = on ] ||
            details+=("**$setting is off in this Postgres: its figures are not of durable writes.**" '')
    done
}

prepare_pgbench() {
    ask_postgres "$(database_url resi_pgbench)" -c 'create table report (hotkey bytea, assignment_id text, status text,
        statistics jsonb, reported_at timestamptz, primary key (hotkey, assignment_id))'
    cat >"$scratch/insert.sql" <<SQL
\set number random(1, 9000000000000000000)
insert into report values (decode('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d', 'hex'), 'bench-' || :number, 'completed', '$STATISTICS', now());
SQL
}

run_pgbench() { # SECONDS: fills pgbench_per_second
    timeout --kill-after 5 $(($1 + 30)) pgbench -n -M prepared -c $CONNECTIONS -j $THREADS -T "$1" \
        -f "$scratch/insert.sql" "$(database_url resi_pgbench)" >"$scratch/pgbench" 2>&1 ||
        { cat "$scratch/pgbench" >&2; fail "pgbench failed"; }
    pgbench_per_second=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$scratch/pgbench")
}

measure_status_postgres() {
    local slice ours=() theirs=() ratios=() p99s=() wrong=''
    for ((slice = 0; slice < slices; slice++)); do
        run_wrk "$slice_seconds" status "$base/api/v1/assignment-status" "postgres-$slice" "${tokens[@]}"
        ours+=("$per_second") p99s+=("$p99_us") wrong=${faults:-$wrong}
        run_pgbench "$slice_seconds"
        theirs+=("$pgbench_per_second")
        ratios+=("$(compute '%.4f' "${ours[-1]} / ${theirs[-1]}")")
    done
    local ratio p99
    ratio=$(median "${ratios[@]}") p99=$(median "${p99s[@]}")
    row status-postgres "$(compute '%.0f/s' "$(median "${ours[@]}")")" \
        "pgbench $(compute '%.0f/s' "$(median "${theirs[@]}")")" "$(compute '%.2f' "$ratio")" "$(milliseconds "$p99") ms" \
        '≥ 1.3 × pgbench; p99 ≤ 20 ms' "${wrong:-$(verdict "$ratio >= 1.3"); p99 $(verdict "$p99 <= 20000")}"
}

# ---------------------------------------------------------------------------------------------------------------------
# Start and epochs

measure_start() {
    local run times=()
    start_service this start "sqlite:$scratch/start.sqlite"
    stop_service this
    for ((run = 0; run < 5; run++)); do
        serve this "sqlite:$scratch/start.sqlite"
        times+=("$(timeout --kill-after 5 60 "$load" start --port "$port" -- "${command[@]}")") || fail "the service did not start"
    done
    local middle
    middle=$(median "${times[@]}")
    row start "$(compute '%.0f ms' "$middle")" "of ${times[*]}" '' '' '≤ 60 ms, median of 5' "$(verdict "$middle <= 60")"
}

measure_epochs() {
    local long=$((seconds < 2 * EPOCH_SECONDS ? 2 * EPOCH_SECONDS : seconds)) path='/api/v1/validator-data?sources=ZILLOW_SOLD&block_size=20'
    timeout --kill-after 5 $((long + 30)) "$load" epochs --port "$port" --path "$path" --header 'Accept-Encoding: gzip' \
        --header "Authorization: Bearer ${tokens[0]}" --epoch-seconds $EPOCH_SECONDS --seconds "$long" \
        --connections $CONNECTIONS >"$scratch/epochs" || fail "epochs: no answer"
    local first other failures
    first=$(awk '$1 == "first_second" { print $4 }' "$scratch/epochs")
    other=$(awk '$1 == "other_seconds" { print $4 }' "$scratch/epochs")
    failures=$(awk '$1 == "failures" { print $2 }' "$scratch/epochs")
    [ "$failures" -eq 0 ] && failures='' || failures="$failures bad answers"
    row 'epochs, first second' "$(awk '$1 == "first_second" { print $2 }' "$scratch/epochs") requests" "p99 of the others $(milliseconds "$other") ms" \
        "$(compute '%.2f' "$first / $other")" "$(milliseconds "$first") ms, most $(milliseconds "$(awk '$1 == "first_second" { print $5 }' "$scratch/epochs")") ms" \
        '' "$failures"
    details+=("Blocks by the time since the epoch of $EPOCH_SECONDS s began, $CONNECTIONS connections, a client of one thread:" ''
        '| ms since | requests | p50 ms | p99 ms | most ms |' '| --- | ---: | ---: | ---: | ---: |')
    while IFS= read -r line; do details+=("$line"); done < <(
        awk '$1 ~ /^[0-9]+$/ && ($1 < 1000 || $1 % 1000 == 0) { printf "| %s | %s | %.2f | %.2f | %.2f |\n", $1, $2, $3 / 1000, $4 / 1000, $5 / 1000 }' "$scratch/epochs")
    details+=('')
}

# ---------------------------------------------------------------------------------------------------------------------

if [ -n "$against" ]; then
    # shellcheck source=scripts/bench-against.sh
    source scripts/bench-against.sh
    exit
fi

if wants start; then
    measure_start
fi

if wants health statistics blocks blocks-gzip access-sqlite status-sqlite; then
    start_service this 'after all parts on SQLite' "sqlite:$scratch/bench.sqlite"
    get_tokens 20
    blocks='/api/v1/validator-data?sources=ZILLOW_SOLD&block_size=20'
    ! wants health || measure_read health /health identity - 0.85
    ! wants statistics || measure_read statistics /api/v1/statistics identity - 0.80
    ! wants blocks || measure_read blocks "$blocks" identity "${tokens[0]}" 0.75
    ! wants blocks-gzip || measure_read blocks-gzip "$blocks" gzip "${tokens[0]}" 0.75
    : >"$scratch/this.log"
    ! wants access-sqlite || measure_access access-sqlite 13000
    ! wants status-sqlite || measure_status_sqlite
    stop_this
fi

if wants million; then
    start_service this 'after a million reports' "sqlite:$scratch/million.sqlite"
    get_tokens 20
    measure_million
    stop_this
fi

if wants access-postgres status-postgres; then
    create_databases resi_bench resi_pgbench
    prepare_pgbench
    start_service this 'after all parts on Postgres' "$(database_url resi_bench)"
    get_tokens 20
    ! wants access-postgres || measure_access access-postgres 10000
    ! wants status-postgres || measure_status_postgres
    stop_this
fi

if wants epochs; then
    start_service this 'after epochs of 5 s' "sqlite:$scratch/epochs.sqlite" --epoch-seconds $EPOCH_SECONDS
    get_tokens 1
    measure_epochs
    stop_this
fi

mkdir -p "$target/bench"
{
    echo "# Measured $(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores, $seconds s a part and side, $CONNECTIONS connections"
    echo
    echo '| part | measured | compared with | ratio | p99 | goal | |'
    echo '| --- | ---: | ---: | ---: | ---: | --- | --- |'
    printf '%s\n' "${rows[@]}"
    echo
    [ ${#details[@]} -eq 0 ] || printf '%s\n' "${details[@]}"
} | tee "$target/bench/report.md"
