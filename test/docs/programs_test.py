#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the programs of the documentation, as a reader would, against scripted servers.

    programs_test.py --programs build/x64/bin [--wine wine] [-k PATTERN]

On Windows no --wine is needed. WINEPREFIX is the caller's. A program that is not there is a failure.
"""

import argparse
import os
import re
import shlex
import socket
import sys
import threading
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "demo"))
import program  # noqa: E402
from peers import LONGEST_WAIT, Peer, read_to_end, read_until, refusing_port  # noqa: E402

MANY = 200
# What Wine says of a desktop that has no screen, into the output of whoever is the first to have one started.
NO_SCREEN = re.compile(rb"^([0-9a-f]{4}:err:(winediag|systray|explorer|vulkan):.*|error: XDG_RUNTIME_DIR is .*)\r?\n", re.M)
folder = ""


class Crowd:
    """A server of several clients at once, each with a thread; it tells how many there were at one time."""

    def __init__(self, script, clients):
        self.script, self.clients, self.failures = script, clients, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=clients)
        self.listener.settimeout(LONGEST_WAIT)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept)

    def accept(self):
        threads = []
        try:
            for number in range(self.clients):
                connection, _ = self.listener.accept()
                connection.settimeout(LONGEST_WAIT)
                threads.append(threading.Thread(target=self.serve, args=(number, connection)))
                threads[-1].start()
        except OSError as failure:
            self.failures.append(failure)
        for thread in threads:
            thread.join(2 * LONGEST_WAIT)

    def serve(self, number, connection):
        try:
            with connection:
                self.script(number, connection)
        except Exception as failure:  # raised again in the test's own thread
            self.failures.append(failure)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(3 * LONGEST_WAIT)
        self.listener.close()
        if self.failures and kind is None:
            raise self.failures[0]


class Programs(unittest.TestCase):
    maxDiff = 2000

    def run_program(self, name, port, *arguments, host="127.0.0.1"):
        program.exe = os.path.join(folder, f"docs_{name}.exe")
        self.assertTrue(os.path.isfile(program.exe), f"{program.exe} was not built")
        outcome = program.run(host, str(port), *arguments)
        outcome.err = NO_SCREEN.sub(b"", outcome.err)
        return outcome

    def assert_prints(self, outcome, *lines, code=0):
        text = outcome.out.replace(b"\r\n", b"\n").decode()
        self.assertEqual((outcome.code, outcome.err.decode(), text), (code, "", "".join(f"{line}\n" for line in lines)))

    def test_sample(self):
        """An answer of more than one buffer."""
        def script(connection):
            text = read_until(connection, b"<EOF>")
            connection.sendall(bytes(range(33, 127)) * 10 + text)
            return text

        with Peer(script) as peer:
            outcome = self.run_program("sample", peer.port)
        self.assertEqual(peer.results, [b"This is a test<EOF>"])
        self.assert_prints(outcome, f"Socket connected to 127.0.0.1:{peer.port}", "Sent 19 bytes to server.",
                           "Response received : " + bytes(range(33, 127)).decode() * 10 + "This is a test<EOF>")

    def test_sample_refused(self):
        with refusing_port() as port:
            outcome = self.run_program("sample", port)
        self.assertEqual((outcome.code, outcome.out), (1, b""), outcome)
        self.assertEqual(outcome.err.strip(), b"ConnectionRefused")

    def test_first(self):
        def script(connection):
            text = read_until(connection, b"\n")
            connection.sendall(b"you said " + text)

        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host=host), Peer(script) as peer:
                self.assert_prints(self.run_program("first", peer.port, host=host), "connecting",
                                   "15 bytes: you said hello")

    def test_first_refused(self):
        with refusing_port() as port:
            outcome = self.run_program("first", port)
        self.assertEqual((outcome.code, outcome.out.strip()), (1, b"connecting"), outcome)
        self.assertRegex(outcome.err, rb"\Ano answer: .+ \(ConnectionRefused\)\s*\Z")

    def test_request(self):
        """Answers that come in pieces; and the next request comes only after the whole answer."""
        def script(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests = []
            for _ in range(3):
                requests.append(read_until(connection, b"\n"))
                for piece in (b"re", b": ", requests[-1]):
                    connection.sendall(piece)
            return requests + [read_to_end(connection)]

        with Peer(script) as peer:
            outcome = self.run_program("request", peer.port)
        self.assertEqual(peer.results, [[b"first\n", b"second\n", b"third\n", b""]])
        self.assert_prints(outcome, "answer: re: first", "answer: re: second", "answer: re: third",
                           "conversation: Success")

    def test_request_that_gets_no_answer(self):
        def script(connection):
            read_until(connection, b"\n")
            connection.sendall(b"half")

        with Peer(script) as peer:
            self.assert_prints(self.run_program("request", peer.port), "conversation: ConnectionReset", code=1)

    def test_request_too_long_an_answer(self):
        def script(connection):
            read_until(connection, b"\n")
            connection.sendall(b"x" * 256)
            connection.recv(1)

        with Peer(script) as peer:
            self.assert_prints(self.run_program("request", peer.port), "conversation: MessageSize", code=1)

    def test_many(self):
        """Nobody gets an answer before everybody is there."""
        everybody = threading.Barrier(MANY)

        def script(_number, connection):
            self.assertEqual(read_until(connection, b"\n"), b"ping\n")
            everybody.wait(LONGEST_WAIT)
            connection.sendall(b"pong\n")

        with Crowd(script, MANY) as crowd:
            self.assert_prints(self.run_program("many", crowd.port, str(MANY)), f"{MANY} of {MANY} have answered")

    def test_many_refused(self):
        with refusing_port() as port:
            self.assert_prints(self.run_program("many", port, "5"), "0 of 5 have answered", code=1)

    def test_timeout(self):
        def script(connection):
            text = read_until(connection, b"\n")
            connection.sendall(b"again\n")
            return text

        with Peer(script) as peer:
            outcome = self.run_program("timeout", peer.port)
        self.assertEqual(peer.results, [b"ready\n"])
        self.assert_prints(outcome, "connect: Success", "after 200 ms: TimedOut", "not yet: TimedOut",
                           "cancelled: OperationAborted", "then: Success, 6 bytes")

    def test_closing(self):
        heard = {}

        def script(number, connection):
            if number == 0:
                heard[number] = read_to_end(connection)
                connection.sendall(b"farewell")
            else:
                heard[number] = read_to_end(connection)

        with Crowd(script, 2) as crowd:
            outcome = self.run_program("closing", crowd.port)
        self.assertEqual(heard, {0: b"the last words", 1: b""})
        self.assert_prints(outcome, "orderly: Success, 8 bytes and the end", "pending: ObjectDisposed")

    def test_window(self):
        def script(connection):
            text = read_until(connection, b"\n")
            connection.sendall(b"welcome\n")
            return text, read_to_end(connection)

        with Peer(script) as peer:
            outcome = self.run_program("window", peer.port)
        self.assertEqual(peer.results, [(b"hello\n", b"")])
        self.assert_prints(outcome, "on the window's thread: welcome", "the window is gone")

    def test_window_refused(self):
        with refusing_port() as port:
            self.assert_prints(self.run_program("window", port), "on the window's thread: ConnectionRefused",
                               "the window is gone")


def main():
    global folder
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="the folder with docs_*.exe")
    parser.add_argument("--wine", default="", help="the emulator's command")
    options, rest = parser.parse_known_args()
    folder = os.path.abspath(options.programs)
    program.emulator = shlex.split(options.wine)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
