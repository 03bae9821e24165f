"""Streamable HTTP request by request: every status with its body, headers and
methods, CORS, and whose a session is."""

import json
import unittest

import process
import raw
from frames import LIMITS, token
from gateway import PATIENCE
from streamable_case import (
    INITIALIZE, JSON, NOT_FOUND, PARAMS, PARSE, PING, REQUEST, TRANSPORT,
    Answers)
from streamable_client import BOTH, EVENTS, sessions

ALICE, BOB = "alice-6fe2c1b0aa", "bob-91d3f7c255"
APP = "https://app.example"


class Statuses(Answers):
    """Each row of the table, on requests that have nothing else wrong."""

    def setUp(self):
        self.front = self.serve("a")
        self.front.link(0)
        self.fresh = self.client(self.front, initialize=False)
        self.known = self.client(self.front)

    def post(self, client, body, *headers, accept=BOTH, kind=JSON):
        """POST something; its whole answer."""
        return self.ask(client, "POST", body, [
            *([("Accept", accept)] if accept is not None else []),
            *([("Content-Type", kind)] if kind is not None else []),
            *headers])

    def test_a_request_is_answered_in_json(self):
        answer = self.post(self.known, PING)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("content-type"), JSON)
        self.assertIsNone(answer.header("mcp-session-id"))
        self.assertEqual(json.loads(answer.body),
                         {"jsonrpc": "2.0", "id": 1, "result": {}})

    def test_what_is_no_request_is_accepted_without_a_body(self):
        for message in (
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
                {"jsonrpc": "2.0", "method": "notifications/unheard/of"},
                {"jsonrpc": "2.0", "method": "notifications/cancelled",
                 "params": {"requestId": 77}},
                {"jsonrpc": "2.0", "id": 5, "result": {}},
                {"jsonrpc": "2.0", "id": "x", "error": {
                    "code": 1, "message": "no"}}):
            answer = self.post(self.known, message)
            self.assertEqual((answer.status, answer.body), (202, b""))

    def test_errors_of_json_rpc_are_answers(self):
        for method, params, code in (
                ("unheard/of", {}, -32601),
                ("tools/call", {"name": "none"}, PARAMS),
                ("tools/call", {}, PARAMS),
                ("tools/list", {"cursor": "garbage"}, PARAMS),
                ("resources/read", {"uri": "test://none"}, -32002)):
            outcome = self.known.request(method, params)
            self.assertEqual(outcome["error"]["code"], code, outcome)

    def test_what_cannot_be_parsed(self):
        for body in (b"", b"{", b"nonsense", b'{"jsonrpc":"2.0",}', b"\xff",
                     b'[{"jsonrpc":"2.0"', b"{}{}", b'"\\ud800' + b'"'):
            answer = self.post(self.known, body)
            self.assertEqual(answer.status, 400, body)
            self.assertIn(json.loads(answer.body)["error"]["code"],
                          (PARSE, REQUEST))

    def test_what_is_no_message(self):
        for body, ident in (
                ({"jsonrpc": "1.0", "id": 3, "method": "ping"}, 3),
                ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
                ({"jsonrpc": "2.0", "id": 1.5}, None),
                ({"jsonrpc": "2.0", "id": 2}, 2),
                ("ping", None), (7, None), ({}, None)):
            answer = self.post(self.known, body)
            self.assertEqual(answer.status, 400, body)
            self.assertEqual(json.loads(answer.body)["error"]["code"],
                             REQUEST, body)

    def test_a_session_must_be_named(self):
        for method, headers, body in (
                ("POST", [("Accept", BOTH)], PING),
                ("POST", [("Accept", BOTH)], [PING]),
                ("GET", [("Accept", EVENTS)], None),
                ("DELETE", [], None)):
            self.assertIn("Mcp-Session-Id", self.refused(
                self.ask(self.fresh, method, body, headers), 400, TRANSPORT))

    def test_a_session_must_be_known(self):
        for name in ("0" * 32, "x", "", "../../etc", "f" * 4000,
                     self.known.session[:-1],
                     self.known.session[:-1] + "g"):
            named = [("Mcp-Session-Id", name)]
            for method, headers, body in (
                    ("POST", [("Accept", BOTH)], PING),
                    ("POST", [("Accept", BOTH)], INITIALIZE),
                    ("GET", [("Accept", EVENTS)], None),
                    ("DELETE", [], None)):
                self.refused(self.ask(self.fresh, method, body,
                                      headers + named), 404, NOT_FOUND)

    def test_a_version_must_be_known(self):
        for version in ("2026-07-28", "1999-01-01", "", "2025-11-25 ,x",
                        "x" * 3000):
            named = [("MCP-Protocol-Version", version)]
            bare = self.client(self.front, initialize=False)
            bare.session = self.known.session
            for method, headers, body in (
                    ("POST", [("Accept", BOTH)], PING),
                    ("GET", [("Accept", EVENTS)], None),
                    ("DELETE", [], None)):
                self.assertIn("2025-11-25", self.refused(
                    self.ask(bare, method, body, headers + named), 400,
                    TRANSPORT))
        for version in ("2025-03-26", "2025-06-18", "2025-11-25", None):
            bare.revision = None
            answer = self.post(bare, PING, *[
                ("MCP-Protocol-Version", version)] if version else [])
            self.assertEqual(answer.status, 200, version)
        self.assertEqual(self.known.status(), 200)

    def test_both_types_must_be_accepted(self):
        for accept in (JSON, EVENTS, "text/html", "application/*", "text/*",
                       "", "application/xml, image/png"):
            self.refused(self.post(self.known, PING, accept=accept), 406,
                         TRANSPORT)
        for accept in (BOTH, "*/*", "application/*, text/*", None,
                       "text/event-stream;q=0.9, application/json;q=0.1",
                       "APPLICATION/JSON,TEXT/EVENT-STREAM",
                       "text/html, */*;q=0.1"):
            self.assertEqual(
                self.post(self.known, PING, accept=accept).status, 200,
                accept)
        # In two headers, too.
        answer = self.post(self.known, PING, ("Accept", EVENTS), accept=JSON)
        self.assertEqual(answer.status, 200)

    def test_a_stream_must_be_accepted(self):
        for accept in (JSON, "text/html", "application/*", "image/*"):
            self.refused(self.ask(self.known, "GET",
                                  headers=[("Accept", accept)]), 406,
                         TRANSPORT)

    def test_the_content_is_json(self):
        for kind in ("text/plain", "application/xml", "application/jsonp",
                     "application/x-www-form-urlencoded", "", "json",
                     "multipart/form-data; boundary=application/json"):
            self.refused(self.post(self.known, PING, kind=kind), 415,
                         TRANSPORT)
        with raw.Connection(self.front.address) as connection:
            connection.send(
                b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
                b"Mcp-Session-Id: " + self.known.session.encode() +
                b"\r\nContent-Length: 2\r\n\r\n{}")
            self.refused(connection.response(), 415, TRANSPORT)
        for kind in ("application/json; charset=utf-8", "Application/JSON",
                     "application/json;charset=UTF-8", "application/json ;x"):
            self.assertEqual(
                self.post(self.known, PING, kind=kind).status, 200, kind)

    def test_a_body_may_be_too_large(self):
        self.refused(self.post(self.known, b" " * (LIMITS["body_size"] + 1)),
                     413, TRANSPORT)

    def test_one_get_stream_at_a_time(self):
        with self.known.get() as first:
            self.assertTrue(first.is_events())
            with self.known.get() as second:
                self.assertIn("Only one", self.refused(
                    second.whole(), 409, TRANSPORT))
            self.assertEqual(self.known.status(), 200)
        process.wait_until(lambda: self.again(200), 5 * PATIENCE,
                           "the next GET stream")

    def again(self, status):
        """Does a GET have this status?"""
        with self.known.get() as exchange:
            return exchange.head().status == status

    def test_other_methods_are_not_allowed(self):
        for method in ("PUT", "PATCH", "TRACE", "BREW", "HEAD", "OPTIONS"):
            for path in ("/mcp", "/servers/a/mcp"):
                answer = raw.ask(self.front.address, method, path)
                self.assertEqual(answer.status, 405, method)
                self.assertEqual(answer.header("allow"), "GET, POST, DELETE")
        self.refused(raw.ask(self.front.address, "PUT", "/mcp"), 405,
                     TRANSPORT)

    def test_paths(self):
        for path in ("/mcp/x", "/MCP", "/mcp%2f", "/mcp;x", "/servers/a",
                     "/servers//mcp", "/servers/a/mcp/x", "/servers/a/b/mcp",
                     "/servers/" + "a" * 65 + "/mcp", "//mcp", "/servers/mcp"):
            answer = raw.ask(self.front.address, "POST", path, [
                ("Accept", BOTH)], json.dumps(INITIALIZE).encode())
            self.assertIn(answer.status, (400, 404), path)
        for query in ("", "?x=y", "?names=safe&z"):
            answer = raw.ask(self.front.address, "POST", "/mcp/" + query,
                             [("Accept", BOTH)], b"{}")
            self.assertEqual(answer.status, 307)
            self.assertEqual(answer.header("location"), "/mcp" + query)
        for path in ("/mcp?", "/mcp?x=y", "/servers/a/mcp",
                     "/servers/a/mcp?names=slash"):
            self.assertEqual(self.client(self.front, path).status(), 200)

    def test_a_server_must_be_there(self):
        for method, headers, body in (
                ("POST", [("Accept", BOTH)], INITIALIZE),
                ("GET", [("Accept", EVENTS)], None), ("DELETE", [], None)):
            other = self.client(self.front, "/servers/none/mcp",
                                initialize=False)
            self.refused(self.ask(other, method, body, headers), 404,
                         TRANSPORT)

    def test_names_are_spelled_as_asked_for(self):
        for query, name in (("", "a__echo"), ("?names=safe", "a__echo"),
                            ("?names=slash", "a/echo"),
                            ("?x=1&names=slash", "a/echo")):
            self.client(self.front, "/mcp" + query).wait_tool(name)
        self.client(self.front, "/servers/a/mcp").wait_tool("echo")
        for query in ("?names=", "?names=bad", "?names=slash2",
                      "?names=Slash"):
            other = self.client(self.front, "/mcp" + query, initialize=False)
            self.refused(self.ask(other, "POST", INITIALIZE,
                                  [("Accept", BOTH)]), 400, TRANSPORT)

    def test_mcp_headers_stand_once(self):
        for header in ("Mcp-Session-Id", "MCP-Protocol-Version",
                       "Last-Event-ID"):
            answer = self.post(self.fresh, PING, (header, "x"), (header, "x"))
            self.refused(answer, 400, TRANSPORT)


