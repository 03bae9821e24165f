"""Batches of JSON-RPC: for clients of 2025-03-26 and before, on /mcp and on
/messages."""

import json
import threading
import unittest

import raw
from client import Client
from frames import LIMITS, Front, backend, token
from streamable_case import Case, answer, progress, text_of
from streamable_client import BOTH, Streamable

ALICE = "alice-8e1f03c6da"
MOST = 1024  # messages of a batch
WITH = ("2024-10-07", "2024-11-05", "2025-03-26")
WITHOUT = ("2025-06-18", "2025-11-25")


def ping(ident):
    """A request that is answered at once."""
    return {"jsonrpc": "2.0", "id": ident, "method": "ping"}


def call(ident, **more):
    """A request that the backend answers."""
    return {"jsonrpc": "2.0", "id": ident, "method": "tools/call",
            "params": {"name": "a__echo", **more}}


def outcomes(exchange):
    """All answers of a stream by their ids, as JSON text; each came once."""
    found = {}
    assert exchange.is_events(), exchange.head()
    for event in exchange.events():
        if event.data and "method" not in event.json:
            found.setdefault(json.dumps(event.json["id"]), []).append(
                event.json)
    return found


class Streamed(Case):
    """Over /mcp."""

    def old(self, revision="2025-03-26"):
        """A client that may send batches."""
        return self.open(revision=revision)

    def refused(self, client, body):
        """This batch is none."""
        with client.post(body) as exchange:
            found = exchange.whole()
            self.assertEqual(found.status, 400, found)
            self.assertEqual(json.loads(found.body)["error"]["code"], -32600)
            self.assertIsNone(json.loads(found.body)["id"])

    def test_who_may_send_them(self):
        for revision in WITH:
            with self.old(revision).post([ping(1), ping("1")]) as exchange:
                self.assertEqual(outcomes(exchange), {
                    key: [{"jsonrpc": "2.0", "id": json.loads(key),
                           "result": {}}] for key in ("1", '"1"')})
        for revision in WITHOUT:
            client = self.old(revision)
            for batch in ([ping(1)], [], [{"jsonrpc": "2.0", "method":
                                           "notifications/initialized"}]):
                self.refused(client, batch)

    def test_requests_notifications_and_what_is_neither(self):
        client = self.old()
        with client.post(
                [ping(1), call("slow"), {"jsonrpc": "2.0",
                                         "method": "notifications/x"}, 7, {},
                 {"jsonrpc": "2.0", "id": 9, "result": {}}, [ping(3)],
                 {"jsonrpc": "1.0", "id": 4, "method": "ping"},
                 {"jsonrpc": "2.0", "id": 5, "method": "unheard/of"},
                 call("fast", _meta={"progressToken": "t"}), None,
                 {"jsonrpc": "2.0", "id": 6, "method": "tools/list"}]
        ) as exchange:
            slow, _ = self.worker.request()
            fast, _ = self.worker.request()
            progress(self.worker, fast)
            answer(self.worker, fast, "fast")
            answer(self.worker, slow, "slow")
            found = outcomes(exchange)
        self.assertEqual(found["1"][0]["result"], {})
        self.assertEqual(text_of(found['"slow"'][0]), "slow")
        self.assertEqual(text_of(found['"fast"'][0]), "fast")
        self.assertEqual(found["4"][0]["error"]["code"], -32600)
        self.assertEqual(found["5"][0]["error"]["code"], -32601)
        self.assertEqual(found["6"][0]["result"]["tools"][0]["name"],
                         "a__echo")
        self.assertEqual([one["error"]["code"] for one in found["null"]],
                         [-32600] * 4)
        self.assertEqual(len(found), 7)

    def test_without_a_request_there_is_nothing_to_say(self):
        for batch in (
                [{"jsonrpc": "2.0", "method": "notifications/x"}] * 3,
                [{"jsonrpc": "2.0", "id": n, "result": {}} for n in range(3)],
                [{"jsonrpc": "2.0", "id": 1, "result": {}},
                 {"jsonrpc": "2.0", "method": "notifications/x"}]):
            with self.old().post(batch) as exchange:
                found = exchange.whole()
                self.assertEqual((found.status, found.body), (202, b""))

    def test_initialize_stands_alone(self):
        client = self.old()
        first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-03-26", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}}}
        for batch in ([first], [ping(2), first], [first, ping(2)]):
            self.refused(client, batch)
            with Streamable(self.front.address, initialize=False).post(
                    batch) as exchange:
                self.assertEqual(exchange.whole().status, 400)
        self.assertEqual(client.status(), 200)

    def test_how_many_there_may_be(self):
        client = self.old()
        self.refused(client, [])
        self.refused(client, b" [ ] ")
        self.refused(client, [ping(n) for n in range(MOST + 1)])
        self.refused(client, [0] * (MOST + 1))
        with client.post(json.dumps(
                [ping(n) for n in range(MOST)], indent=2).encode()
                         + b" \r\n") as exchange:
            self.assertEqual(set(outcomes(exchange)),
                             {str(n) for n in range(MOST)})

    def test_as_many_calls_as_one_may_have_in_flight(self):
        client = self.old()
        with client.post([call(n) for n in range(MOST)]) as exchange:
            numbers = [self.worker.request()[0] for _ in range(MOST)]
            with client.begin("ping") as other:
                self.assertEqual(other.whole().status, 429)
            for number in reversed(numbers):
                answer(self.worker, number)
            found = outcomes(exchange)
            self.assertEqual(set(found), {str(n) for n in range(MOST)})
            self.assertEqual({len(one) for one in found.values()}, {1})

    def test_a_batch_is_resumed(self):
        client = self.old()
        with client.post([ping("at once"), call("later")]) as exchange:
            number, _ = self.worker.request()
            event = exchange.message()
            self.assertEqual(event.json["id"], "at once")
        answer(self.worker, number)
        with client.get(event.id) as stream:
            self.assertEqual(list(outcomes(stream)), ['"later"'])

    def test_a_batch_is_cancelled_bit_by_bit(self):
        client = self.old()
        with client.post([call(n) for n in range(3)]) as exchange:
            numbers = [self.worker.request()[0] for _ in range(3)]
            with client.post([{
                    "jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": {"requestId": n}} for n in (0, 2)]) as other:
                self.assertEqual(other.whole().status, 202)
            self.assertEqual([self.worker.expect("CANCEL")[1]
                              for _ in range(2)], [numbers[0], numbers[2]])
            answer(self.worker, numbers[1])
            self.assertEqual(list(outcomes(exchange)), ["1"])
        with client.post([call("gone"), {
                "jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": {"requestId": "gone"}}]) as exchange:
            self.assertEqual(outcomes(exchange), {})

    def test_what_is_no_json(self):
        client = self.old()
        for body in (b"[", b"[1,", b"[{]", b"]", b"[]]", b"[" * 200):
            with client.post(body) as exchange:
                found = exchange.whole()
                self.assertEqual(found.status, 400, body)
                self.assertEqual(json.loads(found.body)["error"]["code"],
                                 -32700)


