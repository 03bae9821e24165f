"""Backends with a url: both transports, found out or told, in every form that
servers have, as clients of the gateway see them."""

import functools
import json
import os
import time
import unittest

import event_stream
import http_backend
import httpd
import mcp_go
import process
import raw
from client import Client
from fidelity import ARGUMENTS, RESULTS
from gateway import LIBRARY, PATIENCE, PYTHON, Gateway, backend

SCRIPT = os.path.join(LIBRARY, "http_backend.py")
PRETTY = """{
  "jsonrpc": "2.0",
  "id": @ID@,\r
  "result": {
    "content": [],
    "big": 123456789012345678901234567890
  }
}
"""


def remote(server, path="/mcp", **more):
    """A configuration entry for a server of ours."""
    return {"url": server.url(path), **more}


def for_each(*but):
    """Run a test with every server but some."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name, server in self.servers.items():
                if name not in but:
                    with self.subTest(name):
                        test(self, name, server)
        return run
    return decorate


class Kinds(unittest.TestCase):
    """One gateway in front of a server of every kind."""

    @classmethod
    def setUpClass(cls):
        cls.servers = {
            "sse": http_backend.Backend(kind="sse"),
            "http": http_backend.Backend(kind="http", page=4),
            "json": http_backend.Backend(kind="http", answers="json"),
            "found": http_backend.Backend(kind="http"),
            "found404": http_backend.Backend(kind="sse", refuse=404),
            "found405": http_backend.Backend(kind="sse", refuse=405),
            "found400": http_backend.Backend(kind="sse", refuse=400),
            "old": http_backend.Backend(kind="http", revision="2025-03-26"),
            "older": http_backend.Backend(kind="http", sessions=False,
                                          revision="2025-06-18"),
            "go": mcp_go.Backend(),
        }
        entries = {name: remote(server, "/sse" if server.kind == "sse" or
                                name == "go" else "/mcp")
                   for name, server in cls.servers.items()}
        entries["sse"]["type"] = entries["go"]["type"] = "sse"
        entries["http"]["type"] = entries["old"]["type"] = "http"
        entries["json"]["type"] = "streamable-http"
        entries["older"]["type"] = "streamableHttp"
        for server in cls.servers.values():
            cls.addClassCleanup(server.stop)
        cls.gateway = Gateway(entries)
        cls.addClassCleanup(cls.gateway.discard)
        cls.client = Client(cls.gateway.address)
        cls.addClassCleanup(cls.client.close)
        cls.client.wait_tools(*[f"{name}/echo" for name in cls.servers])

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def tearDown(self):
        self.client.assert_one_outcome_each()
        for name, server in self.servers.items():
            self.assertEqual(server.failures, [], name)
            self.assertEqual(set(server.ran.values()) - {1}, set(), name)

    def test_all_tools_of_all_pages_are_listed_each_once(self):
        listed = self.client.tools()
        self.assertEqual(len(listed), len(set(listed)))
        for name, server in self.servers.items():
            with self.subTest(name):
                self.assertEqual([tool for tool in listed
                                  if tool.startswith(f"{name}/")],
                                 [f"{name}/{tool}" for tool in
                                  dict.fromkeys(server.tools)])

    @for_each()
    def test_calls_are_answered(self, name, server):
        marker = f"hello {name}"
        self.assertEqual(
            self.client.call(f"{name}/echo", {"text": marker}).result,
            {"content": [{"type": "text", "text": marker}]})
        self.assertEqual(len(server.received(marker)), 1)
        error = self.client.call(f"{name}/error", {
            "code": -32042, "message": "é", "data": {"a": 1}}).error
        self.assertEqual(error, {"code": -32042, "message": "é",
                                 "data": {"a": 1}})

    @for_each()
    def test_200_calls_at_once_each_have_their_own_answer(self, name, _):
        begin = time.monotonic()
        keys = {self.client.send("tools/call", {
            "name": f"{name}/slow", "arguments": {
                "seconds": 0.5, "text": f"{name} {number}"}}):
            f"{name} {number}" for number in range(200)}
        for key, text in keys.items():
            self.assertEqual(self.client.outcome(key).result["content"],
                             [{"type": "text", "text": text}])
        self.assertLess(time.monotonic() - begin, 8 * PATIENCE)

    @for_each("go")
    def test_results_arrive_byte_for_byte(self, name, _):
        for result in RESULTS:
            message = self.client.call(f"{name}/raw", {"result": result})
            self.assertTrue(message.raw.endswith(
                b'"result":' + result.encode() + b"}"), message.raw[:500])

    @for_each()
    def test_arguments_arrive_byte_for_byte(self, name, server):
        for number, arguments in enumerate(ARGUMENTS):
            ident = f'"{name} {number}"'
            self.client.sent.append(ident)
            self.client.post(
                f'{{"jsonrpc":"2.0","id":{ident},"method":"tools/call",'
                f'"params":{{"arguments":{arguments},"unknown":[1.0],'
                f'"name":"{name}/text"}}}}'.encode())
            self.client.outcome(ident)
            bodies = [request.body for request in server.requests
                      if request.method == "POST"]
            self.assertTrue(any(
                b'"params":{"arguments":' + arguments.encode() +
                b',"unknown":[1.0],"name":"text"}' in body
                for body in bodies[-5:]), arguments[:80])

    @for_each()
    def test_answers_of_many_lines_are_put_into_one(self, name, _):
        message = self.client.call(f"{name}/whole", {"message": PRETTY})
        self.assertEqual(message.result, {
            "content": [], "big": 123456789012345678901234567890})

    @for_each("old", "older", "found404", "found400")
    def test_long_answers_arrive_whole(self, name, _):
        for size in (1000000, 16000000):
            result = self.client.call(f"{name}/big", {"bytes": size},
                                      timeout=60).result
            self.assertEqual(result["content"][0]["text"], "x" * size)

    @for_each("json")
    def test_progress_comes_in_order_before_the_answer(self, name, _):
        token = f"token {name}"
        begin = len(self.client.notifications)
        self.client.call(f"{name}/progress", {"count": 20, "text": "é"},
                         _meta={"progressToken": token}).result
        came = [message.json["params"]
                for message in self.client.notifications[begin:]
                if message.json["method"] == "notifications/progress"]
        self.assertEqual(came, [
            {"progressToken": token, "progress": number, "total": 20,
             "message": "é"} for number in range(1, 21)])

    @for_each()
    def test_a_cancellation_reaches_the_server(self, name, server):
        with Client(self.gateway.address) as client:
            client.send("tools/call", {
                "name": f"{name}/hang", "arguments": {
                    "text": f"cancel {name}", "seconds": 30}}, ident=7)
            process.wait_until(
                lambda: server.received(f"cancel {name}"), 10 * PATIENCE,
                "the call at the server")
            client.notify("notifications/cancelled",
                          {"requestId": 7, "reason": "no more"})
            ident = server.received(f"cancel {name}")[0]["id"]
            process.wait_until(
                lambda: {"requestId": ident, "reason": "no more"} in
                server.cancelled, 10 * PATIENCE, "the cancellation")
            client.call(f"{name}/echo").result
            self.assertNotIn("7", client.outcomes)

    @for_each("go")
    def test_a_change_of_the_tools_is_noticed(self, name, server):
        process.wait_until(server.listeners, 10 * PATIENCE, "a listener")
        self.client.call(f"{name}/add", {"name": "new"}).result
        self.client.wait_tools(f"{name}/new")
        self.client.call(f"{name}/remove", {"name": "new"}).result
        process.wait_until(
            lambda: f"{name}/new" not in self.client.tools(),
            10 * PATIENCE, "one tool less")

    @for_each("go")
    def test_requests_of_the_server_are_answered_at_once(self, name, server):
        process.wait_until(server.listeners, 10 * PATIENCE, "a listener")
        for where in ({}, {"main": True}):
            for method, member in (("ping", "result"),
                                   ("roots/list", "error")):
                said = json.loads(self.client.call(f"{name}/ask", {
                    "method": method, **where}).result["content"][0][
                        "text"])
                self.assertIn(member, said)
                self.assertEqual(said["id"], "ask")

    @for_each("go")
    def test_log_messages_arrive(self, name, server):
        self.client.request("logging/setLevel", {"level": "debug"}).result
        process.wait_until(server.listeners, 10 * PATIENCE, "a listener")
        self.client.call(f"{name}/log", {
            "level": "info", "text": f"log of {name}"}).result
        self.client.wait(lambda: any(
            message.json["method"] == "notifications/message" and
            message.json["params"]["data"] == f"log of {name}"
            for message in self.client.notifications), 5, "a log message")

    def test_pings_of_mcp_go_are_answered_one_by_one(self):
        server = self.servers["go"]
        process.wait_until(lambda: len(server.pongs) > 2, 10 * PATIENCE,
                           "three answers")
        self.assertEqual(server.pongs, sorted(set(server.pongs)))
        self.assertLessEqual(server.pings - len(server.pongs), 1 * PATIENCE)
        self.assertIn("go/根据关键词详细信息", self.client.tools())
        self.assertEqual(self.client.call(
            "go/根据关键词详细信息", {"text": "<&>中"}).result["content"][0][
                "text"], "<&>中")

    @for_each()
    def test_every_request_is_as_the_specification_has_it(self, name, server):
        for request in server.requests:
            self.assertEqual(request.version, "HTTP/1.1")
            self.assertEqual(request.header("host"),
                             f"127.0.0.1:{server.port}")
            self.assertIsNone(request.header("expect"))
            self.assertIsNone(request.header("origin"))
            self.assertIn(request.header("accept-encoding"),
                          (None, "identity"))
            if request.method == "GET":
                self.assertIsNone(request.header("content-length"))
            else:
                self.assertEqual(request.header("content-type"),
                                 "application/json")
                self.assertNotIn(b"\n", request.body)
        if name not in ("sse", "found404", "found405", "found400"):
            self.assertEqual(server.greeted, 1)


class Own(unittest.TestCase):
    """Each test has its own server and gateway."""

    def start(self, server, entry=None, **more):
        """A gateway in front of one server."""
        self.server = server
        self.addCleanup(lambda: self.server.stop())
        self.gateway = Gateway({"one": entry or remote(server)}, **more)
        self.addCleanup(self.gateway.discard)
        self.client = Client(self.gateway.address)
        self.addCleanup(self.client.close)
        self.client.wait_tools("one/echo")

    def echo(self, text="hello"):
        """A call of the server's tool."""
        return self.client.call("one/echo", {"text": text})

    def end(self):
        """What holds after each."""
        self.client.assert_one_outcome_each()
        self.assertEqual(self.server.failures, [])
        return self.gateway.stop()

    # Sessions.

    def test_a_forgotten_session_is_begun_again_once(self):
        for answers in ("sse", "json"):
            with self.subTest(answers):
                self.start(http_backend.Backend(answers=answers))
                worker = self.gateway.find("worker-http", "one")
                self.server.forget()
                self.assertEqual(self.echo("after").result["content"][0][
                    "text"], "after")
                self.assertEqual(self.server.greeted, 2)
                self.assertEqual(set(self.server.ran.values()), {1})
                self.server.forget()
                keys = [self.client.send("tools/call", {
                    "name": "one/echo", "arguments": {"text": f"{number}"}})
                    for number in range(50)]
                for key in keys:
                    self.client.outcome(key).result
                self.assertEqual(self.server.greeted, 3)
                self.assertEqual(sum(self.server.ran.values()), 51)
                self.assertEqual(set(self.server.ran.values()), {1})
                self.assertEqual(self.gateway.find("worker-http", "one"),
                                 worker)
                process.wait_until(self.server.listeners, 10 * PATIENCE,
                                   "a stream of the new session")
                self.end()

    def test_a_session_ends_with_the_gateway(self):
        self.start(http_backend.Backend())
        session, = self.server.sessions
        self.assertLess(self.end(), 4 * PATIENCE)
        self.assertEqual(self.server.goodbyes, [session])

    def test_a_server_that_does_not_let_go_holds_nobody_up(self):
        self.start(http_backend.Backend())
        self.server.on_request = lambda connection, request: (
            request.method == "DELETE" and self.server.stopping.wait(20))
        self.assertLess(self.end(), 4 * PATIENCE)

    def test_a_server_without_a_stream_of_its_own_is_not_asked_again(self):
        server = http_backend.Backend()
        server.on_request = lambda connection, request: (
            request.method == "GET" and
            (connection.reply(405, headers=[("Allow", "POST")]) or True))
        self.start(server)
        self.echo().result
        time.sleep(2)
        self.assertEqual(sum(request.method == "GET"
                             for request in server.requests), 1)
        self.end()

    def test_a_broken_stream_is_taken_up_where_it_ended(self):
        self.start(http_backend.Backend())
        server = self.server
        process.wait_until(server.listeners, 10 * PATIENCE, "a listener")
        stream = next(iter(server.sessions.values())).main
        server.broadcast("notifications/tools/list_changed")
        for number in (1, 2):
            with stream.changed:
                event_stream.let_go(stream.detach(), rudely=number == 2)
                server.tools.append(f"new{number}")
                server.broadcast("notifications/tools/list_changed")
            self.client.wait_tools(f"one/new{number}")
            gets = [request.header("last-event-id")
                    for request in server.requests if request.method == "GET"]
            self.assertEqual(gets[number], f"{stream.name}/{number}")
        self.assertEqual(server.greeted, 1)
        self.end()

    def test_an_answer_is_fetched_when_the_server_hung_up_before_it(self):
        self.start(http_backend.Backend())
        for number, arguments in enumerate((
                {"seconds": 0}, {"seconds": 0.5}, {"again": 3},
                {"again": 1, "seconds": 0.5}, {"rudely": True},
                {"rudely": True, "again": 2, "seconds": 0.2})):
            text = f"resume {number}"
            self.assertEqual(self.client.call("one/resume", {
                "text": text, **arguments}).result["content"][0]["text"],
                text)
            self.assertEqual(len(self.server.received(text)), 1)
        self.end()

    def test_many_answers_are_fetched_at_once(self):
        self.start(http_backend.Backend())
        keys = {self.client.send("tools/call", {
            "name": "one/resume", "arguments": {
                "text": f"{number}", "seconds": 0.5}}): f"{number}"
            for number in range(50)}
        for key, text in keys.items():
            self.assertEqual(self.client.outcome(key).result["content"][0][
                "text"], text)
            self.assertEqual(len(self.server.received(text)), 1)
        self.end()

    def test_an_answer_that_is_lost_for_good_is_an_error(self):
        for revision in ("2025-06-18", "2025-11-25"):
            with self.subTest(revision):
                self.start(http_backend.Backend(revision=revision))
                error = self.client.call("one/drop", {"text": "lost"}).error
                self.assertEqual(error["data"], {
                    **error["data"], "backend": "one", "outcome": "unknown"})
                self.assertEqual(len(self.server.received("lost")), 1)
                self.echo().result
                self.end()

    # Coming and going.

    def test_a_server_may_be_away_and_come_back(self):
        for kind, path in (("http", "/mcp"), ("sse", "/sse")):
            with self.subTest(kind):
                server = http_backend.Backend(kind=kind)
                self.start(server, remote(server, path))
                server.stop()
                # The first ones may be on their way already.
                process.wait_until(
                    lambda: self.echo().error["data"]["outcome"] ==
                    "not_sent", 5 * PATIENCE, "an error")
                begin = time.monotonic()
                self.assertEqual(self.echo().error["data"]["outcome"],
                                 "not_sent")
                self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
                self.server = http_backend.Backend(server.port, kind=kind)
                process.wait_until(lambda: "result" in self.echo().json,
                                   10 * PATIENCE, "an answer")
                self.client.wait_tools("one/echo")
                self.end()

    def test_a_server_may_come_later_than_the_gateway(self):
        port = httpd.free_port()
        entry = {"url": f"http://localhost:{port}/mcp"}
        with Gateway({"one": entry, "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("two/echo")
            gateway.wait_log(r"backend one\b.*refused")
            with http_backend.Backend(port):
                client.wait_tools("one/echo")
                client.call("one/echo").result

    # What is in the configuration.

    def test_headers_arrive_and_are_nobody_elses_business(self):
        secret, clients = "c4n4ry-s3cr3t", "cl13nt-s3cr3t"
        server = http_backend.Backend()
        self.start(server, remote(server, headers={
            "Authorization": "Bearer ${REMOTE_TOKEN}", "X-Api-Key": secret,
            "User-Agent": "mine"}), env={"REMOTE_TOKEN": secret},
            args=("--log-level", "debug"))
        answer = raw.ask(
            self.gateway.address, "POST", self.client.endpoint,
            [("Authorization", clients), ("Cookie", clients),
             ("X-Api-Key", clients), ("X-Forwarded-For", clients),
             ("Mcp-Session-Id", clients)],
            b'{"jsonrpc":"2.0","id":99,"method":"tools/call","params":'
            b'{"name":"one/echo","arguments":{}}}')
        self.assertEqual(answer.status, 202)
        self.client.outcome("99").result
        self.client.sent.append("99")
        process.wait_until(server.listeners, 10 * PATIENCE, "a listener")
        server.on_request = lambda connection, request: (
            request.message and request.message.get("method") == "tools/call"
            and (connection.reply(401, f"no {secret}", [
                ("WWW-Authenticate", f"Bearer {secret}")], "text/plain")
                or True))
        refused = self.echo()
        self.assertEqual(refused.error["data"]["outcome"], "refused")
        self.assertIn("401", refused.error["message"])
        self.assertNotIn(secret.encode(), refused.raw)
        for role, name in (("front", None), ("worker-http", "one")):
            with open(f"/proc/{self.gateway.find(role, name)}/cmdline",
                      "rb") as file:
                self.assertNotIn(secret.encode(), file.read())
        self.end()
        self.assertIn("DELETE", [request.method
                                 for request in server.requests])
        for request in server.requests:
            self.assertEqual(request.header("authorization"),
                             f"Bearer {secret}")
            self.assertEqual(request.header("x-api-key"), secret)
            self.assertEqual(request.header("user-agent"), "mine")
            self.assertNotIn(clients.encode(), request.head)
        for text in (self.gateway.log(), self.gateway.console()):
            self.assertNotIn(secret, text)
            self.assertNotIn(server.goodbyes[0], text)

    def test_no_proxy_is_used(self):
        with httpd.Server() as proxy:
            names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY",
                     "ALL_PROXY")
            self.start(http_backend.Backend(), env={
                name: proxy.url() for name in names})
            self.echo().result
            self.end()
            self.assertEqual(proxy.accepted, 0)


class Started(unittest.TestCase):
    """The gateway starts the server itself: "url" and "command"."""

    def entry(self, *args, kind="sse", **more):
        """A configuration entry for the program, on a port of its own."""
        self.port = httpd.free_port()
        return {"type": kind, "command": PYTHON, "args": [
            SCRIPT, "--port", str(self.port), *args],
            "url": f"http://127.0.0.1:{self.port}/"
                   f"{'mcp' if kind == 'http' else 'sse'}", **more}

    def start(self, entry):
        """A gateway that starts it."""
        self.gateway = Gateway({"enscan": entry, "good": backend()})
        self.addCleanup(self.gateway.discard)
        self.client = Client(self.gateway.address)
        self.addCleanup(self.client.close)

    def test_the_example_of_the_original_works(self):
        self.start(self.entry("--mcp-go", "--delay", "1.5", "--say", "hello"))
        self.client.wait_tools("enscan/根据关键词详细信息", "enscan/echo")
        self.assertEqual(self.client.call("enscan/获取企业转换MAP", {
            "text": "中"}).result["content"][0]["text"], "中")
        self.client.call("enscan/say", {"text": "later"}).result
        for line in ("hello on output", "hello on errors", "later on output",
                     "later on errors"):
            self.gateway.wait_log(line)
        self.assertEqual(self.gateway.log().count("hello on output"), 1)
        job = self.gateway.jobs("enscan")
        self.gateway.stop()
        self.assertFalse(any(map(process.exists, job)))

    def test_it_is_started_again_when_it_ends(self):
        for kind, args in (("sse", ()), ("http", ("--answers", "json")),
                           ("sse", ("--mcp-go",))):
            with self.subTest(f"{kind} {args}"):
                self.start(self.entry(*args, kind=kind))
                self.client.wait_tools("enscan/echo")
                old = self.gateway.jobs("enscan")
                error = self.client.call("enscan/exit", {"status": 7}).error
                self.assertEqual(error["data"]["outcome"], "unknown")
                self.gateway.wait_log(r"enscan\b.*\b7\b")
                self.gateway.wait_job("enscan", other_than=old)
                process.wait_until(
                    lambda: "result" in self.client.call("enscan/echo").json,
                    10 * PATIENCE, "an answer")
                self.client.assert_one_outcome_each()
                self.gateway.stop()

    def test_a_port_that_never_opens_is_given_up(self):
        self.start(self.entry("--delay", "60", startup_timeout=1))
        self.client.wait_tools("good/echo")
        self.gateway.wait_log(r"backend enscan\b.*within 1 s")
        begin = time.monotonic()
        self.assertIn("error", self.client.call("enscan/echo").json)
        self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
        self.assertLess(self.gateway.stop(), 10 * PATIENCE)

    def test_a_program_that_ends_at_once_is_no_secret(self):
        entry = self.entry()
        entry.update(command="sh", args=[
            "-c", "echo cannot find my socks >&2; exit 3"])
        self.start(entry)
        self.gateway.wait_log("cannot find my socks")
        self.gateway.wait_log(r"enscan.*\b3\b")
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
