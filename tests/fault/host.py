"""What a host can do to a gateway: no room for logs, nobody who reads them, no
processes, no descriptors, signals without end."""

import fcntl
import os
import re
import shutil
import signal
import socket
import time
import unittest

import process
import raw
import rlimit
from client import Canary, Client
from gateway import PATIENCE, Gateway, backend, faulty
from load import Load

ROOT = os.getuid() == 0
CAN_MOUNT = ROOT and shutil.which("unshare") is not None and \
    os.system("unshare --mount true 2>/dev/null") == 0
# Of one processor, by a process that cannot do what it wants to.
IDLE = 0.2
STAMP = r"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d - "
LOST = r"(\d+) records before this one were lost: "


class Hosted(unittest.TestCase):
    """A gateway with a victim and a bystander."""

    def serve(self, settings=None, wait=True, **more):
        """Start it."""
        self.gateway = Gateway(
            {"victim": faulty(), "bystander": backend()}, gateway=settings,
            wait=wait, **more)
        self.addCleanup(self.gateway.discard)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        """Both backends serve."""
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")

    def serves(self, name):
        """A backend answers a new client."""
        try:
            with Client(self.gateway.address) as client:
                return "result" in client.call(
                    f"{name}/echo", {"text": "x"}, timeout=5).json
        except (AssertionError, raw.Closed, OSError):
            return False

    def wait_serves(self, name, timeout=20):
        """A backend answers again."""
        process.wait_until(lambda: self.serves(name), timeout * PATIENCE,
                           f"{name} serves")

    def chatter(self, count):
        """Log records: each session is two."""
        for _ in range(count):
            with Client(self.gateway.address) as client:
                client.request("ping").result


