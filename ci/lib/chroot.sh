# SPDX-License-Identifier: MIT
# Sourced by ci/matrix: Debian systems of its own below build/matrix, with Wine for programs
# of 32 and of 64 bits, so that this system stays as it is.
# shellcheck shell=bash

packages_chroot="debootstrap debian-archive-keyring util-linux"
# What is installed in each of them. Python is for the tests of the demo and of networks that break.
packages_inside="wine wine64 cmake python3 ca-certificates iproute2 mount nftables procps util-linux"
# A 32-bit program needs a 32-bit Linux below it.
packages_inside_32="wine32:i386"

# The directory of a system, such as bookworm.
system_directory() { printf '%s\n' "$build/matrix/$1"; }

# The mirror that this system has, or Debian's own.
debian_mirror() {
    local mirror
    mirror=$(apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        'Label: Debian' 2>/dev/null | sed -n 's/^main //p' | head -n 1)
    printf '%s\n' "${mirror:-http://deb.debian.org/debian/}"
}

# enter SYSTEM COMMAND...: as root in the system, where this checkout has the same path. The mounts and
# the processes are in namespaces of their own, and end with the command, or with this script.
enter() {
    local directory status=0 sudo=()
    directory=$(system_directory "$1")
    shift
    [ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
    # Not by as_root: a function in the background would be one more process, which outlives this one.
    "${sudo[@]}" setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
        bash -c '
            set -eu
            system=$1 checkout=$2
            shift 2
            # A root that is a mount, so that namespaces of mounts can be made in there.
            mount --bind "$system" "$system"
            mount -t proc proc "$system/proc"
            mount --rbind /dev "$system/dev"
            mount -t tmpfs tmpfs "$system/tmp"
            # After /tmp, in which it may be.
            mkdir -p "$system$checkout"
            mount --bind "$checkout" "$system$checkout"
            cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
            # Not in the place of this shell: it is what the orphans of Wine are given to.
            chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
                DEBIAN_FRONTEND=noninteractive "$@"' enter "$directory" "$root" "$@" </dev/null 9>&- &
    entered=$!
    wait "$entered" || status=$?
    entered=
    return "$status"
}

# For the end of the script: what enter has started, if anything, ends.
leave() {
    [ -z "${entered:-}" ] || kill "$entered" 2>/dev/null || true
}

# make_system SYSTEM: unless it is there, complete.
make_system() {
    local system=$1 directory log=$build/matrix/$1.log
    directory=$(system_directory "$system")
    [ "$(cat "$directory/ready" 2>/dev/null)" != "$packages_inside" ] || return 0
    say "making a Debian $system in $directory: some minutes"
    as_root rm -rf --one-file-system "$directory"
    {
        as_root debootstrap --variant=minbase "$system" "$directory" "$(debian_mirror)" &&
            # What apt is told here about time and proxies holds there, too.
            apt-config dump --format '%F "%v";%n' | { grep -E '^Acquire::(Check|https?::Proxy)' || true; } |
            as_root tee "$directory/etc/apt/apt.conf.d/90matrix" >/dev/null &&
            enter "$system" apt-get -q update &&
            enter "$system" apt-get -q -y --no-install-recommends install $packages_inside &&
            enter "$system" apt-get clean &&
            enter "$system" "$root/ci/lib/cell.sh" prefix 64 &&
            as_root tee "$directory/ready" <<<"$packages_inside"
    } </dev/null >"$log" 2>&1 9>&- || {
        tail -n 20 "$log" >&2
        say "cannot make a Debian $system; the whole log is $log"
        return 1
    }
}

# make_system_32 SYSTEM: gives it what 32-bit programs need. Not every mirror has this half of every
# Debian in order.
make_system_32() {
    local system=$1 directory log=$build/matrix/$1-32.log
    directory=$(system_directory "$system")
    # The newest Wine loads both sizes by itself, and the prefix shows it.
    [ ! -e "$directory/ready-32" ] && [ ! -e "$directory/wine/drive_c/windows/syswow64/kernel32.dll" ] || return 0
    say "adding Wine for 32-bit programs to $system"
    {
        enter "$system" dpkg --add-architecture i386 &&
            enter "$system" apt-get -q -o APT::Update::Error-Mode=any update &&
            enter "$system" apt-get -q -y --no-install-recommends install $packages_inside_32 &&
            enter "$system" apt-get clean &&
            enter "$system" "$root/ci/lib/cell.sh" prefix 32 &&
            as_root touch "$directory/ready-32"
    } </dev/null >"$log" 2>&1 9>&- || {
        grep -E '^[EW]: ' "$log" >&2 || tail -n 20 "$log" >&2
        say "there is no Wine for 32-bit programs in $system; the whole log is $log"
        enter "$system" dpkg --remove-architecture i386 >/dev/null 2>&1 || true
        return 1
    }
}
