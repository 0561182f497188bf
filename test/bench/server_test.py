#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The bench's server behaves in each of its ways as server.c says.

    server_test.py --server bench_server
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from session import Failure, Server  # noqa: E402
from workloads import MODES  # noqa: E402

PATIENCE = 30  # seconds; what takes longer hangs
DELAY = 100  # milliseconds
server = None
path = ""


def dial(mode, host="127.0.0.1"):
    return socket.create_connection((host, server.port(mode)), PATIENCE)


def receive(connection, size):
    data = b""
    while len(data) < size and (part := connection.recv(size - len(data))):
        data += part
    return data


class Ways(unittest.TestCase):
    def count_difference(self, mode, before):
        after = server.settled(mode)[mode]
        return {key: after[key] - before[mode][key] for key in after}

    def test_echo(self):
        before = server.counts()
        with dial("echo") as connection:
            for message in (b"a", b"bc" * 500):
                connection.sendall(message)
                self.assertEqual(receive(connection, len(message)), message)
        self.assertEqual(self.count_difference("echo", before), {"accepted": 1, "closed": 1, "in": 1001, "out": 1001})

    def test_echo_to_a_peer_that_does_not_read_at_once(self):
        data = bytes(range(256)) * 4096  # more than both sides' buffers together, sent before anything is read
        with dial("echo") as connection:
            connection.setblocking(False)
            sent, received, deadline = 0, b"", time.monotonic() + PATIENCE
            while len(received) < 8 * len(data) and time.monotonic() < deadline:
                try:
                    if sent < 8 * len(data):
                        sent += connection.send(data[sent % len(data):])
                        continue
                except BlockingIOError:
                    pass
                try:
                    received += connection.recv(1 << 20)
                except BlockingIOError:
                    time.sleep(0.001)
        self.assertTrue(received == data * 8, len(received))

    def test_sink(self):
        before = server.counts()
        with dial("sink") as connection:
            connection.sendall(b"x" * 100000)
        self.assertEqual(self.count_difference("sink", before), {"accepted": 1, "closed": 1, "in": 100000, "out": 0})

    def test_source(self):
        with dial("source") as connection:
            self.assertEqual(receive(connection, 1 << 20), b"x" * (1 << 20))

    def test_msdn(self):
        with dial("msdn") as connection:
            for part in (b"This is a te", b"st<E", b"OF>"):
                connection.sendall(part)
                time.sleep(0.01)
            self.assertEqual(receive(connection, 1000), b"This is a test<EOF>")

    def test_rst(self):
        with dial("rst") as connection:
            connection.sendall(b"x")
            self.assertRaises(ConnectionResetError, connection.recv, 1)

    def test_noread(self):
        with dial("noread") as connection:
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                for _ in range(10000):
                    connection.send(b"x" * 65536)

    def test_gate(self):
        with dial("gate") as connection:
            connection.shutdown(socket.SHUT_WR)
            self.assertRaises(ConnectionResetError, connection.recv, 1)

    def test_delay(self):
        with dial("delay") as connection:
            start = time.monotonic()
            connection.sendall(b"later")
            self.assertEqual(receive(connection, 5), b"later")
            self.assertGreaterEqual(time.monotonic() - start, DELAY / 1000)

    def test_delay_of_a_peer_that_goes(self):
        before = server.counts()
        for _ in range(20):
            dial("delay").close()
            with dial("delay") as connection:
                connection.sendall(b"never mind")
        self.assertEqual(self.count_difference("delay", before)["closed"], 40)

    def test_ipv6(self):
        try:
            connection = dial("echo", "::1")
        except OSError as reason:
            self.skipTest(f"no IPv6: {reason}")
        with connection:
            connection.sendall(b"six")
            self.assertEqual(receive(connection, 3), b"six")

    def test_counts_of_all_ways(self):
        counts = server.counts()
        self.assertEqual(counts.keys(), {"user_s", "sys_s", *MODES})
        self.assertGreaterEqual(counts["stats"]["accepted"], 1)

    def test_counts_include_who_has_connected(self):
        """In whatever order the server sees them: here the one that asks comes first."""
        before = server.counts()["sink"]["accepted"]
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            asking, connected = dial("stats"), dial("sink")
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        with asking, connected:
            self.assertEqual(json.loads(receive(asking, 1 << 16))["sink"]["accepted"], before + 1)

    def test_two_servers_have_ports_of_their_own(self):
        with Server(path, longest=60) as second:
            self.assertGreaterEqual(abs(second.base - server.base), len(MODES))
            self.assertEqual(second.counts()["echo"]["accepted"], 0)

    def test_a_connection_that_does_not_end_is_told(self):
        with Server(path, longest=60) as second:
            second.patience = 0.1
            with socket.create_connection(("127.0.0.1", second.port("noread")), PATIENCE):
                self.assertRaisesRegex(Failure, r"1 of 1 connections \(noread\)", second.settled, "noread")
                self.assertEqual(second.settled("sink")["noread"]["closed"], 0, "another way's are not looked at")
            second.patience = PATIENCE
            self.assertEqual(second.settled("noread")["noread"]["closed"], 1)

    def test_wrong_arguments(self):
        self.assertRaises(Failure, Server, path, delay="soon")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    asked, rest = parser.parse_known_args()
    path = asked.server
    with Server(path, delay=DELAY * 1000, longest=600) as server:
        sys.exit(not unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result.wasSuccessful())
