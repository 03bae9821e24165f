"""Sessions that nobody uses: what each costs, whether all are let in, and what
a call beside them notices."""

import json
import resource
import subprocess

import processes
from processes import Gateway, tool
from report import interleave, one_cpu, ratio_of

# As many as a front has descriptors for, of the 20,000 that it uses at most.
MOST = 19900
# Descriptors that are for other things: guard.h.
RESERVED = 100
# What clients have open: HTTP+SSE, Streamable HTTP with a GET stream, and a
# session alone, whose connection is closed.
KINDS = (("/sse", "sse", ()), ("/mcp with a GET stream", "mcp", ()),
         ("/mcp without a stream", "mcp", ("--no-stream",)))


class Held:
    """Sessions that are open while the block runs."""

    def __init__(self, target, count, *more):
        self.child = subprocess.Popen(
            [tool(target.build, "mcpload"), "hold", target.url,
             *target.transport, *more, "-c", str(count), "-d", "3600",
             "--sources", "8"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def said(self):
        return json.loads(self.child.stdout.readline().split(" ", 1)[1])

    def __enter__(self):
        self.ready = self.said()
        return self

    def __exit__(self, *_):
        """A line ends it; it says how many were there to the end."""
        self.child.stdin.write("\n")
        self.child.stdin.close()
        self.done = self.said()
        self.child.wait()
        self.child.stdout.close()


def most(args):
    """How many we can open, and the limit that they need raised."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(args.sessions, hard - RESERVED)


def measure_kind(args, report, folder, kind, count, goal):
    name, endpoint, more = kind
    settings = {"limits": {"sessions": count + RESERVED}}
    with one_cpu(), Gateway(args.build, folder, settings=settings) as busy, \
            Gateway(args.build, folder) as alone:
        targets = [target.at(endpoint) for target in (busy, alone)]
        interleave(report, args, targets, "p50_us", "-c", "1")  # it has warmed
        front = busy.front()
        before = processes.rss(front)
        with Held(targets[0], count, *more) as held:
            each = (processes.rss(front) - before) / count
            (loaded, quiet), seen = interleave(
                report, args, targets, "p50_us", "-c", "1")
    lost = held.ready["failed"] + held.ready["unfinished"] + held.done["dead"]
    report.data[f"sessions {name} {count}"] = {
        "kib": each, "ready": held.ready, "done": held.done, "p50_us": seen}
    report.row(f"KiB of an idle session, {name}, {count} open", f"{each:.2f}",
               goal=goal, value=each)
    report.row("  of these refused or lost", str(lost), goal="lost",
               value=lost)
    report.row("  s to open them", f"{held.ready['setup_s']:.2f}")
    ratio = ratio_of(*seen)
    report.row("  µs of a call beside them, and beside none",
               f"{loaded:.1f}", f"{quiet:.1f}", f"{ratio:.2f}", "beside",
               ratio)


def measure(args, report, folder):
    for kind in KINDS:
        for count, goal in ((min(1000, args.sessions), "few"),
                            (most(args), "most")):
            measure_kind(args, report, folder, kind, count, goal)
