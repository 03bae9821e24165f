"""mcp-gatewayctl: what it asks, shows and changes, who may ask, and files of
other programs."""

import grp
import json
import os
import pty
import pwd
import re
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import unittest

import process
from client import Client
from frames import HEADER
from gateway import DAEMON, PATIENCE, PYTHON, SOURCE, Gateway, backend, program

CTL = program("mcp-gatewayctl")
SAMPLES = os.path.join(SOURCE, "tests", "integration", "import")
COMPLETION = os.path.join(SOURCE, "config", "completion")
DONE, REFUSED, USAGE, NOBODY, TROUBLE = range(5)
CONTROL_TYPE = 34
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def ctl(*args, path=None, prefix=(), text=None, env=None, timeout=60):
    """Run the program to its end."""
    command = [*prefix, CTL]
    if path is not None:
        command += ["--socket", path]
    environment = dict(os.environ)
    environment.update(env or {})
    return subprocess.run(
        [*command, *args], capture_output=True, text=True, timeout=timeout,
        input=text if text is not None else "", env=environment, check=False)


class Asked(Gateway):
    """A gateway with a control socket of its own."""

    def __init__(self, backends, settings=None, **more):
        self.place = tempfile.mkdtemp(prefix="mcpgw-test-")
        os.chmod(self.place, 0o755)
        self.path = os.path.join(self.place, "ctl", "control.sock")
        super().__init__(
            backends, gateway={"control_socket": self.path,
                               **(settings or {})}, **more)

    def __exit__(self, *args):
        try:
            super().__exit__(*args)
        finally:
            shutil.rmtree(self.place, ignore_errors=True)

    def ctl(self, *args, status=DONE, **more):
        """Run the program with this socket; it must end with this status."""
        done = ctl(*args, path=self.path, **more)
        assert done.returncode == status, (
            f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
            f"{self.report()}")
        return done

    def status(self, name=None, **more):
        """What it says to programs; of one backend if there is a name."""
        done = ctl("status", "--json", path=self.path, **more)
        answer = json.loads(done.stdout)
        if name is None:
            return answer
        return next(one for one in answer["backends"]
                    if one["name"] == name)

    def wait_state(self, name, state, timeout=15):
        """Wait until a backend is like this."""
        process.wait_until(lambda: self.status(name)["state"] == state,
                           timeout * PATIENCE, f"{name} is {state}")

    def rewrite(self, backends, **settings):
        """Another configuration file, not yet read."""
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"gateway": {"control_socket": self.path, **settings},
                       "mcpServers": backends}, file, indent=1)


