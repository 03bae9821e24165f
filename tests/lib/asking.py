"""A gateway for tests of what backends ask and tell clients: clients over
HTTP+SSE and Streamable HTTP on one side, scripted servers (asker.py) over
stdio, Streamable HTTP and HTTP+SSE on the other."""

import functools
import itertools
import json
import os
import unittest

import gateway
import process
from asker import Asker
from client import Client
from client_streamable import StreamableClient
from gateway import PATIENCE, PYTHON, Gateway

FORM = {"message": "Who are you?", "requestedSchema": {
    "type": "object", "properties": {"name": {"type": "string"}},
    "required": ["name"]}}
URL = {"mode": "url", "url": "https://example.com/x?a=1", "message": "Go"}
SAMPLE = {"messages": [{"role": "user", "content": {
    "type": "text", "text": "Grüße 🎵"}}], "maxTokens": 100}
TOOLS = {**SAMPLE, "tools": [{"name": "t", "inputSchema": {"type": "object"}}],
         "toolChoice": {"mode": "auto"}}
ALL = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}},
       "roots": {"listChanged": True}}
CANCELLED = "notifications/cancelled"
UPDATED = "notifications/resources/updated"
# Within so many seconds a backend hears that its client went away.
SOON = 1
# A question that follows an answer comes 0.1 s later; by then it was asked.
LATER = 0.6 * PATIENCE

KINDS = {"sse": Client, "mcp": StreamableClient}
SPELLED = {"sse": "{}/ask", "mcp": "{}__ask"}
# Backends: over stdio, over Streamable HTTP with answers as events and as JSON,
# over HTTP+SSE.
SHARED = ["pipe", "http", "json", "legacy"]

# Of one client that are not answered, front/ask.h.
QUESTIONS_MAX = 64

numbers = itertools.count(1)


def unique(start="q"):
    """A name that no other test uses."""
    return f"{start}{next(numbers)}"


def pipe(scheme, **more):
    """The configuration of a backend over stdio."""
    return {"command": PYTHON, "args": [
        os.path.join(gateway.LIBRARY, "asker.py"), scheme], **more}


def said(message):
    """What a tool of the backend answered: JSON in a text."""
    return json.loads(message.result["content"][0]["text"])


def outcome(message):
    """Of an answer that the backend got: what it is."""
    return {key: message[key] for key in ("result", "error")
            if key in message}


def each(*backends):
    """A test with a client of either kind and each of these backends."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for kind in KINDS:
                client = self.client(kind)
                for backend in backends or SHARED:
                    client.requests.clear()
                    client.notifications.clear()
                    with self.subTest(client=kind, backend=backend):
                        test(self, client, backend)
        return run
    return decorate


class Tests(unittest.TestCase):
    """A gateway with every kind of backend."""

    @classmethod
    def setUpClass(cls):
        cls.askers = {"http": Asker("http-asker"),
                      "json": Asker("json-asker", answers="json"),
                      "legacy": Asker("legacy-asker", kind="sse")}
        for asker in cls.askers.values():
            cls.addClassCleanup(asker.stop)
        cls.gateway = Gateway({
            "pipe": pipe("pipe-asker"),
            "http": {"type": "http", "url": cls.askers["http"].url("/mcp")},
            "json": {"type": "http", "url": cls.askers["json"].url("/mcp")},
            "legacy": {"type": "sse", "url": cls.askers["legacy"].url("/sse")},
            "mine": pipe("mine-asker", session="per-client"),
        })
        cls.addClassCleanup(cls.gateway.discard)
        with Client(cls.gateway.address) as client:
            client.wait_tools(*(f"{name}/ask" for name in [*SHARED, "mine"]))
        # Questions that belong to no request come over the GET stream.
        process.wait_until(
            lambda: all(asker.listeners() for asker in cls.askers.values()),
            10 * PATIENCE, "streams of the backends")

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def client(self, kind, capabilities=None, **more):
        """A session."""
        client = KINDS[kind](self.gateway.address, capabilities=ALL
                             if capabilities is None else capabilities, **more)
        self.addCleanup(client.close)
        return client

    def begin(self, client, backend, method, params=None, tool="ask", **more):
        """Have the backend ask; the key of the call, and the question's own
        id."""
        arguments = {"id": unique(), "method": method, **more}
        if params is not None:
            arguments["params"] = params
        return client.send("tools/call", {
            "name": f"{backend}/{tool}", "arguments": arguments}), \
            arguments["id"]

    def ask(self, client, backend, method, params=None, result=None,
            error=None, **more):
        """The same, and answer: the question, and what the backend got."""
        key, _ = self.begin(client, backend, method, params, **more)
        question = client.asked()
        client.respond(question, result, error)
        return question, outcome(said(client.outcome(key)))

    def refused(self, client, backend, method, params=None, **more):
        """The same where the client is not asked: the error."""
        key, _ = self.begin(client, backend, method, params, **more)
        answer = said(client.outcome(key))
        self.assertEqual(client.requests, [])
        return answer["error"]

    def heard(self, client, backend, text):
        """What the backend heard that has this text in it."""
        return said(client.call(f"{backend}/heard", {"text": text}))

    def wait_heard(self, client, backend, text):
        """The same, once there is something."""
        return process.wait_until(
            lambda: self.heard(client, backend, text), 10 * PATIENCE,
            f"{backend} hears of {text}")
