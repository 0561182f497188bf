#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a client is watched from outside, with small programs in a client's place.

    session_test.py --server bench_server
"""

import argparse
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from session import Failure, Server, Session, Wine, processor_time  # noqa: E402

SPENT = 0.2  # seconds of processor time
# In a thread that has ended by then.
WORK = f"""
import socket, sys, threading, time
def work():
    while time.thread_time() < {SPENT}:
        pass
def spend():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
def say(line):
    print(line, flush=True)
"""
CLIENT = f"""#!{sys.executable}{WORK}
connection = socket.create_connection(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
spend()
say("begins")
time.sleep(1)  # the runner looks
MEASURED
say('{{"ops_all": 2, "bytes": 0, "size": 0, "conns": 1, "errors": 0}}')
END
"""
session = None


class Client(unittest.TestCase):
    def run_client(self, measured="spend()", last=""):
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "client")
            with open(path, "w", encoding="utf-8") as file:
                file.write(CLIENT.replace("MEASURED", measured).replace("END", last))
            os.chmod(path, 0o700)
            return session.run(path, "stream_send", seconds=1)

    def test_time_of_all_its_threads(self):
        result = self.run_client()
        self.assertNotIn("error", result, result)
        self.assertGreaterEqual(result["client_us_per_op"], SPENT * 1e6 / 2)

    def test_time_from_its_begin_only(self):
        """What it has worked for its connections is not what is measured."""
        result = self.run_client(measured="")
        self.assertNotIn("error", result, result)
        self.assertLess(result["client_us_per_op"], SPENT * 1e6 / 2)

    def test_code_of_the_end(self):
        self.assertIn("code 3", self.run_client(last="sys.exit(3)")["error"])

    def test_no_result(self):
        self.assertIn("no result, code 4", self.run_client(measured="sys.exit(4)")["error"])


class ProcessorTime(unittest.TestCase):
    def test_of_threads_that_have_ended_until_it_is_waited_for(self):
        with subprocess.Popen([sys.executable, "-c", WORK + "spend()\nsay(1)\nsys.stdin.read()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            self.assertGreaterEqual(processor_time(process.pid), SPENT * 1e9)
            process.stdin.close()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.assertGreaterEqual(processor_time(process.pid), SPENT * 1e9)
            process.wait()
            self.assertRaises(Failure, processor_time, process.pid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    asked, rest = parser.parse_known_args()
    with Server(asked.server, longest=600) as server, Wine("", own=False) as wine:
        session = Session(server, wine)
        sys.exit(not unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result.wasSuccessful())
