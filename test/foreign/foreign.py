#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a client in another language against a server of its own, and compares what both have seen.

foreign.py [--elsewhere] --version VERSION -- COMMAND...: the command gets the server's address and port, a port
where nobody listens, and a word that is another one each time. The server answers the word with its
digest, which the client has to print.
"""
import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading

LIMIT = 60  # seconds


class Server:
    """One connection: a line in, its digest out, then nothing until the client's end."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self.line, self.rest, self.ended = b"", None, False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # the client has ended without one
        connection.settimeout(LIMIT)
        with connection:
            while not self.line.endswith(b"\n"):
                more = connection.recv(4096)
                if not more:
                    return
                self.line += more
            connection.sendall(digest(self.line).encode() + b"\n")
            try:
                self.rest = connection.recv(1)
            except ConnectionResetError:
                self.rest = b""  # closing with a cancelled receive may reset
            self.ended = self.rest == b""

    def end(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # ends an accept
        except OSError:
            pass
        self.thread.join(LIMIT)
        self.listener.close()


def digest(line):
    return hashlib.sha256(line).hexdigest()


def expected(version, word, elsewhere):
    line = word.encode() + b"\n"
    lines = [f"version {version}", "refused ConnectionRefused", "connected", f"sent {len(line)}", "signaled true",
             f"received {digest(line)}"]
    return lines + (["elsewhere true"] if elsewhere else []) + ["cancelled OperationAborted", "end"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elsewhere", action="store_true", help="the client says on which thread it was called back")
    parser.add_argument("--version", required=True, help="that of the library")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="behind --")
    options = parser.parse_args()

    server = Server()
    word = os.urandom(16).hex()
    # Bound and not listening: nobody else gets it, and it refuses.
    with socket.socket() as closed, tempfile.TemporaryFile() as output:
        closed.bind(("127.0.0.1", 0))
        command = options.command + ["127.0.0.1", str(server.port), str(closed.getsockname()[1]), word]
        # To a file: node.exe cannot write to a pipe under Wine.
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=LIMIT,
                                    check=False).returncode
        except subprocess.TimeoutExpired:
            status = "none: it had to be stopped"
        output.seek(0)
        said = output.read().decode(errors="replace").splitlines()
    server.end()
    wanted = expected(options.version, word, options.elsewhere)
    wrong = []
    if status != 0:
        wrong.append(f"exit code {status}")
    if said != wanted:
        wrong.append("said:\n    " + "\n    ".join(said) + "\n  but should have:\n    " + "\n    ".join(wanted))
    if server.line != word.encode() + b"\n" or not server.ended:
        wrong.append(f"the server got {server.line!r}, then {server.rest!r}")
    for what in wrong:
        print("  " + what)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
