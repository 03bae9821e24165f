"""What clients of Streamable HTTP can make the front hold: answers that nobody
reads, events that nobody comes for, sessions, floods."""

import json
import re
import time
import unittest

import gateway
import process
import raw
from frames import LIMITS
from streamable_case import Case, answer, progress
from streamable_client import BOTH, Streamable, sessions, status

MIB = 1 << 20
MEMORY = 64 * MIB
# Programs and libraries, a message on its way in, and what malloc keeps.
FIXED = 16 * MIB
# Of each connection: its parser, buffers, stream.
EACH = 16 << 10
# AddressSanitizer keeps what was freed.
MEASURED = unittest.skipIf(gateway.SANITIZED, "memory is not the front's own")


class Loaded(Case):
    """A front with little memory, and how much it took."""

    @staticmethod
    def limits():
        return {**LIMITS, "memory": MEMORY, "queue_size": 8 * MIB,
                "sessions": 3000}

    def peak(self):
        """The most that the front ever took, in bytes."""
        with open(f"/proc/{self.front.child.pid}/status",
                  encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) * 1024

    def check(self, connections):
        """It kept to its limits, and serves on."""
        if not gateway.SANITIZED:
            self.assertLess(self.peak(), MEMORY + FIXED + connections * EACH)
        self.assertEqual(self.client.status(), 200)
        self.assertEqual(status(self.front)["sessions"],
                         sessions(self.front))

    def lazy(self, count, client=None, **more):
        """Calls whose answers are not read, and their numbers."""
        calls = []
        for _ in range(count):
            calls.append((client or self.client).call(
                "a__echo", receive_buffer=4096, **more))
            self.addCleanup(calls[-1].close)
        return calls, [self.worker.request()[0] for _ in calls]


class Unread(Loaded):
    """Answers that nobody reads."""

    def test_answers_in_json(self):
        """400 of 1 MB each, where 40 fit."""
        calls, numbers = self.lazy(400)
        for number in numbers:
            answer(self.worker, number, "x" * MIB)
        self.check(400)
        for exchange in calls:
            exchange.close()
        self.settled()

    def test_answers_as_events(self):
        calls, numbers = self.lazy(400, token=1)
        for number in numbers:
            progress(self.worker, number)
        for number in numbers:
            answer(self.worker, number, "x" * MIB)
        self.check(400)
        for exchange in calls:
            exchange.close()
        self.settled()

    def test_answers_of_16_mb(self):
        calls, numbers = self.lazy(8)
        more, others = self.lazy(8, token=1)
        for number in others:
            progress(self.worker, number)
        for number in numbers + others:
            answer(self.worker, number, "x" * (16 * MIB))
        if not gateway.SANITIZED:  # one message is on its way in
            self.assertLess(self.peak(), MEMORY + FIXED + 3 * 16 * MIB)
        self.assertEqual(self.client.status(), 200)
        # Who reads gets his whole, whatever the others do.
        with self.client.call("a__echo", timeout=30) as exchange:
            answer(self.worker, self.worker.request()[0], "y" * (16 * MIB))
            self.assertEqual(len(exchange.outcome()["result"]["content"][0]
                                 ["text"]), 16 * MIB)
        for exchange in calls + more:
            exchange.close()
        self.settled()

    def test_progress_without_end(self):
        """One stream that nobody reads is dropped; its call goes on, and can be
        resumed."""
        [exchange], [number] = self.lazy(1, token=1)
        for value in range(300):
            self.worker.send("EVENT", {
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": number, "progress": value,
                           "message": "x" * 100000}}, number)
        self.check(1)
        first = exchange.event().id
        self.assertIsNotNone(exchange.connection.closed_within(5))
        process.wait_until(
            lambda: status(self.front)["connections"] == 0,
            5 * gateway.PATIENCE, "the end of the connection")
        answer(self.worker, number)
        with self.client.get(first) as stream:
            messages = [one.json for one in stream.events() if one.data]
        self.assertEqual(messages[-1]["result"]["content"][0]["text"], "done")
        self.assertLess(len(messages), 12)  # of the last ones

    def settled(self):
        """All that was held is given back."""
        process.wait_until(
            lambda: status(self.front)["connections"] == 0,
            5 * gateway.PATIENCE, "the end of all connections")
        self.check(400)


