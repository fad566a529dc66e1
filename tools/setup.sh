# Common parts of the commands in the repository's root. Sourced, never run.
# Every command works from any directory, as any user, on a fresh Debian with the .NET 10 SDK.

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
export SALLYPORT_HOME="$root"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Debian keeps ip, openvpn and tcpdump where only root's PATH looks.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# need_dotnet: the SDK is there, and programs started by their own name find its runtime.
need_dotnet() {
    if ! command -v dotnet >/dev/null && [ -x "$HOME/.dotnet/dotnet" ]; then
        PATH="$HOME/.dotnet:$PATH"
    fi
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing. Install it from https://dotnet.microsoft.com/download/dotnet/10.0 and put dotnet on the PATH."
    if [ -z "${DOTNET_ROOT:-}" ]; then
        DOTNET_ROOT="$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")"
        export DOTNET_ROOT
    fi
}

# has PACKAGE: what we use of it is there, however it came.
has() {
    case "$1" in
        libsqlite3-0) has_library libsqlite3.so.0 ;;
        libssl3) has_library libssl.so.3 ;;
        iproute2) command -v ip >/dev/null ;;
        nftables) command -v nft >/dev/null ;;
        strongswan-swanctl) command -v swanctl >/dev/null ;;
        libcharon-extra-plugins) has_strongswan_plugin kernel-libipsec ;;
        libcharon-extauth-plugins) has_strongswan_plugin eap-mschapv2 ;;
        libstrongswan-extra-plugins) has_strongswan_plugin curve25519 ;;
        libstrongswan-standard-plugins) has_strongswan_plugin gcm ;;
        util-linux) command -v setsid >/dev/null && command -v flock >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

has_strongswan_plugin() { [ -e "/usr/lib/ipsec/plugins/libstrongswan-$1.so" ]; }

has_library() {
    local place
    for place in /lib /usr/lib /lib64 /usr/lib64 /usr/local/lib /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
        [ -e "$place/$1" ] && return 0
    done
    return 1
}

# need PACKAGE...: installs what is missing, and only that; never at the price of something that is there.
need() {
    local missing=() package as=()
    for package in "$@"; do
        has "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || die "missing: ${missing[*]}. Install them with your distribution's package manager."
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as=(sudo)
        else
            die "missing: ${missing[*]}. Run as root:  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
        fi
    fi
    say "installing ${missing[*]} (apt-get)"
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return 0
    # The package lists may be old or absent.
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null || say "apt-get update had errors"
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}" >/dev/null \
        || die "could not install ${missing[*]}. Try:  apt-get update && apt-get install -y ${missing[*]}"
}

# need_strongswan: the IPsec peer. Debian's package starts a daemon for the whole machine, with which ours would share ports 500 and 4500:
# where this installs it, it stays off.
need_strongswan() {
    local fresh=1
    has charon-systemd && fresh=0
    need charon-systemd strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins
    if [ "$fresh" = 1 ] && [ -d /run/systemd/system ]; then
        say "turning off strongswan.service, which came with it"
        if [ "$(id -u)" -eq 0 ]; then
            systemctl disable --now --quiet strongswan.service || say "could not turn it off"
        else
            sudo systemctl disable --now --quiet strongswan.service || say "could not turn it off"
        fi
    fi
}

