"""The gateway behind a reverse proxy: what abuse.py sends directly goes through
HAProxy and nginx, as strict as they come and as lax as they can be made.  On
the connections that a proxy keeps to the gateway every request has one
response, its own, whatever was sent before it on the same connection."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import process
import raw
from abuse import MARK, PING, malformed
from client import Client
from gateway import PATIENCE, SANITIZED, Gateway, backend
from streamable_client import Streamable

# Each proxy marks the requests it sends, so that they can be counted however
# the bytes around them are meant.
SEEN = b"X-Proxy-Request"
SEQUENCE = re.compile(rb"\r\n" + SEEN + rb": ([0-9a-fA-F-]+)\r\n",
                      re.IGNORECASE)
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
# How long a proxy waits for the rest of a request, and a test for a proxy.
UNFINISHED_SECONDS = 1
QUIET_SECONDS = 0.05
# How often the gateway writes to an idle stream.
PING_SECONDS = 15

HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout http-request {unfinished}s
    timeout client {idle}s
    timeout server {idle}s
    http-reuse always
frontend in
    bind 127.0.0.1:{port}
    {lax_in}
    http-request set-header X-Proxy-Request %[uuid]
    default_backend gateway
backend gateway
    {lax_out}
    server gateway {address} pool-max-conn 1
"""

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_header_timeout {unfinished}s;
    client_body_timeout {unfinished}s;
    client_max_body_size 4m;
    proxy_read_timeout {idle}s;
    upstream gateway {{ server {address}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        {lax}
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Proxy-Request $request_id;
        }}
    }}
}}
"""


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Tap:
    """Passes bytes on to the gateway and notes them, by connection."""

    def __init__(self, address):
        self.target = address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.lock = threading.Lock()
        self.connections = []  # [bytes to the gateway, bytes from it]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """Every connection gets its own threads."""
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, daemon=True,
                             args=(near,)).start()

    def serve(self, near):
        """One connection, until both sides ended it."""
        noted = [b"", b""]
        with near, socket.create_connection(self.target) as far:
            with self.lock:
                self.connections.append(noted)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self.copy, daemon=True,
                                    args=(noted, 1, far, near))
            back.start()
            self.copy(noted, 0, near, far)
            back.join()

    def copy(self, noted, number, source, target):
        """Note and pass on, the end too."""
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                with self.lock:
                    noted[number] += data
                target.sendall(data)
        except OSError:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        """Take no more connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def counts(self):
        """[(requests, responses)] of every connection so far."""
        with self.lock:
            noted = [tuple(pair) for pair in self.connections]
        return [(len(SEQUENCE.findall(to)), len(
            [status for status in STATUS.findall(back) if status != b"100"]))
            for to, back in noted]


