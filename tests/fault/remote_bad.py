"""HTTP servers that misbehave in every way that HTTP has.  For each: every
request has one outcome, no call comes twice, a session on another backend
notices nothing, and SIGTERM ends all of it in seconds."""

import json
import time
import unittest

import http_backend
import httpd
import process
from client import Canary, Client
from gateway import PATIENCE, Gateway, backend

STOP_WITHIN = 10
# From a server's failure to the error: nobody waits for request_timeout.
FAIL_WITHIN = 1.0
SECRET = "c4n4ry-s3cr3t"
EVIL = json.dumps({"content": [{"type": "text", "text": "evil"}]})


def answer(ident, text="hello"):
    """The JSON of a good answer."""
    return json.dumps({"jsonrpc": "2.0", "id": ident, "result": {
        "content": [{"type": "text", "text": text}]}})


class Case(unittest.TestCase):
    """Each test has its own gateway: one bad and one good backend."""

    kind, path = "http", "/mcp"

    def start(self, server=None, entries=None, wait=True, **more):
        """Start a gateway in front of a server, which is good until told
        otherwise; or of several, which may be no good from the start."""
        if entries is None:
            self.server = server or http_backend.Backend(kind=self.kind)
            self.addCleanup(self.server.stop)
            entries = {"bad": {"url": self.server.url(self.path), "headers": {
                "X-Api-Key": SECRET}, **more}}
        self.gateway = Gateway({**entries, "good": backend()})
        self.addCleanup(self.gateway.discard)
        self.client = Client(self.gateway.address)
        self.addCleanup(self.client.close)
        self.canary = Canary(self.gateway.address, "good/echo")
        self.canary.__enter__()
        self.addCleanup(self.canary.ending.set)
        self.calls = 0
        if wait:
            self.client.wait_tools("bad/echo")
            self.worker = self.gateway.find("worker-http", "bad")

    def end(self):
        """What holds after each of them."""
        self.client.assert_one_outcome_each()
        self.canary.__exit__(None, None, None)
        process.wait_until(lambda: self.gateway.find("front"), 1, "a front")
        self.assertLess(self.gateway.stop(), STOP_WITHIN * PATIENCE)

    def echo(self, text="hello", timeout=20):
        """Call the bad backend's tool."""
        return self.client.call("bad/echo", {"text": text}, timeout=timeout)

    def assert_serves(self, same_worker=True):
        """It works, and its worker was not restarted."""
        message = process.wait_until(
            lambda: next((message for message in [self.echo("good")]
                          if "result" in message.json), None),
            10 * PATIENCE, "an answer of the bad backend")
        self.assertEqual(message.result["content"][0]["text"], "good")
        if same_worker:
            self.assertEqual(self.gateway.find("worker-http", "bad"),
                             self.worker)

    def on_call(self, script):
        """Calls are answered by script(connection, id) from now on."""
        def hook(connection, request):
            message = request.message
            if not isinstance(message, dict) or \
                    message.get("method") != "tools/call":
                return False
            script(connection, message["id"])
            return True
        self.server.on_request = hook

    def scripted(self, script, **more):
        """Make a call that is answered by a script; the message that came,
        and the text by which the server knows the call."""
        self.on_call(script)
        self.calls += 1
        text = f"call {self.calls}"
        message = self.echo(text, **more)
        self.server.on_request = None
        self.assertLessEqual(len(self.server.received(text)), 1)
        return message, text

    def fails(self, script, outcome="unknown", within=FAIL_WITHIN):
        """A call that is answered by this script fails, and the next one
        succeeds; its error."""
        begin = time.monotonic()
        message, text = self.scripted(script)
        self.assertLess(message.at - begin, within * PATIENCE)
        self.assertEqual(message.error["data"]["backend"], "bad")
        self.assertEqual(message.error["data"]["outcome"], outcome)
        self.assertEqual(len(self.server.received(text)), 1)
        self.assertNotIn(SECRET.encode(), message.raw)
        self.assert_serves()
        return message.error

    def each_fails(self, scripts, outcome="unknown", **more):
        """All of these, {what: script}, fail alike."""
        for what, script in scripts.items():
            with self.subTest(what):
                self.fails(script, outcome, **more)

    def cut(self, data, reset=False):
        """A script that sends this and hangs up."""
        def script(connection, ident):
            connection.send(data.replace(b"@ID@", str(ident).encode()))
            if reset:
                connection.reset()
            else:
                connection.close()
        return script

    def never_up(self, entries, why, within=10):
        """No tools, an error for a call at once, and the reason in the log;
        for each of some backends that are configured so."""
        self.start(entries=entries, wait=False)
        for name in entries:
            with self.subTest(name):
                self.gateway.wait_log(rf"(?i)backend {name}\b.*({why})",
                                      timeout=within)
                begin = time.monotonic()
                error = self.client.call(f"{name}/echo").error
                self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
                if "data" in error:
                    self.assertEqual(error["data"]["outcome"], "not_sent")
        self.end()


