"""An MCP client over HTTP with SSE that notes every message that came."""

import json
import re
import threading
import time

import gateway
import raw

LATEST = "2025-11-25"


class Message:
    """One JSON-RPC message: parsed, its bytes, and when it came."""

    def __init__(self, data, stream=None):
        self.raw = data
        self.stream = stream  # of Streamable HTTP: the request with whose
                              # answer it came, or "GET"
        self.json = json.loads(data)
        self.at = time.monotonic()

    @property
    def result(self):
        """The result; an error fails the test."""
        assert "result" in self.json, self.raw[:2000]
        return self.json["result"]

    @property
    def error(self):
        """The error; a result fails the test."""
        assert "error" in self.json, self.raw[:2000]
        return self.json["error"]

    def raw_result(self):
        """The bytes of the result, in messages of the gateway's own shape."""
        found = re.search(rb'"result"\s*:\s*', self.raw)
        text = self.raw[found.end():].decode("utf-8")
        _, end = json.JSONDecoder().raw_decode(text)
        return text[:end].encode("utf-8")


class Client:
    """A session: a stream that is read all the time, and POSTs."""

    def __init__(self, address, initialize=True, capabilities=None,
                 revision=LATEST, headers=(), path="/sse"):
        self.prepare(address, headers, path)
        self.stream = raw.Connection(address, timeout=None)
        self.reader = threading.Thread(target=self.read, daemon=True)
        try:
            self.open()
            if initialize:
                self.initialize(revision, capabilities)
        except BaseException:
            self.close()
            raise

    def prepare(self, address, headers, path):
        """Nothing was said so far."""
        self.address = address
        self.path = path
        self.headers = list(headers)  # of every request
        self.condition = threading.Condition()
        self.outcomes = {}       # id as JSON text: list of Message
        self.notifications = []  # Message
        self.requests = []       # Message, from the gateway to us
        self.comments = []
        self.endpoint = None
        self.ended = False
        self.sent = []           # ids as JSON text
        self.next_id = 0
        self.post_lock = threading.Lock()
        self.poster = None

    def open(self):
        """Open the stream."""
        # Who connects while there is no front waits for the next one.
        self.stream.socket.settimeout(20 * gateway.PATIENCE)
        self.stream.send(raw.request("GET", self.path, self.address, [
            ("Accept", "text/event-stream"), *self.headers]))
        self.answer = self.stream.head()
        self.stream.socket.settimeout(None)
        assert self.answer.status == 200, self.answer
        self.reader.start()
        self.wait(lambda: self.endpoint, 10, "the endpoint event")

    def initialize(self, revision, capabilities):
        """Be greeted."""
        self.greeting = self.request("initialize", {
            "protocolVersion": revision,
            "capabilities": capabilities or {},
            "clientInfo": {"name": "test", "version": "1"},
        }).result
        self.notify("notifications/initialized")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """End the session."""
        try:
            self.stream.socket.shutdown(2)
        except OSError:
            pass
        if self.reader.is_alive():
            self.reader.join(5)
        self.stream.close()
        if self.poster:
            self.poster.close()

    # Receiving.

    def read(self):
        """The reader thread: events until the stream ends."""
        text = b""
        try:
            for data in self.stream.chunks():
                text += data
                *events, text = text.split(b"\r\n\r\n")
                for event in events:
                    self.event(event)
        except (raw.Closed, OSError, ValueError):
            pass
        with self.condition:
            self.ended = True
            self.condition.notify_all()

    def event(self, event):
        """Sort in one event."""
        lines = event.split(b"\r\n")
        with self.condition:
            if lines[0].startswith(b":"):
                self.comments.append(lines[0])
            elif lines[0] == b"event: endpoint":
                self.endpoint = lines[1].partition(b": ")[2].decode()
            else:
                assert lines[0] == b"event: message", event
                self.message(Message(lines[1].partition(b": ")[2]))
            self.condition.notify_all()

    def message(self, message):
        """Sort in one message."""
        if "method" not in message.json:
            key = json.dumps(message.json.get("id"))
            self.outcomes.setdefault(key, []).append(message)
        elif "id" in message.json:
            self.requests.append(message)
        else:
            self.notifications.append(message)

    def wait(self, condition, timeout, what):
        """Wait until condition() is true; its value."""
        end = time.monotonic() + timeout * gateway.PATIENCE
        with self.condition:
            while True:
                value = condition()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    state = "the stream ended" if self.ended else \
                        f"{timeout} s went by"
                    raise AssertionError(f"{state} without {what}")
                self.condition.wait(left)

    # Sending.

    def post(self, body):
        """POST these bytes and return the response; the connection is kept."""
        data = raw.request("POST", self.endpoint, self.address, self.headers,
                           body)
        with self.post_lock:
            if self.poster is None:
                self.poster = raw.Connection(self.address, timeout=20)
            try:
                self.poster.send(data)
                return self.poster.response()
            except (raw.Closed, OSError):
                self.poster.close()
                self.poster = None
                raise

    def send(self, method, params=None, ident=None):
        """Send a request and return its id as JSON text."""
        with self.condition:
            if ident is None:
                self.next_id += 1
                ident = self.next_id
            key = json.dumps(ident)
            self.sent.append(key)
        message = {"jsonrpc": "2.0", "id": ident, "method": method}
        if params is not None:
            message["params"] = params
        answer = self.post(json.dumps(message).encode())
        assert answer.status == 202, answer
        return key

    def outcome(self, key, timeout=20):
        """Wait for the answer to a request."""
        return self.wait(lambda: self.outcomes.get(key), timeout,
                         f"an answer to {key}")[0]

    def request(self, method, params=None, ident=None, timeout=20):
        """Send a request and wait for its answer."""
        return self.outcome(self.send(method, params, ident), timeout)

    def call(self, name, arguments=None, timeout=20, **more):
        """Call a tool and wait for its answer."""
        return self.request("tools/call", {
            "name": name, "arguments": arguments or {}, **more},
            timeout=timeout)

    def notify(self, method, params=None):
        """Send a notification."""
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        answer = self.post(json.dumps(message).encode())
        assert answer.status == 202, answer

    # What it is asked.

    def asked(self, number=1, timeout=10):
        """Wait for the question of this number, from 1 on."""
        return self.wait(lambda: self.requests[number - 1:number], timeout,
                         f"question {number}")[0]

    def respond(self, question, result=None, error=None):
        """Answer a question."""
        reply = {"result": result} if error is None else {"error": error}
        answer = self.post(json.dumps({
            "jsonrpc": "2.0", "id": question.json["id"], **reply}).encode())
        assert answer.status == 202, answer

    def notified(self, method, timeout=10):
        """Wait for notifications of a method; the params of all of them."""
        self.wait(lambda: self.count(method), timeout, method)
        return [message.json.get("params") for message in self.notifications
                if message.json["method"] == method]

    # Judging.

    def tools(self):
        """The names of all tools, all pages."""
        return [tool["name"] for tool in self.items("tools")]

    def items(self, kind, method=None):
        """All items of a list, all pages."""
        found, cursor = [], None
        for _ in range(100):
            result = self.request(method or f"{kind}/list", {
                "cursor": cursor} if cursor is not None else {}).result
            found += result[kind]
            cursor = result.get("nextCursor")
            if cursor is None:
                return found
        raise AssertionError("more than 100 pages")

    def wait_tools(self, *names, timeout=20):
        """Wait until tools of all these names are listed, as they are told
        of: by asking again after every list_changed."""
        end = time.monotonic() + timeout * gateway.PATIENCE
        while True:
            seen = self.count("notifications/tools/list_changed")
            listed = self.tools()
            if set(names) <= set(listed):
                return listed
            left = end - time.monotonic()
            assert left > 0, f"{names} not listed, but {listed}"
            self.wait(lambda: self.count("notifications/tools/list_changed")
                      > seen, left, "list_changed")

    def count(self, method):
        """How many notifications of a method came."""
        return sum(1 for message in self.notifications
                   if message.json["method"] == method)

    def assert_one_outcome_each(self, timeout=10):
        """Every request has its answer, and only one."""
        self.wait(lambda: all(key in self.outcomes for key in self.sent),
                  timeout, "answers to all requests")
        for key in self.sent:
            count = len(self.outcomes[key])
            assert count == self.sent.count(key), f"{key}: {count} answers"
        unknown = set(self.outcomes) - set(self.sent) - {"null"}
        assert not unknown, f"answers to {unknown}, which were not asked"


class Canary:
    """A session that calls a tool of a healthy backend all the time, to show
    that what happens elsewhere does not concern it."""

    def __init__(self, address, tool, interval=0.05):
        self.client = Client(address)
        self.client.wait_tools(tool)
        self.tool = tool
        self.interval = interval
        self.slowest = 0.0
        self.calls = 0
        self.errors = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def run(self):
        """Call until told to end, once at least."""
        while self.calls == 0 or not self.ending.wait(self.interval):
            begin = time.monotonic()
            try:
                self.client.call(self.tool, {"text": "canary"}).result
            except (AssertionError, raw.Closed, OSError) as error:
                self.errors.append(repr(error))
                return
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.calls += 1

    def __exit__(self, kind, value, trace):
        self.ending.set()
        self.thread.join(30)
        self.client.close()
        if kind is None:
            assert not self.errors, f"the canary: {self.errors}"
            assert self.calls > 0, "the canary did not come to a call"
            assert self.slowest < 2 * gateway.PATIENCE, (
                f"the canary waited {self.slowest:.3f} s")
