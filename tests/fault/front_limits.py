"""Limits of the front, each over its edge: what is refused says when to come
back, and everybody else is served.  Probes, and the end of work."""

import json
import os
import socket
import time
import unittest

from caller import Caller, Connection, listen, logs
from frames import Front, LIMITS, backend, token

ALICE = "alice-7d1f5a90c3b24e68"
BACKENDS = (backend(0, "a"), backend(1, "b"))
CALL = {"name": "a/echo"}


def limited(**limits):
    """An open front with these limits."""
    return Front(BACKENDS, limits={**LIMITS, **limits})


def descriptors(front):
    """How many the front has open."""
    return len(os.listdir(f"/proc/{front.child.pid}/fd"))


class Case(unittest.TestCase):
    """What is common."""

    def wait_descriptors(self, front, count):
        """Wait until the front has let go of connections."""
        deadline = time.monotonic() + 5
        while descriptors(front) > count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def refused(self, answer, status, waits=range(1, 61)):
        """Check a refusal that says when to come back."""
        self.assertEqual(answer.status, status, answer)
        self.assertIn(int(answer.header("retry-after")), waits)
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertIn("error", json.loads(answer.body))


class Rates(Case):
    """How often."""

    def test_an_address_has_a_burst_and_a_rate(self):
        """Then it is told to wait; others, and Unix sockets, are not."""
        with limited(rate=2, burst=5) as front:
            caller = Caller(front.address)
            with caller.connect() as connection:
                for _ in range(5):
                    self.assertEqual(caller.ask(
                        "GET", "/nowhere", connection=connection).status, 404)
                for target in ("/nowhere", "/sse"):
                    self.refused(caller.ask(
                        "GET", target, connection=connection), 429, (1,))
                self.assertEqual(caller.ask("GET", "/healthz").status, 200)
                other = Caller(front.address, source="127.0.0.2")
                self.assertEqual(other.ask("GET", "/nowhere").status, 404)
                time.sleep(0.55)
                answer = caller.ask("GET", "/nowhere", connection=connection)
                self.assertEqual(answer.status, 404)
                front.policy(*BACKENDS, limits=LIMITS)
                logs(front)
                for _ in range(50):
                    self.assertEqual(caller.ask(
                        "GET", "/nowhere", connection=connection).status, 404)

    def test_without_a_burst_it_is_two_seconds_worth(self):
        """As the configuration promises."""
        with limited(rate=10) as front:
            caller = Caller(front.address)
            with caller.connect() as connection:
                answers = [caller.ask("GET", "/x", connection=connection)
                           for _ in range(60)]
            served = [one for one in answers if one.status == 404]
            self.assertIn(len(served), range(20, 30))

    def test_a_token_has_a_rate_of_its_own(self):
        """On all of its connections together; the address is not to blame."""
        tokens = [token("alice", ALICE, rate=3), token("bob", "bob-1")]
        with Front(BACKENDS, open=False, tokens=tokens) as front:
            alice = Caller(front.address, ALICE)
            other = Caller(front.address, ALICE, source="127.0.0.2")
            statuses = [caller.ask("POST", "/messages/", b"{}").status
                        for caller in 10 * [alice, other]]
            self.assertIn(statuses.count(400), range(6, 9))
            self.assertEqual(len(statuses),
                             statuses.count(400) + statuses.count(429))
            self.refused(alice.ask("POST", "/messages/", b"{}"), 429, (1,))
            self.assertEqual(Caller(front.address, "bob-1").ask(
                "POST", "/messages/", b"{}").status, 400)
            front.policy(*BACKENDS, tokens=[token("alice", ALICE)])
            logs(front)
            for _ in range(20):
                self.assertEqual(alice.ask(
                    "POST", "/messages/", b"{}").status, 400)

    def test_a_flood_is_logged_in_a_few_lines(self):
        """A thousand refusals of every kind."""
        with limited(rate=1, burst=1) as front:
            caller = Caller(front.address)
            with caller.connect() as connection:
                for _ in range(1000):
                    caller.ask("GET", "/x", connection=connection)
            for _ in range(100):
                caller.ask("GET", "/x", host="evil.example")
            lines = [text for text in logs(front) if "refused" in text]
            self.assertIn(len(lines), range(5, 15))