def head(*lines, status="200 OK"):
    """The bytes of a response's head."""
    return ("\r\n".join([f"HTTP/1.1 {status}", *lines]) +
            "\r\n\r\n").encode("latin-1")


JSON = "Content-Type: application/json"
STREAM = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
ANSWER = b'{"jsonrpc":"2.0","id":@ID@,"result":' + EVIL.encode() + b"}"


class Ends(Case):
    """The connection ends too early."""

    # What has been said until then.
    PHASES = {
        "nothing": b"",
        "half a status line": b"HTTP/1.1 20",
        "half a head": b"HTTP/1.1 200 OK\r\n" + JSON.encode(),
        "a head": head(JSON, "Content-Length: 100"),
        "half a body": head(JSON, "Content-Length: 100") + ANSWER[:40],
        "half a body of chunks": head(JSON, CHUNKED) + b"28\r\n" + ANSWER[:40],
        "a chunk too few": head(JSON, CHUNKED) + b"28\r\n" + ANSWER[:40] +
                           b"\r\n",
        "the head of a stream": head(STREAM, CHUNKED),
        "a comment": head(STREAM, CHUNKED) + b"4\r\n: x\n\r\n",
        "half an event": head(STREAM, CHUNKED) + b"ff\r\ndata: " + ANSWER[:40],
        "a whole line": head(STREAM) + b"data: " + ANSWER + b"\n",
        "a stream without an answer": head(STREAM, CHUNKED) +
                                      b"4\r\n: x\n\r\n0\r\n\r\n",
    }

    def test_after_the_call_was_read_it_is_unknown_whether_it_ran(self):
        self.start()
        self.each_fails({what: self.cut(data)
                         for what, data in self.PHASES.items()})
        self.end()

    def test_a_reset_is_no_different(self):
        self.start()
        self.each_fails({what: self.cut(data, reset=True)
                         for what, data in self.PHASES.items()})
        self.end()

    def test_before_the_call_was_read_nobody_says_that_it_ran(self):
        self.start()
        for reset in (False, True):
            for where in ("on_accept", "on_head"):
                with self.subTest(f"{where} {reset}"):
                    armed = [True]

                    def hook(connection, request=None):
                        body = request is None or request.header(
                            "content-length")
                        if not armed or not body:
                            return False
                        armed.clear()
                        if reset:
                            connection.reset()
                        else:
                            connection.close()
                        return True
                    if where == "on_accept":
                        self.server.disconnect()
                    setattr(self.server, where, hook)
                    message = self.echo("early")
                    setattr(self.server, where, None)
                    if "error" in message.json:
                        self.assertIn(message.error["data"]["outcome"],
                                      ("unknown", "not_sent"))
                    self.assert_serves(same_worker=False)
        self.assertLessEqual(max(self.server.ran.values()), 1)
        self.end()

    def test_a_kept_connection_that_ends_does_not_bring_the_call_twice(self):
        self.start()
        numbers = []

        def script(connection, _):
            numbers.append(connection.requests)
            connection.close()
        for _ in range(20):
            self.echo().result  # so that there is a connection to keep
            self.fails(script)
        # Not all: the one before may still be hearing its answer out.
        self.assertGreater(sum(number > 1 for number in numbers), 5, numbers)
        self.end()

    def test_an_idle_connection_that_the_server_closed_costs_no_call(self):
        self.start()
        for number in range(10):
            self.assertIn("result", self.echo().json)
            for connection in list(self.server.connections):
                if connection.requests and not any(
                        session.main and session.main.connection is connection
                        for session in self.server.sessions.values()):
                    connection.close()
            time.sleep(0.05)
            text = f"after {number}"
            self.assertIn("result", self.echo(text).json)
            self.assertEqual(len(self.server.received(text)), 1)
        self.end()


