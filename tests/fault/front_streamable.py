"""Streamable HTTP as an attacker sees it: paths of servers, ids that are not
one's own, headers that are not what they seem, pages that may not ask.  The
test plays the supervisor and the workers."""

import json
import os
import random
import re
import socket
import tempfile
import unittest

import raw
from caller import Caller, listen, logs
from client import LATEST
from frames import Front, backend, token
from streamable_client import BOTH, EVENTS, Streamable, sessions

ALICE, BOB = "alice-2b7e151628aed2a6", "bob-abf7158809cf4f3c"
INITIALIZE = json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": LATEST, "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}}}).encode()
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
JSON = "application/json"


class Attacked(unittest.TestCase):
    """A front that nobody hurts."""

    def serve(self, *names, **more):
        """Start a front with these backends; it must live to the end."""
        front = Front(tuple(backend(number, name)
                            for number, name in enumerate(names)), **more)
        front.__enter__()
        self.addCleanup(front.__exit__)
        return front

    def guarded(self, *names, **more):
        """One that knows Alice and Bob, who does not see "secret"."""
        return self.serve(*names, open=False, tokens=[
            token("alice", ALICE), token("bob", BOB, backends=["a", "b"])],
            **more)

    def same(self, *answers):
        """They cannot be told apart, but for the time."""
        for answer in answers[1:]:
            self.assertEqual(
                (answer.status, answer.body),
                (answers[0].status, answers[0].body))
            self.assertEqual(*([pair for pair in one.headers
                                if pair[0] != "date"]
                               for one in (answers[0], answer)))


class Servers(Attacked):
    """/servers/NAME/mcp and /servers/NAME/sse."""

    def test_a_name_has_the_spelling_of_a_url(self):
        names = ("two words", "\u6d4b\u8bd5", "a/b", "100%", "..", "q?\"\\",
                 64 * "x")
        front = self.serve(*names)
        for number, name in enumerate(names):
            front.link(number, tools=[f"tool-{number}"])
        for number, name in enumerate(names):
            data = name.encode()
            for text in ("".join(f"%{byte:02x}" for byte in data),
                         "".join(f"%{byte:02X}" for byte in data)):
                path = f"/servers/{text}/mcp"
                Streamable(front.address, path).wait_tool(f"tool-{number}")
                with raw.Connection(front.address) as stream:
                    stream.send(raw.request("GET", f"/servers/{text}/sse",
                                            front.address))
                    self.assertEqual(stream.head().status, 200)

    def test_a_session_is_of_its_server_in_any_spelling(self):
        front = self.serve("a", "b")
        client = Streamable(front.address, "/servers/a/mcp")
        client.path = "/servers/%61/mcp"
        self.assertEqual(client.status(), 200)
        for path in ("/servers/b/mcp", "/servers/%62/mcp", "/mcp"):
            client.path = path
            self.assertEqual(client.status(), 404)

    def test_what_is_no_name_is_not_found(self):
        front = self.serve("a", "..", "mcp", "A")
        for name in ("", "/", ".", "%2e", "./a", "a/.", "../servers/a", "a%00",
                     "%00a", "a%", "a%6", "%zz", "a%20", "%20a", "%2561",
                     "a%2fmcp", "a;x", "a%3fnames=safe", "a#", "aa", "\"a\"",
                     "a\\", "%c0%ae%c0%ae", 65 * "a", 8000 * "a",
                     64 * "%61" + "a", "%0d%0aX:%20y", "{a}", "*", "a*"):
            for path in (f"/servers/{name}/mcp", f"/servers/{name}/sse"):
                for method in ("POST", "GET", "DELETE"):
                    answer = raw.ask(
                        front.address, method, path, [("Accept", BOTH)],
                        INITIALIZE if method == "POST" else None)
                    allowed = [400, 404, 414]
                    if path.endswith("sse") and method != "GET":
                        allowed.append(405)  # of any name
                    self.assertIn(answer.status, allowed, (method, path))
        self.assertEqual(sessions(front), 0)
        for name in ("a", "..", "mcp", "A"):
            Streamable(front.address, f"/servers/{name}/mcp")

    def test_servers_that_are_not_seen_do_not_exist(self):
        """Nor does anybody without a token learn of any."""
        front = self.guarded("a", "secret")
        bob = Caller(front.address, BOB)
        nobody = Caller(front.address)
        for end, method in (("mcp", "POST"), ("mcp", "GET"), ("sse", "GET"),
                            ("sse", "POST"), ("mcp", "DELETE")):
            body = INITIALIZE if method == "POST" else None
            headers = [("Accept", BOTH)]
            self.same(*(bob.ask(method, f"/servers/{name}/{end}", body,
                                headers) for name in ("secret", "nosuch")))
            self.assertEqual(
                bob.ask(method, f"/servers/secret/{end}", body,
                        headers).status,
                405 if (end, method) == ("sse", "POST") else 404)
            for caller in (nobody, Caller(front.address, "wrong",
                                          f"127.0.1.{len(end + method)}")):
                self.same(*(caller.ask(method, f"/servers/{name}/{end}", body,
                                       headers)
                            for name in ("a", "secret", "nosuch")))
        self.same(*(nobody.ask("OPTIONS", f"/servers/{name}/mcp")
                    for name in ("a", "secret", "nosuch")))
        self.assertEqual(Streamable(front.address, "/servers/secret/mcp",
                                    ALICE).status(), 200)

    def test_the_first_names_counts(self):
        """A second one changes nothing, whatever it is."""
        front = self.serve("a")
        front.link(0)
        for query, name in (("?names=slash&names=safe", "a/echo"),
                            ("?names=safe&names=%00", "a__echo"),
                            ("?nname=slash&names=safe", "a__echo"),
                            ("?NAMES=slash", "a__echo")):
            Streamable(front.address, "/mcp" + query).wait_tool(name)
        for query in ("?names=", "?names=SAFE", "?names=safe%00",
                      "?names=%73afe", "?names=safe?x", "?&&names=slas",
                      "?names=x&names=safe", "?names=" + 8000 * "x"):
            for path in ("/mcp", "/sse", "/servers/a/mcp"):
                method = "GET" if path == "/sse" else "POST"
                answer = raw.ask(front.address, method, path + query,
                                 [("Accept", BOTH)],
                                 INITIALIZE if method == "POST" else None)
                self.assertEqual(answer.status, 400, path + query)


