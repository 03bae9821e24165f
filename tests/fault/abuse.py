"""Clients that do not play by the rules: malformed HTTP, slow ones, ones that
send without reading, too much and too many of them."""

import random
import re
import socket
import threading
import time
import unittest

import process
import raw
from client import Canary, Client
from gateway import MIB, PATIENCE, Gateway, backend

HEAD_SECONDS = 10
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
MARK = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def malformed():
    """(what, bytes): all must be refused, and nothing after them be served."""
    head = b"POST /messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    get = b"GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    length = b"Content-Length: %d\r\n" % len(MARK)
    yield "two lengths", head + b"Content-Length: 5\r\nContent-Length: 6\r\n" \
        b"\r\n12345" + MARK
    yield "two equal lengths", head + b"Content-Length: 5\r\n" \
        b"Content-Length: 5\r\n\r\n12345" + MARK
    yield "length and chunked", head + b"Content-Length: 5\r\n" \
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + MARK
    yield "space before the colon", \
        head + b"Content-Length : %d\r\n\r\n" % len(MARK) + MARK
    yield "a line that starts with NUL", head + b"\0X: y\r\n\r\n" + MARK
    yield "HEAD with a body", b"HEAD /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n" + \
        length + b"\r\n" + MARK
    for coding in (b"identity", b"xchunked", b"gzip", b"chunked, chunked",
                   b"gzip, chunked", b"chunked;x", b" chunked\x0b", b""):
        yield f"coding {coding}", \
            head + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + \
            MARK
    yield "two codings", head + b"Transfer-Encoding: chunked\r\n" \
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + MARK
    for value in (b"+5", b"-5", b"5 5", b"0x5", b"5,5", b"", b"5\0", b"1e1",
                  b"9" * 30, b"5;", "٥".encode()):
        yield f"length {value}", \
            head + b"Content-Length: " + value + b"\r\n\r\n12345" + MARK
    for size in (b"0x5", b"+5", b"-0", b" 5", b"g", b"", b"5\0", b"f" * 17,
                 b"5 "):
        yield f"chunk size {size}", head + b"Transfer-Encoding: chunked\r\n" \
            b"\r\n" + size + b"\r\n12345\r\n0\r\n\r\n" + MARK
    yield "no line end after a chunk", head + b"Transfer-Encoding: chunked" \
        b"\r\n\r\n5\r\n123450\r\n\r\n" + MARK
    yield "a trailer", head + b"Transfer-Encoding: chunked\r\n\r\n" \
        b"0\r\nX: y\r\n\r\n" + MARK
    for line in (b"X: a\0b", b": empty", b"no colon", b" folded: x",
                 b"X: a\r\n folded", b"X: a\r\n\tfolded", b"X\t: a",
                 b"X: a\nY: b", b"X: a\rY: b", b"X: \x01", b"X: \x7f",
                 b"X(: a", "é: a".encode(), b"X: a\r"):
        yield f"header {line}", get + line + b"\r\n\r\n" + MARK
    yield "bare LF", b"GET /sse HTTP/1.1\nHost: 127.0.0.1\n\n" + MARK
    yield "no host", b"GET /sse HTTP/1.1\r\n\r\n" + MARK
    yield "two hosts", get + b"Host: 127.0.0.1\r\n\r\n" + MARK
    for name in (b"Origin: http://localhost", b"Authorization: Bearer x",
                 b"Content-Type: application/json", b"Last-Event-ID: 1"):
        yield f"twice {name}", \
            get + name + b"\r\n" + name + b"\r\n\r\n" + MARK
    for target in (b"http://evil/sse", b"//evil/sse", b"sse", b"*", b"",
                   b"/s se", b"/sse\x01", b"/sse\x7f", "/é".encode(),
                   b"/sse\0x", b"?x", b"/sse\tx", b"/" + b"x" * 9000):
        yield f"target {target[:20]}", b"GET " + target + b" HTTP/1.1\r\n" \
            b"Host: 127.0.0.1\r\n\r\n" + MARK
    for version in (b"HTTP/1.99", b"HTTP/-1.1", b"HTTP/0.5", b"HTTP/2.0",
                    b"HTTP/1.4294967297", b"HTTP/1.1 ", b"http/1.1",
                    b"HTTP/11", b"HTTP/1.0", b"X", b""):
        yield f"version {version}", b"GET /sse " + version + b"\r\n" \
            b"Host: 127.0.0.1\r\n\r\n" + MARK
    for method in (b"get", b"TRACE", b"CONNECT", b"G\0T", b"", b"X" * 100,
                   b"PROPFIND", b"GET\t"):
        yield f"method {method[:10]}", method + b" /sse HTTP/1.1\r\n" \
            b"Host: 127.0.0.1\r\n\r\n" + MARK
    yield "HTTP/0.9", b"GET /sse\r\n" + MARK
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + MARK
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + MARK
    yield "PROXY", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + MARK
    yield "101 headers", get + b"".join(
        b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n" + MARK
    yield "a long header", get + b"X: " + b"y" * 20000 + b"\r\n\r\n" + MARK
    yield "an odd expectation", head + b"Expect: coffee\r\n" + length + \
        b"\r\n" + MARK


class Abuse(unittest.TestCase):
    """One gateway for all; it must be the same front at the end."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway({"one": backend(), "two": backend(
            "--scheme", "two")})
        cls.address = cls.gateway.address
        with Client(cls.address) as client:
            client.wait_tools("one/echo", "two/echo")
        cls.front = cls.gateway.find("front")
        cls.descriptors = len(process.descriptors(cls.front))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()

    def tearDown(self):
        self.assertEqual(self.gateway.find("front"), self.front,
                         self.gateway.report())
        with Client(self.address) as client:
            client.call("one/echo").result
        process.wait_until(
            lambda: len(process.descriptors(self.front)) <=
            self.descriptors + 2, 15, "as many descriptors as before")

    def test_malformed_requests_are_refused_and_nothing_behind_them_is_served(
            self):
        for what, data in malformed():
            with self.subTest(what), raw.Connection(self.address) as \
                    connection:
                try:
                    connection.send(data)
                    connection.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                text = connection.rest()
                found = re.findall(rb"HTTP/1\.1 (\d\d\d)", text)
                self.assertLessEqual(len(found), 1, text)
                if found:
                    self.assertIn(int(found[0]), (
                        400, 403, 404, 405, 413, 414, 417, 421, 431, 501,
                        505), text)
                self.assertNotIn(b"smuggled", text)

    def test_malformed_requests_split_at_every_byte_are_refused_too(self):
        data = b"POST /messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" \
            b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345" + MARK
        for place in range(1, len(data), 3):
            with raw.Connection(self.address) as connection:
                try:
                    connection.send(data[:place])
                    connection.send(data[place:])
                except OSError:
                    pass
                text = connection.rest()
                self.assertEqual(text.count(b"HTTP/1.1 "), 1, text)
                self.assertIn(b"HTTP/1.1 400", text)

    def test_a_request_one_byte_at_a_time_is_served(self):
        with Client(self.address, initialize=False) as client, \
                raw.Connection(self.address) as connection:
            for byte in raw.request("POST", client.endpoint, self.address,
                                    body=PING):
                connection.send(bytes([byte]))
            self.assertEqual(connection.response().status, 202)
            self.assertEqual(client.outcome("1").result, {})

    def test_a_chunked_body_is_read(self):
        with Client(self.address, initialize=False) as client, \
                raw.Connection(self.address) as connection:
            chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in PING)
            connection.send(
                raw.request("POST", client.endpoint, self.address, [
                    ("Content-Type", "application/json"),
                    ("Transfer-Encoding", "chunked")]) + chunks + b"0\r\n\r\n")
            self.assertEqual(connection.response().status, 202)
            self.assertEqual(client.outcome("1").result, {})

    def test_slow_heads_and_silent_connections_are_cut(self):
        with Canary(self.address, "one/echo"):
            connections = [raw.Connection(self.address) for _ in range(200)]
            begin = time.monotonic()
            for number, connection in enumerate(connections):
                if number % 2:
                    connection.send(b"GET /sse HTTP/1.1\r\nHost: 127.")
            while time.monotonic() - begin < HEAD_SECONDS - 2:
                for connection in connections[1::2]:
                    connection.send(b"0")
                time.sleep(1)
            for connection in connections:
                taken = connection.closed_within(5 * PATIENCE)
                self.assertIsNotNone(taken, "not cut")
                whole = time.monotonic() - begin
                self.assertGreater(whole, HEAD_SECONDS - 2)
                self.assertLess(whole, HEAD_SECONDS + 4 * PATIENCE)
                connection.close()

    def test_a_thousand_pipelined_requests_are_answered_in_order(self):
        count = 1000
        with Client(self.address, initialize=False) as client, \
                raw.Connection(self.address) as connection:
            bodies = [b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % number
                      for number in range(count)]
            data = b"".join(raw.request("POST", client.endpoint, self.address,
                                        body=body) for body in bodies)
            sender = threading.Thread(target=self.quietly, args=(
                connection.send, data))
            sender.start()
            statuses = []
            try:
                for _ in range(count):
                    statuses.append(connection.response().status)
            except raw.Closed:
                pass
            sender.join()
            self.assertEqual(set(statuses), {202})
            for number in range(len(statuses)):
                client.outcome(str(number)).result

    @staticmethod
    def quietly(function, *args):
        """Call and forget that the other side hung up."""
        try:
            function(*args)
        except OSError:
            pass

    def test_bytes_sent_while_a_stream_is_open_do_no_harm(self):
        for data in (MARK, b"x", b"\0" * 100, PING, MARK * 10000):
            with self.subTest(data[:10]), raw.Connection(self.address) as \
                    connection:
                connection.send(raw.request("GET", "/sse", self.address))
                self.assertEqual(connection.head().status, 200)
                before = process.resident(self.front)
                self.quietly(connection.send, data)
                time.sleep(0.1)
                self.assertLess(process.resident(self.front),
                                before + 16 * MIB)
                with Client(self.address) as client:
                    client.request("ping").result

    def test_a_body_that_is_too_large_is_refused_from_its_head(self):
        before = process.resident(self.front)
        target = "/messages/?session_id=" + "0" * 32
        for more in ([], [("Expect", "100-continue")]):
            with self.subTest(more), raw.Connection(self.address) as \
                    connection:
                connection.send(raw.request("POST", target, self.address, [
                    ("Content-Length", str(100 << 20)),
                    ("Content-Type", "application/json"), *more]))
                self.assertEqual(connection.head().status, 413)
                self.pour(connection, b"x" * 65536, before)

    def test_a_chunked_body_that_is_too_large_is_refused(self):
        before = process.resident(self.front)
        with raw.Connection(self.address) as connection:
            connection.send(raw.request(
                "POST", "/messages/?session_id=" + "0" * 32, self.address, [
                    ("Transfer-Encoding", "chunked"),
                    ("Content-Type", "application/json")]))
            self.pour(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n",
                      before)
            try:
                self.assertEqual(connection.head().status, 413)
            except raw.Closed:
                pass  # the reset of the surplus overtook the answer

    def pour(self, connection, block, before):
        """Send 100 MB, or until hung up on; nothing of it is kept."""
        for _ in range((100 << 20) // len(block)):
            try:
                connection.send(block)
            except OSError:
                break
        self.assertLess(process.resident(self.front), before + 32 * MIB)

    def test_a_client_that_does_not_read_is_dropped_alone(self):
        before = process.resident(self.front)
        with Canary(self.address, "two/echo"):
            deaf = raw.Connection(self.address, receive_buffer=4096)
            self.addCleanup(deaf.close)
            deaf.send(raw.request("GET", "/sse", self.address))
            text = deaf.until(b"endpoint") + deaf.until(b"\r\n\r\n")
            while b"session_id" not in text:
                text += deaf.until(b"\r\n\r\n")
            path = re.search(rb"/messages/\?session_id=[0-9a-f]+",
                             text).group(0).decode()
            with raw.Connection(self.address) as poster:
                dropped = False
                for number in range(101):
                    body = (b'{"jsonrpc":"2.0","id":%d,"method":"initialize",'
                            b'"params":{"protocolVersion":"2025-06-18",'
                            b'"capabilities":{},"clientInfo":{"name":"x",'
                            b'"version":"1"}}}' % number)
                    if number > 0:
                        body = (b'{"jsonrpc":"2.0","id":%d,"method":'
                                b'"tools/call","params":{"name":"one/echo",'
                                b'"arguments":{"text":"%s"}}}' %
                                (number, b"x" * 1000000))
                    poster.send(raw.request("POST", path, self.address,
                                            body=body))
                    status = poster.response().status
                    if status == 404:
                        dropped = True
                        break
                    self.assertEqual(status, 202)
            if not dropped:
                process.wait_until(
                    lambda: raw.ask(self.address, "POST", path,
                                    body=PING).status == 404,
                    40, "the end of the session that does not read")
            self.assertLess(process.resident(self.front),
                            before + 200 * MIB)

    def test_hosts_that_are_not_ours_are_refused(self):
        port = self.address[1]
        good = ["127.0.0.1", f"127.0.0.1:{port}", "localhost",
                f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}",
                "192.0.2.7"]
        bad = ["evil.example", f"evil.example:{port}", "localhost.evil.example",
               "127.0.0.1.evil.example", "", "localhost@evil.example",
               "evil.example#localhost", "a b", "localhost:99999",
               "localhost:", "[::1", "user:pw@localhost"]
        for host in good:
            with self.subTest(host):
                self.assertEqual(raw.ask(self.address, "GET", "/nowhere",
                                         host=host).status, 404)
        for host in bad:
            for target in ("/sse", "/nowhere"):
                with self.subTest(f"{host} {target}"):
                    self.assertIn(raw.ask(self.address, "GET", target,
                                          host=host).status,
                                  (400, 403, 421))

    def test_pages_of_others_are_refused(self):
        port = self.address[1]
        for origin in ("http://evil.example", "https://localhost.evil.example",
                       "null", "file://", "http://127.0.0.1.evil.example",
                       "", "http://localhost@evil.example"):
            for method, target in (("GET", "/sse"), ("POST", "/messages/"),
                                   ("GET", "/nowhere"), ("OPTIONS", "/sse")):
                with self.subTest(f"{origin} {method} {target}"):
                    answer = raw.ask(self.address, method, target,
                                     [("Origin", origin)],
                                     PING if method == "POST" else None)
                    self.assertIn(answer.status, (400, 403, 405))
                    self.assertIsNone(
                        answer.header("access-control-allow-origin"))
        for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
            self.assertEqual(raw.ask(
                self.address, "GET", "/nowhere", [("Origin", f"http://{host}")],
                host=host).status, 404)

    def test_simple_requests_of_a_browser_are_refused(self):
        with Client(self.address, initialize=False) as client:
            for kind in ("text/plain", "application/x-www-form-urlencoded",
                         "multipart/form-data", ""):
                with self.subTest(kind):
                    answer = raw.ask(self.address, "POST", client.endpoint, [
                        ("Content-Type", kind)], PING)
                    self.assertIn(answer.status, (400, 415))
            for kind in ("application/json", "application/json; charset=utf-8",
                         "Application/JSON"):
                with self.subTest(kind):
                    self.assertEqual(raw.ask(
                        self.address, "POST", client.endpoint,
                        [("Content-Type", kind)], PING).status, 202)

    def test_hanging_up_at_every_phase_leaves_nothing(self):
        chance = random.Random(1)
        with Canary(self.address, "two/echo"), \
                Client(self.address) as client:
            whole = raw.request(
                "POST", client.endpoint, self.address,
                body=b'{"jsonrpc":"2.0","id":"gone","method":"tools/call",'
                b'"params":{"name":"one/echo"}}')
            stream = raw.request("GET", "/sse", self.address)
            for _ in range(1000):
                data = chance.choice((whole, stream, whole + whole))
                connection = raw.Connection(self.address)
                self.quietly(connection.send,
                             data[:chance.randint(0, len(data))])
                if chance.random() < 0.3:
                    connection.socket.settimeout(0.01)
                    try:
                        connection.socket.recv(10)
                    except OSError:
                        pass
                how = chance.randint(0, 2)
                if how == 0:
                    connection.reset()
                elif how == 1:
                    self.quietly(connection.socket.shutdown, socket.SHUT_WR)
                connection.close()
            client.request("ping").result

    def test_a_client_that_half_closes_gets_its_answer(self):
        with raw.Connection(self.address) as connection:
            connection.send(raw.request("GET", "/nowhere", self.address))
            connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.response().status, 404)

    def test_many_sessions_come_and_go(self):
        before = process.resident(self.front)
        for _ in range(5):
            clients = [raw.Connection(self.address) for _ in range(150)]
            for client in clients:
                client.send(raw.request("GET", "/sse", self.address))
            for client in clients:
                self.assertEqual(client.head().status, 200)
            for client in clients:
                client.reset()
        self.assertLess(process.resident(self.front), before + 32 * MIB)

    def test_calls_whose_client_left_are_forgotten(self):
        for _ in range(20):
            with Client(self.address) as client:
                for _ in range(20):
                    client.send("tools/call", {
                        "name": "one/hang", "arguments": {"seconds": 5}})
        with Client(self.address) as client:
            client.call("one/echo").result


class Cap(unittest.TestCase):
    """A gateway that may open few descriptors."""

    def test_connections_over_the_cap_wait_and_sessions_go_on(self):
        with Gateway({"one": backend()}, prefix=(
                "prlimit", "--nofile=256:256")) as running, \
                Canary(running.address, "one/echo"), \
                Client(running.address) as client:
            client.call("one/echo").result
            front = running.find("front")
            used = process.cpu_seconds(front)
            begin = time.monotonic()
            connections = [raw.Connection(running.address)
                           for _ in range(600)]
            time.sleep(2)
            client.call("one/echo").result
            self.assertLess(len(process.descriptors(front)), 256)
            used = process.cpu_seconds(front) - used
            self.assertLess(used, (time.monotonic() - begin) * 0.6)
            for number, connection in enumerate(connections):
                if number % 2:
                    connection.reset()
                else:
                    connection.close()
            process.wait_until(
                lambda: len(process.descriptors(front)) < 50, 15 * PATIENCE,
                "descriptors that are free again")
            with Client(running.address) as another:
                another.call("one/echo").result
            self.assertEqual(running.find("front"), front)


if __name__ == "__main__":
    unittest.main()
