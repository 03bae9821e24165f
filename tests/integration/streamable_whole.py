"""Streamable HTTP through the whole gateway, with a real backend: its end,
clients that cannot be told apart by what they send, and what is reported."""

import json
import re
import signal
import time
import unittest

import process
import raw
from client import Client
from gateway import PATIENCE, Gateway, backend, control, program
from streamable_client import Streamable


def text_of(outcome):
    """The text of a tool's answer."""
    return outcome["result"]["content"][0]["text"]


class Whole(unittest.TestCase):
    """A gateway with the scripted backend."""

    def serve(self, gateway=None, **more):
        """Start it."""
        self.gateway = Gateway({"a": backend(**more)}, gateway=gateway)
        self.addCleanup(self.gateway.discard)
        self.open()  # from now on nothing changes
        self.client = self.open()
        return self.gateway

    def open(self, **more):
        """A client."""
        client = Streamable(self.gateway.address, **more)
        client.wait_tool("a__echo")
        return client

    def report(self):
        """What mcp-gatewayctl says of the front."""
        return json.loads(control(self.gateway, "status", "--json"))["front"]


class End(Whole):
    """SIGTERM."""

    def test_whoever_waits_has_his_answer_first(self):
        gateway = self.serve({"drain_timeout": 20})
        older = self.open(revision="2025-03-26")
        with raw.Connection(gateway.address) as kept, \
                Client(gateway.address) as legacy:
            self.client.begin("ping", connection=kept).outcome()
            streams = [self.client.get(), older.get()]
            for stream in streams:
                self.assertTrue(stream.is_events())
            # 1.5 s: these are events by then; the others are JSON.
            calls = [one.call("a__slow", {"seconds": seconds, "text": str(n)},
                              timeout=30)
                     for n, (one, seconds) in enumerate(
                         [(self.client, 2.5), (older, 2.5)] * 5)]
            for exchange in calls:
                self.assertTrue(exchange.is_events())
            quick = [one.call("a__slow", {"seconds": 0.7, "text": "quick"})
                     for one in (self.client, older)]
            legacy.wait_tools("a/slow")
            key = legacy.send("tools/call", {
                "name": "a/slow", "arguments": {"seconds": 1}})
            time.sleep(0.1)
            gateway.send_signal(signal.SIGTERM)
            gateway.wait_log("front|ending|stopping")
            process.wait_until(lambda: self.is_refused(kept), 2 * PATIENCE,
                               "the refusal of new work")
            for exchange in quick:
                self.assertEqual(text_of(exchange.outcome()), "quick")
            for number, exchange in enumerate(calls):
                self.assertEqual(text_of(exchange.outcome()), str(number))
            self.assertEqual(legacy.outcome(key).result["content"][0]["text"],
                             "done")
            for stream in streams:
                self.assertEqual([one for one in stream.events() if one.data],
                                 [])  # in order, to the last chunk
            for exchange in calls + quick + streams:
                exchange.close()
        gateway.child.wait(10 * PATIENCE)
        gateway.stopped = True
        self.assertEqual(gateway.child.returncode, 0)
        gateway.assert_nothing_left()

    def is_refused(self, connection):
        """Does a connection that is open already hear of the end?"""
        exchange = self.client.begin("ping", connection=connection)
        answer = exchange.whole()
        if answer.status == 200:
            return False
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("connection"), "close")
        self.assertTrue(answer.header("retry-after"))
        return True

    def test_whoever_waits_for_too_long_is_told(self):
        gateway = self.serve({"drain_timeout": 1})
        calls = [self.client.call("a__hang", token=n) for n in range(5)]
        with self.client.get() as stream:
            self.assertTrue(stream.is_events())
            self.assertTrue(calls[0].is_events())
            gateway.send_signal(signal.SIGTERM)
            for exchange in calls:
                self.assertEqual(exchange.outcome()["error"]["data"], {
                    "backend": "a", "outcome": "unknown"})
            self.assertEqual([one for one in stream.events() if one.data], [])
            for exchange in calls:
                exchange.close()
        gateway.child.wait(10 * PATIENCE)
        gateway.stopped = True
        self.assertEqual(gateway.child.returncode, 0)


