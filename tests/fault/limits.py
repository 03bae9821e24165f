"""A gateway with limits, and clients that go over each of them: they are told
so, the front's memory stays within its budget, and nobody else notices."""

import json
import os
import random
import tempfile
import time
import unittest

from attacked import MALLORY, MIB, Attacked, token
from caller import Caller
from crowd import Crowd
from gateway import PATIENCE, SANITIZED, backend, faulty

# Attackers come from an address of their own where it matters.
ELSEWHERE = "127.0.0.2"
CHANGED = "notifications/tools/list_changed"
TOO_MUCH = "all streams together hold too much"


class Bodies(Attacked):
    """Requests that are large, or never whole."""

    def head(self, session, *headers):
        """The head of a POST."""
        return self.mallory.request("POST", session.endpoint, headers=[
            ("Content-Type", "application/json"), *headers])

    def call(self, session, text):
        """A whole POST."""
        return self.mallory.request("POST", session.endpoint, json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "victim/echo", "arguments": {"text": text}}}).encode())

    def halves(self, memory):
        """Two thousand of them, of which most are too many."""
        self.serve({"memory": memory})
        with self.canary(), self.mallory.open() as session:
            data = self.head(session, ("Content-Length", "100000"))
            data += 50000 * b" "
            with Crowd(self.address, 2000) as crowd:
                crowd.say(lambda number: data)
                crowd.run(10 * PATIENCE, lambda: not crowd.pending())
                crowd.run(1)
                refused = crowd.count(lambda one: one.refused(503))
                waiting = crowd.count(
                    lambda one: not one.data and not one.over)
                self.assertEqual(refused + waiting, 2000)
                self.assertGreater(waiting, 10)
                self.assertGreater(refused, 1000)
                # However many there are, what is small is served.
                self.assertEqual(session.result("ping"), {})
        self.check(2000)

    def test_half_bodies(self):
        self.halves("32M")

    def test_half_bodies_in_the_least_memory(self):
        self.halves("16M")

    def test_one_address_leaves_room_for_large_requests_of_others(self):
        self.serve({"memory": "16M"})
        other = Caller(self.address, MALLORY, source=ELSEWHERE)
        with self.canary(), self.mallory.open() as session:
            data = self.head(session, ("Content-Length", "4000000"))
            with Crowd(self.address, 50) as crowd:
                crowd.say(lambda number: data + 2000000 * b" ")
                crowd.run(2)
                for _ in range(10):
                    with other.connect() as one:
                        one.send(self.call(session, 1000000 * "x"))
                        self.assertEqual(one.response().status, 202)
                        session.outcome()["result"]
        self.check(50)

    def test_large_bodies_at_once(self):
        """Sixty times the largest, again and again, and nobody reads what
        comes of them."""
        self.serve({"memory": "16M"})
        with self.canary():
            sessions = self.mallories(6, receive_buffer=4096)
            found = set()
            for _ in range(3):
                with Crowd(self.address, 60) as crowd:
                    crowd.say(lambda number: self.call(
                        sessions[number % 6], 4190000 * "x"))
                    self.assertTrue(crowd.run(30 * PATIENCE, crowd.answered))
                    for one in crowd:
                        self.assertTrue(one.statuses(), one.over)
                        found |= set(one.statuses())
                        if one.statuses() == [503]:
                            self.assertTrue(one.refused(503))
            # A session that does not read may be gone by now.
            self.assertLessEqual(found, {202, 404, 503})
            self.assertIn(202, found)
            for session in sessions:
                session.stream.close()
        self.check(70, sessions=True)

    def test_chunks_of_a_byte(self):
        """Each in a packet of its own: more is kept of each than it has."""
        self.serve({"memory": "16M"})
        with self.canary(), self.mallory.open() as session:
            head = self.head(session, ("Transfer-Encoding", "chunked"))
            with Crowd(self.address, 50) as crowd:
                crowd.say(lambda number: head)
                until = time.monotonic() + 10 * PATIENCE
                refused = 0
                while refused < 50 and time.monotonic() < until:
                    for piece in (b"1\r\n", b" ", b"\r\n"):
                        crowd.say(lambda number, what=piece: what)
                        crowd.run(0.005)
                    refused = crowd.count(lambda one: one.refused(503))
                self.assertGreater(refused, 40)
                self.assertEqual(session.result("ping"), {})
        self.check(50)

    def test_requests_behind_streams(self):
        """They would be served when a stream ends, which it never does."""
        self.serve({"memory": "16M"})
        ahead = 60 * self.mallory.request("GET", "/" + 900 * "x")
        with self.canary():
            with Crowd(self.address, 1000) as crowd:
                crowd.say(lambda number: self.mallory.request("GET", "/sse"))
                crowd.run(10 * PATIENCE, crowd.answered)
                for _ in range(4):
                    crowd.say(lambda number: ahead)
                    crowd.run(0.5)
                # The others were cut: they are told nothing, since what they
                # asked first is not answered to its end.
                self.assertLess(crowd.count(lambda one: not one.over), 500)
        self.check(1000, sessions=True)

    def test_requests_behind_answers_that_nobody_reads(self):
        self.serve({"memory": "16M"})
        ahead = 600 * self.mallory.request("GET", "/nowhere")
        with self.canary():
            with Crowd(self.address, 500, receive_buffer=4096) as crowd:
                crowd.stop_reading()
                crowd.say(lambda number: ahead)
                crowd.run(5)
        self.check(500)

    def test_slow_heads_and_bodies(self):
        """A byte now and then; each is told that it took too long."""
        self.serve({"memory": "16M"})
        since = time.monotonic()
        with self.canary(), self.mallory.open() as session, \
                Crowd(self.address, 300) as heads, \
                Crowd(self.address, 300) as bodies:
            body = self.head(session, ("Content-Length", "100000"))
            heads.say(lambda number: body[:30])
            bodies.say(lambda number: body)
            while time.monotonic() - since < 40 * PATIENCE and \
                    not bodies.answered():
                for crowd in (heads, bodies):
                    crowd.say(lambda number: b"x")
                    crowd.run(0.5)
                if heads.answered() and not hasattr(self, "took"):
                    self.took = time.monotonic() - since
            for one in [*heads, *bodies]:
                self.assertEqual(one.statuses(), [408])
        self.assertLess(self.took, 14 * PATIENCE)
        self.assertGreater(self.took, 9)
        self.assertLess(time.monotonic() - since, 36 * PATIENCE)
        self.assertGreater(time.monotonic() - since, 29)
        self.check(600)


