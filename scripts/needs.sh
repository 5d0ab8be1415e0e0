#!/usr/bin/env bash
# What the tests need beside a Rust toolchain, and how it comes onto a machine:
#
#   scripts/needs.sh [--strict] [--no-install] [PART...]
#
# Installs what the parts need (all parts, where none is named) by the system's package manager, where it may: as root,
# or where sudo asks for no password. Says what is left out otherwise, and by which command it comes; with --strict that
# is a failure. Other scripts source this file and call its functions.

# NEED is what `has` looks for, PARTS are the parts that cannot do without it, the rest are its packages by manager.
# `-` stands for none: it is there anyway, or it does not come as a package.
# NEED    PARTS                     apt-get          dnf                pacman      apk         brew
NEEDS='
cc        tests                     build-essential  gcc                base-devel  build-base  -
python3   tests,postgres,wallets    python3          python3            python      python3     python
postgres  postgres                  postgresql       postgresql-server  postgresql  postgresql  postgresql@17
setpriv   postgres                  util-linux       util-linux         util-linux  setpriv     -
venv      wallets                   python3-venv     python3            python      python3     python
node      proofs                    nodejs           nodejs             nodejs      nodejs      node
npm       proofs                    npm              npm                npm         npm         node
'

# In words.
part_name() {
    case $1 in
        tests) echo "all tests" ;;
        postgres) echo "the tests on PostgreSQL" ;;
        wallets) echo "the wallets of the Python package" ;;
        proofs) echo "the proofs in JavaScript" ;;
        *) return 1 ;;
    esac
}

# The folder that has initdb and postgres: RESI_POSTGRES_BINARIES, or where distributions put them.
find_postgres() {
    local folder
    if [ -n "${RESI_POSTGRES_BINARIES:-}" ]; then
        set -- "$RESI_POSTGRES_BINARIES"
    else
        set -- "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
            /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
            "$(dirname "$(command -v initdb 2>/dev/null || echo /none/initdb)")"
    fi
    for folder in "$@"; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

has() {
    case $1 in
        postgres) find_postgres >/dev/null ;;
        # Postgres does not run as root: there its owner is changed to.
        setpriv) [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null 2>&1 ;;
        venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        node) node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# Sets `missing` to the needs of the parts that are not there, and `packages` to what brings them by `manager`.
look_for() {
    local need parts apt dnf pacman apk brew part package
    missing= packages=
    while read -r need parts apt dnf pacman apk brew; do
        [ -n "$need" ] || continue
        for part in "$@"; do
            [[ ,$parts, == *,$part,* ]] || continue
            has "$need" && break
            missing="$missing $need"
            case $manager in
                apt-get) package=$apt ;;
                dnf) package=$dnf ;;
                pacman) package=$pacman ;;
                apk) package=$apk ;;
                brew) package=$brew ;;
                *) package=- ;;
            esac
            [[ $package == - || " $packages " == *" $package "* ]] || packages="$packages $package"
            break
        done
    done <<<"$NEEDS"
    missing=${missing# } packages=${packages# }
}

# The command that installs `packages`, as root would say it.
installing() {
    case $manager in
        apt-get) echo "apt-get install -y --no-install-recommends $packages" ;;
        dnf) echo "dnf install -y --setopt=install_weak_deps=False $packages" ;;
        pacman) echo "pacman -Sy --noconfirm --needed $packages" ;;
        apk) echo "apk add $packages" ;;
        brew) echo "brew install $packages" ;;
    esac
}

# Whether this user may install, and by what before the command.
may_install() {
    as_root=
    if [ "$manager" = brew ]; then
        # Homebrew installs for its user, and refuses root.
        [ "$(id -u)" -ne 0 ]
    elif [ "$(id -u)" -ne 0 ]; then
        as_root="sudo "
        sudo -n true 2>/dev/null
    fi
}

# Runs a command that has much to say, which is shown only where it fails.
quietly() {
    local log code=0
    log=$(mktemp "${TMPDIR:-/tmp}/resi-needs.XXXXXX")
    "$@" >"$log" 2>&1 </dev/null || code=$?
    [ "$code" -eq 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    return "$code"
}

install_packages() {
    local command
    command=$as_root$(installing)
    echo "installing what the tests need: $command" >&2
    if [ "$manager" = apt-get ]; then
        # Lists that were never got, as in an image, know no package.
        quietly ${as_root:+sudo} apt-get update || true
        command=${command/apt-get/env DEBIAN_FRONTEND=noninteractive apt-get}
    fi
    # shellcheck disable=SC2086 # words, as the table has them
    quietly $command || echo "this failed: $command" >&2
}

# Installs what the named parts need, where it may. Sets `left_out` to the parts that still miss something, `missing` to
# what they miss, and `remedy` to what to do about it.
meet_needs() { # true|false: whether to install, PART...
    local install=$1 part
    shift
    manager=
    for manager in apt-get dnf pacman apk brew none; do
        ! command -v "$manager" >/dev/null 2>&1 || break
    done
    look_for "$@"
    if [ -n "$packages" ] && may_install && $install; then
        install_packages
        look_for "$@"
    fi
    left_out= remedy=
    [ -n "$missing" ] || return 0
    local all=$missing all_packages=$packages
    for part in "$@"; do
        look_for "$part"
        [ -z "$missing" ] || left_out="$left_out $part"
    done
    left_out=${left_out# } missing=$all packages=$all_packages
    if [ -n "$packages" ]; then
        remedy="$as_root$(installing)"
    else
        remedy="install $missing"
    fi
}

# A line that says what is left out, and what brings it.
say_left_out() {
    local part names=
    for part in $left_out; do
        names="$names, $(part_name "$part")"
    done
    echo "left out: ${names#, } (missing: $missing). To run it all: $remedy"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    strict=false install=true
    while [ $# -gt 0 ]; do
        case $1 in
            --strict) strict=true ;;
            --no-install) install=false ;;
            -*) echo "usage: ${0##*/} [--strict] [--no-install] [PART...]" >&2; exit 2 ;;
            *) break ;;
        esac
        shift
    done
    [ $# -gt 0 ] || set -- tests postgres wallets proofs
    for part in "$@"; do
        part_name "$part" >/dev/null || { echo "there is no part $part" >&2; exit 2; }
    done
    meet_needs "$install" "$@"
    [ -n "$left_out" ] || exit 0
    say_left_out >&2
    if $strict || [[ " $left_out " == *" tests "* ]]; then exit 1; fi
fi
