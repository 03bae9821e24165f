"""The front when its POLICY changes: backends that are added, replaced and
removed under way, filters, who sees what, and the end of all work."""

import json
import socket
import threading
import time
import unittest

from client import Client
from frames import Front, LIMITS, Peer, PROMPTS, TEMPLATES, TOOLS, backend, \
    token
import raw

CHANGED = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"
MESSAGE = "notifications/message"
SUBSCRIBES = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}
BACKEND, ALL = range(2)  # flags of DRAINED


def call(client, worker, name="a/echo"):
    """Ask for a tool; the number of the request, which must be the next thing
    of note that the worker hears, and the client's key."""
    key = client.send("tools/call", {
        "name": name, "_meta": {"progressToken": "p"}})
    while (frame := worker.take())[0] == "CLIENT_LEVEL":
        pass
    assert frame[0] == "REQUEST", frame
    message = json.loads(frame[3])
    assert message["method"] == "tools/call", message
    return frame[1], key


class Policies(unittest.TestCase):
    """One front, and its supervisor."""

    def start(self, *backends, **more):
        """A front with these backends, for this test."""
        self.front = Front(backends, **more)
        self.said = []  # by the front, and not asked for yet
        self.addCleanup(self.front.__exit__)
        return self.front

    def client(self, *tools, **more):
        """A session that sees these tools."""
        client = Client(self.front.address, **more)
        self.addCleanup(client.close)
        if tools:
            client.wait_tools(*tools)
        return client

    def bearer(self, secret, *tools):
        """A session of the token with this secret."""
        return self.client(*tools, headers=[
            ("Authorization", f"Bearer {secret}")])

    def sync(self):
        """All that the supervisor sent is done."""
        self.front.supervisor.send("PING")
        while (frame := self.front.supervisor.take())[0] != "PONG":
            self.said.append(frame)

    def policy(self, *backends, **more):
        """Send a POLICY; it is followed when this returns."""
        self.front.policy(*backends, **more)
        self.sync()

    def told(self, kind):
        """The id and flags of the next frame of this type."""
        while True:
            for place, frame in enumerate(self.said):
                if frame[0] == kind:
                    del self.said[place]
                    return frame[1:3]
            self.said.append(self.front.supervisor.take())

    def quiet(self, kind):
        """Until now the front has said nothing of this type that told() did
        not return."""
        self.sync()
        self.assertNotIn(kind, [frame[0] for frame in self.said])

    def settle(self, client):
        """All that was sent to the front is done: also what it waits for
        before it tells of another change."""
        self.sync()
        time.sleep(0.3)
        client.request("ping")


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


