"""Who may call the front: tokens, sessions and whose they are, web pages,
users of the machine.  The test plays the supervisor and the workers."""

import json
import os
import random
import socket
import statistics
import string
import tempfile
import time
import unittest

from caller import Caller, listen, logs
from frames import Front, backend, token

ALICE = "alice-7d1f5a90c3b24e68"
BOB = "bob-0b8e2f6d9a174c35"
BACKENDS = (backend(0, "a"), backend(1, "b"))
CHALLENGE = 'Bearer realm="mcp-gateway"'


def guarded(**more):
    """A front that knows Alice and Bob."""
    return Front(BACKENDS, **{"open": False, "tokens": [
        token("alice", ALICE), token("bob", BOB)], **more})


class Tokens(unittest.TestCase):
    """RFC 6750."""

    def refused(self, answer, status, error=None):
        """Check a refusal."""
        self.assertEqual(answer.status, status)
        want = CHALLENGE + (f', error="{error}"' if error else "")
        self.assertEqual(answer.header("www-authenticate"), want)
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertIn("error", json.loads(answer.body))

    def test_who_has_no_token_is_told_to_bring_one(self):
        """On every route of MCP; not in the query, not of another kind."""
        with guarded() as front:
            caller = Caller(front.address)
            for method, target in (
                    ("GET", "/sse"), ("POST", "/messages/"),
                    ("POST", "/messages/?session_id=" + 32 * "0"),
                    ("GET", f"/sse?access_token={ALICE}"), ("POST", "/sse"),
                    ("DELETE", "/messages/")):
                body = b"{}" if method == "POST" else None
                self.refused(caller.ask(method, target, body), 401)
            for header in ("Basic YWxpY2U6eA==", f"Token {ALICE}", ALICE):
                self.refused(caller.ask("GET", "/sse", headers=[
                    ("Authorization", header)]), 401)
            self.assertEqual(caller.ask("HEAD", "/sse").body, b"")

    def test_wrong_and_malformed_tokens_are_told_apart(self):
        """Truncated, longer, in another case; no token at all."""
        with guarded() as front:
            for wrong in (ALICE[:-1], ALICE + "x", ALICE.upper(), "x",
                          ALICE + "=", 8000 * "x"):
                self.refused(Caller(front.address, wrong).ask("GET", "/sse"),
                             401, "invalid_token")
            other = Caller(front.address, source="127.0.0.2")
            for header in ("Bearer", "Bearer a b", "Bearer a=b", "Bearer =",
                           f"Bearer {ALICE}, Bearer {BOB}"):
                self.refused(other.ask("GET", "/sse", headers=[
                    ("Authorization", header)]), 400, "invalid_request")
            twice = 2 * [("Authorization", f"Bearer {ALICE}")]
            answer = other.ask("GET", "/sse", headers=twice)
            self.assertEqual(answer.status, 400)
            answer = Caller(front.address, 65536 * "x").ask("GET", "/sse")
            self.assertEqual(answer.status, 431)

    def test_a_right_token_is_served(self):
        """In any case of the scheme, and on one connection after another."""
        with guarded() as front:
            front.link(0)
            with Caller(front.address, ALICE).open() as session:
                session.wait_tools("a/echo")
            lower = Caller(front.address, headers=[
                ("Authorization", f"bearer {BOB}")])
            with lower.open() as session:
                self.assertEqual(session.result("ping"), {})

    def test_every_request_of_a_connection_is_judged(self):
        """A proxy may send those of many over one."""
        with guarded() as front:
            alice = Caller(front.address, ALICE)
            bob = Caller(front.address, BOB)
            wrong = Caller(front.address, ALICE[:-1] + "x")
            none = Caller(front.address)
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            with alice.open() as session, alice.connect() as connection:
                for caller, status in 3 * [
                        (alice, 202), (bob, 404), (alice, 202), (none, 401),
                        (alice, 202), (wrong, 401), (bob, 404)]:
                    answer = session.post(ping, caller, connection)
                    self.assertEqual(answer.status, status)

    def test_an_open_front_asks_for_no_token(self):
        """And looks at none where there are none."""
        with Front(BACKENDS) as front:
            for caller in (Caller(front.address), Caller(front.address, "x")):
                with caller.open() as session:
                    self.assertEqual(session.result("ping"), {})
        with guarded(open=True) as front:
            Caller(front.address).open().stream.close()
            Caller(front.address, ALICE).open().stream.close()
            self.refused(Caller(front.address, "x").ask("GET", "/sse"), 401,
                         "invalid_token")

    def test_where_a_token_is_to_be_had_is_told(self):
        """RFC 9728: in the challenge and at its well-known places, for each
        endpoint; of servers that do not exist as of those that do."""
        servers = ["https://auth.example", "https://other.example/x"]
        url = "https://gw.example"
        path = "/.well-known/oauth-protected-resource"
        endpoints = ["/sse", "/mcp", "/servers/a/mcp", "/servers/a/sse",
                     "/servers/never/mcp", "/servers/two%20words/sse"]
        with guarded(public_url=url, authorization_servers=servers) as front:
            caller = Caller(front.address)
            asked = [(endpoint, endpoint) for endpoint in endpoints]
            asked += [("/messages/", "/sse"), ("/mcp?names=safe", "/mcp"),
                      ("/metrics", "")]
            for target, endpoint in asked:
                for method in ("GET", "POST", "DELETE"):
                    if target == "/metrics" and method != "GET":
                        continue
                    answer = caller.ask(method, target)
                    self.assertEqual(answer.status, 401, (method, target))
                    self.assertEqual(
                        answer.header("www-authenticate"),
                        f'{CHALLENGE}, resource_metadata='
                        f'"{url}{path}{endpoint}"')
            for endpoint in ["", *endpoints]:
                for target in (path + endpoint, path + endpoint + "?x=1"):
                    answer = caller.ask("GET", target)
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(answer.header("content-type"),
                                     "application/json")
                    self.assertEqual(json.loads(answer.body), {
                        "resource": url + endpoint,
                        "authorization_servers": servers,
                        "bearer_methods_supported": ["header"],
                        "resource_name": "MCP Gateway"})
                    self.assertEqual(caller.ask("HEAD", target).body, b"")
                    self.assertEqual(
                        caller.ask("POST", target, b"").status, 405)
            for other in ("/x", "/", "/mcp/", "/messages/", "/metrics",
                          "/servers/", "/servers//mcp", "/servers/a",
                          "/servers/a/x", "/servers/a%00/mcp",
                          '/servers/a"/mcp', f"/servers/{65 * 'x'}/mcp", path):
                self.assertEqual(caller.ask("GET", path + other).status, 404)
            front.policy(*BACKENDS, authorization_servers=[])
            answer = json.loads(caller.ask("GET", path).body)
            self.assertNotIn("authorization_servers", answer)
            front.policy(*BACKENDS, public_url=None)
            for endpoint in ["", *endpoints]:
                self.assertEqual(caller.ask("GET", path + endpoint).status,
                                 404)
            self.assertEqual(caller.ask("GET", "/mcp").header(
                "www-authenticate"), CHALLENGE)

    def test_wrong_tokens_of_an_address_run_out(self):
        """A right one works all the time; other addresses are not affected."""
        with guarded() as front:
            wrong = Caller(front.address, "wrong")
            for _ in range(10):
                self.refused(wrong.ask("GET", "/sse"), 401, "invalid_token")
            for caller in (wrong, Caller(front.address), wrong):
                answer = caller.ask("GET", "/sse")
                self.assertEqual(answer.status, 429)
                self.assertIn(int(answer.header("retry-after")), range(1, 11))
                self.assertIsNone(answer.header("www-authenticate"))
            with Caller(front.address, ALICE).open() as session:
                self.assertEqual(session.result("ping"), {})
            self.refused(Caller(front.address, "wrong", "127.0.0.2").ask(
                "GET", "/sse"), 401, "invalid_token")
            self.refused(Caller(front.address, source="127.0.0.3").ask(
                "GET", "/sse"), 401)

    def test_refusals_are_logged_with_the_address_and_without_the_token(self):
        """A few lines for each address."""
        with guarded() as front:
            for source in ("127.0.0.1", "127.0.0.9"):
                for number in range(50):
                    Caller(front.address, f"canary-{number}", source).ask(
                        "GET", "/sse")
            Caller(front.address, ALICE).open().stream.close()
            texts = logs(front)
            self.assertFalse([text for text in texts
                              if "canary" in text or ALICE in text])
            for source in ("127.0.0.1", "127.0.0.9"):
                lines = [text for text in texts if source in text]
                self.assertIn(len(lines), range(5, 15))
                self.assertIn("a wrong token", lines[0])

    def test_a_wrong_token_takes_as_long_whatever_is_wrong(self):
        """In its first byte, its last one, or all: no median differs."""
        tokens = [token(f"t{n}", f"secret-{n:04}") for n in range(1000)]
        tokens.append(token("alice", ALICE))
        kinds = {"first": "x" + ALICE[1:], "last": ALICE[:-1] + "x",
                 "all": len(ALICE) * "x"}
        times = {name: [] for name in kinds}
        with guarded(tokens=tokens) as front:
            with Caller(front.address).connect() as connection:
                asks = {name: Caller(front.address, secret).request(
                    "POST", "/messages/", b"{}")
                    for name, secret in kinds.items()}
                for _ in range(1100):
                    for name in random.sample(sorted(asks), len(asks)):
                        begin = time.perf_counter_ns()
                        connection.send(asks[name])
                        answer = connection.response()
                        times[name].append(time.perf_counter_ns() - begin)
                        self.assertIn(answer.status, (401, 429))
        medians = [statistics.median(of[100:]) for of in times.values()]
        # One comparison that ends early is 32 ns of some 100,000.
        self.assertLess(max(medians) - min(medians), 0.05 * min(medians))