class Many(Whole):
    """Clients that send the same."""

    def test_equal_ids_and_progress_tokens(self):
        """200 clients, whose every id is 1 and progress token "t"."""
        self.serve()
        clients = [Streamable(self.gateway.address) for _ in range(200)]
        calls = [client.call("a__progress", {"count": 3, "text": f"c{place}"},
                             token="t", ident=1, timeout=30)
                 for place, client in enumerate(clients)]
        for place, exchange in enumerate(calls):
            with exchange:
                messages = [one.json for one in exchange.events() if one.data]
            self.assertEqual(
                [one["params"] for one in messages[:-1]],
                [{"progressToken": "t", "progress": n, "total": 3,
                  "message": f"c{place}"} for n in (1, 2, 3)])
            self.assertEqual((messages[-1]["id"], text_of(messages[-1])),
                             (1, f"c{place}"))
        self.gateway.stop()

    def test_a_call_is_cancelled_for_its_client_alone(self):
        self.serve()
        clients = [Streamable(self.gateway.address) for _ in range(5)]
        calls = [client.call("a__hang", {"seconds": 2}, ident=1, timeout=30)
                 for client in clients]
        time.sleep(0.3)
        clients[2].notify("notifications/cancelled", {"requestId": 1})
        for place, exchange in enumerate(calls):
            with exchange:
                if place == 2:
                    self.assertEqual([one for one in exchange.events()
                                      if one.data], [])
                else:
                    self.assertEqual(text_of(exchange.outcome()),
                                     "nobody cancelled")
        self.gateway.stop()


class Reported(Whole):
    """What people see of sessions."""

    def test_sessions_count_from_initialize_to_their_end(self):
        self.serve({"limits": {"session_idle": 1}})
        process.wait_until(lambda: self.report()["sessions"] == 0,
                           5 * PATIENCE, "the end of the first session")
        fresh = Streamable(self.gateway.address, initialize=False)
        for body in (b"{}", b"[]", b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"initialize"}'):
            with fresh.post(body) as exchange:
                self.assertEqual(exchange.head().status, 400)
        self.assertEqual(self.report()["sessions"], 0)
        client = self.open()
        with client.get() as stream:
            self.assertTrue(stream.is_events())
            self.assertEqual(self.report()["sessions"], 1)
            metrics = raw.ask(self.gateway.address, "GET", "/metrics")
            self.assertRegex(metrics.body.decode(),
                             r"(?m)^\w*sessions 1$")
            time.sleep(1.5)
            self.assertEqual(client.status(), 200)
        process.wait_until(lambda: self.report()["sessions"] == 0,
                           5 * PATIENCE, "its end")
        self.assertEqual(client.status(), 404)
        log = self.gateway.log()
        self.assertRegex(log, r"session \d+: closed .*asks nothing")
        # Ids are secret.
        self.assertNotIn(client.session, log + self.gateway.console())
        self.gateway.stop()

    def test_the_example_server_is_served(self):
        self.gateway = Gateway({"a": {"command": program(
            "mcp-server-example")}})
        self.addCleanup(self.gateway.discard)
        client = Streamable(self.gateway.address)
        names = []
        process.wait_until(
            lambda: names.extend(one["name"] for one in client.result(
                "tools/list")["tools"]) or names, 10 * PATIENCE, "its tools")
        self.assertTrue(all(re.fullmatch("a__[A-Za-z0-9_-]+", name)
                            for name in names), names)
        own = Streamable(self.gateway.address, "/servers/a/mcp")
        self.assertEqual(
            {f"a__{one['name']}" for one in own.result("tools/list")["tools"]},
            set(names))
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
