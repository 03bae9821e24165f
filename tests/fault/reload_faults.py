"""What goes wrong while a gateway reloads: its processes die or hang, the
machine has no more of something, signals come by the thousand."""

import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
import unittest

import process
from client import Client
from gateway import PATIENCE, SANITIZED, backend, control, faulty
from load import Load
from operated import RATE, REFUSED, Operated

# How long things go wrong.
SECONDS = 6 if not SANITIZED else 20
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# Backends that come or change at once.
MANY = 100 if not SANITIZED else 20


class Trouble:
    """Something that is done again and again while the block runs."""

    def __init__(self, what, every):
        self.what = what
        self.every = every
        self.ending = threading.Event()
        self.failed = []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        """Until the block ends."""
        while not self.ending.wait(self.every):
            try:
                self.what()
            except ProcessLookupError:
                pass
            except (AssertionError, OSError) as error:
                self.failed.append(repr(error))
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.ending.set()
        self.thread.join(30 * PATIENCE)
        if kind is None:
            assert not self.failed, self.failed


class Faults(Operated):
    """A gateway with "steady", which is not to notice, and "victim"."""

    def setUp(self):
        self.number = 0
        self.serve({"steady": backend("--scheme", "by"), "victim": faulty()})
        self.client = self.open("steady/echo", "victim/echo")
        self.steady = self.pids("steady")

    def change(self):
        """The victim is another one now; nobody has been told."""
        self.number += 1
        self.servers["victim"]["env"] = {"NUMBER": str(self.number)}
        self.write()

    def change_and_tell(self):
        """And the gateway is told, which may have ended."""
        self.change()
        self.gateway.send_signal(signal.SIGHUP)

    def assert_recovers(self):
        """The last configuration is in use, each backend is there once, and
        nothing else is."""
        self.change()
        control(self.gateway, "reload")

        def settled():
            found = json.loads(control(self.gateway, "status", "--json"))
            return [(one["name"], one["state"], one["part"])
                    for one in found["backends"]] == [
                        (name, "ready", "serving") for name in self.servers]
        process.wait_until(settled, 20 * PATIENCE, "one of each backend")
        with Client(self.gateway.address) as client:
            for name in self.servers:
                client.wait_tools(f"{name}/echo")
                client.call(f"{name}/echo", {"text": "x"}).result
        # Supervisor, front, and a worker, a reaper and a job of each.
        process.wait_until(
            lambda: len(process.descendants(self.gateway.pid)) ==
            1 + 3 * len(self.servers), 10 * PATIENCE, "no more processes")


class Killed(Faults):
    """SIGKILL, while the victim is replaced again and again under load: each
    call has one outcome, and those of others succeed."""

    def kill(self, find):
        """Kill what find() finds, if there is one."""
        pid = find()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def trouble(self, find, every=0.3):
        """The steady one is called and its calls succeed; calls of the victim
        fail or do not."""
        with Load(self.gateway.address, "steady/echo", RATE / 2), \
                Load(self.gateway.address, "victim/echo", RATE / 2,
                     may_fail=True) as load, \
                Trouble(self.change_and_tell, 0.25), \
                Trouble(lambda: self.kill(find), every):
            time.sleep(SECONDS)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertEqual(load.counts["ended"], 0)
        self.assert_recovers()
        self.gateway.stop()

    def test_workers(self):
        self.trouble(lambda: self.gateway.find("worker", "victim"))

    def test_reapers(self):
        self.trouble(lambda: self.gateway.find("reaper", "victim"))

    def test_jobs(self):
        self.trouble(lambda: next(iter(self.gateway.jobs("victim")), None))

    def test_any_of_them_at_any_time(self):
        def find():
            found = [pid for pid, title in process.descendants(
                self.gateway.pid).items()
                     if "front" not in title and pid not in self.steady]
            return random.choice(found) if found else None
        self.trouble(find, 0.05)

    def test_fronts(self):
        with Load(self.gateway.address, ["steady/echo", "victim/echo"], RATE,
                  may_fail=True) as load, \
                Trouble(self.change_and_tell, 0.25), \
                Trouble(lambda: self.kill(
                    lambda: self.gateway.find("front")), 1.3):
            time.sleep(SECONDS)
        self.assertGreater(load.counts["ended"], 0)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assert_recovers()
        self.gateway.stop()

    def test_the_supervisor(self):
        with Load(self.gateway.address, ["steady/echo", "victim/echo"], RATE,
                  may_fail=True):
            for _ in range(5):
                self.change_and_tell()
                time.sleep(0.21)
            self.gateway.send_signal(signal.SIGKILL)
            self.gateway.child.wait(5)
            self.gateway.assert_nothing_left()
            self.gateway.stopped = True


