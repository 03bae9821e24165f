"""What supervision promises: a thousand calls that each get one answer
when a process dies, crash loops that come to rest, processes that hang and
are replaced, and what people are told of it all."""

import json
import os
import re
import signal
import time
import unittest

import process
import raw
from client import Canary, Client
from gateway import PATIENCE, PYTHON, Gateway, backend

# From a kill to the last answer.
FAIL_WITHIN = 0.25
# A process that hangs is found after five pings, one a second.
HANGS_WITHIN = 6.5
# Ends at once, with a line that says why, until the file named after it is
# there; then it is the scripted backend.
FLAKY = ("import os, sys\n"
         "if not os.path.exists(sys.argv[1]):\n"
         "    sys.stderr.write('no disk\\nno luck\\n')\n"
         "    sys.exit(7)\n"
         "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])\n")


class Calls(unittest.TestCase):
    """Exactly one outcome, and at most one delivery."""

    def thousand(self, find):
        """1,000 calls over 50 sessions, and then find() is killed."""
        record = f"/tmp/mcpgw-record-{os.getpid()}"
        self.addCleanup(lambda: os.path.exists(record) and os.unlink(record))
        gateway = Gateway({"victim": backend("--record", record),
                           "bystander": backend("--scheme", "bystander")})
        self.addCleanup(gateway.discard)
        clients = []
        for _ in range(50):
            client = Client(gateway.address)
            self.addCleanup(client.close)
            clients.append(client)
        clients[0].wait_tools("victim/hang", "bystander/echo")
        with Canary(gateway.address, "bystander/echo"):
            for number, client in enumerate(clients):
                for call in range(20):
                    client.send("tools/call", {
                        "name": "victim/hang", "arguments": {
                            "seconds": 60, "mark": f"<{number}.{call}>"}},
                        ident=f"hanging {call}")
            process.wait_until(lambda: self.deliveries(record) >= 1000, 20,
                               "all calls at the backend")
            victim = find(gateway)
            since = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            for client in clients:
                client.assert_one_outcome_each()
            last = 0
            for client in clients:
                for call in range(20):
                    message = client.outcomes[f'"hanging {call}"'][0]
                    self.assertIn(message.error["data"]["outcome"],
                                  ("unknown", "not_sent"))
                    last = max(last, message.at - since)
            self.assertLess(last, FAIL_WITHIN * PATIENCE)
            clients[0].wait_tools("victim/hang")
            process.wait_until(lambda: "result" in clients[0].call(
                "victim/echo", {"text": "back"}).json, 10, "the victim")
        with open(record, encoding="utf-8") as file:
            marks = re.findall(r"<\d+\.\d+>", file.read())
        self.assertEqual(len(marks), len(set(marks)), "delivered twice")
        gateway.stop()

    @staticmethod
    def deliveries(record):
        """How many calls of the tool came to the backend."""
        with open(record, encoding="utf-8") as file:
            return file.read().count('"mark"')

    def test_a_killed_job_fails_a_thousand_calls_once_each(self):
        self.thousand(lambda gateway: gateway.wait_job("victim"))

    def test_a_killed_worker_fails_a_thousand_calls_once_each(self):
        self.thousand(lambda gateway: gateway.find("worker", "victim"))

    def test_a_killed_front_refuses_nobody_and_serves_at_once(self):
        with Gateway({"one": backend()}) as gateway:
            with Client(gateway.address) as client:
                client.wait_tools("one/echo")
            # A run this long is stable: the next one starts without a delay.
            time.sleep(11)
            since = time.monotonic()
            os.kill(gateway.find("front"), signal.SIGKILL)
            while True:
                try:
                    with Client(gateway.address) as client:
                        client.wait_tools("one/echo")
                        client.call("one/echo", {"text": "x"}).result
                    break
                except (raw.Closed, ConnectionResetError, BrokenPipeError):
                    # It was in the dead front's hands; never refused.
                    self.assertLess(time.monotonic() - since, 5 * PATIENCE)
            self.assertLess(time.monotonic() - since, FAIL_WITHIN * PATIENCE)


