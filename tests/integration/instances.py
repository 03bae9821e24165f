"""Instances of backends for single clients, through the whole gateway."""

import json
import os
import tempfile
import threading
import time
import unittest

import private
import process
from gateway import PATIENCE, PYTHON, SCRIPT
from http_backend import Backend
from private import KINDS, answers, gone, own, pid, text

UPDATED = "notifications/resources/updated"
NOTE = "test://notes/1"
LOG = "notifications/message"
ASK = {"name": "own/ask", "arguments": {"method": "sampling/createMessage"}}
# backend.py, which ends soon once there is a file of this name.
SHORT_LIVED = """
import os, runpy, sys, threading
flag = sys.argv.pop(1)
if os.path.exists(flag):
    with open(flag, "a") as file:
        file.write("x")
    threading.Timer(0.2, os._exit, (3,)).start()
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Tests(private.Tests):
    """With files of the backend's."""

    def file(self, name):
        """Where a file may be."""
        folder = self.enterContext(tempfile.TemporaryDirectory(
            prefix="mcpgw-test-"))
        os.chmod(folder, 0o777)
        return os.path.join(folder, name)

    def record(self, *args, **more):
        """A backend that writes what it gets into self.recorded."""
        self.recorded = self.file("record")
        return own("--record", self.recorded, *args, **more)

    def got(self, method):
        """The messages of a method that all processes of the backend got."""
        with open(self.recorded, encoding="utf-8") as file:
            return [message for message in
                    (json.loads(line) for line in file if line.endswith("\n"))
                    if message.get("method") == method]


