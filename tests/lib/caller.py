"""Requests to a front as some caller sends them: with a token, from an address
of its own, over a Unix socket."""

import json
import os
import socket

import raw


class Connection(raw.Connection):
    """The same to a path, from another address of this machine, or as another
    user."""

    def __init__(self, address, source=None, uid=None, timeout=10,
                 receive_buffer=None):
        local = isinstance(address, str)
        family = socket.AF_UNIX if local else (
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        if source:
            self.socket.bind((source, 0))
        before = os.geteuid()
        if uid is not None:
            os.seteuid(uid)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        finally:
            if uid is not None:
                os.seteuid(before)
        if not local:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""


class Caller:
    """Somebody who asks; every request is on a connection of its own unless
    one is given."""

    def __init__(self, address, token=None, source=None, uid=None, headers=()):
        self.address = address
        self.host = "localhost" if isinstance(address, str) else None
        self.source = source
        self.uid = uid
        self.headers = list(headers)
        if token is not None:
            self.headers.append(("Authorization", f"Bearer {token}"))

    def connect(self, **more):
        """A connection of this caller."""
        return Connection(self.address, self.source, self.uid, **more)

    def request(self, method, target, body=None, headers=(), host=None):
        """The bytes of a request."""
        return raw.request(method, target, self.address,
                           self.headers + list(headers), body,
                           host or self.host)

    def ask(self, method, target, body=None, headers=(), host=None,
            connection=None):
        """One request and its whole response; of a stream the head only."""
        data = self.request(method, target, body, headers, host)
        if connection is None:
            with self.connect() as connection:
                connection.send(data)
                return self.answer(connection, method)
        connection.send(data)
        return self.answer(connection, method)

    @staticmethod
    def answer(connection, method):
        """The response that comes next."""
        if method != "GET":
            return connection.response(to_head=method == "HEAD")
        answer = connection.head()
        length = answer.header("content-length")
        if length is not None:
            answer.body = connection.exactly(int(length))
        return answer

    def open(self, **more):
        """Open a session."""
        return Session(self, **more)


class Session:
    """A session whose stream is read when the test says so."""

    def __init__(self, caller, initialize=True, **more):
        self.caller = caller
        self.stream = caller.connect(**more)
        self.stream.send(caller.request("GET", "/sse"))
        self.answer = self.stream.head()
        assert self.answer.status == 200, self.answer
        self.endpoint = self.stream.chunk().split(b"data: ")[1].strip().decode()
        self.stream.chunk()
        self.number = 0
        if initialize:
            self.result("initialize", {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"}})

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stream.close()

    def post(self, message, caller=None, connection=None):
        """Post a message; its response."""
        return (caller or self.caller).ask(
            "POST", self.endpoint, json.dumps(message).encode(),
            connection=connection)

    def send(self, method, params=None, **more):
        """Post a request; its response."""
        self.number += 1
        return self.post({"jsonrpc": "2.0", "id": self.number,
                          "method": method, "params": params or {}}, **more)

    def message(self):
        """The next message of the stream."""
        while True:
            event = self.stream.chunk()
            assert event, "the stream ended"
            if event.startswith(b"event: message"):
                return json.loads(event.split(b"data: ", 1)[1])

    def outcome(self):
        """The next answer, past notifications."""
        while True:
            message = self.message()
            if "method" not in message:
                return message

    def result(self, method, params=None):
        """Send a request and wait for its result."""
        answer = self.send(method, params)
        assert answer.status == 202, answer
        return self.outcome()["result"]

    def tools(self):
        """The names of all tools."""
        return [tool["name"] for tool in self.result("tools/list")["tools"]]

    def wait_tools(self, *names):
        """Wait until these tools are listed."""
        while not set(names) <= set(self.tools()):
            self.message()

    def ended(self):
        """True when the stream ends in order, with its last chunk."""
        try:
            while self.stream.chunk():
                pass
        except raw.Closed:
            return False
        return True


def logs(front):
    """All that the front has logged by now, since the last time."""
    texts = []
    front.supervisor.send("PING")
    while True:
        frame = front.supervisor.take()
        assert frame is not None, "the front is gone"
        if frame[0] == "PONG":
            return texts
        if frame[0] == "LOG":
            texts.append(frame[3].decode())


def listen(front, address, number, family=socket.AF_INET):
    """Have the front listen on one more socket; its address."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    if family == socket.AF_UNIX:
        os.chmod(address, 0o666)
    listener.listen(1024)
    found = listener.getsockname()
    front.supervisor.send("LISTEN", {
        "address": str(address), "local": family == socket.AF_UNIX},
        ident=number, fd=listener.fileno())
    listener.close()
    return found if family == socket.AF_UNIX else found[:2]
