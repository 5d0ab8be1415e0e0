# Sourced by bench.sh: another build of the service in turn with this one, in pairs of slices, of which every other one
# begins with the other build. What a pair has in common, such as the state of the machine, is not in its ratio.

turn_to() { # SIDE: fills `side`, `base` and `tokens`
    side=$1 base=${bases[$1]:-}
    tokens=()
    [ ! -e "$scratch/tokens-$1" ] || mapfile -t tokens <"$scratch/tokens-$1"
}

start_both() { # NAME DATABASE_URL DATABASE_URL [FLAG VALUE...]
    start_service this "$1" "$2" "${@:4}"
    start_service against "$1" "$3" "${@:4}"
    for side in this against; do
        base=${bases[$side]}
        get_tokens 20
        printf '%s\n' "${tokens[@]}" >"$scratch/tokens-$side"
    done
}

stop_both() {
    local memory=()
    for side in this against; do
        stop_service "$side"
        memory+=("$(compute '%.1f MB' "$resident / 1024") (peak $(compute '%.1f' "$peak / 1024"))")
    done
    details+=("Memory $service_name: ${memory[0]}, against ${memory[1]}." '')
}

# The median of values, and the bounds of a 90 % interval for it that supposes nothing about how they are spread: the outermost
# values are left out at both ends as long as the sign test would accept a median beyond them with 5 % at most. Of 20
# values these are the 6th and the 15th, which hold it in 95.9 % of cases; one further in, it would be 88.5 %.
median_and_interval() { # VALUE...
    printf '%s\n' "$@" | sort -g | awk '
        { value[NR] = $1 }
        END {
            ways = 1
            for (heads = 0; heads < NR; heads++) {
                chance += ways * 0.5 ^ NR
                if (chance > 0.05) break
                rank = heads + 1
                ways *= (NR - heads) / (heads + 1)
            }
            if (!rank) { print "too few values for an interval" > "/dev/stderr"; exit 1 }
            printf "%.3f %.3f %.3f\n", (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2, value[rank], value[NR + 1 - rank]
        }'
}

below=()
compare() { # PART UNIT more|less RUN...: `RUN SLICE` fills `figure` and `faults`, for the side whose turn it is
    local part=$1 unit=$2 better=$3 run=("${@:4}") slice turn ratios=() of_this=() of_against=() ratio low high
    local -A last=() wrong=()
    for ((slice = 0; slice < slices; slice++)); do
        turn=(this against)
        ((slice % 2 == 0)) || turn=(against this)
        for side in "${turn[@]}"; do
            turn_to "$side"
            figure='' faults=''
            "${run[@]}" "$slice"
            last[$side]=$figure
            wrong[$side]=${faults:-${wrong[$side]:-}}
        done
        of_this+=("${last[this]}") of_against+=("${last[against]}")
        case $better in
            more) ratios+=("$(compute '%.5f' "${last[this]} / ${last[against]}")") ;;
            less) ratios+=("$(compute '%.5f' "${last[against]} / ${last[this]}")") ;;
        esac
    done
    read -r ratio low high < <(median_and_interval "${ratios[@]}")
    rows+=("| $part | $(compute "$unit" "$(median "${of_this[@]}")") | $(compute "$unit" "$(median "${of_against[@]}")") | $ratio | $low to $high |")
    echo "bench: ${rows[-1]}" >&2
    awk "BEGIN { exit !($high < 0.97) }" && below+=("$part")
    for side in this against; do
        [ -z "${wrong[$side]}" ] || details+=("**$part, $side: ${wrong[$side]}.**" '')
    done
}

run_start() {
    serve "$side" "sqlite:$scratch/start-$side.sqlite"
    figure=$(timeout --kill-after 5 60 "$load" start --port "$port" -- "${command[@]}") || fail "the service did not start ($side)"
}

run_read() { # PATH ENCODING public|proven SLICE
    local token=-
    [ "$3" = public ] || token=${tokens[0]}
    run_wrk "$slice_seconds" get "$base$1" "$2" "$token"
    figure=$per_second
}

run_access() { # SLICE: both sides of a pair get the same bodies
    if [ ! -e "$scratch/bodies-$1" ]; then
        rm -f "$scratch"/bodies-*
        "$load" bodies --count $((slice_seconds * BODIES_PER_SECOND)) --hotkeys 200 --out "$scratch/bodies-$1"
    fi
    run_wrk "$slice_seconds" access "$base/get-validator-access" "$scratch/bodies-$1" $THREADS
    figure=$per_second
}