class PerClient(Tests):
    """"session": "per-client"."""

    def test_each_session_has_its_own(self):
        self.start()
        clients = [self.client(kind) for kind in ("sse", "mcp", "sse", "mcp")]
        pids = [pid(client) for client in clients]
        shared, = self.gateway.jobs("own")
        self.assertEqual(len({shared, *pids}), 5)
        self.assertEqual([pid(client) for client in clients], pids)
        # What one does to its own concerns no other.
        clients[0].request("resources/subscribe", {"uri": NOTE}).result
        for client, known in zip(clients, ([NOTE], [], [], [])):
            known_now = json.loads(text(client.call(
                "own/update", {"uri": "test://notes/2"})))
            self.assertEqual(known_now, known)
        self.gateway.wait_instances(4)
        for client in clients:
            client.assert_one_outcome_each()

    def test_each_ends_with_its_session(self):
        self.start()
        clients = {kind: self.client(kind) for kind in ("sse", "mcp")}
        pids = {kind: pid(client) for kind, client in clients.items()}
        for number, (kind, client) in enumerate(clients.items()):
            ended = self.gateway.processes_of(pids[kind])
            client.close()
            gone(*ended)
            self.gateway.wait_instances(1 - number)
        self.assertEqual(self.gateway.status()["state"], "ready")

    def test_each_ends_with_a_session_that_nobody_uses(self):
        self.start(settings={"limits": {"session_idle": 1}})
        client = self.client("mcp", listen=False)
        ended = self.gateway.processes_of(pid(client))
        gone(*ended)
        self.gateway.wait_instances(0)
        self.assertEqual(self.gateway.metric("sessions"), 0)

    def test_each_ends_when_it_is_not_asked_for_long(self):
        self.start(own(instance_idle=1))
        client = self.client("sse")
        first = pid(client)
        # Not while it has something to do.
        client.call("own/slow", {"seconds": 2}).result
        self.assertEqual(pid(client), first)
        gone(first)
        second = pid(client)
        self.assertNotEqual(second, first)
        # And not while its client waits for news.
        client.request("resources/subscribe", {"uri": NOTE}).result
        time.sleep(2 * PATIENCE)
        self.assertEqual(pid(client), second)
        client.request("resources/unsubscribe", {"uri": NOTE}).result
        gone(second)
        client.assert_one_outcome_each()

    def test_each_has_the_log_level_of_its_client(self):
        self.start(self.record())
        clients = [self.client(kind) for kind in KINDS for _ in range(2)]
        for client, level in zip(clients, ("debug", "error") * 2):
            # One asks for it before it has its own, one afterwards.
            if client is not clients[0]:
                pid(client)
            client.request("logging/setLevel", {"level": level}).result
            pid(client)
        for client in clients:
            client.call("own/log", {"level": "info", "text": "x"}).result
        self.assertEqual([client.count(LOG) for client in clients],
                         [1, 0] * 2)
        # The shared one has heard of the most verbose.
        levels = [message["params"]["level"]
                  for message in self.got("logging/setLevel")]
        self.assertEqual(sorted(levels), ["debug"] * 3 + ["error"] * 2)
        # What is said of no request is heard by the same client.
        clients[0].call("own/log", {"level": "info", "text": "later",
                                    "afterwards": 0.2}).result
        clients[0].wait(lambda: clients[0].count(LOG) == 2, 5, "news")
        self.assertEqual([client.count(LOG) for client in clients],
                         [2, 0, 1, 0])

    def heard(self, client):
        """The URIs of all updates that came so far."""
        return [note.json["params"]["uri"] for note in client.notifications
                if note.json["method"] == UPDATED]

    def update(self, client):
        """Have its own one send an update, if it was subscribed to; the same
        process as before may not be there, so wait."""
        count = len(self.heard(client)) + 1
        process.wait_until(
            lambda: json.loads(text(client.call(
                "own/update", {"uri": NOTE}))) == [NOTE],
            10 * PATIENCE, "it is subscribed to")
        client.wait(lambda: len(self.heard(client)) >= count, 5, "an update")

    def subscribers(self):
        """Two clients that subscribed to the same, and one that did not."""
        clients = [self.client(kind) for kind in ("sse", "mcp", "mcp")]
        for client in clients[:2]:
            client.request("resources/subscribe", {"uri": NOTE}).result
        pid(clients[2])
        for client in clients[:2]:
            self.update(client)
        return clients

    def test_updates_reach_the_client_of_the_instance(self):
        self.start()
        clients = self.subscribers()
        self.assertEqual([len(self.heard(client)) for client in clients],
                         [1, 1, 0])
        self.update(clients[0])
        self.assertEqual([len(self.heard(client)) for client in clients],
                         [2, 1, 0])

    def test_who_subscribed_gets_another_one_by_itself(self):
        self.start(self.record())
        clients = self.subscribers()
        pids = [pid(client) for client in clients]
        for number, other in ((0, 1), (1, 0)):
            before = len(self.got("resources/subscribe"))
            for job in (pids[number], pids[2]):
                os.kill(job, 9)
            process.wait_until(
                lambda: len(self.got("resources/subscribe")) > before,
                10 * PATIENCE, "it is subscribed to again")
            self.assertEqual(len(self.gateway.instances()), 2)
            self.assertEqual(pid(clients[other]), pids[other])
            pids[number] = pid(clients[number])
            pids[2] = pid(clients[2])
            self.update(clients[number])
        # And nothing is left of it when they unsubscribe.
        for client in clients[:2]:
            client.request("resources/unsubscribe", {"uri": NOTE}).result
        for job in pids:
            os.kill(job, 9)
        self.gateway.wait_instances(0)

    def test_one_that_does_not_last_is_not_started_all_the_time(self):
        flag = self.file("flag")
        self.start({"command": PYTHON, "session": "per-client", "args": [
            "-c", SHORT_LIVED, flag, SCRIPT, "--tools", "update"]})
        client = self.client("sse")
        client.request("resources/subscribe", {"uri": NOTE}).result
        first = pid(client)
        with open(flag, "w", encoding="utf-8"):
            pass
        os.chmod(flag, 0o666)
        os.kill(first, 9)
        time.sleep(4 * PATIENCE)
        # After 0.1, 0.2, 0.4, 0.8 and 1.6 s, and what a start takes.
        self.assertIn(os.path.getsize(flag), range(2, 8))
        os.unlink(flag)
        self.update(client)
        client.assert_one_outcome_each()

    def test_subscriptions_survive_a_reload(self):
        self.start()
        clients = self.subscribers()
        pids = [pid(client) for client in clients]
        self.gateway.rewrite({"own": own(env={"A": "1"})})
        gone(*pids)
        for client in clients[:2]:
            self.update(client)
            self.assertNotIn(pid(client), pids)
        self.gateway.wait_instances(2)
        # Those of all are those of each when nobody has its own any more.
        self.gateway.rewrite({"own": own(session="shared")})
        self.gateway.wait_instances(0)
        before = len(self.heard(clients[1]))
        self.update(clients[0])
        clients[1].wait(lambda: len(self.heard(clients[1])) > before, 5,
                        "an update")
        self.assertEqual(self.heard(clients[2]), [])
        self.assertEqual(len({pid(client) for client in clients}), 1)
        # And the other way round.
        self.gateway.rewrite({"own": own()})
        process.wait_until(
            lambda: len({pid(client) for client in clients}) == 3,
            10 * PATIENCE, "each has its own")
        for client in clients:
            client.assert_one_outcome_each()

    def test_other_requests_go_to_the_same_process(self):
        self.start(self.record())
        client = self.client("mcp")
        client.request("resources/read", {"uri": NOTE}).result
        client.request("prompts/get", {"name": "own/plain"}).result
        client.request("completion/complete", {
            "ref": {"type": "ref/prompt", "name": "own/greet"},
            "argument": {"name": "who", "value": "x"}}).result
        self.assertEqual(len(self.got("initialize")), 2)
        self.gateway.wait_instances(1)


