# SPDX-License-Identifier: MIT
# Sourced by the commands of ci/: where things are, packages, building, Wine.
# shellcheck shell=bash
set -euo pipefail

# Without randomised addresses, where that is allowed: in about one of a thousand processes the
# kernel puts the heap where Wine must have a page of its own, and that process does not start.
if [ -z "${APMSOCK_CI_PERSONALITY:-}" ] && setarch -R true 2>/dev/null; then
    APMSOCK_CI_PERSONALITY=1 exec setarch -R "$0" "$@"
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
jobs=$(nproc)
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
export HOME=${HOME:-$build/home}
cd "$root"
mkdir -p "$build" "$HOME"

say() { printf '== %s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# As the headers say.
library_version() { sed -n 's/^#define APM_VERSION "\(.*\)"$/\1/p' "$root/include/apmsock/library.h"; }

# One command at a time in one checkout: the next one waits. Not in what a command calls. What
# may outlive the command (Wine's services) must not inherit the descriptor: hence each 9>&-.
if [ -z "${APMSOCK_CI:-}" ]; then
    export APMSOCK_CI=1
    exec 9>"$build/lock"
    flock -n 9 || say "waiting for another command of ci/ in this checkout"
    flock -w 1800 9 || die "something holds $build/lock"
fi

# ---- packages ------------------------------------------------------------------------------

packages_build="gcc-mingw-w64-x86-64-win32 cmake ninja-build llvm"
packages_x86="gcc-mingw-w64-i686-win32"
packages_wine="wine wine64"
packages_test="g++-mingw-w64-x86-64-win32 clang libclang-rt-dev lld clang-format clang-tidy libc6-dev
    libcunit1-dev ca-certificates pkgconf python3 unzip"
packages_network="iproute2 mount nftables procps python3 util-linux"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n env DEBIAN_FRONTEND="$DEBIAN_FRONTEND" "$@"
    else
        die "not root and no sudo: cannot run: $*"
    fi
}

# Installs those of the named Debian packages that are missing.
need() {
    local package missing=()
    command -v dpkg-query >/dev/null || die "these commands are for Debian; see README.md for Windows"
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    # One at a time: apt does not wait for another one that updates its lists.
    {
        flock 8
        as_root apt-get -o DPkg::Lock::Timeout=300 -q update 8>&- &&
            as_root apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -q -y --no-install-recommends \
                install "${missing[@]}" 8>&-
    } </dev/null >"$build/apt.log" 2>&1 8>"$build/apt.lock" 9>&- || {
        tail -n 20 "$build/apt.log" >&2
        die "apt could not install ${missing[*]}"
    }
}

# ---- Debian's source packages --------------------------------------------------------------

# The system's list of package sources stays as it is: apt gets one of its own in a folder, with the
# same mirror; `apt_options` make it use that.
own_sources() {
    local cache=$1 mirror release
    rm -rf "$cache"
    mkdir -p "$cache/lists/partial" "$cache/archives/partial"
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        sed -n "s/^$release main //p" | head -n 1)
    [ -n "$mirror" ] || die "apt knows no Debian mirror of $release"
    printf "%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main\n" deb deb-src \
        >"$cache/sources.list"
    apt_options=(-q -o "Dir::Etc::SourceList=$cache/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User=)
}

