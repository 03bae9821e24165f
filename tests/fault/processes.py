"""kill -9 of every process, idle and with calls in flight.  Whatever dies:
every request has one outcome, a session on another backend notices nothing,
service comes back, and nothing is left."""

import json
import os
import signal
import time
import unittest

import process
import raw
from client import Canary, Client
from gateway import PATIENCE, Gateway, backend

# From the death of a process to the answers of the calls that it took along.
FAIL_WITHIN = 1.0
# From the death of a backend's process to its tools being back: the delay of
# 0.1 s, and a start.
BACK_WITHIN = 5.0


class Processes(unittest.TestCase):
    """Each test has its own gateway with a victim and a bystander."""

    def setUp(self):
        self.gateway = Gateway({
            "victim": backend("--scheme", "victim"),
            "bystander": backend("--scheme", "bystander")})
        self.addCleanup(self.gateway.discard)
        self.client = self.open()

    def open(self):
        """A session that sees both backends."""
        client = Client(self.gateway.address)
        self.addCleanup(client.close)
        client.wait_tools("victim/echo", "bystander/echo")
        return client

    def hang(self, clients, each):
        """Put calls into flight at the victim."""
        for client in clients:
            for number in range(each):
                client.send("tools/call", {
                    "name": "victim/hang", "arguments": {"seconds": 60}},
                    ident=f"hanging {number}")

    def assert_failed_at_once(self, clients, since):
        """All hanging calls ended, each once, and say what is unknown."""
        for client in clients:
            client.assert_one_outcome_each()
            for key in client.sent:
                if "hanging" not in key:
                    continue
                message = client.outcomes[key][0]
                self.assertEqual(message.error["data"], {
                    **message.error["data"], "backend": "victim",
                    "outcome": "unknown"})
                self.assertLess(message.at - since, FAIL_WITHIN * PATIENCE)

    def assert_back(self, client, within=BACK_WITHIN):
        """The victim serves again."""
        begin = time.monotonic()
        while "error" in client.call("victim/echo").json:
            self.assertLess(time.monotonic() - begin, within * PATIENCE)
            time.sleep(0.02)

    def kill_of_the_backend(self, find):
        """Kill a process that serves the victim: idle, then under load."""
        with Canary(self.gateway.address, "bystander/echo"):
            old = find()
            os.kill(old, signal.SIGKILL)
            process.wait_until(lambda: find() != old, 10, "another one")
            self.assert_back(self.client)
            clients = [self.open() for _ in range(10)]
            self.hang(clients, 20)
            new = find()
            self.assertNotEqual(new, old)
            since = time.monotonic()
            os.kill(new, signal.SIGKILL)
            self.assert_failed_at_once(clients, since)
            self.assert_back(clients[0])
        self.gateway.stop()

    def test_a_job(self):
        self.kill_of_the_backend(lambda: self.gateway.wait_job("victim"))

    def test_a_worker(self):
        self.kill_of_the_backend(
            lambda: self.gateway.wait_for("worker", "victim"))

    def test_a_reaper(self):
        self.kill_of_the_backend(
            lambda: self.gateway.wait_for("reaper", "victim"))

    def test_the_front(self):
        job = self.gateway.jobs("victim")
        workers = [self.gateway.find("worker", name)
                   for name in ("victim", "bystander")]
        for calls in (0, 20):
            self.hang([self.client], calls)
            front = self.gateway.find("front")
            begin = time.monotonic()
            os.kill(front, signal.SIGKILL)
            while True:
                # The listening socket is the supervisor's: nobody is refused.
                connection = raw.Connection(self.gateway.address)
                connection.send(raw.request("GET", "/sse",
                                            self.gateway.address))
                try:
                    self.assertEqual(connection.head().status, 200)
                    break
                except raw.Closed:
                    self.assertLess(time.monotonic() - begin, 5 * PATIENCE)
                finally:
                    connection.close()
            self.assertLess(time.monotonic() - begin, 5 * PATIENCE)
            process.wait_until(lambda: self.client.ended, 5,
                               "the end of the old stream")
            answer = raw.ask(self.gateway.address, "POST",
                             self.client.endpoint, body=b'{"jsonrpc":"2.0",'
                             b'"id":1,"method":"ping"}')
            self.assertEqual(answer.status, 404)
            self.client = self.open()
            self.client.call("victim/echo").result
        self.assertEqual(self.gateway.jobs("victim"), job)
        self.assertEqual([self.gateway.find("worker", name) for name in
                          ("victim", "bystander")], workers)
        self.gateway.stop()

    def test_the_supervisor_with_calls_in_flight(self):
        self.hang([self.client], 20)
        self.death_of_the_supervisor()

    def test_the_supervisor_when_nothing_is_asked(self):
        self.death_of_the_supervisor()

    def death_of_the_supervisor(self):
        """All others end with it, each by itself."""
        said = json.loads(self.client.call("bystander/environment").result[
            "content"][0]["text"])
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.child.wait(5)
        self.gateway.stopped = True
        self.gateway.assert_nothing_left(timeout=5)
        self.assertFalse(process.exists(said["pid"]))

    def test_every_process_one_after_the_other_under_load(self):
        with Canary(self.gateway.address, "bystander/echo"):
            client = self.open()
            # The delay doubles each time; the sixth in a minute would be one
            # too many for the breaker.
            for number in range(5):
                role = ("job", "worker", "reaper")[number % 3]
                for _ in range(10):
                    client.send("tools/call", {
                        "name": "victim/hang", "arguments": {"seconds": 60}})
                pid = self.gateway.wait_job("victim") if role == "job" else \
                    self.gateway.wait_for(role, "victim")
                os.kill(pid, signal.SIGKILL)
                client.assert_one_outcome_each()
                self.assert_back(client, within=10)
        self.gateway.stop()

    def test_an_end_with_calls_in_flight(self):
        clients = [self.open() for _ in range(10)]
        self.hang(clients, 20)
        self.assertLess(self.gateway.stop(), 8 * PATIENCE)

    def test_grandchildren_die_with_the_job(self):
        said = json.loads(self.client.call("victim/environment").result[
            "content"][0]["text"])
        os.kill(said["pid"], signal.SIGSTOP)
        self.assertLess(self.gateway.stop(), 10 * PATIENCE)
        self.assertFalse(process.exists(said["pid"]))

    def test_what_comes_and_goes_leaves_no_descriptors(self):
        def count():
            return {role: len(process.descriptors(
                self.gateway.pid if role == "supervisor" else
                self.gateway.find(role, name)))
                for role, name in (("supervisor", None), ("front", None),
                                   ("worker", "bystander"))}
        self.assert_back(self.client)
        before = count()
        for _ in range(4):
            job = self.gateway.wait_job("victim")
            os.kill(job, signal.SIGKILL)
            self.gateway.wait_job("victim", other_than=[job])
            self.assert_back(self.client)
            for _ in range(20):
                with Client(self.gateway.address) as client:
                    client.call("victim/echo").result
        # Connections are let go of in the next sweep.
        process.wait_until(lambda: all(
            number <= before[role] + 2 for role, number in count().items()),
            10, f"as many descriptors as before: {before}")
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
