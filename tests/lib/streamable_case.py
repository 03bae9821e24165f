"""A front on its own, and clients of Streamable HTTP."""

import json
import resource
import unittest

from client import LATEST
from frames import LIMITS, TOOLS, Front
from streamable_client import Streamable

NOTE = "test://notes/1"
JSON = "application/json"
TRANSPORT, NOT_FOUND, PARSE, REQUEST, PARAMS = \
    -32000, -32001, -32700, -32600, -32602
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": LATEST, "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"}}}


def progress(worker, number, value=1):
    """Tell of progress of a request."""
    worker.send("EVENT", {
        "jsonrpc": "2.0", "method": "notifications/progress",
        "params": {"progressToken": number, "progress": value}}, number)


def log(worker, number, data="x"):
    """Log while a request is worked on."""
    worker.send("EVENT", {
        "jsonrpc": "2.0", "method": "notifications/message",
        "params": {"level": "info", "data": data}}, number)


def answer(worker, number, text="done"):
    """Answer a tool's call."""
    worker.answer(number, {"content": [{"type": "text", "text": text}]})


def text_of(outcome):
    """The text of a tool's answer."""
    return outcome["result"]["content"][0]["text"]


class Case(unittest.TestCase):
    """A front with the backend "a", which is the test."""

    def setUp(self):
        # The front's limit is ours.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.front = Front(["a"], limits=self.limits())
        self.front.__enter__()
        self.addCleanup(self.front.__exit__)
        self.worker = self.front.link(0, resources=[NOTE], capabilities={
            "tools": {}, "logging": {}, "resources": {"subscribe": True}})
        self.open()  # from now on nothing changes
        self.client = self.open()

    @staticmethod
    def limits():
        """What the front may."""
        return LIMITS

    def open(self, **more):
        """A client with a session."""
        client = Streamable(self.front.address, **more)
        client.wait_tool("a__echo")
        return client

    def call(self, client=None, **more):
        """A call that the backend has got, and its number there."""
        exchange = (client or self.client).call("a__echo", **more)
        self.addCleanup(exchange.close)
        return exchange, self.worker.request()[0]

    def change(self, *tools):
        """The backend has other tools now."""
        self.worker.send("CATALOG", [{"name": name, "inputSchema": {
            "type": "object"}} for name in ("echo", *tools)], flags=TOOLS)

    def subscribe(self, client):
        """Subscribe to the note."""
        with client.begin("resources/subscribe", {"uri": NOTE}) as exchange:
            number, message = self.worker.request()
            self.assertEqual(message["method"], "resources/subscribe")
            self.worker.answer(number, {})
            self.assertEqual(exchange.outcome()["result"], {})

    def primed(self, event):
        """It has an id, no data, and says when to come back."""
        self.assertEqual(event.data, "")
        self.assertRegex(event.id, r"^\d+-\d+$")
        self.assertRegex(event.retry, r"^\d+$")
        return event.id


class Answers(unittest.TestCase):
    """A front, and what its answers must be."""

    def serve(self, *backends, **more):
        """Start a front with these backends."""
        front = Front(*[backends] if backends else [], **more)
        front.__enter__()
        self.addCleanup(front.__exit__)
        return front

    def client(self, front, *args, **more):
        """A client with a session."""
        return Streamable(front.address, *args, **more)

    def ask(self, client, method="POST", body=None, headers=(), **more):
        """One request of a client; its whole answer."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        with client.send(method, body, headers, **more) as exchange:
            return exchange.whole()

    def refused(self, answer, status, code, ident=None):
        """It is an error of JSON-RPC; its text."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), JSON)
        error = json.loads(answer.body)
        self.assertEqual(set(error), {"jsonrpc", "id", "error"})
        self.assertEqual(error["id"], ident)
        self.assertEqual(error["error"]["code"], code, answer)
        return error["error"]["message"]