class Limited(unittest.TestCase):
    """What a batch has counts as if it had come one by one."""

    def serve(self, **more):
        """A front with the backend "a"."""
        self.front = Front([backend(0, "a")], **more)
        self.front.__enter__()
        self.addCleanup(self.front.__exit__)
        self.worker = self.front.link(0)

    def texts(self, client, batch):
        """The texts of the errors of a batch, and how many results it has."""
        with client.post(batch) as exchange:
            found = [one for all_ in outcomes(exchange).values()
                     for one in all_]
        errors = [one["error"]["message"] for one in found if "error" in one]
        return errors, len(found) - len(errors)

    def test_the_rate_of_a_token(self):
        self.serve(open=False, tokens=[token("alice", ALICE, rate=5)])
        client = Streamable(self.front.address, token=ALICE,
                            revision="2025-03-26")
        errors, results = self.texts(client, [ping(n) for n in range(100)])
        self.assertLessEqual(results, 10)
        self.assertEqual(len(errors) + results, 100)
        self.assertIn("Too many requests with this token", errors)
        with client.begin("ping") as exchange:
            self.assertEqual(exchange.whole().status, 429)

    def test_the_rate_of_an_address(self):
        self.serve(limits={**LIMITS, "rate": 5, "burst": 20})
        client = Streamable(self.front.address, revision="2025-03-26")
        errors, results = self.texts(client, [ping(n) for n in range(100)])
        self.assertLessEqual(results, 22)
        self.assertGreater(results, 5)
        self.assertIn("Too many requests from your address", errors)

    def test_the_calls_in_flight_of_a_token(self):
        self.serve(open=False, tokens=[token("alice", ALICE, concurrent=3)])
        client = Streamable(self.front.address, token=ALICE,
                            revision="2025-03-26")
        client.wait_tool("a__echo")
        with client.post([call(n) for n in range(10)]) as exchange:
            for _ in range(3):
                answer(self.worker, self.worker.request()[0])
            found = outcomes(exchange)
        self.assertEqual([text_of(found[str(n)][0]) for n in range(3)],
                         ["done"] * 3)
        self.assertEqual({found[str(n)][0]["error"]["message"]
                          for n in range(3, 10)},
                         {"Too many requests with this token are in flight"})

    def test_the_calls_in_flight_of_a_session(self):
        self.serve(limits={**LIMITS, "requests_per_session": 2})
        client = Streamable(self.front.address, revision="2025-03-26")
        client.wait_tool("a__echo")
        with client.post([call(n) for n in range(5)]) as exchange:
            for _ in range(2):
                answer(self.worker, self.worker.request()[0])
            found = outcomes(exchange)
        self.assertEqual([n for n in range(5)
                          if "error" in found[str(n)][0]], [2, 3, 4])


