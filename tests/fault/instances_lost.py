"""Instances of backends for single clients, while processes die, hang and are
replaced: every call has one outcome, siblings notice nothing, and nothing is
left."""

import json
import os
import random
import signal
import tempfile
import threading
import time
import unittest

import gateway
import private
import process
from client import Canary
from gateway import PATIENCE
from private import KINDS, answers, gone, own, pid, text

KILL, STOP = signal.SIGKILL, signal.SIGSTOP


class Tests(private.Tests):
    """With clients that must notice nothing."""

    def canary(self):
        """A session whose calls must all succeed; it has its own."""
        canary = Canary(self.gateway.address, "own/echo")
        self.addCleanup(canary.client.close)
        return canary


class Processes(Tests):
    """One of an instance's processes dies or hangs."""

    def lose(self, which, number, timeout=10):
        """Signal the worker (0), the reaper (1) or the job (2) of each client
        in turn, while calls are under way."""
        self.start()
        clients = [self.client(kind) for kind in KINDS]
        pids = [pid(client) for client in clients]
        with self.canary() as canary:
            own_pid = pid(canary.client)
            for place, client in enumerate(clients):
                all_three = self.gateway.processes_of(pids[place])
                keys = [client.send("tools/call", {"name": "own/hang"})
                        for _ in range(3)]
                client.call("own/echo").result  # they are under way
                os.kill(all_three[which], number)
                for answer in answers(client, keys, timeout):
                    self.assertEqual(answer.error["data"], {
                        "backend": "own", "outcome": "unknown"})
                fresh = pid(client)
                self.assertNotIn(fresh, [own_pid, *pids])
                pids[place] = fresh
                gone(*all_three)
                self.assertEqual(pid(canary.client), own_pid)
                client.assert_one_outcome_each()
        self.assertEqual(self.gateway.status()["starts"], 1)
        self.gateway.wait_instances(2)

    def test_a_worker_is_killed(self):
        self.lose(0, KILL)

    def test_a_reaper_is_killed(self):
        self.lose(1, KILL)

    def test_a_job_is_killed(self):
        self.lose(2, KILL)

    def test_a_worker_hangs(self):
        self.lose(0, STOP, timeout=15)

    def test_a_reaper_hangs(self):
        self.lose(1, STOP, timeout=15)

    def test_all_kinds_die_all_the_time(self):
        """Whatever dies, every call has one outcome."""
        self.start(own(max_instances=6, instance_wait=60))
        ending = threading.Event()
        found = {"result": 0, "not_sent": 0, "unknown": 0}
        problems = []

        def run(number):
            chance = random.Random(number)
            try:
                while not ending.is_set():
                    kind = chance.choice(list(KINDS))
                    with KINDS[kind](self.gateway.address) as client:
                        client.wait_tools("own/slow")
                        for _ in range(3):
                            keys = [client.send("tools/call", {
                                "name": "own/slow", "arguments": {
                                    "seconds": 0.02}}) for _ in range(4)]
                            for answer in answers(client, keys, 60):
                                kind = "result" if "result" in answer.json \
                                    else answer.error["data"]["outcome"]
                                found[kind] += 1
                        client.assert_one_outcome_each()
            except Exception as error:  # of a thread: told below
                problems.append(f"{number}: {error!r}")
        threads = [threading.Thread(target=run, args=(number,))
                   for number in range(10)]
        for thread in threads:
            thread.start()
        chance = random.Random(4711)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.2)
            there = list(self.gateway.instances().values())
            if not there:
                continue
            one = chance.choice(there)
            victims = [one["worker_pid"], one["reaper_pid"]]
            if one["reaper_pid"]:
                victims += process.descendants(one["reaper_pid"])
            victim = chance.choice(victims)
            if victim:
                process.kill_all([victim])
        ending.set()
        for thread in threads:
            thread.join(90)
        self.assertEqual(problems, [])
        self.assertGreater(found["result"], 100, found)
        self.gateway.wait_instances(0)


