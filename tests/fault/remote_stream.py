"""HTTP servers whose streams have every form that there is, or none; that
flood, stall, and lie about themselves.  The oracle is remote_bad's."""

import json
import os
import socket
import time
import unittest

import http_backend
import httpd
import process
from gateway import MIB, PATIENCE, SANITIZED
from remote_bad import ANSWER, CHUNKED, JSON, STREAM, Case, answer, head

BOM = b"\xef\xbb\xbf"


class Forms(Case):
    """Streams as the standard allows them."""

    def events(self, *pieces, close=True):
        """A script that sends these bytes as chunks; @A@ is the answer."""
        def script(connection, ident):
            good = answer(ident, "ünï").encode()
            connection.start()
            for piece in pieces:
                connection.chunk(piece.replace(b"@A@", good))
            if close:
                connection.end()
        return script

    def assert_answered(self, script):
        """The call succeeds."""
        message, _ = self.scripted(script)
        self.assertEqual(message.result["content"][0]["text"], "ünï")

    def test_every_form_of_a_stream_is_understood(self):
        self.start()
        for what, data in {
                "lf": b"event: message\ndata: @A@\n\n",
                "cr": b"event: message\rdata: @A@\r\r",
                "crlf": b"event: message\r\ndata: @A@\r\n\r\n",
                "all three": b"event: message\rdata: @A@\r\n\n",
                "bom": BOM + b"data: @A@\n\n",
                "no space": b"data:@A@\n\n",
                "a comment": b": x\n:\ndata: @A@\n:\n\n",
                "other fields": b"x: y\nX\nid: 1\nretry: 9\ndata: @A@\n\n",
                "ids of odd letters": b"id: \x00\nid\nid:\nretry: x\n"
                                      b"data: @A@\n\n",
                "empty events": b"\n\n\ndata\n\ndata:\n\nid: 9\ndata: \n\n"
                                b"data: @A@\n\n",
                "another kind first": b"event: x\ndata: {}\n\ndata: @A@\n\n",
                "no json first": b"data: junk\n\ndata: @A@\n\n",
                "other messages first":
                    b'data: {"jsonrpc":"2.0","method":"unknown/x"}\n\n'
                    b'data: {"jsonrpc":"2.0","id":"?","method":"ping"}\n\n'
                    b'data: {"jsonrpc":"2.0","id":"stranger","result":{}}\n\n'
                    b"data: @A@\n\n"}.items():
            for close in (True, False):
                with self.subTest(f"{what}, {close}"):
                    if not close:
                        data += b": the server does not hang up\n"
                    self.assert_answered(self.events(data, close=True)
                                         if close else self.stay(data))
        self.end()

    def stay(self, data):
        """A script that leaves the stream open after the answer."""
        def script(connection, ident):
            self.events(data, close=False)(connection, ident)
            self.assertTrue(connection.hung_up(10 * PATIENCE))
            connection.close()
        return script

    def test_lines_of_data_are_one_message(self):
        self.start()

        def script(connection, ident):
            lines = json.dumps(json.loads(answer(ident, "ünï")), indent=1)
            for end in ("\n",):
                connection.start()
                for line in lines.split("\n"):
                    connection.chunk(f"data: {line}{end}")
                connection.chunk(end)
                connection.end()
        self.assert_answered(script)
        self.end()

    def test_it_does_not_matter_where_a_stream_is_split(self):
        self.start()
        for end in (b"\n", b"\r\n", b"\r"):
            data = BOM + b"id: 1" + end + b"data: @A@" + end * 2
            length = len(data) - 3 + len(answer(2 ** 50, "ünï").encode())
            for where in range(1, length, 1 if end == b"\r\n" else 7):
                def script(connection, ident, where=where, data=data):
                    whole = data.replace(b"@A@", answer(ident, "ünï").encode())
                    connection.start()
                    connection.chunk(whole[:where])
                    if where < len(whole):
                        connection.chunk(whole[where:])
                    connection.end()
                self.assert_answered(script)

        def bytewise(connection, ident):
            whole = b"data: " + answer(ident, "ünï").encode() + b"\r\n\r\n"
            connection.start()
            for byte in whole:
                connection.chunk(bytes([byte]))
            connection.end()
        self.assert_answered(bytewise)
        self.end()

    def test_a_stream_in_which_nothing_happens_stays(self):
        self.start()
        process.wait_until(self.server.listeners, 5 * PATIENCE, "a listener")
        accepted, greeted = self.server.accepted, self.server.greeted
        time.sleep(12)
        self.assertEqual(self.server.listeners(), 1)
        self.assertEqual((self.server.accepted, self.server.greeted),
                         (accepted, greeted))
        self.assert_serves()
        self.end()


