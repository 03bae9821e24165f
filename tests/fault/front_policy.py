"""The front when its POLICY changes: backends that are added, replaced and
removed under way."""

import json
import socket
import threading
import time
import unittest

from frames import Peer, PROMPTS, TEMPLATES, TOOLS, backend
from policies import BACKEND, CHANGED, MESSAGE, Policies, SUBSCRIBES, UPDATED, call


class Parts(Policies):
    """Standby, serving, leaving, gone."""

    def test_a_standby_backend_is_listed_and_shown_to_nobody(self):
        front = self.start(backend(1, "a"), backend(2, "a", "standby"))
        old = front.link(1)
        self.assertEqual(self.told("LISTED"), (1, 0))
        client = self.client("a/echo")
        new = front.link(2, tools=["echo", "more"], resources=["t:a"])
        self.assertEqual(self.told("LISTED"), (2, 0))
        before = client.count(CHANGED)
        new.send("NOTIFY", {"jsonrpc": "2.0", "method": MESSAGE,
                            "params": {"level": "error", "data": "x"}})
        self.settle(client)
        self.assertEqual(client.tools(), ["a/echo"])
        self.assertEqual(client.items("resources"), [])
        for name in ("a/more", "a__more", "more"):
            self.assertEqual(client.call(name).error["code"], -32602)
        self.assertEqual(client.request(
            "resources/read", {"uri": "t:a"}).error["code"], -32002)
        number, key = call(client, old)
        old.answer(number, {})
        client.outcome(key).result
        self.assertEqual(client.count(CHANGED), before)
        self.assertEqual(client.count(MESSAGE), 0)

    def test_listed_comes_once_for_each_link(self):
        front = self.start(backend(7, "a"))
        worker = front.link(7)
        self.assertEqual(self.told("LISTED"), (7, 0))
        worker.greet()
        for kind in (TOOLS, TEMPLATES, PROMPTS):
            worker.send("CATALOG", [], flags=kind)
        client = self.client()
        client.request("ping")
        self.settle(client)
        self.quiet("LISTED")
        front.link(7)
        self.assertEqual(self.told("LISTED"), (7, 0))

    def test_listed_waits_for_all_four_lists(self):
        front = self.start(backend(7, "a"))
        worker = front.link(7)
        self.told("LISTED")
        worker.close()
        ours, theirs = socket.socketpair()
        front.supervisor.send("LINK", ident=7, client=9, fd=theirs.fileno())
        theirs.close()
        worker = Peer(ours)
        self.addCleanup(worker.close)
        client = self.client()
        worker.send("GREETING", {"protocolVersion": "2025-11-25",
                                 "capabilities": {}})
        for kind in range(3):
            worker.send("CATALOG", [], flags=kind)
        self.settle(client)
        self.quiet("LISTED")
        worker.send("CATALOG", [], flags=PROMPTS)
        self.assertEqual(self.told("LISTED"), (7, 0))

    def test_a_swap_is_told_once_and_only_where_lists_differ(self):
        front = self.start(backend(1, "a"), backend(2, "b"))
        front.link(1, resources=["t:a"])
        front.link(2)
        client = self.client("a/echo", "b/echo")
        new = backend(3, "a", "standby"), backend(4, "b", "standby")
        self.policy(backend(1, "a"), backend(2, "b"), *new)
        more = front.link(3, tools=["echo", "more"], resources=["t:a"])
        front.link(4)
        self.told("LISTED")
        self.settle(client)
        before = len(client.notifications)
        self.policy(backend(3, "a"), backend(4, "b"),
                     backend(1, "a", "leaving"), backend(2, "b", "leaving"))
        self.settle(client)
        self.assertEqual([note.json["method"] for note in
                          client.notifications[before:]], [CHANGED])
        self.assertEqual(client.tools(), ["a/echo", "a/more", "b/echo"])
        number, key = call(client, more, "a/more")
        more.answer(number, {"new": True})
        self.assertEqual(client.outcome(key).result, {"new": True})

    def test_what_is_in_flight_on_a_leaving_backend_goes_on(self):
        """Answer, progress, messages, cancellation; then DRAINED, once."""
        front = self.start(backend(1, "a"), backend(2, "a", "standby"))
        old, new = front.link(1), front.link(2)
        client = self.client("a/echo")
        self.told("LISTED")
        self.told("LISTED")
        first, first_key = call(client, old)
        second, second_key = call(client, old)
        third, _ = call(client, old)
        swapped = backend(2, "a"), backend(1, "a", "leaving")
        self.policy(*swapped)
        number, key = call(client, new)
        new.answer(number, {"from": "new"})
        self.assertEqual(client.outcome(key).result, {"from": "new"})
        old.send("EVENT", {"jsonrpc": "2.0", "method":
                           "notifications/progress", "params": {
                               "progressToken": first, "progress": 1}}, first)
        old.send("NOTIFY", {"jsonrpc": "2.0", "method": MESSAGE,
                            "params": {"level": "error", "data": "x"}})
        old.answer(first, {"from": "old"})
        self.assertEqual(client.outcome(first_key).result, {"from": "old"})
        self.assertEqual([note.json["params"] for note in client.notifications
                          if note.json["method"] == "notifications/progress"],
                         [{"progressToken": "p", "progress": 1}])
        self.assertEqual(client.count(MESSAGE), 1)
        ident = json.loads(second_key) + 1  # of the third
        client.notify("notifications/cancelled", {"requestId": ident})
        self.assertEqual(old.expect("CANCEL")[1], third)
        self.quiet("DRAINED")
        self.policy(*swapped)  # another, for whatever reason
        self.quiet("DRAINED")
        old.answer(second, {})
        self.assertEqual(self.told("DRAINED"), (1, BACKEND))
        client.outcome(second_key).result
        self.policy(*swapped)
        self.quiet("DRAINED")

    def test_an_idle_backend_is_drained_at_once(self):
        front = self.start(backend(1, "a"), backend(2, "b"))
        front.link(1)
        front.link(2)
        client = self.client("a/echo", "b/echo")
        self.policy(backend(1, "a", "leaving"), backend(2, "b"))
        self.assertEqual(self.told("DRAINED"), (1, BACKEND))
        client.wait(lambda: client.count(CHANGED), 5, "list_changed")
        self.settle(client)
        self.assertEqual(client.tools(), ["b/echo"])
        self.assertEqual(client.call("a/echo").error["code"], -32602)

    def test_a_leaving_backend_that_dies_is_drained(self):
        front = self.start(backend(1, "a"))
        worker = front.link(1)
        client = self.client("a/echo")
        _, key = call(client, worker)
        self.policy(backend(1, "a", "leaving"))
        worker.close()
        self.assertEqual(client.outcome(key).error["data"]["outcome"],
                         "unknown")
        self.assertEqual(self.told("DRAINED"), (1, BACKEND))

    def test_a_number_that_is_gone_fails_what_it_had_once(self):
        front = self.start(backend(1, "a"), backend(2, "b"))
        worker, other = front.link(1), front.link(2)
        client = self.client("a/echo", "b/echo")
        keys = [call(client, worker)[1] for _ in range(50)]
        kept, kept_key = call(client, other, "b/echo")
        self.policy(backend(2, "b"))
        for key in keys:
            error = client.outcome(key).error
            self.assertEqual(error["data"],
                             {"backend": "a", "outcome": "unknown"})
        while worker.take() is not None:
            pass
        other.answer(kept, {})
        client.outcome(kept_key).result
        client.assert_one_outcome_each()
        client.wait(lambda: client.tools() == ["b/echo"], 5, "the list")
        # Old news of it do no harm, and its slot is used again.
        front.state(1, "down", "it was removed")
        ours, theirs = socket.socketpair()
        front.supervisor.send("LINK", ident=1, fd=theirs.fileno())
        theirs.close()
        ours.settimeout(10)
        self.assertEqual(ours.recv(1), b"")
        ours.close()
        self.policy(backend(3, "c"), backend(2, "b"))
        front.link(3)
        client.wait_tools("c/echo")
        self.assertEqual(client.tools(), ["c/echo", "b/echo"])

    def test_subscriptions_follow_to_the_one_that_replaces(self):
        front = self.start(backend(1, "a"), backend(2, "a", "standby"))
        old = front.link(1, resources=["t:a", "t:b"], capabilities=SUBSCRIBES)
        client = self.client("a/echo")
        key = client.send("resources/subscribe", {"uri": "t:a"})
        number, _ = old.request()
        old.answer(number, {})
        client.outcome(key).result
        pending = client.send("resources/subscribe", {"uri": "t:b"})
        number, _ = old.request()
        new = front.link(2, resources=["t:a", "t:b"], capabilities=SUBSCRIBES)
        self.told("LISTED")
        self.told("LISTED")
        self.policy(backend(2, "a"), backend(1, "a", "leaving"))
        self.assertEqual(new.expect("SUBSCRIBE")[3], b'"t:a"')
        # What the old one is asked yet, the new one is told when it is done.
        old.answer(number, {})
        client.outcome(pending).result
        self.assertEqual(new.take()[::3], ("SUBSCRIBE", b'"t:b"'))
        self.assertEqual(self.told("DRAINED"), (1, BACKEND))
        old.updated("t:a")
        new.updated("t:a")
        new.updated("t:b")
        client.wait(lambda: client.count(UPDATED) == 2, 5, "updates")
        self.policy(backend(2, "a"))
        self.assertIsNone(old.take())  # not told to unsubscribe
        new.updated("t:b")
        client.wait(lambda: client.count(UPDATED) == 3, 5, "an update")
        key = client.send("resources/unsubscribe", {"uri": "t:a"})
        number, message = new.request()
        self.assertEqual(message["method"], "resources/unsubscribe")
        new.answer(number, {})
        client.outcome(key).result

    def test_subscriptions_wait_for_one_that_comes_later(self):
        """Removed first, as a backend with a port is; and gone for good."""
        front = self.start(backend(1, "a"))
        old = front.link(1, resources=["t:a"], capabilities=SUBSCRIBES)
        client = self.client("a/echo")
        key = client.send("resources/subscribe", {"uri": "t:a"})
        number, _ = old.request()
        old.answer(number, {})
        client.outcome(key).result
        self.policy(backend(1, "a", "leaving"))
        self.policy(backend(2, "a"))
        new = front.link(2, resources=["t:a"], capabilities=SUBSCRIBES)
        self.assertEqual(new.expect("SUBSCRIBE")[3], b'"t:a"')
        self.policy()
        self.policy(backend(3, "a"))
        third = front.link(3, resources=["t:a"], capabilities=SUBSCRIBES)
        client.wait_tools("a/echo")
        self.assertEqual(client.request(
            "resources/unsubscribe", {"uri": "t:a"}).result, {})
        call(client, third)  # and no SUBSCRIBE before

    def test_a_replacement_without_standby_keeps_the_place(self):
        """The old one is removed and the new one not there yet: clients are
        told of nothing, and callers that it starts."""
        front = self.start(backend(1, "a"))
        front.link(1)
        client = self.client("a/echo")
        self.settle(client)
        before = client.count(CHANGED)
        self.policy(backend(2, "a"), backend(1, "a", "leaving"))
        self.told("DRAINED")
        error = client.call("a/echo").error
        self.assertEqual(error["message"],
                         'Backend "a" is not running (starting)')
        self.assertEqual(error["data"]["outcome"], "not_sent")
        self.policy(backend(2, "a"))
        worker = front.link(2)
        self.told("LISTED")
        self.settle(client)
        number, key = call(client, worker)
        worker.answer(number, {})
        client.outcome(key).result
        self.assertEqual(client.count(CHANGED), before)

    def test_one_that_does_not_come_loses_the_place(self):
        front = self.start(backend(1, "a"))
        front.link(1)
        client = self.client("a/echo")
        self.settle(client)
        before = client.count(CHANGED)
        self.policy(backend(2, "a"))
        client.wait(lambda: client.count(CHANGED) > before, 5, "list_changed")
        self.assertEqual(client.tools(), [])

    def test_calls_go_on_through_replacements(self):
        """Every call of four clients is answered, while the backend is
        replaced 50 times as a reload does."""
        front = self.start(backend(0, "a"))
        workers = {}

        def serve(number):
            worker = front.link(number)
            worker.socket.settimeout(None)
            workers[number] = worker

            def run():
                try:
                    while (frame := worker.take()) is not None:
                        if frame[0] == "REQUEST":
                            worker.answer(frame[1], {"from": number})
                except OSError:
                    pass
            threading.Thread(target=run, daemon=True).start()

        serve(0)
        clients = [self.client("a/echo") for _ in range(4)]
        ending = threading.Event()
        counts, problems = [0] * 4, []

        def load(place):
            while not ending.is_set() and not problems:
                answer = clients[place].call("a/echo").json
                counts[place] += 1
                if "result" not in answer:
                    problems.append(answer)

        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        self.told("LISTED")
        for number in range(1, 51):
            self.policy(backend(number - 1, "a"),
                         backend(number, "a", "standby"))
            serve(number)
            self.assertEqual(self.told("LISTED")[0], number)
            self.policy(backend(number, "a"),
                         backend(number - 1, "a", "leaving"))
            self.assertEqual(self.told("DRAINED"), (number - 1, BACKEND))
            self.policy(backend(number, "a"))
        ending.set()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertGreater(min(counts), 10)
        for client in clients:
            client.assert_one_outcome_each()
            self.assertEqual(client.count(CHANGED), 0)

    def test_600_backends_one_after_the_other(self):
        """More than there are slots, 100 at a time."""
        front = self.start()
        client = self.client()
        for begin in range(0, 600, 100):
            self.policy(*(backend(number, f"b{number}")
                           for number in range(begin, begin + 100)))
            worker = front.link(begin + 99)
            client.wait_tools(f"b{begin + 99}/echo")
            number, key = call(client, worker, f"b{begin + 99}/echo")
            worker.answer(number, {})
            client.outcome(key).result
        self.assertEqual(client.tools(), ["b599/echo"])


if __name__ == "__main__":
    unittest.main()
