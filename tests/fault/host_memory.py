"""Allocations that fail in the front and in workers, one of a hundred and all
large ones: that process may end, and is replaced; nobody else does."""

import os
import resource
import time
import unittest

import process
import raw
from client import Canary, Client
from gateway import PATIENCE, SANITIZED, Gateway, backend, faulty
from load import Load
from programs import CAN_PRELOAD, Programs

MIB = 1 << 20
# For this long nothing can be relied on.
TROUBLE = 6


class Memory(unittest.TestCase):
    """A victim and a bystander."""

    def serve(self, **more):
        """Start a gateway."""
        self.gateway = Gateway(
            {"victim": faulty(), "bystander": backend()}, **more)
        self.addCleanup(self.gateway.discard)
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")

    def serves(self):
        """Both backends answer a new client."""
        try:
            with Client(self.gateway.address) as client:
                client.wait_tools("victim/echo", "bystander/echo", timeout=5)
                for name in ("victim", "bystander"):
                    client.call(f"{name}/echo", {"text": "x"}).result
            return True
        except (AssertionError, raw.Closed, OSError, ValueError):
            return False

    def assert_recovered(self):
        """Service is back, the supervisor is the one that it was, and it ends
        well."""
        try:
            process.wait_until(self.serves, 40 * PATIENCE, "service as before")
        except AssertionError as error:
            raise AssertionError(f"{error}{self.gateway.report()}") from None
        self.assertIsNone(self.gateway.child.poll())
        self.gateway.stop()


@unittest.skipUnless(CAN_PRELOAD, "sanitizers allocate for themselves")
class OneOfAHundred(Memory):
    """malloc(3) and its like, at random."""

    def setUp(self):
        self.programs = Programs()
        self.addCleanup(self.programs.__exit__)

    def trouble(self, one, least_size=0, seconds=TROUBLE):
        """Let allocations fail for a while in which much happens: a call alone
        needs none."""
        with Load(self.gateway.address, ["victim/echo", "bystander/echo"],
                  100, may_fail=True):
            self.programs.fail_allocations(one, least_size)
            end = time.monotonic() + seconds
            number = 0
            while time.monotonic() < end:
                number += 1
                self.happen(number)
            self.programs.fail_allocations(0)
        self.assertGreater(self.programs.failed(), 0)

    def happen(self, number):
        """A client comes, the lists change, and it goes."""
        try:
            with Client(self.gateway.address) as client:
                client.request("tools/list", timeout=2)
                client.request("tools/call", {
                    "name": "bystander/add",
                    "arguments": {"name": f"new{number}"}}, timeout=2)
        except (AssertionError, raw.Closed, OSError, ValueError):
            time.sleep(0.02)

    def test_in_the_front(self):
        self.programs.preload("front")
        self.serve(daemon=self.programs.daemon)
        others = {name: self.gateway.find("worker", name)
                  for name in ("victim", "bystander")}
        self.trouble(100)
        self.assert_others(others)

    def test_large_ones_in_the_front(self):
        self.programs.preload("front")
        self.serve(daemon=self.programs.daemon)
        others = {name: self.gateway.find("worker", name)
                  for name in ("victim", "bystander")}
        self.trouble(3, 4096)
        self.assert_others(others)

    def assert_others(self, others):
        """Workers noticed nothing."""
        for name, pid in others.items():
            self.assertEqual(self.gateway.find("worker", name), pid)
        self.assert_recovered()

    def test_in_workers(self):
        self.programs.preload("worker")
        self.serve(daemon=self.programs.daemon)
        front = self.gateway.find("front")
        self.trouble(100)
        self.assertEqual(self.gateway.find("front"), front)
        self.assert_recovered()

    def test_in_reapers(self):
        self.programs.preload("reaper")
        self.serve(daemon=self.programs.daemon)
        front = self.gateway.find("front")
        self.trouble(100)
        self.assertEqual(self.gateway.find("front"), front)
        self.assert_recovered()

    def test_everywhere_but_in_the_supervisor(self):
        self.programs.preload("front", "worker", "reaper")
        self.serve(daemon=self.programs.daemon)
        self.trouble(100)
        self.assert_recovered()

    def test_from_the_start_on(self):
        self.programs.preload("front", "worker", "reaper")
        self.programs.fail_allocations(20)
        self.gateway = Gateway(
            {"victim": faulty(), "bystander": backend()}, wait=False,
            daemon=self.programs.daemon)
        self.addCleanup(self.gateway.discard)
        time.sleep(TROUBLE)
        self.programs.fail_allocations(0)
        self.gateway.wait_listening()
        self.assert_recovered()

    def test_in_the_supervisor_it_is_the_end_of_that_at_worst(self):
        self.serve(daemon=self.programs.daemon,
                   env=self.programs.environment())
        self.programs.fail_allocations(50)
        for _ in range(100):
            worker = self.gateway.find("worker", "victim")
            if worker:
                os.kill(worker, 9)
            time.sleep(0.05)
        self.programs.fail_allocations(0)
        print("poll", self.gateway.child.poll(), self.programs.failed())
        print(self.gateway.report())
        self.assert_recovered()


@unittest.skipIf(SANITIZED, "sanitizers need terabytes of addresses")
class Limited(Memory):
    """RLIMIT_AS of a process that runs."""

    def limit(self, pid, more):
        """It may grow by so much."""
        size = int(process.status(pid)["VmSize"][0]) * 1024
        resource.prlimit(pid, resource.RLIMIT_AS,
                         (size + more, resource.RLIM_INFINITY))

    def large(self, client, size):
        """A call with a large text; whether it was answered."""
        try:
            return "result" in client.call(
                "victim/echo", {"text": "x" * size}, timeout=10).json
        except (AssertionError, raw.Closed, OSError):
            return False

    def exhaust(self):
        """More and more until nothing more works, or it is clear that it
        will."""
        worked = []
        for size in (1 << 10, 1 << 16, 1 << 18, 1 << 20, 3 << 20, 3 << 20):
            try:
                with Client(self.gateway.address) as client:
                    worked.append(self.large(client, size))
            except (AssertionError, raw.Closed, OSError, ValueError):
                worked.append(False)
        return worked

    def test_of_the_front(self):
        self.serve()
        front = self.gateway.find("front")
        workers = [self.gateway.find("worker", name)
                   for name in ("victim", "bystander")]
        self.limit(front, MIB)
        worked = self.exhaust()
        print(worked, front, self.gateway.find("front"))
        print(self.gateway.report())
        self.assertEqual([self.gateway.find("worker", name)
                          for name in ("victim", "bystander")], workers)
        self.assert_recovered()

    def test_of_a_worker(self):
        self.serve()
        front = self.gateway.find("front")
        worker = self.gateway.find("worker", "victim")
        with Canary(self.gateway.address, "bystander/echo"):
            self.limit(worker, MIB)
            worked = self.exhaust()
        print(worked, worker, self.gateway.find("worker", "victim"))
        print(self.gateway.report())
        self.assertEqual(self.gateway.find("front"), front)
        self.assert_recovered()


if __name__ == "__main__":
    unittest.main()