class Numbers(Case):
    """How many at once."""

    def test_sessions(self):
        """One more is refused, and served when another one has left."""
        with limited(sessions=2) as front:
            caller = Caller(front.address)
            with caller.open() as one, caller.open():
                self.refused(caller.ask("GET", "/sse"), 503)
                self.assertEqual(one.result("ping"), {})
            deadline = time.monotonic() + 5
            while caller.ask("GET", "/sse").status != 200:
                self.assertLess(time.monotonic(), deadline)

    def test_requests_of_a_session(self):
        """What ends one is let through; other sessions have their own."""
        with limited(requests_per_session=2) as front:
            worker = front.link(0)
            caller = Caller(front.address)
            with caller.open() as one, caller.open() as two:
                one.wait_tools("a/echo")
                for _ in range(2):
                    self.assertEqual(one.send("tools/call", CALL).status, 202)
                numbers = [worker.request()[0] for _ in range(2)]
                last = one.number
                self.refused(one.send("tools/call", CALL), 429, (1,))
                self.assertEqual(two.send("tools/call", CALL).status, 202)
                worker.request()
                self.assertEqual(one.post({
                    "jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": {"requestId": last}}).status, 202)
                worker.expect("CANCEL")
                self.assertEqual(one.send("tools/call", CALL).status, 202)
                worker.request()
                worker.answer(numbers[0], {"right": True})
                self.assertEqual(one.outcome()["result"], {"right": True})
                self.assertEqual(one.send("tools/call", CALL).status, 202)

    def test_requests_of_a_token(self):
        """Of all its sessions together; also those of one that ended."""
        tokens = [token("alice", ALICE, concurrent=3), token("bob", "bob-1")]
        with Front(BACKENDS, open=False, tokens=tokens) as front:
            worker = front.link(0)
            alice = Caller(front.address, ALICE)
            bob = Caller(front.address, "bob-1")
            with alice.open() as one, bob.open() as other:
                with alice.open() as two:
                    one.wait_tools("a/echo")
                    for session in (one, two, two):
                        self.assertEqual(session.send(
                            "tools/call", CALL).status, 202)
                        worker.request()
                    self.refused(one.send("tools/call", CALL), 429, (1,))
                    self.assertEqual(other.send("tools/call", CALL).status,
                                     202)
                    worker.request()
                for _ in range(2):
                    worker.expect("CANCEL")
                for _ in range(2):
                    self.assertEqual(one.send("tools/call", CALL).status, 202)
                self.refused(one.send("tools/call", CALL), 429, (1,))

    def test_connections_of_an_address(self):
        """One more is told so and closed; others are served."""
        with limited(connections_per_address=3) as front:
            caller = Caller(front.address)
            held = [caller.connect() for _ in range(3)]
            for connection in held:
                self.assertEqual(caller.ask(
                    "GET", "/x", connection=connection).status, 404)
            with caller.connect() as more:
                more.send(caller.request("GET", "/x"))
                self.refused(more.response(), 503)
                self.assertIsNotNone(more.closed_within(3))
            other = Caller(front.address, source="127.0.0.2")
            self.assertEqual(other.ask("GET", "/x").status, 404)
            held.pop().close()
            deadline = time.monotonic() + 5
            while caller.ask("GET", "/x").status != 404:
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(caller.ask(
                "GET", "/x", connection=held[0]).status, 404)
            for connection in held:
                connection.close()

    def test_connections_of_all(self):
        """More wait until there is room."""
        with limited(connections=5) as front:
            caller = Caller(front.address)
            held = [caller.connect() for _ in range(5)]
            for connection in held:
                self.assertEqual(caller.ask(
                    "GET", "/x", connection=connection).status, 404)
            with caller.connect(timeout=5) as waiting:
                waiting.send(caller.request("GET", "/x"))
                waiting.socket.settimeout(0.3)
                self.assertRaises(TimeoutError, waiting.response)
                for connection in held:
                    connection.close()
                waiting.socket.settimeout(5)
                self.assertEqual(waiting.response().status, 404)


