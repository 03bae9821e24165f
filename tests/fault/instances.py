"""Instances of a backend for single clients: the supervisor's half, with a
front that is the test's."""

import json
import os
import re
import signal
import tempfile
import time
import unittest

import gateway
import process
from control import ctl
from fake_front import Fronted
from gateway import PATIENCE, backend

# What clients can, as enum mcp_capability has it.
SAMPLE, ALL = 4, 127


def call(link, number, tool, **arguments):
    """Call a tool over a link; the result.  Small ids are the worker's own."""
    ident = 1 << 16 | number
    link.send("REQUEST", {"jsonrpc": "2.0", "id": ident,
                          "method": "tools/call", "params": {
                              "name": tool, "arguments": arguments}}, ident)
    answer = json.loads(link.expect("RESPONSE")[3])
    return answer["result"]["content"][0]["text"]


class Instances(unittest.TestCase):
    """Each with a gateway of its own."""

    def start(self, backends=None, **more):
        """A gateway whose backend "a" is not shared, but for "b"; the numbers
        of both."""
        running = Fronted(backends or {
            "a": backend(session="per-client", max_instances=3),
            "b": backend()}, **more)
        self.addCleanup(running.discard)
        self.running = running
        self.front = running.front
        self.numbers = running.numbers()
        for (name, part), number in self.numbers.items():
            if part == "serving":
                self.front.wait("BACKEND", number, state="ready")
        return self.numbers.get(("a", "serving"))

    def status(self, name="a"):
        """A backend in the answer to "status"."""
        done = ctl("status", "--json", path=self.running.control)
        return next(one for one in json.loads(done.stdout)["backends"]
                    if one["name"] == name)

    def pids(self, number):
        """Worker and reaper of an instance."""
        one = next(one for one in self.status()["instances"]
                   if one["number"] == number)
        return one["worker_pid"], one["reaper_pid"]

    def wait_instances(self, count, timeout=10):
        """So many are there."""
        process.wait_until(
            lambda: len(self.status()["instances"]) == count,
            timeout * PATIENCE, f"{count} instances")

    def gone(self, pids, timeout=10):
        """None of these processes is there."""
        process.wait_until(
            lambda: not any(process.exists(pid) for pid in pids),
            timeout * PATIENCE, f"the end of {pids}")

    def test_each_serves_its_own_client(self):
        number = self.start()
        one, first = self.front.instance(number, 1)
        two, second = self.front.instance(number, 2)
        self.assertEqual(len({one, two, *self.numbers.values()}), 4)
        for link, text in ((first, "first"), (second, "second")):
            link.expect("GREETING")
            self.assertEqual(call(link, 1, "echo", text=text), text)
        # Each has tools of its own.
        call(first, 2, "add", name="mine")
        first.expect("CATALOG")
        jobs = {reaper: sorted(process.descendants(reaper))
                for _, reaper in (self.pids(one), self.pids(two))}
        self.assertEqual([len(pids) for pids in jobs.values()], [1, 1])
        status = self.status()
        self.assertEqual(status["session"], "per-client")
        self.assertEqual(
            [(i["number"], i["part"], i["state"])
             for i in status["instances"]],
            [(one, "serving", "ready"), (two, "serving", "ready")])
        self.assertEqual(self.status("b")["session"], "shared")
        self.assertEqual(self.status("b")["instances"], [])
        self.running.wait_log(f"backend a instance {one} - INFO - ready in")
        # That is not for the console.
        self.assertNotIn("instance", self.running.console())
        self.running.stop()

    def test_a_backend_is_told_what_its_client_can(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(
            prefix="mcpgw-test-"))
        record = os.path.join(folder, "record")
        number = self.start({"a": backend("--record", record,
                                          session="per-client")})
        _, link = self.front.instance(number, 1, SAMPLE)
        link.close()
        with open(record, encoding="utf-8") as file:
            said = [json.loads(line) for line in file]
        told = [message["params"]["capabilities"] for message in said
                if message.get("method") == "initialize"]
        self.assertEqual(set(told[0]), {"elicitation", "roots", "sampling"})
        self.assertEqual(told[1], {"sampling": {}})
        self.running.stop()

    def test_one_that_is_released_ends_and_the_others_do_not(self):
        number = self.start()
        one, _first = self.front.instance(number, 1)
        two, second = self.front.instance(number, 2)
        _, reaper = self.pids(one)
        ended = [*self.pids(one), *process.descendants(reaper)]
        stay = [*self.pids(two), self.running.find("worker", "b"),
                self.status()["worker_pid"]]
        self.front.send("RELEASE", ident=one)
        self.gone(ended)
        self.assertTrue(all(process.exists(pid) for pid in stay))
        second.expect("GREETING")
        self.assertEqual(call(second, 1, "echo", text="x"), "x")
        self.wait_instances(1)
        # Not a word of it.
        self.assertEqual([said for said in self.front.quiet()
                          if said.ident == one and said.kind == "BACKEND" and
                          said.payload["state"] not in ("starting", "setup")],
                         [])
        self.running.stop()

    def kill(self, which):
        """Kill the worker (0), the reaper (1) or the job (2) of one of two."""
        number = self.start()
        one, _first = self.front.instance(number, 1)
        two, second = self.front.instance(number, 2)
        worker, reaper = self.pids(one)
        job = next(iter(process.descendants(reaper)))
        stay = [*self.pids(two), self.status()["worker_pid"]]
        os.kill((worker, reaper, job)[which], signal.SIGKILL)
        last = self.front.wait("BACKEND", one, state="failed")
        self.assertIsNone(last.payload["retry_ms"])
        self.gone((worker, reaper, job))
        self.wait_instances(1)
        self.assertTrue(all(process.exists(pid) for pid in stay))
        second.expect("GREETING")
        self.assertEqual(call(second, 1, "echo", text="x"), "x")
        self.running.wait_log(f"backend a instance {one} - WARNING - ")
        # Nobody starts it again, but another one can be had.
        three, _third = self.front.instance(number, 1)
        self.assertGreater(three, two)
        self.assertFalse([said for said in self.front.quiet()
                          if said.ident == one and said.kind == "LINK"])
        self.running.stop()
        return last.payload["error"]

    def test_a_worker_is_killed(self):
        self.assertIn("killed by signal 9", self.kill(0))

    def test_a_reaper_is_killed(self):
        self.assertIn("killed by signal 9", self.kill(1))

    def test_a_job_is_killed(self):
        self.assertIn("killed by signal 9", self.kill(2))

    def test_those_that_there_may_not_be_say_why(self):
        number = self.start()
        shared = self.numbers["b", "serving"]
        for wanted, why in ((shared, "is shared by all its clients"),
                            (12345, "does not exist")):
            answer = self.front.want(wanted, 9)
            self.assertEqual(answer.ident, 0)
            self.assertEqual(answer.payload, {"error": why})
        there = [self.front.instance(number, key)[0] for key in range(3)]
        answer = self.front.want(number, 7)
        self.assertEqual(answer.ident, 0)
        self.assertIn('has all of its 3 instances in use ("max_instances")',
                      answer.payload["error"])
        # The place of one that ends is another one's, when it has ended.
        self.front.send("RELEASE", ident=there[0])
        self.front.instance(number, 8)
        self.running.stop()

    def test_one_that_cannot_be_started_says_why(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(
            prefix="mcpgw-test-"))
        program = os.path.join(folder, "server")
        os.symlink(gateway.PYTHON, program)
        number = self.start({"a": {
            "command": program, "args": [gateway.SCRIPT],
            "session": "per-client"}})
        os.unlink(program)
        for _ in range(6):
            answer = self.front.want(number)
            self.assertNotEqual(answer.ident, 0)
            last = self.front.wait("BACKEND", answer.ident, state="failed")
            self.assertIn("No such file", last.payload["error"])
        answer = self.front.want(number)
        self.assertEqual(answer.ident, 0)
        self.assertRegex(answer.payload["error"],
                         "has instances that do not come up: .*No such file.*; "
                         r"tried again in 1\d s")
        # Once, on the console too.
        self.assertEqual(len(re.findall("6 instances failed within 60 s",
                                        self.running.log())), 1)
        # The backend itself is what it was.
        self.assertEqual(self.status()["state"], "ready")
        self.running.stop()

    def test_a_front_that_dies_has_released_all(self):
        number = self.start()
        there = [self.front.instance(number, key)[0] for key in range(3)]
        pids = [pid for one in there for pid in self.pids(one)]
        shared = self.status("b")["worker_pid"]
        os.kill(self.running.find_front(), signal.SIGKILL)
        self.front = self.running.meet()
        self.gone(pids)
        self.wait_instances(0)
        self.assertEqual(self.running.numbers(), self.numbers)
        self.front.wait("LINK", number)
        self.assertFalse([said for said in self.front.quiet()
                          if said.ident in there])
        self.assertEqual(self.status("b")["worker_pid"], shared)
        self.front.instance(number, 1)
        self.running.stop()

    def reload(self, backends):
        """Another configuration."""
        with open(self.running.config, encoding="utf-8") as file:
            whole = json.load(file)
        whole["mcpServers"] = backends
        with open(self.running.config, "w", encoding="utf-8") as file:
            json.dump(whole, file)
        self.running.send_signal(signal.SIGHUP)

    def test_those_of_a_backend_that_is_removed_go_when_it_is_drained(self):
        number = self.start(gateway={"drain_timeout": 60})
        one, link = self.front.instance(number, 1)
        self.reload({"b": backend()})
        self.assertEqual(self.running.numbers(), {
            ("a", "leaving"): number,
            ("b", "serving"): self.numbers["b", "serving"]})
        answer = self.front.want(number)
        self.assertIn("does not serve", answer.payload["error"])
        link.expect("GREETING")
        self.assertEqual(call(link, 1, "echo", text="x"), "x")
        pids = self.pids(one)
        self.front.send("DRAINED", ident=number)
        self.front.wait("BACKEND", one, state="down")
        self.gone(pids)
        self.running.stop()

    def test_one_of_a_backend_that_is_replaced_stays_with_it(self):
        number = self.start()
        one, _first = self.front.instance(number, 1)
        self.reload({"a": backend("--tools", "new", session="per-client"),
                     "b": backend()})
        # While the new one comes up the old one has all that it had.
        numbers = self.running.numbers()
        self.assertEqual(numbers["a", "serving"], number)
        fresh = numbers["a", "standby"]
        two = self.front.want(number, 2)
        self.assertNotEqual(two.ident, 0)
        self.front.wait("BACKEND", two.ident, state="ready")
        old = self.front.wait("LINK", fresh)
        self.front.send("LISTED", ident=fresh, client=old.client)
        numbers = self.running.numbers()
        self.assertEqual(numbers["a", "serving"], fresh)
        self.assertEqual(numbers["a", "leaving"], number)
        self.front.instance(fresh, 3)
        self.front.send("DRAINED", ident=number)
        for ident in (one, two.ident):
            self.front.wait("BACKEND", ident, state="down")
        self.wait_instances(1)
        self.running.stop()

    def test_stopped_by_hand(self):
        number = self.start()
        one, _link = self.front.instance(number, 1)
        ctl("stop", "a", path=self.running.control)
        numbers = self.running.numbers()
        self.assertEqual(numbers["a", "leaving"], number)
        answer = self.front.want(numbers["a", "serving"])
        self.assertIn("stopped by mcp-gatewayctl", answer.payload["error"])
        self.front.send("DRAINED", ident=number)
        self.front.wait("BACKEND", one, state="down")
        self.running.stop()

    def test_a_table_shows_them(self):
        number = self.start()
        text = ctl("status", path=self.running.control).stdout
        self.assertIn("INSTANCES", text)
        self.front.instance(number, 1)
        self.front.instance(number, 2)
        text = ctl("status", path=self.running.control).stdout
        self.assertRegex(text, r"\na .* 2\nb .* -\n")
        text = ctl("status", "a", path=self.running.control).stdout
        self.assertIn("2 instances (per-client), 2 ready", text)
        text = ctl("status", "b", path=self.running.control).stdout
        self.assertNotIn("instance", text)
        self.running.stop()

    def state(self):
        """What leaks would show in: descriptors, processes, cgroups."""
        fds = sorted(re.sub(r"[:\[].*", "", target) for target in
                     process.descriptors(self.running.pid).values())
        titles = sorted(title.split(" (")[0] for title in
                        process.descendants(self.running.pid).values())
        return fds, titles

    def test_a_hundred_leave_nothing(self):
        number = self.start()
        before = None
        for round_ in range(110):
            one, link = self.front.instance(number, round_)
            self.front.send("RELEASE", ident=one)
            link.close()
            if round_ == 9:
                self.wait_instances(0)
                time.sleep(0.5 * PATIENCE)
                before = self.state()
                resident = process.resident(self.running.pid)
        self.wait_instances(0)
        # The last question may still be hung up on.
        process.wait_until(lambda: self.state() == before, 5 * PATIENCE,
                           f"no more than {before}")
        if not gateway.SANITIZED: # which keep what was freed
            self.assertLess(process.resident(self.running.pid) - resident,
                            1 << 20)
        self.running.stop()

    def test_the_gateway_ends_with_all(self):
        number = self.start()
        for key in range(3):
            self.front.instance(number, key)
        self.front.drains = False
        self.running.send_signal(signal.SIGTERM)
        self.front.wait("DRAIN")
        answer = self.front.want(number)
        self.assertEqual(answer.payload,
                         {"error": "has no instance to spare: the gateway is "
                          "stopping"})
        # stop() sends the second signal, and proves that nothing is left.
        self.running.stop()

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_they_have_one_user_and_end_alone(self):
        state = self.enterContext(tempfile.TemporaryDirectory(
            prefix="mcpgw-test-"))
        os.chmod(state, 0o755)
        number = self.start(
            {"a": backend(session="per-client")},
            gateway={"state_dir": state, "job_uids": "60578-61183"})
        one, _first = self.front.instance(number, 1)
        two, second = self.front.instance(number, 2)
        jobs = {}
        for ident in (one, two):
            _, reaper = self.pids(ident)
            jobs[ident] = next(iter(process.descendants(reaper)))
        users = {process.status(pid)["Uid"][0] for pid in jobs.values()}
        self.assertEqual(users, {self.status()["user"]})
        self.assertGreaterEqual(int(users.pop()), 60578)
        self.front.send("RELEASE", ident=one)
        self.gone([jobs[one]])
        self.wait_instances(1)
        self.assertTrue(process.exists(jobs[two]))
        second.expect("GREETING")
        self.assertEqual(call(second, 1, "echo", text="x"), "x")
        self.running.stop()


if __name__ == "__main__":
    unittest.main()