class Policies(unittest.TestCase):
    """What a new POLICY means for who is there."""

    def test_a_token_that_is_gone_ends_its_sessions_at_once(self):
        """In order; others go on."""
        with guarded() as front:
            front.link(0)
            alice = Caller(front.address, ALICE)
            bob = Caller(front.address, BOB)
            with alice.open() as one, alice.open() as two, bob.open() as other:
                with alice.connect() as kept:
                    self.assertEqual(one.send("ping", connection=kept).status,
                                     202)
                    begin = time.monotonic()
                    front.policy(*BACKENDS, tokens=[token("bob", BOB)])
                    self.assertTrue(one.ended())
                    self.assertTrue(two.ended())
                    self.assertLess(time.monotonic() - begin, 1)
                    self.assertIsNotNone(one.stream.closed_within(1))
                    answer = one.send("ping", connection=kept)
                    self.assertEqual(answer.status, 401)
                self.assertEqual(other.result("ping"), {})
                self.assertIn("a/echo", other.tools())

    def test_a_token_of_another_hash_is_another(self):
        """Under the same name; and back again: the session is gone."""
        with guarded() as front:
            alice = Caller(front.address, ALICE)
            with alice.open() as session:
                front.policy(*BACKENDS, tokens=[token("alice", "new-token")])
                self.assertTrue(session.ended())
                front.policy(*BACKENDS, tokens=[token("alice", ALICE)])
                self.assertEqual(session.send("ping").status, 404)
            with Caller(front.address, ALICE).open() as session:
                self.assertEqual(session.result("ping"), {})

    def test_who_came_without_a_token_goes_when_one_is_needed(self):
        """From open to guarded, and who opens it again is another."""
        with Front(BACKENDS) as front:
            with Caller(front.address).open() as session:
                front.policy(*BACKENDS, open=False,
                             tokens=[token("alice", ALICE)])
                self.assertTrue(session.ended())
                self.assertEqual(session.send("ping").status, 401)
                front.policy(*BACKENDS, open=True, tokens=[])
                self.assertEqual(session.send("ping").status, 404)

    def test_the_same_policy_again_changes_nothing(self):
        """A hundred times, with a session that goes on."""
        with guarded() as front:
            with Caller(front.address, ALICE).open() as session:
                for _ in range(100):
                    front.policy(*BACKENDS)
                    self.assertEqual(session.result("ping"), {})

    def test_a_revoked_client_that_does_not_read_is_hung_up_on(self):
        """What waits for it is not what it may still get."""
        with guarded() as front:
            worker = front.link(0)
            alice = Caller(front.address, ALICE)
            with alice.open(receive_buffer=4096) as session:
                session.wait_tools("a/echo")
                for _ in range(6):
                    session.send("tools/call", {"name": "a/echo"})
                for _ in range(6):
                    number, _ = worker.request()
                    worker.answer(number, {"text": 1000000 * "x"})
                logs(front)
                front.policy(*BACKENDS, tokens=[token("bob", BOB)])
                self.assertFalse(session.ended())