class Hanging(Faults):
    """SIGSTOP in the middle of a reload."""

    def test_the_supervisor_for_a_while(self):
        """Nobody is killed for what it did not do, and the reload goes on."""
        front = self.gateway.find("front")
        with Load(self.gateway.address, "steady/echo", RATE / 2), \
                Load(self.gateway.address, "victim/echo", RATE / 2):
            for pause in (0, 0.003, 0.01, 0.03):
                before = self.reloads()
                self.change_and_tell()
                time.sleep(pause)
                self.gateway.send_signal(signal.SIGSTOP)
                time.sleep(7 if pause == 0.01 else 1)
                self.gateway.send_signal(signal.SIGCONT)
                process.wait_until(lambda: self.reloads() > before,
                                   15 * PATIENCE, "the reload")
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertEqual(self.gateway.find("front"), front)
        self.assertNotIn("ERROR", self.gateway.log())
        self.assert_recovers()

    def test_the_new_one(self):
        """It is found and ended, and the old one serves meanwhile."""
        def new_ones():
            return [pid for pid, title in process.descendants(
                self.gateway.pid).items()
                    if title.startswith("mcp-gateway-worker: victim") and
                    pid != old]
        with Load(self.gateway.address, ["steady/echo", "victim/echo"], RATE):
            old = self.gateway.find("worker", "victim")
            self.servers["victim"]["args"] = ["--slow-start", "500"]
            self.change_and_tell()
            new = process.wait_until(new_ones, 10 * PATIENCE, "another")[0]
            os.kill(new, signal.SIGSTOP)
            process.wait_until(lambda: not process.exists(new),
                               10 * PATIENCE, "its end")
            process.wait_until(lambda: not process.exists(old),
                               10 * PATIENCE, "one that serves")
        self.assert_recovers()

    def test_the_front(self):
        """A front that hangs is replaced, and is told everything."""
        self.change_and_tell()
        front = self.gateway.find("front")
        os.kill(front, signal.SIGSTOP)
        self.gateway.wait_for("front", other_than=front)
        self.assert_recovers()
        self.assertEqual(self.pids("steady"), self.steady)


