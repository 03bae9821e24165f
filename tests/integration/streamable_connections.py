"""Streamable HTTP over connections that break, wait and crowd: POSTs whose
client leaves, requests sent ahead of an answer, a thousand at once."""

import json
import socket
import threading
import time
import unittest

import process
import raw
from frames import LIMITS
from gateway import MIB, PATIENCE, SANITIZED
from streamable_case import Case, answer, progress, text_of
from streamable_client import BOTH, Streamable, status

AHEAD = 64 << 10  # bytes that may be sent ahead of an answer
DECIDE_S = 1


class Leaving(Case):
    """The client is gone; its call goes on."""

    def leave(self, exchange, how):
        """Go away."""
        if how == "reset":
            exchange.connection.reset()
        elif how == "half":
            exchange.connection.socket.shutdown(socket.SHUT_WR)
        else:
            exchange.close()

    def idle(self):
        """Nothing of what was is left, but for sessions."""
        process.wait_until(
            lambda: self.count() == (0, 0), 5 * PATIENCE,
            f"the end of all connections: {self.count()}")

    def count(self):
        """Connections, and requests in flight."""
        report = status(self.front)
        return report["connections"], sum(
            one["in_flight"] for one in report["backends"])

    def test_calls_of_clients_that_left_are_not_cancelled(self):
        for how in ("close", "reset", "half"):
            for wait in (0, 1.3 * DECIDE_S):
                exchange, number = self.call(token=1)
                time.sleep(wait)
                self.leave(exchange, how)
                other, second = self.call()
                answer(self.worker, second)
                self.assertEqual(text_of(other.outcome()), "done")
                other.close()
                progress(self.worker, number)
                answer(self.worker, number, "for nobody")
                exchange.close()
        self.idle()
        # Had one been cancelled, that would have come before this request.
        exchange = self.client.call("a__echo")
        while (frame := self.worker.take())[0] != "REQUEST":
            self.assertNotEqual(frame[0], "CANCEL")
        answer(self.worker, frame[1])
        exchange.close()

    def test_the_answer_of_a_half_closed_connection(self):
        """A quick answer comes through; a later one is not waited for."""
        with self.client.begin("ping") as exchange:
            exchange.connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(exchange.outcome()["result"], {})
        exchange, number = self.call()
        exchange.connection.socket.shutdown(socket.SHUT_WR)
        self.assertIsNotNone(exchange.connection.closed_within(5))
        answer(self.worker, number)
        exchange.close()
        self.idle()

    def test_many_leave_at_every_moment(self):
        before = process.resident(self.front.child.pid)
        for round_ in range(20):
            calls = [self.client.call("a__echo", token=n) for n in range(20)]
            numbers = [self.worker.request()[0] for _ in calls]
            for place, number in enumerate(numbers):
                if place % 3 == 1:
                    progress(self.worker, number)
                if place % 5 == 2:
                    answer(self.worker, number)
                self.leave(calls[place], ("close", "reset")[round_ % 2])
                if place % 5 != 2:
                    answer(self.worker, number, "late")
        for exchange in calls:
            exchange.close()
        self.idle()
        self.assertEqual(self.client.status(), 200)
        if not SANITIZED:
            self.assertLess(process.resident(self.front.child.pid) - before,
                            4 * MIB)

    def test_the_session_ends_while_clients_leave(self):
        for how in ("close", "reset", "half"):
            client = self.open()
            calls = [client.call("a__echo", token=n) for n in range(9)]
            numbers = [self.worker.request()[0] for _ in calls]
            for number in numbers[::2]:
                progress(self.worker, number)
            for exchange in calls[::3]:
                self.leave(exchange, how)
            self.assertEqual(client.delete().status, 200)
            for number in numbers:
                self.assertEqual(self.worker.expect("CANCEL")[1] in numbers,
                                 True)
                answer(self.worker, number)
            for exchange in calls:
                exchange.close()
        self.idle()

    def test_get_streams_come_and_go(self):
        for _ in range(50):
            with self.client.get("0-0") as stream:
                self.assertTrue(stream.is_events())
            with self.client.get("0-0") as stream:
                stream.connection.reset()
        self.idle()


