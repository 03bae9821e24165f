"""The front under attack from both sides: clients that come and go at every
point of a request, workers that say anything, memory and descriptors that must
come back."""

import json
import os
import random
import re
import resource
import socket
import threading
import time
import unittest

import gateway
import raw
from client import Client
from frames import Front, HEADER, LIMITS, TOOLS, TYPES
from streamable_client import Streamable

INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {},
    "clientInfo": {"name": "attacker", "version": "1"}}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
    "name": "a/echo", "_meta": {"progressToken": 1}}}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
MIB = 1 << 20
# AddressSanitizer keeps what was freed.
MEASURED = unittest.skipIf(gateway.SANITIZED, "memory is not the front's own")


def text(message):
    """A message as bytes."""
    return json.dumps(message).encode()


def resident(front, key="VmRSS"):
    """Bytes of memory that the front has in use."""
    with open(f"/proc/{front.child.pid}/status", encoding="ascii") as status:
        return int(re.search(key + r":\s+(\d+)", status.read())[1]) * 1024


def descriptors(front):
    """How many descriptors the front has open."""
    return len(os.listdir(f"/proc/{front.child.pid}/fd"))


def eventually(condition, what, seconds=10):
    """Wait until condition() is true."""
    end = time.monotonic() + seconds * gateway.PATIENCE
    while not condition():
        assert time.monotonic() < end, f"it never came that {what}"
        time.sleep(0.05)


def listen_to(peer, frame=lambda *args: None):
    """Read all that a peer says, in a thread."""
    def run():
        try:
            while (one := peer.take()) is not None:
                frame(*one)
        except (OSError, ValueError):
            pass

    peer.socket.settimeout(None)
    threading.Thread(target=run, daemon=True).start()


class Stream(raw.Connection):
    """A session whose stream is read only when the test does so."""

    def __init__(self, front, headers=(), behind=b"", active=True):
        super().__init__(front.address, receive_buffer=4096)
        self.front = front
        self.send(raw.request("GET", "/sse", front.address, headers) + behind)
        self.head()
        self.endpoint = self.chunk().split(b"data: ")[1].strip().decode()
        if active:
            self.post(INITIALIZE)

    def post(self, *messages):
        """Send messages, one after the other on one connection."""
        with raw.Connection(self.front.address) as connection:
            for message in messages:
                connection.send(raw.request(
                    "POST", self.endpoint, self.front.address,
                    body=text(message)))
                answer = connection.response()
                assert answer.status == 202, answer