run_reports() { # SLICE
    run_wrk "$slice_seconds" status "$base/api/v1/assignment-status" "pair-$1" "${tokens[@]}"
    figure=$per_second
}

# Long enough for one first second of an epoch as a whole.
run_epochs() {
    local long=$((slice_seconds > EPOCH_SECONDS ? slice_seconds : EPOCH_SECONDS + 1))
    timeout --kill-after 5 $((long + 30)) "$load" epochs --port "${ports[$side]}" --path "$blocks" \
        --header 'Accept-Encoding: gzip' --header "Authorization: Bearer ${tokens[0]}" --epoch-seconds $EPOCH_SECONDS \
        --seconds "$long" --connections $CONNECTIONS >"$scratch/epochs" || fail "epochs: no answer ($side)"
    figure=$(awk '$1 == "first_second" { print $4 / 1000 }' "$scratch/epochs")
    [ -n "$figure" ] || fail "epochs: no figure ($side)"
    faults=$(awk '$1 == "failures" && $2 > 0 { print $2 " bad answers" }' "$scratch/epochs")
}

# ---------------------------------------------------------------------------------------------------------------------

blocks='/api/v1/validator-data?sources=ZILLOW_SOLD&block_size=20'
echo "bench: $service against $against, $slices pairs of slices of $slice_seconds s for each part" >&2

if wants start; then
    for side in this against; do
        start_service "$side" start "sqlite:$scratch/start-$side.sqlite"
        stop_service "$side"
    done
    compare start '%.0f ms' less run_start
fi

if wants health statistics blocks blocks-gzip access-sqlite status-sqlite; then
    start_both 'after all parts on SQLite' "sqlite:$scratch/this.sqlite" "sqlite:$scratch/against.sqlite"
    ! wants health || compare health '%.0f/s' more run_read /health identity public
    ! wants statistics || compare statistics '%.0f/s' more run_read /api/v1/statistics identity public
    ! wants blocks || compare blocks '%.0f/s' more run_read "$blocks" identity proven
    ! wants blocks-gzip || compare blocks-gzip '%.0f/s' more run_read "$blocks" gzip proven
    ! wants access-sqlite || compare access-sqlite '%.0f/s' more run_access
    ! wants status-sqlite || compare status-sqlite '%.0f/s' more run_reports
    stop_both
fi

if wants million; then
    start_both 'after a million reports' "sqlite:$scratch/million-this.sqlite" "sqlite:$scratch/million-against.sqlite"
    for side in this against; do
        turn_to "$side"
        fill_million "$side"
    done
    compare 'health after a million reports' '%.0f/s' more run_read /health identity public
    compare 'statistics after a million reports' '%.0f/s' more run_read /api/v1/statistics identity public
    stop_both
fi

if wants access-postgres status-postgres; then
    create_databases resi_bench_this resi_bench_against
    start_both 'after all parts on Postgres' "$(database_url resi_bench_this)" "$(database_url resi_bench_against)"
    ! wants access-postgres || compare access-postgres '%.0f/s' more run_access
    ! wants status-postgres || compare status-postgres '%.0f/s' more run_reports
    stop_both
fi

if wants epochs; then
    start_both 'after epochs of 5 s' "sqlite:$scratch/epochs-this.sqlite" "sqlite:$scratch/epochs-against.sqlite" \
        --epoch-seconds $EPOCH_SECONDS
    compare 'epochs, p99 of the first second' '%.2f ms' less run_epochs
    stop_both
fi

mkdir -p "$target/bench"
{
    echo "# This build against another, $(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores, $slices pairs of slices of $slice_seconds s, $CONNECTIONS connections"
    echo
    echo "This: $("$service" --version) of $(git describe --always --dirty 2>/dev/null || echo 'no commit'). Against: $("$against" --version), $against."
    echo
    echo '| part | this | against | ratio | 90 % interval |'
    echo '| --- | ---: | ---: | ---: | ---: |'
    printf '%s\n' "${rows[@]}"
    echo
    [ ${#details[@]} -eq 0 ] || printf '%s\n' "${details[@]}"
    if [ ${#below[@]} -eq 0 ]; then
        echo 'The upper end of the interval reaches 0.97 for every part.'
    else
        printf 'The upper end of the interval does not reach 0.97 for: %s.\n' "$(printf '%s; ' "${below[@]}" | sed 's/; $//')"
    fi
} | tee "$target/bench/against.md"
