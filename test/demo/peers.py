# SPDX-License-Identifier: MIT
"""Scripted servers for the tests of the demo: plain sockets that share nothing with the demo."""

import contextlib
import os
import socket
import struct
import threading

LONGEST_WAIT = 60  # seconds


def read_until(connection, mark):
    """Up to and with the mark, or to the end of the stream."""
    text = b""
    while mark not in text[-65536 - len(mark):]:
        piece = connection.recv(65536)
        if not piece:
            break
        text += piece
    return text


def read_to_end(connection):
    pieces = []
    while True:
        piece = connection.recv(65536)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
    connection.close()


class Peer:
    """A server that plays a script with each client, and keeps what the script returned."""

    def __init__(self, script, family=socket.AF_INET):
        self.script, self.results, self.failures = script, [], []
        self.listener = socket.socket(family)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                connection.settimeout(LONGEST_WAIT)
                self.results.append(self.script(connection))
        except Exception as failure:  # raised again in the test's own thread
            self.failures.append(failure)

    def __enter__(self):
        self.listener.settimeout(LONGEST_WAIT)
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(2 * LONGEST_WAIT)
        self.listener.close()
        if self.failures and kind is None:
            raise self.failures[0]


@contextlib.contextmanager
def refusing_port():
    """Bound, and nobody listens: meanwhile no other program can get it, and listen there."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]


def unused_port():
    """For a server, at once: it may be another program's soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bindable(port):
    with socket.socket() as probe:
        if os.name != "nt":  # there it would share the port; here it passes over connections that have ended
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ipv6_is_there():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
