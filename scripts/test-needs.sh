#!/usr/bin/env bash
# Checks what needs.sh installs, asks for and leaves out, and how test.sh counts, on made-up machines: a PATH that has
# little but stubs. Ends with 'N passed, N failed'.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-machines.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

stub() { # NAME TEXT
    printf '#!%s\n%s\n' "$bash" "$2" >"$machine/bin/$1"
    chmod +x "$machine/bin/$1"
}

# What a package brings.
bring='
for package in "$@"; do
    case $package in
        build-essential | gcc | base-devel | build-base) tools=cc ;;
        python3 | python) tools=python3 ;;
        python3-venv) tools=venv ;;
        postgresql*) tools="initdb postgres" ;;
        nodejs | node) tools=node ;;
        npm) tools=npm ;;
        *) tools= ;;
    esac
    for tool in $tools; do cp "$machine/there" "$machine/bin/$tool"; done
done'

# A machine that has these tools, of a user of this number.
a_machine() { # UID TOOL...
    machine=$scratch/$((++machines)) user=$1
    mkdir -p "$machine/bin" "$machine/scripts"
    for tool in awk bash cat cp dirname env mktemp rm tail tee; do
        ln -s "$(command -v "$tool")" "$machine/bin/$tool"
    done
    bash=$machine/bin/bash
    stub true 'exit 0'
    stub there 'exit 0' && mv "$machine/bin/there" "$machine/there"
    stub id "echo $user"
    # Its standard library is a package of its own on some systems.
    stub python3 "[ -e '$machine/bin/venv' ]" && mv "$machine/bin/python3" "$machine/python3"
    shift
    for tool in "$@"; do
        case $tool in
            python3) cp "$machine/python3" "$machine/bin/python3" ;;
            sudo) stub sudo '[ "$1" != -n ] || shift; exec "$@"' ;;
            sudo-that-asks) stub sudo 'exit 1' ;;
            apt-get | dnf | pacman | apk | brew) stub "$tool" "
machine='$machine'
echo \"$tool \$*\" >>'$machine/asked'
[ ! -e '$machine/broken' ] || [ "\$1" = update ] || { echo 'no such package'; exit 100; }
$bring" ;;
            *) cp "$machine/there" "$machine/bin/$tool" ;;
        esac
    done
}
machines=0

on_it() { # COMMAND...: what it says is in `words`, how it ends in `code`
    code=0
    words=$(PATH=$machine/bin RESI_POSTGRES_BINARIES=$machine/bin "$@" 2>&1 </dev/null) || code=$?
    asked=$(cat "$machine/asked" 2>/dev/null || true)
}

check() { # WHAT WAS EXPECTED
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok   $1"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n--- expected\n%s\n--- was\n%s\n' "$1" "$3" "$2"
    fi
}

all=(cc python3 venv initdb postgres setpriv node npm)
apt='apt-get install -y --no-install-recommends'

a_machine 0 apt-get "${all[@]}"
on_it scripts/needs.sh --strict
check "where nothing is missing, nothing is asked for" "$code:$words:$asked" "0::"

a_machine 0 apt-get setpriv
on_it scripts/needs.sh --strict
check "root on Debian gets it all" "$code:$asked" "0:apt-get update
$apt build-essential python3 postgresql python3-venv nodejs npm"
check "and is told so" "$words" \
    "installing what the tests need: $apt build-essential python3 postgresql python3-venv nodejs npm"

a_machine 1000 apt-get sudo cc python3 venv node npm
on_it scripts/needs.sh --strict
check "whom sudo asks for nothing, too" "$code:$asked" "0:apt-get update
$apt postgresql"

for manager in dnf pacman apk; do
    a_machine 0 $manager cc python3 venv setpriv node npm
    on_it scripts/needs.sh --strict
    case $manager in
        dnf) expected='dnf install -y --setopt=install_weak_deps=False postgresql-server' ;;
        pacman) expected='pacman -Sy --noconfirm --needed postgresql' ;;
        apk) expected='apk add postgresql' ;;
    esac
    check "root by $manager" "$code:$asked" "0:$expected"
done
a_machine 501 brew cc python3 venv node npm
on_it scripts/needs.sh --strict
check "a user of Homebrew" "$code:$asked" "0:brew install postgresql@17"

