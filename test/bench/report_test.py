#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the bench makes of results: ratios, tables, the chart, requests from a trace."""

import contextlib
import io
import sys
import unittest
from xml.etree import ElementTree

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from bench import OURS, command_for, tell_counts  # noqa: E402
from chart import choose_colours, draw  # noqa: E402
from count import ALLOWED, count_again, count_requests, find_excess, per_operation  # noqa: E402
from floor import FLOOR, FLOOR_BEST, SWITCHES  # noqa: E402
from report import detail_table, errors_of, ratio_of, speed, summary_table, thrift, versions_of  # noqa: E402
from workloads import WORKLOADS, find_doubt  # noqa: E402

TRACE = b"""0024: select( flags=2, cookie=0021fb04, timeout=infinite, size=8, prev_apc=0000 )
0024: select() = PENDING { apc_handle=0000, signaled=0 }
0020: *signal* signal=19
0024: *wakeup* signaled=258
0024: recv_socket( oob=0, async={handle=0040}, force_async=0 )
0024: recv_socket() = PENDING { wait=0000, options=00000020 }
002c: get_next_device_request( manager=0000, prev=0000 )
0024: select( flags=2 )
0024: select() = 0 {}
"""


def result(rate, client=10.0, wineserver=20.0, memory=4000):
    return {"ops_per_s": rate, "p50_us": 50.0, "p99_us": 90.0, "client_us_per_op": client,
            "wineserver_us_per_op": wineserver, "priv_per_conn": memory}


# The machine was busy in the second round: both were slow, the ratio is the same.
ROUNDS = [{FLOOR: result(1000), "ours": result(980)},
          {FLOOR: result(100), "ours": result(98)},
          {FLOOR: result(1000), "ours": result(1100)},
          {FLOOR: result(1000), "ours": {"error": "watchdog"}}]


