# SPDX-License-Identifier: MIT
"""What the rounds say: medians, and ratios to the floor of the same round."""

import statistics
from dataclasses import dataclass

from floor import FLOOR
from workloads import WORKLOADS, is_idle


@dataclass(frozen=True)
class Ratio:
    """Of the rounds in which both have a result. Above 1 is better than the floor, in time and memory."""
    median: float
    least: float
    most: float
    rounds: int


def cost(result):
    """Microseconds of processor time for an operation: the client's and the Wine server's."""
    return result["client_us_per_op"] + result["wineserver_us_per_op"]


def ratio_of(rounds, implementation, figure):
    """`rounds` is a list of {implementation: result}; `figure` of a result, more is better."""
    ratios = []
    for results in rounds:
        ours, floor = results.get(implementation, {"error": ""}), results.get(FLOOR, {"error": ""})
        if "error" in ours or "error" in floor:
            continue
        if figure(ours) > 0 and figure(floor) > 0:
            ratios.append(figure(ours) / figure(floor))
    if not ratios:
        return None
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), len(ratios))


def speed(name):
    """The figure of a workload, as something of which more is better."""
    workload = WORKLOADS[name]
    if is_idle(name):
        return lambda result: 1 / result[workload.figure] if result[workload.figure] > 0 else 0
    return lambda result: result[workload.figure]


def thrift(result):
    return 1 / cost(result) if cost(result) > 0 else 0


def format_ratio(ratio):
    if ratio is None:
        return "-"
    return f"{ratio.median:.2f} ({ratio.least:.2f}-{ratio.most:.2f})"


def format_table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(word.ljust(width) if i == 0 else word.rjust(width)
                               for i, (word, width) in enumerate(zip(row, widths))) + " |" for row in [head, *rows]]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def median_of(rounds, implementation, figure):
    values = [figure(results[implementation]) for results in rounds
              if implementation in results and "error" not in results[implementation]]
    return statistics.median(values) if values else None


def detail_table(name, implementations, rounds):
    """One workload: a line for each implementation."""
    workload = WORKLOADS[name]
    figures = [(workload.unit, lambda result: result[workload.figure], "{:.0f}")]
    if not is_idle(name):
        figures += [("p50 us", lambda result: result["p50_us"], "{:.1f}"),
                    ("p99 us", lambda result: result["p99_us"], "{:.1f}"),
                    ("client us/op", lambda result: result["client_us_per_op"], "{:.2f}"),
                    ("wineserver us/op", lambda result: result["wineserver_us_per_op"], "{:.2f}")]
    head = [name, *(title for title, _, _ in figures), "of the floor"]
    if not is_idle(name):
        head.append("by processor time")
    rows = []
    for implementation in implementations:
        row = [implementation]
        for _, figure, form in figures:
            value = median_of(rounds, implementation, figure)
            row.append("-" if value is None else form.format(value))
        row.append(format_ratio(ratio_of(rounds, implementation, speed(name))))
        if not is_idle(name):
            row.append(format_ratio(ratio_of(rounds, implementation, thrift)))
        rows.append(row)
    return format_table(head, rows)


def summary_table(implementations, measured, by_time=False):
    """All workloads: the ratio of each implementation to the floor."""
    others = [implementation for implementation in implementations if implementation != FLOOR]
    rows = []
    for name, rounds in measured.items():
        if by_time and is_idle(name):
            continue
        figure = thrift if by_time else speed(name)
        rows.append([name, *(format_ratio(ratio_of(rounds, implementation, figure)) for implementation in others)])
    return format_table(["processor time" if by_time else "speed", *others], rows)


def versions_of(measured):
    """The libraries that were measured, as each client says."""
    found = {(result["impl"], result["version"]) for rounds in measured.values() for results in rounds
             for result in results.values() if result.get("version")}
    return ", ".join(f"{name} {version}" for name, version in sorted(found))


def errors_of(measured):
    return [f"{name}, round {number + 1}, {implementation}: {result['error']}"
            for name, rounds in measured.items() for number, results in enumerate(rounds)
            for implementation, result in results.items() if "error" in result]
