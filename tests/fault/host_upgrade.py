"""The programs are replaced while the gateway runs, by the same ones, by those
of another version, by nothing: who runs goes on, and who is started next is
refused with a reason, until all of them fit again."""

import os
import signal
import subprocess
import unittest

import process
import raw
from client import Canary, Client
from gateway import DAEMON, PATIENCE, Gateway, backend, faulty
from operated import Operated
from programs import Programs

REASON = "has another version than mcp-gatewayd; install all programs of " \
    "the gateway together and restart mcp-gatewayd"


def version():
    """Of this build."""
    said = subprocess.run([DAEMON, "--version"], capture_output=True,
                          text=True, check=True).stdout
    return said.split()[-1]


def another(version_now):
    """One of the same length."""
    return version_now[:-1] + chr(ord(version_now[-1]) ^ 1)


class Upgrade(Operated):
    """Programs in a folder of their own."""

    def setUp(self):
        self.programs = Programs()
        self.addCleanup(self.programs.__exit__)
        self.serve({"victim": faulty(), "bystander": backend()},
                   daemon=self.programs.daemon)
        self.open("victim/echo", "bystander/echo").close()

    def upgrade(self, *roles):
        """These are of another version from now on."""
        now = version()
        for role in roles:
            old = self.programs.read(role)
            said = b'"version":"%s"' % now.encode()
            self.assertIn(said, old)
            self.programs.replace(role, old.replace(
                said, b'"version":"%s"' % another(now).encode()))

    def kill(self, role, name=None):
        """Kill a process."""
        os.kill(self.gateway.wait_for(role, name), signal.SIGKILL)

    def wait_serves(self, name, timeout=40):
        """A backend answers a new client."""
        def look():
            try:
                with Client(self.gateway.address) as client:
                    return "result" in client.call(
                        f"{name}/echo", {"text": "x"}).json
            except (AssertionError, raw.Closed, OSError):
                return False
        process.wait_until(look, timeout * PATIENCE, f"{name} serves")

    def test_the_same_ones_as_new_files(self):
        with Canary(self.gateway.address, "bystander/echo"):
            for role in ("front", "worker", "reaper"):
                self.programs.restore(role)
            self.kill("worker", "victim")
            self.wait_serves("victim")
        self.kill("front")
        self.wait_serves("bystander")
        self.gateway.stop()

    def test_a_worker_of_another_version(self):
        with Canary(self.gateway.address, "bystander/echo"):
            self.upgrade("worker")
            self.kill("worker", "victim")
            self.gateway.wait_log(f"worker victim - ERROR - {REASON}; killed")
            self.gateway.wait_log(
                f"backend victim - WARNING - its worker {REASON}")
            with Client(self.gateway.address) as client:
                error = client.call("victim/echo").error
                self.assertEqual(error["data"]["outcome"], "not_sent")
                self.assertIn("install all programs", error["message"])
            self.programs.restore("worker")
            self.wait_serves("victim")
        self.gateway.stop()

    def test_a_reaper_of_another_version(self):
        with Canary(self.gateway.address, "bystander/echo"):
            self.upgrade("reaper")
            self.kill("reaper", "victim")
            self.gateway.wait_log(f"{REASON}; killed")
            self.programs.restore("reaper")
            self.wait_serves("victim")
        self.gateway.stop()

    def test_a_front_of_another_version(self):
        workers = [self.pids("victim")[0], self.pids("bystander")[0]]
        self.upgrade("front")
        self.kill("front")
        self.gateway.wait_log(f"front - ERROR - {REASON}; started again")
        self.assertIsNone(self.gateway.child.poll())
        self.programs.restore("front")
        self.wait_serves("bystander")
        self.assertEqual(
            workers, [self.pids("victim")[0], self.pids("bystander")[0]])
        self.gateway.stop()

    def test_a_reload_meanwhile_leaves_the_old_ones_serving(self):
        client = self.open("victim/echo", "bystander/echo")
        before = self.pids("victim")
        self.upgrade("worker", "reaper", "front")
        with Canary(self.gateway.address, "bystander/echo"):
            self.servers["victim"]["env"] = {"NEW": "1"}
            self.assertIn("the one before it serves until it is",
                          self.reload())
            self.gateway.wait_log(REASON)
            client.call("victim/echo", {"text": "x"}).result
            # The new one would have other pids.
            self.assertTrue(all(process.exists(pid) for pid in before))
            for role in ("worker", "reaper", "front"):
                self.programs.restore(role)
            process.wait_until(
                lambda: not process.exists(before[0]), 40 * PATIENCE,
                "the new one in the place of the old one")
            self.wait_serves("victim")
        self.gateway.stop()

    def test_programs_that_are_gone(self):
        with Canary(self.gateway.address, "bystander/echo"):
            for role in ("worker", "reaper"):
                os.unlink(self.programs.path(role))
            self.kill("worker", "victim")
            self.gateway.wait_log("victim - .*No such file or directory")
            for role in ("worker", "reaper"):
                self.programs.restore(role)
            self.wait_serves("victim")
        self.gateway.stop()

    def test_a_front_that_is_gone(self):
        os.unlink(self.programs.path("front"))
        self.kill("front")
        self.gateway.wait_log("front - ERROR - No such file or directory")
        self.programs.restore("front")
        self.wait_serves("bystander")
        self.gateway.stop()

    def test_mcp_gatewayd_itself(self):
        with open(self.programs.daemon, "rb") as file:
            data = file.read()
        os.rename(self.programs.daemon, self.programs.daemon + ".old")
        with open(self.programs.daemon, "wb") as file:
            file.write(data)
        os.chmod(self.programs.daemon, 0o755)
        os.unlink(self.programs.daemon + ".old")
        with Canary(self.gateway.address, "bystander/echo"):
            self.kill("worker", "victim")
            self.wait_serves("victim")
            self.assertEqual(self.reload(), "nothing has changed")
        self.gateway.stop()
        with Gateway({"one": faulty()}, daemon=self.programs.daemon) as after:
            with Client(after.address) as client:
                client.wait_tools("one/echo")


if __name__ == "__main__":
    unittest.main()
