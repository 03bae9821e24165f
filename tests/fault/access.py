"""Who may call: Unix sockets and their permissions, tokens that change while
they are used, credentials that stay with us, and addresses of all the world."""

import grp
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest

import http_backend
import process
import raw
from attacked import CAROL, MALLORY, token
from caller import Caller
from gateway import PATIENCE, Gateway, backend, faulty

CHANGED = "notifications/tools/list_changed"
DONE = re.compile(r"reload - INFO - ")
REFUSED = "nothing was changed; the running configuration stays in use"
REMEDY = "mcp-gatewayctl token makes one"
# Some user and group of this machine that are nobody's.
STRANGER = 65534


class Operated(unittest.TestCase):
    """A gateway whose configuration changes."""

    def serve(self, backends, settings=None, **more):
        """Start it, and remember its configuration."""
        self.gateway = Gateway(backends, gateway=settings, **more)
        self.addCleanup(self.gateway.discard)
        with open(self.gateway.config, encoding="utf-8") as file:
            self.config = json.load(file)
        self.settings = self.config["gateway"]

    def reload(self, refused=False):
        """Write the configuration and have it read; what the log says."""
        mark = re.compile(re.escape(REFUSED)) if refused else DONE
        before = len(mark.findall(self.gateway.log()))
        new = self.gateway.config + ".new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        os.chmod(new, 0o644)
        os.rename(new, self.gateway.config)
        self.gateway.send_signal(signal.SIGHUP)
        process.wait_until(
            lambda: len(mark.findall(self.gateway.log())) > before,
            20 * PATIENCE, "the reload")
        return self.gateway.log()


class Steady:
    """A client that calls all the time; each call must have its result."""

    def __init__(self, caller, tool):
        self.caller = caller
        self.tool = tool
        self.calls = 0
        self.error = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        process.wait_until(lambda: self.calls or self.error, 10 * PATIENCE,
                           "a first call")
        return self

    def run(self):
        """Call until told to end."""
        try:
            with self.caller.open() as session, \
                    self.caller.connect() as connection:
                session.wait_tools(self.tool)
                while not self.ending.wait(0.005):
                    answer = session.send("tools/call", {
                        "name": self.tool, "arguments": {"text": "x"}},
                                          connection=connection)
                    assert answer.status == 202, answer
                    session.outcome()["result"]
                    self.calls += 1
        except Exception as error:  # whatever it is, the test wants to know
            self.error = repr(error)

    def __exit__(self, *unused):
        self.ending.set()
        self.thread.join(20)
        assert self.error is None, self.error
        assert self.calls > 0


