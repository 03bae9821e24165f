"""Requests of a server elsewhere, to clients: the worker on its own, between a
supervisor and a front that the test plays and an HTTP server."""

import json
import socket
import subprocess
import threading
import time
import unittest

import frames
import gateway
import http_backend
from gateway import PATIENCE

FIRST = 65536      # the first id that a front may use
WINDOW = 768       # requests that a worker has under way
ASIDES = 24        # answers and notifications, besides
PARENT_GONE = 79


class Backend(http_backend.Backend):
    """Its tool asks a client and waits for what he says."""

    def tool_question(self, reply, arguments, _):
        """A request with an id of its own."""
        ident = arguments.get("id", f"q{reply.ident}")
        asked = reply.session.asked[ident] = [threading.Event(), None]
        stream = reply.session.main if arguments.get("main") else reply
        stream.put(json.dumps({
            "jsonrpc": "2.0", "id": ident, "method": "elicitation/create",
            "params": {"message": "x" * arguments.get("bytes", 1)}}))
        asked[0].wait(60 * PATIENCE)
        reply.answer(http_backend.text(json.dumps(asked[1])))

    def tool_notes(self, reply, arguments, _):
        """Log messages, and what ends an elicitation."""
        for level in arguments["levels"]:
            reply.notify("notifications/message", {"level": level, "data": 1})
        reply.notify("notifications/elicitation/complete",
                     {"elicitationId": "e"})
        reply.answer(http_backend.text("noted"))


class Worker:
    """A running mcp-gateway-worker-http that is ready."""

    def __init__(self, url, kind="http", capabilities=127):
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        self.child = subprocess.Popen(
            ["sh", "-c", f'exec "$0" 3<&{number}',
             gateway.program("mcp-gateway-worker-http")],
            pass_fds=[number], stdin=subprocess.DEVNULL)
        theirs.close()
        self.supervisor = frames.Peer(ours)
        self.supervisor.send("SETUP", {
            "log_level": "info", "identity": None, "name": "b",
            "request_timeout_ms": 60000, "startup_timeout_ms": 10000,
            "ping_interval_ms": 0, "message_size": 64 << 20,
            "capabilities": capabilities, "remote": {
                "type": kind, "url": url, "headers": [], "ca": None,
                "certificate": None, "key": None, "private_network": True,
                "has_job": False}})
        self.front = None
        self.link()
        self.supervisor.expect("READY")
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        """What it logs."""
        try:
            while self.supervisor.take() is not None:
                pass
        except OSError:
            pass

    def link(self):
        """A front, the next one too; it is told all."""
        ours, theirs = socket.socketpair()
        if self.front is not None:
            self.front.close()
        self.front = frames.Peer(ours)
        self.supervisor.send("LINK", client=1, fd=theirs.fileno())
        theirs.close()
        for _ in range(4):
            self.front.expect("CATALOG")

    def call(self, ident, name, **arguments):
        """Call a tool."""
        self.front.send("REQUEST", {
            "jsonrpc": "2.0", "id": ident, "method": "tools/call",
            "params": {"name": name, "arguments": arguments}}, ident)

    def asked(self):
        """Wait for a question: its number, its request, and the message."""
        _, ident, _, payload = self.front.expect("ASK")
        return self.front.client, ident, json.loads(payload)

    def answer(self, number, action):
        """Answer a question as a client does."""
        self.front.send("ANSWER", {"jsonrpc": "2.0", "id": "gw-1", "result": {
            "action": action}}, client=number)

    def response(self):
        """Wait for an answer: its id and its text."""
        _, ident, _, payload = self.front.expect("RESPONSE")
        return ident, json.loads(payload)["result"]["content"][0]["text"]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        alive = self.child.poll() is None
        self.supervisor.socket.shutdown(socket.SHUT_WR)
        status = self.child.wait(10)
        self.supervisor.close()
        self.front.close()
        assert alive and status == PARENT_GONE, f"it ended with {status}"


