"""The heads of answers: most are written by the front itself and some by
evhttp, some at once and some with the next turn of the loop; who reads them
sees no difference."""

import email.utils
import json
import threading
import time
import unittest

import frames
import raw
from streamable_case import Case, answer
from streamable_client import BOTH

ORIGIN = "https://app.example.com"


class Heads(Case):
    """One request after another, each in another way."""

    def setUp(self):
        super().setUp()
        self.front.policy(frames.backend(0, "a"), origins=[ORIGIN])

    def request(self, message, *headers, chunked=False):
        """The bytes of a POST."""
        data = raw.request("POST", "/mcp", self.front.address,
                           [*self.client.headers(), ("Accept", BOTH),
                            *headers], json.dumps(message).encode())
        if not chunked:
            return data
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.rpartition(b"\r\nContent-Length: ")[0]
        return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" \
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    def answers(self, *headers, **more):
        """To a call that is awaited, to a request that is answered at once, to
        a notification and to what is refused, on one connection."""
        connection = raw.Connection(self.front.address)
        self.addCleanup(connection.close)
        for message, status in (
                ({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                  "params": {"name": "a__echo"}}, 200),
                ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, 200),
                ({"jsonrpc": "2.0", "method": "notifications/x"}, 202),
                ([], 400)):
            connection.send(self.request(message, *headers, **more))
            if isinstance(message, dict) and "params" in message:
                answer(self.worker, self.worker.request()[0])
            found = connection.response()
            self.assertEqual(found.status, status, found)
            yield connection, found
            if found.header("connection") == "close":
                connection = raw.Connection(self.front.address)
                self.addCleanup(connection.close)

    def check(self, found, *more):
        """It says what it must, each once, and of that nothing but more."""
        names = [name for name, _ in found.headers]
        content = ["content-type"] if found.body else []
        self.assertEqual(
            sorted(names),
            sorted([*content, "content-length", "date", *more]), found)
        if found.body:
            self.assertEqual(found.header("content-type"), "application/json")
            json.loads(found.body)
        date = email.utils.parsedate_to_datetime(found.header("date"))
        self.assertLess(abs(time.time() - date.timestamp()), 5)
        self.assertEqual(found.reason, {
            200: "OK", 202: "Accepted", 400: "Bad Request"}[found.status])

    def test_of_most_requests(self):
        for headers in ((), [("Connection", "keep-alive")],
                        [("connection", "Keep-Alive")]):
            for _, found in self.answers(*headers):
                self.check(found)

    def test_of_bodies_in_chunks(self):
        for connection, found in self.answers(chunked=True):
            self.check(found)
            self.assertEqual(connection.pending, b"")

    def test_of_connections_that_shall_end(self):
        for connection, found in self.answers(("Connection", "close")):
            self.check(found, "connection")
            self.assertEqual(found.header("connection"), "close")
            self.assertIsNotNone(connection.closed_within(5))
            self.assertEqual(connection.pending, b"")

    def test_of_requests_from_a_page(self):
        for _, found in self.answers(("Origin", ORIGIN)):
            self.check(found, "vary", "access-control-allow-origin",
                       "access-control-expose-headers")


class Unread(Case):
    """Answers that the kernel does not take: their client does not read."""

    COUNT = 180
    TEXT = "x" * 3900

    def work(self):
        """Answer every call."""
        for self.answered in range(1, self.COUNT + 1):
            answer(self.worker, self.worker.request()[0], self.TEXT)

    def test_are_whole_and_in_order_once_it_does(self):
        calls = b"".join(raw.request(
            "POST", "/mcp", self.front.address,
            [*self.client.headers(), ("Accept", BOTH)],
            b'{"jsonrpc":"2.0","id":%d,"method":"tools/call",'
            b'"params":{"name":"a__echo"}}' % ident)
            for ident in range(self.COUNT))
        self.assertLess(len(calls), 64 << 10)  # that may be sent ahead
        self.answered = 0
        worker = threading.Thread(target=self.work)
        with raw.Connection(self.front.address,
                            receive_buffer=4096) as connection:
            worker.start()
            connection.send(calls)
            before = -1
            while before != self.answered:
                before = self.answered
                time.sleep(0.5)
            self.assertLess(self.answered, self.COUNT)  # it had to wait
            for ident in range(self.COUNT):
                found = json.loads(connection.response().body)
                self.assertEqual(found["id"], ident)
                self.assertEqual(found["result"]["content"][0]["text"],
                                 self.TEXT)
            worker.join()
        self.assertEqual(self.client.status(), 200)


if __name__ == "__main__":
    unittest.main()
