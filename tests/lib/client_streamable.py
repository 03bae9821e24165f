"""The client of client.py over Streamable HTTP: it reads all the time and notes
every message, and with the answer to which request it came."""

import json
import threading

import raw
from client import LATEST, Client, Message
from gateway import PATIENCE

ACCEPT = ("Accept", "application/json, text/event-stream")


class Post:
    """One request, and its answer as HTTP."""

    def __init__(self, connection):
        self.connection = connection
        self.answer = None  # its head
        self.ids = []       # of its events


class StreamableClient(Client):
    """A session: each request is a POST of its own, and a GET stream."""

    def __init__(self, address, initialize=True, capabilities=None,
                 revision=LATEST, headers=(), path="/mcp", listen=True):
        self.prepare(address, [ACCEPT, *headers], path)
        self.endpoint = path
        self.session = None
        self.posts = {}     # id as JSON text: Post
        self.failures = []  # answers that are none
        self.stream = None  # of the GET
        self.reader = None
        try:
            if initialize:
                self.initialize(revision, capabilities)
            if listen:
                self.listen()
        except BaseException:
            self.close()
            raise

    def close(self):
        """End the session in order."""
        if self.session is not None:
            self.leave()
        self.vanish()

    def leave(self):
        """DELETE the session."""
        answer = raw.ask(self.address, "DELETE", self.path, self.headers)
        self.session = None
        assert answer.status in (200, 404), answer

    def vanish(self):
        """End every connection, and nothing else."""
        self.deafen()
        for post in list(self.posts.values()):
            post.connection.close()
        if self.poster:
            self.poster.close()
            self.poster = None

    # Receiving.

    def listen(self):
        """Open the GET stream."""
        self.stream = raw.Connection(self.address, timeout=20 * PATIENCE)
        self.stream.send(raw.request("GET", self.path, self.address,
                                     self.headers))
        answer = self.stream.head()
        assert answer.status == 200, answer
        self.stream.socket.settimeout(None)
        self.reader = threading.Thread(
            target=self.events, args=(self.stream, "GET", []), daemon=True)
        self.reader.start()

    def deafen(self):
        """Close the GET stream."""
        if self.stream is None:
            return
        try:
            self.stream.socket.shutdown(2)
        except OSError:
            pass
        self.reader.join(5)
        self.stream.close()
        self.stream = None

    def events(self, connection, stream, ids):
        """Read events to the end of a stream."""
        text = b""
        try:
            for data in connection.chunks():
                text += data
                *events, text = text.split(b"\r\n\r\n")
                for event in events:
                    self.event_of(stream, event, ids)
        except (raw.Closed, OSError, ValueError):
            pass

    def event_of(self, stream, event, ids):
        """One event; those without data, and comments, are no message."""
        fields = dict(line.partition(b": ")[::2]
                      for line in event.split(b"\r\n"))
        with self.condition:
            if b"id" in fields:
                ids.append(fields[b"id"].decode())
            if fields.get(b"data"):
                self.message(Message(fields[b"data"], stream))
            self.condition.notify_all()

    def read_answer(self, key, post):
        """Read the answer to a POST, and hang up."""
        with post.connection:
            self.read_whole(key, post)

    def read_whole(self, key, post):
        """The answer, as JSON or as events."""
        try:
            post.answer = answer = post.connection.head()
            self.session = answer.header("mcp-session-id") or self.session
            if answer.header("content-type") == "text/event-stream":
                self.events(post.connection, key, post.ids)
                return
            body = post.connection.exactly(
                int(answer.header("content-length")))
        except (raw.Closed, OSError, ValueError) as error:
            answer, body = None, repr(error).encode()
        with self.condition:
            if answer is not None and answer.status == 200:
                self.message(Message(body, key))
            else:
                self.failures.append((key, answer, body))
            self.condition.notify_all()

    # Sending.

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
        post = Post(raw.Connection(self.address, timeout=None))
        self.posts[key] = post
        post.connection.send(raw.request(
            "POST", self.path, self.address, self.headers,
            json.dumps(message).encode()))
        threading.Thread(target=self.read_answer, args=(key, post),
                         daemon=True).start()
        if method == "initialize":
            self.outcome(key)
            self.headers += [("Mcp-Session-Id", self.session),
                             ("MCP-Protocol-Version", self.agreed(key))]
        return key

    def agreed(self, key):
        """The revision that the answer to initialize names."""
        return self.outcomes[key][0].result["protocolVersion"]

    def outcome(self, key, timeout=20):
        """Wait for the answer to a request."""
        failed = []

        def look():
            failed[:] = [one for one in self.failures if one[0] == key]
            return failed or self.outcomes.get(key)
        self.wait(look, timeout, f"an answer to {key}")
        assert not failed, failed
        return self.outcomes[key][0]
