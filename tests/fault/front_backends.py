"""The front while the backends behind it come and go, with workers that the
test plays: who hears of which resources, what is listed, what callers are
told."""

import json
import socket
import time
import unittest

from client import Client
from frames import Front, Peer, TOOLS
import process

UPDATED = "notifications/resources/updated"
CHANGED = "notifications/tools/list_changed"
SUBSCRIBES = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}


class Subscriptions(unittest.TestCase):
    """One backend, of which many sessions want to hear."""

    def setUp(self):
        self.front = Front()
        self.addCleanup(self.front.__exit__)

    def link(self, backend=0, **more):
        """A worker whose backend has resources, and the sign that it is
        listed."""
        more = {"resources": ["t:a", "t:b"], "capabilities": SUBSCRIBES,
                **more}
        return self.front.link(backend, **more)

    def client(self, tool="a/echo"):
        """A session that sees the first backend."""
        client = Client(self.front.address)
        self.addCleanup(client.close)
        client.wait_tools(tool)
        return client

    def subscribe(self, worker, client, uri="t:a", result=True):
        """Subscribe where the backend is asked."""
        key = client.send("resources/subscribe", {"uri": uri})
        number, message = worker.request()
        self.assertEqual(message["method"], "resources/subscribe")
        self.assertEqual(message["params"], {"uri": uri})
        if result:
            worker.answer(number, {})
            self.assertEqual(client.outcome(key).result, {})
        return number, key

    def heard(self, client):
        """The URIs of all updates so far."""
        client.request("ping")
        return [note.json["params"]["uri"] for note in client.notifications
                if note.json["method"] == UPDATED]

    def quiet(self, worker, client):
        """The worker was told nothing more."""
        client.send("resources/read", {"uri": "t:b"})
        frame = worker.take()
        self.assertEqual((frame[0], json.loads(frame[3])["method"]),
                         ("REQUEST", "resources/read"))

    def test_the_first_asks_the_last_unsubscribes(self):
        worker = self.link()
        one, two, three = self.client(), self.client(), self.client()
        worker.updated("t:a")
        self.subscribe(worker, one)
        for _ in range(2):
            self.assertEqual(two.request(
                "resources/subscribe", {"uri": "t:a"}).result, {})
        worker.updated("t:a", title="news")
        worker.updated("t:b")
        worker.updated("t:a/below")
        for client in (one, two):
            self.assertEqual(self.heard(client), ["t:a", "t:a/below"])
        self.assertEqual(one.notifications[-2].json["params"],
                         {"uri": "t:a", "title": "news"})
        for _ in range(2):
            self.assertEqual(one.request(
                "resources/unsubscribe", {"uri": "t:a"}).result, {})
        worker.updated("t:a")
        self.assertEqual(len(self.heard(two)), 3)
        key = two.send("resources/unsubscribe", {"uri": "t:a"})
        number, message = worker.request()
        self.assertEqual(message["method"], "resources/unsubscribe")
        worker.answer(number, {})
        two.outcome(key).result
        worker.updated("t:a")
        self.assertEqual(len(self.heard(two)), 3)
        self.assertEqual(len(self.heard(one)), 2)
        self.assertEqual(self.heard(three), [])
        for uri in ("t:a", "t:b", "u:unknown", "", "x" * 10000):
            self.assertEqual(three.request(
                "resources/unsubscribe", {"uri": uri}).result, {})
        self.quiet(worker, three)

    def test_the_end_of_the_last_session_unsubscribes_once(self):
        worker = self.link()
        one, two, three = self.client(), self.client(), self.client()
        self.subscribe(worker, one)
        two.request("resources/subscribe", {"uri": "t:a"}).result
        one.close()
        two.close()
        frame = worker.take()
        self.assertEqual((frame[0], frame[3]), ("UNSUBSCRIBE", b'"t:a"'))
        self.quiet(worker, three)

    def test_a_session_that_ends_while_it_asks(self):
        worker = self.link()
        one, two = self.client(), self.client()
        number, _ = self.subscribe(worker, one, result=False)
        one.close()
        self.assertEqual(worker.take()[:2], ("CANCEL", number))
        self.assertEqual(worker.take()[3], b'"t:a"')
        worker.answer(number, {})
        self.subscribe(worker, two)
        worker.updated("t:a")
        self.assertEqual(self.heard(two), ["t:a"])

    def test_two_that_ask_at_once_both_ask(self):
        worker = self.link()
        one, two = self.client(), self.client()
        first, key = self.subscribe(worker, one, result=False)
        second, other = self.subscribe(worker, two, result=False)
        worker.send("RESPONSE", {"jsonrpc": "2.0", "id": first, "error": {
            "code": 5, "message": "no"}}, first)
        worker.answer(second, {})
        self.assertEqual(one.outcome(key).error["code"], 5)
        two.outcome(other).result
        worker.updated("t:a")
        self.assertEqual(self.heard(one), [])
        self.assertEqual(self.heard(two), ["t:a"])

    def test_unsubscribing_before_the_answer(self):
        worker = self.link()
        one = self.client()
        number, key = self.subscribe(worker, one, result=False)
        self.assertEqual(one.request(
            "resources/unsubscribe", {"uri": "t:a"}).result, {})
        worker.answer(number, {})
        one.outcome(key).result
        frame = worker.take()
        self.assertEqual((frame[0], frame[3]), ("UNSUBSCRIBE", b'"t:a"'))
        worker.updated("t:a")
        self.assertEqual(self.heard(one), [])

    def test_what_is_subscribed_is_told_to_the_next_worker(self):
        worker = self.link()
        one, two = self.client(), self.client()
        self.subscribe(worker, one)
        self.subscribe(worker, one, "t:b")
        _, key = self.subscribe(worker, two, "t:unlisted", result=False)
        worker.close()
        self.assertEqual(two.outcome(key).error["data"]["outcome"], "unknown")
        self.assertEqual(one.request(  # while nobody is there to be asked
            "resources/unsubscribe", {"uri": "t:b"}).result, {})
        self.assertEqual(two.request("resources/subscribe", {
            "uri": "t:b"}).error["data"]["outcome"], "not_sent")
        worker = self.link()
        frame = worker.take()
        self.assertEqual((frame[0], frame[3]), ("SUBSCRIBE", b'"t:a"'))
        worker.updated("t:a")
        worker.updated("t:b")
        worker.updated("t:unlisted")
        one.wait(lambda: one.count(UPDATED), 5, "an update")
        self.assertEqual(self.heard(one), ["t:a"])
        self.assertEqual(self.heard(two), [])

    def test_a_backend_greeted_anew_is_told_again(self):
        """Level and subscriptions; calls in flight go on; what it can do is
        what it says now."""
        worker = self.link()
        one = self.client()
        self.subscribe(worker, one)
        one.request("logging/setLevel", {"level": "error"})
        worker.expect("CLIENT_LEVEL")
        key = one.send("tools/call", {"name": "a/echo"})
        number, _ = worker.request()
        worker.greet(SUBSCRIBES)
        self.assertEqual(worker.take()[:3], ("CLIENT_LEVEL", 0, 4))
        self.assertEqual(worker.take()[0], "SUBSCRIBE")
        worker.answer(number, {"still": "there"})
        self.assertEqual(one.outcome(key).result, {"still": "there"})
        worker.updated("t:a")
        one.wait(lambda: one.count(UPDATED), 5, "an update")
        worker.greet({"resources": {}})
        worker.expect("SUBSCRIBE")
        self.assertEqual(one.request("resources/subscribe", {
            "uri": "t:b"}).error["code"], -32601)

    def test_a_backend_that_cannot_is_not_asked(self):
        for capabilities in ({"resources": {}}, {"tools": {}},
                             {"resources": {"subscribe": False}},
                             {"resources": {"subscribe": "true"}},
                             {"resources": [True]}, {"resources": 7}):
            with self.subTest(capabilities):
                worker = self.link(capabilities=capabilities)
                one = self.client()
                error = one.request(
                    "resources/subscribe", {"uri": "t:a"}).error
                self.assertEqual(error["code"], -32601)
                self.assertIn('"a" does not support', error["message"])
                self.quiet(worker, one)
        self.assertEqual(one.request("resources/subscribe", {
            "uri": "u:unknown"}).error["code"], -32002)
        self.assertEqual(one.request(
            "resources/subscribe", {"uri": 7}).error["code"], -32602)

    def test_equal_uris_of_two_backends_have_the_names_of_clients(self):
        first = self.link(0, resources=["t:a"])
        self.client()
        second = self.link(1, resources=["t:a"])
        one = self.client("b/echo")
        uris = [item["uri"] for item in one.items("resources")]
        self.assertEqual(len(set(uris)), 2)
        one.wait_tools("a/echo", "b/echo")
        other = next(uri for uri in uris if uri != "t:a")
        for uri, worker in zip(uris, (first, second)):
            key = one.send("resources/subscribe", {"uri": uri})
            number, message = worker.request()
            self.assertEqual(message["params"]["uri"], "t:a")
            worker.answer(number, {})
            one.outcome(key).result
            worker.updated("t:a")
            worker.updated("t:a/b")
        one.wait(lambda: one.count(UPDATED) == 4, 5, "four updates")
        self.assertEqual(self.heard(one), [
            uri + more for uri in uris for more in ("", "/b")])
        for uri, worker in zip(uris, (first, second)):
            key = one.send("resources/unsubscribe", {"uri": uri})
            number, message = worker.request()
            self.assertEqual(message["params"]["uri"], "t:a")
            worker.answer(number, {})
            one.outcome(key).result
        self.assertIn("+", other)

    def test_floods_and_nonsense_end_nothing(self):
        """Greetings, lists, updates without a URI, of any length."""
        worker = self.link()
        other = self.link(1, resources=())
        one = self.client("b/echo")
        self.subscribe(worker, one)
        worker.socket.setblocking(True)
        for uri in (None, 7, {}, "", "t:a" + "x" * 9000, "t:a/" + "y" * 9000,
                    "/" * 8000, "t:a\0", "\ud800"):
            worker.updated(uri)
        for params in ({}, {"uri": "t:a", "more": "x" * 70000}):
            worker.send("NOTIFY", {"jsonrpc": "2.0", "method": UPDATED,
                                   "params": params})
        for text in (b"", b"{}", b"\xff", b'{"jsonrpc":"2.0","method":'
                     b'"notifications/resources/updated"}'):
            worker.send("NOTIFY", text)
            worker.send("GREETING", text if text != b"{}" else b"[]")
        begin = time.monotonic()
        for number in range(2000):
            worker.greet(SUBSCRIBES)
            worker.send("CATALOG", [{"name": f"tool{number % 2}"}],
                        flags=TOOLS)
        worker.updated("t:a/end")
        one.wait(lambda: one.count(UPDATED), 20, "the update")
        self.assertEqual(self.heard(one), ["t:a/end"])
        key = one.send("tools/call", {"name": "b/echo"})
        number, _ = other.request()
        other.answer(number, {})
        one.outcome(key).result
        self.assertLess(one.count(CHANGED),
                        6 + (time.monotonic() - begin) * 5)