class Auto(Tests):
    """"session": "auto"."""

    def test_it_is_shared_until_it_asks_nobody_in_particular(self):
        self.start(own(session="auto"))
        older = [self.client(kind, capabilities={"sampling": {}})
                 for kind in KINDS]
        jobs = self.gateway.jobs("own")
        self.assertEqual([pid(client) for client in older], jobs * 2)
        # One that is alone with it is who is meant.
        key = older[0].send("tools/call", ASK)
        older[0].respond(older[0].asked(), {"x": 1})
        self.assertEqual(json.loads(text(older[0].outcome(key))),
                         {"result": {"x": 1}})
        self.assertEqual(pid(self.client("sse")), jobs[0])
        # With two clients nobody knows.
        hanging = older[0].send("tools/call", {"name": "own/hang"})
        answer = json.loads(text(older[1].request("tools/call", ASK)))
        self.assertIn("cannot be told", answer["error"]["message"])
        self.assertEqual([len(client.requests) for client in older], [1, 0])
        self.gateway.wait_log("sessions from now on get instances")
        younger = [self.client(kind) for kind in KINDS]
        pids = [pid(client) for client in younger]
        self.assertEqual(len({*jobs, *pids}), 3)
        self.assertEqual(pid(older[1]), jobs[0])
        self.gateway.wait_instances(2)
        older[0].notify("notifications/cancelled", {
            "requestId": json.loads(hanging)})
        # That is known of the one that replaces it, too.
        self.gateway.rewrite({"own": own(session="auto", env={"A": "1"})})
        gone(*pids)
        self.assertNotEqual(*[pid(client) for client in younger])
        self.assertEqual(*[pid(client) for client in older])