class Legacy(unittest.TestCase):
    """Over /messages."""

    def setUp(self):
        self.front = Front([backend(0, "a")])
        self.front.__enter__()
        self.addCleanup(self.front.__exit__)
        self.worker = self.front.link(0)

    def open(self, revision):
        """A session."""
        client = Client(self.front.address, revision=revision)
        self.addCleanup(client.close)
        client.wait_tools("a/echo")
        return client

    def post(self, client, batch):
        """The status of a batch."""
        return client.post(json.dumps(batch).encode()).status

    def test_answers_come_over_the_stream(self):
        for revision in WITH:
            client = self.open(revision)
            thread = threading.Thread(target=lambda: answer(
                self.worker, self.worker.request()[0]))
            thread.start()
            self.assertEqual(self.post(client, [
                ping("a"), call("b"), {"jsonrpc": "2.0", "id": "c"},
                {"jsonrpc": "2.0", "method": "notifications/x"}]), 202)
            self.assertEqual(client.outcome('"a"').result, {})
            self.assertEqual(client.outcome('"b"').result["content"][0]
                             ["text"], "done")
            self.assertEqual(client.outcome('"c"').error["code"], -32600)
            thread.join()

    def test_which_are_refused(self):
        client = self.open("2025-03-26")
        for batch in ([], [ping(n) for n in range(MOST + 1)]):
            self.assertEqual(self.post(client, batch), 400)
        self.assertEqual(self.post(client, [ping(f"x{n}")
                                            for n in range(MOST)]), 202)
        for number in range(MOST):
            client.outcome(f'"x{number}"')
        for revision in WITHOUT:
            self.assertEqual(self.post(self.open(revision), [ping(1)]), 400)

    def test_before_initialize(self):
        with raw.Connection(self.front.address) as stream:
            stream.send(raw.request("GET", "/sse", self.front.address, [
                ("Accept", BOTH)]))
            stream.head()
            endpoint = stream.chunk().split(b"data: ")[1].strip().decode()
            found = raw.ask(self.front.address, "POST", endpoint,
                            body=json.dumps([ping(1)]).encode())
            self.assertEqual(found.status, 400)


if __name__ == "__main__":
    unittest.main()
