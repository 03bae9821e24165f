"""In the background: --daemon and --pidfile, what a service manager is told
and passes, logs that are rotated, and odd surroundings."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import process
from client import Client
from gateway import DAEMON, PATIENCE, PYTHON, Gateway, backend

ROOT = os.geteuid() == 0
LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)/sse\n")
# No gateway of these tests meets another one's.
NO_CONTROL = {"control_socket": ""}


class Daemons(unittest.TestCase):
    """A folder of its own, and nothing left of what was started."""

    def setUp(self):
        process.become_subreaper()
        self.folder = tempfile.mkdtemp(prefix="mcpgw-test-")
        self.pidfile = os.path.join(self.folder, "x.pid")
        self.config = os.path.join(self.folder, "config.json")
        self.configure({})

    def tearDown(self):
        for _ in range(500):
            left = process.descendants(os.getpid())
            if not left:
                break
            process.kill_all(left)
            process.reap()
            time.sleep(0.01)
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, backends, **gateway):
        """Write the configuration."""
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"gateway": {**NO_CONTROL, **gateway},
                       "mcpServers": backends}, file)

    def command(self, *args, port="0"):
        """The command line, with a pidfile."""
        return [DAEMON, "--config", self.config, "--port", port,
                "--pidfile", self.pidfile, *args]

    def run_it(self, *args, prefix=(), cwd=None, env=None, port="0"):
        """Start it and wait for the process that was started."""
        return subprocess.run(
            [*prefix, *self.command(*args, port=port)],
            cwd=cwd or self.folder, env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=20 * PATIENCE, check=False)

    def start(self, *args, **more):
        """Start a daemon, which must serve: its pid and its address."""
        ended = self.run_it("--daemon", *args, **more)
        self.assertEqual(ended.returncode, 0, ended)
        self.assertEqual(ended.stderr, "")
        found = LISTENING.search(ended.stdout)
        self.assertIsNotNone(found, ended)
        return self.pid(), ("127.0.0.1", int(found.group(1)))

    def pid(self):
        """What the pidfile says."""
        with open(self.pidfile, encoding="ascii") as file:
            return int(file.read())

    def wait_end(self, pid):
        """Wait for the end of a daemon, which is our child by now; its exit
        status as waitpid() tells it."""
        def look():
            ended, status = os.waitpid(pid, os.WNOHANG)
            return (status,) if ended == pid else None
        return process.wait_until(look, 15 * PATIENCE, "the daemon's end")[0]

    def stop(self, pid):
        """Ask it to end, which it must do well and leave nothing."""
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.wait_end(pid), 0)
        self.assertFalse(os.path.exists(self.pidfile))
        self.assert_nothing_left()

    def assert_nothing_left(self):
        """No process of ours is left."""
        def look():
            process.reap()
            return not process.descendants(os.getpid())
        process.wait_until(look, 5 * PATIENCE, "nothing left")

    def logs(self):
        """All log files, one text."""
        folder = os.path.join(self.folder, "logs")
        texts = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        return "".join(texts)


class Background(Daemons):
    """--daemon."""

    def test_clients_are_served_when_the_caller_returns(self):
        self.configure({"one": backend()})
        pid, address = self.start()
        with Client(address) as client:
            client.wait_tools("one/echo")
        self.stop(pid)

    def test_it_has_let_go_of_whoever_started_it(self):
        pid, _ = self.start()
        fields = process.status(pid)
        self.assertEqual(fields["PPid"], [str(os.getpid())])
        self.assertEqual(fields["Umask"], ["0027"])
        self.assertNotEqual(os.getsid(pid), os.getsid(0))
        self.assertNotEqual(os.getsid(pid), pid)
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        open_files = process.descriptors(pid)
        for number in (0, 1, 2):
            self.assertEqual(open_files[number], "/dev/null")
        mine = {os.readlink(f"/proc/self/fd/{fd}")
                for fd in os.listdir("/proc/self/fd")
                if os.path.exists(f"/proc/self/fd/{fd}")} - {"/dev/null"}
        self.assertFalse(mine & set(open_files.values()))
        self.stop(pid)

    def test_relative_paths_are_those_of_the_caller(self):
        ended = subprocess.run(
            [DAEMON, "--daemon", "--config", "config.json", "--port", "0",
             "--pidfile", "x.pid"], cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=20 * PATIENCE, check=False)
        self.assertEqual(ended.returncode, 0, ended)
        pid = self.pid()
        self.configure({"one": backend()})
        os.kill(pid, signal.SIGHUP)
        process.wait_until(
            lambda: re.search(r" - reload - INFO - .*added", self.logs()),
            10 * PATIENCE, "a reload")
        self.stop(pid)
        self.assertIn("stopped", self.logs())

    def test_the_start_is_in_the_log(self):
        self.configure({"one": backend()})
        pid, (_, port) = self.start()
        process.wait_until(
            lambda: re.search(r"INFO - 1 of 1 backend ready, \d+ tools\n",
                              self.logs()),
            10 * PATIENCE, "the summary")
        for path in ("mcp", "sse"):
            self.assertIn(f"listening on http://127.0.0.1:{port}/{path}\n",
                          self.logs())
        self.stop(pid)

    def test_what_prevents_a_start_reaches_the_caller(self):
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        taken = str(other.getsockname()[1])
        cases = [
            ({}, ("--nonsense",), "0", 2, "--nonsense"),
            ({}, ("--config", "/no/such.json"), "0", 1, "/no/such.json"),
            ({"log_level": "loud"}, (), "0", 1, "config.json:1:"),
            ({}, (), taken, 1, "in use"),
            ({}, ("--host", "192.0.2.1"), "0", 1, "192.0.2.1"),
            ({"log_dir": "/proc/no/such"}, (), "0", 1, "/proc/no/such"),
            ({"log": "none"}, (), "0", 1, '"syslog"'),
            ({}, ("--pidfile", "/no/such/x.pid"), "0", 1, "mkdir -p"),
        ]
        if ROOT:
            cases.append(({"user": "no-such-user"}, (), "0", 1,
                          "no-such-user"))
        for gateway, args, port, status, text in cases:
            with self.subTest(text):
                self.configure({}, **gateway)
                ended = self.run_it("--daemon", *args, port=port)
                self.assertEqual(ended.returncode, status, ended)
                self.assertEqual(ended.stdout, "")
                self.assertIn(text, ended.stderr)
                self.assert_nothing_left()
                self.assertFalse(os.path.exists(self.pidfile))

    @unittest.skipUnless(ROOT and shutil.which("setpriv"), "needs root")
    def test_a_front_that_cannot_serve_reaches_the_caller(self):
        ended = self.run_it("--daemon", prefix=(
            "setpriv", "--bounding-set", "-setuid", "--inh-caps", "-setuid"))
        self.assertEqual(ended.returncode, 1, ended)
        self.assertEqual(ended.stdout, "")
        self.assertIn("before it could serve", ended.stderr)
        self.assertRegex(ended.stderr, r"its log \(\S+\.log\) says why")
        self.assert_nothing_left()
        self.assertFalse(os.path.exists(self.pidfile))

    def test_a_check_stays_in_the_foreground(self):
        ended = self.run_it("--daemon", "--test")
        self.assertEqual(ended.returncode, 0, ended)
        self.assertIn("ok", ended.stdout)
        self.assert_nothing_left()

    def test_a_second_signal_ends_it_now(self):
        self.configure({"one": backend()}, drain_timeout=60)
        pid, address = self.start()
        with Client(address) as client:
            client.wait_tools("one/echo")
            client.send("tools/call", {"name": "one/hang"})
            before = time.monotonic()
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.2)
            self.assertTrue(process.exists(pid))
            os.kill(pid, signal.SIGTERM)
            self.assertEqual(self.wait_end(pid), 0)
            self.assertLess(time.monotonic() - before, 4 * PATIENCE)
        self.assert_nothing_left()


class OneAtATime(Daemons):
    """--pidfile."""

    def test_a_second_start_fails_with_the_pid_of_the_first(self):
        pid, address = self.start()
        for args in (("--daemon",), ()):
            ended = self.run_it(*args)
            self.assertEqual(ended.returncode, 1, ended)
            self.assertIn(f"already running with pid {pid}", ended.stderr)
            self.assertEqual(self.pid(), pid)
        with Client(address) as client:
            self.assertEqual(client.tools(), [])
        self.stop(pid)

    def test_in_the_foreground_it_is_the_same(self):
        child = subprocess.Popen(
            self.command(), cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.wait_until(
            lambda: os.path.exists(self.pidfile) and
            os.path.getsize(self.pidfile), 10 * PATIENCE, "a pidfile")
        self.assertEqual(self.pid(), child.pid)
        ended = self.run_it("--daemon")
        self.assertEqual(ended.returncode, 1, ended)
        self.assertIn(f"pid {child.pid}", ended.stderr)
        child.terminate()
        self.assertEqual(child.wait(15 * PATIENCE), 0)
        self.assertFalse(os.path.exists(self.pidfile))

    def test_the_file_of_a_dead_one_is_taken_over(self):
        with open(self.pidfile, "w", encoding="ascii") as file:
            file.write("1")
        pid, _ = self.start()
        self.assertNotEqual(pid, 1)
        self.stop(pid)

    def test_nobody_keeps_the_lock_of_one_that_was_killed(self):
        # The job and what it left would keep it for a minute.
        self.configure({"one": backend(), "two": {
            "command": "sh", "args": ["-c", "setsid sleep 60 & exec sleep 60"]}
        })
        pid, address = self.start()
        with Client(address) as client:
            client.wait_tools("one/echo")
            for _ in range(3):
                for child in process.descendants(pid):
                    try:
                        self.assertNotIn(
                            self.pidfile,
                            process.descriptors(child).values())
                    except (FileNotFoundError, PermissionError):
                        pass
                os.kill(pid, signal.SIGKILL)
                self.wait_end(pid)
                pid, _ = self.start()
        self.stop(pid)

    def test_the_file_is_for_its_owner_to_write(self):
        pid, _ = self.start(prefix=("sh", "-c", 'umask 000; exec "$@"', "sh"))
        self.assertEqual(os.stat(self.pidfile).st_mode & 0o022, 0)
        self.stop(pid)

    def test_a_place_that_others_can_write_to_is_refused(self):
        folder = os.path.join(self.folder, "open")
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        ended = self.run_it("--daemon", "--pidfile",
                            os.path.join(folder, "x.pid"))
        self.assertEqual(ended.returncode, 1, ended)
        self.assertIn("chmod go-w", ended.stderr)


class Manager:
    """A service manager, as far as sd_notify(3) needs one."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(15 * PATIENCE)
        self.beats = 0

    def next(self):
        """The next message that is no sign of life, as a dictionary."""
        while True:
            text = self.socket.recv(4096).decode()
            if text != "WATCHDOG=1":
                return dict(line.split("=", 1) for line in text.split("\n"))
            self.beats += 1

    def close(self):
        """Go away."""
        self.socket.close()


