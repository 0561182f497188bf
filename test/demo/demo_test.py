#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs apmdemo.exe from end to end, against its own server and against scripted ones.

    demo_test.py --exe build/x64/bin/apmdemo.exe --wine wine [-k PATTERN]

--exe and --wine may be given as APMDEMO_EXE and APMDEMO_WINE instead; on Windows no
--wine is needed. WINEPREFIX is the caller's. Without the program everything fails.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
import program  # noqa: E402
from peers import Peer, bindable, ipv6_is_there, read_to_end, read_until, refusing_port, reset, unused_port  # noqa: E402
from program import LONGEST_RUN, SLACK, run  # noqa: E402

SAMPLE = b"This is a test<EOF>"
USUAL_PORT = 11000


class DemoTest(program.ProgramTest):
    def talk(self, port, *arguments, host="127.0.0.1", **more):
        return run("--host", host, "--port", str(port), *arguments, cwd=self.folder, **more)

    def assert_lines(self, outcome, port, sent, response, address="127.0.0.1"):
        expected = (f"Socket connected to {address}:{port}\nSent {sent} bytes to server.\n".encode()
                    + b"Response received : " + response + b"\n")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.err, b"", outcome)
        if outcome.out != expected:  # without megabytes of difference
            self.fail(f"expected {len(expected)} bytes {expected[:200]!r}, got {len(outcome.out)} bytes: {outcome}")

    def assert_took(self, outcome, milliseconds):
        self.assertGreaterEqual(outcome.seconds, milliseconds / 1000 - 0.1, outcome)
        self.assertLess(outcome.seconds, milliseconds / 1000 + SLACK, outcome)