class Ahead(Case):
    """Requests that were sent before the answer to the first one came."""

    def pipeline(self, client, *messages):
        """The bytes of several POSTs."""
        return b"".join(raw.request(
            "POST", "/mcp", self.front.address,
            client.headers() + [("Accept", BOTH)], json.dumps(one).encode())
                        for one in messages)

    @staticmethod
    def message(ident, method="tools/call", **params):
        """A request."""
        return {"jsonrpc": "2.0", "id": ident, "method": method,
                "params": params or {"name": "a__echo"}}

    def responses(self, connection, idents):
        """So many responses, in this order."""
        for ident in idents:
            found = connection.head()
            if found.header("content-type") == "text/event-stream":
                text = b"".join(connection.chunks()).decode()
                data = [line[6:] for line in text.split("\r\n")
                        if line.startswith("data: {")][-1]
            else:
                data = connection.exactly(int(found.header("content-length")))
            self.assertEqual(json.loads(data)["id"], ident)

    def test_they_are_answered_in_order(self):
        for wait in (0, 1.3 * DECIDE_S):
            with raw.Connection(self.front.address) as connection:
                connection.send(self.pipeline(
                    self.client, self.message("a"),
                    self.message("b", "ping"), self.message("c"),
                    self.message("d", "ping"), self.message("e")))
                for _ in "ace":
                    number, _ = self.worker.request()
                    time.sleep(wait)
                    wait = 0
                    answer(self.worker, number)
                self.responses(connection, "abcde")

    def test_they_may_come_while_the_answer_is_awaited(self):
        with raw.Connection(self.front.address) as connection:
            connection.send(self.pipeline(self.client, self.message(0)))
            number, _ = self.worker.request()
            data = self.pipeline(self.client, *[
                self.message(n, "ping") for n in range(1, 50)])
            for place in range(0, len(data), 700):  # at any byte
                connection.send(data[place:place + 700])
                time.sleep(0.005)
            answer(self.worker, number)
            self.responses(connection, range(50))

    def test_behind_an_event_stream(self):
        with raw.Connection(self.front.address) as connection:
            connection.send(self.pipeline(
                self.client, {**self.message(0), "params": {
                    "name": "a__echo", "_meta": {"progressToken": 1}}},
                self.message(1, "ping")))
            number, _ = self.worker.request()
            progress(self.worker, number)
            connection.send(self.pipeline(self.client,
                                          self.message(2, "ping")))
            answer(self.worker, number)
            self.responses(connection, range(3))

    def test_as_much_as_there_may_be(self):
        for size, whole in ((AHEAD - 4096, True), (AHEAD + 4096, False)):
            exchange, number = self.call(ident="first")
            padding = self.pipeline(self.client, self.message(
                "second", "ping", padding="x" * size))
            try:
                exchange.connection.send(padding)
            except OSError:
                pass
            if not whole:
                self.assertIsNotNone(exchange.connection.closed_within(5))
            answer(self.worker, number)
            if whole:
                self.responses(exchange.connection, ("first", "second"))
        self.assertEqual(self.client.status(), 200)

    def test_what_is_malformed_behind_a_call_ends_it_alone(self):
        for garbage in (b"garbage\r\n\r\n", b"POST /mcp HTTP/1.1\r\n\r\n",
                        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"):
            for wait in (0, 1.3 * DECIDE_S):
                exchange, number = self.call()
                time.sleep(wait)
                exchange.connection.send(garbage)
                self.assertIsNotNone(exchange.connection.closed_within(5))
                answer(self.worker, number)
                exchange.close()
        self.assertEqual(self.client.status(), 200)

    def test_whoever_leaves_takes_them_along(self):
        for how in ("close", "reset"):
            exchange, number = self.call()
            exchange.connection.send(self.pipeline(
                self.client, self.message("never")))
            time.sleep(0.05)
            getattr(exchange.connection, how)()
            exchange.close()
            answer(self.worker, number)
        last, number = self.call(ident="last")
        answer(self.worker, number)
        self.assertEqual(last.outcome()["id"], "last")

    def test_bodies_that_take_their_time(self):
        data = self.pipeline(self.client, self.message("slow", "ping"))
        chunked = data.split(b"Content-Length")[0] + \
            b"Transfer-Encoding: chunked\r\n\r\n"
        body = data.split(b"\r\n\r\n", 1)[1]
        with raw.Connection(self.front.address) as one, \
                raw.Connection(self.front.address) as other:
            other.send(chunked)
            for place, byte in enumerate(data):
                one.send(bytes([byte]))
                if place < len(body):
                    other.send(b"1\r\n" + body[place:place + 1] + b"\r\n")
            other.send(b"0\r\n\r\n")
            self.responses(one, ["slow"])
            self.responses(other, ["slow"])


class Crowd(Case):
    """Many at once."""

    def test_a_thousand_calls_of_one_session(self):
        """All of them wait at the same time; each gets its own answer, some as
        events and some as JSON, and one more is refused."""
        limit = LIMITS["requests_per_session"]
        calls = [self.client.call("a__echo", {"text": f"t{n}"}, token=7,
                                  ident=n % 10, timeout=30)
                 for n in range(limit)]
        for exchange in calls:
            self.addCleanup(exchange.close)
        requests = [self.worker.request() for _ in calls]
        with self.client.call("a__echo") as exchange:
            refused = exchange.whole()
            self.assertEqual(refused.status, 429)
            self.assertTrue(refused.header("retry-after"))
            self.assertEqual(json.loads(refused.body)["error"]["code"],
                             -32000)
        for number, message in reversed(requests):
            text = message["params"]["arguments"]["text"]
            if text.endswith("3"):
                progress(self.worker, number, int(text[1:]))
            answer(self.worker, number, text)
        for place, exchange in enumerate(calls):
            head = exchange.head()
            if exchange.is_events():
                messages = [one.json for one in exchange.events() if one.data]
                if f"t{place}".endswith("3"):
                    self.assertEqual(messages.pop(0)["params"], {
                        "progressToken": 7, "progress": place})
                [outcome] = messages
            else:
                self.assertFalse(f"t{place}".endswith("3"))
                outcome = exchange.outcome()
            self.assertEqual(head.status, 200)
            self.assertEqual(outcome["id"], place % 10)
            self.assertEqual(text_of(outcome), f"t{place}")
        self.assertEqual(self.client.status(), 200)

    def test_two_hundred_clients_with_equal_ids_and_tokens(self):
        """Everybody's id is 1, and so is everybody's progress token."""
        failures = []

        def serve():
            """The backend: progress, and the text back, the last first."""
            requests = [self.worker.request() for _ in range(200)]
            for number, message in requests[::-1]:
                text = message["params"]["arguments"]["text"]
                token = message["params"]["_meta"]["progressToken"]
                if token != number:
                    failures.append(message)
                progress(self.worker, number, int(text))
            for number, message in requests:
                answer(self.worker, number,
                       message["params"]["arguments"]["text"])

        clients = [Streamable(self.front.address) for _ in range(200)]
        backend = threading.Thread(target=serve, daemon=True)
        backend.start()
        calls = [client.call("a__echo", {"text": str(n)}, token=1, ident=1)
                 for n, client in enumerate(clients)]
        for place, exchange in enumerate(calls):
            with exchange:
                one, other = [event.json for event in exchange.events()
                              if event.data]
                self.assertEqual(one["params"], {
                    "progressToken": 1, "progress": place})
                self.assertEqual((other["id"], text_of(other)),
                                 (1, str(place)))
        backend.join(10)
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