class Redirects(Case):
    """Nobody follows them."""

    STATUS = (300, 301, 302, 303, 307, 308)

    def setUp(self):
        self.sniffer = httpd.Server()
        self.addCleanup(self.sniffer.stop)
        self.targets = [self.sniffer.url("/mcp"), "file:///etc/hostname",
                        "http://169.254.169.254/latest/meta-data/",
                        f"//127.0.0.1:{self.sniffer.port}/", "/mcp", "", "::"]

    def test_a_call_is_not_sent_elsewhere(self):
        self.start()
        for status in self.STATUS:
            for target in self.targets:
                with self.subTest(f"{status} {target}"):
                    message, _ = self.scripted(
                        lambda connection, _, status=status, target=target:
                        connection.reply(status, headers=[
                            ("Location", target)]))
                    self.assertIn(message.error["data"]["outcome"],
                                  ("refused", "unknown"))
                    self.assert_serves()
        self.assertEqual(self.sniffer.accepted, 0)
        self.end()

    def test_a_server_that_has_moved_is_not_followed(self):
        entries = {}
        for kind in ("http", "sse", None):
            server = httpd.Server()
            self.addCleanup(server.stop)
            server.handle = lambda connection, request: connection.reply(
                307, headers=[("Location", self.sniffer.url("/mcp"))])
            entries[f"moved-{kind}"] = {
                "url": server.url("/mcp"), "headers": {"X-Api-Key": SECRET},
                **({"type": kind} if kind else {})}
        self.never_up(entries, "redirect|307|moved")
        self.assertEqual(self.sniffer.accepted, 0)
        self.assertNotIn(SECRET, self.gateway.log())


class Answers(Case):
    """Answers that are none."""

    def reply(self, *args, **more):
        """A script that replies so."""
        return lambda connection, ident: connection.reply(
            *(arg.replace("@ID@", str(ident)) if isinstance(arg, str) else arg
              for arg in args), **more)

    def raw(self, data):
        """A script that sends this and goes on."""
        return lambda connection, ident: connection.send(
            data.replace(b"@ID@", str(ident).encode()))

    def test_a_call_that_the_server_refuses_did_not_run(self):
        self.start()
        for status in (400, 401, 403, 405, 406, 413, 429):
            with self.subTest(status):
                error = self.fails(self.reply(
                    status, "<h1>no</h1>", [("Retry-After", "3")],
                    kind="text/html"), "refused")
                self.assertIn(str(status), error["message"])
        self.end()

    def test_a_call_in_which_the_server_fails_may_have_run(self):
        self.start()
        for status in (500, 502, 503, 504):
            with self.subTest(status):
                error = self.fails(self.reply(status, "oops",
                                              kind="text/plain"))
                self.assertIn(str(status), error["message"])
        self.end()

    def test_a_session_that_is_forgotten_for_ever_is_begun_again_once(self):
        self.start()
        before = self.server.greeted
        self.on_call(lambda connection, _: self.server.no(
            connection, 404, "Session not found"))
        begin = time.monotonic()
        message = self.echo("forgotten")
        self.assertLess(message.at - begin, 3 * PATIENCE)
        self.server.on_request = None
        self.assertEqual(message.error["data"]["outcome"], "refused")
        self.assertLessEqual(len(self.server.received("forgotten")), 2)
        self.assertEqual(self.server.greeted, before + 1)
        self.assert_serves()
        self.end()

    def test_what_is_neither_json_nor_a_stream_is_an_error(self):
        self.start()
        page = "<html><title>Log in</title>" + "x" * 100000
        good = ANSWER.decode()
        self.each_fails({
            "a page": self.reply(200, page, kind="text/html"),
            "text": self.reply(200, good, kind="text/plain"),
            "bytes": self.reply(200, good, kind="application/octet-stream"),
            "another json": self.reply(200, good, kind="application/jsonp"),
            "no type": self.raw(head("Content-Length: 2") + b"{}"),
            "nothing": self.reply(200),
            "a page as json": self.reply(200, page),
            "a page as a stream": self.reply(200, page,
                                             kind="text/event-stream"),
        })
        self.end()

    def test_a_call_that_is_accepted_only_may_be_answered_elsewhere(self):
        self.start(request_timeout=1)
        process.wait_until(self.server.listeners, 5 * PATIENCE, "a listener")
        self.each_fails({
            "no content": self.raw(head(status="204 No Content")),
            "accepted": self.reply(202)}, within=2.5)

        def elsewhere(connection, ident):
            connection.reply(202)
            session, = self.server.sessions.values()
            session.main.put(answer(ident))
        self.assertEqual(self.scripted(elsewhere)[0].result["content"][0][
            "text"], "hello")
        self.end()

    def test_json_that_answers_nothing_is_an_error(self):
        self.start()
        good = ANSWER.decode()
        self.each_fails({
            "another id": self.reply(200, good.replace("@ID@", "7")),
            "no id": self.reply(200, good.replace("@ID@", "null")),
            "twice an id": self.reply(200, good[:-1] + ',"id":1}'),
            "half": self.reply(200, good[:50]),
            "two": self.reply(200, good + good),
            "no utf-8": self.reply(200, good.encode()[:-20] + b"\xff" +
                                   good.encode()[-20:]),
            "deep": self.reply(200, "[" * 10000),
            "a number": self.reply(200, "17"),
            "null": self.reply(200, "null"),
        })
        self.end()

    def test_two_answers_count_once(self):
        self.start()
        twice = head(STREAM, "Connection: close") + (
            b"data: " + ANSWER.replace(b"evil", b"first") + b"\n\n"
            b"data: " + ANSWER + b"\n\n")
        for _ in range(10):
            message, _ = self.scripted(self.cut(twice))
            self.assertEqual(message.result["content"][0]["text"], "first")
        self.assert_serves()
        self.end()

    def test_lengths_that_are_wrong(self):
        self.start()
        self.each_fails({
            "too long": self.cut(head(JSON, "Content-Length: 9999") + ANSWER),
            "too short": self.raw(head(JSON, "Content-Length: 20") + ANSWER),
            "two": self.raw(head(JSON, "Content-Length: 3",
                                 "Content-Length: 4") + ANSWER),
            "none": self.cut(head(JSON, "Content-Length: x") + ANSWER[:9]),
            "negative": self.cut(head(JSON, "Content-Length: -1") + b"{"),
            "a chunk's size": self.raw(head(JSON, CHUNKED) + b"zz\r\n{}\r\n"),
            "too long a chunk": self.cut(head(JSON, CHUNKED) + b"fff\r\n{}"),
            "a size of 20 digits": self.raw(head(JSON, CHUNKED) +
                                            b"f" * 20 + b"\r\n{}\r\n"),
            "no end of a chunk": self.raw(head(JSON, CHUNKED) +
                                          b"2\r\n{}xx0\r\n\r\n"),
        })
        self.end()

    def test_what_follows_an_answer_answers_nothing(self):
        self.start()
        second = head(JSON, f"Content-Length: {len(ANSWER)}") + \
            ANSWER.replace(b"@ID@", b"1234")
        good = answer(0).encode()

        def script(connection, ident):
            whole = good.replace(b'"id": 0', b'"id": %d' % ident)
            connection.send(head(JSON, f"Content-Length: {len(whole)}") +
                            whole + second)
        for _ in range(20):
            message, _ = self.scripted(script)
            self.assertEqual(message.result["content"][0]["text"], "hello")
            self.assert_serves()
        self.end()

    def test_compressed_answers_were_not_asked_for(self):
        self.start()
        packed = b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0" * 100
        self.each_fails({kind: self.raw(head(
            JSON, f"Content-Encoding: {kind}",
            f"Content-Length: {len(packed)}") + packed)
            for kind in ("gzip", "deflate", "br")})
        self.end()


