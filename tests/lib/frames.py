"""The frames between two processes of the gateway, and a front on its own:
the test plays the supervisor and every worker."""

import array
import hashlib
import json
import socket
import struct
import subprocess

import gateway

HEADER = struct.Struct(">IHHQII")
TYPES = ["", "HELLO", "SETUP", "READY", "LOG", "OBITUARY", "LOGLEVEL",
         "LISTEN", "UNLISTEN", "POLICY", "BACKEND", "LINK", "JOB_STDIN",
         "JOB_STDOUT", "JOB_STDERR", "STOP", "GREETING", "CATALOG", "REQUEST",
         "RESPONSE", "EVENT", "NOTIFY", "CANCEL", "FAIL", "CLIENT_LEVEL",
         "SUBSCRIBE", "UNSUBSCRIBE", "PING", "PONG", "LISTED", "DRAIN",
         "DRAINED", "QUERY", "REPORT", "CONTROL", "RESULT", "ASK", "ANSWER",
         "RETRACT", "ASK_PROGRESS", "ROOTS_CHANGED", "WANT", "INSTANCE",
         "RELEASE"]
TOOLS, RESOURCES, TEMPLATES, PROMPTS = range(4)
DEFAULT_CAPABILITIES = {"tools": {}, "logging": {}, "completions": {}}
LIMITS = {"connections": 0, "connections_per_address": 0, "sessions": 0,
          "requests_per_session": 1024, "rate": 0, "burst": 0,
          "body_size": 4 << 20, "queue_size": 8 << 20, "memory": 320 << 20,
          "session_idle_ms": 1800000, "session_lifetime_ms": 0}


def backend(number, name, part="serving", **more):
    """A backend as POLICY says it."""
    return {"number": number, "name": name, "part": part, "allow": [],
            "deny": [], "requests": 16384, "session": "shared",
            "instances": 0, "instance_wait_ms": 30000,
            "instance_idle_ms": 0, **more}


def token(name, secret, **more):
    """A token as POLICY says it."""
    return {"name": name, "sha256": hashlib.sha256(secret.encode()).hexdigest(),
            "backends": [], "tools": [], "rate": 0, "concurrent": 0, **more}


class Peer:
    """One end of a channel."""

    def __init__(self, end):
        self.socket = end
        self.socket.settimeout(10)
        self.pending = b""
        self.client = 0  # of the frame that was taken last

    def send(self, kind, payload=b"", ident=0, client=0, flags=0, fd=None):
        """Send one frame; payload is bytes, or an object for JSON."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        number = TYPES.index(kind) if isinstance(kind, str) else kind
        data = HEADER.pack(len(payload), number, flags, ident, client, 0)
        if fd is None:
            self.socket.sendall(data + payload)
        else:
            self.socket.sendmsg([data + payload], [(
                socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", [fd]))])

    def take(self):
        """Wait for a frame: its type, id, flags and payload; None at the
        end."""
        while True:
            if len(self.pending) >= HEADER.size:
                length, kind, flags, ident, client, _ = HEADER.unpack(
                    self.pending[:HEADER.size])
                end = HEADER.size + length
                if len(self.pending) >= end:
                    payload = self.pending[HEADER.size:end]
                    self.pending = self.pending[end:]
                    self.client = client
                    return TYPES[kind], ident, flags, payload
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.pending += data

    def expect(self, kind):
        """Wait for a frame of this type, past others."""
        while True:
            frame = self.take()
            assert frame is not None, f"end of file, no {kind}"
            if frame[0] == kind:
                return frame

    def close(self):
        """Close this end, even while another thread reads it."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Worker(Peer):
    """The far end of a link, with the usual first words said."""

    def __init__(self, end, tools=("echo",), resources=(),
                 capabilities=None, revision="2025-11-25"):
        super().__init__(end)
        self.greet(capabilities, revision)
        self.send("CATALOG", [{"name": name, "inputSchema": {
            "type": "object"}} for name in tools], flags=TOOLS)
        self.send("CATALOG", [{"uri": uri, "name": uri}
                              for uri in resources], flags=RESOURCES)
        for kind in (TEMPLATES, PROMPTS):
            self.send("CATALOG", [], flags=kind)

    def greet(self, capabilities=None, revision="2025-11-25"):
        """Say how the backend greeted."""
        self.send("GREETING", {
            "protocolVersion": revision,
            "capabilities": capabilities or DEFAULT_CAPABILITIES,
            "serverInfo": {"name": "fake", "version": "1"}})

    def updated(self, uri, **more):
        """Say that a resource changed."""
        self.send("NOTIFY", {
            "jsonrpc": "2.0", "method": "notifications/resources/updated",
            "params": {"uri": uri, **more}})

    def request(self):
        """Wait for a request: its number and the message."""
        _, ident, _, payload = self.expect("REQUEST")
        return ident, json.loads(payload)

    def answer(self, ident, result):
        """Answer a request."""
        self.send("RESPONSE", {"jsonrpc": "2.0", "id": ident,
                               "result": result}, ident)


class Front:
    """A running mcp-gateway-front.  Names of backends stand for serving ones,
    which are numbered by their place; more goes into the first POLICY."""

    def __init__(self, backends=("a", "b"), preexec=None, **more):
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        self.child = subprocess.Popen(
            ["sh", "-c", f'exec "$0" 3<&{number}',
             gateway.program("mcp-gateway-front")], pass_fds=[number],
            stdin=subprocess.DEVNULL, preexec_fn=preexec)
        theirs.close()
        self.supervisor = Peer(ours)
        self.supervisor.send("SETUP", {"log_level": "debug",
                                       "identity": None})
        self.rules = {
            "hosts": [], "origins": [], "open": True, "public_url": None,
            "authorization_servers": [], "names": None, "limits": LIMITS,
            "tokens": []}
        self.policy(*(backend(number, one) if isinstance(one, str) else one
                      for number, one in enumerate(backends)), **more)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        # As the supervisor does.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT,
                            256 << 10)
        self.address = listener.getsockname()
        self.supervisor.send("LISTEN", {"address": "test", "local": False},
                             fd=listener.fileno())
        listener.close()
        self.generation = 0
        self.workers = []

    def policy(self, *backends, **more):
        """Send a POLICY with these backends; more is kept for the next."""
        self.rules.update(more)
        self.supervisor.send("POLICY", {**self.rules,
                                        "backends": list(backends)})

    def state(self, number, state, error=None, retry_ms=None):
        """Say what the supervisor says of a backend."""
        self.supervisor.send("BACKEND", {
            "state": state, "error": error, "retry_ms": retry_ms}, number)

    def link(self, number, **more):
        """Attach a new worker to a backend."""
        ours, theirs = socket.socketpair()
        self.generation += 1
        self.supervisor.send("LINK", ident=number, client=self.generation,
                             fd=theirs.fileno())
        theirs.close()
        worker = Worker(ours, **more)
        self.workers.append(worker)
        return worker

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        alive = self.child.poll() is None
        self.supervisor.close()
        for worker in self.workers:
            worker.close()
        status = self.child.wait(10)
        assert alive and status == 79, f"front ended with {status}"
