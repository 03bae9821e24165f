"""A client in a process of its own that calls a tool all the time and notes how
long each call takes: what others do is not to be seen in that.

What a busy machine makes of it is no news: the time for which those who serve
the call wanted to run and were not let, as the kernel counts it, is taken off.

The process is this file: canary.py ADDRESS TOOL TOKEN PID…, where ADDRESS is
HOST:PORT or a path, TOKEN may be empty, and PID are those who serve.  It says
"ready", calls until its standard input ends, and prints what it saw as JSON.
"""

import json
import os
import select
import subprocess
import sys
import time

import raw
from caller import Caller

SLOWEST = 0.1    # seconds, of 99 of 100 calls
INTERVAL = 0.02  # seconds between two
HURRY = 0.005    # between those that come when it is to end, for the sum
LEAST = 100      # calls, however short the time


def waited(pid):
    """Seconds for which a process was ready to run and did not."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0


class Canary:
    """Use it with "with"; leaving the block fails when a call failed or too
    many were slow."""

    def __init__(self, address, tool, token="", pids=(), slowest=SLOWEST):
        self.address = address
        self.tool = tool
        self.token = token
        self.pids = pids
        self.slowest = slowest
        self.times = []
        self.child = None

    def __enter__(self):
        where = self.address if isinstance(self.address, str) else \
            "{}:{}".format(*self.address)
        self.child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), where, self.tool,
             self.token, *map(str, self.pids)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        if line.strip() != "ready":
            self.child.kill()
            raise AssertionError(f"the canary did not begin: {line!r}")
        return self

    def __exit__(self, kind, value, trace):
        text, _ = self.child.communicate(timeout=60)
        seen = json.loads(text)
        self.times = seen["times"]
        if kind is not None:
            return
        assert not seen["errors"], f"the canary: {seen['errors']}"
        assert self.percentile(99) < self.slowest, (
            f"the canary waited {self.percentile(99):.3f} s: "
            f"{len(self.times)} calls, {self.times[-5:]}")

    def percentile(self, percent):
        """The time in which so many of 100 calls were answered."""
        return self.times[(len(self.times) * percent - 1) // 100]


def main(where, tool, token, *pids):
    """Be the client."""
    if where.startswith("/"):
        address = where
    else:
        host, _, port = where.rpartition(":")
        address = (host, int(port))
    caller = Caller(address, token or None)
    times, errors = [], []

    def now():
        return time.monotonic() - sum(map(waited, [*pids, os.getpid()]))

    with caller.open() as session, caller.connect() as poster:
        session.wait_tools(tool)
        print("ready", flush=True)
        ending = False
        while not errors and (not ending or len(times) < LEAST):
            if ending:
                time.sleep(HURRY)
            else:
                ending = bool(select.select([sys.stdin], [], [], INTERVAL)[0])
            begin = now()
            try:
                answer = session.send("tools/call", {
                    "name": tool, "arguments": {"text": "canary"}},
                                      connection=poster)
                outcome = session.outcome() if answer.status == 202 else answer
                if answer.status != 202 or "error" in outcome or \
                        outcome["id"] != session.number:
                    errors.append(repr(outcome))
            except (raw.Closed, OSError, AssertionError) as error:
                errors.append(repr(error))
            times.append(max(0, now() - begin))
    print(json.dumps({"times": sorted(times), "errors": errors}))


if __name__ == "__main__":
    main(*sys.argv[1:])
