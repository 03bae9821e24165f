#!/usr/bin/env python3
"""Does a call cost more than it did?  Exact counts of instructions, heap
allocations and system calls are held against what was recorded here, with 3 %
of slack, and against what must never be exceeded.  Whoever makes a call
cheaper, or has a good reason to make it dearer, records the new value."""

import argparse
import os
import subprocess
import sys
import tempfile

import counts
import processes
from counts import Load
from report import show

SLACK = 1.03
# Timers that go off during a run, on a machine that has much else to do.
NOISE = 0.05
# Instructions and system calls are of the whole path: those of front and
# worker, and of these two and the backend.
#   what is counted: (recorded, never more than)
SMALL = {
    "mcp": {"instructions": (37650, 50000), "syscalls": (16, 20),
            "allocations of the front": (0, 8),
            "allocations of the worker": (0, 0)},
    "sse": {"instructions": (38950, 50000), "syscalls": (22, 24),
            "allocations of the front": (0, 8),
            "allocations of the worker": (0, 0)},
}
BYTES = 1000000
PER_BYTE = (3.66, 4)
# A list of two tools, and one of a thousand.  It is a text that is there
# already, and costs what the short one does but for writing it: 300 KB need
# one write, or some, as the client reads.
LIST = {"instructions": (31350, 50000), "allocations of the front": (0, 8)}
MORE_TOOLS = 998
LIST_GROWS = 1.25


class Gate:
    """What was counted, beside its limits."""

    def __init__(self, exact):
        self.exact = exact
        self.rows = []
        self.failed = False

    def check(self, name, value, limits, noise=NOISE):
        recorded, most = limits
        if value is None:
            self.rows.append((name, "not allowed", "", ""))
            return
        exact = self.exact and recorded is not None
        limit = min(most, recorded * SLACK) if exact else most
        verdict = "met"
        if value > limit + noise:
            verdict = "MISSED"
            self.failed = True
        elif exact and value < recorded / SLACK - noise:
            verdict = "met, by more than is recorded"
        self.rows.append((name, counts.text(value), counts.text(limit),
                          verdict))

    def show(self):
        show(("", "counted", "limit", "goal"), self.rows)


def together(seen, what):
    """A count of all processes; None where one may not be looked at."""
    values = [one[what] for one in seen.values() if what in one]
    return None if None in values else sum(values)


def check_all(gate, name, seen, limits):
    for what, limit in limits.items():
        kind, _, role = what.partition(" of the ")
        value = seen[role][kind] if role else together(seen, kind)
        gate.check(f"{what}, {name}", value, limit)


def run(gate, build, folder):
    for endpoint, limits in SMALL.items():
        seen = counts.gateway(build, folder, Load(endpoint), (100, 600))
        check_all(gate, f"a small call over /{endpoint}", seen, limits)
    seen = counts.gateway_instructions(
        build, folder, Load("mcp", blob=BYTES), (2, 6))
    gate.check("instructions for each byte of 1 MB over /mcp",
               together(seen, "instructions") / BYTES, PER_BYTE, noise=0)
    short, long = (counts.gateway_instructions(
        build, folder, Load("mcp", lists=True), (50, 250), tools=tools)
        for tools in (0, MORE_TOOLS))
    check_all(gate, "tools/list of 2 over /mcp", short, LIST)
    gate.check("instructions, tools/list of 1,000, to those of 2",
               together(long, "instructions") /
               together(short, "instructions"), (None, LIST_GROWS), noise=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True,
                        help="the folder of the programs, optimised")
    parser.add_argument("--exact", action="store_true",
                        help="compiler and libraries are those of the recorded "
                        "values, too")
    args = parser.parse_args()
    gate = Gate(args.exact)
    with tempfile.TemporaryDirectory(prefix="mcpgw-bench-") as folder:
        os.chmod(folder, 0o755)
        run(gate, os.path.abspath(args.build), folder)
    gate.show()
    sys.exit(gate.failed)


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, processes.Failed) as error:
        sys.exit(f"gate: {error}")
