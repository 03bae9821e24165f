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
import http_backends
import idle_sessions
import processes
from counts import Load
from processes import Floor, Gateway
from report import Report, interleave, load, one_cpu, ratio_of

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Where clients come in: Streamable HTTP, answered with JSON, and HTTP+SSE.
ENDPOINTS = ("mcp", "sse")
BIG = 1000000
# Tools of a large list: these, and the two of every echo server.
MANY_TOOLS = 998


@contextlib.contextmanager
def both(args, folder):
    with Gateway(args.build, folder) as gateway:
        with Floor(args.build) as floor:
            yield gateway, floor


def at(targets, endpoint):
    return [target.at(endpoint) for target in targets]


def measure_throughput(args, report, folder):
    with both(args, folder) as targets:
        for endpoint in ENDPOINTS:
            (gateway, floor), seen = interleave(
                report, args, at(targets, endpoint), "rps", "-c", "64")
            report.data[f"throughput {endpoint}"] = seen
            ratio = ratio_of(*seen)
            report.row(f"calls/s, 64 clients, /{endpoint}", f"{gateway:.0f}",
                       f"{floor:.0f}", f"{ratio:.2f}", "throughput", ratio)


def measure_latency(args, report, folder):
    with one_cpu(), both(args, folder) as targets:
        direct = []
        for _ in range(args.rounds):
            direct.append(processes.direct(args.build, args.seconds)["p50_us"])
        pipe = statistics.median(direct)
        for endpoint in ENDPOINTS:
            (gateway, floor), seen = interleave(
                report, args, at(targets, endpoint), "p50_us", "-c", "1")
            ratio = ratio_of(*seen, pipe)
            report.data[f"latency {endpoint}"] = [direct, *seen]
            report.row(f"µs added to the pipe's {pipe:.1f}, one CPU, "
                       f"/{endpoint}", f"{gateway - pipe:.1f}",
                       f"{floor - pipe:.1f}", f"{ratio:.2f}", "latency", ratio)


def measure_big(args, report, folder):
    with both(args, folder) as targets:
        for endpoint in ENDPOINTS:
            ours, its = at(targets, endpoint)
            (gateway, floor), seen = interleave(
                report, args, (ours, its), "mb_per_s", "-c", "1", "--blob",
                str(BIG), tool="blob")
            ratio = ratio_of(*seen)
            report.data[f"big {endpoint}"] = seen
            report.row(f"MB/s of 1 MB results, /{endpoint}", f"{gateway:.0f}",
                       f"{floor:.0f}", f"{ratio:.2f}", "big", ratio)


def measure_lists(args, report, folder):
    """The floor has none of its own."""
    with Gateway(args.build, folder, tools=MANY_TOOLS) as gateway:
        for endpoint in ENDPOINTS:
            seen = [load(report, gateway.at(endpoint), args.seconds, "-c",
                         "16", "--method", "tools/list", "--expect",
                         f"more_{MANY_TOOLS - 1}")
                    for _ in range(args.rounds)]
            report.data[f"lists {endpoint}"] = seen
            report.row("tools/list of 1,000 tools a second, 16 clients, "
                       f"/{endpoint}",
                       f"{statistics.median(one['rps'] for one in seen):.0f}")


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


def show_counts(report, load, gateway, floor):
    for what in ("instructions", "allocations", "syscalls"):
        for role in gateway:
            if what not in gateway[role]:
                continue
            ours, theirs = gateway[role][what], floor[role][what]
            report.row(
                f"{what} of the {role}, {load.clients} in flight, "
                f"/{load.endpoint}",
                counts.text(ours), counts.text(theirs),
                f"{ours / theirs:.2f}" if ours and theirs
                and theirs > 0.1 else "")
    ours, theirs = (sum(seen[role]["instructions"] for role in counts.ROLES)
                    for seen in (gateway, floor))
    report.row(f"instructions of both, {load.clients} in flight, "
               f"/{load.endpoint}", counts.text(ours), counts.text(theirs),
               f"{ours / theirs:.2f}", "instructions", ours)


def measure_counts(args, report, folder):
    for endpoint in ENDPOINTS:
        for clients in (1, 16):
            one = Load(endpoint, clients)
            seen = [kind(args.build, folder, one, args.requests)
                    for kind in (counts.gateway, counts.floor)]
            report.data[f"counts {endpoint} c{clients}"] = dict(
                zip(("gateway", "floor"), seen))
            show_counts(report, one, *seen)


def measure_bytes(args, report, folder):
    for endpoint in ENDPOINTS:
        seen = [sum(role["instructions"] for role in kind(
            args.build, folder, Load(endpoint, blob=BIG),
            args.few_requests).values()) / BIG for kind in (
                counts.gateway_instructions, counts.floor_instructions)]
        report.data[f"bytes {endpoint}"] = seen
        report.row(f"instructions for each byte of 1 MB, /{endpoint}",
                   *(counts.text(one) for one in seen),
                   f"{seen[0] / seen[1]:.2f}", "bytes", seen[0])


def measure_list_counts(args, report, folder):
    """Lists are texts that are there already: a longer one costs what writing
    it does."""
    for tools in (0, MANY_TOOLS, 2 * MANY_TOOLS + 2):
        seen = counts.gateway_instructions(
            args.build, folder, Load("mcp", lists=True), args.list_requests,
            tools=tools)["front"]
        report.data[f"list {tools}"] = seen
        report.row(f"instructions for a tools/list of {tools + 2:,}, /mcp",
                   counts.text(seen["instructions"]))


MEASURES = {
    "throughput": measure_throughput,
    "latency": measure_latency,
    "big": measure_big,
    "lists": measure_lists,
    "sessions": idle_sessions.measure,
    "idle": measure_idle,
    "start": measure_start,
    "growth": measure_growth,
    "counts": measure_counts,
    "bytes": measure_bytes,
    "list-counts": measure_list_counts,
    "http": http_backends.measure,
    "http-counts": http_backends.measure_counts,
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
    parser.add_argument("--sessions", type=int, default=idle_sessions.MOST,
                        metavar="N", help="idle sessions at most, if "
                        "descriptors suffice (%(default)s)")
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
    args.kinds = http_backends.KINDS
    # Of what takes long, but differs little.
    args.few_requests = (4, 20)
    args.list_requests = (100, 400)
    if args.smoke:
        args.rounds, args.seconds, args.growth = 1, 0.2, 0.3
        args.requests = args.list_requests = (20, 60)
        args.kinds = ("http",)
        args.sessions = min(args.sessions, 40)
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
            json.dump({"rows": report.rows, "http": report.http,
                       "data": report.data, "wrong": report.wrong}, file,
                      indent=1)
    if report.wrong or args.strict and report.missed():
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, processes.Failed) as error:
        sys.exit(f"bench: {error}")
