# SPDX-License-Identifier: MIT
"""What is measured: the workloads by name, and the ports of the server."""

from dataclasses import dataclass

# Behind the server's first port, in this order.
MODES = ["echo", "sink", "source", "msdn", "rst", "noread", "gate", "stats", "delay"]


@dataclass(frozen=True)
class Workload:
    client: str  # what the client calls it
    mode: str  # of the server
    connections: int
    size: int
    figure: str  # of the client's result, that is compared
    unit: str
    about: str


# To a gate where many connections are made: a close there leaves no port waiting (TIME_WAIT), of
# which some rounds would otherwise take all that there are.
WORKLOADS = {
    "pingpong": Workload("pingpong", "echo", 1, 64, "ops_per_s", "op/s", "64 bytes there and back"),
    "pingpong64": Workload("pingpong_many", "echo", 64, 64, "ops_per_s", "op/s", "the same on 64 connections"),
    "pend1": Workload("pingpong", "delay", 1, 64, "ops_per_s", "op/s", "the answer is always later"),
    "pend64": Workload("pingpong_many", "delay", 64, 64, "ops_per_s", "op/s", "the same on 64 connections"),
    "pend1000": Workload("pingpong_many", "delay", 1000, 64, "ops_per_s", "op/s", "the same on 1,000 connections"),
    "stream_send": Workload("stream_send", "sink", 1, 65536, "MB_per_s", "MB/s", "64 KiB after 64 KiB"),
    "stream_recv": Workload("stream_recv", "source", 1, 65536, "MB_per_s", "MB/s", "up to 64 KiB after 64 KiB"),
    "connect1": Workload("connect_rate", "gate", 1, 0, "ops_per_s", "op/s", "connect, close"),
    "connect16": Workload("connect_rate", "gate", 16, 0, "ops_per_s", "op/s", "16 at a time"),
    "msdn1": Workload("msdn", "msdn", 1, 4096, "ops_per_s", "op/s", "connect, send, receive to the end, close"),
    "msdn16": Workload("msdn", "msdn", 16, 4096, "ops_per_s", "op/s", "16 at a time"),
    "idle1000": Workload("idle_memory", "gate", 1000, 4096, "priv_per_conn", "bytes", "memory of a waiting connection"),
    "idle5000": Workload("idle_memory", "gate", 5000, 4096, "priv_per_conn", "bytes", "memory of a waiting connection"),
}


def is_idle(name):
    """Less is better there, and there are no operations to count."""
    return WORKLOADS[name].client == "idle_memory"


def find_doubt(name, result, seen):
    """What the server has seen (the difference of its counts) and the client has not done, or None."""
    workload = WORKLOADS[name]
    wanted = {
        "pingpong": ("in", result["ops_all"] * result["size"]),
        "pingpong_many": ("in", result["ops_all"] * result["size"]),
        "stream_send": ("in", result["bytes"]),
        "stream_recv": ("out", result["bytes"]),
        "connect_rate": ("accepted", result["ops_all"]),
        "msdn": ("out", result["ops_all"] * 19),
        "idle_memory": ("accepted", result["conns"]),
    }
    count, least = wanted[workload.client]
    if seen[count] < least:
        return f"the server has counted {seen[count]} ({count}), and not {least}"
    return None
