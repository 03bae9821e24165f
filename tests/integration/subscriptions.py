"""Subscriptions to resources through the whole gateway, and lists while a
backend comes back."""

import json
import os
import signal
import tempfile
import time
import unittest

from client import Client
from gateway import Gateway, PATIENCE, backend
import process

UPDATED = "notifications/resources/updated"
NOTE = "test://notes/1"
LISTS = [f"notifications/{kind}/list_changed"
         for kind in ("tools", "resources", "prompts")]


class Subscriptions(unittest.TestCase):
    """One backend that sends updates, one that cannot be subscribed to."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mcpgw-record-")
        os.chmod(cls.folder, 0o777)

    def setUp(self):
        self.record = os.path.join(self.folder, self.id())
        self.gateway = Gateway({
            "notes": backend("--record", self.record, "--tools", "update"),
            "plain": backend("--scheme", "plain", "--no-subscribe"),
        })
        self.addCleanup(self.gateway.discard)
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        self.gateway.stop()

    def client(self):
        """A session that sees both backends."""
        client = Client(self.gateway.address)
        self.clients.append(client)
        client.wait_tools("notes/update", "plain/echo")
        return client

    def received(self, method):
        """The URIs of all requests of this method that the backend got."""
        with open(self.record, encoding="utf-8") as file:
            messages = [json.loads(line) for line in file
                        if line.endswith("\n")]
        return [message["params"]["uri"] for message in messages
                if message.get("method") == method]

    def subscribes(self):
        """What was subscribed to at the backend so far."""
        return self.received("resources/subscribe")

    def unsubscribes(self):
        """What was unsubscribed from at the backend so far."""
        return self.received("resources/unsubscribe")

    def update(self, client, uri=NOTE, **more):
        """Have the backend send an update, if it was subscribed to."""
        result = client.call("notes/update", {"uri": uri, **more}).result
        return json.loads(result["content"][0]["text"])

    def heard(self, client):
        """The URIs of all updates that came so far."""
        client.call("notes/echo", {"text": ""}).result  # past all before it
        return [note.json["params"]["uri"] for note in client.notifications
                if note.json["method"] == UPDATED]

    def test_updates_reach_who_subscribed_and_nobody_else(self):
        one, two, three = (self.client() for _ in range(3))
        for client in (one, two, three):
            self.assertIs(client.greeting["capabilities"]["resources"][
                "subscribe"], True)
        self.update(three, anyway=True)
        self.assertEqual(one.request(
            "resources/subscribe", {"uri": NOTE}).result, {})
        self.assertEqual(self.update(three), [NOTE])
        self.assertEqual(one.request(
            "resources/subscribe", {"uri": NOTE}).result, {})
        self.assertEqual(two.request(
            "resources/subscribe", {"uri": NOTE}).result, {})
        self.update(three, NOTE + "/line/7")
        self.update(three, "test://notes/2", anyway=True)
        self.assertEqual(self.heard(one), [NOTE, NOTE + "/line/7"])
        self.assertEqual(self.heard(two), [NOTE + "/line/7"])
        self.assertEqual(self.subscribes(), [NOTE])
        self.assertEqual(one.request(
            "resources/unsubscribe", {"uri": NOTE}).result, {})
        self.assertEqual(self.update(three), [NOTE])
        self.assertEqual(len(self.heard(one)), 2)
        self.assertEqual(len(self.heard(two)), 2)
        self.assertEqual(self.unsubscribes(), [])
        self.assertEqual(two.request(
            "resources/unsubscribe", {"uri": NOTE}).result, {})
        self.assertEqual(self.unsubscribes(), [NOTE])
        self.assertEqual(self.update(three, anyway=True), [])
        self.assertEqual(len(self.heard(two)), 2)
        self.assertEqual(self.heard(three), [])
        for client in (one, two, three):
            client.assert_one_outcome_each()

    def test_sessions_that_end_unsubscribe_once(self):
        one, two, three = (self.client() for _ in range(3))
        for client in (one, two):
            for uri in (NOTE, "test://item/5"):
                client.request("resources/subscribe", {"uri": uri}).result
        one.close()
        self.update(three)
        self.assertEqual(self.heard(two), [NOTE])
        self.assertEqual(self.unsubscribes(), [])
        two.close()
        process.wait_until(lambda: len(self.unsubscribes()) >= 2,
                           10 * PATIENCE, "the backend is told")
        self.update(three)
        self.assertEqual(sorted(self.unsubscribes()),
                         ["test://item/5", NOTE])
        self.assertEqual(sorted(self.subscribes()), ["test://item/5", NOTE])

    def test_a_backend_that_returns_is_subscribed_to_again(self):
        one, two = self.client(), self.client()
        for uri in (NOTE, "test://notes/2"):
            one.request("resources/subscribe", {"uri": uri}).result
        two.request("resources/subscribe", {"uri": NOTE}).result
        one.request("resources/unsubscribe", {"uri": "test://notes/2"}).result
        before = [one.count(method) for method in LISTS]
        job = self.gateway.wait_job("notes")
        os.kill(job, signal.SIGKILL)
        self.gateway.wait_job("notes", other_than=[job])
        process.wait_until(lambda: len(self.subscribes()) == 3,
                           10 * PATIENCE, "the backend is told")
        self.assertEqual(self.subscribes()[2], NOTE)
        two.wait_tools("notes/update")
        process.wait_until(
            lambda: "result" in two.call("notes/echo").json and
            self.update(two) == [NOTE], 10 * PATIENCE, "it is subscribed to")
        self.assertGreater(self.heard(one).count(NOTE), 0)
        self.assertEqual(self.heard(one), self.heard(two))
        self.assertEqual([one.count(method) for method in LISTS], before)
        for client in (one, two):
            client.request("resources/unsubscribe", {"uri": NOTE}).result
        self.assertEqual(self.unsubscribes(), ["test://notes/2", NOTE])

    def test_a_refusal_is_the_backends_and_subscribes_nobody(self):
        one, two = self.client(), self.client()
        for client in (one, two):
            error = client.request("resources/subscribe", {
                "uri": "test://item/refuse"}).error
            self.assertEqual(error["code"], -32050)
        self.update(two, "test://item/refuse", anyway=True)
        self.assertEqual(self.heard(one), [])
        error = one.request(
            "resources/subscribe", {"uri": "plain://notes/1"}).error
        self.assertEqual(error["code"], -32601)
        self.assertEqual(one.request("resources/subscribe", {
            "uri": "none://x"}).error["code"], -32002)

    def test_many_at_once_end_in_what_the_last_wanted(self):
        """Subscribed and unsubscribed without waiting for any answer."""
        clients = [self.client() for _ in range(4)]
        uris = [f"test://item/{number}" for number in range(5)]
        for number in range(30):
            for client in clients:
                for uri in uris:
                    client.send("resources/unsubscribe" if number % 3 == 1
                                else "resources/subscribe", {"uri": uri})
        for client in clients:
            client.assert_one_outcome_each()
            for uri in uris:
                client.request("resources/unsubscribe", {"uri": uri}).result
        last = clients[-1]
        last.request("resources/subscribe", {"uri": uris[0]}).result
        process.wait_until(lambda: self.update(last, uris[0]) == [uris[0]],
                           10 * PATIENCE, "one subscription is left")
        self.assertGreater(len(self.heard(last)), 0)
        self.assertEqual(set(self.heard(last)), {uris[0]})


class Lists(unittest.TestCase):
    """What clients are told while a backend is started again."""

    def test_a_short_absence_is_not_told_and_a_long_one_once(self):
        with Gateway({"slow": backend("--delay", "0"),
                      "other": backend("--scheme", "other")}) as running, \
                Client(running.address) as client:
            client.wait_tools("slow/echo", "other/echo")
            time.sleep(0.5)
            before = [client.count(method) for method in LISTS]
            job = running.wait_job("slow")
            os.kill(job, signal.SIGKILL)
            running.wait_job("slow", other_than=[job])
            process.wait_until(
                lambda: "result" in client.call("slow/echo").json,
                10 * PATIENCE, "it is back")
            time.sleep(2.5)
            self.assertEqual([client.count(method) for method in LISTS],
                             before)
            self.assertIn("slow/echo", client.tools())

    def test_a_long_absence_is_told_once_and_the_return_once(self):
        folder = tempfile.mkdtemp(prefix="mcpgw-wait-")
        os.chmod(folder, 0o777)
        gate = os.path.join(folder, "gate")
        script = (f'while test -e "{gate}"; do sleep 0.1; done; '
                  'exec "$0" "$@"')
        entry = backend("--scheme", "gated")
        entry = {"command": "/bin/sh",
                 "args": ["-c", script, entry["command"], *entry["args"]]}
        with Gateway({"gated": entry,
                      "other": backend("--scheme", "other")}) as running, \
                Client(running.address) as client:
            client.wait_tools("gated/echo", "other/echo")
            time.sleep(0.5)
            before = [client.count(method) for method in LISTS]
            with open(gate, "w", encoding="utf-8"):
                pass
            os.chmod(gate, 0o666)
            begin = time.monotonic()
            os.kill(running.wait_job("gated"), signal.SIGKILL)
            client.wait(lambda: client.count(LISTS[0]) > before[0], 10,
                        "list_changed")
            self.assertGreater(time.monotonic() - begin, 1.8)
            self.assertNotIn("gated/echo", client.tools())
            time.sleep(0.5)
            self.assertEqual([client.count(method) for method in LISTS],
                             [count + 1 for count in before])
            os.unlink(gate)
            client.wait_tools("gated/echo")
            time.sleep(0.5)
            self.assertEqual([client.count(method) for method in LISTS],
                             [count + 2 for count in before])


if __name__ == "__main__":
    unittest.main()