class Ids(Attacked):
    """Of sessions: ours, secret, and of use to one alone."""

    def test_nobody_chooses_the_id_of_a_session(self):
        """Session fixation: what is brought is not taken."""
        front = self.serve("a")
        chosen = 32 * "a"
        for path, headers in (("/mcp", [("Mcp-Session-Id", chosen)]),
                              (f"/mcp?session_id={chosen}", []),
                              (f"/mcp?sessionId={chosen}", []),
                              (f"/mcp?Mcp-Session-Id={chosen}", []),
                              ("/mcp", [("Cookie",
                                         f"Mcp-Session-Id={chosen}")])):
            answer = raw.ask(front.address, "POST", path,
                             [("Accept", BOTH), *headers], INITIALIZE)
            self.assertIn(answer.status, (200, 404))
            self.assertNotEqual(answer.header("mcp-session-id"), chosen)
        mine = Streamable(front.address, initialize=False)
        mine.session = chosen
        self.assertEqual(mine.status(), 404)

    def test_ids_are_neither_alike_nor_logged(self):
        front = self.serve("a")
        seen = [Streamable(front.address).session for _ in range(64)]
        for one in seen:
            self.assertRegex(one, r"\A[0-9a-f]{32}\Z")
        self.assertEqual(len({one[at:at + 8] for one in seen
                              for at in (0, 8, 16, 24)}), 4 * len(seen))
        texts = "\n".join(logs(front))
        for one in seen:
            self.assertNotIn(one[:8], texts)

    def test_a_url_or_a_cookie_is_no_credential(self):
        front = self.serve("a")
        client = Streamable(front.address)
        for path, headers in (
                (f"/mcp?session_id={client.session}", []),
                (f"/mcp?Mcp-Session-Id={client.session}", []),
                ("/mcp", [("Cookie", f"Mcp-Session-Id={client.session}")])):
            answer = raw.ask(front.address, "POST", path,
                             [("Accept", BOTH), *headers], PING)
            self.assertEqual(answer.status, 400)

    def test_odd_ids_are_unknown_ones(self):
        front = self.serve("a")
        client = Streamable(front.address)
        ident = client.session.encode()
        for odd in (b"\x80" + ident[1:], ident + b"\xff", ident[:-1] + b"\xa0",
                    b'"' + ident + b'"', ident + b", " + ident, ident + b";",
                    ident + b"," + 32 * b"0", b"%" + ident, ident + b"\t0",
                    ident[:16] + b" " + ident[16:], 8192 * b"0",
                    256 * ident, ident[:-1] + b"%30", b"-" * 36,
                    "\uff10".encode() + ident[1:]):
            for method, body in (("POST", PING), ("GET", None),
                                 ("DELETE", None)):
                length = [b"Content-Type: application/json",
                          b"Content-Length: %d" % len(body)] if body else []
                with raw.Connection(front.address) as connection:
                    connection.send(b"\r\n".join([
                        method.encode() + b" /mcp HTTP/1.1",
                        b"Host: localhost", b"Accept: */*",
                        b"Mcp-Session-Id: " + odd, *length, b"",
                        body or b""]))
                    answer = connection.response()
                status, code = (404, -32001) if odd.isascii() else \
                    (400, -32000)
                self.assertEqual(answer.status, status, odd[:80])
                self.assertEqual(json.loads(answer.body)["error"]["code"],
                                 code)
        self.assertEqual(client.status(), 200)

    def test_headers_that_name_two_are_refused(self):
        """Who is in front of us may have looked at the other one."""
        front = self.serve("a")
        client = Streamable(front.address)
        other = Streamable(front.address)
        for name, values in (
                ("Mcp-Session-Id", (client.session, other.session)),
                ("Mcp-Session-Id", (client.session, client.session)),
                ("Last-Event-ID", ("0-0", "0-1")),
                ("MCP-Protocol-Version", (LATEST, "2025-06-18")),
                ("Content-Type", (JSON, "text/plain")),
                ("Content-Type", ("text/plain", JSON)),
                ("Authorization", ("Bearer x", "Bearer y")),
                ("Origin", ("http://localhost", "https://evil.example"))):
            bare = [("Mcp-Session-Id", client.session)] \
                if name != "Mcp-Session-Id" else []
            for method, body in (("POST", PING), ("GET", None)):
                lines = [f"{method} /mcp HTTP/1.1", "Host: localhost",
                         "Accept: */*"]
                lines += [f"{key}: {value}" for key, value in bare]
                lines += [f"{name}: {value}" for value in values]
                if body:
                    lines.append(f"Content-Length: {len(body)}")
                    if name != "Content-Type":
                        lines.append("Content-Type: application/json")
                with raw.Connection(front.address) as connection:
                    connection.send("\r\n".join([*lines, "", ""]).encode() +
                                    (body or b""))
                    self.assertEqual(connection.head().status, 400,
                                     (name, method))
        self.assertEqual(client.status(), 200)
        self.assertEqual(other.status(), 200)


