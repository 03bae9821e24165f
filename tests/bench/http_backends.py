"""Backends over HTTP beside the same one over stdio: the gateway speaks to all
in the same run, its clients use /sse."""

import statistics

import counts
import processes
from processes import Backend, EchoServer, Gateway, HttpGateway, tool
from report import interleave, one_cpu

# Streamable HTTP with answers as JSON and as event streams, and HTTP+SSE.
KINDS = ("http", "events", "sse")
# The front's are in the other table, like those of a worker with stdio.
COUNTS = (("worker", "instructions"), ("worker", "allocations"),
          ("worker", "syscalls"), ("backend", "syscalls"))


def all_kinds(args, folder, server):
    """A gateway with the backend over stdio and over HTTP."""
    return Gateway(args.build, folder, entries={
        "stdio": {"command": tool(args.build, "echo_backend")},
        **{kind: server.entry(kind) for kind in KINDS}})


def measure_throughput(args, report, folder):
    with EchoServer(args.build) as server, \
            all_kinds(args, folder, server) as gateway:
        targets = [*(Backend(gateway, name) for name in ("stdio", *KINDS)),
                   server]
        for clients in (1, 64):
            medians, seen = interleave(report, args, targets, "rps", "-c",
                                       str(clients))
            report.data[f"http rps c{clients}"] = seen
            report.http_row(f"calls/s, {clients} in flight", *medians,
                            form="{:.0f}", rounds=seen)


def measure_latency(args, report, folder):
    with one_cpu(), EchoServer(args.build) as server, \
            all_kinds(args, folder, server) as gateway:
        pipe = [processes.direct(args.build, args.seconds)["p50_us"]
                for _ in range(args.rounds)]
        targets = [*(Backend(gateway, name) for name in ("stdio", *KINDS)),
                   *(server.over(kind) for kind in KINDS)]
        medians, seen = interleave(report, args, targets, "p50_us", "-c", "1")
    report.data["http latency"] = [pipe, *seen]
    through, alone = medians[:len(KINDS) + 1], medians[len(KINDS) + 1:]
    report.http_row("µs of a call, one CPU", *through, alone[0],
                    rounds=seen)
    alone.insert(0, statistics.median(pipe))
    report.http_row("µs added to the backend alone, one CPU",
                    *(ours - its for ours, its in zip(through, alone)))


def measure_idle(args, report, folder):
    idle = []
    with EchoServer(args.build) as server:
        for kind in (None, *KINDS):
            with Gateway(args.build, folder) if kind is None else \
                    HttpGateway(args.build, folder, server, kind) as gateway:
                pid = gateway.worker()
                idle.append((processes.pss(pid), processes.own(pid)))
    report.data["http idle"] = idle
    # Other processes on the machine share the libraries, and lower the first.
    for i, what in enumerate(("PSS", "memory of its own")):
        report.http_row(f"{what} of the idle worker, MiB",
                        *(one[i] and one[i] / 1024 for one in idle),
                        form="{:.2f}")


def measure_start(args, report, folder):
    seen = [[] for _ in (None, *KINDS)]
    with EchoServer(args.build) as server:
        for _ in range(args.rounds):
            seen[0].append(Gateway.first_list(args.build, folder))
            for i, kind in enumerate(KINDS, 1):
                seen[i].append(HttpGateway.first_list(
                    args.build, folder, server=server, kind=kind))
    report.data["http start"] = seen
    report.http_row("ms from start to the first tools/list",
                    *(statistics.median(one) for one in seen))


def measure(args, report, folder):
    measure_throughput(args, report, folder)
    measure_latency(args, report, folder)
    measure_idle(args, report, folder)
    measure_start(args, report, folder)


def measure_counts(args, report, folder):
    with EchoServer(args.build) as server:
        for clients in (1, 16):
            seen = {kind: counts.http_gateway(
                args.build, folder, counts.Load(clients=clients),
                args.requests, server=server, kind=kind)
                for kind in args.kinds}
            report.data[f"http counts c{clients}"] = seen
            for role, what in COUNTS:
                report.http_row(
                    f"{what} of the {role}, {clients} in flight", None,
                    *(seen[kind][role][what] if kind in seen else None
                      for kind in KINDS),
                    form="{:.0f}" if what == "instructions" else "{:.2f}")
