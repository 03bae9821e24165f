"""A client in a process of its own that calls a tool all the time and notes how
long each call takes: what others do is not to be seen in that.  What a busy
machine makes of it is: so it notes as well how long a line takes through as
many processes that do nothing else.

The process is this file: canary.py ADDRESS TOOL INTERVAL TOKEN, where ADDRESS
is HOST:PORT or a path, and TOKEN may be empty.  It says "ready", calls until
its standard input ends, and prints what it saw as JSON.
"""

import json
import os
import select
import subprocess
import sys
import time

import raw
from caller import Caller

SLOWEST = 0.1  # seconds, of 99 of 100 calls
LEAST = 20     # calls, however short the time
# A call goes through front, worker and backend, and back again.
IDLERS = "cat | cat | cat | cat | cat"


class Canary:
    """Use it with "with"; leaving the block fails when a call failed or too
    many were slow."""

    def __init__(self, address, tool, token="", interval=0.02,
                 slowest=SLOWEST):
        self.address = address
        self.tool = tool
        self.token = token
        self.interval = interval
        self.slowest = slowest
        self.seen = None
        self.child = None

    def __enter__(self):
        where = self.address if isinstance(self.address, str) else \
            "{}:{}".format(*self.address)
        self.child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), where, self.tool,
             str(self.interval), self.token], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        if line.strip() != "ready":
            self.child.kill()
            raise AssertionError(f"the canary did not begin: {line!r}")
        return self

    def __exit__(self, kind, value, trace):
        text, _ = self.child.communicate(timeout=60)
        self.seen = json.loads(text)
        if kind is not None:
            return
        assert not self.seen["errors"], f"the canary: {self.seen['errors']}"
        took, noise = self.percentile("times"), self.percentile("noise")
        assert took < self.slowest + 2 * noise, (
            f"the canary waited {took:.3f} s on a machine where nothing takes "
            f"{noise:.3f} s: {self.seen['calls']} calls, "
            f"{self.seen['times'][-5:]}")

    def percentile(self, what, percent=99):
        """The time in which so many of 100 were done."""
        times = self.seen[what]
        return times[min(len(times) - 1, len(times) * percent // 100)]


def main(where, tool, interval, token):
    """Be the client."""
    if where.startswith("/"):
        address = where
    else:
        host, _, port = where.rpartition(":")
        address = (host, int(port))
    caller = Caller(address, token or None)
    idlers = subprocess.Popen(IDLERS, shell=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0)
    times, noise, errors = [], [], []
    with caller.open() as session, caller.connect() as poster:
        session.wait_tools(tool)
        print("ready", flush=True)
        ending = False
        while not ending or len(times) < LEAST:
            ending = bool(select.select(
                [sys.stdin], [], [], float(interval))[0])
            begin = time.monotonic()
            idlers.stdin.write(b"\n")
            idlers.stdout.read(1)
            noise.append(time.monotonic() - begin)
            begin = time.monotonic()
            try:
                answer = session.send("tools/call", {
                    "name": tool, "arguments": {"text": "canary"}},
                                      connection=poster)
                if answer.status != 202:
                    errors.append(repr(answer))
                    break
                outcome = session.outcome()
                if "error" in outcome or outcome["id"] != session.number:
                    errors.append(repr(outcome))
            except (raw.Closed, OSError, AssertionError) as error:
                errors.append(repr(error))
                break
            times.append(time.monotonic() - begin)
    idlers.stdin.close()
    idlers.wait()
    print(json.dumps({"calls": len(times), "times": sorted(times),
                      "noise": sorted(noise), "errors": errors}))


if __name__ == "__main__":
    main(*sys.argv[1:])
