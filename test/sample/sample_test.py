# SPDX-License-Identifier: MIT
"""Runs a sample against a server: sample_test.py --exe PROGRAM [--wine COMMAND]"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
import peers  # noqa: E402
import program  # noqa: E402

ANSWER = b"".join(b"line %d\n" % number for number in range(200))


class SampleTest(program.ProgramTest):
    def assert_error(self, outcome, name):
        """Behind what Wine says of a window without a screen."""
        self.assertEqual(outcome.err.split()[-1:], [name], outcome)

    def test_conversation(self):
        """It sends what it was given, and prints the answer whole: more than one receive takes."""

        def script(connection):
            line = peers.read_until(connection, b"\n")
            for start in range(0, len(ANSWER), 100):
                connection.sendall(ANSWER[start:start + 100])
            return line

        with peers.Peer(script) as server:
            outcome = program.run(f"127.0.0.1:{server.port}", "hello\n")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.out.replace(b"\r\n", b"\n"), ANSWER)
        self.assert_error(outcome, b"Success")
        self.assertEqual(server.results, [b"hello\n"])

    def test_refusal(self):
        with peers.refusing_port() as port:
            outcome = program.run(f"127.0.0.1:{port}", "hello\n")
        self.assertEqual((outcome.code, outcome.out), (1, b""), outcome)
        self.assert_error(outcome, b"ConnectionRefused")

    def test_bad_address(self):
        outcome = program.run("nowhere", "hello\n")
        self.assertEqual((outcome.code, outcome.out), (1, b""), outcome)
        self.assert_error(outcome, b"Format")


if __name__ == "__main__":
    program.main(__doc__)
