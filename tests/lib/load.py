"""Sessions that call tools at a steady pace while something happens to the
gateway.  Whatever that is, each call has one outcome: a result, an error, a
refusal of its POST, or the end of its session."""

import json
import threading
import time

import process
import raw
from client import Client
from gateway import PATIENCE

# After the last call, for the last answer.
LAST_ANSWER = 20


class Load:
    """Use it with "with"; leaving the block fails when a call has no outcome or
    two, and, unless failures are allowed, when it is not a result."""

    def __init__(self, address, tools, rate, sessions=4, may_fail=False):
        self.address = address
        self.tools = [tools] if isinstance(tools, str) else list(tools)
        self.interval = sessions / rate
        self.may_fail = may_fail
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.wrong = []      # what must not be
        self.counts = {"result": 0, "error": 0, "refused": 0, "ended": 0}
        self.slowest = 0.0   # answer, in seconds
        self.sent = 0
        first = [self.open() for _ in range(sessions)]
        self.threads = [threading.Thread(
            target=self.run, args=(number, client), daemon=True)
            for number, client in enumerate(first)]

    def open(self):
        """A session that sees all tools."""
        client = Client(self.address)
        try:
            client.wait_tools(*self.tools)
        except BaseException:
            client.close()
            raise
        return client

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.ending.set()
        for thread in self.threads:
            thread.join(60 * PATIENCE)
        if kind is not None:
            return
        assert not self.wrong, self.wrong[:5]
        assert self.counts["result"] > 0, self.counts

    def calls(self):
        """How many there were so far."""
        return self.sent

    def note(self, outcome, number=1):
        """Count an outcome."""
        with self.lock:
            self.counts[outcome] += number
            if number and outcome != "result" and not self.may_fail:
                self.wrong.append(f"{number} calls: {outcome}")

    def run(self, number, client):
        """One session after the other, until told to end."""
        while True:
            if client is not None:
                self.session(number, client)
                client.close()
            if self.ending.is_set():
                return
            client = None
            try:
                client = self.open_again()
            except (AssertionError, raw.Closed, OSError, ValueError):
                time.sleep(0.05)

    def open_again(self):
        """Another session; the tools need not be back."""
        if not self.may_fail:
            with self.lock:
                self.wrong.append("a session ended")
            self.ending.set()
        return Client(self.address)

    def session(self, number, client):
        """Call in time, a pause is made up for; judge when it is over."""
        due = time.monotonic()
        keys = []
        try:
            while not self.ending.is_set() and not client.ended:
                tool = self.tools[(len(keys) + number) % len(self.tools)]
                self.call(client, tool, keys)
                due = max(due + self.interval, time.monotonic() - 1)
                time.sleep(max(0, due - time.monotonic()))
        except (raw.Closed, OSError):
            # Whether it was taken is not known, unless its answer comes.
            pass
        self.judge(client, keys)

    def call(self, client, tool, keys):
        """One call, with what its POST is answered."""
        ident = f"load {len(keys)}"
        keys.append((json.dumps(ident), time.monotonic()))
        answer = client.post(json.dumps({
            "jsonrpc": "2.0", "id": ident, "method": "tools/call",
            "params": {"name": tool, "arguments": {"text": "load"}},
        }).encode())
        with self.lock:
            self.sent += 1
        if answer.status != 202:
            keys.pop()
            self.note("refused")

    def judge(self, client, keys):
        """Each call that was taken has one outcome."""
        def complete():
            return client.ended or all(
                key in client.outcomes for key, _ in keys)
        try:
            process.wait_until(complete, LAST_ANSWER * PATIENCE, "answers")
        except AssertionError:
            pass
        ended = client.ended
        for key, sent in keys:
            messages = client.outcomes.get(key, ())
            if len(messages) > 1:
                self.wrong.append(f"call {key}: {len(messages)} answers")
            if not messages and not ended:
                self.wrong.append(f"call {key}: no answer")
            if not messages:
                self.note("ended")
                continue
            self.slowest = max(self.slowest, messages[0].at - sent)
            self.note("result" if "result" in messages[0].json else "error")