class Pages(Answers):
    """Requests of web pages."""

    def setUp(self):
        self.front = self.serve("a", origins=[APP])

    def test_others_are_not_let_in(self):
        for headers, host in (([("Origin", "https://evil.example")], None),
                              ([("Origin", "null")], None),
                              ([], "evil.example"),
                              ([], "127.0.0.1.evil.example")):
            for method in ("POST", "GET", "DELETE", "OPTIONS"):
                for path in ("/mcp", "/servers/a/mcp"):
                    answer = raw.ask(
                        self.front.address, method, path,
                        [("Accept", BOTH), *headers],
                        json.dumps(INITIALIZE).encode()
                        if method == "POST" else None, host)
                    self.assertIn("Invalid", self.refused(
                        answer, 403, TRANSPORT))
                    self.assertIsNone(
                        answer.header("access-control-allow-origin"))
        self.assertEqual(sessions(self.front), 0)

    def test_a_listed_origin_has_it_all(self):
        page = self.client(self.front, headers=[("Origin", APP)],
                           initialize=False)
        for path in ("/mcp", "/servers/a/mcp", "/mcp/"):
            page.path = path
            answer = raw.ask(self.front.address, "OPTIONS", path, [
                ("Origin", APP), ("Access-Control-Request-Method", "DELETE"),
                ("Access-Control-Request-Headers", "mcp-session-id")])
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertEqual(answer.header("access-control-allow-origin"), APP)
            self.assertEqual(answer.header("access-control-allow-methods"),
                             "GET, POST, DELETE")
            allowed = answer.header("access-control-allow-headers").split(", ")
            for header in ("accept", "authorization", "content-type",
                           "last-event-id", "mcp-protocol-version",
                           "mcp-session-id", "mcp-method", "mcp-name"):
                self.assertIn(header, allowed)
        page.path = "/mcp"
        with page.post(INITIALIZE) as exchange:
            self.check_exposed(exchange.whole())
            page.session = exchange.answer.header("mcp-session-id")
        with page.get() as stream:
            self.check_exposed(stream.head())
            with page.begin("unheard/of") as exchange:
                self.check_exposed(exchange.whole())
            self.check_exposed(page.delete())
        with page.begin("ping") as exchange:
            self.refused(exchange.whole(), 404, NOT_FOUND)
            self.check_exposed(exchange.answer)

    def check_exposed(self, answer):
        """The page may read it, and the session's id in it."""
        self.assertEqual(answer.header("access-control-allow-origin"), APP)
        self.assertEqual(answer.header("vary"), "Origin")
        self.assertIn("Mcp-Session-Id", answer.header(
            "access-control-expose-headers").split(", "))


