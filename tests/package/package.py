"""The Debian package on a machine with systemd: installed, started, reloaded,
watched, activated by its socket, upgraded, removed and purged.  systemd runs in
namespaces of its own on a copy-on-write view of this machine."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
PATIENCE = float(os.environ.get("MCPGW_TEST_PATIENCE", "1"))
CONFIG = "/etc/mcp-gateway/config.json"
MOUNTED = "/mnt"  # where the machine sees the source tree
ADDRESS = "http://127.0.0.1:9000"

FETCH = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
"""

# How many tools a client sees.
TOOLS = """
import sys
sys.path.insert(0, sys.argv[1])
import client
session = client.Client(("127.0.0.1", 9000))
print(len(session.tools()))
session.close()
"""


def wait_until(look, seconds, what):
    """The first true value of look()."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.05)


class Machine:
    """A systemd of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mcpgw-package-")
        self.unshare = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc",
             "--cgroup", "--net", "--kill-child=KILL",
             os.path.join(HERE, "boot.sh"), self.folder, SOURCE],
            stdin=subprocess.DEVNULL, start_new_session=True)
        self.init = None
        wait_until(self.is_booted, 120, "systemd has booted")

    def is_booted(self):
        """systemd answers."""
        assert self.unshare.poll() is None, "systemd did not start"
        path = f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children"
        with open(path, encoding="ascii") as file:
            pids = file.read().split()
        if not pids:
            return False
        self.init = int(pids[0])
        if not os.readlink(f"/proc/{self.init}/exe").endswith("/systemd"):
            return False
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() in ("running", "degraded")

    def run(self, *command, check=True, text=None):
        """Run a command in it."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.init), "--all",
             f"--root=/proc/{self.init}/root", "env", "--chdir=/", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *command],
            input=text, capture_output=True, text=True, check=False,
            timeout=120 * PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError(
                f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
                f"{self.journal()}")
        return done

    def output(self, *command, **more):
        """What a command printed."""
        return self.run(*command, **more).stdout.strip()

    def journal(self):
        """What the unit wrote."""
        return self.run("journalctl", "-u", "mcp-gateway", "--no-pager",
                        "-n", "60", check=False).stdout

    def show(self, key, unit="mcp-gateway"):
        """A property of the unit."""
        return self.output("systemctl", "show", "--value", "-p", key, unit)

    def write(self, path, text):
        """Write a file of root's alone."""
        self.run("sh", "-c", f"umask 077; cat >'{path}'", text=text)

    def fetch(self, path):
        """GET from the gateway."""
        return self.output("python3", "-c", FETCH, ADDRESS + path)

    def processes(self):
        """Everything that is the gateway's or a backend's, by pid."""
        lines = self.output("ps", "-eo", "pid=,user:32=,args=").splitlines()
        return {int(pid): (user, args) for pid, user, args in
                (line.split(None, 2) for line in lines) if "mcp-" in args}

    def stop(self):
        """End it at once, with all that runs in it."""
        if self.init is not None:
            os.kill(self.init, signal.SIGKILL)
        self.unshare.kill()
        self.unshare.wait()
        os.rmdir(self.folder)


