"""What is measured in turn, and the tables it is shown in."""

import contextlib
import os
import statistics
import sys

# Measure: how it compares with its limit; ratios are to the floor.
GOALS = {
    "throughput": (">=", 0.8),
    "latency": ("<=", 1.25),
    "big": (">=", 0.85),
    "instructions": ("<=", 50000),
    "bytes": ("<=", 4),
    "few": ("<=", 6.0),
    "most": ("<=", 4.5),
    "lost": ("<=", 0),
    "beside": ("<=", 1.25),
    "idle": ("<=", 6.0),
    "start": ("<=", 30.0),
    "strays": ("<=", 0),
}


# The table of HTTP backends, a row of which need not be full.
HTTP_HEAD = ("", "stdio", "http", "events", "sse", "http/stdio", "sse/stdio",
             "server alone")


def show(head, rows):
    """A table; a column without a name in front and "goal" have words."""
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = [f"{cell:{'<' if name in ('', 'goal') else '>'}{width}}"
                 for name, cell, width in zip(head, row, widths)]
        print("  ".join(cells).rstrip())


class Report:
    """The rows of the tables, and everything that was measured."""

    def __init__(self):
        self.rows = []
        self.http = []
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

    def http_row(self, name, stdio, http, events, sse, alone=None,
                 form="{:.1f}", rounds=None):
        """Figures of one kind, each a number or None.  With the figures of
        each round a ratio is the median of theirs: it does not drift."""
        def ratio(one, i):
            if rounds is not None:
                return f"{ratio_of(rounds[i], rounds[0]):.2f}"
            return f"{one / stdio:.2f}" if one and stdio else ""

        def cell(one):
            return "" if one is None else form.format(one)

        self.http.append((name, cell(stdio), cell(http), cell(events),
                          cell(sse), ratio(http, 1), ratio(sse, 3),
                          cell(alone)))

    def show(self):
        show(("", "gateway", "floor", "ratio", "goal"), self.rows)
        if self.http:
            print()
            show(HTTP_HEAD, self.http)

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


def load(report, target, seconds, *more):
    """One run of mcpload; its JSON line."""
    result = target.load("-d", str(seconds), "-w", str(seconds / 5), *more)
    if target.counted:
        report.count_wrong(result)
    return result


def ratio_of(ours, theirs, base=0):
    """The median of the ratios of each round: it does not drift.  base is
    taken off both."""
    return statistics.median((one - base) / (other - base)
                             for one, other in zip(ours, theirs))


def interleave(report, args, targets, key, *more, tool="echo"):
    """The medians of what mcpload says, target after target in each round,
    every second round in the other order."""
    seen = [[] for _ in targets]
    for turn in range(args.rounds):
        order = list(enumerate(targets))
        for i, target in order if turn % 2 == 0 else order[::-1]:
            seen[i].append(load(report, target, args.seconds, "--tool",
                                target.tool(tool), *more)[key])
    return [statistics.median(one) for one in seen], seen
