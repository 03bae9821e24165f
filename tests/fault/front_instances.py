"""The front's half of instances, with a supervisor and workers that the test
plays: what is wanted and released and when, and what a worker that lies can
do."""

import socket
import time
import unittest

from client import Client
from client_streamable import StreamableClient
from frames import Front, backend
from gateway import PATIENCE

SUBSCRIBES = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}
UPDATED = "notifications/resources/updated"
BACKEND, ALL = range(2)  # flags of DRAINED
SAMPLE = 4  # of enum mcp_capability
FULL = 'has all of its 1 instances in use ("max_instances")'


class Instances(unittest.TestCase):
    """One backend "a", whose number is 0."""

    def start(self, **more):
        """A front that knows the backend, which is listed."""
        self.rules = {"session": "per-client", "instances": 1, **more}
        self.front = Front((backend(0, "a", **self.rules),))
        self.addCleanup(self.front.__exit__)
        self.said = []
        self.shared = self.link(0)

    def link(self, number, **more):
        """A worker of the backend, or of an instance."""
        return self.front.link(number, **{
            "resources": ["t:a"], "capabilities": SUBSCRIBES, **more})

    def hang_up(self, number):
        """A link that ends before anything was said."""
        ours, theirs = socket.socketpair()
        self.front.supervisor.send("LINK", ident=number, client=1,
                                   fd=theirs.fileno())
        ours.close()
        theirs.close()

    def client(self, kind=Client, **more):
        """A session."""
        client = kind(self.front.address, path={
            Client: "/sse", StreamableClient: "/mcp?names=slash"}[kind],
                      **more)
        self.addCleanup(client.close)
        client.wait_tools("a/echo")
        return client

    @staticmethod
    def call(client, text=""):
        """Ask; the key."""
        return client.send("tools/call", {"name": "a/echo", "arguments": {
            "text": text}})

    # What the front says to the supervisor.

    def take(self):
        """Its next frame: (type, id, client, flags)."""
        kind, ident, flags, _ = self.front.supervisor.take()
        return kind, ident, self.front.supervisor.client, flags

    def told(self, kind):
        """The next frame of a type; others are kept."""
        for place, frame in enumerate(self.said):
            if frame[0] == kind:
                return self.said.pop(place)[1:]
        while (frame := self.take())[0] != kind:
            self.said.append(frame)
        return frame[1:]

    def quiet(self, *kinds):
        """Until now it has said nothing of these types."""
        self.front.supervisor.send("PING")
        while (frame := self.take())[0] != "PONG":
            self.said.append(frame)
        self.assertEqual([frame for frame in self.said if frame[0] in kinds],
                         [])

    def wanted(self, number=0):
        """The key of the next WANT, which must be for this backend."""
        ident, key, _ = self.told("WANT")
        self.assertEqual(ident, number)
        return key

    def grant(self, key, number):
        """INSTANCE."""
        self.front.supervisor.send("INSTANCE", ident=number, client=key)
        self.front.state(number, "starting")

    def refuse(self, key, why=FULL):
        """INSTANCE, but none."""
        self.front.supervisor.send("INSTANCE", {"error": why}, client=key)

    def instance(self, client, number):
        """Have a client get this one: its worker."""
        key = self.call(client, "first")
        self.grant(self.wanted(), number)
        worker = self.link(number)
        self.serve(worker, client, key)
        return worker

    def serve(self, worker, client, key, text="first"):
        """Answer the next request of a worker, which must be this one."""
        ident, message = worker.request()
        self.assertEqual(message["params"], {"name": "echo", "arguments": {
            "text": text}})
        worker.answer(ident, {"key": key})
        self.assertEqual(client.outcome(key).result, {"key": key})

    def not_sent(self, client, key, text):
        """A request has failed, and is known not to have been sent."""
        error = client.outcome(key).error
        self.assertIn(text, error["message"])
        self.assertEqual(error["data"]["outcome"], "not_sent")

    # Who gets one.

    def test_each_session_has_one_and_asks_for_it_once(self):
        self.start()
        for number, kind in enumerate((Client, StreamableClient), 10):
            client = self.client(kind, capabilities={
                "sampling": {}, "roots": {"listChanged": False}})
            keys = [self.call(client, str(n)) for n in range(3)]
            ident, key, flags = self.told("WANT")
            self.assertEqual(ident, 0)
            self.assertTrue(flags & SAMPLE)
            self.grant(key, number)
            worker = self.link(number)
            for n, one in enumerate(keys):
                self.serve(worker, client, one, str(n))
            self.quiet("WANT", "RELEASE")
            client.close()
            self.assertEqual(self.told("RELEASE")[0], number)
            self.assertIsNone(worker.take())
        self.quiet("WANT", "RELEASE", "DRAINED")

    def test_keys_and_numbers_that_nobody_asked_for(self):
        self.start()
        client = self.client()
        key = self.call(client)
        ours = self.wanted()
        for wrong in (0, ours - 1, ours + 1, (1 << 32) - 1):
            self.grant(wrong, 77)
            self.assertEqual(self.told("RELEASE")[0], 77)
            self.refuse(wrong)
        self.front.state(99, "failed", "x")
        self.hang_up(99)
        self.grant(ours, 10)
        worker = self.link(10)
        self.serve(worker, client, key, "")
        self.quiet("WANT", "RELEASE")
        client.assert_one_outcome_each()

    def test_one_that_comes_too_late_is_released(self):
        self.start()
        client = self.client()
        self.call(client)
        key = self.wanted()
        client.close()
        time.sleep(0.2)
        self.grant(key, 10)
        self.assertEqual(self.told("RELEASE")[0], 10)
        # And one whose client leaves before it is greeted.
        client = self.client()
        self.call(client)
        self.grant(self.wanted(), 11)
        self.quiet()
        client.close()
        self.assertEqual(self.told("RELEASE")[0], 11)
        self.quiet("RELEASE", "WANT")

    def test_a_place_is_asked_for_again_until_the_wait_is_over(self):
        self.start(instance_wait_ms=1200)
        client = self.client()
        begin = time.monotonic()
        key = self.call(client)
        keys = [self.wanted()]
        self.refuse(keys[0])
        while key not in client.outcomes:
            if time.monotonic() - begin > 0.5 * len(keys) and len(keys) < 3:
                keys.append(self.wanted())
                self.refuse(keys[-1])
            time.sleep(0.01)
        self.assertEqual(len(set(keys)), 3)
        self.assertAlmostEqual(time.monotonic() - begin, 1.2,
                               delta=0.2 * PATIENCE)
        self.not_sent(client, key, f'Backend "a" {FULL}; waited')
        self.quiet("WANT")
        # The next one waits anew.
        key = self.call(client)
        self.grant(self.wanted(), 10)
        self.serve(self.link(10), client, key, "")

    def test_a_place_that_comes_free_is_for_who_waited_longest(self):
        self.start(instance_wait_ms=20000)
        clients = [self.client() for _ in range(3)]
        self.instance(clients[0], 10)
        waiting = []
        for client in clients[1:]:
            waiting.append(self.call(client))
            self.refuse(self.wanted())
        clients[0].close()
        self.assertEqual(self.told("RELEASE")[0], 10)
        key = self.wanted()
        self.grant(key, 11)
        self.serve(self.link(11), clients[1], waiting[0], "")
        self.assertNotIn(waiting[1], clients[2].outcomes)

    def test_one_that_is_never_greeted_is_given_up(self):
        self.start(instance_wait_ms=500)
        client = self.client()
        key = self.call(client)
        self.grant(self.wanted(), 10)
        self.not_sent(client, key, "has no instance for this session that "
                      "has started in time; waited for it for 0.5 s")
        self.assertEqual(self.told("RELEASE")[0], 10)
        # Nor one whose link ends before its greeting, and nobody says why.
        key = self.call(client)
        self.grant(self.wanted(), 11)
        self.hang_up(11)
        self.not_sent(client, key, "waited")
        self.assertEqual(self.told("RELEASE")[0], 11)

    def test_why_one_did_not_start(self):
        self.start()
        client = self.client()
        for number, state in ((10, "failed"), (11, "down")):
            key = self.call(client)
            self.grant(self.wanted(), number)
            self.front.state(number, state, "no such program")
            self.not_sent(client, key, "did not start: no such program")
        self.quiet("RELEASE", "WANT")

    # Their ends.

    def test_the_end_of_a_link_fails_what_is_in_flight_once(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        keys = [self.call(client) for _ in range(3)]
        for _ in keys:
            worker.request()
        worker.close()
        for key in keys:
            error = client.outcome(key).error
            self.assertEqual(error["data"]["outcome"], "unknown")
        # The last word comes, of a number that means nothing any more.
        self.front.state(10, "failed", "killed by signal 9")
        self.quiet("RELEASE", "WANT")
        self.instance(client, 11)
        client.assert_one_outcome_each()

    def test_the_last_word_may_come_before_the_end_of_the_link(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        key = self.call(client)
        worker.request()
        self.front.state(10, "failed", "killed by signal 9")
        error = client.outcome(key).error
        self.assertIn("killed by signal 9", error["message"])
        self.assertEqual(error["data"]["outcome"], "unknown")
        self.assertIsNone(worker.take())
        self.instance(client, 11)

    def test_a_worker_that_only_closes_its_link_is_released(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        worker.close()
        # Not at once: it may have died, and the supervisor shall say of what.
        self.instance(client, 11)
        self.quiet("RELEASE")
        time.sleep(9 * PATIENCE)
        self.front.supervisor.socket.settimeout(5)
        self.assertEqual(self.told("RELEASE")[0], 10)
        self.quiet("RELEASE")

    def test_a_worker_that_breaks_a_rule_is_released_at_once(self):
        self.start()
        client = self.client()
        for number, kind in enumerate(("REQUEST", "POLICY", "WANT", 200), 10):
            worker = self.instance(client, number)
            key = self.call(client)
            worker.request()
            worker.send(kind, {})
            self.assertEqual(self.told("RELEASE")[0], number)
            self.assertEqual(client.outcome(key).error["data"]["outcome"],
                             "unknown")
        self.instance(client, 20)
        client.assert_one_outcome_each()

    def test_a_worker_that_lies_reaches_its_own_client_alone(self):
        self.start(instances=2)
        victim, mallory = self.client(), self.client()
        theirs = self.instance(victim, 10)
        ours = self.instance(mallory, 11)
        theirs_key = self.call(victim, "x")
        number, _ = theirs.request()
        for kind in ("RESPONSE", "FAIL", "EVENT"):
            for ident in (number, number + 1, 0, number - 65536):
                ours.send(kind, {"jsonrpc": "2.0", "id": ident,
                                 "result": "lie"} if kind == "RESPONSE" else
                          {"code": 1, "message": "lie"}, ident)
        for ident in (number, 0):
            ours.send("ASK", {"jsonrpc": "2.0", "id": 1,
                              "method": "sampling/createMessage",
                              "params": {}}, ident, client=1)
            ours.expect("ANSWER")
        ours.send("RETRACT", client=1)
        ours.updated("t:a")
        ours.send("NOTIFY", {"jsonrpc": "2.0", "method":
                             "notifications/message", "params": {
                                 "level": "error", "data": "lie"}})
        ours.send("NOTIFY", {"jsonrpc": "2.0", "method":
                             "notifications/elicitation/complete",
                             "params": {"elicitationId": "e"}})
        ours.greet({"tools": {}})
        ours.send("CATALOG", [{"name": "lie"}], flags=0)
        key = self.call(mallory, "y")
        self.serve(ours, mallory, key, "y")
        self.assertNotIn(theirs_key, victim.outcomes)
        theirs.answer(number, {"true": 1})
        self.assertEqual(victim.outcome(theirs_key).result, {"true": 1})
        self.assertEqual([victim.notifications, victim.requests], [[], []])
        self.assertEqual([note.json["params"]["data"]
                          for note in mallory.notifications], ["lie"])
        self.assertEqual(victim.tools(), ["a/echo"])
        self.assertEqual(mallory.tools(), ["a/echo"])
        victim.assert_one_outcome_each()

    def test_idle_ones_are_released(self):
        self.start(instance_idle_ms=1000)
        client = self.client()
        worker = self.instance(client, 10)
        key = self.call(client, "long")
        time.sleep(1.3)
        self.quiet("RELEASE")
        self.serve(worker, client, key, "long")
        self.assertEqual(self.told("RELEASE")[0], 10)
        # One that has asked its client something is not idle.
        client = self.client(capabilities={"sampling": {}})
        worker = self.instance(client, 11)
        worker.send("ASK", {"jsonrpc": "2.0", "id": 1, "method":
                            "sampling/createMessage", "params": {}}, client=5)
        question = client.asked()
        time.sleep(1.3)
        self.quiet("RELEASE")
        client.respond(question, {"x": 1})
        worker.expect("ANSWER")
        self.assertEqual(self.told("RELEASE")[0], 11)

    # Subscriptions.

    def subscribe(self, client, worker):
        """To t:a."""
        key = client.send("resources/subscribe", {"uri": "t:a"})
        ident, _ = worker.request()
        worker.answer(ident, {})
        client.outcome(key).result

    def heard(self, client):
        """How many updates came."""
        client.request("ping")
        return client.count(UPDATED)

    def test_one_that_was_subscribed_to_is_wanted_again(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        self.subscribe(client, worker)
        delays = []
        for number in range(11, 14):
            begin = time.monotonic()
            worker.close()
            key = self.wanted()
            delays.append(time.monotonic() - begin)
            self.grant(key, number)
            worker = self.link(number)
            self.assertEqual(worker.expect("SUBSCRIBE")[3], b'"t:a"')
            worker.updated("t:a")
            client.wait(lambda: client.count(UPDATED) == number - 10, 5,
                        "an update")
        for delay, expected in zip(delays, (0.1, 0.2, 0.4)):
            self.assertGreater(delay, 0.7 * expected)
            self.assertLess(delay, 1.3 * expected + 0.1 * PATIENCE)
        # A call needs it at once.
        worker.close()
        key = self.call(client)
        self.grant(self.wanted(), 20)
        worker = self.link(20)
        self.serve(worker, client, key, "")
        worker.expect("SUBSCRIBE")
        # Where there is no place it is tried again, and again.
        worker.close()
        self.refuse(self.wanted())
        self.refuse(self.wanted())
        self.grant(self.wanted(), 30)
        self.link(30).expect("SUBSCRIBE")
        client.close()
        self.assertEqual(self.told("RELEASE")[0], 30)

    def test_what_nobody_wants_any_more_is_not_wanted_again(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        self.subscribe(client, worker)
        worker.close()
        client.request("resources/unsubscribe", {"uri": "t:a"}).result
        self.refuse(self.wanted())
        time.sleep(1)
        self.quiet("WANT", "RELEASE")

    # Policies.

    def replace(self, *backends):
        """Another POLICY."""
        self.front.policy(*backends)
        self.quiet()

    def test_one_that_waits_moves_with_its_backend(self):
        self.start(instance_wait_ms=20000)
        one, two = self.client(), self.client()
        worker = self.instance(one, 10)
        self.subscribe(one, worker)
        waiting = self.call(two)
        self.refuse(self.wanted())
        old = backend(0, "a", **self.rules)
        self.replace(old, backend(1, "a", "standby", **self.rules))
        self.link(1)
        self.told("LISTED")
        busy = self.call(one, "busy")
        number, _ = worker.request()
        self.said.clear()
        self.replace({**old, "part": "leaving"},
                     backend(1, "a", **self.rules))
        keys = [self.wanted(1) for _ in range(2)]
        # The old one is drained when nothing is in flight on its instances.
        self.quiet("DRAINED")
        # One is for the subscription, one for who waits.
        frames = {}
        for ident, key in enumerate(keys, 20):
            self.grant(key, ident)
            peer = self.link(ident)
            frame = peer.take()
            frames[frame[0]] = (peer, frame)
        self.assertEqual(set(frames), {"SUBSCRIBE", "REQUEST"})
        peer, frame = frames["REQUEST"]
        peer.answer(frame[1], {"moved": 1})
        self.assertEqual(two.outcome(waiting).result, {"moved": 1})
        frames["SUBSCRIBE"][0].updated("t:a")
        one.wait(lambda: one.count(UPDATED) == 1, 5, "an update")
        worker.answer(number, {"old": 1})
        self.assertEqual(one.outcome(busy).result, {"old": 1})
        self.assertEqual(self.told("DRAINED")[::2], (0, BACKEND))
        self.assertEqual(self.told("RELEASE")[0], 10)

    def test_one_of_a_backend_that_is_removed(self):
        self.start(instance_wait_ms=20000)
        one, two = self.client(), self.client()
        worker = self.instance(one, 10)
        busy = self.call(one, "busy")
        number, _ = worker.request()
        waiting = self.call(two)
        self.refuse(self.wanted())
        self.replace(backend(0, "a", "leaving", **self.rules))
        self.refuse(self.wanted(), "does not serve")
        self.not_sent(two, waiting, 'Backend "a" does not serve')
        self.quiet("DRAINED")
        worker.answer(number, {})
        one.outcome(busy).result
        self.assertEqual(self.told("DRAINED")[0], 0)
        self.assertEqual(self.told("RELEASE")[0], 10)
        self.replace()
        for client in (one, two):
            client.assert_one_outcome_each()

    def test_one_that_is_cut_with_its_backend(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        self.subscribe(client, worker)
        busy = self.call(client, "busy")
        worker.request()
        self.replace()
        error = client.outcome(busy).error
        self.assertEqual(error["data"]["outcome"], "unknown")
        self.assertIsNone(worker.take())
        self.quiet("WANT")
        client.assert_one_outcome_each()

    def test_a_live_backend_that_is_shared_from_now_on(self):
        self.start()
        client = self.client()
        worker = self.instance(client, 10)
        self.replace(backend(0, "a"))
        key = self.call(client, "x")
        self.serve(self.shared, client, key, "x")
        self.assertEqual(self.told("RELEASE")[0], 10)
        self.assertIsNone(worker.take())
        self.replace(backend(0, "a", **self.rules))
        self.instance(client, 11)

    # The end of all.

    def test_a_drain_answers_who_waits_and_who_is_served(self):
        self.start(instance_wait_ms=20000)
        one, two = self.client(), self.client(StreamableClient)
        worker = self.instance(one, 10)
        busy = self.call(one, "busy")
        number, _ = worker.request()
        waiting = self.call(two)
        self.refuse(self.wanted())
        self.front.supervisor.send("DRAIN")
        self.refuse(self.wanted(), "has no instance to spare: the gateway is "
                    "stopping")
        self.not_sent(two, waiting, "the gateway is stopping")
        self.quiet("DRAINED")
        worker.answer(number, {})
        one.outcome(busy).result
        self.assertEqual(self.told("RELEASE")[0], 10)
        self.assertEqual(self.told("DRAINED")[2], ALL)
        two.session = None  # which is over

    def test_news_of_roots_and_levels_go_to_ones_own(self):
        self.start(instances=2)
        one = self.client(capabilities={"roots": {"listChanged": True}})
        two = self.client()
        first, second = self.instance(one, 10), self.instance(two, 11)
        one.notify("notifications/roots/list_changed")
        self.assertEqual(first.take()[0], "ROOTS_CHANGED")
        two.request("logging/setLevel", {"level": "error"}).result
        self.assertEqual(second.take()[::2], ("CLIENT_LEVEL", 4))
        one.request("logging/setLevel", {"level": "debug"}).result
        self.assertEqual(first.take()[::2], ("CLIENT_LEVEL", 0))
        for worker, client in ((first, one), (second, two)):
            key = self.call(client)
            self.serve(worker, client, key, "")


if __name__ == "__main__":
    unittest.main()
