"""Secrets of every kind and errors of every kind: what was configured or sent
in confidence is found nowhere that somebody looks."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import http_backend
import httpd
import process
import raw
from caller import Caller
from client import Client
from control import Asked, ctl
from gateway import DAEMON, PATIENCE, SANITIZED, backend, faulty


def secret(what):
    """One that is found wherever it is, in part too."""
    return f"c4n4ry-{what}-8f3b1c"


CANARY = "c4n4ry-"


class Refusing(httpd.Server):
    """A server that says no, and shows what it was asked, as some do."""

    def handle(self, connection, request):
        connection.reply(401, b"who are you? " + request.head)


class Secrets(unittest.TestCase):
    """One gateway to which everything happens."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mcpgw-secrets-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.web = http_backend.Backend()
        cls.addClassCleanup(cls.web.stop)
        cls.no = Refusing()
        cls.addClassCleanup(cls.no.stop)
        cls.key = cls.make_key()
        cls.gateway = Asked(
            cls.backends(), {"tokens": {"alice": {
                "hash": "sha256:" + hashlib.sha256(
                    secret("token").encode()).hexdigest()}}},
            args=("--log-level", "debug"),
            env={"CANARY_EXPANDED": secret("expanded")})
        cls.addClassCleanup(shutil.rmtree, cls.gateway.place, True)
        cls.addClassCleanup(cls.gateway.discard)
        cls.said = []  # by the gateway, to anybody
        cls.client = Client(cls.gateway.address, headers=[
            ("Authorization", f"Bearer {secret('token')}")])
        cls.addClassCleanup(cls.client.close)
        cls.client.wait_tools("job/echo", "web/echo")

    @classmethod
    def make_key(cls):
        """A private key and what is in it."""
        path = os.path.join(cls.folder, "x")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
             "-keyout", path + ".key", "-out", path + ".pem", "-days", "2"],
            check=True, capture_output=True)
        with open(path + ".key", encoding="ascii") as file:
            return file.read().splitlines()[1][:24]

    @classmethod
    def backends(cls):
        """Secrets wherever one can be."""
        held = os.path.join(cls.folder, "secret")
        with open(held, "w", encoding="ascii") as file:
            file.write(secret("file") + "\n")
        os.chmod(held, 0o600)
        own = {"A": secret("env"), "B": f"${{file:{held}}}",
               "C": "${env:CANARY_EXPANDED}"}
        header = {"Authorization": f"Bearer {secret('header')}"}
        path = os.path.join(cls.folder, "x")
        return {
            "job": {**faulty(), "env": own},
            "other": backend(),
            "none": {"command": "/nonexistent/server", "env": own},
            "ends": {"command": "sh", "args": ["-c", "exit 7"], "env": own},
            "web": {"type": "http", "url": cls.web.url(
                f"/mcp?key={secret('query')}"), "headers": header},
            "no": {"type": "http", "url": cls.no.url("/mcp"),
                   "headers": {"Authorization":
                               f"Bearer {secret('refused')}"}},
            "gone": {"type": "sse", "headers": header, "url":
                     f"http://127.0.0.1:{httpd.free_port()}/sse?k="
                     + secret("gone")},
            "tls": {"type": "http", "url": cls.web.url("/mcp").replace(
                "http:", "https:"), "headers": header,
                "ca_file": path + ".pem", "cert_file": path + ".pem",
                "key_file": path + ".key"}}

    # What happens.

    def ask(self, *args, **more):
        """A request, whose answer is kept."""
        answer = raw.ask(self.gateway.address, *args, **more)
        self.said.append(repr(answer.headers) + answer.body.decode(
            "utf-8", "replace"))
        return answer

    def ctl(self, *args):
        """What mcp-gatewayctl says."""
        done = ctl(*args, path=self.gateway.path)
        self.said.append(done.stdout + done.stderr)
        return done

    def bad_requests(self):
        """Tokens and headers that are wrong in every way."""
        wrong = secret("wrong")
        for value in (f"Bearer {wrong}", f"Bearer {secret('token')}x",
                      f"Basic {wrong}", wrong, f"Bearer {wrong} {wrong}",
                      f"Bearer {'x' * 9000}{wrong}"):
            for target in ("/sse", f"/sse?token={wrong}", f"/{wrong}"):
                self.ask("GET", target, [("Authorization", value),
                                         ("Cookie", wrong),
                                         ("Mcp-Session-Id", wrong)])
        good = Caller(self.gateway.address, secret("token"))
        for target in (f"/messages/?sessionId={wrong}", "/metrics", "/healthz",
                       f"/{secret('token')}"):
            answer = good.ask("POST", target, b'{"broken": "' +
                              secret("argument").encode())
            self.said.append(repr(answer.headers) + str(answer.body))

    def bad_calls(self):
        """Arguments are nobody's business either."""
        text = secret("argument")
        for name in ("job/echo", "web/echo", "no/echo", "gone/echo",
                     "none/echo", "ends/echo", "tls/echo", "job/nothing"):
            message = self.client.call(name, {"other": text}, timeout=30)
            self.said.append(message.raw.decode())
        self.client.call("other/error", {"message": "no", "data": text})

    def deaths(self):
        """Every process of ours, with a core if that were possible."""
        for role, name in (("worker", "job"), ("worker-http", "web"),
                           ("reaper", "job")):
            pid = self.gateway.wait_for(role, name)
            os.kill(pid, signal.SIGSEGV)
            self.gateway.wait_for(role, name, other_than=pid)
        for pid in self.gateway.jobs("job")[:1]:
            os.kill(pid, signal.SIGABRT)
        front = self.gateway.find("front")
        os.kill(front, signal.SIGSEGV)
        self.gateway.wait_for("front", other_than=front)

    def bad_configurations(self):
        """Secrets at the place of an error."""
        with open(self.gateway.config, encoding="utf-8") as file:
            text = file.read()
        config = json.loads(text)
        wrong = secret("broken")

        def changed(name, **more):
            return json.dumps({**config, "mcpServers": {
                **config["mcpServers"],
                name: {**config["mcpServers"][name], **more}}})
        cases = [
            changed("job", env={"A": [wrong]}),
            changed("job", env={"A": {"x": wrong}}),
            changed("job", env={"A": "\u0000" + wrong}),
            changed("job", env={"A": "${file:/nonexistent/x}" + wrong}),
            changed("job", env={"A": "${nonsense:x}" + wrong}),
            changed("web", headers={"X": wrong + "\r\nY: z"}),
            changed("web", headers={"X": [wrong]}),
            changed("web", headers=[wrong]),
            changed("web", url=f"http://user:{wrong}@127.0.0.1/mcp"),
            changed("web", url=f"nonsense://127.0.0.1/mcp?key={wrong}"),
            changed("web", url=f"http://127.0.0.1:99999/mcp?key={wrong}"),
            changed("web", url=f"http://127.0.0.1/ mcp?key={wrong}"),
            json.dumps({**config, "gateway": {
                **config["gateway"], "tokens": {"a": {"hash": wrong}}}}),
            json.dumps({**config, "gateway": {
                **config["gateway"], "tokens": {"a": wrong}}}),
            json.dumps({**config, "gateway": {
                **config["gateway"], "tokens": {"a": {"token": wrong}}}}),
            json.dumps({**config, "gateway": {
                **config["gateway"], "tokens": [wrong]}}),
            text.replace(f'"{secret("env")}"', f'"{wrong}', 1),
            text.replace(f'"{secret("env")}"', f'"{wrong}\\q"', 1),
            text.replace(f'"{secret("env")}"', wrong, 1),
        ]
        for case in cases:
            with open(self.gateway.config, "w", encoding="utf-8") as file:
                file.write(case)
            for command in (("check",), ("reload",),
                            ("check", self.gateway.config)):
                done = self.ctl(*command)
                self.assertNotEqual(done.returncode, 0, case)
            done = subprocess.run(
                [DAEMON, "--test", "--config", self.gateway.config],
                capture_output=True, text=True, check=False)
            self.said.append(done.stdout + done.stderr)
        with open(self.gateway.config, "w", encoding="utf-8") as file:
            file.write(text)

    def questions(self):
        """All that can be asked."""
        for command in (("status",), ("status", "--json"), ("tools",),
                        ("tools", "--json"), ("calls",), ("calls", "--json"),
                        ("calls", "--errors"), ("status", "no"),
                        ("log", "debug"), ("check",)):
            self.ctl(*command)
        calls = json.loads(self.ctl("calls", "--json").stdout)
        found = calls["calls"]
        self.assertTrue(found)
        for one in found[:20]:
            for more in ((), ("--json",)):
                done = self.ctl("explain", str(one["call"]), *more)
                self.assertEqual(done.returncode, 0, done)
        self.gateway.send_signal(signal.SIGUSR2)

    # What is found.

    def test_none_is_found_anywhere(self):
        self.gateway.wait_state("no", "backoff")
        self.bad_requests()
        self.bad_calls()
        self.bad_configurations()
        self.questions()
        self.deaths()
        again = Client(self.gateway.address, headers=self.client.headers)
        self.addCleanup(again.close)
        again.wait_tools("job/echo", "web/echo")
        self.ctl("status", "--json")
        self.ctl("status")
        self.assert_processes()
        self.assert_no_core()
        self.gateway.child.terminate()
        self.gateway.child.wait(15 * PATIENCE)
        self.gateway.stopped = True
        self.assertEqual(self.gateway.child.returncode, 0)
        texts = {"log": self.gateway.log(), "console": self.gateway.console()}
        for number, text in enumerate(self.said):
            texts[f"answer {number}"] = text
        self.assertGreater(len(texts["log"]), 10000)
        found = [one for place, text in texts.items()
                 for one in self.found(place, text)]
        self.assertEqual(found, [])

    def found(self, place, text):
        """Where a canary or something of the key is."""
        for line in text.splitlines():
            for wrong in (CANARY, self.key):
                if wrong in line:
                    yield f"{place}: {line[:2000]}"

    def assert_processes(self):
        """Command lines of all, and the environments of our own programs; the
        job's own is the place for its own."""
        ours = 0
        for pid, title in process.descendants(os.getpid()).items():
            self.assertNotIn(CANARY, title)
            if "mcp-gateway-" not in title:
                continue
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    self.assertEqual([], list(self.found(
                        title, file.read().decode("utf-8", "replace"))))
                ours += 1
            except PermissionError:
                pass  # not root: nobody can
        if os.getuid() == 0:
            self.assertGreater(ours, 4)
        with open(f"/proc/{self.gateway.pid}/cmdline",
                  encoding="utf-8") as file:
            self.assertNotIn(CANARY, file.read())

    def assert_no_core(self):
        """Where one could be."""
        if SANITIZED:
            return
        for folder in (self.gateway.folder, self.folder, "/",
                       os.getcwd()):
            self.assertEqual([name for name in os.listdir(folder)
                              if name.startswith("core.") or name == "core"],
                             [])


if __name__ == "__main__":
    unittest.main()