class Status(unittest.TestCase):
    """What is shown."""

    def test_the_table_has_every_backend(self):
        with Asked({"one": backend(), "two words": backend(),
                    "off": backend(disabled=True)}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two words/echo")
            client.call("one/echo", {"text": "x"}).result
            text = gateway.ctl("status").stdout
            self.assertRegex(text, r"(?m)^MCP Gateway \S+: running for .*pid "
                             + str(gateway.pid))
            self.assertIn(str(gateway.address[1]), text)
            self.assertRegex(text, r"(?m)^one +ready .* 1 +0 +0 ")
            self.assertRegex(text, r"(?m)^two words +ready ")
            self.assertRegex(text, r"(?m)^off +disabled ")
            self.assertIn("1 session", text)
            self.assertNotIn("\x1b", text)

    def test_programs_get_the_same(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo", {"text": "x"}).result
            answer = gateway.status()
            self.assertEqual(answer["gateway"]["pid"], gateway.pid)
            self.assertEqual(answer["gateway"]["config"], gateway.config)
            self.assertGreater(
                answer["gateway"]["memory"]["supervisor"], 1 << 18)
            one = answer["backends"][0]
            self.assertEqual(one["name"], "one")
            self.assertEqual(one["state"], "ready")
            self.assertEqual(one["worker_pid"], gateway.find("worker", "one"))
            self.assertEqual(one["reaper_pid"], gateway.find("reaper", "one"))
            self.assertGreater(one["memory_bytes"], 1 << 20)
            process.wait_until(
                lambda: gateway.status("one")["processes"] == 1,
                10 * PATIENCE, "the reaper's count")
            counts = next(each for each in answer["front"]["backends"]
                          if each["number"] == one["number"])
            self.assertEqual(counts["calls"], 1)
            self.assertEqual(counts["errors"], 0)
            self.assertEqual(answer["front"]["sessions"], 1)

    def test_what_fails_says_why_and_when_it_is_tried_again(self):
        broken = {"command": "sh",
                  "args": ["-c", "echo 'no key \x1b[31m set' >&2; exit 3"]}
        with Asked({"good": backend(), "bad": broken,
                    "none": {"command": "/no/such"}}) as gateway:
            gateway.wait_state("bad", "backoff")
            text = gateway.ctl("status", status=TROUBLE).stdout
            self.assertRegex(text, r"(?m)^bad +(retrying|failed)")
            self.assertRegex(
                text, r"bad: .*status 3.*no key \\x1b\[31m set.*next try in")
            self.assertRegex(text, r"none: .*/no/such.*not tried again")
            self.assertNotIn("\x1b", text)
            gateway.ctl("status", "--json", status=TROUBLE)
            gateway.ctl("status", "good")
            text = gateway.ctl("status", "bad", status=TROUBLE).stdout
            self.assertIn("no key", text)
            text = gateway.ctl("status", "nobody", status=REFUSED).stderr
            self.assertIn("no backend \"nobody\"", text)

    def test_names_are_one_a_line(self):
        with Asked({"one": backend(), "two words": backend(),
                    "bad": {"command": "/no/such"}}) as gateway:
            self.assertEqual(gateway.ctl("status", "--names").stdout,
                             "one\ntwo words\nbad\n")

    def test_a_terminal_gets_colours_and_short_lines(self):
        with Asked({"a" * 60: backend()}) as gateway:
            gateway.wait_state("a" * 60, "ready")
            master, slave = pty.openpty()
            import fcntl  # pylint: disable=import-outside-toplevel
            import termios  # pylint: disable=import-outside-toplevel
            fcntl.ioctl(slave, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, 60, 0, 0))
            environment = {**os.environ, "TERM": "xterm"}
            environment.pop("NO_COLOR", None)
            child = subprocess.Popen(
                [CTL, "--socket", gateway.path, "status"], stdout=slave,
                env=environment, stdin=subprocess.DEVNULL)
            os.close(slave)
            text = b""
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                text += data
            os.close(master)
            self.assertEqual(child.wait(20), 0)
            self.assertIn(b"\x1b[32mready", text)
            plain = re.sub(r"\x1b\[\d*m", "", text.decode())
            table = plain[plain.index("NAME"):].splitlines()
            for line in table:
                self.assertLessEqual(len(line), 60, line)
            self.assertIn("…", table[1])

    def test_tools_are_those_of_clients(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            tools = json.loads(gateway.ctl("tools", "--json").stdout)["tools"]
            self.assertEqual(sorted(tool["name"] for tool in tools),
                             sorted(client.tools()))
            some = json.loads(
                gateway.ctl("tools", "two", "--json").stdout)["tools"]
            self.assertEqual({tool["backend"] for tool in some}, {"two"})
            self.assertIn("two/echo", gateway.ctl("tools").stdout)
            self.assertNotIn("one/echo", gateway.ctl("tools", "two").stdout)


class Calls(unittest.TestCase):
    """What happened to a call."""

    def test_a_call_is_listed_and_explained(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            client.call("one/echo", {"text": "x"}).result
            client.call("two/error").error
            calls = json.loads(
                gateway.ctl("calls", "--json").stdout)["calls"]
            self.assertEqual([one["name"] for one in calls
                              if one["method"] == "tools/call"],
                             ["two/error", "one/echo"])
            last = calls[0]["call"]
            some = json.loads(gateway.ctl(
                "calls", "--json", "--backend", "one").stdout)["calls"]
            self.assertEqual({one["backend"] for one in some}, {"one"})
            some = json.loads(gateway.ctl(
                "calls", "--json", "--errors").stdout)["calls"]
            self.assertEqual([one["name"] for one in some], ["two/error"])
            some = json.loads(gateway.ctl(
                "calls", "--json", "--count", "1").stdout)["calls"]
            self.assertEqual([one["call"] for one in some], [last])
            text = gateway.ctl("calls").stdout
            self.assertIn("one/echo", text)
            text = gateway.ctl("explain", last).stdout
            self.assertIn("two/error", text)
            self.assertIn("error of its own", text)
            self.assertIn("mcp-gatewayctl status 'two'", text)
            gateway.ctl("explain", "1", status=REFUSED)
            gateway.ctl("explain", "x", status=USAGE)

    def test_one_whose_backend_died_says_what_may_have_been_done(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/exit")
            client.call("one/exit").error
            calls = json.loads(gateway.ctl(
                "calls", "--json", "--errors").stdout)["calls"]
            self.assertEqual(calls[0]["outcome"], "unknown")
            text = gateway.ctl("explain", calls[0]["call"]).stdout
            self.assertIn("may have done all, a part or nothing",
                          " ".join(text.split()))


class Changes(unittest.TestCase):
    """What is changed, and by whom."""

    def test_a_reload_says_what_it_changed(self):
        with Asked({"one": backend(), "two": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            gateway.wait_state("two", "ready")
            pid = gateway.status("one")["worker_pid"]
            gateway.rewrite({"one": backend(), "three": backend()})
            text = gateway.ctl("check").stdout
            self.assertRegex(text, "add|remove")
            names = gateway.ctl("status", "--names").stdout.split()
            self.assertEqual(names, ["one", "two"])
            text = gateway.ctl("reload").stdout
            self.assertRegex(text, "add|remove")
            self.assertEqual(gateway.status("three")["state"], "ready")
            self.assertEqual(gateway.status("one")["worker_pid"], pid)
            self.assertEqual(gateway.status()["gateway"]["reloads"], 1)
            gateway.wait_log(rf"control .*uid {os.getuid()}: reload")

    def test_an_error_has_its_place_and_changes_nothing(self):
        with Asked({"one": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            with open(gateway.config, "w", encoding="utf-8") as file:
                file.write('{\n  "mcpServers": {"one": {"command": 5}}\n}\n')
            for verb in ("check", "reload"):
                text = gateway.ctl(verb, status=REFUSED).stderr
                self.assertRegex(
                    text, rf"(?m)^{re.escape(gateway.config)}:2:\d+: .*"
                    "command")
            self.assertEqual(gateway.status("one")["state"], "ready")
            text = gateway.ctl("status", status=TROUBLE).stdout
            self.assertIn("last reload was refused", text)

    def test_a_backend_is_stopped_started_and_replaced(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            gateway.ctl("stop", "one", "two")
            for name in ("one", "two"):
                gateway.wait_state(name, "down")
                self.assertEqual(gateway.status(name)["part"], "stopped")
            gateway.ctl("status")
            gateway.ctl("start", "one")
            gateway.wait_state("one", "ready")
            pid = gateway.status("one")["worker_pid"]
            gateway.ctl("restart", "one")
            process.wait_until(
                lambda: gateway.status("one")["worker_pid"] not in
                (pid, None), 15 * PATIENCE, "another worker")
            text = gateway.ctl("restart", "nobody", "two",
                               status=REFUSED).stderr
            self.assertIn("nobody", text)
            gateway.wait_state("two", "ready")  # the others are acted on
            gateway.wait_log(rf"control .*uid {os.getuid()}: stop one")

    def test_the_log_level_changes_everywhere(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            self.assertNotIn(" DEBUG ", gateway.log())
            gateway.ctl("log", "debug")
            gateway.ctl("restart", "one")
            gateway.wait_log(" DEBUG ")
            gateway.ctl("log", "loud", status=USAGE)


class Access(unittest.TestCase):
    """Who may ask, and what a peer can do."""

    def test_nobody_answers(self):
        done = ctl("status", path="/nonexistent/control.sock")
        self.assertEqual(done.returncode, NOBODY)
        self.assertIn("/nonexistent/control.sock", done.stderr)
        with Asked({}) as gateway:
            path = gateway.path
            gateway.stop()
            self.assertEqual(ctl("status", path=path).returncode, NOBODY)
            self.assertFalse(os.path.exists(path))

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_a_stranger_is_refused(self):
        with Asked({}) as gateway:
            self.assertEqual(stat.S_IMODE(os.stat(gateway.path).st_mode),
                             0o600)
            done = gateway.ctl("status", prefix=AS_NOBODY, status=NOBODY)
            self.assertIn("Permission denied", done.stderr)
            # Not even one who gets to the socket.
            os.chmod(os.path.dirname(gateway.path), 0o755)
            os.chmod(gateway.path, 0o666)
            done = gateway.ctl("stop", "x", prefix=AS_NOBODY, status=REFUSED)
            self.assertIn("may not control", done.stderr)
            gateway.wait_log("uid 65534: refused")

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_the_group_and_the_mode_let_in(self):
        group = grp.getgrgid(pwd.getpwnam("daemon").pw_gid)
        as_group = ("setpriv", "--reuid=65534", f"--regid={group.gr_gid}",
                    "--clear-groups")
        as_member = ("setpriv", "--reuid=65534", "--regid=65534",
                     f"--groups={group.gr_gid}")
        with Asked({}, settings={"control_group": group.gr_name,
                                 "control_mode": "0660"}) as gateway:
            info = os.stat(gateway.path)
            self.assertEqual((stat.S_IMODE(info.st_mode), info.st_gid),
                             (0o660, group.gr_gid))
            gateway.ctl("status", prefix=as_group)
            gateway.ctl("status", prefix=as_member)
            gateway.ctl("status", prefix=AS_NOBODY, status=NOBODY)
            gateway.ctl("reload", prefix=as_member)
            gateway.wait_log("control .*uid 65534: reload")

    def test_a_second_gateway_must_have_another_socket(self):
        with Asked({}) as gateway:
            other = subprocess.run(
                [DAEMON, "--config", gateway.config, "--port", "0"],
                capture_output=True, text=True, timeout=30, check=False,
                cwd=gateway.place)
            self.assertEqual(other.returncode, 1)
            self.assertIn("another gateway serves", other.stderr)
            gateway.ctl("status")

    def test_one_that_was_killed_leaves_nothing_in_the_way(self):
        with Asked({}) as gateway:
            path = gateway.path
            gateway.child.kill()
            gateway.child.wait()
            gateway.stopped = True
            self.assertTrue(os.path.exists(path))
            with Gateway({}, gateway={"control_socket": path}):
                self.assertEqual(ctl("status", path=path).returncode, DONE)

    def connect(self, gateway):
        """A peer of the test's own."""
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(gateway.path)  # waits while the backlog is full
        peer.settimeout(10)
        return peer

    def test_rogue_bytes_are_hung_up_on(self):
        def frame(kind, payload, length=None, zero=0):
            return HEADER.pack(len(payload) if length is None else length,
                               kind, 0, 1, 0, zero) + payload
        object_ = b'{"verb":"status"}'
        with Asked({"one": backend()}) as gateway:
            for data in (b"\0" * 24, b"\xff" * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                         frame(1, object_), frame(CONTROL_TYPE + 1, object_),
                         frame(CONTROL_TYPE, object_, length=1 << 31),
                         frame(CONTROL_TYPE, object_, length=4097),
                         frame(CONTROL_TYPE, object_, zero=1),
                         frame(CONTROL_TYPE, b"[" * 200),
                         frame(CONTROL_TYPE, b'{"verb":"\xff"}'),
                         frame(CONTROL_TYPE, b""),
                         frame(CONTROL_TYPE, object_) * 2):
                with self.connect(gateway) as peer:
                    peer.sendall(data)
                    while True:
                        try:
                            if not peer.recv(65536):
                                break
                        except ConnectionResetError:
                            break
            # A verb that does not exist has an answer.
            with self.connect(gateway) as peer:
                peer.sendall(frame(CONTROL_TYPE, b'{"verb":"exec"}'))
                self.assertIn(b"does not know", peer.recv(65536))
            gateway.wait_state("one", "ready")

    def test_a_hundred_peers_are_too_many(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            before = len(process.descriptors(gateway.pid))
            peers = [self.connect(gateway) for _ in range(100)]
            process.wait_until(
                lambda: len(process.descriptors(gateway.pid)) <= before + 17,
                10 * PATIENCE, "at most 16 of them")
            done = gateway.ctl("status", status=REFUSED)
            self.assertIn("too many", done.stderr)
            client.call("one/echo", {"text": "x"}).result
            for peer in peers:
                peer.close()
            process.wait_until(
                lambda: ctl("status", path=gateway.path).returncode == DONE,
                10 * PATIENCE, "an answer")
            process.wait_until(
                lambda: len(process.descriptors(gateway.pid)) <= before,
                10 * PATIENCE, "all descriptors closed")

    def test_whoever_hangs_up_in_the_middle_harms_nobody(self):
        with Asked({"one": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            for verb in ("status", "tools", "reload", "calls"):
                for _ in range(20):
                    with self.connect(gateway) as peer:
                        payload = json.dumps({"verb": verb}).encode()
                        peer.sendall(HEADER.pack(
                            len(payload), CONTROL_TYPE, 0, 0, 0, 0)
                            + payload)
            process.wait_until(
                lambda: ctl("status", path=gateway.path).returncode == DONE,
                10 * PATIENCE, "an answer")


class Alone(unittest.TestCase):
    """Without a gateway."""

    def test_help_names_every_command(self):
        text = ctl("--help").stdout
        for command in ("status", "reload", "check", "start", "stop",
                        "restart", "log", "tools", "calls", "explain",
                        "import", "token"):
            self.assertRegex(text, rf"(?m)^  {command} ")
        self.assertRegex(ctl("--version").stdout, r"\Amcp-gatewayctl \d")

    def test_a_wrong_line_is_a_usage_error(self):
        for args in ((), ("nonsense",), ("status", "--nonsense"),
                     ("stop",), ("--timeout", "x", "status")):
            done = ctl(*args)
            self.assertEqual(done.returncode, USAGE, args)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")

    def test_a_file_is_checked_here(self):
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
            path = os.path.join(folder, "config.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"mcpServers":{"a":{"command":"x"}}}')
            os.chmod(path, 0o600)
            done = ctl("check", path)
            self.assertEqual((done.returncode, done.stdout),
                             (DONE, f"{path}: ok, 1 backend\n"))
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"mcpServers":\n {"a":{"comand":"x"}}}')
            done = ctl("check", path)
            self.assertEqual(done.returncode, REFUSED)
            self.assertRegex(done.stderr, r"config\.json:2:\d+: .*command")
            self.assertEqual(
                ctl("check", path + ".not").returncode, REFUSED)

    def test_a_token_fits_its_hash_and_the_configuration(self):
        done = ctl("token", "alice")
        token = done.stdout.strip()
        self.assertRegex(token, r"\Amcpgw_[A-Za-z0-9_-]{43}\Z")
        self.assertNotIn(token, done.stderr)
        self.assertNotEqual(token, ctl("token", "alice").stdout.strip())
        hashed = ctl("token", "--hash", text=token + "\n").stdout.strip()
        self.assertRegex(hashed, r"\Asha256:[0-9a-f]{64}\Z")
        self.assertIn(f'"alice": {{ "hash": "{hashed}" }}', done.stderr)
        entry = ctl("token", "bob", "--from-stdin", text=token).stdout
        self.assertNotIn(token, entry)
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
            path = os.path.join(folder, "config.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write("{" + entry + "}")
            os.chmod(path, 0o600)
            self.assertEqual(ctl("check", path).returncode, DONE)
        for bad in ("", "a b", "ä", "x" * 5000):
            self.assertEqual(
                ctl("token", "--hash", text=bad).returncode, REFUSED)
        self.assertEqual(ctl("token", "a\x1b").returncode, USAGE)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([CTL, "token"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=20,
                                  stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn(b"No space left", done.stderr)


class Import(unittest.TestCase):
    """Files of other programs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mcpgw-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def convert(self, name, env=None):
        """A sample as ours: its text and what JSON it is; it must be good."""
        done = ctl("import", os.path.join(SAMPLES, name))
        self.assertEqual((done.returncode, done.stderr), (DONE, ""))
        path = os.path.join(self.folder, "config.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        os.chmod(path, 0o600)
        checked = ctl("check", path, env=env)
        self.assertEqual((checked.returncode, checked.stderr), (DONE, ""))
        plain = ctl("import", "--json", os.path.join(SAMPLES, name))
        self.assertEqual(plain.returncode, DONE)
        return done.stdout, json.loads(plain.stdout)

    def test_claude_desktop(self):
        text, ours = self.convert("claude_desktop_config.json")
        self.assertEqual(ours, {"mcpServers": {
            "filesystem": {"command": "npx", "args": [
                "-y", "@modelcontextprotocol/server-filesystem",
                "/srv/files"]},
            "weather": {"command": "uv", "args": [
                "--directory", "/opt/weather", "run", "weather.py"],
                "env": {"PRICE": "$${literally", "API_KEY": "k-$5"}}}})
        self.assertIn("// \"globalShortcut\" is left out", text)

    def test_cursor(self):
        text, ours = self.convert(
            ".cursor/mcp.json", env={"NOTES_TOKEN": "1", "API_TOKEN": "2"})
        home = os.environ["HOME"]
        self.assertEqual(ours["mcpServers"]["notes"], {
            "command": f"{SAMPLES}/bin/notes",
            "args": ["--root", f"{home}/notes", "--sep", "/"],
            "env": {"TOKEN": "${NOTES_TOKEN}"}})
        self.assertEqual(ours["mcpServers"]["api"], {
            "url": "https://api.example.com/mcp",
            "headers": {"Authorization": "Bearer ${API_TOKEN}"}})
        self.assertIn("// \"envFile\" is left out", text)
        self.assertIn("// \"auth\" is left out", text)
        self.assertRegex(text, r"//   NOTES_TOKEN .*notes")

    def test_vs_code(self):
        text, ours = self.convert(
            ".vscode/mcp.json", env={"GITHUB_TOKEN": "1"})
        servers = ours["mcpServers"]
        self.assertEqual(set(servers), {"github", "playwright", "tool-box"})
        self.assertEqual(servers["github"]["headers"],
                         {"Authorization": "Bearer ${GITHUB_TOKEN}"})
        self.assertEqual(servers["playwright"]["env"], {"DEBUG": "1"})
        self.assertEqual(servers["tool-box"], {
            "command": f"{SAMPLES}/bin/box", "disabled": True,
            "args": ["$${command:pick}", "$${file:/etc/shadow}"]})
        self.assertRegex(text, r"//   GITHUB_TOKEN .*GitHub token")
        self.assertIn("// \"sandboxEnabled\" is left out", text)
        self.assertRegex(text, r"// \"ftp\" is left out")

    def test_tbxark(self):
        text, ours = self.convert("tbxark.json")
        default = ctl("token", "--hash",
                      text="the-default-token-0123456789").stdout.strip()
        own = ctl("token", "--hash",
                  text="a-token-of-its-own-0123456789").stdout.strip()
        self.assertEqual(ours["gateway"], {
            "host": "0.0.0.0", "port": 9090,
            "public_url": "https://mcp.example.com",
            "tokens": {
                "imported-1": {"hash": default,
                               "backends": ["github", "amap", "stream"]},
                "imported-2": {"hash": own, "backends": ["fetch"]}}})
        servers = ours["mcpServers"]
        self.assertEqual(servers["github"]["tools"],
                         {"deny": ["create_or_update_file", "a\\*b"]})
        self.assertEqual(servers["amap"]["type"], "sse")
        self.assertEqual(servers["stream"], {
            "url": "https://stream.example.com/mcp", "type": "http",
            "request_timeout": 30})
        self.assertNotIn("the-default-token", text)
        self.assertNotIn("a-token-of-its-own", text)

    def test_tbxark_before_version_2(self):
        _, ours = self.convert("tbxark-1.json")
        self.assertEqual(ours["gateway"], {
            "host": "127.0.0.1", "port": 9090,
            "public_url": "http://localhost:9090"})
        self.assertEqual(ours["mcpServers"], {
            "fetch": {"command": "uvx", "env": {},
                      "args": ["mcp-server-fetch"]},
            "remote": {"url": "https://example.com/sse", "headers": {},
                       "type": "sse"}})

    def test_what_is_none_of_them_is_refused(self):
        path = os.path.join(self.folder, "x.json")
        for text in ("", "[]", "{}", '{"mcpServers": []}', "{\n x", "/*",
                     '{"mcpServers": {"a": {"command": "\xff"}}}'):
            with open(path, "w", encoding="latin-1") as file:
                file.write(text)
            done = ctl("import", path)
            self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
            self.assertNotEqual(done.stderr, "")
        done = ctl("import", path + ".not")
        self.assertEqual(done.returncode, REFUSED)

    def test_nothing_in_a_file_gets_out_of_a_comment_or_a_string(self):
        path = os.path.join(self.folder, "x.json")
        evil = "x\n\"evil\": {\"command\": \"sh\"}, //\x1b[2J\u202e"
        with open(path, "w", encoding="utf-8") as file:
            json.dump({evil: 1, "mcpServers": {
                "a": {"command": evil, evil: evil, "type": evil,
                      "env": {evil: None, "K": evil}, "args": [evil]},
                evil: {"command": "x"}}}, file)
        done = ctl("import", path)
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertNotIn("\x1b", done.stdout)
        self.assertNotIn("\u202e", done.stdout)
        text = re.sub(r"(?m)^\s*//.*$", "", done.stdout)
        ours = json.loads(text)["mcpServers"]
        self.assertEqual(ours["a"]["args"], [evil])
        self.assertNotIn("evil", ours)


class Completion(unittest.TestCase):
    """What a shell proposes."""

    def setUp(self):
        self.gateway = Asked({"one": backend(), "two words": backend()})
        self.addCleanup(self.gateway.__exit__, None, None, None)
        self.environment = {**os.environ, "PATH": os.path.dirname(CTL) + ":"
                            + os.environ["PATH"]}

    def bash(self, *words):
        """The candidates for the last word."""
        script = (
            'source "$1/mcp-gatewayctl.bash"; shift; COMP_WORDS=("$@"); '
            'COMP_CWORD=$(($# - 1)); _mcp_gatewayctl; '
            'for word in "${COMPREPLY[@]}"; do echo "$word"; done')
        done = subprocess.run(
            ["bash", "-c", script, "bash", COMPLETION, "mcp-gatewayctl",
             *words], capture_output=True, text=True, timeout=30, check=True,
            env=self.environment)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def test_bash(self):
        sock = ("--socket", self.gateway.path)
        self.assertEqual(self.bash("st"), ["status", "start", "stop"])
        self.assertEqual(self.bash("log", "de"), ["debug"])
        self.assertEqual(self.bash("calls", "--e"), ["--errors"])
        self.assertEqual(self.bash("reload", "--j"), [])
        self.assertEqual(self.bash(*sock, "stop", "o"), ["one"])
        self.assertEqual(self.bash(*sock, "stop", "t"), ["two\\ words"])
        self.assertEqual(self.bash(*sock, "calls", "--backend", ""),
                         ["one", "two\\ words"])
        self.assertEqual(set(self.bash("import", "/etc/host")),
                         set(self.bash("check", "/etc/host")))
        self.assertIn("/etc/hostname", self.bash("check", "/etc/hostn"))

    def test_every_command_is_completed_by_every_shell(self):
        commands = set(re.findall(r"(?m)^  ([a-z]+) ", ctl("--help").stdout))
        self.assertEqual(len(commands), 12)
        self.assertEqual(set(self.bash("")), commands)
        for shell in ("zsh", "fish"):
            with open(os.path.join(COMPLETION, f"mcp-gatewayctl.{shell}"),
                      encoding="utf-8") as file:
                text = file.read()
            for command in commands:
                self.assertRegex(text, rf"\b{command}\b")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        # A real line editor on a terminal: TAB lists what fits.
        folder = tempfile.mkdtemp(prefix="mcpgw-test-")
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(os.path.join(COMPLETION, "mcp-gatewayctl.zsh"),
                    os.path.join(folder, "_mcp-gatewayctl"))
        script = f"""
import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execvp("zsh", ["zsh", "-f", "-i"])
def say(text, until):
    os.write(fd, text.encode())
    got = b""
    end = time.monotonic() + 20
    while until.encode() not in got and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            got += os.read(fd, 65536)
    return got.decode(errors="replace")
say("PS1='%% '; fpath=({folder} $fpath); autoload -U compinit; "
    "compinit -u -d {folder}/dump; zstyle ':completion:*' menu no; "
    "echo rea''dy\\n", "ready")
print(say("mcp-gatewayctl st\\t\\t", "status"))
print(say("\\x15mcp-gatewayctl --socket {self.gateway.path} stop tw\\t",
          "words"))
os.write(fd, b"\\x15exit\\n")
"""
        done = subprocess.run([PYTHON, "-c", script], capture_output=True,
                              text=True, timeout=90, check=True,
                              env={**self.environment, "TERM": "dumb"})
        self.assertRegex(done.stdout, "status")
        self.assertRegex(done.stdout, r"two\\ words")


if __name__ == "__main__":
    unittest.main()