class Rules(Policies):
    """Filters, limits, audiences."""

    def test_a_filtered_tool_is_an_unknown_one(self):
        front = self.start(backend(1, "a", allow=["get*", "list"],
                                   deny=["*_all"]))
        worker = front.link(1, tools=["get_one", "get_all", "list", "set"])
        client = self.client("a/get_one")
        self.assertEqual(client.tools(), ["a/get_one", "a/list"])
        unknown = client.call("a/never").error
        for tool in ("get_all", "set"):
            for name in (f"a/{tool}", f"a__{tool}", tool):
                self.assertEqual(client.call(name).error, {
                    **unknown, "message": f"Unknown tool: {name}"})
        self.settle(client)
        before = len(client.notifications)
        self.policy(backend(1, "a", deny=["list"]))
        self.settle(client)
        self.assertEqual([note.json["method"] for note in
                          client.notifications[before:]], [CHANGED])
        self.assertEqual(client.tools(), ["a/get_one", "a/get_all", "a/set"])
        self.assertIn("Unknown", client.call("list").error["message"])
        number, key = call(client, worker, "set")
        worker.answer(number, {})
        client.outcome(key).result
        self.policy(backend(1, "a", deny=["lis?"]))  # the same in effect
        self.settle(client)
        self.assertEqual(len(client.notifications), before + 1)

    def test_limits_of_a_backend_and_of_a_session(self):
        limits = {**LIMITS, "requests_per_session": 3}
        front = self.start(backend(1, "a", requests=4), limits=limits)
        worker = front.link(1)
        one, two = self.client("a/echo"), self.client("a/echo")
        numbers = [call(one, worker)[0] for _ in range(3)]
        answer = one.post(b'{"jsonrpc":"2.0","id":9,"method":"tools/call",'
                          b'"params":{"name":"a/echo"}}')
        self.assertEqual(answer.status, 429)
        call(two, worker)
        self.assertIn("it has too many requests",
                      two.call("a/echo").error["message"])
        self.policy(backend(1, "a", requests=5), limits=LIMITS)
        call(one, worker)
        self.assertIn("it has too many requests",
                      one.call("a/echo").error["message"])
        worker.answer(numbers[0], {})
        call(two, worker)

    def audiences(self, *tokens):
        """Two backends, and who may see what."""
        front = self.start(backend(1, "a"), backend(2, "b"), open=False,
                           tokens=list(tokens))
        return (front.link(1, tools=["echo", "more"], resources=["t:a"],
                           capabilities=SUBSCRIBES),
                front.link(2, tools=["echo"], resources=["t:b", "u:b"],
                           capabilities=SUBSCRIBES))

    def test_what_a_token_does_not_see_is_unknown_to_it(self):
        first, second = self.audiences(
            token("all", "0"), token("b", "1", backends=["b"]),
            token("more", "2", tools=["a/m*"]))
        everyone = self.bearer("0", "a/echo", "b/echo")
        of_b = self.bearer("1", "b/echo")
        more = self.bearer("2", "a/more")
        self.assertEqual(everyone.tools(), ["a/echo", "a/more", "b/echo"])
        self.assertEqual(of_b.tools(), ["b/echo"])
        self.assertEqual(more.tools(), ["a/more"])
        self.assertEqual([item["uri"] for item in of_b.items("resources")],
                         ["t:b", "u:b"])
        self.assertEqual(len(more.items("resources")), 3)
        unknown = of_b.call("c/never").error
        for name in ("a/echo", "a__echo", "a/more", "more"):
            self.assertEqual(of_b.call(name).error, {
                **unknown, "message": f"Unknown tool: {name}"})
        self.assertEqual(more.call("echo").error["code"], -32602)
        number, key = call(of_b, second, "echo")  # unique, for this one
        second.answer(number, {})
        of_b.outcome(key).result
        number, key = call(more, first, "more")
        first.answer(number, {})
        more.outcome(key).result
        self.assertIn("Several backends", everyone.call(
            "echo").error["message"])
        # Not even that it exists while it is away.
        first.close()
        everyone.wait(lambda: "not running" in everyone.call(
            "a/none").error["message"], 5, "the end of the link")
        self.assertIn("Unknown tool", of_b.call("a/none").error["message"])

    def test_resources_and_prompts_that_a_token_does_not_see(self):
        first, _ = self.audiences(token("b", "1", backends=["b"]),
                                  token("all", "0"))
        first.send("CATALOG", [{"uriTemplate": "v://{x}"}], flags=TEMPLATES)
        first.send("CATALOG", [{"name": "hello"}], flags=PROMPTS)
        everyone = self.bearer("0", "a/echo", "b/echo")
        of_b = self.bearer("1", "b/echo")
        everyone.wait(lambda: len(everyone.items("prompts")) == 1, 5,
                      "the prompt")
        self.assertEqual(of_b.items("prompts"), [])
        self.assertEqual(of_b.items(
            "resourceTemplates", "resources/templates/list"), [])
        for method in ("read", "subscribe"):
            error = of_b.request(
                f"resources/{method}", {"uri": "v://1"}).error
            self.assertEqual((error["code"], error["message"]),
                             (-32002, "Resource not found"))
        self.assertEqual(of_b.request(
            "resources/unsubscribe", {"uri": "v://1"}).result, {})
        for name in ("a/hello", "hello"):
            self.assertIn("Unknown prompt", of_b.request(
                "prompts/get", {"name": name}).error["message"])
        for ref in ({"type": "ref/prompt", "name": "a/hello"},
                    {"type": "ref/resource", "uri": "v://{x}"}):
            self.assertIn("Unknown", of_b.request("completion/complete", {
                "ref": ref, "argument": {"name": "x", "value": ""}}).error[
                    "message"])
        call(everyone, first)  # nothing of all that came before it

    def test_only_who_sees_a_backend_hears_of_it(self):
        """list_changed, messages, updates; also after the rules changed."""
        tokens = [token("b", "1", backends=["b"]), token("all", "0")]
        first, second = self.audiences(*tokens)
        everyone = self.bearer("0", "a/echo", "b/echo")
        of_b = self.bearer("1", "b/echo")
        self.settle(of_b)
        before = len(of_b.notifications)
        first.send("CATALOG", [{"name": "other"}], flags=TOOLS)
        everyone.wait_tools("a/other")
        say = {"jsonrpc": "2.0", "method": MESSAGE,
               "params": {"level": "error", "data": "x"}}
        first.send("NOTIFY", say)
        everyone.wait(lambda: everyone.count(MESSAGE), 5, "a message")
        self.settle(of_b)
        self.assertEqual(len(of_b.notifications), before)
        second.send("NOTIFY", say)
        of_b.wait(lambda: of_b.count(MESSAGE), 5, "a message")
        key = everyone.send("resources/subscribe", {"uri": "t:a"})
        number, _ = first.request()
        first.answer(number, {})
        everyone.outcome(key).result
        first.updated("t:a")
        everyone.wait(lambda: everyone.count(UPDATED), 5, "an update")
        # Its token may see b only from now on.
        self.settle(everyone)
        before = [client.count(CHANGED) for client in (everyone, of_b)]
        tokens[1] = token("all", "0", backends=["b"])
        self.policy(backend(1, "a"), backend(2, "b"), tokens=tokens)
        first.updated("t:a")
        self.settle(everyone)
        self.assertEqual([client.count(CHANGED)
                          for client in (everyone, of_b)],
                         [before[0] + 1, before[1]])
        self.assertEqual(everyone.count(UPDATED), 1)
        self.assertEqual(everyone.tools(), ["b/echo"])
        self.assertIn("Unknown", everyone.call("a/other").error["message"])

    def test_tokens_that_move_in_the_policy_change_no_list(self):
        tokens = [token("b", "1", backends=["b"]), token("all", "0"),
                  token("a", "2", backends=["a"])]
        self.audiences(*tokens)
        clients = [self.bearer("0", "a/echo", "b/echo"),
                   self.bearer("1", "b/echo"), self.bearer("2", "a/echo")]
        for client in clients:
            self.settle(client)
        before = [len(client.notifications) for client in clients]
        self.policy(backend(1, "a"), backend(2, "b"), tokens=[
            token("new", "3", backends=["none"]), *reversed(tokens)])
        for client in clients:
            self.settle(client)
        self.assertEqual([len(client.notifications) for client in clients],
                         before)
        self.assertEqual([client.tools() for client in clients], [
            ["a/echo", "a/more", "b/echo"], ["b/echo"], ["a/echo", "a/more"]])


