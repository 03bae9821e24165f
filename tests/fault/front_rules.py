"""The rules of a POLICY: filters, limits, who sees what; what it must not be; and
the end of all work."""

import json
import time
import unittest

from frames import Front, LIMITS, PROMPTS, TEMPLATES, TOOLS, backend, token
from policies import ALL, CHANGED, MESSAGE, Policies, SUBSCRIBES, UPDATED, call
import raw


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


class Monitors(Policies):
    """What /metrics says, and to whom."""

    def samples(self, secret=None):
        """All samples by what stands before the value; each is there once."""
        found = {}
        answer = raw.ask(self.front.address, "GET", "/metrics", [
            ("Authorization", f"Bearer {secret}")] if secret else [])
        self.assertEqual(answer.status, 200)
        for line in answer.body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.assertNotIn(name, found)
                found[name] = float(value)
        return found

    def test_a_token_reads_of_what_it_sees_only(self):
        """Others are named only to who sees every backend."""
        self.start(backend(1, "a"), backend(2, "b"), open=False, tokens=[
            token("all", "0"), token("of-b", "1", backends=["b"])])
        everything = "".join(self.samples("0"))
        for label in ('backend="a"', 'backend="b"', 'client="all"',
                      'client="of-b"'):
            self.assertIn(label, everything)
        part = "".join(self.samples("1"))
        for label in ('backend="b"', 'client="of-b"'):
            self.assertIn(label, part)
        for label in ('backend="a"', 'client="all"'):
            self.assertNotIn(label, part)

    def test_a_token_that_was_replaced_under_its_name_is_one_series(self):
        """A connection that brought the old one is open yet."""
        front = self.start(backend(1, "a"), open=False,
                           tokens=[token("alice", "0")])
        with raw.Connection(front.address) as connection:
            connection.send(raw.request("GET", "/metrics", front.address, [
                ("Authorization", "Bearer 0")]))
            self.assertEqual(connection.response().status, 200)
            self.policy(backend(1, "a"), tokens=[token("alice", "1")])
            self.assertEqual(self.samples("1")[
                'mcp_gateway_client_requests_total{client="alice"}'], 1)

    def test_a_long_request_is_counted_as_long(self):
        """However many others came after it."""
        front = self.start(backend(1, "a"))
        worker = front.link(1)
        client = self.client("a/echo")
        begin = time.monotonic()
        first, first_key = call(client, worker)
        for _ in range(1100):  # more than calls.h remembers
            number, key = call(client, worker)
            worker.answer(number, {})
            client.outcome(key)
        time.sleep(max(0, begin + 1.1 - time.monotonic()))
        before = self.samples()
        worker.answer(first, {})
        client.outcome(first_key)
        after = self.samples()
        name = "mcp_gateway_backend_request_duration_seconds_"
        for series, more in (('count{backend="a"}', 1),
                             ('bucket{backend="a",le="1"}', 0)):
            self.assertEqual(after[name + series] - before[name + series],
                             more, series)


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
                "authorization_servers": [], "names": None,
                "limits": LIMITS, "tokens": [], "backends": []}
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