class Measured(unittest.TestCase):
    """A test that needs many connections."""

    def allow_descriptors(self):
        """As many as there may be, until the test ends."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Memory(Measured):
    """What clients can make the front hold."""

    @MEASURED
    def test_all_streams_together_hold_no_more_than_the_limit(self):
        """100 clients that do not read are owed 7 MB each, at once."""
        with Front() as front, Client(front.address) as client:
            listen_to(front.supervisor)
            worker = front.link(0)
            client.wait_tools("a/echo")
            lazy = [Stream(front) for _ in range(100)]
            for stream in lazy:
                stream.post(*[CALL] * 7)
            numbers = [worker.request()[0] for _ in range(700)]
            payload = "x" * 1000000
            for number in numbers:
                worker.answer(number, payload)
            client.request("ping")
            # The limit, what comes between two counts, and room for more.
            self.assertLess(resident(front, "VmHWM"), 400 * MIB)
            for stream in lazy:
                stream.close()

    @MEASURED
    def test_a_large_message_for_all_is_held_once(self):
        """A backend logs 4 MB while 100 clients listen."""
        with Front() as front:
            listen_to(front.supervisor)
            worker = front.link(0)
            lazy = [Stream(front) for _ in range(100)]
            before = resident(front)
            worker.send("NOTIFY", {
                "jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "error", "data": "x" * 4000000}})
            with Client(front.address) as client:
                client.wait_tools("a/echo")
            self.assertLess(resident(front, "VmHWM") - before, 40 * MIB)
            for stream in lazy:
                stream.chunk()  # the first ping
                stream.chunk()  # the answer to initialize
            event = lazy[0]
            while True:
                data = event.chunk()
                if b"notifications/message" in data:
                    break
            self.assertGreater(len(data), 4000000)
            self.assertTrue(data.endswith(b"}\r\n\r\n"))
            for stream in lazy:
                stream.close()

    @MEASURED
    def test_a_large_message_for_all_ends_no_stream(self):
        """A backend logs 2.5 MB while 100 clients of /mcp read all they get:
        copies for each would be more than all streams may hold."""
        with Front() as front:
            listen_to(front.supervisor)
            worker = front.link(0)
            clients = [Streamable(front.address) for _ in range(100)]
            clients[0].wait_tool("a__echo")
            streams = [client.get() for client in clients]
            for stream in streams:
                stream.head()
            before = resident(front)
            worker.send("NOTIFY", {
                "jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "error", "data": "x" * 2500000}})
            clients[0].result("ping")
            self.assertLess(resident(front, "VmHWM") - before, 60 * MIB)
            for stream in streams:
                event = stream.message()
                self.assertEqual(len(event.json["params"]["data"]), 2500000)
                self.assertRegex(event.id, r"\A0-[0-9]+\Z")
                stream.close()

    @MEASURED
    def test_what_resumed_streams_left_behind_counts(self):
        """20 clients that do not read are owed 7 MB each, and come back for
        it on another connection."""
        with Front(limits={**LIMITS, "memory": 32 * MIB}) as front:
            listen_to(front.supervisor)
            worker = front.link(0)
            result = {"content": [{"type": "text", "text": "x" * MIB}]}
            connections = []
            for _ in range(20):
                client = Streamable(front.address, revision="2025-03-26")
                client.wait_tool("a__echo")
                batch = [{**CALL, "id": number, "params": {"name": "a__echo"}}
                         for number in range(9)]
                post = client.post(batch, receive_buffer=4096)
                numbers = [worker.request()[0] for _ in batch]
                worker.answer(numbers[0], {"content": []})
                first = post.event().id
                for number in numbers[1:8]:
                    worker.answer(number, result)
                client.result("ping")
                connections += [post, client.get(first)]
                self.assertEqual(connections[-1].head().status, 200)
            self.assertLess(resident(front, "VmHWM"), 64 * MIB)
            for connection in connections:
                connection.close()

    @MEASURED
    def test_requests_behind_a_stream_are_not_kept(self):
        """4 times 300 streams, 60 KB of further requests behind each."""
        self.allow_descriptors()
        with Front() as front, Client(front.address) as client:
            listen_to(front.supervisor)
            before = resident(front)
            one = raw.request("GET", "/sse", front.address)
            streams = []
            for _ in range(4):
                streams += [
                    Stream(front, behind=one * (60000 // len(one)),
                           active=False) for _ in range(300)]
                time.sleep(1)  # longer than a sweep of all connections
            self.assertLess(resident(front) - before, 35 * MIB)
            self.assertEqual(client.call("nothing").error["code"], -32602)
            for stream in streams:
                stream.close()

    @MEASURED
    def test_a_stream_keeps_no_headers(self):
        """500 streams that were asked for with 15 KB of headers each."""
        with Front() as front, Client(front.address):
            listen_to(front.supervisor)
            before = resident(front)
            headers = [(f"X-{n}", "y" * 180) for n in range(75)]
            streams = [Stream(front, headers, active=False)
                       for _ in range(500)]
            self.assertLess((resident(front) - before) / 500, 14000)
            for stream in streams:
                stream.close()

    @MEASURED
    def test_what_a_flood_needed_goes_back(self):
        """4,000 streams come and go."""
        self.allow_descriptors()
        with Front() as front, Client(front.address):
            listen_to(front.supervisor)
            before, open_before = resident(front), descriptors(front)
            streams = [raw.Connection(front.address) for _ in range(4000)]
            for stream in streams:
                stream.send(raw.request("GET", "/sse", front.address))
            for stream in streams:
                stream.head()
            self.assertGreater(resident(front) - before, 12 * MIB)
            for stream in streams:
                stream.close()
            eventually(lambda: descriptors(front) == open_before,
                       "all descriptors were closed")
            eventually(lambda: resident(front) - before < 18 * MIB,
                       "the memory was given back")


class Words(unittest.TestCase):
    """What workers say that no worker of ours would."""

    def test_what_has_an_id_is_no_notification(self):
        """A client would answer it, and that be taken for the answer to
        another backend's question."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            key = client.send("tools/call", {
                "name": "a/echo", "_meta": {"progressToken": 7}})
            number, message = worker.request()
            token = message["params"]["_meta"]["progressToken"]
            for method, params in (
                    ("notifications/progress",
                     {"progressToken": token, "progress": 1}),
                    ("notifications/message", {"level": "error", "data": 1})):
                asked = {"jsonrpc": "2.0", "id": 1, "method": method,
                         "params": params}
                worker.send("EVENT", asked, number)
                worker.send("NOTIFY", asked)
            worker.answer(number, {})
            self.assertEqual(client.outcome(key).result, {})
            self.assertEqual(client.requests, [])

    def test_a_failure_is_one_line(self):
        """Or the stream would be cut in the middle of it."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            key = client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            worker.send("FAIL", b'{"code":-32603,\r\n\r\n"message":"x"}',
                        number)
            self.assertEqual(client.outcome(key).error["message"],
                             "The request failed")


class Chaos(unittest.TestCase):
    """Everything at random; the front must neither end nor leak."""

    SECONDS = 8

    def attack(self, front, rng):
        """Connect, send something, end somehow."""
        streams = []
        end = time.monotonic() + self.SECONDS
        while time.monotonic() < end:
            try:
                self.attack_once(front, rng, streams)
            except (OSError, raw.Closed):
                pass
            while len(streams) > 10:
                self.leave(streams.pop(rng.randrange(len(streams))), rng)
            self.count += 1
        for stream in streams:
            stream.close()

    def attack_once(self, front, rng, streams):
        """One connection, or one session."""
        connection = raw.Connection(front.address, timeout=1)
        kind = rng.randrange(8)
        if kind < 3:
            self.session(front, rng, connection)
            if rng.random() < 0.3:
                streams.append(connection)
                return
        else:
            connection.send(self.rubbish(front, rng, kind))
        self.leave(connection, rng)

    @staticmethod
    def session(front, rng, connection):
        """Open a stream, and send messages that end anywhere."""
        address = front.address
        connection.send(
            raw.request("GET", "/sse", address, rng.choice([
                (), [("Connection", "close")], [("Expect", "100-continue")]]),
                rng.choice([None, None, b"", b"12345"])) +
            raw.request("GET", "/sse", address) * rng.randrange(3))
        if rng.random() < 0.2:
            return
        endpoint = connection.until(b"\r\n\r\n\r\n").rpartition(b"data: ")[2]
        bodies = [text(INITIALIZE)] + [rng.choice([
            text(CALL), text(CALL), text(LIST), b"{}", b"",
            b"x" * rng.randrange(3000)]) for _ in range(rng.randrange(20))]
        data = b"".join(raw.request(
            "POST", endpoint.strip().decode(), address, body=body)
            for body in bodies)
        if rng.random() < 0.5:
            data = data[:rng.randrange(len(data))]
        poster = raw.Connection(address, timeout=1)
        poster.send(data)
        Chaos.leave(poster, rng)

    @staticmethod
    def rubbish(front, rng, kind):
        """Bytes of several kinds."""
        head = (f"POST /messages/?session_id={'0' * 32} HTTP/1.1\r\n"
                f"Host: {front.address[0]}:{front.address[1]}\r\n"
                "Content-Type: application/json\r\n").encode()
        whole = raw.request(
            rng.choice(["GET", "HEAD", "OPTIONS", "POST", "PUT"]),
            rng.choice(["/", "/sse", "/sse/", "/messages/", "/messages"]),
            front.address, body=rng.choice([None, b"", b"{}"]))
        if kind == 3:
            return whole * rng.randrange(1, 300)
        if kind == 4:
            return head + b"Expect: 100-continue\r\nContent-Length: %d\r\n" \
                b"\r\n" % rng.choice([0, 5, 5000000]) + b"x" * rng.choice(
                    [0, 1, 5, 20000])
        if kind == 5:
            return head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" \
                + rng.choice([b"", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"z"])
        if kind == 6:
            return rng.randbytes(rng.randrange(3000))
        data = bytearray(whole)
        data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data[:rng.randrange(len(data) + 1)])

    @staticmethod
    def leave(connection, rng):
        """End a connection in one of the ways there are."""
        way = rng.randrange(5)
        if way == 0:
            connection.reset()
            return
        if way == 1:
            connection.socket.shutdown(socket.SHUT_WR)
        if way < 3:
            connection.socket.settimeout(0.02)
            try:
                connection.fill()
            except (OSError, raw.Closed):
                pass
        connection.close()

    @staticmethod
    def serve(worker, rng):
        """Be a worker that answers most requests and says other things."""
        def answer(kind, ident, _flags, _payload):
            if kind != "REQUEST":
                return
            luck = rng.random()
            if luck < 0.3:
                worker.send("EVENT", {
                    "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": ident, "progress": 1}}, ident)
            if luck < 0.8:
                worker.answer(ident, "y" * rng.choice([1, 1000, 100000]))
            elif luck < 0.9:
                worker.send(
                    rng.choice(["RESPONSE", "FAIL", "EVENT", "NOTIFY",
                                "GREETING", "CATALOG"]),
                    rng.choice([rng.randbytes(20), b"{}", b"[]", b"null"]),
                    rng.choice([ident, rng.getrandbits(64)]))

        listen_to(worker, answer)

    @staticmethod
    def rave(worker, rng):
        """Send frames of any kind until the front hangs up."""
        try:
            for _ in range(50):
                payload = rng.choice([
                    rng.randbytes(rng.randrange(60)), b"{}", b'[{"name":"x"}]',
                    text(CALL), b'{"jsonrpc":"2.0","id":1,"result":{}}'])
                worker.socket.sendall(HEADER.pack(
                    len(payload), rng.randrange(1, len(TYPES)) if
                    rng.random() < 0.02 else TYPES.index(rng.choice([
                        "GREETING", "CATALOG", "RESPONSE", "EVENT", "NOTIFY",
                        "FAIL"])), rng.choice([0, 0, 0, 1, 2, 3, 4]),
                    rng.getrandbits(rng.choice([8, 17, 53, 64])), 0, 0) +
                    payload)
        except OSError:
            pass

    def churn(self, front, rng):
        """Replace, end and insult links, and change states."""
        end = time.monotonic() + self.SECONDS
        worker = front.link(0)
        self.serve(worker, rng)
        while time.monotonic() < end:
            time.sleep(rng.random() * 0.1)
            choice = rng.randrange(5)
            if choice == 0:
                worker.close()
            if choice < 2:
                worker = front.link(0)
                self.serve(worker, rng)
            elif choice == 2:
                front.supervisor.send("BACKEND", rng.choice([
                    {"state": "failed", "error": "x", "retry_ms": 5000},
                    {"state": "ready", "error": None, "retry_ms": None},
                    [], {"state": 5}, {"state": None}, b"x"]))
            elif choice == 3:
                try:
                    worker.send("CATALOG", [
                        {"name": f"echo{n or ''}", "inputSchema": {}}
                        for n in range(rng.randrange(200))], flags=TOOLS)
                except OSError:
                    pass
            else:
                self.rave(front.link(1), rng)

    def test_clients_and_workers_at_random(self):
        """Some thousand connections; then all is as it was."""
        seed = int(os.environ.get("MCPGW_TEST_SEED", "1"))
        self.count = 0
        with Front() as front, Client(front.address) as client:
            listen_to(front.supervisor)
            front.link(0)
            front.link(1)
            client.wait_tools("a/echo")
            before = descriptors(front)
            threads = [threading.Thread(target=self.attack, args=(
                front, random.Random(seed * 100 + n))) for n in range(6)]
            for thread in threads:
                thread.start()
            self.churn(front, random.Random(seed))
            for thread in threads:
                thread.join()
            worker = front.link(0)
            front.link(1)
            self.serve(worker, random.Random(seed))
            client.request("ping")
            eventually(lambda: descriptors(front) <= before,
                       "all descriptors were closed")
            if not gateway.SANITIZED:
                self.assertLess(resident(front), 200 * MIB)
            self.assertGreater(self.count, 500)


if __name__ == "__main__":
    unittest.main()