class ServiceManager(Daemons):
    """What systemd is told, and what it passes."""

    def setUp(self):
        super().setUp()
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)

    def run_notified(self, *args, **more):
        """A gateway in the foreground with this manager."""
        return Gateway({"one": backend()}, gateway=NO_CONTROL, args=args,
                       env={"NOTIFY_SOCKET": self.manager.path,
                            "WATCHDOG_USEC": "400000"}, **more)

    def test_start_reload_and_end_are_told(self):
        with self.run_notified() as gateway:
            told = self.manager.next()
            self.assertEqual(told["READY"], "1")
            self.assertIn("1 of 1 backend", told["STATUS"])
            gateway.send_signal(signal.SIGHUP)
            told = self.manager.next()
            self.assertEqual(told["RELOADING"], "1")
            self.assertLessEqual(int(told["MONOTONIC_USEC"]),
                                 time.monotonic_ns() // 1000)
            self.assertEqual(self.manager.next()["READY"], "1")
            # A sign of life every 200 ms.
            self.manager.beats = 0
            self.manager.socket.settimeout(0.7)
            with self.assertRaises(TimeoutError):
                for _ in range(3):
                    self.manager.socket.recv(4096)
                    self.manager.beats += 1
                raise TimeoutError
            self.assertEqual(self.manager.beats, 3)
            self.manager.socket.settimeout(15 * PATIENCE)
            gateway.send_signal(signal.SIGTERM)
            told = self.manager.next()
            self.assertEqual(told["STOPPING"], "1")
            self.assertGreater(int(told["EXTEND_TIMEOUT_USEC"]), 1000000)
            self.assertEqual(gateway.child.wait(15 * PATIENCE), 0)
            gateway.stopped = True

    def test_a_wrong_configuration_is_no_end_of_being_ready(self):
        with self.run_notified() as gateway:
            self.assertEqual(self.manager.next()["READY"], "1")
            with open(gateway.config, "w", encoding="utf-8") as file:
                file.write("{")
            gateway.send_signal(signal.SIGHUP)
            self.assertEqual(self.manager.next()["RELOADING"], "1")
            self.assertEqual(self.manager.next()["READY"], "1")

    def test_a_daemon_tells_its_pid(self):
        pid, _ = self.start(env={"NOTIFY_SOCKET": self.manager.path})
        told = self.manager.next()
        self.assertEqual(told["READY"], "1")
        self.assertEqual(told["MAINPID"], str(pid))
        self.stop(pid)

    def test_backends_do_not_get_its_address(self):
        with self.run_notified() as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            said = json.loads(client.call("one/environment").result[
                "content"][0]["text"])
            for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS",
                         "LISTEN_PID"):
                self.assertNotIn(name, said["environment"])

    def test_a_manager_that_is_gone_does_no_harm(self):
        self.manager.close()
        os.unlink(self.manager.path)
        with self.run_notified() as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")