class Limits(Tests):
    """Not more than there may be."""

    def test_who_waits_too_long_is_told_why(self):
        self.start(self.record(max_instances=2, instance_wait=1))
        one, two, three = (self.client("mcp") for _ in range(3))
        pid(one), pid(two)
        begin = time.monotonic()
        error = three.call("own/echo", {"text": "never"}).error
        taken = time.monotonic() - begin
        self.assertGreater(taken, 0.95)
        self.assertLess(taken, 1.5 * PATIENCE)
        self.assertEqual(
            error["message"], 'Backend "own" has all of its 2 instances in '
            'use ("max_instances"); waited for it for 1.0 s '
            '("instance_wait")')
        self.assertEqual(error["data"], {"backend": "own",
                                         "outcome": "not_sent"})
        self.gateway.wait_log("WARNING.*max_instances")
        # The others are what they were, and it tries again when it asks.
        self.assertNotEqual(pid(one), pid(two))
        one.close()
        self.assertEqual(text(three.call("own/echo", {"text": "x"})), "x")
        self.assertNotIn("never", json.dumps(self.got("tools/call")))

    def test_who_waits_gets_the_place_of_one_that_ends(self):
        self.start(own(max_instances=1, instance_wait=20))
        one, two, three = (self.client(kind) for kind in
                           ("sse", "mcp", "sse"))
        pid(one)
        keys = [two.send("tools/call", {"name": "own/echo", "arguments": {
            "text": str(number)}}) for number in range(50)]
        time.sleep(0.2)
        last = three.send("tools/call", {"name": "own/environment"})
        self.assertEqual(two.outcomes.keys() & keys, set())
        begin = time.monotonic()
        one.close()
        found = [text(answer) for answer in answers(two, keys)]
        self.assertEqual(found, [str(number) for number in range(50)])
        self.assertLess(time.monotonic() - begin, 4 * PATIENCE)
        self.assertNotIn(last, three.outcomes)
        two.close()
        answers(three, [last])
        three.assert_one_outcome_each()

    def test_what_is_taken_back_while_it_waits_is_never_sent(self):
        self.start(self.record(max_instances=1, instance_wait=20))
        one, two, three = (self.client("mcp") for _ in range(3))
        pid(one)
        taken_back = two.send("tools/call", {"name": "own/echo", "arguments": {
            "text": "never"}})
        kept = two.send("tools/call", {"name": "own/echo"})
        three.send("tools/call", {"name": "own/echo", "arguments": {
            "text": "gone"}})
        time.sleep(0.2)
        two.notify("notifications/cancelled", {
            "requestId": json.loads(taken_back)})
        three.close()
        one.close()
        answers(two, [kept])
        self.assertNotIn(taken_back, two.outcomes)
        self.assertEqual(self.got("notifications/cancelled"), [])
        sent = json.dumps(self.got("tools/call"))
        self.assertNotIn("never", sent)
        self.assertNotIn("gone", sent)
        self.gateway.wait_instances(1)

    def test_who_waits_holds_only_so_much(self):
        self.start(own(max_instances=1, instance_wait=20))
        one, two = (self.client("mcp") for _ in range(2))
        pid(one)
        keys = [two.send("tools/call", {"name": "own/echo", "arguments": {
            "text": "x" * (1 << 20)}}) for _ in range(5)]
        refused = two.outcome(keys[-1]).error
        self.assertIn("too much waits", refused["message"])
        self.assertEqual(refused["data"]["outcome"], "not_sent")
        one.close()
        for answer in answers(two, keys[:3]):
            self.assertEqual(len(text(answer)), 1 << 20)
        two.assert_one_outcome_each()

    def test_one_that_does_not_start_says_why(self):
        flag = self.file("flag")
        self.start({"command": PYTHON, "session": "per-client", "args": [
            "-c", "import os, sys\nif os.path.exists(sys.argv[1]):"
            " sys.exit('sorry')\nsys.argv[:2] = []\n"
            "import runpy; runpy.run_path(sys.argv[0], "
            "run_name='__main__')", flag, SCRIPT]})
        client = self.client("sse")
        with open(flag, "w", encoding="utf-8"):
            pass
        for _ in range(2):
            error = client.call("own/echo").error
            self.assertRegex(
                error["message"], 'Backend "own" was not asked: its instance '
                "for this session did not start: .*(status 1|sorry)")
            self.assertEqual(error["data"]["outcome"], "not_sent")
        os.unlink(flag)
        client.call("own/echo").result
        client.assert_one_outcome_each()

    def test_many_sessions_and_few_instances(self):
        self.start(own(max_instances=8, instance_wait=60))
        results = []

        def run(number):
            kind = ("sse", "mcp")[number % 2]
            with KINDS[kind](self.gateway.address) as client:
                client.wait_tools("own/echo")
                keys = [client.send("tools/call", {
                    "name": "own/echo", "arguments": {
                        "text": f"{number} {call}"}}) for call in range(10)]
                found = [text(answer) for answer in
                         answers(client, keys, timeout=60)]
                results.append(found == [
                    f"{number} {call}" for call in range(10)])
                client.assert_one_outcome_each()
        threads = [threading.Thread(target=run, args=(number,))
                   for number in range(50)]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            serving = sum(one["part"] == "serving" for one in
                          self.gateway.instances().values())
            most = max(most, serving)
            time.sleep(0.2)
        self.assertEqual(results, [True] * 50)
        self.assertIn(most, range(4, 9))
        self.gateway.wait_instances(0)


class Remote(Tests):
    """Backends with a url."""

    def test_each_session_has_its_own_there(self):
        for answer_form in ("sse", "json"):
            with self.subTest(answer_form):
                remote = Backend(answers=answer_form)
                self.addCleanup(remote.stop)
                self.start({"type": "http", "url": remote.url("/mcp"),
                            "session": "per-client"})
                clients = [self.client(kind, "own/echo") for kind in KINDS]
                shared = set(remote.sessions)
                self.assertEqual(len(shared), 1)
                for number, client in enumerate(clients):
                    for _ in range(2):
                        client.call("own/echo", {"text": "x"}).result
                        self.assertEqual(len(remote.sessions), number + 2)
                for client in clients:
                    before = len(remote.goodbyes)
                    client.close()
                    process.wait_until(
                        lambda: len(remote.goodbyes) > before, 5 * PATIENCE,
                        "DELETE")
                self.assertEqual(set(remote.sessions), shared)
                self.assertFalse(shared & set(remote.goodbyes))
                self.gateway.wait_instances(0)
                self.end()


if __name__ == "__main__":
    unittest.main()