class Sizes(Case):
    """How much."""

    def test_a_body(self):
        """With a length and in chunks, from the head on."""
        with limited(body_size=1000) as front:
            caller = Caller(front.address)
            fits = b'{"jsonrpc":"2.0","method":"x"}'.ljust(1000)
            with caller.open() as session:
                answer = caller.ask("POST", session.endpoint, fits)
                self.assertEqual(answer.status, 202)
                answer = caller.ask("POST", session.endpoint, fits + b" ")
                self.assertEqual(answer.status, 413)
                with caller.connect() as connection:
                    connection.send(caller.request(
                        "POST", session.endpoint, headers=[
                            ("Content-Type", "application/json"),
                            ("Transfer-Encoding", "chunked")]))
                    connection.send(b"3e8\r\n" + fits + b"\r\n1\r\n")
                    self.assertEqual(connection.response().status, 413)
                front.policy(*BACKENDS, limits=LIMITS)
                logs(front)
                answer = caller.ask("POST", session.endpoint, fits + b" ")
                self.assertEqual(answer.status, 202)

    def test_unfinished_requests_of_all(self):
        """Over their part of the memory new ones wait; then they are served."""
        with limited(memory=5 << 20, body_size=1 << 20) as front:
            caller = Caller(front.address)
            logs(front)
            before = descriptors(front)
            with caller.open() as session:
                head = caller.request("POST", session.endpoint, headers=[
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(1 << 20))])
                first, second = caller.connect(), caller.connect()
                first.send(head + 600000 * b" ")
                self.assertIsNone(first.closed_within(0.3))
                second.send(head + 600000 * b" ")
                self.refused(second.response(), 503)
                second.close()
                self.wait_descriptors(front, before + 2)
                first.socket.settimeout(10)
                first.send(((1 << 20) - 600002) * b" " + b"{}")
                self.assertEqual(first.response().status, 400)
                first.close()
                self.assertEqual(session.result("ping"), {})
                third = caller.connect()
                third.send(head + 600000 * b" ")
                self.assertIsNone(third.closed_within(0.3))
                third.close()

    def lazy(self, front, worker, count, sessions):
        """Have results of 1 MB wait for clients that do not read; how many
        of these are still there."""
        caller = Caller(front.address)
        opened = [caller.open(receive_buffer=4096) for _ in range(sessions)]
        opened[0].wait_tools("a/echo")
        for session in opened:
            for _ in range(count):
                self.assertEqual(session.send("tools/call", CALL).status, 202)
        numbers = [worker.request()[0] for _ in range(count * sessions)]
        with caller.open() as canary:
            for number in numbers:
                worker.answer(number, {"text": 1000000 * "x"})
                self.assertEqual(canary.result("ping"), {})
        dropped = [text for text in logs(front) if "dropped" in text]
        for session in opened:
            session.stream.close()
        return dropped

    def test_the_queue_of_a_client(self):
        """Who has more than that waiting is dropped, alone."""
        with limited(queue_size=1 << 20) as front:
            dropped = self.lazy(front, front.link(0), 12, 1)
            self.assertEqual(len(dropped), 1)
            self.assertIn("does not read its stream", dropped[0])

    def test_the_queues_of_all(self):
        """Nobody has more than one may, but all have: the fullest go."""
        with limited(memory=10 << 20, queue_size=64 << 20) as front:
            dropped = self.lazy(front, front.link(0), 8, 4)
            self.assertIn(len(dropped), (1, 2, 3, 4))
            self.assertIn("all streams together", dropped[0])

    def test_a_smaller_memory_is_kept_at_once(self):
        """A new policy drops those who hold more."""
        with limited() as front:
            worker = front.link(0)
            caller = Caller(front.address)
            with caller.open(receive_buffer=4096) as session:
                session.wait_tools("a/echo")
                for _ in range(7):
                    session.send("tools/call", CALL)
                for _ in range(7):
                    worker.answer(worker.request()[0],
                                  {"text": 1000000 * "x"})
                caller.open().stream.close()
                self.assertFalse([one for one in logs(front)
                                  if "dropped" in one])
                front.policy(*BACKENDS, limits={**LIMITS, "memory": 1 << 20})
                self.assertTrue([one for one in logs(front)
                                 if "dropped" in one])


class Probes(Case):
    """/healthz and /readyz."""

    def ready(self, caller):
        """The status and what it says."""
        answer = caller.ask("GET", "/readyz")
        return answer.status, json.loads(answer.body)

    def test_probes_need_no_token_and_any_host_will_do(self):
        """But pages of others are refused."""
        with Front(BACKENDS, open=False,
                   tokens=[token("alice", ALICE)]) as front:
            caller = Caller(front.address)
            for path in ("/healthz", "/readyz"):
                head = caller.ask("HEAD", path)
                answer = caller.ask("GET", path, host="any.example")
                self.assertEqual(answer.status, head.status)
                self.assertEqual(answer.header("content-length"),
                                 head.header("content-length"))
                self.assertEqual(head.body, b"")
                answer = caller.ask("GET", path, headers=[
                    ("Origin", "https://evil.example")])
                self.assertEqual(answer.status, 403)
                answer = caller.ask("POST", path, b"")
                self.assertEqual(answer.status, 405)
                self.assertEqual(answer.header("allow"), "GET, HEAD")
            answer = caller.ask("GET", "/healthz")
            self.assertEqual((answer.status, answer.body), (200, b"ok"))

    def test_ready_is_who_has_tried_every_backend(self):
        """Listed, or failed; one on standby is nobody's business."""
        more = (*BACKENDS, backend(2, "c", "standby"))
        with Front(more) as front:
            caller = Caller(front.address)
            starting = (503, {"ready": False,
                              "reason": "backends are starting"})
            self.assertEqual(self.ready(caller), starting)
            front.state(0, "starting")
            front.state(1, "starting")
            self.assertEqual(self.ready(caller), starting)
            front.link(0)
            front.state(0, "setup")
            front.supervisor.expect("LISTED")
            self.assertEqual(self.ready(caller), starting)
            front.state(1, "backoff", "exit 1", 100)
            logs(front)
            self.assertEqual(self.ready(caller), (200, {"ready": True}))
            front.state(1, "starting")
            front.state(0, "stopping")
            front.workers[0].close()
            logs(front)
            self.assertEqual(self.ready(caller), (200, {"ready": True}))


