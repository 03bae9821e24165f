"""Sessions of Streamable HTTP: how they begin, and all the ways in which they
end."""

import unittest

import process
from client import LATEST
from frames import LIMITS, backend, token
from gateway import PATIENCE
from streamable_case import (
    INITIALIZE, JSON, NOT_FOUND, PING, REQUEST, Answers)
from streamable_client import BOTH, sessions

ALICE, BOB = "alice-6fe2c1b0aa", "bob-91d3f7c255"


class Sessions(Answers):
    """How they begin and end."""

    def test_nothing_is_kept_before_a_valid_initialize(self):
        front = self.serve("a")
        fresh = self.client(front, initialize=False)
        for change in ({"params": {}}, {"params": {"protocolVersion": 7}},
                       {"params": {"protocolVersion": LATEST,
                                   "capabilities": []}},
                       {"params": {"protocolVersion": LATEST,
                                   "clientInfo": "x"}},
                       {"params": []}, {"params": None}, {"id": None},
                       {"id": "x" * 300}, {"jsonrpc": "2"}):
            with fresh.post({**INITIALIZE, **change}) as exchange:
                answer = exchange.whole()
                self.assertEqual(answer.status, 400, change)
                self.assertIsNone(answer.header("mcp-session-id"))
        notification = dict(INITIALIZE)
        del notification["id"]
        for body in ([INITIALIZE], notification, PING):
            with fresh.post(body) as exchange:
                self.assertEqual(exchange.whole().status, 400)
        for headers in ([("Accept", JSON)], [("Accept", BOTH),
                                             ("Content-Type", "text/plain")],
                        [("Accept", BOTH), ("MCP-Protocol-Version", "x")]):
            answer = self.ask(fresh, "POST", INITIALIZE, headers)
            self.assertIn(answer.status, (400, 406, 415))
        self.assertEqual(sessions(front), 0)
        with fresh.post(INITIALIZE) as exchange:
            self.assertEqual(exchange.whole().status, 200)
        self.assertEqual(sessions(front), 1)

    def test_revisions_are_negotiated(self):
        front = self.serve("a")
        for asked, given in (
                ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"),
                ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"),
                ("2024-10-07", "2024-10-07"), ("2099-01-01", LATEST),
                ("2026-07-28", LATEST), ("", LATEST)):
            client = self.client(front, revision=asked)
            self.assertEqual(client.revision, given)

    def test_a_second_initialize_is_refused(self):
        front = self.serve("a")
        client = self.client(front)
        with client.post({**INITIALIZE, "id": "again"}) as exchange:
            self.assertIn("already", self.refused(
                exchange.whole(), 400, REQUEST, "again"))
        self.assertEqual(client.status(), 200)
        self.assertEqual(sessions(front), 1)

    def test_delete_ends_everything(self):
        """Calls in flight end with their streams; the backend is told."""
        front = self.serve("a")
        worker = front.link(0)
        client = self.client(front)
        client.wait_tool("a__echo")
        with client.get() as stream, client.call("a__echo") as undecided, \
                client.call("a__echo", token="t") as streaming:
            numbers = {worker.request()[0] for _ in range(2)}
            self.assertTrue(stream.is_events())
            for number in numbers:
                worker.send("EVENT", {
                    "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": number, "progress": 1}},
                    number)
            self.assertEqual(streaming.message().json["params"],
                             {"progressToken": "t", "progress": 1})
            answer = client.delete()
            self.assertEqual((answer.status, answer.body), (200, b""))
            cancelled = {worker.expect("CANCEL")[1] for _ in range(2)}
            self.assertEqual(cancelled, numbers)
            for exchange in (stream, undecided, streaming):
                self.assertTrue(exchange.is_events())
                self.assertEqual(
                    [one for one in exchange.events() if one.data], [])
        for exchange in (client.begin("ping"), client.get(), client.get("0-0"),
                         client.send("DELETE")):
            with exchange:
                self.refused(exchange.whole(), 404, NOT_FOUND)
        self.assertEqual(sessions(front), 0)
        # A late answer finds nobody, and does no harm.
        for number in numbers:
            worker.answer(number, {})
        self.assertEqual(self.client(front).status(), 200)

    def limited(self, **limits):
        """A front with these limits."""
        return self.serve("a", limits={**LIMITS, **limits})


    def test_idle_sessions_end(self):
        front = self.limited(session_idle_ms=400)
        worker = front.link(0)
        idle, listens, waits = [self.client(front) for _ in range(3)]
        waits.wait_tool("a__echo")
        with listens.get() as stream, waits.call("a__echo") as call:
            self.assertTrue(stream.is_events())
            number, _ = worker.request()
            process.wait_until(lambda: sessions(front) == 2, 5 * PATIENCE,
                               "the end of the idle one")
            self.assertEqual(idle.status(), 404)
            # The others have something going on, however long that takes.
            with self.assertRaises(AssertionError):
                process.wait_until(lambda: sessions(front) != 2, 1,
                                   "the end of another one")
            worker.answer(number, {"content": []})
            self.assertEqual(call.outcome()["result"], {"content": []})
            stream.close()
        process.wait_until(lambda: sessions(front) == 0, 5 * PATIENCE,
                           "the end of all of them")
        self.assertEqual([listens.status(), waits.status()], [404, 404])

    def test_use_keeps_a_session_alive(self):
        front = self.limited(session_idle_ms=1000)
        client = self.client(front)
        other = self.client(front)
        process.wait_until(
            lambda: client.status() == 200 and sessions(front) == 1,
            5 * PATIENCE, "the end of the idle one")
        self.assertEqual(client.status(), 200)
        self.assertEqual(other.status(), 404)

    def test_sessions_have_a_lifetime(self):
        front = self.limited(session_lifetime_ms=1000)
        worker = front.link(0)
        client = self.client(front)
        client.wait_tool("a__echo")
        with client.call("a__echo") as call:
            number, _ = worker.request()
            with self.assertRaises(AssertionError):
                process.wait_until(lambda: client.status() == 404, 1.5,
                                   "its end in the middle of a call")
            worker.answer(number, {"content": []})
            self.assertEqual(call.outcome()["result"], {"content": []})
        process.wait_until(lambda: client.status() == 404, 5 * PATIENCE,
                           "its end, however much it is used")
        self.assertEqual(sessions(front), 0)

    def test_the_one_not_used_for_longest_makes_room(self):
        front = self.limited(sessions=3)
        first, second, third = [self.client(front) for _ in range(3)]
        self.assertEqual(first.status(), 200)  # used last, now
        fourth = self.client(front)
        self.assertEqual([one.status() for one in (second, first, third,
                                                   fourth)],
                         [404, 200, 200, 200])
        with first.get() as one, third.get() as two, fourth.get() as three:
            for stream in (one, two, three):
                self.assertTrue(stream.is_events())
            # Nobody who is there is sent away.
            fresh = self.client(front, initialize=False)
            with fresh.post(INITIALIZE) as exchange:
                answer = exchange.whole()
                self.assertEqual(answer.status, 503)
                self.assertTrue(answer.header("retry-after"))
            self.assertEqual(sessions(front), 3)
        process.wait_until(
            lambda: self.ask(fresh, "POST", INITIALIZE,
                             [("Accept", BOTH)]).status == 200,
            5 * PATIENCE, "room when one has left")
        self.assertEqual(sessions(front), 3)

    def test_ones_own_sessions_make_room_first(self):
        front = self.serve("a", open=False, limits={**LIMITS, "sessions": 4},
                           tokens=[token("alice", ALICE), token("bob", BOB)])
        bob = [self.client(front, token=BOB) for _ in range(2)]
        alice = [self.client(front, token=ALICE) for _ in range(6)]
        self.assertEqual([one.status() for one in bob], [200] * 2)
        self.assertEqual([one.status() for one in alice], [404] * 4 + [200] * 2)

    def test_a_revoked_token_ends_its_sessions(self):
        front = self.serve("a", open=False,
                           tokens=[token("alice", ALICE), token("bob", BOB)])
        worker = front.link(0)
        alice, bob = (self.client(front, token=one) for one in (ALICE, BOB))
        alice.wait_tool("a__echo")
        with alice.get() as stream, alice.call("a__echo") as call, \
                bob.get() as other:
            self.assertTrue(stream.is_events() and other.is_events())
            number, _ = worker.request()
            front.policy(backend(0, "a"), tokens=[token("bob", BOB)])
            self.assertEqual(worker.expect("CANCEL")[1], number)
            for exchange in (stream, call):
                self.assertEqual([one for one in exchange.events()
                                  if one.data], [])
            self.assertEqual(alice.status(), 401)
            self.assertEqual(bob.status(), 200)
        self.assertEqual(sessions(front), 1)


if __name__ == "__main__":
    unittest.main()
