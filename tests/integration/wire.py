"""HTTP and SSE as the original product speaks them, byte for byte, and what a
client may rely on around them."""

import json
import re
import unittest

import raw
from client import Client
from gateway import Gateway, backend

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


class OneGateway(unittest.TestCase):
    """One gateway for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway({"one": backend()})
        cls.address = cls.gateway.address
        with Client(cls.address) as client:
            client.wait_tools("one/echo")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()


class Wire(OneGateway):
    """Requests and what they are answered with."""

    def ask(self, method, target, headers=(), body=None):
        """One request."""
        return raw.ask(self.address, method, target, headers, body)

    def stream(self):
        """An open stream; the caller closes it."""
        connection = raw.Connection(self.address)
        self.addCleanup(connection.close)
        connection.send(raw.request("GET", "/sse", self.address))
        answer = connection.head()
        self.assertEqual(answer.status, 200)
        return connection, answer

    def session(self):
        """The path to post to, of a stream that stays open."""
        connection, _ = self.stream()
        text = connection.until(b"\r\n\r\n")
        while b"endpoint" not in text:
            text = connection.until(b"\r\n\r\n")
        return re.search(rb"/messages/\?session_id=[0-9a-f]{32}",
                         text).group(0).decode()

    def test_the_stream_has_the_headers_of_the_original(self):
        _, answer = self.stream()
        self.assertEqual(answer.header("content-type"),
                         "text/event-stream; charset=utf-8")
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertEqual(answer.header("x-accel-buffering"), "no")
        self.assertEqual(answer.header("transfer-encoding"), "chunked")

    def test_the_first_event_is_the_endpoint_byte_for_byte(self):
        connection, _ = self.stream()
        text = b""
        while text.count(b"\r\n\r\n") < 1:
            text += connection.chunk()
        self.assertRegex(text, rb"\Aevent: endpoint\r\n"
                         rb"data: /messages/\?session_id=[0-9a-f]{32}\r\n\r\n")

    def test_a_ping_comment_comes_at_once(self):
        connection, _ = self.stream()
        text = b""
        while b": ping - " not in text or not text.endswith(b"\r\n\r\n"):
            text += connection.chunk()
        self.assertRegex(text, rb"(\A|\r\n)"
                         rb": ping - 20\d\d-[01]\d-[0-3]\d [^\r\n]+\r\n\r\n")

    def test_session_ids_do_not_repeat(self):
        paths = {self.session() for _ in range(20)}
        self.assertEqual(len(paths), 20)

    def test_a_post_is_accepted_and_answered_on_the_stream(self):
        with Client(self.address, initialize=False) as client:
            answer = client.post(
                b'{"jsonrpc":"2.0","id":"x","method":"ping"}')
            self.assertEqual((answer.status, answer.reason, answer.body),
                             (202, "Accepted", b"Accepted"))
            self.assertEqual(client.outcome('"x"').result, {})

    def test_the_endpoint_takes_a_dashed_uuid_too(self):
        with Client(self.address, initialize=False) as client:
            ident = client.endpoint.rpartition("=")[2]
            dashed = "-".join((ident[:8], ident[8:12], ident[12:16],
                               ident[16:20], ident[20:]))
            answer = self.ask("POST", f"/messages/?session_id={dashed}",
                              body=PING)
            self.assertEqual(answer.status, 202)
            client.outcome("1")

    def assert_text(self, answer, status, text):
        """An error as the original writes it."""
        self.assertEqual((answer.status, answer.body.decode()), (status, text))
        self.assertTrue(answer.header("content-type").startswith(
            "text/plain"), answer)

    def test_a_post_without_a_session_is_refused(self):
        self.assert_text(self.ask("POST", "/messages/", body=PING),
                         400, "session_id is required")

    def test_a_malformed_session_is_refused(self):
        for ident in ("", "nonsense", "0" * 31, "0" * 33, "g" * 32,
                      "0" * 32 + "%00", "-" * 32):
            with self.subTest(ident):
                answer = self.ask("POST", f"/messages/?session_id={ident}",
                                  body=PING)
                self.assertEqual(answer.status, 400)
                self.assertIn(answer.body.decode(), (
                    "Invalid session ID", "session_id is required"))

    def test_an_unknown_session_is_not_found(self):
        self.assert_text(
            self.ask("POST", "/messages/?session_id=" + "0" * 32, body=PING),
            404, "Could not find session")

    def test_a_session_ends_with_its_stream(self):
        with Client(self.address, initialize=False) as client:
            path = client.endpoint
        for _ in range(100):
            answer = self.ask("POST", path, body=PING)
            if answer.status == 404:
                break
        self.assert_text(answer, 404, "Could not find session")

    def test_what_is_not_a_message_is_refused_and_the_stream_stays(self):
        bad = [b"", b" ", b"{", b"[]", b"1", b'"x"', b"null", b"{}{}",
               b"[" + PING + b"]", PING + b"x", b"\xef\xbb\xbf" + PING,
               b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}',
               b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
               b"{'jsonrpc':'2.0','id':1,'method':'ping'}",
               b'{"jsonrpc":"2.0","id":1,"method":"ping",}',
               b'{"jsonrpc":"2.0","id":1,"method":"ping"/**/}',
               b'{"jsonrpc":"2.0","id":1,"method":"a","method":"ping"}',
               b"[" * 100000]
        with Client(self.address, initialize=False) as client:
            for body in bad:
                with self.subTest(body[:60]):
                    self.assert_text(client.post(body), 400,
                                     "Could not parse message")
            self.assertEqual(client.request("ping").result, {})

    def test_every_truncation_of_a_message_is_refused(self):
        with Client(self.address, initialize=False) as client:
            for length in range(len(PING)):
                self.assertEqual(client.post(PING[:length]).status, 400)
            self.assertEqual(client.request("ping").result, {})

    def test_near_misses_of_the_paths_are_redirected(self):
        answer = self.ask("GET", "/sse/")
        self.assertEqual(answer.status, 307)
        self.assertRegex(answer.header("location"), r"\A(http://[^/]+)?/sse\Z")
        path = self.session().replace("/messages/", "/messages")
        answer = self.ask("POST", path, body=PING)
        self.assertEqual(answer.status, 307)
        self.assertRegex(
            answer.header("location"),
            r"\A(http://[^/]+)?/messages/\?session_id=[0-9a-f]{32}\Z")

    def test_other_methods_on_the_stream_are_not_allowed(self):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            with self.subTest(method):
                body = None if method == "DELETE" else b"{}"
                answer = self.ask(method, "/sse", body=body)
                self.assertEqual(answer.status, 405)
                self.assertIn("GET", answer.header("allow"))

    def test_head_has_no_body(self):
        with raw.Connection(self.address) as connection:
            connection.send(raw.request("HEAD", "/nowhere", self.address) +
                            raw.request("GET", "/nowhere", self.address))
            first = connection.response(to_head=True)
            self.assertIn(first.status, (404, 405))
            try:
                second = connection.response()
            except raw.Closed:
                return
            self.assertEqual(second.status, 404)

    def test_other_paths_are_not_found(self):
        for path in ("/", "/mcp/x", "/SSE", "/sse/x", "/messages/x", "/sse%00",
                     "/sse;x", "/%2e%2e/sse", "/favicon.ico"):
            with self.subTest(path):
                self.assert_text(self.ask("GET", path), 404, "Not Found")


class Session(OneGateway):
    """Opening a session, and what may go wrong in it."""

    def test_every_legacy_revision_is_spoken(self):
        for revision in ("2024-11-05", "2025-03-26", "2025-06-18",
                         "2025-11-25"):
            with self.subTest(revision), \
                    Client(self.address, revision=revision) as client:
                self.assertEqual(client.greeting["protocolVersion"], revision)

    def test_another_revision_is_answered_with_the_latest(self):
        for revision in ("2099-01-01", "2026-07-28", "nonsense", ""):
            with self.subTest(revision), \
                    Client(self.address, revision=revision) as client:
                self.assertEqual(client.greeting["protocolVersion"],
                                 "2025-11-25")

    def test_the_greeting_says_who_and_what(self):
        with Client(self.address) as client:
            self.assertTrue(client.greeting["serverInfo"]["name"])
            self.assertRegex(client.greeting["serverInfo"]["version"],
                             r"\A\d+\.\d+\.\d+")
            self.assertTrue(client.greeting["capabilities"]["tools"][
                "listChanged"])

    def test_an_unknown_method_is_an_error_and_the_stream_stays(self):
        with Client(self.address) as client:
            for method in ("no/such", "", "rpc.x", "tools/list ", "\u001b[2J",
                           "m" * 100000):
                with self.subTest(method[:20]):
                    self.assertEqual(client.request(method).error["code"],
                                     -32601)
            self.assertEqual(client.request("ping").result, {})

    def test_bad_params_are_an_error_and_the_stream_stays(self):
        bad = [("tools/call", None), ("tools/call", {}),
               ("tools/call", {"name": 1}),
               ("tools/call", {"name": "one/echo", "arguments": "x"}),
               ("tools/call", {"name": "one/echo", "arguments": [1]}),
               ("tools/call", {"name": "one/echo", "_meta": 1}),
               ("resources/read", {}), ("resources/read", {"uri": 1}),
               ("prompts/get", {}), ("prompts/get", {"name": None}),
               ("completion/complete", {}),
               ("logging/setLevel", {"level": "loud"}),
               ("logging/setLevel", {}),
               ("tools/list", {"cursor": 1})]
        with Client(self.address) as client:
            for method, params in bad:
                with self.subTest(f"{method} {params}"):
                    self.assertEqual(
                        client.request(method, params).error["code"], -32602)
            self.assertEqual(client.request("ping").result, {})

    def test_params_that_are_no_object_are_an_error(self):
        with Client(self.address) as client:
            for number, params in enumerate((b"[]", b"1", b'"x"', b"null")):
                ident = 9000 + number
                answer = client.post(
                    b'{"jsonrpc":"2.0","id":%d,"method":"tools/list",'
                    b'"params":%s}' % (ident, params))
                if answer.status == 202:
                    code = client.outcome(str(ident)).error["code"]
                    self.assertIn(code, (-32600, -32602))
                else:
                    self.assertEqual(answer.status, 400)
            self.assertEqual(client.request("ping").result, {})

    def test_a_request_before_initialize_is_an_error_and_the_stream_stays(
            self):
        with Client(self.address, initialize=False) as client:
            for method in ("tools/list", "tools/call", "no/such"):
                self.assertIn("error", client.request(method, {
                    "name": "one/echo"}).json)
            self.assertEqual(client.request("ping").result, {})
            self.assertIn("protocolVersion", client.request("initialize", {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"}}).result)

    def test_a_second_initialize_is_an_error(self):
        with Client(self.address) as client:
            self.assertIn("error", client.request("initialize", {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"}}).json)
            self.assertEqual(client.request("ping").result, {})

    def test_lists_are_served_before_initialized_is_notified(self):
        with Client(self.address, initialize=False) as client:
            client.request("initialize", {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"}}).result
            self.assertIn("one/echo", client.tools())

    def test_ids_come_back_as_they_were(self):
        with Client(self.address) as client:
            for ident in ("0", "-1", "9007199254740993", '"1"', '""',
                          '"\\u00e9"', '"é"', '"a\\"b"'):
                with self.subTest(ident):
                    before = sum(map(len, client.outcomes.values()))
                    answer = client.post(
                        f'{{"jsonrpc":"2.0","id":{ident},"method":"tools/call"'
                        f',"params":{{"name":"one/echo"}}}}'.encode())
                    self.assertEqual(answer.status, 202)
                    client.wait(lambda: sum(map(
                        len, client.outcomes.values())) > before, 10, ident)
                    message = list(client.outcomes.values())[-1][-1]
                    self.assertRegex(message.raw, re.compile(
                        rb'"id"\s*:\s*' + re.escape(ident.encode()) +
                        rb"\s*[,}]"))

    def test_an_id_that_cannot_be_one_is_refused(self):
        with Client(self.address) as client:
            for ident in ("null", "{}", "[]", "true",
                          '"' + "x" * 1000 + '"', "1" * 1000):
                with self.subTest(ident[:20]):
                    answer = client.post(
                        f'{{"jsonrpc":"2.0","id":{ident},"method":"ping"}}'
                        .encode())
                    self.assertIn(answer.status, (202, 400))
            self.assertEqual(client.request("ping").result, {})
            for key in client.outcomes:
                if key not in client.sent:
                    for message in client.outcomes[key]:
                        self.assertIn("error", message.json)

    def test_notifications_get_no_answer(self):
        with Client(self.address) as client:
            client.notify("notifications/initialized")
            client.notify("notifications/roots/list_changed")
            client.notify("no/such/notification", {"x": 1})
            client.notify("notifications/cancelled", {"requestId": 4711})
            client.notify("notifications/cancelled", {})
            client.request("ping")
            client.assert_one_outcome_each()

    def test_answers_to_what_was_not_asked_do_no_harm(self):
        with Client(self.address) as client:
            for body in (b'{"jsonrpc":"2.0","id":1,"result":{}}',
                         b'{"jsonrpc":"2.0","id":"ask","error":'
                         b'{"code":1,"message":"x"}}'):
                self.assertIn(client.post(body).status, (202, 400))
            self.assertEqual(client.request("ping").result, {})

    def test_equal_ids_of_many_sessions_do_not_mix(self):
        clients = [Client(self.address) for _ in range(40)]
        try:
            for turn in range(5):
                for number, client in enumerate(clients):
                    client.send("tools/call", {
                        "name": "one/echo",
                        "arguments": {"text": f"{number} {turn}"}},
                        ident=100 + turn)
            for number, client in enumerate(clients):
                for turn in range(5):
                    result = client.outcome(json.dumps(100 + turn)).result
                    self.assertEqual(result["content"][0]["text"],
                                     f"{number} {turn}")
                client.assert_one_outcome_each()
        finally:
            for client in clients:
                client.close()


if __name__ == "__main__":
    unittest.main()
