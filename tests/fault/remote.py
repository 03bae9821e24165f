"""kill -9 of a server that is reached by its url, and of the worker that asks
it, with a thousand calls in flight: each call fails once, soon, and says
what is known of it; no call came to the server twice; all comes back."""

import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import httpd
import process
from client import Canary, Client
from gateway import LIBRARY, PATIENCE, Gateway, backend

SCRIPT = os.path.join(LIBRARY, "http_backend.py")
SESSIONS, EACH = 50, 20
# From the kill to the last of the errors.
FAIL_WITHIN = 0.25
BACK_WITHIN = 5.0


class Program:
    """The scripted server as a process of its own, always on one port."""

    def __init__(self, *args):
        self.args = args
        self.port = httpd.free_port()
        handle, self.record = tempfile.mkstemp(prefix="mcpgw-record-")
        os.close(handle)
        self.child = None

    def start(self):
        """Start it, and wait until its port is open."""
        self.child = subprocess.Popen(
            [sys.executable, SCRIPT, "--port", str(self.port), "--record",
             self.record, *self.args], stdout=subprocess.PIPE)
        process.waited_for.add(self.child.pid)
        assert self.child.stdout.readline() == b"%d\n" % self.port

    def kill(self):
        """kill -9; its record stays."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child.stdout.close()
            process.waited_for.discard(self.child.pid)
            self.child = None

    def remove(self):
        """Kill it and remove its record."""
        self.kill()
        os.unlink(self.record)

    def received(self, tool):
        """{id: how often it came} of the calls of a tool."""
        with open(self.record, "rb") as file:
            messages = [json.loads(line) for line in file.read().splitlines()]
        return collections.Counter(
            message["id"] for message in messages
            if message.get("method") == "tools/call" and
            message["params"]["name"] == tool)


class Remote:
    """The tests; a class for each transport."""

    kind, path = None, None

    def setUp(self):
        self.program = Program("--kind", self.kind)
        self.addCleanup(self.program.remove)

    def start(self, running=True):
        """A gateway, in front of the server and another one."""
        if running:
            self.program.start()
        self.gateway = Gateway({
            "victim": {"type": self.kind, "url": "http://127.0.0.1:"
                       f"{self.program.port}{self.path}"},
            "bystander": backend()})
        self.addCleanup(self.gateway.discard)
        self.client = self.open("bystander/echo")
        if running:
            self.client.wait_tools("victim/echo")
        self.canary = Canary(self.gateway.address, "bystander/echo")
        self.canary.__enter__()
        self.addCleanup(self.canary.ending.set)

    def open(self, *tools):
        """A session."""
        client = Client(self.gateway.address)
        self.addCleanup(client.close)
        client.wait_tools(*tools)
        return client

    def end(self):
        """What holds after each."""
        self.canary.__exit__(None, None, None)
        # The server is ours, not the gateway's.
        self.program.kill()
        self.gateway.stop()

    def hang(self):
        """The clients of a thousand calls, of which the server has got as
        many as it gets at once."""
        clients = [self.open("victim/hang") for _ in range(SESSIONS)]
        for client in clients:
            for number in range(EACH):
                client.send("tools/call", {
                    "name": "victim/hang", "arguments": {"seconds": 60}},
                    ident=f"hanging {number}")
        # Streamable HTTP needs a connection for each; the rest waits.
        several = 700 if self.kind == "http" else SESSIONS * EACH
        process.wait_until(
            lambda: len(self.program.received("hang")) >= several,
            20 * PATIENCE, "the calls at the server")
        time.sleep(0.2)
        return clients

    def assert_failed(self, clients, since):
        """Each call ended once and in time; its error says whether it came to
        the server, as far as that is known."""
        received = self.program.received("hang")
        self.assertEqual(set(received.values()), {1})
        outcomes, slowest = collections.Counter(), 0.0
        for client in clients:
            client.assert_one_outcome_each()
            for number in range(EACH):
                message, = client.outcomes[f'"hanging {number}"']
                self.assertEqual(message.error["data"]["backend"], "victim")
                outcomes[message.error["data"]["outcome"]] += 1
                slowest = max(slowest, message.at - since)
        self.assertEqual(set(outcomes) - {"unknown", "not_sent"}, set())
        self.assertEqual(sum(outcomes.values()), SESSIONS * EACH)
        self.assertGreaterEqual(outcomes["unknown"], len(received))
        self.assertLess(slowest, FAIL_WITHIN * PATIENCE)

    def assert_back(self):
        """The victim serves again, and its tools are listed."""
        process.wait_until(
            lambda: "result" in self.client.call("victim/echo").json,
            BACK_WITHIN * PATIENCE, "an answer")
        self.client.wait_tools("victim/echo")

    def test_a_thousand_calls_when_the_server_is_killed(self):
        self.start()
        clients = self.hang()
        since = time.monotonic()
        self.program.kill()
        self.assert_failed(clients, since)
        begin = time.monotonic()
        self.assertEqual(self.client.call("victim/echo").error["data"][
            "outcome"], "not_sent")
        self.assertLess(time.monotonic() - begin, FAIL_WITHIN * PATIENCE)
        before = self.program.received("hang")
        self.program.start()
        self.assert_back()
        self.assertEqual(self.program.received("hang"), before)
        self.end()

    def test_a_thousand_calls_when_the_worker_is_killed(self):
        self.start()
        clients = self.hang()
        worker = self.gateway.find("worker-http", "victim")
        since = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        self.assert_failed(clients, since)
        self.gateway.wait_for("worker-http", "victim", other_than=worker)
        self.assert_back()
        self.end()

    def test_a_thousand_calls_when_the_gateway_ends(self):
        self.start()
        self.hang()
        self.canary.__exit__(None, None, None)
        process.wait_until(lambda: self.gateway.find("front"), 1, "a front")
        self.program.child.send_signal(signal.SIGSTOP)
        self.gateway.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        self.gateway.child.wait(10 * PATIENCE)
        self.gateway.stopped = True
        self.assertEqual(self.gateway.child.returncode, 0)
        self.assertLess(time.monotonic() - begin, 5 * PATIENCE)
        self.assertEqual(set(self.program.received("hang").values()), {1})

    def test_a_server_that_is_not_there_yet(self):
        self.start(running=False)
        self.gateway.wait_log(r"backend victim\b.*refused")
        for _ in range(3):
            begin = time.monotonic()
            self.assertIn("error", self.client.call("victim/echo").json)
            self.assertLess(time.monotonic() - begin, FAIL_WITHIN * PATIENCE)
        self.program.start()
        self.assert_back()
        self.end()

    def test_a_server_that_comes_and_goes(self):
        self.start()
        for _ in range(3):
            self.program.kill()
            process.wait_until(
                lambda: "error" in self.client.call("victim/echo").json,
                BACK_WITHIN * PATIENCE, "an error")
            self.program.start()
            self.assert_back()
        self.client.assert_one_outcome_each()
        self.end()

    def test_a_server_that_stays_away_leaves_the_lists(self):
        self.start()
        self.program.kill()
        process.wait_until(
            lambda: "victim/echo" not in self.client.tools(), 10 * PATIENCE,
            "no tools of the victim")
        used = process.cpu_seconds(self.gateway.pid)
        time.sleep(2)
        self.assertLess(process.cpu_seconds(self.gateway.pid) - used,
                        0.3 * PATIENCE)
        self.end()

    def test_a_server_that_is_stopped_and_goes_on(self):
        self.start()
        self.client.call("victim/echo").result
        process.suspend(self.program.child.pid)
        self.client.send("tools/call", {"name": "victim/echo", "arguments": {
            "text": "later"}}, ident="later")
        time.sleep(1)
        self.assertNotIn('"later"', self.client.outcomes)
        self.program.child.send_signal(signal.SIGCONT)
        self.assertEqual(self.client.outcome('"later"').result["content"][0][
            "text"], "later")
        self.assertEqual(set(self.program.received("echo").values()), {1})
        self.end()


class Streamable(Remote, unittest.TestCase):
    """Over Streamable HTTP."""

    kind, path = "http", "/mcp"


class Legacy(Remote, unittest.TestCase):
    """Over HTTP+SSE."""

    kind, path = "sse", "/sse"


if __name__ == "__main__":
    unittest.main()