class Streams(Attacked):
    """Clients that do not read what is written to them."""

    def test_notifications(self):
        """Five hundred of them, and a backend that never rests."""
        self.serve(victim=faulty("--flood"))
        with self.canary():
            sessions = self.mallories(500, receive_buffer=4096)
            time.sleep(4)
            for session in sessions:
                session.stream.close()
        self.check(500, sessions=True)

    def results(self, memory):
        """Five hundred clients that each want five times 100 KB."""
        self.serve({"memory": memory})
        with self.canary():
            sessions = self.mallories(500, receive_buffer=4096)
            found = set()
            with self.mallory.connect() as connection:
                for session in 5 * sessions:
                    found.add(session.send("tools/call", {
                        "name": "victim/big", "arguments": {"bytes": 100000},
                    }, connection=connection).status)
            self.assertLessEqual(found, {202, 404})
            self.gateway.wait_log(TOO_MUCH, 20)
            for session in sessions:
                session.stream.close()
        self.check(500, sessions=True)

    def test_results(self):
        self.results("32M")

    def test_results_in_the_least_memory(self):
        self.results("16M")

    def test_lists_that_change(self):
        """Each of them gets another list, which is kept for it alone."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            os.chmod(file.name, 0o644)
            self.write_list(file, 0)
            self.serve({"memory": "16M"},
                       victim=backend("--list", file.name))
            # Half of it is the backend's list, in its several forms.
            self.resident += 4 * MIB
            with self.canary(), self.mallory.open() as watcher:
                sessions = []
                enough = 60
                while len(sessions) < enough:
                    number = len(sessions) + 1
                    sessions += self.mallories(1, receive_buffer=4096)
                    self.assertEqual(sessions[-1].send("tools/list").status,
                                     202)
                    self.write_list(file, number)
                    watcher.send("tools/call", {
                        "name": "victim/add", "arguments": {"name": "x"}})
                    while watcher.message().get("method") != CHANGED:
                        pass
                    if enough == 60 and TOO_MUCH in self.gateway.log():
                        enough = number + 10
                self.gateway.wait_log(TOO_MUCH)
                for session in sessions:
                    session.stream.close()
            self.check(60, sessions=True)

    @staticmethod
    def write_list(file, number):
        """A list of a megabyte, unlike all others."""
        file.seek(0)
        file.truncate()
        json.dump([{"name": name, "description": f"{number}" + 500000 * "x",
                    "inputSchema": {"type": "object"}}
                   for name in ("echo", "add")], file)
        file.flush()

    def test_sessions(self):
        """More than there may be, for as long as there are."""
        self.serve({"sessions": 60})
        with self.canary():
            with Crowd(self.address, 500) as crowd:
                crowd.say(lambda number: self.mallory.request("GET", "/sse"))
                self.assertTrue(crowd.run(10 * PATIENCE, crowd.answered))
                opened = crowd.count(lambda one: one.statuses() == [200])
                self.assertEqual(opened, 59)
                self.assertEqual(
                    crowd.count(lambda one: one.refused(503)), 441)
        self.check(500, sessions=True)


class Requests(Attacked):
    """More in flight than there may be."""

    def flood(self, sessions, count):
        """So many calls of each; how often each status came, and how many
        of the refused said when to come back."""
        found = {}
        with self.mallory.connect() as connection:
            for session in count * sessions:
                answer = session.send("tools/call", {"name": "victim/echo"},
                                      connection=connection)
                found[answer.status] = found.get(answer.status, 0) + 1
                if answer.status != 202:
                    self.assertEqual(answer.header("retry-after"), "1")
        return found

    def test_of_a_session_and_of_a_backend(self):
        """That never answers."""
        self.serve({"requests_per_session": 100, "requests_per_backend": 250},
                   victim=faulty("--never-answer"))
        with self.canary():
            sessions = self.mallories(4)
            self.assertEqual(self.flood(sessions[:1], 120),
                             {202: 100, 429: 20})
            self.assertEqual(self.flood(sessions[1:], 60), {202: 180})
            # Of these, thirty are one too many for the backend.
            refused = [session.outcome()["error"] for session in sessions[1:]
                       for _ in range(10)]
            for error in refused:
                self.assertIn("too many requests in flight", error["message"])
                self.assertEqual(error["data"]["outcome"], "not_sent")
            # Who leaves makes room.
            sessions[0].stream.close()
            time.sleep(0.5)
            self.assertEqual(self.flood(sessions[1:], 30), {202: 90})
            for session in sessions:
                session.stream.close()
        self.check(10)

    def test_of_a_token(self):
        """Whatever its sessions; another token has its own."""
        self.serve(victim=faulty("--never-answer"), tokens={
            "mallory": token(MALLORY, concurrent_requests=5,
                             backends=["victim"]),
            "bob": token("bob-1", concurrent_requests=5)})
        with self.canary(), Caller(self.address, "bob-1").open() as bob:
            sessions = self.mallories(4)
            self.assertEqual(self.flood(sessions, 50), {202: 5, 429: 195})
            for _ in range(5):
                self.assertEqual(bob.send(
                    "tools/call", {"name": "victim/echo"}).status, 202)
            self.assertEqual(bob.send(
                "tools/call", {"name": "healthy/echo"}).status, 429)
            for session in sessions:
                session.stream.close()
        self.check(10)

    def test_subscriptions(self):
        """To resources with very long names."""
        self.serve({"memory": "16M"}, victim=backend())
        refused = 0
        with self.canary():
            sessions = self.mallories(4)
            for number, session in enumerate(sessions):
                with self.mallory.connect() as connection:
                    for count in range(1024):
                        uri = f"test://item/{number}-{count}-".ljust(4000, "x")
                        self.assertEqual(session.send(
                            "resources/subscribe", {"uri": uri},
                            connection=connection).status, 202)
                for _ in range(1024):
                    outcome = session.outcome()
                    if "error" in outcome:
                        self.assertEqual(outcome["error"]["data"]["outcome"],
                                         "not_sent")
                        refused += 1
            self.assertIn(refused, range(3000, 4 * 1024))
            for session in sessions:
                session.stream.close()
        self.check(10)


class Connections(Attacked):
    """More than there may be."""

    def test_of_all(self):
        """They wait, and who is there is served."""
        self.serve({"connections": 60})
        with self.canary():
            with Crowd(self.address, 500) as crowd:
                crowd.say(lambda number: self.mallory.request("GET", "/x"))
                crowd.run(2)
                served = crowd.count(lambda one: one.statuses() == [404])
                self.assertIn(served, range(40, 61))
                self.assertEqual(crowd.count(lambda one: one.data), served)
                self.assertEqual(crowd.count(lambda one: one.over), 0)
            self.assertEqual(self.mallory.ask("GET", "/x").status, 404)
        self.check(60)

    def test_of_an_address(self):
        """They are told so; other addresses are served at once, however often
        the refused come again."""
        self.serve({"connections": 100, "connections_per_address": 50})
        with self.canary():
            with Crowd(self.address, source=ELSEWHERE) as crowd:
                until = time.monotonic() + 5
                while time.monotonic() < until:
                    crowd.add(100)
                    crowd.run(0.05)
                    begin = time.monotonic()
                    self.assertEqual(
                        self.mallory.ask("GET", "/x").status, 404)
                    self.assertLess(time.monotonic() - begin, PATIENCE)
                self.assertTrue(crowd.run(2 * PATIENCE, lambda: crowd.count(
                    lambda one: one.refused(503)) == len(crowd.members) - 50))
                # And those that are held are held.
                self.assertEqual(crowd.count(lambda one: not one.data), 50)
            # None of them counts any more.
            time.sleep(0.7)
            other = Caller(self.address, MALLORY, source=ELSEWHERE)
            held = [other.connect() for _ in range(50)]
            for one in held:
                self.assertEqual(
                    other.ask("GET", "/x", connection=one).status, 404)
                one.close()
        self.check(2000)


class Guessing(Attacked):
    """Who tries tokens and ids of sessions."""

    def test_tokens(self):
        """From one address, without an end; nobody else is kept out, not even
        who has the right one there."""
        self.serve()
        with self.canary():
            rng = random.Random(1)
            with Crowd(self.address, 20, source=ELSEWHERE) as crowd:
                for _ in range(50):
                    crowd.say(lambda number: b"".join(
                        Caller(self.address, f"{rng.random()}").request(
                            "GET", "/sse") for _ in range(10)))
                    crowd.run(10 * PATIENCE, lambda: not crowd.pending())
                self.assertTrue(crowd.run(20 * PATIENCE, lambda: all(
                    len(one.statuses()) == 500 for one in crowd)))
                found = [status for one in crowd for status in one.statuses()]
                self.assertIn(found.count(401), range(10, 20))
                self.assertEqual(found.count(401) + found.count(429), 10000)
            there = Caller(self.address, MALLORY, source=ELSEWHERE)
            self.assertEqual(there.ask("GET", "/x").status, 404)
            with there.open() as session:
                session.result("ping")
            wrong = Caller(self.address, "wrong", source=ELSEWHERE)
            answer = wrong.ask("GET", "/sse")
            self.assertEqual(answer.status, 429)
            self.assertIn(int(answer.header("retry-after")), range(1, 11))
            wrong = Caller(self.address, "wrong", source="127.0.0.3")
            self.assertEqual(wrong.ask("GET", "/sse").status, 401)
        self.check(30)

    def test_sessions(self):
        """As many as one can ask for."""
        self.serve()
        rng = random.Random(1)
        body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'

        def guesses(number):
            del number
            return b"".join(self.mallory.request(
                "POST", f"/messages/?session_id={rng.getrandbits(128):032x}",
                body) for _ in range(50))

        with self.canary(), self.mallory.open() as session:
            with Crowd(self.address, 20) as crowd:
                for _ in range(20 if not SANITIZED else 3):
                    crowd.say(guesses)
                    self.assertTrue(crowd.run(20 * PATIENCE, lambda: all(
                        one.data.count(b"HTTP/1.1 ") == 50 for one in crowd)))
                    for one in crowd:
                        self.assertEqual(one.data.count(b"HTTP/1.1 404 "), 50)
                        one.data.clear()
            self.assertEqual(session.result("ping"), {})
        self.check(20)


class Rates(Attacked):
    """More often than one may."""

    def test_who_waits_as_told_is_served(self):
        self.serve({"requests_per_second": 100, "burst": 100})
        caller = Caller(self.address, MALLORY, source=ELSEWHERE)
        refused = 0
        with caller.connect() as connection:
            for _ in range(400):
                answer = caller.ask("GET", "/x", connection=connection)
                if answer.status == 429:
                    refused += 1
                    wait = int(answer.header("retry-after"))
                    self.assertIn(wait, (1, 2))
                    time.sleep(wait)
                    answer = caller.ask("GET", "/x", connection=connection)
                self.assertEqual(answer.status, 404)
        self.assertIn(refused, range(2, 6))
        self.check(10)

    def test_a_flood_is_another_address_s(self):
        """The canary has a rate of its own, and keeps to it."""
        self.serve({"requests_per_second": 200, "burst": 200})
        with self.canary(), Crowd(self.address, 20,
                                  source=ELSEWHERE) as crowd:
            until = time.monotonic() + 4
            while time.monotonic() < until:
                crowd.say(lambda number: 20 * self.mallory.request(
                    "GET", "/x"))
                crowd.run(0.2)
            found = [status for one in crowd for status in one.statuses()]
            self.assertIn(found.count(404), range(800, 1400))
            self.assertEqual(found.count(404) + found.count(429), len(found))
            self.assertGreater(found.count(429), 1000)
            for one in crowd:
                self.assertIsNone(one.over)
        self.check(20)


if __name__ == "__main__":
    unittest.main()
