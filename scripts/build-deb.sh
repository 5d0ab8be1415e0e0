#!/usr/bin/env bash
# Builds the Debian packages resi-data-api and resi-validator into target/debian, and looks at what is in them:
#
#   scripts/build-deb.sh [--profile PROFILE]
#
# Needs dpkg-deb, and cargo-deb, which is installed from crates.io where it is missing. What lintian says is shown where
# it is installed. With `--profile dev` the build takes a fraction of the time, for trying out.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=release
case ${1:-} in
    '') ;;
    --profile) profile=${2:?--profile takes a name} ;;
    *) echo "usage: ${0##*/} [--profile PROFILE]" >&2; exit 2 ;;
esac
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing: packages for Debian are built on Debian" >&2; exit 2; }
command -v cargo-deb >/dev/null || cargo install cargo-deb --locked --version '^3'

export SQLX_OFFLINE=true
target=${CARGO_TARGET_DIR:-target}
folder=$profile
[ "$profile" != dev ] || folder=debug
cargo build --locked --profile "$profile" --package resi-data-api --package resi-validator --bins

# What the packages have that the binaries say themselves: man/*, bash, zsh, fish, resi.toml.
# The packages name this folder, wherever the binaries are built.
rm -rf target/deb
# The first revision of what is packaged.
version=$("$target/$folder/resi-data-api" --version | cut -d' ' -f2)-1
maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
date=$(git log -1 --format=%cD 2>/dev/null || date -R)
for name in resi-data-api resi-validator; do
    made=target/deb/$name binary=$target/$folder/$name
    mkdir -p "$made/man"
    "$binary" man "$made/man"
    for shell in bash zsh fish; do "$binary" completions "$shell" >"$made/$shell"; done
    # Debian's form of a changelog: what changed is in CHANGELOG.md.
    printf '%s (%s) unstable; urgency=medium\n\n  * See docs/CHANGELOG.md.\n\n -- %s  %s\n' "$name" "$version" "$maintainer" "$date" \
        >"$made/changelog"
done
"$target/$folder/resi-data-api" config init target/deb/resi.toml >/dev/null
# The unit says the same: this is for commands by hand.
sed -i 's|^#data_dir = .*|data_dir = "/var/lib/resi"|' target/deb/resi.toml

problems=0
complain() { echo "$*" >&2; problems=$((problems + 1)); }

# Looks at a package, unpacked: what must be in it, with its mode, and nothing that anybody may write.
inspect() { # PACKAGE FILE...
    local package=$1 content mode name path
    shift
    content=$(dpkg-deb --contents "$package")
    while read -r mode path; do
        grep -Eq "^$mode (root/root|0/0) +[0-9]+ .* \./$path\$" <<<"$content" || complain "$package has no $path of mode $mode"
    done
    while read -r mode _ _ _ _ path; do
        [[ $mode != ?????w* && $mode != ????????w* ]] || complain "$package: $path may be written by others"
    done <<<"$content"
    unpacked=$scratch/$(basename "$package")
    dpkg-deb --raw-extract "$package" "$unpacked"
    for name in Depends Maintainer Description; do
        [ -n "$(dpkg-deb --field "$package" "$name")" ] || complain "$package has no $name"
    done
    grep -q 'libc6 (>= ' <<<"$(dpkg-deb --field "$package" Depends)" || complain "$package does not say which libc it needs"
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/resi-deb.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
packages=()
for name in resi-data-api resi-validator; do
    # A build that is not the release's is for a look only, and not well compressed.
    fast=()
    [ "$profile" = release ] || fast=(--fast)
    packages+=("$(cargo deb --quiet --no-build --locked --profile "$profile" --package "$name" "${fast[@]}" | tail -n 1)")
done

inspect "${packages[0]}" <<'FILES'
-rwxr-xr-x usr/bin/resi-data-api
-rw-r----- etc/resi/resi.toml
-rw-r--r-- usr/lib/sysusers.d/resi-data-api.conf
-rw-r--r-- usr/lib/systemd/system/resi-data-api.service
-rw-r--r-- usr/share/man/man1/resi-data-api.1.gz
-rw-r--r-- usr/share/man/man1/resi-data-api-config-init.1.gz
-rw-r--r-- usr/share/bash-completion/completions/resi-data-api
-rw-r--r-- usr/share/zsh/vendor-completions/_resi-data-api
-rw-r--r-- usr/share/fish/vendor_completions.d/resi-data-api.fish
-rw-r--r-- usr/share/doc/resi-data-api/copyright
FILES
grep -qx /etc/resi/resi.toml "$unpacked/DEBIAN/conffiles" || complain "resi.toml would be replaced by an upgrade"
for word in deb-systemd-helper deb-systemd-invoke; do
    grep -q "$word" "$unpacked/DEBIAN/postinst" || complain "postinst does not call $word"
done
! grep -Eq 'deb-systemd-invoke .*\bstart\b' "$unpacked/DEBIAN/postinst" || complain "postinst starts what was not looked at"
grep -q 'systemd-sysusers .* resi-data-api.conf' "$unpacked/DEBIAN/postinst" || complain "postinst makes no user"
for script in "$unpacked"/DEBIAN/{pre,post}{inst,rm}; do
    [ ! -e "$script" ] || sh -n "$script" || complain "$script is no script"
done
"$unpacked/usr/bin/resi-data-api" config check --config "$unpacked/etc/resi/resi.toml" >"$scratch/in-force" ||
    complain "the settings file is not understood"
grep -Eq '^data_dir +/var/lib/resi$' "$scratch/in-force" || complain "the settings file does not say where data is"
if command -v systemd-analyze >/dev/null; then
    # The unit names the binary where it will be.
    sed "s|^ExecStart=/usr|ExecStart=$unpacked/usr|" "$unpacked/usr/lib/systemd/system/resi-data-api.service" \
        >"$scratch/resi-data-api.service"
    systemd-analyze verify --man=no "$scratch/resi-data-api.service" || complain "systemd does not take the unit"
fi

inspect "${packages[1]}" <<'FILES'
-rwxr-xr-x usr/bin/resi-validator
-rw-r--r-- usr/share/man/man1/resi-validator.1.gz
-rw-r--r-- usr/share/man/man1/resi-validator-verify.1.gz
-rw-r--r-- usr/share/bash-completion/completions/resi-validator
-rw-r--r-- usr/share/zsh/vendor-completions/_resi-validator
-rw-r--r-- usr/share/fish/vendor_completions.d/resi-validator.fish
-rw-r--r-- usr/share/doc/resi-validator/copyright
FILES
"$unpacked/usr/bin/resi-validator" --version >/dev/null || complain "resi-validator does not run"

if command -v lintian >/dev/null; then
    lintian --fail-on error "${packages[@]}" || complain "lintian found errors"
fi
[ "$problems" -eq 0 ] || exit 1
printf '%s\n' "${packages[@]}"
