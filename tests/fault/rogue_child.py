"""A worker in a stranger's hands, and a gateway that is started in a strange
place: the supervisor survives both, and the others go on."""

import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import tempfile
import time
import unittest

import gateway
import process
from client import Canary, Client
from gateway import PATIENCE, Gateway, backend

# Stands where mcp-gateway-worker is looked for.  Its backend's name says what
# it does; for all others it becomes the real one.
FAKE = r'''#!%(python)s
import array, json, os, socket, struct, sys, time

HEADER = struct.Struct(">IHHQII")
HELLO, SETUP, READY, LOG, OBITUARY = range(1, 6)
channel = socket.socket(fileno=3)

def setup():
    """SETUP, which stays in the socket for the real worker."""
    while True:
        data = channel.recv(1 << 16, socket.MSG_PEEK)
        if len(data) >= HEADER.size:
            length = HEADER.unpack_from(data)[0]
            if len(data) >= HEADER.size + length:
                return json.loads(data[HEADER.size:HEADER.size + length])

def frame(kind, payload, flags=0, length=None):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return HEADER.pack(len(payload) if length is None else length, kind,
                       flags, 0, 0, 0) + payload

def send(kind, payload, flags=0):
    channel.sendall(frame(kind, payload, flags))

def hello():
    send(HELLO, {"role": "worker", "version": "%(version)s"})

def ready(tools):
    send(READY, {"revision": "2025-06-18", "server": "rogue 1", "tools": tools,
                 "resources": 0, "templates": 0, "prompts": 0})

def wrong_version():
    send(HELLO, {"role": "worker", "version": "999"})

def wrong_role():
    send(HELLO, {"role": "front", "version": "%(version)s"})

def hello_without_version():
    send(HELLO, [])

def hello_twice():
    hello()
    hello()

def garbage():
    channel.sendall(bytes(range(1, 256)) * 20)

def wrong_direction():
    send(SETUP, {})

def too_long():
    channel.sendall(frame(LOG, b"x" * 10, length=1 << 30))

def ready_before_hello():
    ready(1)

def malformed_ready():
    hello()
    send(READY, b'{"tools":')

def negative_ready():
    hello()
    ready(-1)

def enormous_ready():
    hello()
    ready(1 << 62)

def malformed_obituary():
    hello()
    send(OBITUARY, b"\xff" * 1000)

def two_obituaries():
    send(OBITUARY, {"why": "first", "stderr": []})
    send(OBITUARY, {"why": "second", "stderr": []})

def deep_obituary():
    send(OBITUARY, b'{"why":' + b"[" * 500000)

def surplus_descriptor():
    channel.sendmsg([frame(HELLO, {"role": "worker",
                                   "version": "%(version)s"})],
                    [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                      array.array("i", [0, 0]))])

def torn_header():
    hello()
    channel.sendall(frame(LOG, b"x")[:11])
    os._exit(5)

def torn_payload():
    hello()
    channel.sendall(frame(LOG, b"x" * 100, length=200))
    os._exit(5)

def shut():
    hello()
    channel.close()

def silent():
    pass

def forks():
    if os.fork() == 0:
        os.setsid()
        os.execv("/bin/sleep", ["rogue-left-behind", "1000"])
    sys.exit(5)

def forges():
    hello()
    send(LOG, b"backend good: is on fire", 4)
    send(LOG, b"worker good: and\nfront: so is \x1b[31mthis", 4)
    sys.exit(5)

def tells():
    hello()
    send(LOG, ("environment: " + " ".join(sorted(os.environ))).encode(), 2)
    send(LOG, ("session: %%s" %% (os.getsid(0) == os.getpid())).encode(), 2)

def floods_log():
    hello()
    record = frame(LOG, b"x" * 4000, 2) * 16
    while True:
        channel.sendall(record)

def floods_ready():
    hello()
    while True:
        ready(1)
        ready(2)

act = globals().get(setup()["name"])
if act is None:
    os.execv(os.path.join(os.path.dirname(__file__), "real-worker"),
             ["mcp-gateway-worker" + " " * 64])
act()
time.sleep(1000)
'''