class Absence(unittest.TestCase):
    """A backend that goes, for a moment or for longer."""

    def changes(self, client):
        """How often each list was said to have changed."""
        client.request("ping")
        return [client.count(f"notifications/{kind}/list_changed")
                for kind in ("tools", "resources", "prompts")]

    def test_a_moment_is_not_told(self):
        with Front() as front, Client(front.address) as client:
            worker = front.link(0, resources=["t:a"])
            client.wait_tools("a/echo")
            before = self.changes(client)
            for _ in range(3):
                worker.close()
                front.state(0, "backoff", "it ended", 300)
                front.state(0, "starting")
                self.assertIn("a/echo", client.tools())
                worker = front.link(0, resources=["t:a"])
                front.state(0, "ready")
                time.sleep(0.3)
            time.sleep(2.2)
            self.assertEqual(self.changes(client), before)
            self.assertEqual(client.tools(), ["a/echo"])

    def test_longer_is_told_once_and_the_return_once(self):
        with Front() as front, Client(front.address) as client:
            front.link(1)
            client.wait_tools("b/echo")
            worker = front.link(0, resources=["t:a"])
            front.state(0, "ready")
            client.wait_tools("a/echo")
            before = self.changes(client)
            front.state(0, "stopping")
            begin = time.monotonic()
            worker.close()
            front.state(0, "backoff", "it ended", 60000)
            client.wait(lambda: client.count(CHANGED) > before[0], 5,
                        "list_changed")
            self.assertGreater(time.monotonic() - begin, 1.9)
            self.assertLess(time.monotonic() - begin, 2.5)
            self.assertEqual(client.tools(), ["b/echo"])
            time.sleep(0.5)
            self.assertEqual(self.changes(client),
                             [before[0] + 1, before[1] + 1, before[2]])
            front.link(0, resources=["t:a"])
            client.wait_tools("a/echo")
            time.sleep(0.5)
            self.assertEqual(self.changes(client),
                             [before[0] + 2, before[1] + 2, before[2]])

    def test_a_return_with_other_lists_is_told_once(self):
        with Front() as front, Client(front.address) as client:
            worker = front.link(0, resources=["t:a"])
            client.wait_tools("a/echo")
            time.sleep(0.3)
            before = self.changes(client)
            worker.close()
            front.link(0, tools=["echo", "more"], resources=["t:a"])
            client.wait_tools("a/more")
            time.sleep(0.3)
            self.assertEqual(self.changes(client),
                             [before[0] + 1, *before[1:]])

    def test_a_backend_that_stays_down_is_unlisted_at_once(self):
        for state in ("failed", "down"):
            with self.subTest(state), Front() as front, \
                    Client(front.address) as client:
                worker = front.link(0)
                client.wait_tools("a/echo")
                time.sleep(0.3)
                before = self.changes(client)
                worker.close()
                begin = time.monotonic()
                front.state(0, state, "no such program")
                client.wait(lambda: client.count(CHANGED) > before[0], 5,
                            "list_changed")
                self.assertLess(time.monotonic() - begin, 1)
                self.assertEqual(client.tools(), [])
                for name in ("a/echo", "a__echo", "a/any"):
                    error = client.call(name).error
                    self.assertEqual(
                        error["message"], 'Backend "a" is not running '
                        f'({state}): no such program')
                    self.assertEqual(error["data"]["outcome"], "not_sent")
                self.assertEqual(client.call("ab/x").error["code"], -32602)
                time.sleep(2.3)
                self.assertEqual(client.count(CHANGED), before[0] + 1)

    def test_at_an_endpoint_of_its_own_no_name_is_unknown(self):
        """What it has is not known while it is away."""
        with Front() as front, Client(front.address) as all_of_them, \
                Client(front.address, path="/servers/a/sse") as client:
            worker = front.link(0)
            client.wait_tools("echo")
            worker.close()
            front.state(0, "failed", "no such program")
            process.wait_until(lambda: not client.tools(), 5, "its end")
            for name in ("echo", "any", "b/any"):
                error = client.call(name).error
                self.assertEqual(error["message"], 'Backend "a" is not '
                                 'running (failed): no such program')
                self.assertEqual(error["data"], {
                    "backend": "a", "outcome": "not_sent"})
            self.assertEqual(all_of_them.call("echo").error["code"], -32602)
            front.link(0)
            client.wait_tools("echo")
            self.assertEqual(client.call("any").error["code"], -32602)

    def test_what_is_listed_before_a_greeting_is_not_shown(self):
        ours, theirs = socket.socketpair()
        with Front() as front, Client(front.address) as client:
            worker = Peer(ours)
            self.addCleanup(worker.close)
            front.supervisor.send("LINK", ident=0, client=1,
                                  fd=theirs.fileno())
            theirs.close()
            worker.send("CATALOG", [{"name": "echo", "inputSchema": {
                "type": "object"}}], flags=TOOLS)
            worker.send("GREETING", {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "serverInfo": {"name": "fake", "version": "1"}})
            # Once it is greeted, a name that it has not is a wrong one.
            process.wait_until(lambda: client.call("a/echo").error[
                "code"] == -32602, 5, "the greeting")
            self.assertEqual(client.tools(), [])

    def test_callers_learn_why_and_when(self):
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            worker.close()
            front.state(0, "backoff", "it ended with status 3", 12400)
            process.wait_until(lambda: "status 3" in client.call(
                "a/echo").error["message"], 5, "the reason")
            begin = time.monotonic()
            error = client.call("a/echo").error
            self.assertLess(time.monotonic() - begin, 0.1)
            self.assertEqual(error["message"],
                             'Backend "a" is not running (backoff): it ended '
                             'with status 3; next try in 13 s')
            after = error["data"].pop("retry_after_ms")
            self.assertTrue(11000 < after <= 12400, after)
            self.assertEqual(error["data"],
                             {"backend": "a", "outcome": "not_sent"})
            time.sleep(0.5)
            self.assertLess(client.call("a/echo").error["data"][
                "retry_after_ms"], after - 400)
            front.state(0, "starting")
            process.wait_until(lambda: client.call("a/echo").error == {
                "code": -32603,
                "message": 'Backend "a" is not running (starting)',
                "data": {"backend": "a", "outcome": "not_sent"}}, 5,
                "no reason and no time")

    def test_what_a_worker_says_of_a_failure_passes_as_it_is(self):
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            failure = {"code": -32603, "message": "no", "data": {
                "backend": "a", "outcome": "refused", "status": 403}}
            key = client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            worker.send("FAIL", failure, number)
            self.assertEqual(client.outcome(key).error, failure)


if __name__ == "__main__":
    unittest.main()