class Proxy:
    """One HAProxy or nginx in front of an address."""

    def __init__(self, kind, lax, target, idle):
        self.folder = tempfile.mkdtemp(prefix="mcpgw-proxy-")
        self.address = ("127.0.0.1", free_port())
        values = {
            "address": f"{target[0]}:{target[1]}", "port": self.address[1],
            "folder": self.folder, "idle": idle,
            "unfinished": UNFINISHED_SECONDS, "lax": "", "lax_in": "",
            "lax_out": "",
            "user": "user root;" if os.getuid() == 0 else ""}
        path = os.path.join(self.folder, "proxy.conf")
        if kind == "haproxy":
            text = HAPROXY
            if lax:
                values["lax_in"] = "option accept-invalid-http-request"
                values["lax_out"] = "option accept-invalid-http-response"
            command = ["haproxy", "-db", "-f", path]
        else:
            text = NGINX
            if lax:
                values["lax"] = (
                    "ignore_invalid_headers off; underscores_in_headers on; "
                    "merge_slashes off; proxy_request_buffering off; "
                    "proxy_ignore_client_abort on;")
            command = ["nginx", "-e", "stderr", "-p", self.folder, "-c", path]
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.format(**values))
        with open(os.path.join(self.folder, "out"), "wb") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        process.waited_for.add(self.child.pid)
        process.wait_until(self.listens, 10 * PATIENCE, f"{kind} listening")

    def stop(self):
        """End it; what it did is in the tap."""
        self.child.terminate()
        self.child.wait(10)
        process.waited_for.discard(self.child.pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def listens(self):
        """True when it takes connections; it must not have ended."""
        if self.child.poll() is not None:
            with open(os.path.join(self.folder, "out"),
                      encoding="utf-8") as file:
                raise AssertionError(file.read())
        try:
            socket.create_connection(self.address, 1).close()
        except OSError:
            return False
        return True


class Behind:
    """The tests; a class for each proxy says which and how lax it is."""

    kind = None
    lax = False

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway({"one": backend()})
        with Client(cls.gateway.address) as client:
            client.wait_tools("one/echo")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()

    def setUp(self):
        self.tap = Tap(self.gateway.address)
        self.addCleanup(self.tap.close)

    def start(self, idle):
        """The proxy's address; it closes what is idle for so many seconds."""
        proxy = Proxy(self.kind, self.lax, self.tap.address, idle)
        self.addCleanup(proxy.stop)
        return proxy.address

    def victims(self, address, client, number):
        """Requests of others, each with another status and nobody else's."""
        for ident in (f"{number}a", f"{number}b"):
            body = PING.replace(b'"id":1', b'"id":"%s"' % ident.encode())
            self.assertEqual(raw.ask(address, "POST", client.endpoint,
                                     body=body).status, 202)
            self.assertEqual(raw.ask(address, "GET", "/nowhere").status, 404)
            self.assertEqual(raw.ask(
                address, "POST", client.endpoint,
                [("Content-Type", "text/plain")], body).status, 415)
            client.outcome(f'"{ident}"').result
        for requests, responses in self.tap.counts():
            self.assertLessEqual(responses, requests)

    @staticmethod
    def attack(address, data):
        """Send it and read what comes, until it is quiet or closed: the proxy
        may have made a good request of it."""
        with raw.Connection(address, UNFINISHED_SECONDS + 2) as connection:
            try:
                connection.send(data)
                while True:
                    connection.fill()
                    connection.socket.settimeout(QUIET_SECONDS)
            except (raw.Closed, OSError):
                pass

    def requests(self):
        """How many requests came through the proxy so far."""
        return sum(requests for requests, _ in self.tap.counts())

    def test_every_request_behind_a_malformed_one_has_its_own_answer(self):
        address = self.start(UNFINISHED_SECONDS)
        reached = []
        with Client(self.gateway.address) as client:
            for number, (what, data) in enumerate(malformed()):
                with self.subTest(what):
                    before = self.requests()
                    self.attack(address, data)
                    if self.requests() > before:
                        reached.append(what)
                    self.victims(address, client, number)
            for outcomes in client.outcomes.values():
                self.assertEqual(len(outcomes), 1)
        # That proxies let some of it through is the point.
        self.assertGreater(len(reached), 5, reached)

    def test_a_refused_request_in_the_middle_of_a_pipeline_harms_nobody(self):
        address = self.start(UNFINISHED_SECONDS)
        first = raw.request("GET", "/nowhere", address)
        with Client(self.gateway.address) as client:
            for number, (what, data) in enumerate(malformed()):
                if number % 4 == 0:
                    with self.subTest(what):
                        self.attack(address, first + data + MARK)
                        self.victims(address, client, number)

    def test_connections_are_kept_from_request_to_request(self):
        address = self.start(UNFINISHED_SECONDS)
        with Client(self.gateway.address) as client:
            for number in range(5):
                self.victims(address, client, number)
        self.assertGreaterEqual(
            max(requests for requests, _ in self.tap.counts()), 15)

    def test_a_session_through_a_proxy_is_a_session(self):
        with Client(self.start(2 * PING_SECONDS)) as client:
            self.assertRegex(client.endpoint,
                             r"^/messages/\?session_id=[0-9a-f]{32}$")
            for size in (1, 1000, 1000000):
                self.assertEqual(client.call(
                    "one/echo", {"text": "x" * size}).result["content"],
                    [{"type": "text", "text": "x" * size}])
            begin = time.monotonic()
            client.request("ping").result
            self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
            client.assert_one_outcome_each()

    def test_streamable_http_through_a_proxy(self):
        """Answers, streams that are not held back, and coming back."""
        address = self.start(2 * PING_SECONDS)
        for path, prefix in (("/mcp", "one__"), ("/servers/one/mcp", "")):
            client = Streamable(address, path)
            for size in (1, 1000, 1000000):
                self.assertEqual(client.result("tools/call", {
                    "name": prefix + "echo",
                    "arguments": {"text": "x" * size}})["content"],
                    [{"type": "text", "text": "x" * size}])
            with client.get() as stream:
                self.assertEqual(stream.event().id, "0-0")
                self.changes(client, stream, prefix)
            with client.call(prefix + "hang", {"seconds": 3}) as exchange:
                begin = time.monotonic()
                event = exchange.event()
                self.assertLess(time.monotonic() - begin, 2.5)
            with client.get(event.id) as again:
                self.assertEqual(again.message().json["result"]["content"],
                                 [{"type": "text",
                                   "text": "nobody cancelled"}])
            self.assertEqual(client.delete().status, 200)
            self.assertEqual(client.status(), 404)

    def changes(self, client, stream, prefix):
        """What the backend tells comes at once."""
        for tool in ("add", "remove"):
            client.result("tools/call", {"name": prefix + tool,
                                         "arguments": {"name": "later"}})
            self.assertEqual(stream.message().json["method"],
                             "notifications/tools/list_changed")

    def test_a_client_that_leaves_a_proxy_ends_its_session(self):
        client = Client(self.start(2 * PING_SECONDS))
        client.close()
        process.wait_until(
            lambda: raw.ask(self.gateway.address, "POST", client.endpoint,
                            body=PING).status == 404,
            10 * PATIENCE, "the end of the session")


class Idle(Behind):
    """What takes long is done with strict proxies only."""

    @unittest.skipIf(SANITIZED, "waits only, and longer than the others run")
    def test_idle_streams_and_a_long_call_outlive_a_proxys_patience(self):
        patience = PING_SECONDS + 3
        address = self.start(patience)
        with Client(address) as client:
            begin = time.monotonic()
            self.long_call(Streamable(address), patience)
            client.wait(lambda: len([comment for comment in client.comments
                                     if comment.startswith(b": ping")]) > 2,
                        2 * PING_SECONDS + 3, "a ping at once and two more")
            self.assertGreater(time.monotonic() - begin, patience)
            # The connection of the POSTs had nothing to keep it open.
            client.poster.close()
            client.poster = None
            client.call("one/echo").result

    def long_call(self, client, patience):
        """A call that takes longer than that, beside the session's stream."""
        with client.get() as stream, client.call(
                "one__hang", {"seconds": patience + 4},
                timeout=2 * patience) as exchange:
            self.assertEqual(exchange.outcome()["result"]["content"],
                             [{"type": "text", "text": "nobody cancelled"}])
            self.assertEqual(stream.event().id, "0-0")
            self.changes(client, stream, "one__")
        self.assertEqual(client.delete().status, 200)


class Haproxy(Idle, unittest.TestCase):
    """As it comes."""

    kind = "haproxy"


class LaxHaproxy(Behind, unittest.TestCase):
    """What it finds invalid is passed on as far as it can be."""

    kind = "haproxy"
    lax = True


class Nginx(Idle, unittest.TestCase):
    """As it comes, which is with buffering of responses."""

    kind = "nginx"


class LaxNginx(Behind, unittest.TestCase):
    """Odd headers are passed on, and bodies while they come."""

    kind = "nginx"
    lax = True


if __name__ == "__main__":
    unittest.main()