# What the log says of each.
REASONS = {
    "wrong_version": "has another version than mcp-gatewayd",
    "wrong_role": "says that it is another program",
    "hello_without_version": "says HELLO without a JSON object",
    "hello_twice": "says HELLO twice",
    "garbage": "malformed header",
    "wrong_direction": "message in a wrong direction",
    "too_long": "message too long",
    "ready_before_hello": "sent READY at a wrong time",
    "malformed_ready": "sent READY at a wrong time or with a wrong content",
    "negative_ready": "sent READY at a wrong time or with a wrong content",
    "enormous_ready": "sent READY at a wrong time or with a wrong content",
    "malformed_obituary": "sent OBITUARY at a wrong time",
    "two_obituaries": "sent OBITUARY at a wrong time",
    "deep_obituary": "sent OBITUARY at a wrong time",
    "surplus_descriptor": "surplus descriptor",
    "torn_header": "exited with status 5",
    "torn_payload": "exited with status 5",
}


def version():
    """The version of this build."""
    with os.popen(f"{gateway.DAEMON} --version") as output:
        return output.read().split()[1]


def start_as(code):
    """A prefix that runs Python code and then becomes the gateway."""
    return [gateway.PYTHON, "-c", "import os, resource, signal, sys\n" + code +
            "\nos.execv(sys.argv[1], sys.argv[1:])"]


