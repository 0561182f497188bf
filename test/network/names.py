# SPDX-License-Identifier: MIT
"""Names of the tests' own: /etc/hosts, the resolver's settings, and a small name server."""

import os
import socket
import struct
import subprocess
import threading

SERVER = "127.0.0.53"
A, AAAA = 1, 28
NO_ERROR, SERVER_FAILED, NO_SUCH_NAME, REFUSED = 0, 2, 3, 5

HOSTS = """127.0.0.1 localhost
::1 localhost
10.79.2.9 hosted.test
10.79.3.1 hosted.test
"""

# Each name's addresses in the order they are told in. A resolver may have its own order for
# them, but none that puts a host before another on the same network.
ADDRESSES = {
    "alive.test": ["10.79.3.1"],
    "both.test": ["fd79::3:1", "10.79.3.1"],
    "six.test": ["fd79::3:1"],
    "six-dead.test": ["fd79::1:1", "10.79.3.1"],  # IPv6 first, and it does not answer
    "six-refuses.test": ["fd79::3:9", "10.79.3.1"],
    "silent.test": ["10.79.1.1"],
    "dead.test": [f"10.79.2.{part}" for part in range(1, 7)],
    "last-alive.test": [*(f"10.79.2.{part}" for part in range(1, 7)), "10.79.4.1", "10.79.3.1"],
    "crowd.test": [*(f"10.79.3.{part}" for part in range(20, 79)), "10.79.3.1"],
    "crowded-out.test": [*(f"10.79.3.{part}" for part in range(20, 90)), "10.79.3.1"],
    "empty.test": [],
    "held.test": ["10.79.3.1"],  # answered when the test says so
}
CODES = {"missing.test": NO_SUCH_NAME, "broken.test": SERVER_FAILED, "refused.test": REFUSED}
DROPPED = "dropped.test"


def encode(address):
    if ":" in address:
        return AAAA, socket.inet_pton(socket.AF_INET6, address)
    return A, socket.inet_aton(address)


class Question:
    def __init__(self, packet):
        self.packet, at, labels = packet, 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += packet[at] + 1
        self.name = ".".join(labels).lower()
        self.kind, = struct.unpack_from(">H", packet, at + 1)
        self.text = packet[12:at + 5]

    def answer(self, code, addresses):
        data = [data for kind, data in map(encode, addresses) if kind == self.kind]
        flags = 0x8580 | code
        records = b"".join(struct.pack(">HHHIH", 0xC00C, self.kind, 1, 1, len(one)) + one for one in data)
        head = self.packet[:2] + struct.pack(">HHHHH", flags, 1, len(data), 0, 0)
        return head + self.text + records


class Names:
    """The name server, in the namespace and the mounts of the calling thread."""

    def __init__(self, room):
        self.room, self.lock = room, threading.Lock()
        self.asked, self.held, self.holding = {}, [], True
        self.place("hosts", HOSTS)
        self.place("nsswitch.conf", "hosts: files dns\n")
        self.place("host.conf", "multi on\n")
        self.set_patience(30, 5)
        self.place("resolv.conf", None)

    def place(self, name, text):
        """Puts a file of ours in the place of the system's, if it has one."""
        path = os.path.join(self.room, name)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        if os.path.exists(os.path.join("/etc", name)):
            subprocess.run(["mount", "--bind", path, os.path.realpath(os.path.join("/etc", name))], check=True)

    def set_patience(self, seconds, attempts):
        """How long the resolver waits, and how often. The file stays the same one; the resolver reads it again."""
        with open(os.path.join(self.room, "resolv.conf"), "w") as file:
            file.write(f"nameserver {SERVER}\noptions timeout:{seconds} attempts:{attempts}\n")

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SERVER, 53))
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                packet, sender = self.socket.recvfrom(2048)
            except OSError:
                return
            question = Question(packet)
            with self.lock:
                self.asked[question.name] = self.asked.get(question.name, 0) + 1
                if question.name == "held.test" and self.holding:
                    self.held.append((question, sender))
                elif question.name != DROPPED:
                    self.reply(question, sender)

    def reply(self, question, sender):
        addresses = ADDRESSES.get(question.name)
        code = CODES.get(question.name, NO_SUCH_NAME if addresses is None else NO_ERROR)
        self.socket.sendto(question.answer(code, addresses or []), sender)

    def hold(self):
        """From now on held.test is answered when `free` is called."""
        with self.lock:
            self.holding = True
            self.asked.pop("held.test", None)

    def free(self):
        with self.lock:
            self.holding = False
            held, self.held = self.held, []
            for question, sender in held:
                self.reply(question, sender)