class Sessions(unittest.TestCase):
    """T4, T5: a session is its principal's."""

    def test_a_foreign_session_is_an_unknown_one(self):
        """The same answer, byte for byte but for the date; the owner hears
        nothing of it."""
        with guarded() as front:
            alice = Caller(front.address, ALICE)
            bob = Caller(front.address, BOB)
            with alice.open() as session:
                foreign = session.send("ping", caller=bob)
                session.endpoint, mine = (
                    "/messages/?session_id=" + 32 * "0", session.endpoint)
                unknown = session.send("ping", caller=bob)
                self.assertEqual(foreign.status, 404)
                self.assertEqual(foreign.body, unknown.body)
                self.assertEqual(
                    [pair for pair in foreign.headers if pair[0] != "date"],
                    [pair for pair in unknown.headers if pair[0] != "date"])
                session.endpoint = mine
                self.assertEqual(session.result("ping"), {})

    def test_ids_are_found_only_whole(self):
        """Random, malformed, ended, cut and prolonged ones."""
        rng = random.Random(1)
        with Front(BACKENDS) as front:
            caller = Caller(front.address)
            with caller.open() as session:
                ident = session.endpoint.partition("=")[2]
                with caller.connect() as connection:
                    def status(text):
                        return caller.ask(
                            "POST", f"/messages/?session_id={text}",
                            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
                            connection=connection).status

                    for _ in range(2000):
                        self.assertEqual(status("".join(rng.choices(
                            "0123456789abcdef", k=32))), 404)
                    for text in ("", "x", ident[:-1], ident + "0",
                                 ident + "%00", "%20" + ident, 5000 * "0",
                                 "".join(rng.choices(string.printable[:62],
                                                     k=32)) + "g"):
                        self.assertEqual(status(text), 400)
                    self.assertEqual(status(ident.upper()), 202)
                    front.policy(*BACKENDS, open=False)
                    self.assertTrue(session.ended())
                    front.policy(*BACKENDS, open=True)
                    self.assertEqual(status(ident), 404)

    def test_credentials_never_reach_a_backend(self):
        """T7: no byte of any header is in a frame to a worker."""
        headers = [("Cookie", "canary-cookie"),
                   ("X-Forwarded-For", "canary-forwarded"),
                   ("Mcp-Session-Id", "canary-session"),
                   ("X-Api-Key", "canary-key")]
        with guarded() as front:
            worker = front.link(0)
            caller = Caller(front.address, ALICE, headers=headers)
            with caller.open() as session:
                session.wait_tools("a/echo")
                session.send("tools/call", {
                    "name": "a/echo", "arguments": {"text": "x"}})
                session.send("logging/setLevel", {"level": "debug"})
                ident = session.endpoint.partition("=")[2].encode()
                seen = b""
                for kind in ("REQUEST", "CLIENT_LEVEL"):
                    _, number, _, payload = worker.expect(kind)
                    seen += payload
                    if kind == "REQUEST":
                        worker.answer(number, {})
                session.send("tools/call", {"name": "a/echo"})
                seen += worker.expect("REQUEST")[3]
            seen += worker.expect("CANCEL")[3]
            self.assertIn(b"tools/call", seen)
            for secret in (ALICE.encode(), b"alice", b"canary", b"127.0.0.1",
                           ident):
                self.assertNotIn(secret, seen)