class Report(unittest.TestCase):
    def test_ratio_is_that_of_each_round(self):
        ratio = ratio_of(ROUNDS, "ours", speed("pingpong"))
        self.assertAlmostEqual(ratio.median, 0.98)
        self.assertAlmostEqual(ratio.least, 0.98)
        self.assertAlmostEqual(ratio.most, 1.1)
        self.assertEqual(ratio.rounds, 3, "a round that failed does not count")

    def test_nothing_to_compare(self):
        self.assertIsNone(ratio_of(ROUNDS, "theirs", speed("pingpong")))
        self.assertIn("-", summary_table([FLOOR, "theirs"], {"pingpong": ROUNDS}))

    def test_less_memory_is_better(self):
        rounds = [{FLOOR: result(0, memory=4000), "ours": result(0, memory=8000)}]
        self.assertAlmostEqual(ratio_of(rounds, "ours", speed("idle1000")).median, 0.5)

    def test_less_processor_time_is_better(self):
        rounds = [{FLOOR: result(1, 10, 20), "ours": result(1, 20, 40)}]
        self.assertAlmostEqual(ratio_of(rounds, "ours", thrift).median, 0.5)

    def test_tables(self):
        lines = detail_table("pingpong", [FLOOR, "ours"], ROUNDS).splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertIn("0.98 (0.98-1.10)", lines[3])
        self.assertIn("0.98 (0.98-1.10)", summary_table([FLOOR, "ours"], {"pingpong": ROUNDS}))

    def test_errors_are_told(self):
        self.assertEqual(errors_of({"pingpong": ROUNDS}), ["pingpong, round 4, ours: watchdog"])

    def test_versions(self):
        """Once each; the floor has none, and what has failed tells none."""
        ours = {"impl": "apmsock", "version": "0.1.0"}
        rounds = [{FLOOR: {"impl": FLOOR, "version": ""}, "peer": {"impl": "nng", "version": "1.5.2"},
                   "ours": ours, "ours_too": ours},
                  {"peer": {"impl": "nng", "error": "watchdog"}}]
        self.assertEqual(versions_of({"pingpong": rounds, "pend64": rounds}), "apmsock 0.1.0, nng 1.5.2")

    def test_chart(self):
        text = draw([FLOOR, "ours", "theirs & others"], {"pingpong": ROUNDS, "pend64": ROUNDS}, ["Made today by <me>"])
        root = ElementTree.fromstring(text)
        words = [element.text for element in root.iter() if element.text]
        for word in ("pingpong", "pend64", "ours", "theirs & others", "0.98", "Made today by <me>"):
            self.assertIn(word, words)
        # The background, three of the legend... and a bar for each workload that has a ratio.
        bars = [element for element in root.iter("{http://www.w3.org/2000/svg}rect") if element.get("height") == "11"]
        self.assertEqual(len(bars), 2)

    def test_requests(self):
        counts = count_requests(TRACE.splitlines())
        self.assertEqual(counts, {"select": 2, "recv_socket": 1, "get_next_device_request": 1})

    def test_starting_and_ending_cancel_out(self):
        each = per_operation({"select": 500, "open_key": 90}, {"select": 900, "open_key": 90, "close_handle": 2}, 200)
        self.assertEqual(each, {"select": 2.0, "close_handle": 0.01})

    def tell(self, **counts):
        """What is printed, and what must not be."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            errors = tell_counts(list(counts), {"pend64": {name: {"select": value - 1, "recv_socket": 1.0}
                                                           for name, value in counts.items()}})
        return said.getvalue(), errors

    def test_more_requests_than_the_floor_fail(self):
        said, errors = self.tell(**{FLOOR: 4.0, FLOOR_BEST: 4.0, OURS: 4.0 + ALLOWED + 0.02})
        self.assertEqual(errors, ["pend64: apmbench needs 4.12 requests for each operation, floor_iocp 4.00"])
        self.assertIn("4.12", said)

    def test_as_many_requests_as_the_floor_are_well(self):
        for ours in (3.0, 4.0, 4.0 + ALLOWED - 0.01):
            self.assertEqual(self.tell(**{FLOOR: 4.0, FLOOR_BEST: 4.0, OURS: ours})[1], [])

    def test_more_requests_than_the_floor_at_its_best_are_told(self):
        said, errors = self.tell(**{FLOOR: 4.5, FLOOR_BEST: 4.0, OURS: 4.3})
        self.assertEqual(errors, [])
        self.assertIn("pend64: apmbench needs 4.30 requests for each operation, floor_best 4.00", said)
        self.assertNotIn("no failure", self.tell(**{FLOOR: 4.5, FLOOR_BEST: 4.3, OURS: 4.3})[0])

    def test_who_looks_above_the_floor_is_counted_again(self):
        """So is the floor; the middle one of three holds. Nobody else is, and nobody without need."""
        more = {OURS: [{"select": 4.0}, {"select": 4.1}], FLOOR: [{"select": 4.2}, {"select": 3.0}]}
        counts = {FLOOR: {"select": 4.0}, OURS: {"select": 4.3}, "theirs": {"select": 9.0}}
        self.assertEqual(count_again(counts, lambda implementation: more[implementation].pop(), OURS, FLOOR),
                         {FLOOR: {"select": 4.0}, OURS: {"select": 4.1}, "theirs": {"select": 9.0}})
        counts = {FLOOR: {"select": 4.0}, OURS: {"select": 4.05}}
        self.assertIs(count_again(counts, None, OURS, FLOOR), counts)

    def test_who_was_not_counted_is_not_compared(self):
        self.assertEqual(find_excess({"pend1": {OURS: 9.0}, "pend64": {FLOOR: 4.0}}, OURS, FLOOR), [])
        self.assertEqual(self.tell(**{FLOOR: 4.0, "theirs": 9.0})[1], [])

    def test_floor_at_its_best(self):
        """Its switches are those of the workload; nobody else has them."""
        commands = {FLOOR: "floor_iocp.exe", FLOOR_BEST: "floor_iocp.exe"}
        self.assertEqual(command_for(commands, FLOOR_BEST, "pend1"), f"floor_iocp.exe --opt {SWITCHES['pend1']}")
        self.assertEqual(command_for(commands, FLOOR_BEST, "idle1000"), "floor_iocp.exe")
        self.assertEqual(command_for(commands, FLOOR, "pend1"), "floor_iocp.exe")
        self.assertLessEqual(SWITCHES.keys(), WORKLOADS.keys())

    def test_colours(self):
        """Those of the others are the same with the floor at its best and without it."""
        with_it, without = choose_colours([FLOOR, FLOOR_BEST, "a", "b"]), choose_colours([FLOOR, "a", "b"])
        self.assertEqual({**with_it, **without}, with_it)
        self.assertEqual(len(set(with_it.values())), 3)
        self.assertEqual(len(choose_colours([FLOOR, *"abcdefghi"])), 6, "as many as there are colours")

    def test_doubt(self):
        counted = {"ops_all": 10, "size": 64, "bytes": 640, "conns": 1}
        self.assertIsNone(find_doubt("pingpong", counted, {"in": 640}))
        self.assertIn("639", find_doubt("pingpong", counted, {"in": 639}))
        self.assertIn("9", find_doubt("connect1", counted, {"accepted": 9}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