class End(Policies):
    """DRAIN: the end of all work."""

    def test_all_is_drained_when_the_last_answer_is_written(self):
        front = self.start(backend(1, "a"), backend(2, "b"))
        first, second = front.link(1), front.link(2)
        one, two = self.client("a/echo", "b/echo"), self.client()
        number, key = call(one, first)
        other, other_key = call(two, second, "b/echo")
        front.supervisor.send("DRAIN")
        self.quiet("DRAINED")
        for client in (one, two):
            answer = client.post(b'{"jsonrpc":"2.0","id":99,"method":"ping"}')
            self.assertEqual(answer.status, 503)
            self.assertIsNotNone(answer.header("retry-after"))
        self.assertEqual(raw.ask(front.address, "GET", "/sse").status, 503)
        first.answer(number, {"text": "x" * 1000000})
        self.assertEqual(len(one.outcome(key).result["text"]), 1000000)
        self.quiet("DRAINED")
        self.assertFalse(one.ended)
        second.answer(other, {"last": True})
        self.assertEqual(self.told("DRAINED"), (0, ALL))
        self.assertEqual(two.outcome(other_key).result, {"last": True})
        for client in (one, two):
            client.reader.join(5)
            self.assertTrue(client.ended)
            # Cleanly: the last chunk came, and nothing after it.
            self.assertEqual(client.stream.pending, b"")
            client.assert_one_outcome_each()

    def test_without_requests_all_is_drained_at_once(self):
        front = self.start(backend(1, "a"))
        front.link(1)
        with raw.Connection(front.address) as stream:
            stream.send(raw.request("GET", "/sse", front.address))
            stream.head()
            begin = time.monotonic()
            front.supervisor.send("DRAIN")
            front.supervisor.send("DRAIN")
            self.assertEqual(self.told("DRAINED"), (0, ALL))
            self.assertLess(time.monotonic() - begin, 0.9)
            self.assertTrue(stream.rest().endswith(b"\r\n0\r\n\r\n"))
        self.quiet("DRAINED")

    def test_what_fails_or_is_cancelled_is_drained_too(self):
        front = self.start(backend(1, "a"))
        worker = front.link(1)
        one, two = self.client("a/echo"), self.client("a/echo")
        _, key = call(one, worker)
        number, _ = call(two, worker)
        front.supervisor.send("DRAIN")
        two.close()
        self.assertEqual(worker.expect("CANCEL")[1], number)
        self.quiet("DRAINED")
        worker.close()
        self.assertEqual(self.told("DRAINED"), (0, ALL))
        self.assertEqual(one.outcome(key).error["data"]["outcome"], "unknown")

    def test_a_client_that_does_not_read_is_waited_for_a_second(self):
        front = self.start(backend(1, "a"))
        worker = front.link(1)
        lazy = raw.Connection(front.address, receive_buffer=4096)
        self.addCleanup(lazy.close)
        lazy.send(raw.request("GET", "/sse", front.address))
        lazy.head()
        endpoint = lazy.chunk().split(b"data: ")[1].strip().decode()
        for message in (
                {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                    "protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": {"name": "lazy", "version": "1"}}},
                {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                 "params": {"name": "a/echo"}}):
            self.client("a/echo").close()
            self.assertEqual(raw.ask(
                front.address, "POST", endpoint,
                body=json.dumps(message).encode()).status, 202)
        number, _ = worker.request()
        front.supervisor.send("DRAIN")
        worker.answer(number, {"text": "x" * 6000000})
        begin = time.monotonic()
        self.assertEqual(self.told("DRAINED"), (0, ALL))
        self.assertGreater(time.monotonic() - begin, 0.8)
        self.assertLess(time.monotonic() - begin, 2)


class Refused(unittest.TestCase):
    """What the supervisor must not do ends the front at once."""

    def ends(self, *frames):
        """The status with which a front ends that is sent these."""
        front = Front()
        try:
            front.supervisor.expect("HELLO")
            for kind, payload in frames:
                front.supervisor.send(kind, payload)
            status = front.child.wait(10)
        finally:
            front.child.kill()
            front.supervisor.close()
        return status

    def test_a_policy_that_is_none(self):
        good = {"hosts": [], "origins": [], "open": True, "public_url": None,
                "authorization_servers": [], "limits": LIMITS, "tokens": [],
                "backends": []}
        for bad in (b"", b"{}", b"[]", b"nonsense", {**good, "limits": {}},
                    {**good, "backends": [backend(1, "a"), backend(1, "b")]},
                    {**good, "backends": [backend(1, "a"), backend(2, "a")]},
                    {**good, "backends": [backend(n, f"{n}")
                                          for n in range(513)]}):
            with self.subTest(str(bad)[:60]):
                self.assertEqual(self.ends(("POLICY", bad)), 70)

    def test_a_second_setup(self):
        self.assertEqual(self.ends(("SETUP", {
            "log_level": "info", "identity": None})), 78)


if __name__ == "__main__":
    unittest.main()