# need_libreswan: the second IPsec peer. Its package and strongSwan's exclude one another, so it is unpacked below artifacts, with the
# libraries that are missing, and never installed. Without it its tests are skipped.
need_libreswan() {
    local home="$root/artifacts/peers/libreswan" draft package
    [ -x "$home/usr/libexec/ipsec/pluto" ] && return 0
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { say "libreswan: no apt-get here, its tests are skipped"; return 0; }
    say "unpacking libreswan into artifacts/peers (apt-get)"
    mkdir -p "$root/artifacts/peers"
    draft="$(mktemp -d "$root/artifacts/peers/.XXXXXX")"
    if download_libreswan "$draft/archives" || { update_lists && download_libreswan "$draft/archives"; }; then
        for package in "$draft"/archives/*.deb; do
            dpkg -x "$package" "$draft/root"
        done
        rm -rf -- "$home"
        mv -- "$draft/root" "$home"
    else
        say "libreswan could not be downloaded: its tests are skipped"
    fi
    rm -rf -- "$draft"
}

# need_later_strongswan: the first that makes keys of several exchanges (RFC 9370). Where the distribution's is older, the one of Debian 13 is unpacked below artifacts
# with all that it needs, down to the C library, and never installed. Without it its tests are skipped.
need_later_strongswan() {
    local home="$root/artifacts/peers/strongswan" draft package
    [ -x "$home/usr/sbin/charon-systemd" ] && return 0
    case "$(swanctl --version 2>&1 | sed -n 's/^strongSwan \([0-9]*\)\..*/\1/p')" in [1-5]) ;; *) return 0 ;; esac
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { say "a later strongSwan: no apt-get here, its tests are skipped"; return 0; }
    say "unpacking strongSwan of Debian 13 into artifacts/peers (apt-get)"
    mkdir -p "$root/artifacts/peers"
    draft="$(mktemp -d "$root/artifacts/peers/.XXXXXX")"
    if download_later_strongswan "$draft"; then
        mkdir -p "$draft/root"/usr/{bin,sbin,lib,lib64} "$draft/root"/{dev,proc,sys,tmp,run}
        # As every Debian since 12 has it: what a package puts into /lib lands in /usr/lib.
        ln -s usr/bin usr/sbin usr/lib usr/lib64 "$draft/root/"
        for package in "$draft"/cache/archives/*.deb; do
            dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$draft/root"
        done
        rm -rf -- "$home"
        mv -- "$draft/root" "$home"
    else
        say "it could not be downloaded: its tests are skipped"
    fi
    rm -rf -- "$draft"
}

# download_later_strongswan FOLDER: as if nothing were installed, so that nothing of this machine is relied upon; also as any user.
download_later_strongswan() {
    local source
    mkdir -p "$1"/{lists/partial,cache/archives/partial,etc}
    : >"$1/status"
    # From where this machine's own packages come.
    source="$(apt-get indextargets --format '$(REPO_URI)' 'Codename: *' 2>/dev/null | grep -v security | head -1)"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${source:-http://deb.debian.org/debian} trixie main" >"$1/etc/sources.list"
    local options=(-o "Dir::Etc::SourceList=$1/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$1/lists" -o "Dir::State::status=$1/status"
        -o "Dir::Cache=$1/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User= -o APT::Get::List-Cleanup=0)
    apt-get "${options[@]}" update -qq >/dev/null 2>&1 || return 1
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y -qq --download-only --no-install-recommends \
        charon-systemd strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins libc6 >/dev/null 2>&1
}

# download_libreswan FOLDER: the package and what it depends on and is not installed; also as any user.
download_libreswan() {
    mkdir -p "$1/partial"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --download-only --reinstall --no-install-recommends \
        -o Debug::NoLocking=1 -o APT::Sandbox::User= -o "Dir::Cache::archives=$1" libreswan >/dev/null 2>&1
}

update_lists() {
    if [ "$(id -u)" -eq 0 ]; then apt-get update -qq >/dev/null 2>&1; else sudo -n apt-get update -qq >/dev/null 2>&1; fi
}

# build NAME PROJECT...: builds in Release when a source is newer than the last successful build of the same name.
# Directories are compared too, because deleting a file changes only its directory.
build() {
    local name="$1" stamp draft project
    shift
    mkdir -p "$root/artifacts/stamps"
    stamp="$root/artifacts/stamps/$name"
    [ -e "$stamp" ] && is_built "$stamp" && return 0
    (
        flock 9
        # Another command may have built it while this one waited.
        [ -e "$stamp" ] && is_built "$stamp" && exit 0
        say "building $name"
        draft="$(mktemp "$root/artifacts/stamps/.XXXXXX")"
        for project in "$@"; do
            # From the root, where global.json names the SDK.
            if ! (cd -- "$root" && dotnet build "$project" -c Release --nologo --tl:off -v quiet 9>&-) >"$root/artifacts/build.log" 2>&1; then
                cat -- "$root/artifacts/build.log" >&2
                rm -f -- "$draft"
                exit 1
            fi
        done
        mv -- "$draft" "$stamp"
    ) 9>"$root/artifacts/stamps/.lock" || die "the build failed"
}

is_built() {
    local newer
    newer="$(find "$root"/src "$root"/apps "$root"/tests "$root"/tools "$root"/*.props "$root"/*.slnx "$root"/global.json "$root"/.editorconfig "$root"/BannedSymbols.txt \
        \( -name bin -o -name obj -o -name artifacts -o -name corpus \) -prune -o -newer "$1" -print -quit)"
    [ -z "$newer" ]
}

# program NAME: path of a built program.
program() { printf '%s' "$root/artifacts/bin/$1/release/$1"; }