class Owners(Answers):
    """A session is there for who opened it, where it was opened."""

    def test_another_token_does_not_see_it(self):
        front = self.serve("a", open=False,
                           tokens=[token("alice", ALICE), token("bob", BOB)])
        alice = self.client(front, token=ALICE)
        self.assertEqual(alice.status(), 200)
        bob = self.client(front, token=BOB, initialize=False)
        bob.session = alice.session
        for exchange in (bob.begin("ping"), bob.get(), bob.get("0-0"),
                         bob.send("DELETE")):
            with exchange:
                self.refused(exchange.whole(), 404, NOT_FOUND)
        nobody = self.client(front, initialize=False)
        nobody.session = alice.session
        for exchange in (nobody.begin("ping"), nobody.get(),
                         nobody.send("DELETE")):
            with exchange:
                answer = exchange.whole()
                self.assertEqual(answer.status, 401)
                self.assertTrue(answer.header("www-authenticate"))
        self.assertEqual(alice.status(), 200)

    def test_another_endpoint_does_not_have_it(self):
        front = self.serve("a", "b")
        paths = ("/mcp", "/servers/a/mcp", "/servers/b/mcp")
        for path in paths:
            client = self.client(front, path)
            for other in paths:
                client.path = other
                for exchange in (client.begin("ping"), client.get()):
                    with exchange:
                        self.assertEqual(exchange.head().status,
                                         200 if other == path else 404)
            client.path = path
            self.assertEqual(client.delete().status, 200)

    def test_the_transports_do_not_share_sessions(self):
        front = self.serve("a")
        client = self.client(front)
        answer = raw.ask(front.address, "POST",
                         f"/messages/?session_id={client.session}",
                         body=json.dumps(PING).encode())
        self.assertEqual(answer.status, 404)
        with raw.Connection(front.address) as stream:
            stream.send(raw.request("GET", "/sse", front.address))
            stream.head()
            client.session = stream.chunk().split(b"=")[1].strip().decode()
            for exchange in (client.begin("ping"), client.get(),
                             client.send("DELETE")):
                with exchange:
                    self.refused(exchange.whole(), 404, NOT_FOUND)
            answer = raw.ask(front.address, "POST",
                             f"/messages/?session_id={client.session}",
                             body=json.dumps(INITIALIZE).encode())
            self.assertEqual(answer.status, 202)

    def test_one_connection_carries_several_sessions(self):
        front = self.serve("a", open=False,
                           tokens=[token("alice", ALICE), token("bob", BOB)])
        alice = self.client(front, token=ALICE)
        other = self.client(front, token=ALICE, revision="2025-06-18")
        bob = self.client(front, token=BOB)
        self.assertEqual(len({alice.session, other.session, bob.session}), 3)
        with raw.Connection(front.address) as connection:
            for number in range(9):
                client = (alice, other, bob)[number % 3]
                exchange = client.begin("ping", ident=f"p{number}",
                                        connection=connection)
                self.assertEqual(exchange.outcome(), {
                    "jsonrpc": "2.0", "id": f"p{number}", "result": {}})
            bob.session = alice.session
            exchange = bob.begin("ping", connection=connection)
            self.refused(exchange.whole(), 404, NOT_FOUND)
            exchange = alice.begin("ping", connection=connection)
            self.assertEqual(exchange.outcome()["result"], {})


if __name__ == "__main__":
    unittest.main()
