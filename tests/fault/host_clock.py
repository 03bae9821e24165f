"""The clock of the day jumps, the monotonic one is where it overflows, and
processors are taken away: timers, calls and processes go on."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

import process
from client import Client
from control import Asked
from gateway import PATIENCE, PYTHON, Gateway, backend, faulty
from load import Load
from programs import CAN_PRELOAD, Programs

DAY = 86400
# Shortly before and after 32 bits overflow.
END_OF_TIME = 1 << 31
STAMP = re.compile(r"^(\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d) - ", re.MULTILINE)
# How long processors are taken away: twice what a process has that does not
# answer.
STARVED = 10


def stamps(text):
    """The times of log records, in seconds."""
    return [time.mktime(time.strptime(one, "%Y-%m-%d %H:%M:%S"))
            for one in STAMP.findall(text)]


@unittest.skipUnless(CAN_PRELOAD, "needs the tests' library")
class OfTheDay(unittest.TestCase):
    """CLOCK_REALTIME of all processes of the gateway and their jobs."""

    def setUp(self):
        programs = Programs()
        self.addCleanup(programs.__exit__)
        programs.preload("front", "worker", "reaper")
        self.programs = programs
        self.gateway = Asked(
            {"victim": faulty(), "bystander": backend(
                ping_interval=1, request_timeout=4)},
            daemon=programs.daemon, env=programs.environment())
        self.addCleanup(shutil.rmtree, self.gateway.place, True)
        self.addCleanup(self.gateway.discard)
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")

    def jump(self, seconds):
        """Move it; what is logged from now on says so."""
        self.programs.move_clock(seconds)
        with Client(self.gateway.address) as client:
            client.request("ping").result
        process.wait_until(
            lambda: abs(stamps(self.gateway.log())[-1]
                        - time.time() - seconds) < 5 * PATIENCE,
            10 * PATIENCE, "a record of then")

    def test_jumps_change_no_deadline_and_kill_nobody(self):
        before = process.descendants(self.gateway.pid)
        with Load(self.gateway.address, ["victim/echo", "bystander/echo"],
                  100):
            for seconds in (DAY, -DAY, END_OF_TIME - time.time() - 2,
                            END_OF_TIME + DAY - time.time(), 0):
                self.jump(seconds)
                time.sleep(1.5)
        self.assertEqual(process.descendants(self.gateway.pid), before)
        self.assertNotRegex(self.gateway.log(), "WARNING - (?!these)|ERROR")
        self.gateway.stop()

    def test_a_deadline_is_what_it_was(self):
        with Client(self.gateway.address) as client:
            for seconds in (DAY, -DAY):
                begin = time.monotonic()
                key = client.send("tools/call", {
                    "name": "bystander/hang", "arguments": {"seconds": 60}})
                time.sleep(1)
                self.jump(seconds)
                self.assertNotIn(key, client.outcomes)
                client.outcome(key).error
                taken = time.monotonic() - begin
                self.assertGreater(taken, 3.9)
                self.assertLess(taken, 4 + 2 * PATIENCE)

    def test_a_delay_is_what_it_was(self):
        # The next start of a backend is not a day away.
        for seconds in (-DAY, DAY):
            job = self.gateway.wait_job("victim")
            os.kill(job, 9)
            self.jump(seconds)
            self.gateway.wait_job("victim", other_than=[job], timeout=10)
            self.gateway.wait_state("victim", "ready")

    def test_what_people_see_is_sane(self):
        with Client(self.gateway.address) as client:
            for seconds in (DAY, -DAY):
                self.jump(seconds)
                client.call("victim/echo", {"text": "x"}).result
                told = self.gateway.status()
                spans = [told["gateway"]["uptime_seconds"]]
                spans += [one["uptime_seconds"] for one in told["backends"]]
                for call in json.loads(
                        self.gateway.ctl("calls", "--json").stdout)["calls"]:
                    spans += [call["ago_ms"] / 1000, call["ms"] / 1000]
                self.assertGreater(len(spans), 4)
                self.assertGreaterEqual(min(spans), 0)
                self.assertLess(max(spans), 60 * PATIENCE)
        self.gateway.stop()


def can_shift():
    """Whether a program can be started with another monotonic clock."""
    if shutil.which("unshare") is None or os.getuid() != 0:
        return False
    said = subprocess.run(
        ["unshare", "--time", "--monotonic", "1000000000", PYTHON, "-c",
         "import time; print(int(time.monotonic()))"],
        capture_output=True, text=True, check=False)
    return said.returncode == 0 and int(said.stdout or 0) > 1000000000


@unittest.skipUnless(can_shift(), "needs root and a time namespace")
class Monotonic(unittest.TestCase):
    """A machine that has been up for long."""

    def overflow(self, milliseconds):
        """Serve while so many have gone by since the machine was started."""
        ahead = int(milliseconds / 1000 - time.monotonic()) - 3
        with Gateway({"victim": faulty(), "bystander": backend(
                ping_interval=1)}, prefix=(
                    "unshare", "--time", "--monotonic", str(ahead),
                    "--boottime", str(ahead))) as gateway:
            with Client(gateway.address) as client:
                client.wait_tools("victim/echo", "bystander/echo")
            before = process.descendants(gateway.pid)
            with Load(gateway.address, ["victim/echo", "bystander/echo"], 50):
                time.sleep(7)
            self.assertEqual(process.descendants(gateway.pid), before)
            job = gateway.wait_job("victim")
            os.kill(job, 9)
            gateway.wait_job("victim", other_than=[job])
            gateway.stop()

    def test_for_25_days(self):
        self.overflow(1 << 31)

    def test_for_50_days(self):
        self.overflow(1 << 32)

    def test_for_a_century(self):
        self.overflow(100 * 366 * DAY * 1000)


class Processors(unittest.TestCase):
    """Others want them too."""

    def setUp(self):
        self.gateway = Gateway({"victim": faulty(), "bystander": backend()})
        self.addCleanup(self.gateway.discard)
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")
        self.before = process.descendants(self.gateway.pid)

    def starve(self, hogs, prefix=()):
        """Processes that do nothing else than to need them."""
        found = [subprocess.Popen([*prefix, PYTHON, "-c",
                                   "while True: pass"])
                 for _ in range(hogs)]
        self.addCleanup(self.feed, found)
        return found

    @staticmethod
    def feed(hogs):
        """They have had enough."""
        for hog in hogs:
            hog.kill()
            hog.wait()

    def assert_slower_only(self, rate, hogs):
        """Calls have their results, late maybe, and nobody is killed."""
        with Load(self.gateway.address, ["victim/echo", "bystander/echo"],
                  rate) as load:
            time.sleep(STARVED)
        self.feed(hogs)
        self.assertLess(load.slowest, 5 * PATIENCE)
        now = process.descendants(os.getpid())
        self.assertEqual(set(self.before) - set(now), set())
        self.assertNotIn("did not answer", self.gateway.log())
        self.gateway.stop()

    def test_hogs_on_all_of_them(self):
        prefix = ("nice", "-n", "-5") if os.system(
            "nice -n -5 true 2>/dev/null") == 0 else ()
        for pid in (self.gateway.pid, *self.before):
            os.setpriority(os.PRIO_PROCESS, pid, 10)
        self.assert_slower_only(20, self.starve(4 * os.cpu_count(), prefix))

    @unittest.skipUnless(hasattr(os, "sched_setaffinity"), "not here")
    def test_one_for_everybody(self):
        one = {min(os.sched_getaffinity(0))}
        for pid in (self.gateway.pid, *self.before):
            os.sched_setaffinity(pid, one)
        hogs = self.starve(4)
        for hog in hogs:
            os.sched_setaffinity(hog.pid, one)
        self.assert_slower_only(20, hogs)


if __name__ == "__main__":
    unittest.main()