for tools in "apt-get" "apt-get sudo-that-asks"; do
    # shellcheck disable=SC2086 # words
    a_machine 1000 $tools cc python3 node npm
    on_it scripts/needs.sh
    check "who may not install is told the command ($tools)" "$code:$asked:$words" \
        "0::left out: the tests on PostgreSQL, the wallets of the Python package (missing: postgres venv). To run it all: sudo $apt postgresql python3-venv"
    on_it scripts/needs.sh --strict
    check "and strictly that is a failure ($tools)" "$code" 1
done

a_machine 0 apt-get cc python3 venv setpriv node npm
on_it scripts/needs.sh --no-install
check "nothing is installed that shall not be" "$code:$asked:$words" \
    "0::left out: the tests on PostgreSQL (missing: postgres). To run it all: $apt postgresql"

a_machine 0 apt-get cc python3 venv setpriv node npm
touch "$machine/broken"
on_it scripts/needs.sh
check "what cannot be installed is left out" "$code:$words" "0:installing what the tests need: $apt postgresql
no such package
this failed: env DEBIAN_FRONTEND=noninteractive $apt postgresql
left out: the tests on PostgreSQL (missing: postgres). To run it all: $apt postgresql"

a_machine 0 cc python3 venv setpriv node npm
on_it scripts/needs.sh
check "where no package manager is known, the needs are named" "$code:$words" \
    "0:left out: the tests on PostgreSQL (missing: postgres). To run it all: install postgres"

a_machine 1000 apt-get python3 venv node npm initdb postgres
on_it scripts/needs.sh
check "without a compiler there are no tests" "$code:${words%%.*}" "1:left out: all tests (missing: cc)"

a_machine 1000 apt-get
on_it scripts/needs.sh postgres
check "only what a part needs is asked for" "${words##*: }" "sudo $apt python3 postgresql"
on_it scripts/needs.sh postgras
check "a part that is none is named" "$code:$words" "2:there is no part postgras"

# test.sh itself, in a tree where all that it runs is a stub.
a_tree() {
    cp scripts/test.sh scripts/needs.sh "$machine/scripts/"
    stub cargo "echo \"cargo \$*\" >>'$machine/asked'
echo 'test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s'
echo 'test result: ok. 20 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.10s'
[ ! -e '$machine/failing' ] || { echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s'; exit 101; }"
    for script in with-postgres test-needs test-wallets test-proofs; do
        case $script in
            with-postgres) stub script 'exec "$@"' ;;
            *) stub script "echo $script; echo '3 passed, 0 failed'" ;;
        esac
        mv "$machine/bin/script" "$machine/scripts/$script.sh"
    done
}
cargo='cargo test --workspace --all-features --locked'

a_machine 0 apt-get "${all[@]}"
a_tree
on_it "$machine/scripts/test.sh" --strict
check "all is run, and the last line counts it" "$code:$asked:${words##*$'\n'}" "0:$cargo:36 passed, 0 failed, 6 skipped"
on_it "$machine/scripts/test.sh" -p resi-protocol
check "arguments are cargo's, and then nothing else is run" "$code:${asked##*$'\n'}:${words##*$'\n'}" \
    "0:$cargo -p resi-protocol:27 passed, 0 failed, 6 skipped"
touch "$machine/failing"
on_it "$machine/scripts/test.sh"
check "what fails is counted and ends it" "$code:${words##*$'\n'}" "101:28 passed, 2 failed, 6 skipped"

a_machine 1000 apt-get cc python3
a_tree
on_it "$machine/scripts/test.sh"
check "without PostgreSQL its tests are left out" "$code:$asked" "0:$cargo -- --skip on_postgres"
check "and named, with the command, and counted" "${words#*$'\n3 passed, 0 failed\n'}" \
    "left out: the tests on PostgreSQL, the wallets of the Python package, the proofs in JavaScript (missing: postgres venv node npm). To run it all: sudo $apt postgresql python3-venv nodejs npm
30 passed, 0 failed, 8 skipped"
on_it "$machine/scripts/test.sh" some_name -- --nocapture
check "beside arguments of the tests' own" "${asked##*$'\n'}" "$cargo some_name -- --nocapture --skip on_postgres"
on_it "$machine/scripts/test.sh" --strict
check "strictly nothing is run then" "$code:${words%% (*}" \
    "1:left out: the tests on PostgreSQL, the wallets of the Python package, the proofs in JavaScript"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
