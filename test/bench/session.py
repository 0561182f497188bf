# SPDX-License-Identifier: MIT
"""One server, one Wine, and clients that run one after the other."""

import ctypes
import json
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time

from workloads import MODES, WORKLOADS, find_doubt, is_idle

LIMIT = 45  # seconds that a client may take beyond its own
QUIET = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe,winemenubuilder.exe=d"}


class Failure(Exception):
    """What the bench needs and does not get."""


def start(command, cpus=None, **files):
    """A process of its own group. Wine's services inherit what it has open: only files."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                            env={**os.environ, **QUIET},
                            preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None,
                            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **files})


def end(process, patience=10):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def processor_time(pid):
    """Nanoseconds that the process has worked: all its threads, those that have ended, too."""
    clock = ctypes.c_int()
    code = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if code != 0:
        raise Failure(f"the processor time of process {pid}: {os.strerror(code)}")
    return time.clock_gettime_ns(clock.value)


class Server:
    """bench_server on free ports."""

    patience = 5  # seconds for connections to end, of which a client has let go

    def __init__(self, path, cpus=None, delay=200, longest=3600):
        with tempfile.TemporaryFile() as said:
            self.process = start([path, "--delay-us", str(delay), "--max-seconds", str(longest)], cpus, stdout=said,
                                 stderr=said)
            deadline = time.monotonic() + 10
            line = b""
            while not line.endswith(b"\n") and self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
                said.seek(0)
                line = said.read()
        words = line.decode().split()
        if len(words) != 2 or words[0] != "ready":
            end(self.process)
            raise Failure(f"{path} does not start: {line.decode().strip()}")
        self.base = int(words[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)

    def port(self, mode):
        return self.base + MODES.index(mode)

    def counts(self):
        with socket.create_connection(("127.0.0.1", self.port("stats")), 10) as connection:
            line = b""
            while part := connection.recv(65536):
                line += part
        return json.loads(line)

    def settled(self, mode):
        """The counts when all that was accepted has been closed."""
        deadline = time.monotonic() + self.patience
        counts = self.counts()
        while left := counts[mode]["accepted"] - counts[mode]["closed"]:
            if time.monotonic() > deadline:
                raise Failure(f"{left} of {counts[mode]['accepted']} connections ({mode}) have not ended "
                              f"after {self.patience} s")
            time.sleep(0.02)
            counts = self.counts()
        return counts


class Wine:
    """A Wine server of the session's own in the caller's WINEPREFIX, on the given processors, for
    it makes half of the work: or, without one, whatever runs there."""

    def __init__(self, wine, cpus=None, trace=None, own=True):
        self.command = shlex.split(wine)
        self.cpus = cpus
        self.process = None
        if not own:
            return
        prefix = os.environ.get("WINEPREFIX", "")
        if not os.path.isdir(os.path.join(prefix, "drive_c")):
            raise Failure(f"WINEPREFIX={prefix} is no prefix of Wine's: ci/bench makes one")
        self.process = start(["wineserver", "-f", "-p", *(["-d1"] if trace else [])], cpus, stderr=trace or subprocess.DEVNULL)
        time.sleep(0.3)
        if self.process.poll() is not None:
            raise Failure(f"a Wine server runs already in {prefix}")
        # The first program starts services: they shall have started before anything is measured.
        if start([*self.command, "cmd", "/c", "exit", "0"], cpus).wait(120) != 0:
            self.__exit__()
            raise Failure("Wine does not start")
        time.sleep(1.0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is None:
            return
        subprocess.run(["wineserver", "-k"], check=False, stdin=subprocess.DEVNULL, timeout=60)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            end(self.process)

    def processor_time(self):
        """Nanoseconds of the server's."""
        return 0 if self.process is None else processor_time(self.process.pid)


class Session:
    def __init__(self, server, wine):
        self.server, self.wine = server, wine

    def command(self, client, name, options):
        """`client` is a program and what it is given besides."""
        workload = WORKLOADS[name]
        words = shlex.split(client)
        windows = self.wine.command if words[0].endswith(".exe") else []
        given = {"--port": self.server.port(workload.mode), "--conns": workload.connections, "--size": workload.size,
                 **options}
        return [*windows, words[0], workload.client, *(str(word) for pair in given.items() for word in pair),
                *words[1:]]

    def run(self, client, name, **options):
        """The client's result with what was seen from outside; with "error" if it is none.
        Options: seconds, warmup, threads, ops ..., as of the command line."""
        mode = WORKLOADS[name].mode
        options = {f"--{key}": value for key, value in options.items()}
        before = self.server.settled(mode)
        limit = float(options.get("--seconds", 60)) + float(options.get("--warmup", 1)) + LIMIT
        with tempfile.TemporaryFile() as said:
            process = start(self.command(client, name, options), self.wine.cpus, stdout=said)
            times = self.watch(process, said, limit)
            code = process.wait()
            if times is None:
                return {"error": f"not over after {limit:.0f} s"}
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
        after = self.server.settled(mode)
        lines = [line for line in text.splitlines() if line.startswith("{")]
        if not lines:
            return {"error": f"no result, code {code}"}
        result = json.loads(lines[-1])
        if "error" in result:
            return {**result, "error": f"{result['error']}, code {result.get('code')}"}
        seen = {key: after[mode][key] - before[mode][key] for key in after[mode]}
        doubt = find_doubt(name, result, seen)
        if code != 0 or doubt or result["errors"] != 0:
            return {**result, "error": doubt or f"code {code}, {result['errors']} errors"}
        if not is_idle(name):
            for key, each in zip(("client_us_per_op", "wineserver_us_per_op"), times):
                result[key] = each / 1e3 / max(1, result["ops_all"])
        return result

    def watch(self, process, said, limit):
        """Until the client is over. Returns its processor time and the Wine server's, from where the client says
        that it begins (its connections are open) to its result; or None if it is not over in time. What it says
        of its own time does not do: Wine tells that in steps of 10 ms."""
        times, deadline = [], time.monotonic() + limit
        while time.monotonic() < deadline:
            # It is not waited for yet: then there would be no times any more.
            over = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            lines = os.pread(said.fileno(), 65536, 0).count(b"\n")
            while len(times) < min(lines, 2):
                times.append((processor_time(process.pid), self.wine.processor_time()))
            if over:
                return [after - before for before, after in zip(times[0], times[-1])] if times else [0, 0]
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        return None