class Logs(Hosted):
    """Whatever becomes of the log, clients are served."""

    @unittest.skipUnless(CAN_MOUNT, "needs root and a mount namespace")
    def test_a_full_disk(self):
        self.serve({"log_dir": "/mnt"}, args=("--log-level", "debug"),
                   prefix=("unshare", "--mount", "sh", "-c",
                           "mount -t tmpfs -o size=64k none /mnt && "
                           'exec "$@"', "sh"))
        place = f"/proc/{self.gateway.pid}/root/mnt"
        filler = os.path.join(place, "filler")
        with open(filler, "wb") as file:
            file.write(b"x" * 40960)

        def log():
            name, = set(os.listdir(place)) - {"filler"}
            with open(os.path.join(place, name), "rb") as file:
                return file.read().decode()

        def is_full():
            self.chatter(5)
            return os.statvfs(place).f_bfree == 0 and log() == log()
        with Canary(self.gateway.address, "bystander/echo"):
            process.wait_until(is_full, 30 * PATIENCE, "a full disk")
            self.chatter(20)
            before = len(log())
            self.chatter(20)
            self.assertEqual(len(log()), before)
            os.kill(self.gateway.find("worker", "victim"), signal.SIGKILL)
            self.wait_serves("victim")
            os.unlink(filler)
            self.chatter(1)
        found = process.wait_until(
            lambda: re.search("WARNING - " + LOST + "No space left", log()),
            10 * PATIENCE, "the number of records that were lost")
        self.assertGreater(int(found.group(1)), 20)
        # One may have been cut; no two stand in one line.
        for line in log().splitlines():
            self.assertLessEqual(len(re.findall(STAMP, line)), 1, line)
        self.gateway.child.terminate()
        self.assertEqual(self.gateway.child.wait(12 * PATIENCE), 0)
        self.gateway.stopped = True
        self.gateway.assert_nothing_left()

    def test_a_log_file_that_was_removed(self):
        self.serve()
        path = self.gateway.log_path()
        with Canary(self.gateway.address, "bystander/echo"):
            os.unlink(path)
            self.chatter(20)
            os.rmdir(os.path.dirname(path))
            self.chatter(20)
            self.gateway.send_signal(signal.SIGUSR1)
            self.gateway.wait_log("SIGUSR1")
            self.assertEqual(self.gateway.log_path(), path)
        self.gateway.stop()

    def full_pipe(self, settings, args=()):
        """A gateway whose console is a pipe that nobody reads; its start is
        read.  The descriptor to read from."""
        path = os.path.join(self.folder(), "console")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        self.serve(settings, wait=False, args=args, prefix=(
            "sh", "-c", 'exec "$@" >"$0" 2>&1', path))
        text = []

        def look():
            text.append(self.read(reader))
            return re.search(r"http://127\.0\.0\.1:(\d+)/sse", "".join(text))
        found = process.wait_until(look, 10 * PATIENCE, "the address")
        self.gateway.address = ("127.0.0.1", int(found.group(1)))
        self.wait_ready()
        return reader

    def folder(self):
        """One for this test."""
        path = os.path.join("/tmp", f"mcpgw-host-{os.getpid()}")
        os.mkdir(path)
        self.addCleanup(shutil.rmtree, path)
        return path

    @staticmethod
    def read(reader):
        """All that is in a pipe."""
        data = b""
        while True:
            try:
                data += os.read(reader, 65536)
            except BlockingIOError:
                return data.decode(errors="replace")

    def test_a_console_that_nobody_reads(self):
        reader = self.full_pipe({})
        before = process.resident(self.gateway.pid)
        with Canary(self.gateway.address, "bystander/echo"):
            # Each is a line on the console.
            for _ in range(6):
                self.kill_job()
        self.assertLess(process.resident(self.gateway.pid), before + (4 << 20))
        self.assertLess(self.gateway.stop(), 5 * PATIENCE)
        self.assertIn("stopped", self.gateway.log())
        self.read(reader)

    def fill(self):
        """More than is kept for a console: many sessions that say nothing,
        for a while."""
        end = time.monotonic() + 4
        while time.monotonic() < end:
            streams = [raw.Connection(self.gateway.address)
                       for _ in range(100)]
            for stream in streams:
                stream.send(raw.request("GET", "/sse", self.gateway.address))
            for stream in streams:
                stream.head()
                stream.close()

    def kill_job(self):
        """What a console shows."""
        for pid in self.gateway.jobs("victim")[:1]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)

    def test_a_log_on_a_console_that_nobody_reads(self):
        reader = self.full_pipe({"log": "none"}, ("--log-level", "debug"))
        with Canary(self.gateway.address, "bystander/echo"):
            self.fill()
            # There it is read again, and says what is missing.
            text = self.read(reader)
            end = time.monotonic() + 10 * PATIENCE
            while not re.search("console - WARNING - " + LOST, text):
                self.assertLess(time.monotonic(), end, text[-2000:])
                self.chatter(1)
                text += self.read(reader)
            # There is room for all that is still to come.
            while (more := self.read(reader)):
                text += more
                time.sleep(0.3)
        self.gateway.child.terminate()
        self.assertEqual(self.gateway.child.wait(12 * PATIENCE), 0)
        self.gateway.stopped = True
        self.assertIn("stopped", self.read(reader))

    @unittest.skipUnless(CAN_MOUNT, "needs root and a mount namespace")
    def test_a_syslog_that_is_gone(self):
        devices = self.folder()
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            with open(os.path.join(devices, name), "wb"):
                pass
        script = (
            'for n in null zero full random urandom tty; do '
            'mount --bind "/dev/$n" "$0/$n"; done; '
            'mount --rbind "$0" /dev && exec "$@"')
        listener = self.syslog(devices)
        self.serve({"log": "syslog"}, prefix=(
            "unshare", "--mount", "sh", "-c", script, devices))
        self.assertIn("listening on", self.heard(listener))
        with Canary(self.gateway.address, "bystander/echo"):
            listener.close()
            os.unlink(os.path.join(devices, "log"))
            self.chatter(50)
            os.kill(self.gateway.find("worker", "victim"), signal.SIGKILL)
            self.wait_serves("victim")
            listener = self.syslog(devices)

            def look():
                self.chatter(1)
                return re.search("syslog: " + LOST, self.heard(listener))
            found = process.wait_until(look, 20 * PATIENCE, "what was lost")
            self.assertGreater(int(found.group(1)), 50)
            # One that does not read holds nobody up either.
            self.chatter(100)
        self.gateway.stop()

    def syslog(self, folder):
        """Be it."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(folder, "log"))
        listener.setblocking(False)
        return listener

    @staticmethod
    def heard(listener):
        """What came so far."""
        text = ""
        while True:
            try:
                text += listener.recv(65536).decode() + "\n"
            except BlockingIOError:
                return text


class Scarce(Hosted):
    """Processes and descriptors."""

    AS_USER = ("setpriv", "--reuid=61234", "--regid=61234", "--clear-groups")

    def start(self):
        """As an ordinary user: root may always fork."""
        self.serve(prefix=self.AS_USER if ROOT else ())

    def busy(self, pid, seconds):
        """The part of a processor that it takes meanwhile."""
        before = process.cpu_seconds(pid)
        time.sleep(seconds)
        return (process.cpu_seconds(pid) - before) / seconds

    def kill(self, role, name=None):
        """Kill a process, if it is there."""
        pid = self.gateway.find(role, name)
        if pid:
            os.kill(pid, signal.SIGKILL)

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_a_fork_that_fails(self):
        self.start()
        pid = self.gateway.pid
        with Canary(self.gateway.address, "bystander/echo"):
            rlimit.set_soft(pid, "nproc", 1)
            self.kill("worker", "victim")
            self.gateway.wait_log("victim - WARNING - .*cannot start its "
                                  r"\w+: Resource temporarily unavailable")
            self.assertLess(self.busy(pid, 2), IDLE)
            rlimit.lift(pid, "nproc")
            self.wait_serves("victim", 40)
        self.gateway.stop()

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_a_fork_of_the_front_that_fails(self):
        self.start()
        pid = self.gateway.pid
        rlimit.set_soft(pid, "nproc", 1)
        self.kill("front")
        self.gateway.wait_log("front - ERROR - Resource temporarily")
        self.assertLess(self.busy(pid, 2), IDLE)
        workers = [self.gateway.find("worker", name)
                   for name in ("victim", "bystander")]
        rlimit.lift(pid, "nproc")
        self.wait_serves("victim")
        self.assertEqual(workers, [self.gateway.find("worker", name)
                                   for name in ("victim", "bystander")])
        self.gateway.stop()

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_no_descriptors_for_the_front(self):
        self.start()
        front = self.gateway.find("front")
        with Canary(self.gateway.address, "bystander/echo"):
            rlimit.set_soft(front, "nofile",
                            len(process.descriptors(front)))
            waiting = [raw.Connection(self.gateway.address)
                       for _ in range(20)]
            for connection in waiting:
                self.addCleanup(connection.close)
                connection.send(raw.request("GET", "/nowhere",
                                            self.gateway.address))
            self.assertLess(self.busy(front, 2), IDLE)
            rlimit.lift(front, "nofile")
            for connection in waiting:
                self.assertEqual(connection.response().status, 404)
        self.assertEqual(self.gateway.find("front"), front)
        self.assertLess(self.gateway.log().count("cannot accept"), 60)
        self.gateway.stop()

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_no_descriptors_for_a_worker(self):
        # A new front is a new link, whose end it cannot receive.
        self.start()
        worker = self.gateway.find("worker", "victim")
        rlimit.set_soft(worker, "nofile", 3)
        self.kill("front")
        self.wait_serves("bystander")
        self.wait_serves("victim")
        self.gateway.stop()

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_no_descriptors_for_the_supervisor(self):
        self.start()
        pid = self.gateway.pid
        with Canary(self.gateway.address, "bystander/echo"):
            rlimit.set_soft(pid, "nofile", 3)
            self.kill("worker", "victim")
            self.gateway.wait_log("victim - WARNING - .*Too many open files")
            self.gateway.send_signal(signal.SIGHUP)
            self.gateway.wait_log("reload - ERROR - .*Too many open files")
            self.gateway.send_signal(signal.SIGUSR1)
            self.gateway.wait_log("the old file stays in use")
            self.assertLess(self.busy(pid, 2), IDLE)
            rlimit.lift(pid, "nofile")
            self.wait_serves("victim", 40)
            self.gateway.send_signal(signal.SIGHUP)
            self.gateway.wait_log("reload - INFO - ")
        self.gateway.stop()

    @unittest.skipUnless(rlimit.HAVE, "needs prlimit and setpriv")
    def test_no_descriptors_for_the_supervisor_and_another_front(self):
        self.start()
        pid = self.gateway.pid
        rlimit.set_soft(pid, "nofile", 3)
        self.kill("front")
        self.gateway.wait_log("front - ERROR - .*Too many open files")
        self.assertLess(self.busy(pid, 2), IDLE)
        rlimit.lift(pid, "nofile")
        self.wait_serves("victim")
        self.gateway.stop()


class Signals(Hosted):
    """A thousand signals a second to every process."""

    def test_that_wake_everybody_all_the_time(self):
        self.serve(args=("--log-level", "warning"))
        pids = process.descendants(os.getpid())
        ours = {pid for pid, title in pids.items() if "mcp-gateway" in title}
        self.assertGreaterEqual(len(ours), 6)
        # Those that a supervisor handles, those that are ignored, and those
        # that interrupt even who has not asked for any.
        storm = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGUSR2,
                 signal.SIGWINCH, signal.SIGCONT, signal.SIGURG)
        with Load(self.gateway.address, ["victim/echo", "bystander/echo"],
                  100):
            end = time.monotonic() + 5
            sent = 0
            while time.monotonic() < end:
                for pid in ours:
                    os.kill(pid, storm[sent % len(storm)])
                    if sent % 100 == 0:
                        os.kill(pid, signal.SIGSTOP)
                        os.kill(pid, signal.SIGCONT)
                sent += 1
                time.sleep(0.001)
        self.assertGreater(sent, 1000)
        left = process.descendants(os.getpid())
        self.assertEqual(ours & set(left), ours)
        self.gateway.stop()

    def test_that_ask_for_the_state_are_not_a_way_to_fill_the_disk(self):
        self.serve()
        with Canary(self.gateway.address, "bystander/echo"):
            for _ in range(2000):
                self.gateway.send_signal(signal.SIGUSR2)
                time.sleep(0.0005)
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