class Floods(Case):
    """Too much of everything: the worker's memory is bounded."""

    def start(self, *args, **more):
        super().start(*args, **more)
        self.before = process.resident(self.worker)
        self.taken = False

    def flood(self, first, block, last=b"", limit=200 << 20):
        """A script that sends blocks up to a limit."""
        def script(connection, ident):
            self.taken = False
            connection.send(first)
            for _ in range(limit // len(block)):
                connection.send(block)
            self.taken = True
            connection.send(last.replace(b"@ID@", str(ident).encode()))
            connection.close()
        return script

    def assert_bounded(self, mebibytes):
        """The worker did not grow by more, and the front not at all."""
        self.assertLess(process.resident(self.worker),
                        self.before + mebibytes * MIB)
        self.assertLess(process.resident(self.gateway.find("front")),
                        32 * MIB)
        self.assertLess(os.path.getsize(self.gateway.log_path()), 4 << 20)
        self.assertEqual(self.server.failures, [])

    def test_heads_without_end_are_cut_off(self):
        self.start()
        for what, script in {
                "headers": self.flood(b"HTTP/1.1 200 OK\r\n",
                                      b"X-1: %s\r\n" % (b"x" * 1000) * 10),
                "one header": self.flood(b"HTTP/1.1 200 OK\r\nX: ",
                                         b"x" * 10000),
                "a status": self.flood(b"HTTP/1.1 200 ", b"x" * 10000),
                "no line": self.flood(b"", b"x" * 10000),
                "continue": self.flood(b"", b"HTTP/1.1 100 C\r\n\r\n" * 500),
                "early hints": self.flood(b"", (
                    b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n") * 500),
                "trailers": self.flood(head(JSON, CHUNKED) + b"0\r\n",
                                       b"X: %s\r\n" % (b"x" * 1000) * 10),
                }.items():
            with self.subTest(what):
                self.fails(script, within=5)
                self.assertFalse(self.taken, "all of it was read")
        self.assert_bounded(16)
        self.end()

    def test_bodies_over_the_limit_are_errors(self):
        self.start()
        block = b"x" * (1 << 20)
        chunk = b"100000\r\n" + block + b"\r\n"
        self.each_fails({
            "chunks": self.flood(head(JSON, CHUNKED), chunk),
            "a length": self.flood(
                head(JSON, "Content-Length: 999999999999"), block),
            "no length": self.flood(head(JSON, "Connection: close"), block),
            "a page": self.flood(head("Content-Type: text/html", CHUNKED),
                                 chunk),
        }, within=20)
        self.each_fails({"an error page": self.flood(head(
            "Content-Type: text/html", CHUNKED, status="403 Forbidden"),
            chunk)}, "refused", within=20)
        self.assert_bounded(160)
        self.end()

    def test_events_over_the_limit_are_errors(self):
        self.start()
        begin = head(STREAM) + b'data: {"jsonrpc":"2.0","id":@ID@,"result":"'

        def one_line(connection, ident):
            self.flood(begin.replace(b"@ID@", str(ident).encode()),
                       b"x" * (1 << 20), b'"}\n\n')(connection, ident)
        self.each_fails({
            "one line": one_line,
            "many lines": self.flood(head(STREAM), b"data: x\n" * 10000,
                                     b"\n"),
            "a long name": self.flood(head(STREAM) + b"event: ",
                                      b"x" * 10000, b"\ndata: {}\n\n"),
            "a long id": self.flood(head(STREAM) + b"id: ", b"x" * 10000,
                                    b"\ndata: {}\n\n"),
        }, within=30)
        self.assert_bounded(160)
        self.end()

    def answered_after(self, *blocks):
        """64 MiB of each of these, then an answer, which arrives.  With
        sanitizers so many lines would keep a worker busy for seconds."""
        limit = (8 if SANITIZED else 64) << 20
        self.start()
        for block in blocks:
            message, _ = self.scripted(self.flood(
                head(STREAM), block, b"data: " + ANSWER + b"\n\n",
                limit=limit), timeout=60)
            self.assertEqual(message.result["content"][0]["text"], "evil")
        self.assert_bounded(32)
        self.assert_serves()
        self.end()

    def test_lines_that_mean_nothing_are_forgotten(self):
        self.answered_after(b": x\n" * 10000, b"\n" * 40000,
                            b"unknown\n" * 10000, b":" + b"x" * 100000 + b"\n")

    def test_messages_that_mean_nothing_are_forgotten(self):
        self.answered_after(
            b"data: {}\n\n" * 10000,
            b'data: {"jsonrpc":"2.0","method":"unknown"}\n\n' * 10000)

    def test_notifications_without_end(self):
        block = b"".join(
            b'data: {"jsonrpc":"2.0","method":"notifications/message",'
            b'"params":{"level":"error","data":"%d"}}\n\n' % number
            for number in range(1000))
        ending = []

        def hook(connection, request):
            if request.method != "GET":
                return False
            connection.send(head(STREAM))
            while not ending:
                connection.send(block)
            connection.close()
            return True
        server = http_backend.Backend()
        server.on_request = hook
        self.start(server)
        time.sleep(3)
        self.assertIn("result", self.echo(timeout=10).json)
        for pid in (self.gateway.find("front"), self.worker):
            self.assertLess(process.resident(pid), 100 * MIB)
        self.assertLess(os.path.getsize(self.gateway.log_path()), 4 << 20)
        self.end()
        ending.append(True)


class Silence(Case):
    """Too little of everything: nobody waits for more than he said."""

    def trickle(self, first, block=b"x"):
        """A script that sends a little all the time."""
        def script(connection, _):
            connection.send(first)
            while not self.server.stopping.wait(0.1):
                connection.send(block)
        return script

    def test_slow_answers_end_at_the_time_that_is_configured(self):
        self.start(request_timeout=2)
        scripts = [
            lambda connection, _: connection.hung_up(30),
            self.trickle(b"HTTP/1.1 200 OK\r\nX: "),
            self.trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
            self.trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            self.trickle(head(JSON, "Content-Length: 10000")),
            self.trickle(head(JSON, CHUNKED), b"1\r\n \r\n"),
            self.trickle(head(STREAM), b": still here\n"),
            self.trickle(head(STREAM) + b"data: "),
            self.trickle(head(STREAM), b'data: {"jsonrpc":"2.0",'
                         b'"method":"notifications/x"}\n\n')]
        waiting = iter(scripts)
        self.on_call(lambda connection, ident: next(waiting)(connection,
                                                             ident))
        begin = time.monotonic()
        keys = [self.client.send("tools/call", {
            "name": "bad/echo", "arguments": {"text": "slow"}})
            for _ in scripts]
        for key in keys:
            message = self.client.outcome(key)
            self.assertEqual(message.error["data"]["outcome"], "unknown")
            self.assertGreater(message.at - begin, 1.9)
            self.assertLess(message.at - begin, 4 * PATIENCE)
        self.server.on_request = None
        self.assertEqual(len(self.server.received("slow")), len(scripts))
        self.assert_serves()
        self.end()

    def test_a_server_that_reads_nothing(self):
        server = http_backend.Backend(kind="http")
        server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.start(server, request_timeout=3)
        server.on_head = lambda connection, request: (
            int(request.header("content-length") or "0") > 100000 and
            (server.stopping.wait(60) or True))
        before = process.resident(self.worker)
        text = "x" * 1000000
        keys = []
        for number in (10, 50):
            keys += [self.client.send("tools/call", {
                "name": "bad/echo", "arguments": {"text": text}})
                for _ in range(number)]
            if number == 10:
                self.assertIn("result", self.echo("meanwhile").json)
        for key in keys:
            self.client.outcome(key, timeout=30).error
        self.assertLess(process.resident(self.worker), before + 160 * MIB)
        self.assert_serves()
        self.end()

    def test_a_server_that_accepts_and_says_nothing(self):
        entries = {}
        for kind in ("http", "sse", None):
            server = httpd.Server()
            self.addCleanup(server.stop)
            server.handle = lambda connection, request: \
                connection.hung_up(60) and connection.close()
            entries[f"mute{kind}"] = {
                "url": server.url("/mcp"), "startup_timeout": 1,
                **({"type": kind} if kind else {})}
        self.never_up(entries, "time|within|answer|initialize")


class Lies(Case):
    """What servers say about themselves."""

    def test_an_endpoint_elsewhere_is_never_contacted(self):
        sniffer = httpd.Server()
        self.addCleanup(sniffer.stop)
        port = sniffer.port
        entries = {}
        for number, endpoint in enumerate((
                f"http://127.0.0.1:{port}/message", f"//127.0.0.1:{port}/m",
                f"http://localhost:{port}/message", "file:///etc/hostname",
                "http://example.com/message", "https://127.0.0.1:@PORT@/m",
                "http://127.0.0.1/m", f"http://127.0.0.1:@PORT@@x:{port}/m",
                "http://169.254.169.254/latest", "http://[::]:99999/", "",
                "http://127.0.0.1:@PORT@.example.com/", "/" + "x" * 70000)):
            server = http_backend.Backend(kind="sse")
            self.addCleanup(server.stop)
            server.endpoint = lambda name, endpoint=endpoint, \
                server=server: endpoint.replace("@PORT@", str(server.port))
            entries[f"lie{number}"] = {"url": server.url("/sse"),
                                       "type": "sse"}
        self.never_up(entries, "endpoint|origin")
        self.assertEqual(sniffer.accepted, 0)

    def test_an_endpoint_on_the_same_origin_is_found(self):
        entries = {}
        for number, endpoint in enumerate((
                "/messages?sessionId=@ID@", "messages?sessionId=@ID@",
                "http://localhost:@PORT@/messages?sessionId=@ID@",
                "http://[::1]:@PORT@/messages?sessionId=@ID@",
                "http://0.0.0.0:@PORT@/messages?sessionId=@ID@",
                "HTTP://127.0.0.1:@PORT@/messages?sessionId=@ID@",
                "//127.0.0.1:@PORT@/x/../messages?sessionId=@ID@")):
            server = http_backend.Backend(kind="sse")
            self.addCleanup(server.stop)
            server.endpoint = lambda name, endpoint=endpoint, \
                server=server: endpoint.replace(
                    "@PORT@", str(server.port)).replace("@ID@", name)
            entries[f"there{number}"] = {"url": server.url("/sse"),
                                         "type": "sse"}
        self.start(entries=entries, wait=False)
        self.client.wait_tools(*[f"{name}/echo" for name in entries])
        for name in entries:
            self.client.call(f"{name}/echo").result
        self.end()

    def test_session_ids_that_are_none_are_not_repeated(self):
        evil = {"lf": b"a\nX: y", "cr": b"a\rX: y", "crlf": b"a\r\nX: y",
                "long": b"x" * 8192, "bytes": b"sess\xe9\xff",
                "control": b"a\x01b", "space": b"a b", "empty": b""}
        servers, entries = {}, {}
        for what, name in evil.items():
            server = servers[what] = http_backend.Backend(
                kind="http", sessions=False)
            self.addCleanup(server.stop)

            def hook(connection, request, name=name):
                message = request.message or {}
                if message.get("method") != "initialize":
                    return False
                body = json.dumps({
                    "jsonrpc": "2.0", "id": message["id"], "result": {
                        "protocolVersion": "2025-03-26",
                        "capabilities": {"tools": {}},
                        "serverInfo": {"name": "evil", "version": "1"}}})
                connection.send(head(
                    JSON, f"Content-Length: {len(body)}",
                    "Mcp-Session-Id: @").replace(b"@", name) + body.encode())
                return True
            server.on_request = hook
            server.sessions["only"] = http_backend.Session("only", None)
            server.sessions["only"].revision = "2025-03-26"
            entries[what] = {"url": server.url("/mcp")}
        self.start(entries=entries, wait=False)
        for what in ("cr", "long", "bytes", "control", "space"):
            self.gateway.wait_log(rf"(?i)backend {what}\b.*session")
        for what, server in servers.items():
            with self.subTest(what):
                self.assertEqual(server.failures, [])
                self.assertGreater(len(server.requests), 0)
                for request in server.requests:
                    self.assertNotIn("x", request.names())
                    self.assertIn(request.header("mcp-session-id"),
                                  (None, "a"))
        for text in (self.gateway.log(), self.gateway.console()):
            for line in text.split("\n"):
                self.assertNotRegex(line, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        self.end()

    def test_event_ids_that_are_none_are_not_repeated(self):
        self.start()
        for evil in (b"x" * 8192, b"a\0b", b"\xff\xfe", b"\x01", b"a\tb",
                     "é\u202e".encode(), b""):
            self.fails(self.cut(head(STREAM) + b"retry: 1\nid: " + evil +
                                b"\ndata: \n\n"), within=5)
        for request in self.server.requests:
            last = request.header("last-event-id") or "none"
            self.assertRegex(last, r"\A[^\x00-\x1f\x7f]{1,1024}\Z")
        self.assertEqual(self.server.failures, [])
        self.end()


class Legacy(Case):
    """What is different when answers come over another connection."""

    kind, path = "sse", "/sse"

    def test_a_post_that_is_refused_did_not_run(self):
        self.start(type="sse")
        for status in (400, 401, 403, 404, 413, 429):
            with self.subTest(status):
                self.fails(lambda connection, _, status=status:
                           connection.reply(status, "no"), "refused")
        self.end()

    def test_a_post_that_fails_may_have_run(self):
        self.start(type="sse")
        self.each_fails({
            "500": lambda connection, _: connection.reply(500, "no"),
            "closed": self.cut(b""), "reset": self.cut(b"", reset=True),
            "half": self.cut(b"HTTP/1.1 20"),
            "redirect": lambda connection, _: connection.reply(
                500, headers=[("Location", "http://127.0.0.1:1/")])})
        self.end()

    def test_the_end_of_the_stream_ends_what_waits_for_it(self):
        self.start(type="sse")
        keys = [self.client.send("tools/call", {
            "name": "bad/hang", "arguments": {"text": "hang"}})
            for _ in range(50)]
        process.wait_until(lambda: len(self.server.received("hang")) == 50,
                           10 * PATIENCE, "the calls")
        begin = time.monotonic()
        self.server.forget()
        for key in keys:
            message = self.client.outcome(key)
            self.assertEqual(message.error["data"]["outcome"], "unknown")
            self.assertLess(message.at - begin, 1 * PATIENCE)
        process.wait_until(lambda: "result" in self.echo().json,
                           10 * PATIENCE, "an answer")
        self.assertEqual(self.server.greeted, 2)
        self.assertEqual(set(self.server.ran.values()), {1})
        self.end()


if __name__ == "__main__":
    unittest.main()
