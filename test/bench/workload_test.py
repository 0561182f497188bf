#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each workload with a client of the bench, for a few operations: they are done, they are as
many as were asked for, and nothing went wrong. How long they take is not looked at.

    workload_test.py --client apmbench.exe --server bench_server --wine wine64
"""

import argparse
import sys
import unittest

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from floor import SWITCHES, add_switches  # noqa: E402
from session import Server, Session, Wine  # noqa: E402
from workloads import WORKLOADS, is_idle  # noqa: E402

KEYS = {"impl", "version", "workload", "ops", "bytes", "seconds", "ops_per_s", "MB_per_s", "p50_us", "p99_us",
        "peak_ws_kb", "user_s", "sys_s", "cpu_us_per_op", "conns", "size", "threads", "ops_all", "errors"}
FEW = 150
session = None
client = ""


class Workloads(unittest.TestCase):
    def check(self, name, command=None, **options):
        workload = WORKLOADS[name]
        count = max(FEW, workload.connections)  # each connection does one, at least
        result = session.run(command or client, name, **options, **({} if is_idle(name) else {"ops": count}))
        self.assertNotIn("error", result, result)
        self.assertLessEqual(KEYS, result.keys())
        self.assertEqual(result["workload"], workload.client)
        self.assertEqual(result["errors"], 0)
        self.assertEqual(result["conns"], workload.connections)
        self.assertEqual(result["size"], workload.size)
        if is_idle(name):
            self.assertEqual(result["ops_all"], workload.connections)
            self.assertGreater(result["priv_per_conn"], 0)
            return result
        if client.endswith(("apmbench.exe", "floor_iocp.exe")) or workload.connections == 1:
            self.assertEqual(result["ops_all"], count)
        self.assertGreaterEqual(result["ops_all"], count)
        self.assertEqual(result["ops"], result["ops_all"])
        self.assertGreater(result["ops_per_s"], 0)
        self.assertGreaterEqual(result["p99_us"], result["p50_us"])
        each = {"connect_rate": 0, "msdn": 19}.get(workload.client, workload.size)
        if workload.client != "stream_recv":  # which takes what there is
            self.assertEqual(result["bytes"], result["ops"] * each)
        return result

    def test_several_workers(self):
        self.check("pend64", threads=4)

    def test_ipv6(self):
        self.check("pingpong", host="::1")

    def test_time(self):
        """Without a number of operations: until the time is over."""
        result = session.run(client, "pingpong", seconds=0.3, warmup=0.1)
        self.assertNotIn("error", result, result)
        self.assertGreater(result["ops"], 0)
        self.assertGreater(result["ops_all"], result["ops"], "those of the warm-up are in ops_all only")

    def test_reset(self):
        """What goes wrong is said, and is no result."""
        session.server.port = lambda mode: Server.port(session.server, "rst" if mode == "echo" else mode)
        self.addCleanup(lambda: session.server.__dict__.pop("port"))
        result = session.run(client, "pingpong", ops=2)
        self.assertIn("error", result)

    def test_unknown_switch(self):
        result = session.run(client + " --opt no_such_switch=1", "pingpong", ops=2)
        self.assertIn("error", result)


def add_workload(name):
    # 5,000 connections only where it is measured: they take files that a system may not have.
    if name != "idle5000":
        setattr(Workloads, f"test_{name}", lambda self: self.check(name))
    if name in SWITCHES and client.endswith("floor_iocp.exe"):
        setattr(Workloads, f"test_{name}_at_its_best", lambda self: self.check(name, add_switches(client, name)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--wine", default="wine64")
    asked, rest = parser.parse_known_args()
    client = asked.client
    for workload_name in WORKLOADS:
        add_workload(workload_name)
    with Server(asked.server, longest=600) as server, Wine(asked.wine, own=False) as wine:
        session = Session(server, wine)
        sys.exit(not unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result.wasSuccessful())