class Others(Attacked):
    """What is somebody else's: streams, calls, questions."""

    def setUp(self):
        self.front = self.guarded("a", "b")
        self.worker = self.front.link(0)
        self.alice = Streamable(self.front.address, token=ALICE,
                                capabilities={"roots": {}})
        self.bob = Streamable(self.front.address, token=BOB,
                              capabilities={"roots": {}})
        for client in (self.alice, self.bob):
            client.wait_tool("a__echo")

    def call(self):
        """Alice calls; her exchange and the number of the request."""
        exchange = self.alice.call("a__echo", token="t")
        self.addCleanup(exchange.close)
        return exchange, self.worker.request()[0]

    def progress(self, number, value):
        """The backend tells of a request."""
        self.worker.send("EVENT", {
            "jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": number, "progress": value}}, number)

    def test_a_stream_is_resumed_by_its_owner_alone(self):
        """Not with the session's id, nor with the event's in one's own."""
        exchange, number = self.call()
        self.progress(number, 1)
        event = exchange.message()
        thief = Streamable(self.front.address, token=BOB, initialize=False)
        thief.session = self.alice.session
        for last in (event.id, "0-0", None):
            with thief.get(last) as stream:
                self.assertEqual(stream.head().status, 404)
        with self.bob.get(event.id) as stream:
            self.assertEqual(stream.head().status, 400)
        exchange.close()
        self.worker.answer(number, {"content": []})
        with thief.get(event.id) as stream:
            self.assertEqual(stream.head().status, 404)
        with self.alice.get(event.id) as stream:
            self.assertEqual(stream.message().json["result"],
                             {"content": []})

    def test_nobody_ends_the_calls_of_others(self):
        """By the same id: it is another request in another session."""
        exchange, number = self.call()
        ident = self.alice.number
        self.bob.notify("notifications/cancelled", {"requestId": ident})
        self.bob.notify("notifications/progress", {
            "progressToken": ident, "progress": 1})
        self.assertEqual(self.bob.result("ping"), {})
        self.worker.answer(number, {"content": []})
        self.assertEqual(exchange.outcome()["result"], {"content": []})

    def test_nobody_answers_for_another(self):
        """The ids of questions count up, so that they are no secret."""
        exchange, number = self.call()
        self.worker.send("ASK", {"jsonrpc": "2.0", "id": "r",
                                 "method": "roots/list"}, number, client=7)
        asked = exchange.message().json
        self.assertEqual(asked["method"], "roots/list")
        answer = {"jsonrpc": "2.0", "result": {"roots": []}}
        for ident in (asked["id"], str(asked["id"]), "r", 7, number, 0, -1,
                      None, 1.0, 2 ** 64 + asked["id"], 10 ** 40):
            with self.bob.post({**answer, "id": ident}) as posted:
                self.assertIn(posted.whole().status, (202, 400))
        for ident in ("r", str(asked["id"]), asked["id"] + 1,
                      -asked["id"], 2 ** 64 + asked["id"]):
            with self.alice.post({**answer, "id": ident}) as posted:
                self.assertEqual(posted.whole().status, 202)
        right = {**answer, "id": asked["id"], "result": {"roots": [
            {"uri": "file:///alice"}]}}
        for _ in range(2):  # the second one answers nothing
            with self.alice.post(right) as posted:
                self.assertEqual(posted.whole().status, 202)
        kind, _, _, payload = self.worker.take()
        self.assertEqual((kind, self.worker.client), ("ANSWER", 7))
        self.assertEqual(json.loads(payload)["result"], right["result"])
        self.worker.answer(number, {"content": []})
        self.assertEqual(exchange.outcome()["result"], {"content": []})
        # Nothing else was said to it.
        self.bob.call("a__echo", connection=None).close()
        self.assertEqual(self.worker.take()[0], "REQUEST")

    def test_users_of_the_machine_have_their_own(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            path = os.path.join(folder, "gateway.sock")
            listen(self.front, path, 1, socket.AF_UNIX)
            one, two = Caller(path, uid=1001), Caller(path, uid=1002)
            headers = [("Accept", BOTH)]
            opened = one.ask("POST", "/mcp", INITIALIZE, headers)
            headers.append(("Mcp-Session-Id",
                            opened.header("mcp-session-id")))
            self.assertEqual(two.ask("POST", "/mcp", PING,
                                     headers).status, 404)
            self.assertEqual(two.ask("DELETE", "/mcp", None,
                                     headers).status, 404)
            alice = Caller(path, ALICE)
            self.assertEqual(alice.ask("POST", "/mcp", PING,
                                       headers).status, 404)
            self.assertEqual(one.ask("POST", "/mcp", PING,
                                     headers).status, 200)

    def test_the_end_of_a_token_is_the_end_of_its_streams(self):
        """Those of POSTs too, and nothing is resumed."""
        exchange, number = self.call()
        self.progress(number, 1)
        event = exchange.message()
        self.front.policy(backend(0, "a"), backend(1, "b"),
                          tokens=[token("bob", BOB)])
        try:
            while exchange.event() is not None:
                pass
        except raw.Closed:
            pass
        self.assertEqual(self.worker.take()[0], "CANCEL")
        with self.alice.get(event.id) as stream:
            self.assertEqual(stream.head().status, 401)
        self.front.policy(backend(0, "a"), backend(1, "b"), tokens=[
            token("alice", ALICE), token("bob", BOB)])
        with self.alice.get(event.id) as stream:
            self.assertEqual(stream.head().status, 404)


class Pages(Attacked):
    """What a browser sends for any page, without asking first."""

    def test_simple_requests_change_nothing(self):
        """Forms, images and scripts: with no Origin as old browsers send
        them, with one, under a name that was pointed at us."""
        front = self.serve("a")
        client = Streamable(front.address)
        before = sessions(front)
        kinds = ("text/plain", "text/plain;charset=UTF-8",
                 "application/x-www-form-urlencoded",
                 "multipart/form-data; boundary=x", None,
                 "text/plain; application/json", "text/plain,application/json",
                 "application/json,text/plain", "application/jsonx",
                 "application/json-patch+json", "text/json", "*/*",
                 ";application/json")
        for kind in kinds:
            for path in ("/mcp", "/servers/a/mcp", "/messages/"):
                for origin, host, status in (
                        (None, None, 415),
                        ("https://evil.example", None, 403),
                        ("null", None, 403),
                        (None, "evil.example", 403),
                        ("http://evil.example", "evil.example", 403)):
                    answer = self.simple(front, path, kind, origin, host)
                    self.assertEqual(answer.status, status,
                                     (kind, path, origin, host))
                    self.assertIsNone(
                        answer.header("access-control-allow-origin"))
        for path in ("/mcp", "/servers/a/mcp"):
            for accept in ("*/*", "image/avif,*/*;q=0.8", "text/css"):
                answer = raw.ask(front.address, "GET", path,
                                 [("Accept", accept)])
                self.assertIn(answer.status, (400, 406))
        self.assertEqual(sessions(front), before)
        self.assertEqual(client.status(), 200)

    def simple(self, front, path, kind, origin, host):
        """POST as a form or a script does."""
        lines = [f"POST {path} HTTP/1.1",
                 "Host: " + (host or "localhost:%d" % front.address[1]),
                 "Accept: */*", f"Content-Length: {len(INITIALIZE)}"]
        if kind is not None:
            lines.append(f"Content-Type: {kind}")
        if origin is not None:
            lines.append(f"Origin: {origin}")
        with raw.Connection(front.address) as connection:
            connection.send("\r\n".join([*lines, "", ""]).encode("latin-1") +
                            INITIALIZE)
            return connection.response()

    def test_every_route_knows_a_name_that_was_pointed_at_us(self):
        """DNS rebinding: such a page is of one origin with us."""
        front = self.serve("a", public_url="https://gw.example",
                           hosts=["gw.example"])
        metadata = "/.well-known/oauth-protected-resource"
        for path in ("/mcp", "/mcp/", "/servers/a/mcp", "/servers/a/sse",
                     "/servers/x/mcp", metadata, metadata + "/mcp",
                     metadata + "/servers/a/mcp", "/nowhere", "/metrics"):
            for host in ("evil.example", "evil.example:9000",
                         "localhost.evil.example", "gw.example.evil",
                         "localhost@evil", "[evil]", "127.0.0.1:x", "0x7f.1"):
                for method in ("GET", "POST", "DELETE", "OPTIONS"):
                    answer = raw.ask(
                        front.address, method, path, [("Accept", BOTH)],
                        INITIALIZE if method == "POST" else None, host)
                    self.assertEqual(answer.status, 403, (path, host))
        self.assertEqual(sessions(front), 0)


class Sizes(Attacked):
    """Headers as long as the guard lets them be, and any bytes."""

    def test_long_headers(self):
        front = self.serve("a")
        client = Streamable(front.address)
        for name, value, status in (
                ("Accept", 15000 * "a", 406),
                ("Accept", 900 * "a/b;q=0.1, " + BOTH, 200),
                ("Accept", 7000 * "/", 406),
                ("Accept", 7000 * ",;" + ",*/*", 200),
                ("Accept", 3000 * "text/", 406),
                ("Accept", 20000 * "a", 431),
                ("X-Accept", 9000 * "x", 406),
                ("MCP-Protocol-Version", 12000 * "2", 400),
                ("Mcp-Session-Id", 12000 * "f", 404),
                ("Content-Type", 12000 * "a", 415),
                ("Content-Type", JSON + ";" + 12000 * "a", 200)):
            headers = {"Accept": BOTH, "Content-Type": JSON,
                       "Mcp-Session-Id": client.session}
            if name == "X-Accept":
                headers["Accept"] = "text/x"
            headers[name] = value
            answer = raw.ask(front.address, "POST", "/mcp",
                             list(headers.items()), PING)
            self.assertEqual(answer.status, status, (name, value[:40]))
        for last in (15000 * "9", "0-" + 15000 * "0", 15000 * "-", "0-0" +
                     15000 * " "):
            with client.get(last) as stream:
                self.assertIn(stream.head().status, (200, 400))
        with client.get("0-" + 20000 * "0") as stream:
            self.assertEqual(stream.head().status, 431)
        self.assertEqual(client.status(), 200)

    def test_anything_in_any_header_is_answered(self):
        """By a refusal or as asked, and never by an error of ours."""
        front = self.serve("a", "b")
        front.link(0)
        rng = random.Random(5)
        mine = Streamable(front.address)
        words = [mine.session, "0-0", "1-1", JSON, EVENTS, BOTH, "*/*",
                 LATEST, "2025-03-26", "", "null", "Bearer x", "localhost",
                 "http://localhost", "text/plain", "\xff\x80", "a" * 3000]
        names = ["Accept", "Content-Type", "Mcp-Session-Id", "Last-Event-ID",
                 "MCP-Protocol-Version", "Origin", "Authorization", "Cookie",
                 "Mcp-Method", "Mcp-Name", "X-Other"]
        bodies = [b"", PING, INITIALIZE, b"[" + PING + b"]", b"[]", b"{",
                  b"[" + 3000 * b"[", b"\x00", b'{"jsonrpc":"2.0"}',
                  b'{"jsonrpc":"2.0","id":1,"result":{}}', 9000 * b" ",
                  b'{"jsonrpc":"2.0","method":"notifications/cancelled"}']
        paths = ["/mcp", "/servers/a/mcp", "/servers/%62/mcp", "/mcp?names=x",
                 "/mcp/", "/servers/x/sse", "/servers//mcp", "/servers/%/mcp"]
        seen = set()
        for _ in range(1500):
            method = rng.choice(["POST", "POST", "GET", "DELETE", "OPTIONS"])
            body = rng.choice(bodies) if method == "POST" else None
            headers = {name: rng.choice(words)
                       for name in rng.sample(names, rng.randrange(6))}
            if rng.random() < .5:
                headers["Accept"] = BOTH
            if rng.random() < .5:
                headers["Mcp-Session-Id"] = mine.session
            if body is not None and rng.random() < .7:
                headers["Content-Type"] = JSON
            lines = [f"{method} {rng.choice(paths)} HTTP/1.1",
                     "Host: localhost"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            if body is not None:
                lines.append(f"Content-Length: {len(body)}")
            with raw.Connection(front.address) as connection:
                connection.send("\r\n".join([*lines, "", ""]).encode(
                    "latin-1") + (body or b""))
                status = connection.head().status
            seen.add(status)
            self.assertLess(status, 500, lines)
            if mine.status() == 404:  # DELETE was among them
                mine = Streamable(front.address)
                words[0] = mine.session
        self.assertTrue({200, 202, 400, 403, 404, 406, 415} <= seen, seen)


if __name__ == "__main__":
    unittest.main()