class Kept(Loaded):
    """Events that nobody comes for."""

    def test_of_many_sessions(self):
        """200 sessions are owed 800 KB each; 4 MiB may be kept."""
        clients = [Streamable(self.front.address) for _ in range(200)]
        for client in clients:
            self.subscribe_once(client)
        for _ in range(16):
            self.worker.updated("test://notes/1", padding="x" * 50000)
        self.check(0)
        with clients[0].get() as stream:  # told last
            self.primed(stream.event())
            self.assertEqual(stream.event().json["params"]["uri"],
                             "test://notes/1")

    def subscribe_once(self, client):
        """Only the first one of all is asked of the backend."""
        if not hasattr(self, "subscribed"):
            self.subscribed = client
            self.subscribe(client)
        else:
            self.assertEqual(client.result("resources/subscribe", {
                "uri": "test://notes/1"}), {})


class Floods(Loaded):
    """More than anybody needs."""

    def test_of_sessions(self):
        body = json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "x" * 1000, "version": "1"}}}).encode()
        data = raw.request("POST", "/mcp", self.front.address,
                           [("Accept", BOTH)], body)
        with raw.Connection(self.front.address) as connection:
            for _ in range(200):
                connection.send(data * 50)
                for _ in range(50):
                    self.assertEqual(connection.response().status, 200)
        self.assertEqual(sessions(self.front), 3000)
        # Who was there before was the first to go.
        self.assertEqual(self.client.status(), 404)
        self.client = self.open()
        self.check(0)

    def test_of_calls_whose_clients_leave(self):
        """Each leaves at once; nothing is left but the calls, and they end."""
        for _ in range(3):
            client = self.open()
            for number in range(LIMITS["requests_per_session"]):
                client.call("a__echo", ident=number).close()
            numbers = [self.worker.request()[0]
                       for _ in range(LIMITS["requests_per_session"])]
            for number in numbers[::2]:
                answer(self.worker, number)
            self.assertEqual(client.delete().status, 200)
            for _ in numbers[1::2]:
                self.worker.expect("CANCEL")
        process.wait_until(
            lambda: status(self.front)["connections"] == 0,
            5 * gateway.PATIENCE, "the end of all connections")
        self.check(0)

    def test_of_event_streams_that_end_with_calls_in_flight(self):
        """More of HTTP+SSE than the front keeps objects for."""
        streams = []
        for number in range(1200):
            connection = raw.Connection(self.front.address)
            self.addCleanup(connection.close)
            connection.send(raw.request("GET", "/sse", self.front.address))
            connection.head()
            streams.append((connection, connection.chunk().split(
                b"data: ")[1].strip().decode()))
        with raw.Connection(self.front.address) as poster:
            for _, endpoint in streams:
                for message in (
                        {"jsonrpc": "2.0", "id": 1, "method": "initialize",
                         "params": {"protocolVersion": "2025-11-25",
                                    "capabilities": {}, "clientInfo": {
                                        "name": "x", "version": "1"}}},
                        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
                         "params": {"name": "a/echo"}}):
                    poster.send(raw.request(
                        "POST", endpoint, self.front.address,
                        body=json.dumps(message).encode()))
                    self.assertEqual(poster.response().status, 202)
        numbers = [self.worker.request()[0] for _ in streams]
        for connection, _ in streams:
            connection.close()
        cancelled = {self.worker.expect("CANCEL")[1] for _ in numbers}
        self.assertEqual(cancelled, set(numbers))
        self.check(1200)

    def test_of_requests_ahead(self):
        """50 connections send 60 KB of requests behind a call each."""
        calls = [self.client.call("a__echo") for _ in range(50)]
        numbers = [self.worker.request()[0] for _ in calls]
        data = raw.request("POST", "/mcp", self.front.address,
                           self.client.headers() + [("Accept", BOTH)],
                           b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        ahead = 60000 // len(data)
        for exchange in calls:
            self.addCleanup(exchange.close)
            exchange.connection.send(data * ahead)
        begin = time.monotonic()
        for number in numbers:
            answer(self.worker, number)
        for exchange in calls:
            self.assertEqual(exchange.outcome()["result"]["content"][0]
                             ["text"], "done")
            for _ in range(ahead):
                self.assertEqual(exchange.connection.response().status, 200)
        self.assertLess(time.monotonic() - begin, 30 * gateway.PATIENCE)
        self.check(50)


if __name__ == "__main__":
    unittest.main()
