# SPDX-License-Identifier: MIT
"""The network of the tests: two namespaces and a wire between them.

`near` is where the program runs, `far` are all the hosts it talks to. Only `near` exists as the
namespace of a process; `far` lives as long as this process has it open.

    10.77.0.1, fd77::1      near, on the wire
    10.77.0.2, fd77::2      far, on the wire
    10.77.0.200             nobody: no answer to ARP
    10.79.1.x, fd79::1:x    hosts that do not answer
    10.79.2.N, fd79::2:N    the way there ends with an ICMP message: see ICMP and ICMPV6
    10.79.3.x, fd79::3:x    hosts that are alive
    10.79.4.1 .2 .3         routes of `near`: unreachable, prohibit, blackhole
    10.78.0.1, 10.78.0.2    near and far, on a slow wire (relay.py) once there is one
    everything else         no route
"""

import ctypes
import os
import socket
import struct
import subprocess
import threading

from relay import Relay

CLONE_NEWNET = 0x40000000

# By the last part of the address; each on the far side, so that the message comes over the wire.
ICMP = {1: "host-unreachable", 2: "net-unreachable", 3: "admin-prohibited", 4: "port-unreachable",
        5: "host-prohibited", 6: "net-prohibited"}
ICMPV6 = {1: "addr-unreachable", 2: "no-route", 3: "admin-prohibited", 4: "port-unreachable"}

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def open_own():
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """A network namespace; `with` it, the calling thread is inside."""

    def __init__(self, descriptor):
        self.descriptor, self.before = descriptor, threading.local()

    @classmethod
    def new(cls):
        before = open_own()
        check(libc.unshare(CLONE_NEWNET))
        made = cls(open_own())
        check(libc.setns(before, CLONE_NEWNET))
        os.close(before)
        return made

    def __enter__(self):
        self.before.descriptor = open_own()
        check(libc.setns(self.descriptor, CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        check(libc.setns(self.before.descriptor, CLONE_NEWNET))
        os.close(self.before.descriptor)

    def run(self, *command):
        with self:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)

    def script(self, text):
        for line in filter(None, map(str.strip, text.splitlines())):
            self.run("sh", "-c", line)


class Wire:
    def __init__(self, room):
        self.near, self.far, self.room = Namespace(open_own()), Namespace.new(), room
        self.relay = None
        self.build()

    def build(self):
        # A message for each packet, and addresses that can be used before anybody has looked
        # whether they are taken.
        for side in (self.near, self.far):
            side.script("""
                ip link set lo up
                sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
                sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
            """)
        self.far.script("""
            sysctl -q -w net.ipv6.ip_nonlocal_bind=1
            ip route add local 10.79.0.0/16 dev lo
            ip -6 route add local fd79::/64 dev lo
            nft add table inet filter
            nft add chain inet filter input '{ type filter hook input priority 0; }'
            nft add chain inet filter cut '{ type filter hook input priority -1; }'
            nft add rule inet filter input ip daddr 10.79.1.0/24 drop
            nft add rule inet filter input ip6 daddr fd79::1:0/112 drop
        """)
        for number, kind in ICMP.items():
            self.far.run("nft", "add", "rule", "inet", "filter", "input", "ip", "daddr", f"10.79.2.{number}",
                         "reject", "with", "icmp", "type", kind)
        for number, kind in ICMPV6.items():
            self.far.run("nft", "add", "rule", "inet", "filter", "input", "ip6", "daddr", f"fd79::2:{number}",
                         "reject", "with", "icmpv6", "type", kind)
        self.lay()

    def lay(self):
        """Lays the wire; again, whatever a test has taken away of it."""
        self.near.script(f"""
            ip link show wire >&- 2>&- || ip link add wire type veth peer wire netns /proc/{os.getpid()}/fd/{self.far.descriptor}
        """)
        self.far.script("""
            ip address replace 10.77.0.2/24 dev wire
            ip -6 address replace fd77::2/64 dev wire nodad
            ip link set wire up
        """)
        # 0.3 s for a neighbour who does not answer.
        self.near.script("""
            ip address replace 10.77.0.1/24 dev wire
            ip link set wire up
            ip -6 address replace fd77::1/64 dev wire nodad
            sysctl -q -w net.ipv4.neigh.wire.retrans_time_ms=100 net.ipv4.neigh.wire.mcast_solicit=3
            ip route replace 10.79.0.0/16 via 10.77.0.2
            ip -6 route replace fd79::/64 via fd77::2
            ip route replace unreachable 10.79.4.1
            ip route replace prohibit 10.79.4.2
            ip route replace blackhole 10.79.4.3
        """)

    def side_of(self, address):
        return self.near if address.startswith("127.") or address == "::1" else self.far

    def listen(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.side_of(address):
            listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(16)
        return listener

    def slow_down(self, delay, loss):
        """The slow wire: `delay` in seconds each way, `loss` as a part of 1."""
        if self.relay:
            self.relay.delay, self.relay.loss = delay, loss
            return
        self.relay = Relay(self.near, self.far, delay, loss)
        for side, own, other in ((self.near, "10.78.0.1", "10.78.0.2"), (self.far, "10.78.0.2", "10.78.0.1")):
            side.run("ip", "address", "add", own, "peer", other, "dev", "slow")
            side.run("ip", "link", "set", "slow", "up")


def reset(connection):
    """Closes it with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
