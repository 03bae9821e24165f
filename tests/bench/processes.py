"""The gateway, the floor and the load, as processes."""

import copy
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# Valgrind starts slowly.
START_SECONDS = 60
STOP_SECONDS = 30


class Failed(Exception):
    """Something that is measured did not start, or said nonsense."""


def tool(build, name):
    return os.path.join(build, "tests", "bench", name)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(look, seconds, what):
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s for {what}")
        time.sleep(0.005)
    return found


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def run_tool(command):
    """What one of the load generators printed, a JSON line."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failed(f"{command}: exit {done.returncode}, "
                     f"{done.stdout!r}") from None


def direct(build, seconds):
    """The pipe alone."""
    return run_tool([tool(build, "stdioload"), "-d", str(seconds), "-w",
                     str(seconds / 5), "--", tool(build, "echo_backend")])


def children(pid):
    """{pid: the name of its program, cut to 15 letters} below a process."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8",
                      errors="replace") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        if entry.isdigit() and int(rest.split()[1]) == pid:
            found[int(entry)] = name
    return found


def field(path, name):
    """A number of a file like /proc/PID/status; None when not allowed."""
    try:
        with open(path, encoding="ascii") as file:
            return int(re.search(rf"^{name}:\s+(\d+)", file.read(),
                                 re.MULTILINE).group(1))
    except PermissionError:
        return None


def rss(pid):
    return field(f"/proc/{pid}/status", "VmRSS")


def pss(pid):
    return field(f"/proc/{pid}/smaps_rollup", "Pss")


def own(pid):
    """Memory that no other process can share: what one more of them costs."""
    return field(f"/proc/{pid}/smaps_rollup", "Private_Dirty")


class Target:
    """What can be loaded, at its base URL."""

    # Where a client comes in: "sse" is HTTP+SSE, all else Streamable HTTP.
    endpoint = "sse"
    # Answers that are wrong or lost are ours.
    counted = False

    def at(self, endpoint):
        """It, loaded at another of its endpoints."""
        other = copy.copy(self)
        other.endpoint = endpoint
        return other

    @property
    def url(self):
        return f"{self.base}/{self.endpoint}"

    @property
    def transport(self):
        return ("--sse",) if self.endpoint == "sse" else ()

    def load(self, *args):
        return run_tool([tool(self.build, "mcpload"), "call", self.url,
                         *self.transport, "--tool", self.tool("echo"), *args])

    def tool(self, name):
        return name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise Failed(f"{self.child.args[0]} does not end") from None

    @classmethod
    def first_list(cls, build, folder, **more):
        """Milliseconds from the start to an answer that lists echo."""
        port = free_port()
        began = time.monotonic_ns()
        target = cls(build, folder, port=port, wait=False, **more)
        with target:
            result = run_tool([
                tool(build, "mcpload"), "probe",
                f"http://127.0.0.1:{port}/{target.endpoint}",
                *target.transport, "--since-ns", str(began), "--expect",
                '"' + target.tool("echo") + '"'])
        if result["first_tools_list_ms"] is None:
            raise Failed(f"no tools/list: {result['first_error']}")
        return result["first_tools_list_ms"]