class Asks(unittest.TestCase):
    """Questions and answers."""

    def setUp(self):
        self.backend = Backend()
        self.backend.tools += ["question", "notes"]
        self.addCleanup(self.backend.stop)

    def test_answers_pass_a_window_that_is_full(self):
        """24 questions while 768 requests are under way, each in the stream
        of its own."""
        with Worker(self.backend.url("/mcp")) as worker:
            for ident in range(FIRST, FIRST + WINDOW - ASIDES):
                worker.call(ident, "hang")
            questions = set(range(FIRST + WINDOW - ASIDES, FIRST + WINDOW))
            for ident in questions:
                worker.call(ident, "question")
            worker.call(FIRST + WINDOW, "echo")  # for which there is no room
            asks = [worker.asked() for _ in questions]
            self.assertEqual({ident for _, ident, _ in asks}, questions)
            self.assertEqual(len({number for number, _, _ in asks}), ASIDES)
            began = time.monotonic()
            for number, ident, message in asks:
                self.assertEqual(message["id"], f"q{ident}")
                worker.answer(number, f"for {ident}")
            # And the one that waited, for which there is room now.
            for _ in range(ASIDES + 1):
                ident, text = worker.response()
                if ident in questions:
                    self.assertEqual(json.loads(text), {
                        "jsonrpc": "2.0", "id": f"q{ident}",
                        "result": {"action": f"for {ident}"}})
            self.assertLess(time.monotonic() - began, 5 * PATIENCE)

    def test_as_many_questions_as_requests(self):
        """All of them at once, answered in another order."""
        with Worker(self.backend.url("/mcp")) as worker:
            for ident in range(FIRST, FIRST + WINDOW):
                worker.call(ident, "question")
            asks = [worker.asked() for _ in range(WINDOW)]
            for number, ident, _ in reversed(asks):
                worker.answer(number, f"for {ident}")
            for _ in range(WINDOW):
                ident, text = worker.response()
                self.assertEqual(json.loads(text)["result"]["action"],
                                 f"for {ident}")

    def test_what_belongs_to_no_request_is_told_so(self):
        """Over the GET stream, and over HTTP+SSE."""
        for path, kind in (("/mcp", "http"), ("/sse", "sse")):
            with self.subTest(path), \
                    Worker(self.backend.url(path), kind) as worker:
                deadline = time.monotonic() + 5 * PATIENCE
                while self.backend.listeners() == 0:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                worker.call(FIRST, "question", main=True)
                number, ident, _ = worker.asked()
                self.assertEqual(ident, 0)
                worker.answer(number, "accept")
                ident, text = worker.response()
                self.assertEqual(ident, FIRST)
                self.assertIn('"accept"', text)

    def test_messages_belong_to_the_request_with_whose_answer_they_came(self):
        with Worker(self.backend.url("/mcp")) as worker:
            worker.call(FIRST, "notes", levels=["info", "error"])
            for level in ("info", "error"):
                _, ident, _, payload = worker.front.expect("EVENT")
                self.assertEqual(ident, FIRST)
                self.assertEqual(json.loads(payload)["params"]["level"], level)
            _, _, _, payload = worker.front.expect("NOTIFY")
            self.assertEqual(json.loads(payload)["method"],
                             "notifications/elicitation/complete")
            worker.response()

    def test_a_front_that_goes_leaves_no_question_without_an_answer(self):
        """The server hears it at once, and the next front does not."""
        with Worker(self.backend.url("/mcp")) as worker:
            worker.call(FIRST, "question", id="left")
            number, _, _ = worker.asked()
            worker.link()
            worker.answer(number, "late")
            session, = self.backend.sessions.values()
            self.assertTrue(session.asked["left"][0].wait(5 * PATIENCE))
            error = session.asked["left"][1]
            self.assertEqual(error["error"]["code"], -32603)
            worker.call(FIRST + 1, "question", id="next")
            following, ident, _ = worker.asked()
            self.assertEqual(ident, FIRST + 1)
            self.assertNotEqual(following, number)
            worker.answer(following, "accept")
            self.assertEqual(worker.response()[0], FIRST + 1)

    def test_a_megabyte_is_asked_like_anything_else(self):
        with Worker(self.backend.url("/mcp")) as worker:
            worker.call(FIRST, "question", bytes=4 << 20)
            number, _, message = worker.asked()
            self.assertEqual(len(message["params"]["message"]), 4 << 20)
            worker.answer(number, "x" * (4 << 20))
            self.assertGreater(len(worker.response()[1]), 4 << 20)

    def test_what_was_not_declared_is_refused(self):
        with Worker(self.backend.url("/mcp"), capabilities=0) as worker:
            worker.call(FIRST, "question")
            self.assertEqual(
                json.loads(worker.response()[1])["error"]["code"], -32601)


if __name__ == "__main__":
    unittest.main()