class Alone(DemoTest):
    """With no server but its own."""

    def need_usual_port(self):
        if not bindable(USUAL_PORT):
            self.skipTest(f"port {USUAL_PORT} is taken by another program")

    def test_three_lines(self):
        self.need_usual_port()
        self.assert_lines(run(), USUAL_PORT, 19, SAMPLE)

    def test_again_and_again_on_the_same_port(self):
        self.need_usual_port()
        for _ in range(3):
            self.assert_lines(run(), USUAL_PORT, 19, SAMPLE)

    def test_free_port_when_the_usual_one_is_taken(self):
        holder = socket.socket()
        self.addCleanup(holder.close)
        if os.name != "nt":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # then somebody else holds it
            holder.bind(("127.0.0.1", USUAL_PORT))
            holder.listen()
        outcome = run()
        port = int(re.match(rb"Socket connected to 127\.0\.0\.1:(\d+)\n", outcome.out).group(1))
        self.assertNotEqual(port, USUAL_PORT)
        self.assert_lines(outcome, port, 19, SAMPLE)

    def test_port_of_choice(self):
        port = unused_port()
        self.assert_lines(run("--port", str(port)), port, 19, SAMPLE)

    def test_port_of_choice_taken(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            outcome = run("--port", str(port))
        self.assert_failure(outcome, rf"cannot listen on 127\.0\.0\.1:{port}(: .+)? \(AddressAlreadyInUse\)")

    def test_messages(self):
        for message in ("two words", "", "\u00e4\u20ac\U0001f600 \u4e2d\u6587", 'a "quoted" back\\slash\\', "--help",
                        "middle<EOF>end", "line\nbreak", "x" * 20000):
            with self.subTest(message=message[:40]):
                port = unused_port()
                sent = message.encode()
                self.assert_lines(run("--port", str(port), "--message", message), port, len(sent), sent)

    def test_message_joined_to_its_option(self):
        port = unused_port()
        self.assert_lines(run(f"--port={port}", "--message=a=b", "--timeout=9000"), port, 3, b"a=b")

    def test_big_file(self):
        content = (bytes(range(256)) + b"\r\n\x1a\x00\n") * (5 * 1024 * 1024 // 261)
        port = unused_port()
        outcome = run("--port", str(port), "--file", self.file(content), "--timeout", "50000", cwd=self.folder)
        self.assert_lines(outcome, port, len(content), content)

    def test_files_of_other_sizes_and_names(self):
        for content, name in ((b"", "empty"), (b"x", "one"), (b"end<EOF>", "\u00e4 \u20ac.txt"),
                              (b"y" * 65536, "block")):
            with self.subTest(name=name):
                port = unused_port()
                outcome = run("--port", str(port), "--file", self.file(content, name), cwd=self.folder)
                self.assert_lines(outcome, port, len(content), content)

    def test_unreadable_files(self):
        self.assert_failure(run("--file", "no-such-file"), r"cannot read the file no-such-file: .+")
        self.assert_failure(run("--file", ".", cwd=self.folder), r"cannot read the file \.: .+")

    def test_ipv6(self):
        if not ipv6_is_there():
            self.skipTest("there is no ::1")
        port = unused_port()
        self.assert_lines(run("--ipv6", "--port", str(port)), port, 19, SAMPLE, "[::1]")


class Against(DemoTest):
    """Servers that are not ours."""

    def test_sample_server(self):
        def script(connection):
            text = read_until(connection, b"<EOF>")
            connection.sendall(text)
            return text

        with Peer(script) as peer:
            outcome = self.talk(peer.port)
        self.assert_lines(outcome, peer.port, 19, SAMPLE)
        self.assertEqual(peer.results, [SAMPLE])

    def test_host_name(self):
        def script(connection):
            connection.sendall(read_until(connection, b"<EOF>"))

        with Peer(script) as peer:
            outcome = self.talk(peer.port, host="localhost")
        self.assert_lines(outcome, peer.port, 19, SAMPLE)

    def test_ipv6_address(self):
        if not ipv6_is_there():
            self.skipTest("there is no ::1")

        def script(connection):
            connection.sendall(read_until(connection, b"<EOF>"))

        for host in ("::1", "[::1]"):
            with self.subTest(host=host), Peer(script, socket.AF_INET6) as peer:
                self.assert_lines(self.talk(peer.port, host=host), peer.port, 19, SAMPLE, "[::1]")

    def test_ipv4_address_with_ipv6_only(self):
        self.assert_failure(self.talk(9, "--ipv6"), r"cannot connect to 127\.0\.0\.1:9: .+")

    def test_answers(self):
        characters = "a\u00e4\u20ac\U0001f600"  # 1 + 2 + 3 + 4 bytes: every 256th byte cuts another one
        answers = {
            "one byte": b"X", "nothing": b"", "line ends": b"a\r\nb\n\n", "zero bytes": b"\0\0",
            "1000 bytes of UTF-8": (characters * 100).encode(), "256 bytes": b"z" * 256, "not UTF-8": b"\xff\xc3",
        }
        for name, answer in answers.items():
            def script(connection, answer=answer):
                read_until(connection, b"<EOF>")
                connection.sendall(answer)

            with self.subTest(answer=name), Peer(script) as peer:
                self.assert_lines(self.talk(peer.port), peer.port, 19, answer)

    def test_answer_byte_by_byte(self):
        answer = "gr\u00fc\u00dfe \u20ac".encode()

        def script(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            read_until(connection, b"<EOF>")
            for byte in answer:
                connection.sendall(bytes([byte]))
                time.sleep(0.01)

        with Peer(script) as peer:
            self.assert_lines(self.talk(peer.port), peer.port, 19, answer)

    def test_server_that_speaks_first(self):
        def script(connection):
            connection.sendall(b"hello")
            return read_until(connection, b"<EOF>")

        with Peer(script) as peer:
            self.assert_lines(self.talk(peer.port), peer.port, 19, b"hello")
        self.assertEqual(peer.results, [SAMPLE])

    def test_big_message_to_a_server_that_answers_meanwhile(self):
        content = os.urandom(1 << 20).replace(b"<EOF>", b"<eof>") * 16

        def script(connection):
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                connection.sendall(piece)

        with Peer(script) as peer:
            outcome = self.talk(peer.port, "--file", self.file(content), "--timeout", "50000")
        self.assert_lines(outcome, peer.port, len(content), content)

    def test_stream_is_ended_after_a_message_without_mark(self):
        def script(connection):
            text = read_to_end(connection)
            connection.sendall(b"got " + text)

        with Peer(script) as peer:
            self.assert_lines(self.talk(peer.port, "--message", "hi"), peer.port, 2, b"got hi")

    def test_stream_stays_open_otherwise(self):
        def script(connection):
            read_until(connection, b"<EOF>" if connection_has_mark else b"hi")
            connection.settimeout(0.5)
            try:
                ended = connection.recv(1) == b""
            except socket.timeout:
                ended = False
            connection.sendall(b"ended" if ended else b"open")

        for connection_has_mark, arguments in ((True, ()), (False, ("--message", "hi", "--keep-open"))):
            with self.subTest(arguments=arguments), Peer(script) as peer:
                outcome = self.talk(peer.port, *arguments)
                self.assert_lines(outcome, peer.port, 19 if connection_has_mark else 2, b"open")


class Failures(DemoTest):
    def where(self, port):
        return rf"127\.0\.0\.1:{port}"

    def test_refused(self):
        with refusing_port() as port:
            outcome = self.talk(port)
        self.assert_failure(outcome, rf"cannot connect to {self.where(port)}: .+ \(ConnectionRefused\)")

    def test_refused_by_name(self):
        with refusing_port() as port:
            outcome = self.talk(port, host="localhost")
        self.assert_failure(
            outcome, rf"cannot connect to localhost:{port} \({self.where(port)}\): .+ \(ConnectionRefused\)")

    def test_unknown_host(self):
        outcome = self.talk(80, "--timeout", "8000", host="no-such-host.invalid")
        self.assert_failure(outcome, r"cannot find the host of no-such-host\.invalid:80: .+")
        self.assertLess(outcome.seconds, 8 + SLACK)

    @unittest.skipIf(os.name == "nt", "there a full queue refuses")
    def test_hanging_connect(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            fillers = []
            for _ in range(8):
                filler = socket.socket()
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            outcome = self.talk(port, "--timeout", "1500")
        self.assert_failure(outcome, rf"cannot connect to {self.where(port)}: no answer within 1500 ms .+")
        self.assert_took(outcome, 1500)

    def test_reset_after_reading(self):
        def script(connection):
            read_until(connection, b"<EOF>")
            reset(connection)

        for _ in range(5):
            with Peer(script) as peer:
                outcome = self.talk(peer.port)
            self.assert_failure(
                outcome, rf"cannot receive from {self.where(peer.port)}: .+ \(ConnectionReset\)", lines=2)

    def test_reset_in_the_middle_of_the_answer(self):
        def script(connection):
            read_until(connection, b"<EOF>")
            connection.sendall(b"half an ans")
            time.sleep(0.3)  # so that the answer is not thrown away with the connection
            reset(connection)

        with Peer(script) as peer:
            outcome = self.talk(peer.port)
        self.assert_failure(outcome, rf"cannot receive from {self.where(peer.port)}: .+ \(ConnectionReset\)", lines=2)

    def test_reset_in_the_middle_of_the_message(self):
        def script(connection):
            connection.recv(1000)
            reset(connection)

        with Peer(script) as peer:
            outcome = self.talk(peer.port, "--file", self.file(b"m" * (32 << 20)), "--timeout", "4000")
        self.assert_failure(
            outcome, rf"cannot (send to|receive from) {self.where(peer.port)}: .+ \(Connection(Reset|Aborted)\)",
            lines=1)

    def hold(self, talk):
        """A script that does `talk`, and then keeps the connection until the client has left."""
        def script(connection):
            talk(connection)
            with contextlib.suppress(OSError):
                read_to_end(connection)

        return script

    def test_server_that_never_answers(self):
        with Peer(self.hold(lambda connection: None)) as peer:
            outcome = self.talk(peer.port, "--timeout", "2000")
        self.assert_failure(outcome, rf"no answer from {self.where(peer.port)} within 2000 ms .+", lines=2)
        self.assert_took(outcome, 2000)

    def test_server_that_answers_and_never_closes(self):
        with Peer(self.hold(lambda connection: connection.sendall(b"hello"))) as peer:
            outcome = self.talk(peer.port, "--timeout", "1500")
        self.assert_failure(
            outcome, rf"{self.where(peer.port)} has sent 5 bytes, but not closed the connection within 1500 ms .+",
            lines=2)
        self.assert_took(outcome, 1500)

    def test_server_that_never_ends_its_answer(self):
        def script(connection):
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"more and ")
                    time.sleep(0.02)

        with Peer(script) as peer:
            outcome = self.talk(peer.port, "--timeout", "1500")
        self.assert_failure(outcome, rf"{self.where(peer.port)} has sent \d+ bytes, but not closed .+", lines=2)
        self.assert_took(outcome, 1500)

    def test_server_that_never_reads(self):
        gone = threading.Event()
        with Peer(lambda connection: gone.wait(LONGEST_RUN)) as peer:
            outcome = self.talk(peer.port, "--file", self.file(b"m" * (64 << 20)), "--timeout", "2000")
            gone.set()
        self.assert_failure(
            outcome, rf"cannot send to {self.where(peer.port)}: not everything was taken within 2000 ms .+", lines=1)
        self.assert_took(outcome, 2000)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_output_that_fails(self):
        with open("/dev/full", "wb") as full:
            outcome = run(stdout=full)
            self.assert_failure(outcome, r"cannot write to the standard output: .+")
            self.assert_failure(run("--help", stdout=full), r"cannot write to the standard output: .+")

    @unittest.skipIf(os.name == "nt", "needs a POSIX shell")
    def test_output_that_is_closed(self):
        outcome = run(wrapper=("sh", "-c", 'exec "$@" >&-', "sh"))
        self.assert_failure(outcome, r"cannot write to the standard output: .+")

    @unittest.skipIf(os.name == "nt", "needs POSIX pipes")
    def test_output_that_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            outcome = run(stdout=pipe)
        self.assert_failure(outcome, r"cannot write to the standard output: .+")


class CommandLine(DemoTest):
    def test_help(self):
        outcome = run("--help")
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        self.assertNotIn(b"\r", outcome.out)
        for option in ("--host", "--port", "--message", "--file", "--timeout", "--ipv6", "--serve", "--keep-open",
                       "--help", "--version"):
            self.assertIn(option.encode(), outcome.out)
        self.assertLess(max(map(len, outcome.out.splitlines()[1:])), 81)

    def test_version(self):
        outcome = run("--version")
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        self.assertRegex(outcome.out, rb"\Aapmdemo \d+\.\d+\.\d+\n\Z")

    def test_senseless_arguments(self):
        for arguments in (("--bogus",), ("file.txt",), ("--port",), ("--port", "eleven"), ("--port", "65536"),
                          ("--port", "-1"), ("--port", ""), ("--timeout", "0"), ("--timeout", "1e3"), ("--timeout=",),
                          ("--host", ""), ("--host", "a", "--port", "0"), ("--ipv6=yes",), ("--serve", "--host", "a"),
                          ("--message", "a", "--file", "b"), ("--message",), ("--hos", "a"), ("a\nb",), ("",)):
            with self.subTest(arguments=arguments):
                self.assert_failure(run(*arguments), r".+; usage: apmdemo .+", code=2)


class Serving(DemoTest):
    def setUp(self):
        super().setUp()
        self.port = unused_port()
        self.out = tempfile.TemporaryFile()
        self.addCleanup(self.out.close)
        self.process = subprocess.Popen(
            program.command("--serve", "--port", str(self.port)), stdin=subprocess.DEVNULL, stdout=self.out,
            stderr=subprocess.DEVNULL, env=program.environment())
        self.addCleanup(self.stop)
        self.wait_for_line(f"Listening on 127.0.0.1:{self.port}\n".encode())

    def stop(self):
        self.process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        self.process.wait(LONGEST_RUN)

    def wait_for_line(self, line):
        end = time.monotonic() + LONGEST_RUN
        text = b""
        while text != line and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.02)
            text = os.pread(self.out.fileno(), 1000, 0) if hasattr(os, "pread") else self.reread()
        self.assertEqual(text, line)

    def reread(self):
        self.out.seek(0)
        return self.out.read(1000)

    def client(self):
        client = socket.create_connection(("127.0.0.1", self.port), LONGEST_RUN)
        self.addCleanup(client.close)
        return client

    def check_alive(self):
        client = self.client()
        client.sendall(b"alive?<EOF>")
        self.assertEqual(read_to_end(client), b"alive?<EOF>")

    def test_answers_at_the_mark(self):
        client = self.client()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"one<EOF>":
            client.sendall(bytes([byte]))
            time.sleep(0.02)  # makes it likely that each byte is received alone
        self.assertEqual(read_to_end(client), b"one<EOF>")

    def test_answers_at_the_end_of_the_stream(self):
        for text in (b"no mark", b"", b"<EOF", b"z" * (3 << 20)):
            with self.subTest(text=text[:10]):
                client = self.client()
                sender = threading.Thread(target=lambda: (client.sendall(text), client.shutdown(socket.SHUT_WR)))
                sender.start()
                self.assertEqual(read_to_end(client), text)
                sender.join()

    def test_survives_clients_that_leave(self):
        self.client().close()
        client = self.client()
        client.sendall(b"never finished")
        client.close()
        client = self.client()
        client.sendall(b"never finished")
        reset(client)
        reset(self.client())
        client = self.client()
        client.sendall(b"z" * (3 << 20) + b"<EOF>")
        reset(client)  # before it has read the answer
        self.check_alive()

    def test_silent_clients_keep_nobody_waiting(self):
        silent = [self.client() for _ in range(100)]
        self.check_alive()
        for number, client in enumerate(silent):
            client.sendall(b"number %d<EOF>" % number)
        for number, client in enumerate(silent):
            self.assertEqual(read_to_end(client), b"number %d<EOF>" % number)

    def test_no_client_is_forgotten(self):
        """That comes while the server is busy with another one, sooner or later within its turn."""
        other = self.client()
        for number in range(2000):
            other.sendall(b"x")
            come = time.perf_counter() + number % 100 * 1e-5
            while time.perf_counter() < come:
                pass
            with socket.create_connection(("127.0.0.1", self.port), LONGEST_RUN) as client:
                client.sendall(b"<EOF>")
                self.assertEqual(read_to_end(client), b"<EOF>")

    def test_client_that_never_stops_keeps_nobody_waiting(self):
        busy, over = self.client(), threading.Event()

        def flood():
            with contextlib.suppress(OSError):
                busy.sendall(b"<EOF>")
                while not over.is_set():
                    busy.sendall(bytes(1 << 16))

        flooder = threading.Thread(target=flood)
        flooder.start()
        try:
            self.check_alive()
        finally:
            over.set()
            busy.close()
            flooder.join()

    def test_serves_the_client(self):
        for message in ("with mark<EOF>", "without mark"):
            self.assert_lines(self.talk(self.port, "--message", message), self.port, len(message), message.encode())


if __name__ == "__main__":
    program.main(__doc__)
