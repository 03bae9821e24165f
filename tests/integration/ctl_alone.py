"""mcp-gatewayctl without a gateway: its command line, tokens, files of other
programs, answers that make no sense, and the completion of shells."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

from control import CTL, DONE, NOBODY, REFUSED, USAGE, Asked, ctl
from frames import HEADER
from gateway import PYTHON, SOURCE, backend

SAMPLES = os.path.join(SOURCE, "tests", "integration", "import")
COMPLETION = os.path.join(SOURCE, "config", "completion")
RESULT_TYPE = 35


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


class Rogue(unittest.TestCase):
    """What answers is no gateway, or a sick one."""

    def answer(self, data, hold=False):
        """Run "tools" against a server that answers this."""
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder, \
                socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, "sock")
            listener.bind(path)
            listener.listen()
            ended = threading.Event()

            def serve():
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(data)
                    if hold:
                        ended.wait(20)
            thread = threading.Thread(target=serve)
            thread.start()
            done = ctl("--timeout", "1", "tools", path=path)
            ended.set()
            thread.join()
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")
            return done

    def frame(self, payload, kind=RESULT_TYPE, length=None):
        """A frame of its own."""
        return HEADER.pack(len(payload) if length is None else length, kind,
                           0, 0, 0, 0) + payload

    def test_no_frame_is_no_gateway(self):
        for data in (b"", b"x" * 10, b"HTTP/1.1 400 Bad Request\r\n\r\n",
                     self.frame(b"{}", kind=1), self.frame(b"{}", length=100),
                     self.frame(b"{}", length=1 << 31)):
            self.assertEqual(self.answer(data).returncode, NOBODY)

    def test_an_answer_that_is_no_object_is_a_failure(self):
        for payload in (b"", b"[]", b"{", b"{'ok':true}", b'{"ok":\xff}',
                        b"null", b"[" * 5000):
            self.assertEqual(
                self.answer(self.frame(payload)).returncode, REFUSED)

    def test_a_refusal_is_shown_without_what_a_terminal_obeys(self):
        for payload in (b'{"ok":false}', b'{"ok":"no"}', b"{}",
                        b'{"ok":false,"errors":7}',
                        b'{"ok":false,"errors":[7,{"text":"a\\u001b[2J"}]}'):
            done = self.answer(self.frame(payload))
            self.assertIn(done.returncode, (REFUSED, DONE))
            self.assertNotIn("\x1b", done.stderr)

    def test_one_that_hangs_is_not_waited_for_for_ever(self):
        for data in (b"", b"\0" * 5, self.frame(b"{}", length=100)):
            done = self.answer(data, hold=True)
            self.assertEqual(done.returncode, NOBODY)
            self.assertIn("within 1 s", done.stderr)


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
            "fetch": {"command": "uvx", "args": ["mcp-server-fetch"]},
            "remote": {"url": "https://example.com/sse", "type": "sse"}})

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