class PackageTest(unittest.TestCase):
    """One life of a package, in the order of the names."""

    @classmethod
    def setUpClass(cls):
        build = os.path.join(SOURCE, "scripts", "package")
        cls.packages = [
            subprocess.run([build, release], check=True, text=True,
                           stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout.strip()
            for release in ("1", "2")]
        cls.packages_there = [
            os.path.join(MOUNTED, os.path.relpath(path, SOURCE))
            for path in cls.packages]
        cls.machine = Machine()

    @classmethod
    def tearDownClass(cls):
        cls.machine.stop()

    def wait_active(self):
        """The unit is up."""
        wait_until(lambda: self.machine.show("ActiveState") == "active", 30,
                   "the unit is active")

    def status(self):
        """What mcp-gatewayctl status --json says."""
        return json.loads(
            self.machine.run("mcp-gatewayctl", "status", "--json",
                             check=False).stdout)

    def test_01_lintian_accepts_it(self):
        done = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error,warning",
             *self.packages],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_02_installed_it_is_started_and_answers(self):
        machine = self.machine
        machine.run("dpkg", "-i", self.packages_there[0])
        self.wait_active()
        self.assertEqual(machine.fetch("/healthz"), "ok")
        users = {args.split()[0].split("/")[-1].rstrip(":"): user
                 for user, args in machine.processes().values()}
        self.assertEqual(users["mcp-gatewayd"], "root")
        self.assertEqual(users["mcp-gateway-front"], "_mcpgw")
        self.assertEqual(machine.output("stat", "-c", "%a %U", CONFIG),
                         "600 root")
        self.assertIn("enabled", machine.output(
            "systemctl", "is-enabled", "mcp-gateway"))
        self.assertIn("backend", machine.show("StatusText"))

    def test_03_the_unit_is_confined(self):
        done = self.machine.output("systemd-analyze", "security",
                                   "--no-pager", "mcp-gateway")
        level = float(done.splitlines()[-1].split(":")[1].split()[0])
        self.assertLess(level, 2.8, done)
        self.machine.run("systemd-analyze", "verify", "--man=no",
                         "/lib/systemd/system/mcp-gateway.service",
                         "/lib/systemd/system/mcp-gateway.socket")

    def test_04_a_reload_starts_a_backend_as_a_user_of_its_own(self):
        machine = self.machine
        before = machine.show("MainPID")
        machine.write(CONFIG, json.dumps({
            "gateway": {"log": "none", "drain_timeout": 2},
            "mcpServers": {"example": {"command": "mcp-server-example"}}}))
        machine.run("systemctl", "reload", "mcp-gateway")
        self.assertEqual(machine.show("MainPID"), before)
        wait_until(lambda: self.status()["backends"][0]["state"] == "ready",
                   15, "the backend is ready")
        users = [user for user, args in machine.processes().values()
                 if args.split()[0].endswith("mcp-server-example")]
        self.assertEqual(len(users), 1)
        self.assertTrue(60578 <= int(users[0]) <= 61183, users)
        self.assertEqual(
            machine.output("stat", "-c", "%a %u",
                           "/var/lib/mcp-gateway/example"), f"700 {users[0]}")
        self.assertGreater(int(machine.output(
            "python3", "-c", TOOLS, os.path.join(MOUNTED, "tests/lib"))), 0)

    def test_05_a_wrong_configuration_is_refused_by_the_reload(self):
        machine = self.machine
        good = machine.output("cat", CONFIG)
        machine.write(CONFIG, '{"gateway": {"prot": 1}}')
        done = machine.run("systemctl", "reload", "mcp-gateway", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.status()["backends"][0]["state"], "ready")
        self.assertIn("prot", machine.journal())
        machine.write(CONFIG, good)
        machine.run("systemctl", "reload", "mcp-gateway")
        self.assertEqual(machine.show("ActiveState"), "active")

    def test_06_a_supervisor_that_dies_or_hangs_is_replaced(self):
        machine = self.machine
        machine.run("mkdir", "-p", "/run/systemd/system/mcp-gateway.service.d")
        machine.write("/run/systemd/system/mcp-gateway.service.d/test.conf",
                      "[Service]\nWatchdogSec=2\n")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", "mcp-gateway")
        for number in ("KILL", "STOP"):
            before = machine.show("MainPID")
            old = set(machine.processes())
            machine.run("systemctl", "kill", "--kill-whom=main",
                        f"--signal={number}", "mcp-gateway")
            wait_until(lambda old=before: machine.show("MainPID") not in
                       (old, "0"), 30, f"another main process after {number}")
            self.wait_active()
            self.assertFalse(old & set(machine.processes()))
            self.assertEqual(machine.fetch("/healthz"), "ok")

    def test_07_the_socket_starts_it(self):
        machine = self.machine
        machine.run("systemctl", "stop", "mcp-gateway")
        self.assertEqual(machine.processes(), {})
        machine.run("systemctl", "start", "mcp-gateway.socket")
        self.assertEqual(machine.fetch("/healthz"), "ok")
        self.wait_active()
        # The socket is systemd's: a restart refuses nobody.
        machine.run("systemctl", "restart", "mcp-gateway")
        self.assertEqual(machine.fetch("/healthz"), "ok")
        machine.run("systemctl", "stop", "mcp-gateway.socket", "mcp-gateway")
        machine.run("systemctl", "reset-failed", "mcp-gateway")
        machine.run("systemctl", "start", "mcp-gateway")

    def test_08_logrotate_takes_its_rules(self):
        self.machine.run("logrotate", "-d", "/etc/logrotate.d/mcp-gateway")

    def test_09_an_upgrade_keeps_the_configuration(self):
        machine = self.machine
        before, config = machine.show("MainPID"), machine.output("cat", CONFIG)
        machine.run("dpkg", "--force-confdef", "--force-confold", "-i",
                    self.packages_there[1])
        self.wait_active()
        self.assertNotEqual(machine.show("MainPID"), before)
        self.assertEqual(machine.output("cat", CONFIG), config)
        self.assertTrue(machine.output(
            "dpkg-query", "-W", "-f", "${Version}", "mcp-gateway")
            .endswith("-2"))
        self.assertEqual(machine.fetch("/healthz"), "ok")

    def test_10_removed_it_is_gone_and_purged_nothing_is_left(self):
        machine = self.machine
        machine.run("dpkg", "-r", "mcp-gateway")
        self.assertEqual(machine.processes(), {})
        machine.run("test", "-e", CONFIG)
        machine.run("dpkg", "-P", "mcp-gateway")
        for path in ("/etc/mcp-gateway", "/var/lib/mcp-gateway",
                     "/var/log/mcp-gateway", "/usr/libexec/mcp-gateway",
                     "/usr/sbin/mcp-gatewayd"):
            done = machine.run("test", "-e", path, check=False)
            self.assertNotEqual(done.returncode, 0, f"{path} is left")


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("package: this test needs root, for its namespaces")
    unittest.main(verbosity=2)
