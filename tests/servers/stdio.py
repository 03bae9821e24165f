"""A client of one MCP server over pipes, for tests."""

import json
import os
import select
import signal
import subprocess
import time
import unittest

BUILD = os.environ.get("MCPGW_BUILD", "build")
# Far longer than anything takes; a test that waits this long has failed.
PATIENCE = 20 * int(os.environ.get("MCPGW_TEST_PATIENCE", "1"))


def program(name):
    return os.path.join(BUILD, name)


class Server:
    """A server that was started, and what it wrote."""

    def __init__(self, name, *args, env=None):
        self.process = subprocess.Popen(
            [program(name), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        self.out = self.process.stdout.fileno()
        self.pending = b""
        self.notifications = []
        self.answers = {}
        self.next_id = 0

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.write(json.dumps(message).encode() + b"\n")

    def line(self, patience=PATIENCE):
        """The next line without its end; None at the end of the stream."""
        end = time.monotonic() + patience
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.out], [], [], left)[0]:
                raise TimeoutError(f"no line; have {self.pending[:200]!r}")
            data = os.read(self.out, 1 << 20)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def message(self, patience=PATIENCE):
        line = self.line(patience)
        if line is None:
            raise EOFError("the server closed its output")
        return json.loads(line)

    def request(self, method, params=None, **extra):
        """Send a request and return its id."""
        self.next_id += 1
        message = {"jsonrpc": "2.0", "id": self.next_id, "method": method}
        if params is not None:
            message["params"] = params
        message.update(extra)
        self.send(message)
        return message["id"]

    def notify(self, method, params=None):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)

    def wait(self, wanted, patience=PATIENCE):
        """The response to this id; other messages are kept."""
        while wanted not in self.answers:
            message = self.message(patience)
            if "method" in message:
                self.notifications.append(message)
            else:
                self.answers[message.get("id")] = message
        return self.answers.pop(wanted)

    def ask(self, method, params=None):
        return self.wait(self.request(method, params))

    def initialize(self, revision="2025-11-25"):
        answer = self.ask(
            "initialize",
            {
                "protocolVersion": revision,
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        )
        self.notify("notifications/initialized")
        return answer

    def begin_call(self, name, arguments=None, token=None):
        params = {"name": name, "arguments": arguments or {}}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.request("tools/call", params)

    def call(self, name, arguments=None):
        return self.wait(self.begin_call(name, arguments))

    def end_input(self):
        self.process.stdin.close()

    def exit_code(self, patience=PATIENCE):
        return self.process.wait(patience)


class ServerTest(unittest.TestCase):
    """Starts servers and takes them away again."""

    name = ""

    def start(self, *args, revision="2025-11-25", env=None):
        server = Server(self.name, *args, env=env)
        self.addCleanup(server.close)
        if revision is not None:
            self.assertIn("result", server.initialize(revision))
        return server

    def run_program(self, *args, data=b""):
        return subprocess.run(
            [program(self.name), *args],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )


def alive(pid):
    """True while the process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(what, patience=PATIENCE):
    """Poll until what() is true; False when it does not become so."""
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