class Gateway(Target):
    """A gateway; entries are its backends, one with stdio unless given, and
    settings its "gateway".  With programs it runs from that folder, where
    another program may stand in for a part of it.  tools: how many more than
    two the backend lists."""

    counted = True
    # A role's program behind "mcp-gateway-".
    parts = {"front": "front", "worker": "worker"}

    def __init__(self, build, folder, port=0, wait=True, programs=None,
                 user=None, entries=None, settings=None, tools=0):
        self.build = build
        self.folder = tempfile.mkdtemp(prefix="gateway-", dir=folder)
        if user is not None:
            os.chown(self.folder, user, user)
        self.entries = entries or {"bench": {
            "command": os.path.join(programs, "echo_backend")
            if programs else tool(build, "echo_backend"),
            "args": [str(tools)]}}
        config = os.path.join(self.folder, "config.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"gateway": settings or {},
                       "mcpServers": self.entries}, file)
        os.chmod(config, 0o644)
        self.said = os.path.join(self.folder, "said")
        identity = {} if user is None else {
            "user": user, "group": user, "extra_groups": []}
        with open(self.said, "wb") as said:
            self.child = subprocess.Popen(
                [os.path.join(programs or build, "mcp-gatewayd"), "--config",
                 config, "--host", "127.0.0.1", "--port", str(port)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, **identity)
        if wait:
            try:
                wait_until(self.is_ready, START_SECONDS, "the gateway")
            except BaseException:
                with open(self.said, encoding="utf-8",
                          errors="replace") as file:
                    sys.stderr.write(file.read())
                self.stop()
                raise

    def is_ready(self):
        with open(self.said, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if self.child.poll() is not None:
            raise Failed(f"the gateway ended: {text}")
        if re.search(f"^ready: {len(self.entries)} ", text,
                     re.MULTILINE) is None:
            return False
        self.base = re.search(r"^listening on (http://[^/\s]+)", text,
                              re.MULTILINE).group(1)
        return True

    def tool(self, name):
        return self.spell("bench", name)

    def spell(self, backend, name):
        """The name of a backend's tool, as clients know it there."""
        return backend + ("/" if self.endpoint == "sse" else "__") + name

    def part(self, role):
        """The pid of a role's process."""
        name = f"mcp-gateway-{role}"[:15]
        return next(pid for pid, comm in children(self.child.pid).items()
                    if comm == name)

    def front(self):
        return self.part("front")

    def worker(self):
        return self.part("worker")

    def job(self):
        return next(iter(children(self.part("reaper"))))

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Backend(Target):
    """One of the backends of a gateway."""

    counted = True

    def __init__(self, gateway, name):
        self.build, self.base, self.name = gateway.build, gateway.base, name

    def tool(self, name):
        return f"{self.name}/{name}"


class EchoServer(Target):
    """The echo server over HTTP; it is loaded over Streamable HTTP."""

    endpoint = "mcp"
    # Where each kind of it is.
    endpoints = {"http": "mcp", "events": "events", "sse": "sse"}

    def __init__(self, build):
        self.build = build
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.child = subprocess.Popen(
            [tool(build, "http_echo_backend"), str(port)],
            stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens(port), START_SECONDS,
                       "the echo server")
        except BaseException:
            self.stop()
            raise

    def over(self, kind):
        """It, loaded over one of its kinds."""
        return self.at(self.endpoints[kind])

    def entry(self, kind):
        """What a configuration says of it."""
        return {"type": "sse" if kind == "sse" else "http",
                "url": self.over(kind).url}


class HttpGateway(Gateway):
    """A gateway with one backend, the echo server over HTTP."""

    parts = {"front": "front", "worker": "worker-http"}

    def __init__(self, build, folder, server, kind="http", **more):
        self.server = server
        super().__init__(build, folder, entries={"bench": server.entry(kind)},
                         **more)

    def job(self):
        return self.server.child.pid


class Floor(Target):
    """The floor with the same backend; prefix is put before its command."""

    def __init__(self, build, _folder=None, port=None, wait=True, prefix=()):
        self.build = build
        port = port or free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.child = subprocess.Popen(
            [*prefix, tool(build, "floor"), str(port), "--epoll-changelist",
             "--tuned", "--big-pipes", "--", tool(build, "echo_backend")],
            # Linux shares out its CPUs by session: the gateway has its own.
            stdin=subprocess.DEVNULL, start_new_session=True)

        if wait:
            wait_until(lambda: listens(port), START_SECONDS, "the floor")

    def front(self):
        return self.child.pid

    def worker(self):
        return next(iter(children(self.child.pid)))

    def job(self):
        return next(iter(children(self.worker())))
