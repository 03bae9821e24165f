#!/usr/bin/env python3
"""Measure the gateway beside the floor: the same path without any duties.

Both run at the same time and are loaded in turn, for several rounds; medians
are compared, because absolute figures drift with the machine.  Counts of
instructions, allocations and system calls are exact and do not drift."""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import counts
import processes
from processes import Floor, Gateway

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Measure: how it compares with its limit; ratios are to the floor.
GOALS = {
    "throughput": (">=", 0.65),
    "latency": ("<=", 1.6),
    "big": (">=", 0.6),
    "idle": ("<=", 6.0),
    "start": ("<=", 30.0),
    "strays": ("<=", 0),
}


class Report:
    """The rows of the table, and everything that was measured."""

    def __init__(self):
        self.rows = []
        self.data = {}
        self.wrong = 0

    def row(self, name, gateway, floor="", ratio="", goal=None, value=None):
        verdict = ""
        if goal is not None:
            sign, limit = GOALS[goal]
            verdict = f"{sign} {limit:g}"
            if value is None:
                verdict += "  ?"
            elif value >= limit if sign == ">=" else value <= limit:
                verdict += "  met"
            else:
                verdict += "  MISSED"
        self.rows.append((name, gateway, floor, ratio, verdict))

    def show(self):
        head = ("", "gateway", "floor", "ratio", "goal")
        rows = [head, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [row[i].rjust(widths[i]) for i in range(1, 4)]
            cells.append("  " + row[4])
            print("  ".join(cells).rstrip())

    def missed(self):
        return [row[0] for row in self.rows if row[4].endswith("MISSED")]

    def count_wrong(self, result):
        """Answers that were wrong or did not come, and where they went."""
        self.wrong += (result["errors"] + result["strays"]
                       + result["clients_dead"])
        if result["first_error"]:
            print("first error: " + result["first_error"], file=sys.stderr)


@contextlib.contextmanager
def one_cpu():
    """This process and what it starts stay on one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def both(args, folder):
    with Gateway(args.build, folder) as gateway:
        with Floor(args.build) as floor:
            yield gateway, floor


def load(report, target, seconds, *more):
    """One run of mcpload; its JSON line."""
    result = target.load("-d", str(seconds), "-w", str(seconds / 5), *more)
    if isinstance(target, Gateway):
        report.count_wrong(result)
    return result


def interleave(report, args, targets, key, *more):
    """The medians of what mcpload says, target after target in each round,
    every second round in the other order."""
    seen = [[] for _ in targets]
    for turn in range(args.rounds):
        order = list(enumerate(targets))
        for i, target in order if turn % 2 == 0 else order[::-1]:
            seen[i].append(load(report, target, args.seconds, *more)[key])
    return [statistics.median(one) for one in seen], seen


def measure_throughput(args, report, folder):
    with both(args, folder) as targets:
        (gateway, floor), seen = interleave(
            report, args, targets, "rps", "-c", "64")
    report.data["throughput"] = seen
    report.row("calls/s, 64 clients", f"{gateway:.0f}", f"{floor:.0f}",
               f"{gateway / floor:.2f}", "throughput", gateway / floor)


def measure_latency(args, report, folder):
    with one_cpu(), both(args, folder) as targets:
        direct = []
        for _ in range(args.rounds):
            direct.append(processes.direct(args.build, args.seconds)["p50_us"])
        (gateway, floor), seen = interleave(
            report, args, targets, "p50_us", "-c", "1")
    pipe = statistics.median(direct)
    ratio = (gateway - pipe) / (floor - pipe)
    report.data["latency"] = [direct, *seen]
    report.row(f"µs added to the pipe's {pipe:.1f}, one CPU",
               f"{gateway - pipe:.1f}", f"{floor - pipe:.1f}", f"{ratio:.2f}",
               "latency", ratio)


def measure_big(args, report, folder):
    with both(args, folder) as targets:
        seen = [[], []]
        for _ in range(args.rounds):
            for i, target in enumerate(targets):
                seen[i].append(load(
                    report, target, args.seconds, "-c", "1", "--blob",
                    "1000000", "--tool", target.tool("blob"))["mb_per_s"])
    gateway, floor = (statistics.median(one) for one in seen)
    report.data["big"] = seen
    report.row("MB/s of 1 MB results", f"{gateway:.0f}", f"{floor:.0f}",
               f"{gateway / floor:.2f}", "big", gateway / floor)


def measure_idle(args, report, folder):
    with Gateway(args.build, folder) as gateway:
        parts = [processes.pss(pid)
                 for pid in (gateway.front(), gateway.worker())]
    report.data["idle"] = parts
    if None in parts:
        report.row("PSS idle, front + worker, MiB", "not allowed",
                   goal="idle")
        return
    report.row("PSS idle, front + worker, MiB",
               " + ".join(f"{part / 1024:.2f}" for part in parts),
               goal="idle", value=sum(parts) / 1024)


def measure_start(args, report, folder):
    seen = [[], []]
    for _ in range(args.rounds):
        for i, kind in enumerate((Gateway, Floor)):
            seen[i].append(kind.first_list(args.build, folder))
    gateway, floor = (statistics.median(one) for one in seen)
    report.data["start"] = seen
    report.row("ms from start to the first tools/list", f"{gateway:.1f}",
               f"{floor:.1f}", f"{gateway / floor:.2f}", "start", gateway)


def measure_growth(args, report, folder):
    with Gateway(args.build, folder) as gateway:
        pids = {"front": gateway.front(), "worker": gateway.worker()}
        load(report, gateway, args.seconds, "-c", "64")
        before = {role: processes.rss(pid) for role, pid in pids.items()}
        load(report, gateway, args.growth, "-c", "64")
        after = {role: processes.rss(pid) for role, pid in pids.items()}
    report.data["growth"] = {"seconds": args.growth, "before_kib": before,
                             "after_kib": after}
    for role, start in before.items():
        report.row(f"RSS KiB of the {role}, after {args.growth:g} s of load",
                   f"{start} → {after[role]}")


def measure_counts(args, report, folder):
    for clients in (1, 16):
        gateway = counts.gateway(args.build, folder, clients, args.requests)
        floor = counts.floor(args.build, folder, clients, args.requests)
        report.data[f"counts c{clients}"] = {"gateway": gateway,
                                             "floor": floor}
        for what in ("instructions", "allocations", "syscalls"):
            for role in gateway:
                if what not in gateway[role]:
                    continue
                ours, theirs = gateway[role][what], floor[role][what]
                report.row(
                    f"{what} of the {role}, {clients} in flight",
                    counts.text(ours), counts.text(theirs),
                    f"{ours / theirs:.2f}" if ours and theirs else "")


MEASURES = {
    "throughput": measure_throughput,
    "latency": measure_latency,
    "big": measure_big,
    "idle": measure_idle,
    "start": measure_start,
    "growth": measure_growth,
    "counts": measure_counts,
}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(SOURCE, "build-bench"),
                        help="the folder of the programs (build-bench)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0,
                        help="of each run of the load (%(default)s)")
    parser.add_argument("--growth", type=float, default=30.0, metavar="SECONDS",
                        help="of load for the growth (%(default)s)")
    parser.add_argument("--long", action="store_true",
                        help="10 minutes of load for the growth")
    parser.add_argument("--requests", type=int, nargs=2, default=(500, 2500),
                        metavar="N", help="counts are the difference of runs "
                        "with so many requests (500 2500)")
    parser.add_argument("--only", action="append", choices=MEASURES,
                        help="measure this only; may be repeated")
    parser.add_argument("--json", metavar="FILE",
                        help="write every single figure to FILE")
    parser.add_argument("--strict", action="store_true",
                        help="exit with 1 when a goal is missed")
    parser.add_argument("--smoke", action="store_true",
                        help="as short as can be: does it run?")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    if args.smoke:
        args.rounds, args.seconds, args.growth = 1, 0.2, 0.3
        args.requests = (20, 60)
    if args.long:
        args.growth = 600.0
    return args


def main():
    args = read_arguments()
    report = Report()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mcpgw-bench-") as folder:
        os.chmod(folder, 0o755)
        for name in args.only or MEASURES:
            MEASURES[name](args, report, folder)
    report.row("answers wrong, missing or at the wrong client",
               str(report.wrong), goal="strays", value=report.wrong)
    report.show()
    print(f"{args.rounds} rounds of {args.seconds:g} s, medians; "
          f"{time.monotonic() - began:.0f} s in all")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"rows": report.rows, "data": report.data,
                       "wrong": report.wrong}, file, indent=1)
    if report.wrong or args.strict and report.missed():
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, processes.Failed) as error:
        sys.exit(f"bench: {error}")
