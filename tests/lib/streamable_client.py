"""Clients of Streamable HTTP whose every connection is the test's: a POST or a
GET is sent, and read when the test says so."""

import json
import re
import time

import raw
from client import LATEST
from gateway import PATIENCE

BOTH = "application/json, text/event-stream"
EVENTS = "text/event-stream"


class Event:
    """One server-sent event, or a comment."""

    def __init__(self, text):
        self.id = self.retry = self.comment = None
        self.data = None
        for line in text.split("\r\n"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if not name:
                self.comment = value
            elif name == "data":
                assert self.data is None, text  # one line each
                self.data = value
            elif name in ("id", "retry"):
                setattr(self, name, value)
            else:
                assert line == "event: message", text

    @property
    def json(self):
        """Its message."""
        return json.loads(self.data)

    def __repr__(self):
        return f"id={self.id} data={self.data} comment={self.comment}"


class Exchange:
    """A request that was sent, and what comes for it."""

    def __init__(self, connection):
        self.connection = connection
        self.answer = None
        self.text = ""
        self.closed = False  # the connection ended instead of the stream

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Hang up."""
        self.connection.close()

    def head(self):
        """The head of the response."""
        if self.answer is None:
            self.answer = self.connection.head()
        return self.answer

    def is_events(self):
        """True when the response is an event stream."""
        return self.head().header("content-type") == EVENTS

    def event(self):
        """The next event or comment; None when the stream has ended, which
        must be in order."""
        assert self.is_events(), self.head()
        while "\r\n\r\n" not in self.text:
            data = self.connection.chunk()
            if not data:
                assert not self.text, self.text
                return None
            self.text += data.decode()
        event, _, self.text = self.text.partition("\r\n\r\n")
        return Event(event)

    def events(self):
        """All events to the end."""
        while (event := self.event()) is not None:
            yield event

    def message(self):
        """The next event with a message, past priming and comments."""
        while True:
            event = self.event()
            assert event is not None, "the stream ended"
            if event.data:
                return event

    def outcome(self):
        """The answer to the only request, past all else."""
        if not self.is_events():
            return json.loads(self.body())
        found = [event.json for event in self.events()
                 if event.data and "method" not in event.json]
        assert len(found) == 1, found
        return found[0]

    def body(self):
        """The body of a response that is no stream."""
        answer = self.head()
        assert not self.is_events()
        length = answer.header("content-length")
        assert length is not None, answer
        answer.body = self.connection.exactly(int(length))
        return answer.body

    def whole(self):
        """The response with its body."""
        self.body()
        return self.answer


class Streamable:
    """A client; it has a session from initialize() on."""

    def __init__(self, address, path="/mcp", token=None, headers=(),
                 revision=LATEST, capabilities=None, initialize=True):
        self.address = address
        self.path = path
        self.more = list(headers)
        if token is not None:
            self.more.append(("Authorization", f"Bearer {token}"))
        self.session = None
        self.revision = None
        self.number = 0
        if initialize:
            self.initialize(revision, capabilities)

    def headers(self):
        """What every request has."""
        headers = list(self.more)
        if self.session is not None:
            headers.append(("Mcp-Session-Id", self.session))
        if self.revision is not None and self.revision >= "2025-06-18":
            headers.append(("MCP-Protocol-Version", self.revision))
        return headers

    def send(self, method, body=None, headers=(), connection=None, **more):
        """Send a request, on a connection of its own unless one is given."""
        if connection is None:
            connection = raw.Connection(self.address, **more)
        connection.send(raw.request(method, self.path, self.address,
                                    self.headers() + list(headers), body))
        return Exchange(connection)

    def post(self, message, headers=(), **more):
        """POST a message, or these bytes."""
        if not isinstance(message, bytes):
            message = json.dumps(message).encode()
        return self.send("POST", message, [("Accept", BOTH), *headers], **more)

    def begin(self, method, params=None, ident=None, **more):
        """Send a request of MCP."""
        if ident is None:
            self.number += 1
            ident = self.number
        return self.post({"jsonrpc": "2.0", "id": ident, "method": method,
                          "params": params or {}}, **more)

    def request(self, method, params=None, ident=None, **more):
        """Send a request of MCP and wait for its answer."""
        with self.begin(method, params, ident, **more) as exchange:
            return exchange.outcome()

    def result(self, method, params=None):
        """The same for its result."""
        outcome = self.request(method, params)
        assert "result" in outcome, outcome
        return outcome["result"]

    def call(self, name, arguments=None, token=None, **more):
        """Begin to call a tool."""
        params = {"name": name, "arguments": arguments or {}}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.begin("tools/call", params, **more)

    def notify(self, method, params=None):
        """Send a notification."""
        with self.post({"jsonrpc": "2.0", "method": method,
                        "params": params or {}}) as exchange:
            answer = exchange.whole()
            assert (answer.status, answer.body) == (202, b""), answer

    def initialize(self, revision=LATEST, capabilities=None):
        """Open a session."""
        with self.begin("initialize", {
                "protocolVersion": revision,
                "capabilities": capabilities or {},
                "clientInfo": {"name": "test", "version": "1"}}) as exchange:
            outcome = exchange.outcome()
            assert exchange.answer.status == 200, exchange.answer
            self.session = exchange.answer.header("mcp-session-id")
        self.revision = outcome["result"]["protocolVersion"]
        assert re.fullmatch("[!-~]{16,}", self.session), self.session
        self.notify("notifications/initialized")
        return outcome["result"]

    def get(self, last=None, **more):
        """Open the GET stream, or resume one behind an event."""
        headers = [("Accept", EVENTS)]
        if last is not None:
            headers.append(("Last-Event-ID", last))
        return self.send("GET", headers=headers, **more)

    def delete(self, **more):
        """End the session; the response."""
        with self.send("DELETE", **more) as exchange:
            return exchange.whole()

    def status(self):
        """The status of an ordinary request: 200 while there is a session."""
        with self.begin("ping") as exchange:
            return exchange.head().status

    def wait_tool(self, name, timeout=20):
        """Wait until this tool is listed."""
        end = time.monotonic() + timeout * PATIENCE
        while name not in [tool["name"] for tool in
                           self.result("tools/list")["tools"]]:
            assert time.monotonic() < end, f"{name} is not listed"
            time.sleep(0.02)


def status(front):
    """What a front reports of itself."""
    front.supervisor.send("QUERY", {"what": "status"}, ident=1)
    return json.loads(front.supervisor.expect("REPORT")[3])


def sessions(front):
    """How many sessions a front has."""
    return status(front)["sessions"]
