"""Allocations that fail in the front and in workers, one of a hundred and all
large ones: that process may end, and is replaced; nobody else does."""

import json
import time
import unittest

import process
import rlimit
import raw
from client import Canary, Client
from gateway import PATIENCE, SANITIZED, Gateway, backend, faulty
from load import Load
from programs import CAN_PRELOAD, Programs

MIB = 1 << 20
# For this long nothing can be relied on.
TROUBLE = 4


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

    def trouble(self, *roles):
        """Let allocations fail in these roles while much happens: a call alone
        needs none.  First so that no start succeeds, then so that some do."""
        self.programs.preload(*roles)
        self.serve(daemon=self.programs.daemon)
        others = {role: self.pids(role) for role in ("front", "worker")
                  if role not in roles}
        with Load(self.gateway.address, ["victim/echo", "bystander/echo"],
                  100, may_fail=True) as load:
            process.wait_until(lambda: load.calls() > 10, 10 * PATIENCE,
                               "some calls")
            for one in (100, 1000):
                self.programs.fail_allocations(one)
                self.happen(TROUBLE)
            self.programs.fail_allocations(0)
        self.assertGreater(self.programs.failed(), 0)
        for role, before in others.items():
            # A worker goes where its job does.
            if role == "front" or "reaper" not in roles:
                self.assertEqual(self.pids(role), before)
        self.assert_recovered()

    def pids(self, role):
        """The processes of a role."""
        if role == "front":
            return [self.gateway.find("front")]
        return [self.gateway.find(role, "bystander")]

    def happen(self, seconds):
        """Clients come, lists change, a job dies, clients go."""
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            number += 1
            if number % 20 == 10:
                process.kill_all(self.gateway.jobs("victim")[:1])
            try:
                self.visit(f"new{number}")
            except (AssertionError, raw.Closed, OSError, ValueError):
                time.sleep(0.05)

    def visit(self, name):
        """A client that has a backend offer another tool."""
        body = json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "bystander/add", "arguments": {"name": name}}}).encode()
        with raw.Connection(self.gateway.address, timeout=0.5) as stream:
            stream.send(raw.request("GET", "/sse", self.gateway.address))
            if stream.head().status != 200:
                return
            place = stream.chunk().split(b"data: ")[1].strip().decode()
            raw.ask(self.gateway.address, "POST", place, body=body)
            stream.chunk()

    def test_in_the_front(self):
        self.trouble("front")

    def test_in_workers(self):
        self.trouble("worker")

    def test_in_reapers(self):
        self.trouble("reaper")

    def test_in_all_of_them(self):
        self.trouble("front", "worker", "reaper")

    def test_a_front_that_finds_none_at_the_start_is_started_again(self):
        self.programs.preload("front")
        self.programs.fail_allocations(1, least_size=512)
        self.gateway = Gateway(
            {"victim": faulty(), "bystander": backend()}, wait=False,
            daemon=self.programs.daemon)
        self.addCleanup(self.gateway.discard)
        self.gateway.wait_log("front - ERROR - .*started again")
        self.gateway.wait_listening()
        self.programs.fail_allocations(0)
        self.assert_recovered()


@unittest.skipIf(SANITIZED or not rlimit.HAVE,
                 "needs prlimit and setpriv, and no sanitizer, which needs "
                 "terabytes of addresses")
class Limited(Memory):
    """RLIMIT_AS of a process that runs."""

    def limit(self, pid, more):
        """It may grow by so much."""
        size = int(process.status(pid)["VmSize"][0]) * 1024
        rlimit.set_soft(pid, "as", size + more)

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
        self.assertIn(False, worked)
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
        self.assertIn(False, worked)
        self.assertEqual(self.gateway.find("front"), front)
        self.assert_recovered()


if __name__ == "__main__":
    unittest.main()