class Hangs(unittest.TestCase):
    """A process that is stopped is replaced."""

    def setUp(self):
        self.gateway = Gateway({
            "victim": backend("--scheme", "victim"),
            "bystander": backend("--scheme", "bystander")})
        self.addCleanup(self.gateway.discard)
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")

    def stop_one(self, role, name=None):
        """SIGSTOP a process; another one must take its place in time."""
        old = self.gateway.find(role, name)
        since = time.monotonic()
        os.kill(old, signal.SIGSTOP)
        self.gateway.wait_for(role, name, other_than=old)
        process.wait_until(lambda: not process.exists(old), 10, "its end")
        self.assertLess(time.monotonic() - since, (HANGS_WITHIN + 1) * PATIENCE)
        self.assertGreater(time.monotonic() - since, 3)
        self.gateway.wait_log("did not answer for 5 s")

    def assert_serves(self):
        """Both backends answer."""
        with Client(self.gateway.address) as client:
            client.wait_tools("victim/echo", "bystander/echo")
            for name in ("victim/echo", "bystander/echo"):
                process.wait_until(lambda: "result" in client.call(
                    name, {"text": "x"}).json, 10, name)

    def test_a_worker(self):
        with Canary(self.gateway.address, "bystander/echo"):
            client = Client(self.gateway.address)
            self.addCleanup(client.close)
            client.send("tools/call", {
                "name": "victim/hang", "arguments": {"seconds": 60}})
            self.stop_one("worker", "victim")
            client.assert_one_outcome_each()
        self.assert_serves()
        self.gateway.stop()

    def test_a_reaper(self):
        with Canary(self.gateway.address, "bystander/echo"):
            self.stop_one("reaper", "victim")
        self.assert_serves()
        self.gateway.stop()

    def test_the_front(self):
        workers = [self.gateway.find("worker", name)
                   for name in ("victim", "bystander")]
        self.stop_one("front")
        self.assert_serves()
        self.assertEqual([self.gateway.find("worker", name)
                          for name in ("victim", "bystander")], workers)
        self.gateway.stop()

    def test_a_supervisor_that_was_stopped_kills_nobody(self):
        before = process.descendants(self.gateway.pid)
        self.gateway.send_signal(signal.SIGSTOP)
        time.sleep(8)
        self.gateway.send_signal(signal.SIGCONT)
        time.sleep(2)
        self.assertEqual(process.descendants(self.gateway.pid), before)
        self.assertNotIn("did not answer", self.gateway.log())
        self.assert_serves()
        self.gateway.stop()

    def test_a_reaper_whose_job_is_ending(self):
        worker = self.gateway.find("worker", "victim")
        old = self.gateway.find("reaper", "victim")
        since = time.monotonic()
        os.kill(old, signal.SIGSTOP)
        os.kill(worker, signal.SIGKILL)
        self.gateway.wait_for("reaper", "victim", other_than=old)
        self.assertLess(time.monotonic() - since, (HANGS_WITHIN + 1) * PATIENCE)
        self.assert_serves()
        self.gateway.stop()


class Starts(unittest.TestCase):
    """Seconds in which the supervisor did not run count for nobody."""

    def test_a_supervisor_that_was_stopped_while_it_started_kills_nobody(self):
        # More children say HELLO meanwhile than it hears of in one turn.
        names = [f"backend{number}" for number in range(24)]
        with Gateway({name: backend("--scheme", name) for name in names},
                     wait=False) as gateway:
            process.wait_until(
                lambda: len(process.descendants(gateway.pid)) > 24, 10,
                "half of its children")
            gateway.send_signal(signal.SIGSTOP)
            time.sleep(7)
            gateway.send_signal(signal.SIGCONT)
            gateway.wait_listening()
            with Client(gateway.address) as client:
                client.wait_tools(*[f"{name}/echo" for name in names])
            self.assertNotIn("killed", gateway.log())


class Pings(unittest.TestCase):
    """MCP's own ping, where it is configured."""

    def test_a_job_that_hangs_is_replaced_where_it_is_pinged(self):
        with Gateway({"pinged": backend(ping_interval=1)}) as gateway:
            with Client(gateway.address) as client:
                client.wait_tools("pinged/echo")
                # It is alive as long as it answers.
                time.sleep(3)
                job = gateway.wait_job("pinged")
                os.kill(job, signal.SIGSTOP)
                gateway.wait_job("pinged", other_than=[job], timeout=20)
                gateway.wait_log("did not answer a ping within 10 s")
                client.wait_tools("pinged/echo")
                process.wait_until(lambda: "result" in client.call(
                    "pinged/echo").json, 10, "the backend")