class Rogue(unittest.TestCase):
    """Workers that are not ours."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mcpgw-rogue-")
        os.chmod(cls.folder.name, 0o755)
        for name in ("mcp-gatewayd", "mcp-gateway-front",
                     "mcp-gateway-reaper"):
            shutil.copy(gateway.program(name), cls.folder.name)
        shutil.copy(gateway.program("mcp-gateway-worker"),
                    os.path.join(cls.folder.name, "real-worker"))
        fake = os.path.join(cls.folder.name, "mcp-gateway-worker")
        with open(fake, "w", encoding="utf-8") as file:
            file.write(FAKE % {"python": gateway.PYTHON,
                               "version": version()})
        os.chmod(fake, 0o755)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def start(self, *kinds, **more):
        """A gateway with one backend of each kind, and a good one."""
        entries = {kind: {"command": "/bin/sleep", "args": ["1000"]}
                   for kind in kinds}
        entries["good"] = backend("--scheme", "good")
        running = Gateway(entries, daemon=os.path.join(
            self.folder.name, "mcp-gatewayd"), **more)
        self.addCleanup(running.discard)
        with Client(running.address) as client:
            client.wait_tools("good/echo")
        return running

    def test_whoever_breaks_a_rule_is_killed_and_started_again(self):
        running = self.start(*REASONS)
        front = running.find("front")
        with Canary(running.address, "good/echo"):
            for kind, reason in REASONS.items():
                with self.subTest(kind):
                    running.wait_log(f" {kind} .*{re.escape(reason)}", 30)
                    # With a delay that grows.
                    delay = running.wait_log(
                        f"backend {kind} .*next try in (?!0\\.[01])"
                        r"(\d+\.\d)", 30)
                    self.assertLess(float(delay.group(1)), 70)
        self.assertEqual(running.find("front"), front)
        running.stop()

    def test_who_does_not_speak_or_hangs_up_is_killed(self):
        running = self.start("silent", "shut")
        with Canary(running.address, "good/echo"):
            running.wait_log("worker silent - ERROR - no HELLO within 5 s", 15)
            running.wait_log("backend shut .*next try in")
        running.stop()

    def test_what_a_worker_leaves_behind_is_killed_with_it(self):
        running = self.start("forks")
        with Canary(running.address, "good/echo"):
            running.wait_log("backend forks .*next try in .*(\n.*)+"
                             "backend forks .*next try in")
            process.wait_until(
                lambda: not any("rogue-left-behind" in title for title in
                                process.descendants(os.getpid()).values()),
                5 * PATIENCE, "nothing left of it")
        running.stop()

    def test_nobody_speaks_in_anothers_name(self):
        running = self.start("forges")
        running.wait_log("is on fire")
        running.wait_log("so is")
        for line in running.log().splitlines():
            if "on fire" in line or "so is" in line:
                self.assertIn(" - worker forges - ", line)
                self.assertNotIn("\x1b", line)
        running.stop()

    def test_a_worker_has_nothing_of_our_environment_and_no_terminal(self):
        running = self.start("tells", env={"GITHUB_TOKEN": "secret"})
        found = running.wait_log("environment: (.*)")
        allowed = {"TITLE_ROOM", "LD_LIBRARY_PATH", "LC_CTYPE"}
        if gateway.SANITIZED:
            allowed |= {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
                        "PATH"}
        self.assertLessEqual(set(found.group(1).split()), allowed)
        self.assertEqual(running.wait_log("session: (.*)").group(1), "True")
        with Client(running.address) as client:
            said = json.loads(client.call("good/environment").result[
                "content"][0]["text"])
        self.assertIn("secret", json.dumps(said))
        running.stop()

    def test_a_flood_of_records_fills_neither_disk_nor_memory(self):
        running = self.start("floods_log")
        with Canary(running.address, "good/echo"):
            time.sleep(3)
            size = os.stat(running.log_path()).st_size
            self.assertLess(size, 10 << 20)
            self.assertLess(process.resident(running.pid),
                            64 * gateway.MIB)
            # A trickle still comes through.
            running.wait_log(r"worker floods_log - WARNING - \d+ records "
                             "dropped")
        running.stop()

    def test_a_flood_of_reports_ends_its_sender_alone(self):
        running = self.start("floods_ready")
        front = running.find("front")
        with Canary(running.address, "good/echo"):
            running.wait_log("worker floods_ready .*sent READY at a wrong", 30)
            running.wait_log("backend floods_ready .*next try in", 30)
        self.assertEqual(running.find("front"), front)
        running.stop()


class Place(unittest.TestCase):
    """What whoever starts the gateway may have left it."""

    def start(self, code, entries=None, **more):
        """A gateway that is started after some Python code."""
        running = Gateway(entries or {"one": backend()},
                          prefix=start_as(code), **more)
        self.addCleanup(running.discard)
        return running

    def test_blocked_and_ignored_signals(self):
        running = self.start(
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
            "for number in set(range(1, 32)) - {9, 19}:\n"
            "    signal.signal(number, signal.SIG_IGN)")
        job = running.wait_job("one")
        os.kill(job, signal.SIGKILL)
        running.wait_job("one", other_than=[job])
        running.stop()

    def test_closed_standard_descriptors(self):
        running = self.start("os.closerange(0, 3)", wait=False)
        running.wait_log("backend one .*ready")
        for number, target in process.descriptors(running.pid).items():
            if number < 3:
                self.assertEqual(target, "/dev/null")
        running.stop()

    def test_open_descriptors_are_closed(self):
        running = self.start("os.dup2(1, 200)")
        self.assertNotIn(200, process.descriptors(running.pid))
        running.stop()

    def test_a_log_file_that_may_not_grow(self):
        running = self.start(
            "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))",
            args=("--log-level", "debug"))
        with Client(running.address) as client:
            client.wait_tools("one/echo")
        for _ in range(3):
            job = running.wait_job("one")
            os.kill(job, signal.SIGKILL)
            running.wait_job("one", other_than=[job])
        self.assertEqual(os.stat(running.log_path()).st_size, 2048)
        running.stop()

    def test_no_folder_no_mask_no_home_no_path(self):
        logs = tempfile.mkdtemp(prefix="mcpgw-logs-")
        self.addCleanup(shutil.rmtree, logs)
        running = self.start(
            "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
            "os.umask(0)\n"
            "os.environ.clear(); os.environ['PATH'] = ''",
            gateway={"log_dir": logs + "/here"})
        with Client(running.address) as client:
            client.wait_tools("one/echo")
        self.assertEqual(os.stat(logs + "/here").st_mode & 0o027, 0)
        for name in os.listdir(logs + "/here"):
            self.assertEqual(os.stat(f"{logs}/here/{name}").st_mode & 0o7777,
                             0o600)
        running.stop()

    def test_an_environment_that_is_too_large_is_named(self):
        running = Gateway({"one": backend()}, wait=False, env={
            f"LARGE_{i}": "x" * 120000 for i in range(12)})
        self.addCleanup(running.discard)
        self.assertEqual(running.child.wait(10 * PATIENCE), 1)
        self.assertIn("its arguments and environment have more than",
                      running.console())

    def test_a_front_that_could_not_be_linked_is_linked_later(self):
        running = self.start("", {"one": backend(), "two": backend()})
        with Client(running.address) as client:
            client.wait_tools("one/echo", "two/echo")
        limits = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        # One is free, and one more when the front is gone: room for a
        # front's channel, and for no link beside it.
        taken = process.descriptors(running.pid)
        room = next(number for number in range(len(taken) + 1, 0, -1)
                    if number - sum(fd < number for fd in taken) == 1)
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE,
                         (room, limits[1]))
        os.kill(running.find("front"), signal.SIGKILL)
        running.wait_log("cannot be linked to the front: Too many open")
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, limits)
        with Client(running.address) as client:
            client.wait_tools("one/echo", "two/echo")
        running.stop()

    @unittest.skipUnless(os.getuid() == 0, "a configuration for root")
    def test_root_refuses_what_others_may_change(self):
        config = "/config.json "
        for code, reason in (
                ("os.chown(sys.argv[3], 1, 0)",
                 config + r"belongs to user 1 \(\w+\); run \"chown root /"),
                ("os.chown(sys.argv[3], 0, 1); os.chmod(sys.argv[3], 0o664)",
                 config + r"can be written by group 1 .* 0664; run "
                 r"\"chmod g-w /"),
                ("os.chmod(sys.argv[3], 0o666)",
                 config + r"can be written by anyone.* 0666; run "
                 r"\"chmod o-w /"),
                ("os.chmod(os.path.dirname(sys.argv[3]), 0o777)",
                 r": \S*/mcpgw-test-\w+ can be written by anyone.* 0777; run "
                 r"\"chmod o-w /"),
                ("os.chown(os.path.dirname(sys.argv[3]), 1, 0)",
                 r": \S*/mcpgw-test-\w+ belongs to user 1 ")):
            with self.subTest(code):
                running = self.start(code, wait=False)
                self.assertEqual(running.child.wait(20), 1)
                running.stopped = True
                self.assertRegex(
                    running.console(), "can be changed by others than root"
                    ".*" + reason)
                running.discard()

    @unittest.skipUnless(os.getuid() == 0, "a configuration for root")
    def test_root_takes_what_roots_group_may_change(self):
        running = self.start("os.chmod(sys.argv[3], 0o664)")
        running.stop()

    @unittest.skipUnless(os.getuid() == 0, "a terminal of root's")
    def test_front_and_workers_do_not_have_roots_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        running = self.start(
            f"fd = os.open({os.ttyname(slave)!r}, os.O_RDWR)\n"
            "[os.dup2(fd, number) for number in range(3)]", wait=False)
        running.wait_log("backend one .*ready")
        for role, name in (("front", None), ("worker", "one"),
                           ("reaper", "one")):
            found = process.descriptors(running.find(role, name))
            self.assertFalse([target for target in found.values()
                              if "/pts/" in target], role)
        running.stop()

    def test_a_job_that_hangs_before_its_first_instruction(self):
        """Whoever holds a lease on a file holds up whoever executes it."""
        folder = tempfile.mkdtemp(prefix="mcpgw-lease-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "command")
        shutil.copy("/bin/sleep", path)
        os.chmod(path, 0o755)
        old = signal.signal(signal.SIGIO, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGIO, old)
        lease = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, lease)
        try:
            fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            self.skipTest(f"no leases here: {error}")
        running = Gateway({"one": {"command": path, "args": ["1000"]}})
        self.addCleanup(running.discard)
        reaper = running.wait_for("reaper", "one")
        process.wait_until(lambda: process.descendants(reaper), 5 * PATIENCE,
                           "the job's process")
        os.kill(running.pid, signal.SIGKILL)
        running.child.wait()
        running.assert_nothing_left(timeout=5)


if __name__ == "__main__":
    unittest.main()