class Pages(unittest.TestCase):
    """T1, T2: Host, Origin, CORS."""

    APP = "https://app.example"

    def test_hosts_and_origins(self):
        """The matrix, on every route."""
        with Front(BACKENDS, hosts=["gw.example"],
                   origins=[self.APP]) as front:
            caller = Caller(front.address)
            port = front.address[1]
            good = [("gw.example", None), ("gw.example.", None),
                    (f"gw.example:{port}", None), ("[::1]:1", None),
                    (f"localhost:{port}", f"http://localhost:{port}"),
                    ("gw.example", self.APP)]
            bad = [("evil.example", None), ("gw.example.evil.example", None),
                   ("gw.example:0", None), ("gw.example:99999", None),
                   ("gw.example", "null"), ("gw.example", "https://evil"),
                   ("gw.example", self.APP + ":444"),
                   ("gw.example", self.APP + "/"), ("evil.example", self.APP),
                   ("gw.example", "http://app.example"),
                   (f"localhost:{port}", "http://localhost:1")]
            for target in ("/sse", "/messages/", "/nowhere", "/messages",
                           "/.well-known/oauth-protected-resource"):
                for host, origin in good:
                    answer = caller.ask(
                        "DELETE", target, host=host,
                        headers=[("Origin", origin)] if origin else [])
                    self.assertIn(answer.status, (405, 404, 307))
                for host, origin in bad:
                    answer = caller.ask(
                        "DELETE", target, host=host,
                        headers=[("Origin", origin)] if origin else [])
                    self.assertEqual(answer.status, 403, (host, origin))
                    self.assertIsNone(
                        answer.header("access-control-allow-origin"))
            front.policy(*BACKENDS, hosts=["evil.example"])
            self.assertEqual(caller.ask("GET", "/nowhere", host="gw.example"
                                        ).status, 403)
            self.assertEqual(caller.ask("GET", "/nowhere", host="evil.example"
                                        ).status, 404)

    def preflight(self, caller, target, origin, method="POST"):
        """Ask as a browser does."""
        return caller.ask("OPTIONS", target, headers=[
            ("Origin", origin), ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization,content-type")])

    def test_listed_pages_may_ask_and_read(self):
        """Preflight without a token, then everything with its mark."""
        with guarded(origins=[self.APP]) as front:
            caller = Caller(front.address)
            for target, methods in (("/sse", "GET"), ("/messages/", "POST")):
                answer = self.preflight(caller, target, self.APP, methods)
                self.assertEqual(answer.status, 204)
                self.assertEqual(answer.body, b"")
                self.assertEqual(answer.header("access-control-allow-origin"),
                                 self.APP)
                self.assertEqual(answer.header("vary"), "Origin")
                self.assertEqual(answer.header("access-control-allow-methods"),
                                 methods)
                self.assertEqual(
                    answer.header("access-control-allow-headers"),
                    "accept, authorization, content-type, last-event-id, "
                    "mcp-method, mcp-name, mcp-protocol-version, "
                    "mcp-session-id")
                self.assertTrue(answer.header("access-control-max-age"))
                self.assertIsNone(
                    answer.header("access-control-allow-credentials"))
            page = Caller(front.address, ALICE, headers=[("Origin", self.APP)])
            with page.open() as session:
                answers = [session.answer, session.send("ping")]
            answers.append(caller.ask("GET", "/sse", headers=[
                ("Origin", self.APP)]))
            self.assertEqual([one.status for one in answers], [200, 202, 401])
            for answer in answers:
                self.assertEqual(answer.header("access-control-allow-origin"),
                                 self.APP)
                self.assertEqual(answer.header("vary"), "Origin")

    def test_other_pages_may_not(self):
        """No mark, and none for those without an Origin or of our own."""
        with Front(BACKENDS, origins=[self.APP, "null"]) as front:
            caller = Caller(front.address)
            own = "http://{}:{}".format(*front.address)
            for origin in ("https://evil.example", "null", "*"):
                answer = self.preflight(caller, "/messages/", origin)
                self.assertEqual(answer.status, 403)
                self.assertIsNone(answer.header("access-control-allow-origin"))
            for headers in ([], [("Origin", own)]):
                for method in ("OPTIONS", "PUT"):
                    answer = caller.ask(method, "/sse", headers=headers)
                    self.assertEqual(answer.status, 405)
                answer = caller.ask("GET", "/nowhere", headers=headers)
                self.assertIsNone(answer.header("access-control-allow-origin"))


class Users(unittest.TestCase):
    """Unix sockets: users of the machine, by their uid."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.path = os.path.join(folder.name, "gateway.sock")

    def test_a_user_needs_no_token_and_any_host_will_do(self):
        """While over TCP both are wanted; of an Origin it is not so."""
        with guarded() as front:
            listen(front, self.path, 1, socket.AF_UNIX)
            front.link(0)
            caller = Caller(self.path)
            with caller.open() as session:
                session.wait_tools("a/echo")
                answer = caller.ask("GET", "/nowhere", host="any.example")
                self.assertEqual(answer.status, 404)
                answer = caller.ask("GET", "/nowhere", host="any.example",
                                    headers=[("Origin", "https://x")])
                self.assertEqual(answer.status, 403)
            self.assertEqual(Caller(front.address).ask("GET", "/sse").status,
                             401)
            self.assertTrue([text for text in logs(front)
                             if f"uid {os.geteuid()}" in text])

    def test_a_token_counts_over_a_unix_socket_too(self):
        """As a proxy passes it on: who brings one is its bearer."""
        with guarded() as front:
            listen(front, self.path, 1, socket.AF_UNIX)
            with Caller(front.address, ALICE).open() as session:
                self.assertEqual(session.send(
                    "ping", caller=Caller(self.path, ALICE)).status, 202)
                self.assertEqual(session.send(
                    "ping", caller=Caller(self.path, BOB)).status, 404)
                self.assertEqual(session.send(
                    "ping", caller=Caller(self.path)).status, 404)
            self.assertEqual(Caller(self.path, "x").ask("GET", "/sse").status,
                             401)

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_users_have_their_own_sessions(self):
        """Another uid's session is an unknown one."""
        with Front(BACKENDS) as front:
            listen(front, self.path, 1, socket.AF_UNIX)
            one = Caller(self.path, uid=1001)
            two = Caller(self.path, uid=1002)
            with one.open() as session:
                self.assertEqual(session.send("ping", caller=two).status, 404)
                self.assertEqual(session.send("ping", caller=one).status, 202)


if __name__ == "__main__":
    unittest.main()