class End(Case):
    """UNLISTEN and DRAIN."""

    def test_unlistening_lets_connections_go_on(self):
        """No new one there; the other socket is served."""
        with Front(BACKENDS) as front:
            address = listen(front, ("127.0.0.1", 0), 7)
            six = listen(front, ("::1", 0), 8, socket.AF_INET6)
            caller = Caller(address)
            with caller.open() as session:
                front.supervisor.send("UNLISTEN", ident=7)
                front.supervisor.send("UNLISTEN", ident=99)
                logs(front)
                self.assertRaises(ConnectionRefusedError, Connection, address)
                again = Caller(front.address)
                self.assertEqual(session.send("ping", caller=again).status,
                                 202)
                self.assertEqual(session.outcome()["result"], {})
            with Connection(six) as connection:
                connection.send(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
                self.assertEqual(connection.response().status, 200)
            # The id is free again, and one that is in use ends the front.
            listen(front, ("127.0.0.1", 0), 7)
            self.assertEqual(Caller(front.address).ask("GET", "/x").status,
                             404)

    def test_draining_answers_what_is_in_flight_and_takes_nothing_new(self):
        """Streams end with their last chunk; then DRAINED."""
        with Front(BACKENDS) as front:
            worker = front.link(0)
            caller = Caller(front.address)
            with caller.open() as session, caller.open() as idle, \
                    caller.connect() as kept:
                session.wait_tools("a/echo")
                session.send("tools/call", CALL, connection=kept)
                number, _ = worker.request()
                front.supervisor.send("DRAIN")
                logs(front)
                answer = session.send("ping", connection=kept)
                self.refused(answer, 503, (1,))
                self.assertEqual(answer.header("connection"), "close")
                self.assertIsNotNone(kept.closed_within(2))
                self.refused(caller.ask("GET", "/sse"), 503, (1,))
                self.refused(caller.ask("GET", "/nowhere"), 503, (1,))
                self.assertEqual(caller.ask("GET", "/healthz").body, b"ok")
                answer = caller.ask("GET", "/readyz")
                self.assertEqual(answer.status, 503)
                self.assertEqual(json.loads(answer.body),
                                 {"ready": False, "reason": "draining"})
                worker.answer(number, {"last": True})
                self.assertEqual(session.outcome()["result"], {"last": True})
                self.assertTrue(session.ended())
                self.assertTrue(idle.ended())
                for one in (session, idle):
                    self.assertIsNotNone(one.stream.closed_within(2))
                self.assertEqual(front.supervisor.expect("DRAINED")[2], 1)

    def test_draining_waits_for_bytes_on_their_way(self):
        """A large answer is whole though its client reads it slowly."""
        with Front(BACKENDS) as front:
            worker = front.link(0)
            with Caller(front.address).open(receive_buffer=65536) as session:
                session.wait_tools("a/echo")
                session.send("tools/call", CALL)
                number, _ = worker.request()
                front.supervisor.send("DRAIN")
                worker.answer(number, {"text": 7000000 * "x"})
                text = session.outcome()["result"]["text"]
                self.assertEqual(len(text), 7000000)
                self.assertTrue(session.ended())
                front.supervisor.expect("DRAINED")

    def test_streams_that_nobody_reads_do_not_hold_up_the_end(self):
        """And a client that hangs up meanwhile ends nothing else."""
        with Front(BACKENDS) as front:
            worker = front.link(0)
            caller = Caller(front.address)
            with caller.open(receive_buffer=4096) as lazy, \
                    caller.open(receive_buffer=4096) as gone:
                lazy.wait_tools("a/echo")
                for session in (lazy, gone):
                    session.send("tools/call", CALL)
                    worker.answer(worker.request()[0],
                                  {"text": 7000000 * "x"})
                self.assertEqual(caller.ask("GET", "/healthz").status, 200)
                begin = time.monotonic()
                front.supervisor.send("DRAIN")
                logs(front)
                gone.stream.reset()
                front.supervisor.expect("DRAINED")
                self.assertLess(time.monotonic() - begin, 3)
                self.assertEqual(caller.ask("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