class Sockets(Operated):
    """A Unix socket among the addresses."""

    def start(self, **more):
        """With a TCP address beside it, where a token is needed."""
        folder = os.path.join("/tmp", f"mcpgw-access-{os.getpid()}")
        os.mkdir(folder, 0o755)
        self.addCleanup(os.rmdir, folder)
        self.path = os.path.join(folder, "mcp.sock")
        self.addCleanup(lambda: os.path.exists(self.path) and
                        os.unlink(self.path))
        self.serve({"one": faulty()}, {
            "listen": ["127.0.0.1:0", self.path],
            "tokens": {"carol": token(CAROL)}, **more}, port=None)
        with Caller(self.path).open() as session:
            session.wait_tools("one/echo")

    def curl(self, *ids):
        """What curl gets of /readyz over the socket, as somebody else: its
        exit status and the HTTP status."""
        user = ["setpriv", *ids] if ids else []
        done = subprocess.run(
            [*user, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
             "--max-time", "10", "--unix-socket", self.path,
             "http://any.example/readyz"],
            capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    @staticmethod
    def refuses(address):
        """True when nobody listens there."""
        try:
            socket.create_connection(address, timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    def permissions(self):
        """Mode and group of the socket."""
        found = os.stat(self.path)
        return stat.S_IMODE(found.st_mode), found.st_gid

    @unittest.skipIf(os.getuid() != 0, "needs to be somebody else")
    def test_the_kernel_keeps_out_who_has_no_right(self):
        self.start(socket_mode="0660", socket_group="daemon")
        group = grp.getgrnam("daemon").gr_gid
        self.assertEqual(self.permissions(), (0o660, group))
        self.assertEqual(self.curl(), (0, "200"))
        stranger = ("--reuid", str(STRANGER), "--clear-groups", "--regid")
        self.assertEqual(self.curl(*stranger, str(STRANGER))[0], 7)
        self.assertEqual(self.curl(*stranger, str(group)), (0, "200"))
        # At a reload they follow the configuration.
        self.settings["socket_mode"] = "0666"
        del self.settings["socket_group"]
        self.reload()
        self.assertEqual(self.permissions()[0], 0o666)
        self.assertEqual(self.curl(*stranger, str(STRANGER)), (0, "200"))
        self.settings["socket_mode"] = "0600"
        self.reload()
        self.assertEqual(self.curl(*stranger, str(group))[0], 7)
        self.gateway.stop()
        self.assertFalse(os.path.exists(self.path))

    def test_who_calls_is_in_the_log(self):
        self.start()
        with Caller(self.path).open() as session:
            self.assertIn("one/echo", session.tools())
        me = f"uid {os.getuid()}"
        self.gateway.wait_log(f"opened by test 1 of {me}, revision")
        self.assertEqual(
            Caller(self.path, "wrong").ask("GET", "/sse").status, 401)
        self.gateway.wait_log(f"client {me}: refused: a wrong token")
        # And over TCP it is the token's name.
        Caller(self.gateway.address, CAROL).open().stream.close()
        self.gateway.wait_log("opened by test 1 of carol, revision")
        self.gateway.stop()

    def test_addresses_come_and_go_while_others_are_used(self):
        self.start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        first, more = self.gateway.address, ("127.0.0.1", port)
        front = self.gateway.wait_for("front")
        with Steady(Caller(first, CAROL), "one/echo") as tcp:
            # The Unix socket goes and comes.
            for _ in range(5):
                with Caller(self.path).open() as session:
                    self.settings["listen"] = ["127.0.0.1:0"]
                    self.reload()
                    self.assertFalse(os.path.exists(self.path))
                    # Who is on it stays, but for new connections.
                    with self.assertRaises(OSError):
                        session.send("ping")
                    self.settings["listen"] = ["127.0.0.1:0", self.path]
                    self.reload()
                    session.result("ping")
            self.assertGreater(tcp.calls, 100)
        with Steady(Caller(self.path), "one/echo") as local:
            # And so do those of TCP.
            for _ in range(5):
                self.settings["listen"] = [self.path,
                                           f"127.0.0.1:{port}"]
                self.reload()
                self.assertEqual(
                    Caller(more).ask("GET", "/readyz").status, 200)
                self.settings["listen"] = [self.path]
                self.reload()
                for gone in (first, more):
                    process.wait_until(lambda at=gone: self.refuses(at),
                                       PATIENCE, f"the end of {gone}")
            self.assertGreater(local.calls, 100)
        self.assertEqual(self.gateway.find("front"), front)
        self.gateway.stop()


class Tokens(Operated):
    """Tokens that change while they are used."""

    def setUp(self):
        self.serve({"one": backend(), "two": backend("--scheme", "two")}, {
            "tokens": {"mallory": token(MALLORY), "carol": token(CAROL)}})
        self.mallory = Caller(self.gateway.address, MALLORY)
        self.carol = Caller(self.gateway.address, CAROL)
        with self.mallory.open() as session:
            session.wait_tools("one/echo", "two/echo")
        self.front = self.gateway.wait_for("front")

    def tearDown(self):
        self.assertEqual(self.gateway.find("front"), self.front)
        self.gateway.stop()

    def test_one_that_is_revoked_ends_its_sessions_and_no_others(self):
        with self.mallory.open() as one, self.mallory.open() as two, \
                Steady(self.carol, "one/echo") as carol:
            two.send("tools/call", {"name": "two/hang"})
            one.send("tools/call", {"name": "two/hang"})
            del self.settings["tokens"]["mallory"]
            self.reload()
            begin = time.monotonic()
            self.assertTrue(one.ended())
            self.assertTrue(two.ended())
            self.assertLess(time.monotonic() - begin, PATIENCE)
            self.assertEqual(one.send("ping").status, 401)
            self.assertEqual(self.mallory.ask("GET", "/sse").status, 401)
            calls = carol.calls
            process.wait_until(lambda: carol.calls > calls + 10, 5 * PATIENCE,
                               "calls of the other")
        self.gateway.wait_log("mallory may not come any more")

    def test_what_one_may_see_changes_at_once(self):
        with self.mallory.open() as session, self.carol.open() as other:
            self.assertIn("two/echo", session.tools())
            everything = other.tools()
            self.settings["tokens"]["mallory"]["tools"] = ["one/e*"]
            self.reload()
            while session.message().get("method") != CHANGED:
                pass
            seen = session.tools()
            self.assertEqual(seen, [name for name in everything
                                    if name.startswith("one/e")])
            self.assertIn("one/echo", seen)
            for hidden in ("one/slow", "two/echo", "one__slow", "slow"):
                self.assertEqual(
                    self.why(session, hidden).replace(hidden, "no/such"),
                    self.why(session, "no/such"))
            session.result("tools/call", {"name": "one/echo"})
            # The other sees what it saw, and has heard nothing.
            self.assertEqual(other.tools(), everything)
            self.settings["tokens"]["mallory"]["backends"] = ["two"]
            self.settings["tokens"]["mallory"]["tools"] = []
            self.reload()
            while session.message().get("method") != CHANGED:
                pass
            self.assertEqual(session.tools(), [
                name for name in everything if name.startswith("two/")])
            self.assertIn("Unknown tool", self.why(session, "one/echo"))
            self.assertIn("Unknown prompt", self.why(
                session, "one/greet", "prompts/get"))
            session.send("resources/read", {"uri": "test://notes/1"})
            self.assertEqual(session.outcome()["error"]["code"], -32002)

    @staticmethod
    def why(session, name, method="tools/call"):
        """Why a call is refused."""
        session.send(method, {"name": name})
        return session.outcome()["error"]["message"]


class Credentials(Operated):
    """T7: what a client shows to us is nobody else's."""

    SECRETS = ("canary-cookie", "canary-forwarded", "canary-session",
               "canary-key", "canary-origin", MALLORY)

    def test_they_reach_no_backend(self):
        server = http_backend.Backend(kind="http")
        self.addCleanup(server.stop)
        record = os.path.join("/tmp", f"mcpgw-record-{os.getpid()}.jsonl")
        self.addCleanup(lambda: os.path.exists(record) and os.unlink(record))
        self.serve({"stdio": backend("--record", record),
                    "http": {"url": server.url("/mcp"),
                             "headers": {"Authorization": "Bearer its-own"}}},
                   {"tokens": {"mallory": token(MALLORY)}})
        caller = Caller(self.gateway.address, MALLORY, headers=[
            ("Cookie", "canary-cookie=1"),
            ("X-Forwarded-For", "canary-forwarded"),
            ("Mcp-Session-Id", "canary-session"), ("X-Api-Key", "canary-key"),
            ("Last-Event-ID", "canary-origin"),
            ("Proxy-Authorization", f"Bearer {MALLORY}")])
        with caller.open() as session:
            session.wait_tools("stdio/echo", "http/echo")
            for name in ("stdio/echo", "http/echo"):
                session.result("tools/call", {
                    "name": name, "arguments": {"text": "heard"}})
            session.result("resources/read", {"uri": "test://notes/1"})
            seen = session.result("tools/call", {"name": "stdio/environment"})
            environment = seen["content"][0]["text"]
        with open(record, encoding="utf-8") as file:
            messages = file.read()
        heads = b"".join(request.head + request.body
                         for request in server.requests).decode()
        self.assertIn("heard", messages)
        self.assertIn("heard", heads)
        self.assertIn("Bearer its-own", heads)
        for secret in self.SECRETS:
            for text in (environment, messages, heads, self.gateway.log(),
                         self.gateway.console()):
                self.assertNotIn(secret, text)
        for request in server.requests:
            self.assertLessEqual(
                {name for name, _ in request.headers} & {
                    "cookie", "x-forwarded-for", "forwarded", "x-api-key",
                    "proxy-authorization", "last-event-id", "via"}, set())
            self.assertNotIn("canary", request.header("mcp-session-id") or "")
        self.gateway.stop()


class Beyond(Operated):
    """Addresses that other machines reach."""

    def refused(self, settings, *args):
        """It does not start, and says what to do."""
        with Gateway({"one": faulty()}, gateway=settings, port=None,
                     args=args, wait=False) as gateway:
            gateway.child.wait(10 * PATIENCE)
            gateway.stopped = True
            self.assertNotEqual(gateway.child.returncode, 0)
            said = gateway.console()
            self.assertIn(REMEDY, said)
            self.assertIn("insecure", said)

    def test_it_does_not_start_there_for_everybody(self):
        for settings in ({"listen": ["0.0.0.0:0"]}, {"listen": ["[::]:0"]},
                         {"listen": ["127.0.0.1:0", "0.0.0.0:0"]},
                         {"host": "0.0.0.0", "port": 0}):
            with self.subTest(settings):
                self.refused(settings)
        self.refused({}, "--host", "0.0.0.0", "--port", "0")

    def test_with_a_token_it_does(self):
        self.serve({"one": faulty()}, {
            "listen": ["0.0.0.0:0"], "tokens": {"carol": token(CAROL)}},
                   port=None)
        address = self.gateway.address
        self.assertEqual(raw.ask(address, "GET", "/sse").status, 401)
        with Caller(address, CAROL).open() as session:
            session.wait_tools("one/echo")
            # Without the last one it would be open to everybody.
            tokens = self.settings.pop("tokens")
            self.assertIn(REMEDY, self.reload(refused=True))
            self.assertEqual(raw.ask(address, "GET", "/sse").status, 401)
            session.result("tools/call", {"name": "one/echo",
                                          "arguments": {"text": "x"}})
            self.settings["insecure"] = True
            self.reload()
            self.assertTrue(session.ended())
            Caller(address).open().stream.close()
            self.settings["tokens"] = tokens
            self.settings["insecure"] = False
            self.reload()
            self.assertEqual(raw.ask(address, "GET", "/sse").status, 401)
        self.gateway.stop()

    def test_insecure_says_that_it_is_meant(self):
        self.serve({"one": faulty()}, {"listen": ["0.0.0.0:0"],
                                       "insecure": True}, port=None)
        Caller(self.gateway.address).open().stream.close()
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