# What it has fetched stays, without what it needed for that.
forget_sources() { rm -rf "$1/lists" "$1/archives" "$1"/*.bin; }

# fetch_source PACKAGE DIRECTORY: unpacks the original source of a Debian package into
# DIRECTORY/source.
fetch_source() {
    local package=$1 cache=$2
    say "fetching the source of $package"
    own_sources "$cache"
    mkdir -p "$cache/source"
    {
        apt-get "${apt_options[@]}" update &&
            (cd "$cache" && apt-get "${apt_options[@]}" source --download-only "$package") &&
            tar -x -f "$cache/${package}"_*.orig.tar.* -C "$cache/source" &&
            flatten "$cache/source"
    } </dev/null >"$cache.log" 2>&1 || {
        tail -n 20 "$cache.log" >&2
        die "cannot get the source of $package"
    }
    forget_sources "$cache"
}

# What is in a single directory comes up: some archives have one at their top, some have not.
flatten() {
    local inside=("$1"/*)
    [ ${#inside[@]} -eq 1 ] && [ -d "${inside[0]}" ] || return 0
    mv "${inside[0]}" "$1.inside" && rmdir "$1" && mv "$1.inside" "$1"
}

# Debian's libcunit is of no use to a Windows program; its source package is.
fetch_cunit() {
    cunit_source=$build/cunit/source
    [ ! -e "$cunit_source/CUnit/Headers/CUnit.h.in" ] || return 0
    fetch_source cunit "$build/cunit"
    [ -e "$cunit_source/CUnit/Headers/CUnit.h.in" ] || die "the source of CUnit is not what it was"
}

# ---- building ------------------------------------------------------------------------------

# build_targets PLACE "TARGET..." PRESET OPTION...: configures the preset in build/PLACE and builds
# these targets of it. A log is shown only when something failed.
build_targets() {
    local place=$1 targets=$2 preset=$3 log=$build/$1.log
    shift 3
    {
        cmake --preset "$preset" -B "$build/$place" -DAPMSOCK_WERROR=ON "$@" &&
            cmake --build "$build/$place" -j "$jobs" --target $targets
    } >"$log" 2>&1 9>&- || {
        tail -n 60 "$log" >&2
        die "building $place failed; the whole log is $log"
    }
}

# Configures the preset with the arguments, without its tests unless they say otherwise or
# somebody else has already, and builds it.
build_preset() {
    local preset=$1
    shift
    [ $# -gt 0 ] || [ -e "$build/$preset/CMakeCache.txt" ] || set -- -DAPMSOCK_TESTS=OFF
    say "building $preset"
    build_targets "$preset" all "$preset" "$@"
}

# ---- Wine ----------------------------------------------------------------------------------

# The loader itself: Debian's wrapper around it talks on stderr.
find_wine() {
    wine=/usr/lib/wine/wine64
    [ -x "$wine" ] || wine=$(command -v wine64 || command -v wine) || die "no Wine"
    # Without winedbg a crash is a crash: with it one in ten ends with exit code 0.
    export WINEPREFIX=$build/wine WINEDEBUG=fixme-all
    export WINEDLLOVERRIDES="mscoree,mshtml,winedbg.exe,winemenubuilder.exe=d"
    unset DISPLAY WAYLAND_DISPLAY WINEARCH
}

# Ends the server of the project's prefix, and never another one.
wine_down() {
    [ "${WINEPREFIX:-}" = "$build/wine" ] || return 0
    wineserver -k >/dev/null 2>&1 9>&- || true
    wineserver -w >/dev/null 2>&1 9>&- || true
}

# Makes the project's own prefix if there is none, and a server that stays until wine_down at
# the end of the command; a command that another one calls has a server already. The first
# programs start services that inherit their output: give them none to hold.
wine_up() {
    find_wine
    [ -z "${APMSOCK_CI_WINE:-}" ] || return 0
    export APMSOCK_CI_WINE=1
    wine_down
    if [ ! -e "$WINEPREFIX/ready" ]; then
        say "making the Wine prefix"
        rm -rf "$WINEPREFIX"
        {
            timeout 300 "$wine" wineboot -u && timeout 60 "$wine" winecfg -v win10 && timeout 60 wineserver -w
        } </dev/null >"$build/wine.log" 2>&1 9>&- || {
            tail -n 20 "$build/wine.log" >&2
            die "Wine could not make its prefix"
        }
        touch "$WINEPREFIX/ready"
    fi
    {
        wineserver -p1800 && timeout 60 "$wine" cmd /c exit 0
    } </dev/null >/dev/null 2>&1 9>&- || die "Wine does not start"
}