class Loops(unittest.TestCase):
    """Backends that end again and again, and those that cannot start."""

    def test_a_crash_loop_comes_to_rest_and_one_try_ends_it(self):
        flag = f"/tmp/mcpgw-flag-{os.getpid()}"
        self.addCleanup(lambda: os.path.exists(flag) and os.unlink(flag))
        open(flag, "w", encoding="utf-8").close()
        entry = backend()
        entry["args"] = ["-c", FLAKY, flag, *entry["args"]]
        with Gateway({"flaky": entry, "good": backend(
                "--scheme", "good")}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("flaky/echo", "good/echo")
            told = client.count("notifications/tools/list_changed")
            with Canary(gateway.address, "good/echo"):
                os.unlink(flag)
                os.kill(gateway.wait_job("flaky"), signal.SIGKILL)
                gateway.wait_log("backend flaky - .* - failed .* times within 60 s",
                                 timeout=20)
                process.wait_until(
                    lambda: "flaky/echo" not in client.tools(), 10,
                    "its tools gone")
                self.assertEqual(client.count(
                    "notifications/tools/list_changed"), told + 1)
                self.assert_refusal(client)
                starts = self.starts(gateway, "flaky")
                time.sleep(5)
                self.assertEqual(self.starts(gateway, "flaky"), starts)
                open(flag, "w", encoding="utf-8").close()
                client.wait_tools("flaky/echo", timeout=25)
                client.call("flaky/echo", {"text": "x"}).result
            self.assertEqual(client.count(
                "notifications/tools/list_changed"), told + 2)
            self.assertEqual(self.starts(gateway, "flaky"), starts + 1)

    def assert_refusal(self, client):
        """A call fails in milliseconds and says all that is known."""
        begin = time.monotonic()
        error = client.call("flaky/echo").error
        for words in ("status 7", "no luck", "next try in"):
            self.assertIn(words, error["message"])
        self.assertEqual(error["data"]["outcome"], "not_sent")

    @staticmethod
    def starts(gateway, name):
        """How often a backend was started, as SIGUSR2 tells it."""
        def told():
            return re.findall(rf"backend {name} - INFO - .* (\d+) starts?$",
                              gateway.log(), re.MULTILINE)
        before = len(told())
        gateway.send_signal(signal.SIGUSR2)
        found = []

        def look():
            found[:] = told()
            return len(found) > before
        process.wait_until(look, 5, "the state in the log")
        return int(found[-1])

    def test_what_cannot_work_is_tried_once(self):
        with Gateway({"none": {"command": "/no/such/program"},
                      "good": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("good/echo")
            gateway.wait_log("backend none")
            time.sleep(2)
            self.assertEqual(self.starts(gateway, "none"), 1)
            message = json.dumps(client.call("none/echo").error)
            self.assertNotIn("next try", message)

    def test_a_backend_that_is_back_at_once_changes_no_list(self):
        with Gateway({"one": backend("--scheme", "one"),
                      "two": backend("--scheme", "two")}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            time.sleep(0.5)
            told = len(client.notifications)
            job = gateway.wait_job("one")
            os.kill(job, signal.SIGKILL)
            gateway.wait_job("one", other_than=[job])
            process.wait_until(lambda: "result" in client.call(
                "one/echo").json, 10, "the backend")
            time.sleep(2.5)
            self.assertEqual(len(client.notifications), told)

    def test_a_death_costs_one_start(self):
        # A job that is born into a cgroup that was killed dies with it.
        with Gateway({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            for number, role in enumerate(("reaper", "worker", "reaper")):
                client.wait_tools("one/echo")
                old = gateway.wait_for(role, "one")
                os.kill(old, signal.SIGKILL)
                gateway.wait_for(role, "one", other_than=old)
                process.wait_until(lambda: "result" in client.call(
                    "one/echo", {"text": "x"}).json, 10, "the backend")
                self.assertEqual(self.starts(gateway, "one"), number + 2)

    def test_the_state_of_all_is_told_on_request(self):
        with Gateway({"good": backend(), "off": {
                "command": "true", "disabled": True}}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("good/echo")
            time.sleep(1.5)  # a ping says how many processes a job has
            gateway.send_signal(signal.SIGUSR2)
            gateway.wait_log(r"backend good - INFO - ready for \d+ s, "
                             r"\d+ tools, 1 process, 1 start")
            gateway.wait_log("backend off - INFO - disabled, 0 starts")
            gateway.wait_log(r"front - INFO - running for \d+ s, pid \d+")


if __name__ == "__main__":
    unittest.main()