class Reloads(Tests):
    """The configuration changes while clients have their own."""

    def test_calls_go_on_while_the_backend_is_replaced(self):
        self.start()
        ending = threading.Event()
        problems, pids = [], set()

        def run(kind):
            with KINDS[kind](self.gateway.address) as client:
                client.wait_tools("own/slow")
                while not ending.is_set():
                    try:
                        pids.add(pid(client))
                        client.call("own/slow", {"seconds": 0.05}).result
                    except Exception as error:
                        problems.append(repr(error))
                        return
                client.assert_one_outcome_each()
        threads = [threading.Thread(target=run, args=(kind,))
                   for kind in KINDS for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(3):
            time.sleep(1)
            self.gateway.rewrite({"own": own(env={"NUMBER": str(number)})})
        time.sleep(1)
        ending.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(problems, [])
        self.assertEqual(len(pids), 24)
        gone(*pids)

    def test_calls_end_before_a_removed_backend_does(self):
        self.start(settings={"drain_timeout": 20})
        clients = [self.client(kind) for kind in KINDS]
        pids = [pid(client) for client in clients]
        keys = [client.send("tools/call", {"name": "own/slow", "arguments": {
            "seconds": 2}}) for client in clients]
        time.sleep(0.2)
        self.gateway.rewrite({"other": own()})
        for client, key in zip(clients, keys):
            self.assertEqual(text(client.outcome(key)), "done")
            self.assertIn("error", client.call("own/echo").json)
            client.wait_tools("other/echo")
            self.assertNotIn(pid(client, "other"), pids)
            client.assert_one_outcome_each()
        gone(*pids)

    def test_more_and_fewer_of_them_at_once(self):
        self.start(own(max_instances=1, instance_wait=20))
        one, two = (self.client(kind) for kind in KINDS)
        first = pid(one)
        key = two.send("tools/call", {"name": "own/environment"})
        time.sleep(0.3)
        self.gateway.rewrite({"own": own(max_instances=2, instance_wait=20)})
        second = json.loads(text(two.outcome(key)))["pid"]
        # Nobody is thrown out.
        self.gateway.rewrite({"own": own(max_instances=1, instance_wait=0.5)})
        self.assertEqual([pid(one), pid(two)], [first, second])
        three = self.client("mcp")
        self.assertEqual(three.call("own/echo").error["data"]["outcome"],
                         "not_sent")
        two.close()
        self.assertIn("error", three.call("own/echo").json)
        self.gateway.rewrite({"own": own(max_instances=1, instance_wait=20)})
        one.close()
        three.call("own/echo").result


class Gateways(Tests):
    """The gateway itself."""

    def test_the_front_is_killed(self):
        self.start()
        clients = [self.client(kind) for kind in KINDS]
        ended = [one for client in clients
                 for one in self.gateway.processes_of(pid(client))]
        shared = self.gateway.jobs("own")
        keys = [client.send("tools/call", {"name": "own/hang"})
                for client in clients]
        self.assertEqual(len(keys), 2)
        front = self.gateway.find("front")
        os.kill(front, KILL)
        gone(*ended)
        self.gateway.wait_for("front", other_than=front)
        self.assertEqual(self.gateway.jobs("own"), shared)
        for client in clients:
            client.session = None  # it went with the front
        fresh = self.client("mcp")
        self.assertNotIn(pid(fresh), [*ended, *shared])
        self.gateway.wait_instances(1)

    def test_the_supervisor_is_killed(self):
        self.start()
        clients = [self.client(kind) for kind in KINDS]
        for client in clients:
            pid(client)
            client.send("tools/call", {"name": "own/hang"})
            client.session = None
        self.gateway.send_signal(KILL)
        self.gateway.child.wait()
        self.gateway.stopped = True
        self.gateway.assert_nothing_left()

    def test_the_end_answers_all_who_wait(self):
        self.start(own(max_instances=2, instance_wait=30),
                   settings={"drain_timeout": 20})
        clients = [self.client(kind) for kind in (*KINDS, *KINDS)]
        for client in clients[:2]:
            pid(client)
        busy = [client.send("tools/call", {"name": "own/slow", "arguments": {
            "seconds": 2}}) for client in clients[:2]]
        waiting = [client.send("tools/call", {"name": "own/echo"})
                   for client in clients[2:]]
        time.sleep(0.3)
        for client in clients:
            client.session = None
        begin = time.monotonic()
        self.gateway.send_signal(signal.SIGTERM)
        for client, key in zip(clients[2:], waiting):
            error = client.outcome(key).error
            self.assertIn("the gateway is stopping", error["message"])
            self.assertEqual(error["data"]["outcome"], "not_sent")
        self.assertLess(time.monotonic() - begin, 1.5 * PATIENCE)
        for client, key in zip(clients, busy):
            self.assertEqual(text(client.outcome(key)), "done")
        self.gateway.child.wait(20)
        self.assertLess(time.monotonic() - begin, 8 * PATIENCE)
        self.gateway.stopped = True
        self.gateway.assert_nothing_left()
        self.gateway.assert_sane()

    def state(self):
        """What leaks would show in, but for connections that mcp-gatewayctl
        and monitors had."""
        return [sorted(target.split(":")[0] for target in
                       process.descriptors(one).values()) for one in
                (self.gateway.pid, self.gateway.find("front"))]

    def test_a_hundred_sessions_leave_nothing(self):
        self.start()
        pids = (self.gateway.pid, self.gateway.find("front"))

        def sessions(count):
            for number in range(count):
                with KINDS[("sse", "mcp")[number % 2]](
                        self.gateway.address) as client:
                    client.wait_tools("own/echo")
                    client.request("resources/subscribe", {
                        "uri": "test://notes/1"}).result
                    client.call("own/echo").result
                    if number % 3 == 0:
                        client.send("tools/call", {"name": "own/hang"})
            self.gateway.wait_instances(0)
        sessions(20)
        time.sleep(PATIENCE)
        before = self.state()
        resident = [process.resident(one) for one in pids]
        sessions(100)
        process.wait_until(lambda: self.state() == before, 10 * PATIENCE,
                           f"no more descriptors than {before}")
        grown = [process.resident(one) - size
                 for one, size in zip(pids, resident)]
        if not gateway.SANITIZED:  # which keep what was freed
            self.assertLess(max(grown), gateway.MIB // 2, grown)


@unittest.skipUnless(os.getuid() == 0, "needs root")
class Root(Tests):
    """With users of their own."""

    def test_they_have_the_user_of_their_backend(self):
        state = self.enterContext(tempfile.TemporaryDirectory(
            prefix="mcpgw-test-"))
        os.chmod(state, 0o755)
        self.start(own(), {"state_dir": state, "job_uids": "60578-61183"},
                   other=own())
        clients = [self.client(kind) for kind in KINDS]
        uids = []
        for name in ("own", "other"):
            shared, = self.gateway.jobs(name)
            found = {process.status(one)["Uid"][0] for one in
                     [shared, *(pid(client, name) for client in clients)]}
            self.assertEqual(len(found), 1, name)
            uids += found
        self.assertEqual(len(set(uids)), 2)
        self.assertGreaterEqual(min(map(int, uids)), 60578)
        # The end of one is the end of nobody else with that user.
        with self.canary() as canary:
            for number in range(3):
                with self.client("mcp") as client:
                    job = pid(client)
                    if number == 1:
                        os.kill(job, KILL)
                gone(job)
            self.assertEqual([pid(one) for one in clients],
                             [pid(one) for one in clients])
        canary.client.close()
        self.gateway.wait_instances(2)


if __name__ == "__main__":
    unittest.main()