# What systemd does before exec: sockets from 3 on, blocking, and whose they
# are.  The first argument is a list of addresses.
PASS_SOCKETS = r"""
import json, os, socket, sys
made = []
for host, port in json.loads(sys.argv[1]):
    if port is None:
        made.append(socket.socket(socket.AF_UNIX))
        made[-1].bind(host)
    else:
        made.append(socket.socket())
        made[-1].bind((host, port))
    made[-1].listen(8)
high = [os.dup2(one.fileno(), 50 + i) for i, one in enumerate(made)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(high), 100)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=":".join("abcdef"[:len(high)]))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Activation(Daemons):
    """LISTEN_FDS."""

    def passing(self, *addresses):
        """A command that passes sockets to what follows it."""
        return (PYTHON, "-c", PASS_SOCKETS, json.dumps(addresses))

    def test_a_socket_that_was_passed_is_the_one_that_is_served(self):
        self.configure({"one": backend()})
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # Where it listens is not said twice: the only one is it.
        pid, address = self.start(
            prefix=self.passing(("127.0.0.1", port)))
        self.assertEqual(address[1], port)
        with Client(address) as client:
            client.wait_tools("one/echo")
        self.stop(pid)

    def test_clients_wait_in_it_while_the_gateway_starts(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        early = socket.create_connection(listener.getsockname())
        self.addCleanup(early.close)
        early.settimeout(10 * PATIENCE)
        early.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        script = ("import os, sys\n"
                  "os.dup2(int(sys.argv[1]), 3)\n"
                  "os.closerange(4, 100)\n"
                  "os.environ.update(LISTEN_FDS='1', "
                  "LISTEN_PID=str(os.getpid()))\n"
                  "os.execv(sys.argv[2], sys.argv[2:])\n")
        os.set_inheritable(listener.fileno(), True)
        child = subprocess.Popen(
            [PYTHON, "-c", script, str(listener.fileno()), *self.command()],
            cwd=self.folder, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(early.recv(4096).startswith(b"HTTP/1.1 404"))
        # It outlives the gateway, for the next one.
        child.terminate()
        self.assertEqual(child.wait(15 * PATIENCE), 0)
        socket.create_connection(listener.getsockname()).close()

    def test_several_are_found_by_their_addresses(self):
        path = os.path.join(self.folder, "mcp.sock")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.configure({}, listen=[f"127.0.0.1:{port}", path])
        command = self.command()
        del command[3:5]  # --port would win over the list
        log = open(os.path.join(self.folder, "out"), "wb")
        with log:
            child = subprocess.Popen(
                [*self.passing((path, None), ("127.0.0.2", port),
                               ("127.0.0.1", port)), *command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        with open(log.name, encoding="utf-8") as file:
            def said():
                file.seek(0)
                return file.read()
            process.wait_until(lambda: "ready: " in said(), 10 * PATIENCE,
                               "a start")
            self.assertRegex(said(), "nobody answers on the inherited socket "
                                     f"127.0.0.2:{port}")
        with Client(("127.0.0.1", port)) as client:
            self.assertEqual(client.tools(), [])
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(10 * PATIENCE)
            one.connect(path)
            one.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 404"))
        child.terminate()
        self.assertEqual(child.wait(15 * PATIENCE), 0)
        self.assertTrue(os.path.exists(path), "it was not ours to remove")

    def test_those_of_another_process_are_not_taken(self):
        pid, address = self.start(env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
        with Client(address) as client:
            self.assertEqual(client.tools(), [])
        self.stop(pid)


class Surroundings(Daemons):
    """Promises: whatever it is started in."""

    def test_a_folder_that_is_gone_does_no_harm(self):
        self.configure({"one": backend(cwd="/")},
                       log_dir=os.path.join(self.folder, "logs"))
        pid, address = self.start(prefix=(
            "sh", "-c", 'd=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"',
            "sh"))
        with Client(address) as client:
            client.wait_tools("one/echo")
        self.stop(pid)

    def test_without_standard_descriptors_it_starts(self):
        self.configure({"one": backend()})
        ended = self.run_it("--daemon", prefix=(
            "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
        self.assertEqual(ended.returncode, 0, ended)
        pid = self.pid()
        for number in (0, 1, 2):
            self.assertEqual(process.descriptors(pid)[number], "/dev/null")
        self.stop(pid)

    def test_any_umask_gives_the_same_modes(self):
        for umask in ("000", "777"):
            pid, _ = self.start(prefix=(
                "sh", "-c", f'umask {umask}; exec "$@"', "sh"))
            for name in os.listdir(os.path.join(self.folder, "logs")):
                mode = os.stat(
                    os.path.join(self.folder, "logs", name)).st_mode
                self.assertEqual(mode & 0o077, 0, name)
            self.stop(pid)
            shutil.rmtree(os.path.join(self.folder, "logs"))

    def test_a_hostile_environment_does_no_harm(self):
        self.configure({"one": backend()})
        pid, address = self.start(env={
            "LISTEN_FDS": "99999999999999999999", "LISTEN_PID": "x",
            "NOTIFY_SOCKET": "/" + "x" * 4096, "WATCHDOG_USEC": "-1",
            "WATCHDOG_PID": "0", "JOURNAL_STREAM": "x:y", "TZ": "/dev/zero",
            "LC_ALL": "xx_XX.nonsense", "EVENT_NOEPOLL": "1", "TERM": "",
            "MALLOC_ARENA_MAX": "1", "http_proxy": "http://192.0.2.1:1"})
        with Client(address) as client:
            client.wait_tools("one/echo")
        self.stop(pid)

    def test_signals_that_were_blocked_or_ignored_work(self):
        script = ("import os, signal, sys\n"
                  "for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):\n"
                  "    signal.signal(n, signal.SIG_IGN)\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\n"
                  "os.execv(sys.argv[1], sys.argv[1:])\n")
        self.configure({"one": backend()})
        pid, address = self.start(prefix=(PYTHON, "-c", script))
        with Client(address) as client:
            client.wait_tools("one/echo")
        self.stop(pid)


if __name__ == "__main__":
    unittest.main()
