"""Start a gateway for a test, find its processes, stop it, and prove that
nothing of it is left."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import process

LIBRARY = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(LIBRARY))
BUILD = os.environ.get("MCPGW_BUILD", os.path.join(SOURCE, "build-dev"))
# Sanitizers make everything slower, and a busy machine does too.
PATIENCE = float(os.environ.get("MCPGW_TEST_PATIENCE", "1"))
# The build has sanitizers, which need /proc and more memory.
SANITIZED = "MCPGW_SANITIZE" in os.environ
MIB = (8 if SANITIZED else 1) << 20
DAEMON = os.path.join(BUILD, "mcp-gatewayd")
SCRIPT = os.path.join(LIBRARY, "backend.py")
# The system's: one in a home folder is closed to other users.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) \
    else sys.executable

SANITIZER = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|runtime error:|Assertion .* failed")


def program(name):
    """The path of a program of this build."""
    return os.path.join(BUILD, name)


def backend(*args, **more):
    """A configuration entry for the scripted backend of the tests."""
    entry = {"command": PYTHON, "args": [SCRIPT, *args]}
    entry.update(more)
    return entry


def faulty(*args, **more):
    """A configuration entry for mcp-server-faulty."""
    entry = {"command": program("mcp-server-faulty"), "args": list(args)}
    entry.update(more)
    return entry


def jobs_as_root(settings, prefix=()):
    """Settings of "gateway" with which jobs stay root, where the tests are and
    say nothing else: they write into folders of the tests', and programs may
    be where other users cannot reach them."""
    if os.getuid() != 0 or any("setpriv" in word for word in prefix) or \
            "job_user" in settings or "job_uids" in settings:
        return settings
    return {"job_user": "root", **settings}


def control(gateway, *words, status=0):
    """Run mcp-gatewayctl for a gateway; what it printed."""
    done = subprocess.run(
        [program("mcp-gatewayctl"), "--socket", gateway.control, *words],
        capture_output=True, text=True, check=False, timeout=60 * PATIENCE)
    assert done.returncode == status, (
        f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Gateway:
    """One running gateway.  Use it with "with": leaving the block stops it
    and fails when a process of it is left."""

    def __init__(self, backends, gateway=None, args=(), prefix=(), env=None,
                 text=None, port="0", wait=True, daemon=DAEMON):
        process.become_subreaper()
        self.folder = tempfile.mkdtemp(prefix="mcpgw-test-")
        # Anybody may write logs there, and nobody replace the configuration.
        os.chmod(self.folder, 0o1777)
        self.config = os.path.join(self.folder, "config.json")
        # In a folder of its own, which nobody else may write to.
        self.control = os.path.join(self.folder, "run", "control.sock")
        if text is None:
            # Calls that a test left in flight hold its end up this long.
            settings = {"drain_timeout": 2, **(gateway or {})}
            settings = jobs_as_root(settings, prefix)
            if "setpriv" not in prefix:
                settings = {"control_socket": self.control, **settings}
            text = json.dumps({"gateway": settings, "mcpServers": backends})
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.config, 0o644)
        self.expected = [name for name, entry in (backends or {}).items()
                         if not entry.get("disabled")]
        self.console_path = os.path.join(self.folder, "console.txt")
        self.address = None
        # Without a port the configuration says where to listen.
        where = ["--host", "127.0.0.1", "--port", port] if port else []
        command = [*prefix, daemon, "--config", self.config, *where, *args]
        environment = dict(os.environ)
        environment.update(env or {})
        with open(self.console_path, "wb") as console:
            self.child = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=console,
                stderr=console, stdin=subprocess.DEVNULL,
                start_new_session=True)
        process.waited_for.add(self.child.pid)
        self.stopped = False
        if wait:
            try:
                self.wait_listening()
            except BaseException:
                self.discard()
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if not self.stopped:
                if kind is None:
                    self.stop()
                else:
                    sys.stderr.write(self.report())
        finally:
            self.discard()

    # What it says.

    def console(self):
        """All that was printed so far."""
        with open(self.console_path, encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def log_path(self):
        """The log file, which must be the only one."""
        folder = os.path.join(self.folder, "logs")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        assert len(names) == 1, f"one log file expected: {names}"
        return os.path.join(folder, names[0])

    def log(self):
        """The text of the log file."""
        with open(self.log_path(), encoding="utf-8") as file:
            return file.read()

    def report(self):
        """Console and log, for a failed test."""
        try:
            log = self.log()
        except (AssertionError, OSError, UnicodeError) as error:
            log = f"({error})"
        return (f"\n--- console\n{self.console()[-4000:]}"
                f"\n--- log\n{log[-8000:]}\n")

    def wait_log(self, pattern, timeout=10):
        """Wait for a log line that matches; returns the match."""
        def look():
            try:
                return re.search(pattern, self.log())
            except AssertionError:
                return None
        try:
            return process.wait_until(look, timeout * PATIENCE,
                                      f"log line {pattern!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}{self.report()}") from None

    def wait_console(self, text, timeout=10):
        """Wait until this text was printed; all that was printed so far."""
        process.wait_until(lambda: text in self.console(),
                           timeout * PATIENCE, f"{text!r} on the console")
        return self.console()

    def wait_listening(self, timeout=10):
        """Wait until the address is printed."""
        def look():
            found = re.search(r"http://(?:127\.0\.0\.1|0\.0\.0\.0):([1-9]\d*)/sse",
                              self.console())
            if found is None and self.child.poll() is not None:
                raise AssertionError(
                    f"ended with {self.child.returncode}: {self.console()}")
            return found
        found = process.wait_until(look, timeout * PATIENCE,
                                   "the gateway's address")
        self.address = ("127.0.0.1", int(found.group(1)))

    # Its processes.

    @property
    def pid(self):
        """The supervisor: below the wrapper in prefix, if there is one."""
        return self.child.pid  # what stands in prefix executes it

    def find(self, role, name=None):
        """The pid of a role's process ("front", "worker", "reaper"), or None."""
        wanted = f"mcp-gateway-{role}: {name}" if name else \
            f"mcp-gateway-{role}"
        for pid, title in process.descendants(os.getpid()).items():
            words = title.split(" (")[0].strip()
            if words == wanted or name is None and (
                    words.split(":")[0].split(" ")[0].endswith(wanted)):
                return pid
        return None

    def wait_for(self, role, name=None, other_than=None, timeout=15):
        """Wait for a process of a role, another one than the one named."""
        def look():
            pid = self.find(role, name)
            return pid if pid != other_than else None
        return process.wait_until(look, timeout * PATIENCE,
                                  f"a {role} {name or ''}")

    def jobs(self, name):
        """Pids of a backend's job: what is below its reaper."""
        reaper = self.find("reaper", name)
        return sorted(process.descendants(reaper)) if reaper else []

    def wait_job(self, name, other_than=(), timeout=15):
        """Wait for a job with no process of other_than; its first pid."""
        def look():
            pids = self.jobs(name)
            return pids if pids and not set(pids) & set(other_than) else None
        return process.wait_until(look, timeout * PATIENCE,
                                  f"a job of {name}")[0]

    # Its end.

    def send_signal(self, number):
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, timeout=12, status=0):
        """Ask it to end; it must do so in time, with this status, and leave
        nothing behind.  Returns the seconds that it took."""
        before = time.monotonic()
        self.send_signal(number)
        try:
            self.child.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still there {timeout} s after signal {number}: "
                f"{process.descendants(os.getpid())}{self.report()}"
            ) from None
        taken = time.monotonic() - before
        self.stopped = True
        assert self.child.returncode == status, (
            f"exit status {self.child.returncode}, not {status}"
            f"{self.report()}")
        self.assert_nothing_left(timeout=2)
        self.assert_sane()
        return taken

    def assert_nothing_left(self, timeout=5):
        """Every process below this one is gone, grandchildren included."""
        def nothing():
            process.reap()
            left = process.descendants(os.getpid())
            left.pop(self.child.pid, None)
            return not left
        try:
            process.wait_until(nothing, timeout * PATIENCE, "nothing left")
        except AssertionError:
            raise AssertionError(
                f"left behind: {process.descendants(os.getpid())}"
                f"{self.report()}") from None

    def assert_sane(self):
        """No sanitizer and no assertion spoke."""
        texts = [self.console()]
        try:
            texts.append(self.log())
        except (AssertionError, OSError):
            pass
        for text in texts:
            found = SANITIZER.search(text)
            assert found is None, text[max(0, found.start() - 500):][:6000]

    def discard(self):
        """Kill what a failed test left and remove the files."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        for _ in range(500):
            process.reap()
            left = process.descendants(os.getpid())
            if not left:
                break
            process.kill_all(left)
            time.sleep(0.01)
        process.waited_for.discard(self.child.pid)
        if os.environ.get("MCPGW_TEST_KEEP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
