# SPDX-License-Identifier: MIT
"""What the program asks for from outside: it sends one line, and gets one back when that is done.

    near COMMAND, far COMMAND       runs it in that namespace
    listen NAME ADDRESS PORT        PORT 0 is any; "ok PORT"
    accept NAME LISTENER            the listener's next connection is NAME from now on
    waiting LISTENER                "ok 1" if somebody has connected, "ok 0" if nobody
    read NAME COUNT                 exactly so many bytes, of the pattern
    drain NAME                      to the end of the stream: "end COUNT" or "reset COUNT"
    write NAME COUNT                of the pattern
    pour NAME COUNT                 writes so many and ends the stream; the answer does not wait for that
    close NAME, reset NAME
    lay                             the wire's near end again, after it was taken away
    slow MILLISECONDS PERCENT       a slow wire that loses so many
    lost                            how many it has lost: "ok COUNT"
    hold                            held.test is not answered any more
    free MILLISECONDS               it is, after that time
    patience SECONDS ATTEMPTS       how long the resolver waits, and how often
    asked HOST COUNT                waits until there have been so many questions for that name (held.test: since `hold`)

The answer begins with "no" when it did not work, and the program's test fails.
"""

import socket
import subprocess
import threading
import time
import traceback

import wire

LONGEST_WAIT = 60  # seconds


def pattern(place, count):
    """The byte at each place of an endless stream, as test/support/fixture.c has it."""
    step, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    return bytes(((at * step) & mask) >> 56 for at in range(place, place + count))


class Peer:
    def __init__(self, connection):
        self.connection, self.received, self.sent = connection, 0, 0
        connection.settimeout(LONGEST_WAIT)

    def take(self, limit):
        """Some bytes, which must be the pattern's; none at the end."""
        data = self.connection.recv(limit)
        if data != pattern(self.received, len(data)):
            raise ValueError(f"not the pattern within {len(data)} bytes from {self.received}")
        self.received += len(data)
        return len(data)


class Hand:
    def __init__(self, its_wire, names):
        self.wire, self.names, self.things, self.failures = its_wire, names, {}, []

    def __enter__(self):
        self.door = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.open, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.door.close()

    def open(self):
        while True:
            try:
                visitor, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(visitor,), daemon=True).start()

    def serve(self, visitor):
        with visitor:
            visitor.settimeout(LONGEST_WAIT)
            line = visitor.makefile().readline().strip()
            try:
                answer = self.do(*line.split(" ", 1))
            except subprocess.CalledProcessError as error:
                answer = f"no {error.output.strip()}"
            except Exception as error:  # the program's test fails with it
                answer = f"no {type(error).__name__}: {error}"
                if not isinstance(error, (OSError, ValueError)):
                    traceback.print_exc()
            if answer.startswith("no"):
                self.failures.append(f"{line}: {answer}")
            visitor.sendall(answer.encode() + b"\n")

    def do(self, verb, rest=""):
        return getattr(self, "do_" + verb)(rest) or "ok"

    def do_near(self, rest):
        self.wire.near.script(rest)

    def do_far(self, rest):
        self.wire.far.script(rest)

    def do_lay(self, _):
        self.wire.lay()

    def do_slow(self, rest):
        delay, loss = map(float, rest.split())
        self.wire.slow_down(delay / 1000, loss / 100)

    def do_lost(self, _):
        return f"ok {self.wire.relay.lost}"

    # ---- hosts ------------------------------------------------------------------------------------

    def do_listen(self, rest):
        name, address, port = rest.split()
        listener = self.wire.listen(address, int(port))
        listener.settimeout(LONGEST_WAIT)
        self.things[name] = listener
        return f"ok {listener.getsockname()[1]}"

    def do_accept(self, rest):
        name, listener = rest.split()
        self.things[name] = Peer(self.things[listener].accept()[0])

    def do_waiting(self, rest):
        listener = self.things[rest]
        listener.settimeout(0)
        try:
            wire.reset(listener.accept()[0])
            return "ok 1"
        except BlockingIOError:
            return "ok 0"
        finally:
            listener.settimeout(LONGEST_WAIT)

    def do_read(self, rest):
        name, count = rest.split()
        peer, wanted = self.things[name], int(count)
        while wanted > 0:
            taken = peer.take(min(wanted, 65536))
            if taken == 0:
                raise ValueError(f"the stream ended {wanted} bytes too early")
            wanted -= taken

    def do_drain(self, rest):
        peer = self.things[rest]
        try:
            while peer.take(65536) != 0:
                pass
            return f"end {peer.received}"
        except ConnectionResetError:
            return f"reset {peer.received}"

    def do_write(self, rest):
        name, count = rest.split()
        peer = self.things[name]
        peer.connection.sendall(pattern(peer.sent, int(count)))
        peer.sent += int(count)

    def do_pour(self, rest):
        threading.Thread(target=self.pour, args=(rest,), daemon=True).start()

    def pour(self, rest):
        try:
            self.do_write(rest)
            self.things[rest.split()[0]].connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.failures.append(f"pour {rest}: {error}")

    def do_close(self, rest):
        thing = self.things.pop(rest)
        getattr(thing, "connection", thing).close()

    def do_reset(self, rest):
        wire.reset(self.things.pop(rest).connection)

    # ---- names ------------------------------------------------------------------------------------

    def do_hold(self, _):
        self.names.hold()

    def do_free(self, rest):
        if rest == "0":
            self.names.free()
        else:
            threading.Timer(int(rest) / 1000, self.names.free).start()

    def do_patience(self, rest):
        self.names.set_patience(*map(int, rest.split()))

    def do_asked(self, rest):
        name, count = rest.split()
        end = time.monotonic() + LONGEST_WAIT
        while self.names.asked.get(name, 0) < int(count):
            if time.monotonic() > end:
                raise ValueError(f"{name} was asked for {self.names.asked.get(name, 0)} times")
            time.sleep(0.005)