class Unreachable(Case):
    """Nobody answers at all."""

    def test_a_black_hole_from_the_start(self):
        deaf = httpd.Deaf()
        self.addCleanup(deaf.stop)
        self.never_up({"hole": {"url": deaf.url("/mcp")},
                       "legacy": {"url": deaf.url("/sse"), "type": "sse"}},
                      "time|connect|reach", within=15)

    def test_a_black_hole_later(self):
        self.start()
        self.server.stop()
        deaf = httpd.Deaf(self.server.port)
        self.addCleanup(deaf.stop)
        begin = time.monotonic()
        keys = [self.client.send("tools/call", {
            "name": "bad/echo", "arguments": {}}) for _ in range(10)]
        for key in keys:
            message = self.client.outcome(key)
            self.assertEqual(message.error["data"]["outcome"], "not_sent")
            self.assertLess(message.at - begin, 8 * PATIENCE)
        self.end()

    def test_a_name_that_does_not_exist(self):
        self.never_up({"nowhere": {"url": "http://no-such-host.invalid/mcp"}},
                      "resolve|name|host|time", within=20)

    def test_addresses_that_are_never_a_backend(self):
        entries = {f"never{number}": {"url": f"http://{host}/mcp"}
                   for number, host in enumerate((
                       "169.254.169.254", "[::ffff:169.254.169.254]",
                       "0.0.0.1", "224.0.0.1", "255.255.255.255",
                       "[fe80::1]"))}
        self.never_up(entries, "address|allow|network")

    def test_what_is_not_http_at_all(self):
        entries = {}
        for number, data in enumerate((
                b"SSH-2.0-OpenSSH_9.2\r\n", b"220 smtp ready\r\n", b"\0" * 99,
                b"HTTP/2.0 200 OK\r\n\r\n", b"\x16\x03\x01\0\0", b"")):
            server = httpd.Server()
            self.addCleanup(server.stop)

            def hook(connection, data=data):
                connection.send(data)
                connection.close()
                return True
            server.on_accept = hook
            entries[f"other{number}"] = {"url": server.url("/mcp")}
        self.never_up(entries, r"HTTP|answer|closed|connection")


if __name__ == "__main__":
    unittest.main()
