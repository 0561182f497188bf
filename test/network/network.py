#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the network test program in a network of its own, where the network can be broken.

    network.py --exe network_test_dll.exe --wine wine --room build/x64/test/network SUITE...
    network.py --room DIRECTORY     # only looks whether it can

The program runs in namespaces of its own for processes, mounts and the network: as root, or as
anybody where user namespaces are allowed. Whatever happens, all of it ends with the first
process in there: no process, mount or device is left. Exit code 77: they are not to be had here,
and the reason is printed. `--room` is an empty directory to mount memory on.

Wine makes its sockets in its server. So the server is one of the program's own, in there, with a
copy of the registry of the caller's WINEPREFIX and with its drive C.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from hand import Hand  # noqa: E402
from names import Names  # noqa: E402
from relay import DEVICE  # noqa: E402
from wire import Wire  # noqa: E402

SKIPPED = 77
SPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
# Suites with a slow wire, whose device only root has on some systems.
SLOW = {"relay", "slow_parallel"}
# What the tests need of the kernel: where one of these fails they cannot run.
PROBE = """set -e
ip link set lo up
ip link add probe0 type veth peer name probe1
sysctl -q -w net.ipv4.tcp_syn_retries=1
nft add table inet probe
nft add chain inet probe input '{ type filter hook input priority 0; }'
nft add rule inet probe input ip daddr 127.0.0.9 reject with icmp type host-unreachable
mount -t tmpfs none "$1"
mount --bind "$1" "$1"
"""


def find_spaces(room):
    """The command that makes the namespaces, or ends here and says why there are none."""
    reasons = []
    for command in (["unshare", *SPACES], ["unshare", "--user", "--map-root-user", *SPACES]):
        try:
            outcome = subprocess.run([*command, "sh", "-c", PROBE, "sh", room], stdin=subprocess.DEVNULL,
                                     capture_output=True, text=True, timeout=60)
        except OSError as error:
            reasons.append(str(error))
            continue
        if outcome.returncode == 0:
            return command
        reasons.append(outcome.stderr.strip().splitlines()[-1] if outcome.stderr else f"code {outcome.returncode}")
    print("skipped: no namespaces with a network to break: " + "; ".join(reasons), flush=True)
    sys.exit(SKIPPED)


def make_prefix(source, target):
    """What a prefix needs besides drive C, which is shared: nobody writes to it."""
    if not os.path.isdir(os.path.join(source, "drive_c")):
        sys.exit(f"FAILED: there is no Wine prefix {source!r}; run `wine wineboot -u` once")
    os.makedirs(os.path.join(target, "dosdevices"))
    os.symlink(os.path.join(source, "drive_c"), os.path.join(target, "drive_c"))
    os.symlink("../drive_c", os.path.join(target, "dosdevices", "c:"))
    os.symlink("/", os.path.join(target, "dosdevices", "z:"))
    for name in ("system.reg", "user.reg", "userdef.reg", ".update-timestamp"):
        shutil.copyfile(os.path.join(source, name), os.path.join(target, name))


def mount_memory(path):
    subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)


def start_wine(wine, source, room):
    """A server of our own; what it starts must hold no output of ours."""
    prefix = os.path.join(room, "prefix")
    make_prefix(source, prefix)
    os.environ.update(WINEPREFIX=prefix, HOME=room)
    os.environ.pop("TMPDIR", None)  # Debian's server of Wine 10 does not start with it
    for shared in ("/run/user", f"/tmp/.wine-{os.getuid()}"):  # where servers have their sockets
        if os.path.isdir(shared):
            mount_memory(shared)
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["wineserver", "-p600"], **quiet, check=True)
    subprocess.run([*wine, "cmd", "/c", "exit", "0"], **quiet, check=True, timeout=120)


def run_inside(options, wine):
    room = options.room
    if SLOW.intersection(options.suites) and not os.access(DEVICE, os.R_OK | os.W_OK):
        print(f"skipped: {DEVICE} is not to be had here", flush=True)
        return SKIPPED
    mount_memory(room)
    source = os.environ.get("WINEPREFIX") or os.path.expanduser("~/.wine")
    wire = Wire(room)
    with Names(room) as names, Hand(wire, names) as hand:
        start_wine(wine, source, room)
        os.environ["APMTEST_HAND"] = str(hand.port)
        code = subprocess.run([*wine, options.exe, *options.suites], stdin=subprocess.DEVNULL, cwd=room).returncode
        for line in hand.failures:
            print("FAILED: " + line, flush=True)
    subprocess.run(["wineserver", "-k"], stderr=subprocess.DEVNULL)
    # The end of this process ends all others in here.
    return 1 if code == 0 and hand.failures else code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exe", help="the program")
    parser.add_argument("--wine", default="wine", help="the emulator's command")
    parser.add_argument("--room", required=True, help="an empty directory")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    options = parser.parse_args()
    options.room = os.path.abspath(options.room)
    if options.exe:
        options.exe = os.path.abspath(options.exe)
        if not os.path.isfile(options.exe):
            sys.exit(f"FAILED: there is no program {options.exe!r} to test")
    if options.inside:
        sys.exit(run_inside(options, shlex.split(options.wine)))
    os.makedirs(options.room, exist_ok=True)
    spaces = find_spaces(options.room)
    if not options.exe:
        return
    arguments = ["--exe", options.exe, "--wine", options.wine, "--room", options.room, "--inside", *options.suites]
    os.execvp(spaces[0], [*spaces, sys.executable, os.path.abspath(__file__), *arguments])


if __name__ == "__main__":
    main()