class Storms(Faults):
    """Every signal that it knows, a thousand times a second."""

    def storm(self, numbers, seconds):
        """Send them all the time, until it ends at the latest."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.gateway.child.poll() is None:
            for number in numbers:
                try:
                    self.gateway.send_signal(number)
                except ProcessLookupError:
                    return
            time.sleep(0.001)

    def test_it_goes_on_and_ends_well(self):
        told = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        memory = process.resident(self.gateway.pid)
        with Load(self.gateway.address, "steady/echo", RATE / 5), \
                Trouble(self.change, 0.5):
            self.storm(told, SECONDS)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assert_recovers()
        if not SANITIZED:
            self.assertLess(process.resident(self.gateway.pid),
                            memory + (4 << 20))
        self.gateway.send_signal(signal.SIGTERM)
        self.storm((*told, signal.SIGTERM), 10)
        self.assertEqual(self.gateway.child.wait(10), 0)
        self.gateway.stopped = True
        self.gateway.assert_nothing_left()
        self.gateway.assert_sane()


class Starting(Operated):
    """Signals that come too early."""

    def test_a_reload_waits_until_it_serves(self):
        numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        # They are blocked in what is not the gateway yet.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        self.serve({"one": faulty()}, wait=False)
        for number in numbers:
            self.gateway.send_signal(number)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.gateway.wait_log("reload - INFO - nothing has changed")
        self.gateway.wait_log("the log was opened again .SIGUSR1")
        self.gateway.stop()


class Scarce(Faults):
    """The machine has no more of something."""

    def limit_processes(self, limit):
        """How many the user of the gateway may have."""
        subprocess.run([*AS_NOBODY, "prlimit", "--pid", str(self.gateway.pid),
                        f"--nproc={limit}:"], check=True)

    def test_no_process_can_be_started(self):
        if os.getuid() != 0:
            self.skipTest("needs root, whom this limit does not hold")
        self.gateway.stop()
        self.serve({"steady": faulty(), "victim": faulty()},
                   prefix=AS_NOBODY)
        self.open("steady/echo", "victim/echo")
        steady = self.pids("steady")
        with Load(self.gateway.address, ["steady/echo", "victim/echo"],
                  RATE / 2):
            self.limit_processes(1)
            self.servers["victim"]["env"] = {"NEW": "1"}
            self.assertRegex(
                self.reload(),
                "Resource temporarily unavailable .the one before it serves")
            self.limit_processes(resource.getrlimit(resource.RLIMIT_NPROC)[0])
            self.gateway.wait_log("backend victim - INFO - ready in .*"
                                  "\n[^$]*backend victim - INFO - ready in")
        process.wait_until(lambda: len(self.gateway.jobs("victim")) == 1,
                           10 * PATIENCE, "one victim")
        self.assertEqual(self.pids("steady"), steady)
        self.gateway.stop()

    def test_descriptors_of_many_backends_that_are_replaced_at_once(self):
        """The soft limit of who started it is for programs that cannot do with
        more, which jobs are."""
        self.gateway.stop()
        limit = 4 * MANY // 2
        self.serve({"steady": backend("--scheme", "by"), **{
            f"b{number}": faulty() for number in range(MANY)}}, prefix=(
                "prlimit", f"--nofile={limit}:{16 * MANY}"))
        client = self.open("steady/echo", "b0/echo", f"b{MANY - 1}/echo")
        steady = self.pids("steady")
        for number in range(MANY):
            self.servers[f"b{number}"]["env"] = {"NEW": "1"}
        self.servers["b0"]["limits"] = {"open_files": 77}
        self.assertEqual(self.reload(60), f"{MANY} backends replaced")
        for number in range(MANY):
            client.wait_tools(f"b{number}/echo")
        self.assertEqual(self.pids("steady"), steady)
        self.assertNotIn("Too many open files", self.gateway.log())
        for name, files in (("steady", limit), ("b0", 77)):
            job = self.gateway.jobs(name)[0]
            self.assertEqual(
                resource.prlimit(job, resource.RLIMIT_NOFILE)[0], files)
        with open(f"/proc/{self.gateway.find('front')}/limits",
                  encoding="ascii") as file:
            self.assertRegex(file.read(), "Max open files +"
                             f"{16 * MANY} +{16 * MANY} ")

    def test_everything_is_removed_and_many_are_added(self):
        del self.servers["victim"], self.servers["steady"]
        for number in range(MANY):
            self.servers[f"b{number}"] = faulty()
        self.assertEqual(self.reload(60), f"{MANY} backends added, 2 removed")
        self.client.wait_tools(*(f"b{number}/echo"
                                 for number in range(MANY)))
        self.assertFalse([name for name in self.client.tools()
                          if name.startswith(("steady/", "victim/"))])
        self.servers.clear()
        self.assertEqual(self.reload(60), f"{MANY} backends removed")
        process.wait_until(
            lambda: len(process.descendants(self.gateway.pid)) == 1,
            20 * PATIENCE, "the front alone")

    def test_while_many_crash_again_and_again(self):
        for number in range(64):
            self.servers[f"bad{number}"] = faulty("--exit-at-start", "1")
        self.assertRegex(self.reload(60),
                         "64 backends added; .*; nor are 59 others")
        with Load(self.gateway.address, ["steady/echo", "victim/echo"],
                  RATE / 2):
            for number in range(10):
                self.servers["victim"]["env"] = {"NUMBER": str(number)}
                self.servers[f"bad{number}"]["env"] = {"NUMBER": str(number)}
                self.assertIn("2 backends replaced", self.reload())
        self.assertEqual(self.pids("steady"), self.steady)


class Files(Faults):
    """The configuration is written while it is read."""

    def test_what_is_half_written_changes_nothing(self):
        """In its place, which no editor should do."""
        whole = json.dumps(self.config)

        def rewrite():
            with open(self.gateway.config, "r+", encoding="utf-8") as file:
                file.truncate(0)
                for at in range(0, len(whole), 100):
                    file.write(whole[at:at + 100])
                    file.flush()
        with Load(self.gateway.address, ["steady/echo", "victim/echo"],
                  RATE / 2), Trouble(rewrite, 0.0001):
            for _ in range(20):
                self.gateway.send_signal(signal.SIGHUP)
                time.sleep(0.21)
        self.assertEqual(self.pids("steady"), self.steady)
        self.assertIn(REFUSED, self.gateway.log())
        self.assert_recovers()

    def test_one_takes_the_place_of_the_other(self):
        with Load(self.gateway.address, ["steady/echo", "victim/echo"],
                  RATE / 2), Trouble(self.change, 0.0001):
            for _ in range(20):
                self.gateway.send_signal(signal.SIGHUP)
                time.sleep(0.21)
        self.assertEqual(self.pids("steady"), self.steady)
        # Which may be found while who may write to it is looked at.
        log = self.gateway.log()
        self.assertEqual(log.count(REFUSED),
                         log.count("was replaced while it was read"))
        self.assert_recovers()


if __name__ == "__main__":
    unittest.main()
