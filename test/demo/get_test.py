#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `apmdemo get` from end to end against scripted servers.

    get_test.py --exe build/x64/bin/apmdemo.exe --wine wine [-k PATTERN]

The options are those of demo_test.py.
"""

import contextlib
import hashlib
import os
import re
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
import program  # noqa: E402
from peers import Peer, ipv6_is_there, read_to_end, refusing_port, reset  # noqa: E402
from program import LONGEST_RUN, SLACK, Run, run  # noqa: E402

MEBIBYTE = 1 << 20
# What two kernels and the demo may hold of a stream that nobody reads; the demo itself: 256 KiB.
MOST_HELD = 24 * MEBIBYTE
PROGRESS = re.compile(r"apmdemo: (sending|sent) (\d+) bytes, received (\d+)\n")


def echo(connection):
    while True:
        piece = connection.recv(65536)
        if not piece:
            return
        connection.sendall(piece)


def digest_to_end(connection):
    """The size and the hash of all that the client sends."""
    size, digest = 0, hashlib.sha256()
    while True:
        piece = connection.recv(65536)
        if not piece:
            return size, digest.hexdigest()
        size += len(piece)
        digest.update(piece)


def expected(content):
    return len(content), hashlib.sha256(content).hexdigest()


class GetTest(program.ProgramTest):
    def get(self, port, *arguments, host="127.0.0.1", **more):
        return run("get", host, str(port), *arguments, cwd=self.folder, **more)

    def input(self, content):
        file = tempfile.TemporaryFile()
        self.addCleanup(file.close)
        file.write(content)
        file.seek(0)
        return file

    def pipe(self):
        """The two ends of a pipe, which stay open until the test is over unless it closes them."""
        ends = [os.fdopen(end, mode, buffering=0) for end, mode in zip(os.pipe(), ("rb", "wb"))]
        for end in ends:
            self.addCleanup(end.close)
        return ends

    def assert_output(self, outcome, content):
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        self.assertTrue(outcome.out == content, outcome)  # without megabytes of difference

    def assert_progress(self, outcome, total, sent, error=None):
        """Progress lines that only grow, and after them no more than the line of the error."""
        lines = outcome.err.decode().splitlines(keepends=True)
        self.assertNotIn(b"\r", outcome.err)
        if error is not None:
            self.assertRegex(lines.pop(), f"^apmdemo: {error}\n$", outcome)
        states = [PROGRESS.fullmatch(line) for line in lines]
        self.assertTrue(states and all(states), outcome)
        received = [int(state.group(3)) for state in states]
        self.assertEqual(received, sorted(received), outcome)
        self.assertEqual({int(state.group(2)) for state in states}, {total}, outcome)
        words = [state.group(1) for state in states]
        self.assertEqual(words, sorted(words), outcome)  # first "sending", then "sent"
        self.assertEqual((words[0], received[0]), ("sending", 0), outcome)
        self.assertEqual(words[-1], "sent" if sent else "sending", outcome)
        if outcome.code == 0:
            self.assertEqual(received[-1], len(outcome.out), outcome)


class Streams(GetTest):
    """The standard input there, and the answer back."""

    content = os.urandom(MEBIBYTE) * 10

    def test_echo_of_a_file(self):
        with Peer(echo) as peer:
            self.assert_output(self.get(peer.port, stdin=self.input(self.content)), self.content)

    def test_echo_of_a_pipe(self):
        reader, writer = self.pipe()

        def fill():
            with writer:
                view = memoryview(self.content)
                while view:
                    view = view[writer.write(view[:100000]):]

        filler = threading.Thread(target=fill)
        with Peer(echo) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), stdin=reader)
            filler.start()
            outcome = process.finish()
        filler.join()
        self.assert_output(outcome, self.content)

    def test_question_and_answer(self):
        """Each line is sent as soon as it is there, not when a buffer is full."""
        reader, writer = self.pipe()
        answered = threading.Event()

        def script(connection):
            for line in (b"first\n", b"second\n"):
                self.assertEqual(connection.recv(100), line)
                connection.sendall(b"got " + line)
                answered.set()
            self.assertEqual(connection.recv(100), b"")

        with Peer(script) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), stdin=reader)
            writer.write(b"first\n")
            self.assertTrue(answered.wait(LONGEST_RUN))
            writer.write(b"second\n")
            writer.close()
            outcome = process.finish()
        self.assert_output(outcome, b"got first\ngot second\n")

    def test_answer_after_the_end_of_the_input(self):
        def script(connection):
            size, digest = digest_to_end(connection)
            connection.sendall(f"{size} {digest}".encode())

        with Peer(script) as peer:
            outcome = self.get(peer.port, stdin=self.input(self.content))
        self.assert_output(outcome, "{} {}".format(*expected(self.content)).encode())

    def test_bytes_that_text_would_change(self):
        content = bytes(range(256)) + b"\r\n\n\r\x1a\x00end"
        with Peer(echo) as peer:
            self.assert_output(self.get(peer.port, stdin=self.input(content)), content)

    def test_empty_input(self):
        def script(connection):
            connection.sendall(b"got %d" % len(read_to_end(connection)))

        with Peer(script) as peer:
            self.assert_output(self.get(peer.port), b"got 0")

    def test_big_answer(self):
        with Peer(lambda connection: connection.sendall(self.content * 4)) as peer:
            self.assert_output(self.get(peer.port), self.content * 4)

    def test_server_that_closes_while_the_input_goes_on(self):
        reader, _writer = self.pipe()  # nobody writes, and nobody closes it
        for answer in (b"hello and goodbye", b""):
            with self.subTest(answer=answer), Peer(lambda connection: connection.sendall(answer)) as peer:
                outcome = self.get(peer.port, stdin=reader)
                self.assert_output(outcome, answer)
                self.assertLess(outcome.seconds, SLACK, outcome)

    def test_server_that_closes_later_than_the_input(self):
        ended, go = threading.Event(), threading.Event()

        def script(connection):
            text = read_to_end(connection)
            ended.set()
            go.wait(LONGEST_RUN)
            connection.sendall(b"at last: " + text)

        with Peer(script) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), "--timeout", "2000", stdin=self.input(b"question"))
            self.assertTrue(ended.wait(LONGEST_RUN))
            time.sleep(2.5)  # the time for the connect is no time for the answer
            self.assertFalse(process.is_over())
            go.set()
            outcome = process.finish()
        self.assert_output(outcome, b"at last: question")

    def test_host_name(self):
        with Peer(echo) as peer:
            outcome = self.get(peer.port, host="localhost", stdin=self.input(b"by name"))
        self.assert_output(outcome, b"by name")

    def test_ipv6_address(self):
        if not ipv6_is_there():
            self.skipTest("there is no ::1")
        for host, arguments in (("::1", ()), ("[::1]", ()), ("::1", ("--ipv6",))):
            with self.subTest(host=host, arguments=arguments), Peer(echo, socket.AF_INET6) as peer:
                outcome = self.get(peer.port, *arguments, host=host, stdin=self.input(b"over IPv6"))
                self.assert_output(outcome, b"over IPv6")

    def test_options_in_any_place(self):
        for before, between in ((("--timeout", "5000"), ()), ((), ("--timeout=5000", "--"))):
            with self.subTest(before=before, between=between), Peer(echo) as peer:
                outcome = run("get", *before, "127.0.0.1", *between, str(peer.port), stdin=self.input(b"x"))
                self.assert_output(outcome, b"x")


@unittest.skipIf(os.name == "nt", "needs POSIX pipes")
class Backpressure(GetTest):
    content = os.urandom(MEBIBYTE) * 64

    def test_server_that_does_not_read_stops_the_input(self):
        reader, writer = self.pipe()
        go = threading.Event()

        def script(connection):
            go.wait(LONGEST_RUN)
            return digest_to_end(connection)

        with Peer(script) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), stdin=reader)
            written = self.write_until_stalled(writer)
            go.set()
            self.assertLess(written, MOST_HELD)
            self.assertFalse(process.is_over())
            os.set_blocking(writer.fileno(), True)
            view = memoryview(self.content)[written:]
            while view:
                view = view[writer.write(view):]
            writer.close()
            outcome = process.finish()
        self.assert_output(outcome, b"")
        self.assertEqual(peer.results, [expected(self.content)])

    def write_until_stalled(self, writer):
        """As much as is taken, until nothing has been for a second."""
        os.set_blocking(writer.fileno(), False)
        written, last = 0, time.monotonic()
        while written < len(self.content) and time.monotonic() < last + (1 if written > MEBIBYTE else LONGEST_RUN):
            taken = writer.write(self.content[written:written + 65536])
            if taken:
                written, last = written + taken, time.monotonic()
            else:
                time.sleep(0.01)
        return written

    def test_output_that_nobody_reads_stops_the_server(self):
        reader, writer = self.pipe()
        sent = []

        def script(connection):
            view = memoryview(self.content)
            while view:
                view = view[connection.send(view[:65536]):]
                sent.append(len(view))

        with Peer(script) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), stdout=writer)
            last = None
            while not sent or sent[-1] != last:  # until nothing has moved for a second
                last = sent[-1] if sent else None
                time.sleep(1)
            self.assertLess(len(self.content) - sent[-1], MOST_HELD)
            answer, size = [], 0
            while size < len(self.content):
                answer.append(reader.read(65536))
                size += len(answer[-1])
            outcome = process.finish()
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        self.assertTrue(b"".join(answer) == self.content)


class Files(GetTest):
    content = os.urandom(MEBIBYTE) * 10

    def test_file_arrives_as_it_is(self):
        def script(connection):
            result = digest_to_end(connection)
            connection.sendall(b"thanks")
            return result

        for content, name in ((self.content, "big"), (b"", "empty"), (b"x", "\u00e4 \u20ac.bin")):
            with self.subTest(name=name), Peer(script) as peer:
                outcome = self.get(peer.port, "--file", self.file(content, name))
                self.assertEqual((outcome.code, outcome.out), (0, b"thanks"), outcome)
                self.assert_progress(outcome, len(content), sent=True)
            self.assertEqual(peer.results, [expected(content)])

    def test_echo_of_a_file(self):
        with Peer(echo) as peer:
            outcome = self.get(peer.port, "--file", self.file(self.content))
        self.assertTrue(outcome.code == 0 and outcome.out == self.content, outcome)
        self.assert_progress(outcome, len(self.content), sent=True)

    def test_progress_meanwhile(self):
        go = threading.Event()

        def script(connection):
            connection.sendall(b"12345")
            go.wait(LONGEST_RUN)
            digest_to_end(connection)

        content = b"p" * (64 << 20)
        with Peer(script) as peer:
            process = Run("get", "127.0.0.1", str(peer.port), "--file", self.file(content), cwd=self.folder)
            line = f"apmdemo: sending {len(content)} bytes, received 5\n".encode()
            end = time.monotonic() + LONGEST_RUN
            while line not in os.pread(process.err.fileno(), 10000, 0) and time.monotonic() < end:
                time.sleep(0.05)
            go.set()
            outcome = process.finish()
        self.assertEqual((outcome.code, outcome.out), (0, b"12345"), outcome)
        self.assertIn(line, outcome.err)
        self.assert_progress(outcome, len(content), sent=True)

    def test_standard_input_is_left_alone(self):
        source = self.input(b"not for the server")
        with Peer(echo) as peer:
            outcome = self.get(peer.port, "--file", self.file(b"from the file"), stdin=source)
        self.assertEqual((outcome.code, outcome.out), (0, b"from the file"), outcome)

    def test_no_such_file(self):
        outcome = self.get(1, "--file", "no-such-file")
        self.assert_failure(outcome, r"cannot read the file no-such-file: .+ \(FileNotFound\)")
        outcome = self.get(1, "--file", ".")
        self.assert_failure(outcome, r"cannot read the file \.: .+ \(error 5\)")

    def test_server_that_ends_its_stream_and_takes_no_more(self):
        gone = threading.Event()

        def script(connection):
            connection.sendall(b"enough")
            connection.shutdown(socket.SHUT_WR)
            gone.wait(LONGEST_RUN)

        with Peer(script) as peer:
            outcome = self.get(peer.port, "--file", self.file(b"m" * (64 << 20)), "--timeout", "1500")
            gone.set()
        self.assertEqual((outcome.code, outcome.out), (1, b"enough"), outcome)
        self.assert_progress(outcome, 64 << 20, sent=False, error=(
            rf"cannot send message\.bin to 127\.0\.0\.1:{peer.port}: "
            r"it has ended its stream, .+ 1500 ms \(TimedOut\)"))
        self.assertLess(outcome.seconds, 1.5 + SLACK, outcome)

    def test_server_that_leaves_in_the_middle(self):
        def script(connection):
            connection.recv(1000)
            reset(connection)

        with Peer(script) as peer:
            outcome = self.get(peer.port, "--file", self.file(b"m" * (64 << 20)), "--timeout", "5000")
        self.assertEqual((outcome.code, outcome.out), (1, b""), outcome)
        self.assert_progress(outcome, 64 << 20, sent=False,
                             error=r"cannot (send|receive) .+ \((Connection(Reset|Aborted)|TimedOut)\)")


class Failures(GetTest):
    def test_refused(self):
        with refusing_port() as port:
            outcome = self.get(port, stdin=self.input(b"x"))
        self.assert_failure(outcome, rf"cannot connect to 127\.0\.0\.1:{port}: .+127\.0\.0\.1\]?:{port} "
                            r"\(ConnectionRefused\)")

    def test_refused_by_name(self):
        with refusing_port() as port:
            outcome = self.get(port, host="localhost")
        self.assert_failure(outcome, rf"cannot connect to localhost:{port}: .+ \(ConnectionRefused\)")

    def test_unknown_host(self):
        outcome = self.get(80, host="no-such-host.invalid")
        self.assert_failure(outcome, r"cannot connect to no-such-host\.invalid:80: .+ "
                            r"\((HostNotFound|TryAgain|NoData|NoRecovery|TimedOut)\)")

    def test_ipv4_address_with_ipv6_only(self):
        self.assert_failure(self.get(9, "--ipv6"), r"cannot connect to 127\.0\.0\.1:9: .+ \(\w+\)")

    @unittest.skipIf(os.name == "nt", "there a full queue refuses")
    def test_hanging_connect(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(8):
                filler = socket.socket()
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            outcome = self.get(port, "--timeout", "1500")
        self.assert_failure(outcome, rf"cannot connect to 127\.0\.0\.1:{port}: .+ \(TimedOut\)")
        self.assertGreaterEqual(outcome.seconds, 1.4, outcome)
        self.assertLess(outcome.seconds, 1.5 + SLACK, outcome)

    def test_reset(self):
        """With an input that is over, and with one that goes on."""
        def script(connection):
            connection.sendall(b"half an ans")
            time.sleep(0.3)  # so that the answer is not thrown away with the connection
            reset(connection)

        for stdin in (None, self.pipe()[0]):
            with self.subTest(stdin=stdin), Peer(script) as peer:
                outcome = self.get(peer.port, stdin=stdin)
                self.assertEqual((outcome.code, outcome.out), (1, b"half an ans"), outcome)
                self.assertRegex(outcome.err, rb"\Aapmdemo: cannot receive from 127\.0\.0\.1:%d: "
                                 rb"[^\n]+ \(ConnectionReset\)\n\Z" % peer.port)

    def test_reset_in_the_middle_of_the_input(self):
        def script(connection):
            connection.recv(1000)
            reset(connection)

        # Linux tells of a reset once: if a send gets it, a receive under Wine sees an end. Windows tells each.
        for _ in range(5 if program.emulator else 1):
            with Peer(script) as peer:
                outcome = self.get(peer.port, stdin=self.input(b"m" * (32 << 20)))
            if (outcome.code, outcome.out, outcome.err) != (0, b"", b""):
                break
        self.assert_failure(outcome, rf"cannot receive from 127\.0\.0\.1:{peer.port}: .+ "
                            r"\(Connection(Reset|Aborted)\)")

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_output_that_fails(self):
        def script(connection):
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"more")

        reader, _writer = self.pipe()
        with open("/dev/full", "wb") as full, Peer(script) as peer:
            outcome = self.get(peer.port, stdin=reader, stdout=full)
        self.assert_failure(outcome, r"cannot write to the standard output: .+")

    @unittest.skipIf(os.name == "nt", "needs a folder as the input")
    def test_input_that_fails(self):
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        ends = []

        def script(connection):
            try:
                ends.append(read_to_end(connection))
            except ConnectionResetError:
                ends.append("reset")  # or what had come would look like all of it

        with Peer(script) as peer:
            outcome = self.get(peer.port, stdin=folder)
        self.assert_failure(outcome, r"cannot read the standard input: .+ \(.+\)")
        self.assertEqual(ends, ["reset"])


class CommandLine(GetTest):
    def test_senseless_arguments(self):
        for arguments in ((), ("a",), ("a", "b"), ("a", "80", "c"), ("", "80"), ("a", ""), ("a", "0"), ("a", "65536"),
                          ("a", "-1"), ("a", "80x"), ("a", "80", "--bogus"), ("a", "80", "--file"),
                          ("a", "80", "--timeout", "0"),
                          ("a", "80", "--host", "b"), ("a", "80", "--port", "1"), ("a", "80", "--message", "m"),
                          ("a", "80", "--serve"), ("a", "80", "--keep-open"), ("a", "80", "--ipv6=yes"), ("-", "80"),
                          ("a", "80", "--", "--file", "x")):
            with self.subTest(arguments=arguments):
                self.assert_failure(run("get", *arguments), r".+; usage: apmdemo .+", code=2)

    def test_get_is_the_first_argument_only(self):
        self.assert_failure(run("--ipv6", "get", "a", "80"), r'unknown argument "get"; usage: apmdemo .+', code=2)

    def test_help(self):
        for arguments in (("--help",), ("get", "--help"), ("get", "a", "--help")):
            outcome = run(*arguments)
            self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
            self.assertIn(b"apmdemo get HOST PORT", outcome.out)


if __name__ == "__main__":
    program.main(__doc__)
