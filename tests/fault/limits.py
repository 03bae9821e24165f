"""A gateway with limits, and clients that go over each of them: they are told
so, the front's memory stays within its budget, and nobody else notices."""

import hashlib
import json
import os
import random
import re
import socket
import threading
import time
import unittest

import gateway as gw
import process
from caller import Caller, Connection
from canary import SLOWEST, Canary
from crowd import Crowd
from gateway import PATIENCE, SANITIZED, Gateway, backend, faulty

MIB = 1 << 20
# What a front takes that has nothing to do: programs, libraries, lists, and
# memory for what it has to do next.
FIXED = 16 * MIB
# And for each connection.
EACH = 16 << 10
# It is back where it was so soon after an attack.
RECOVERY = 5
# Log records of an attack, however long it takes: what happened is told, and
# not once for each time.
LINES = 60

MALLORY = "mallory-5b1a1d9c2f"
CAROL = "carol-0c8e7f3a41"
ENOUGH = 8192  # descriptors of ours


def token(secret, **more):
    """A token of the configuration."""
    return {"hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(),
            **more}


def initialize(ident=0):
    """The bytes of an initialize request."""
    return json.dumps({
        "jsonrpc": "2.0", "id": ident, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}}}).encode()


class Attacked(unittest.TestCase):
    """A gateway with a backend that is attacked, and one that is not."""

    def serve(self, limits=None, victim=None, tokens=None, **more):
        """Start it; mallory sees "victim" alone, carol "healthy"."""
        self.limits = {"memory": "32M", **(limits or {})}
        self.gateway = Gateway(
            {"victim": victim or faulty(), "healthy": faulty()},
            gateway={"limits": self.limits, "tokens": tokens or {
                "mallory": token(MALLORY, backends=["victim"]),
                "carol": token(CAROL, backends=["healthy"])}, **more})
        self.addCleanup(self.gateway.discard)
        self.address = self.gateway.address
        self.mallory = Caller(self.address, MALLORY)
        self.carol = Caller(self.address, CAROL)
        with self.mallory.open() as one, self.carol.open() as other:
            one.wait_tools("victim/echo")
            other.wait_tools("healthy/echo")
        self.front = self.gateway.find("front")
        # Whatever it needs once it has.
        with self.canary():
            pass
        self.settle(lambda: len(process.descriptors(self.front)))
        self.lines = len(self.gateway.log().splitlines())
        self.descriptors = len(process.descriptors(self.front))
        self.resident = process.resident(self.front)

    @staticmethod
    def settle(look):
        """Wait until something stays as it is for a second."""
        before, since = look(), time.monotonic()
        while time.monotonic() - since < 1:
            time.sleep(0.05)
            if look() != before:
                before, since = look(), time.monotonic()

    def budget(self, connections):
        """What the front may take."""
        size = self.limits["memory"]
        assert size[-1] == "M", size
        return (int(size[:-1]) * MIB + EACH * connections + FIXED)

    def peak(self):
        """The most that it ever took."""
        return int(process.status(self.front)["VmHWM"][0]) * 1024

    def canary(self):
        """Another client, which must notice nothing."""
        return Canary(
            self.address, "healthy/echo", CAROL, [
                self.front, self.gateway.find("worker", "healthy"),
                *self.gateway.jobs("healthy")], slowest=SLOWEST * PATIENCE)

    def check(self, connections, lines=LINES):
        """After an attack: the same front, within its budget, and soon as if
        nothing had been."""
        self.assertEqual(self.gateway.find("front"), self.front,
                         self.gateway.report())
        if not SANITIZED:
            self.assertLess(self.peak(), self.budget(connections))
        try:
            process.wait_until(
                lambda: abs(len(process.descriptors(self.front)) -
                            self.descriptors) <= 2 and (
                    SANITIZED or process.resident(self.front) <
                    self.resident + 4 * MIB),
                RECOVERY * PATIENCE, "what there was before")
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {len(process.descriptors(self.front))} descriptors "
                f"instead of {self.descriptors}, "
                f"{process.resident(self.front) / MIB:.1f} MiB instead of "
                f"{self.resident / MIB:.1f}") from None
        written = len(self.gateway.log().splitlines()) - self.lines
        self.assertLess(written, lines)
        print(f"{self.id()}: peak {self.peak() / MIB:.1f} of "
              f"{self.budget(connections) / MIB:.1f} MiB, from "
              f"{self.resident / MIB:.1f} to "
              f"{process.resident(self.front) / MIB:.1f}, {written} lines",
              flush=True)
        self.gateway.stop()


class Bodies(Attacked):
    """Requests that are large, or never whole."""

    def post(self, session, length, *more):
        """The head of a POST."""
        return self.mallory.request("POST", session.endpoint, headers=[
            ("Content-Type", "application/json"),
            ("Content-Length", str(length)), *more])

    def halves(self, memory):
        """Two thousand half bodies."""
        self.serve({"memory": memory})
        with self.canary(), self.mallory.open() as session:
            data = self.post(session, 100000) + 50000 * b" "
            with Crowd(self.address, 2000) as crowd:
                crowd.say(lambda number: data)
                crowd.run(5 * PATIENCE, lambda: not crowd.pending())
                crowd.run(1)
                refused = crowd.count(lambda one: one.refused(503))
                waiting = crowd.count(
                    lambda one: not one.data and not one.over)
                print(refused, waiting, crowd.count(lambda one: one.over == "reset"))
                self.assertEqual(refused + waiting, 2000)
                self.assertGreater(waiting, 20)
                self.assertGreater(refused, 500)
        self.check(2000)

    def test_half_bodies(self):
        self.halves("32M")

    def test_half_bodies_in_the_least_memory(self):
        self.halves("16M")


    def test_chunks_of_a_byte(self):
        """Each in a packet of its own: what is kept of one is more than it."""
        self.serve({"memory": "16M"})
        with self.canary(), self.mallory.open() as session:
            head = self.mallory.request("POST", session.endpoint, headers=[
                ("Content-Type", "application/json"),
                ("Transfer-Encoding", "chunked")])
            crowd = [self.mallory.connect() for _ in range(50)]
            for one in crowd:
                one.send(head)
            end = time.monotonic() + 10
            n = 0
            while time.monotonic() < end and crowd:
                for one in list(crowd):
                    try:
                        one.send(b"1\r\n")
                    except OSError:
                        crowd.remove(one)
                for one in list(crowd):
                    try:
                        one.send(b" ")
                    except OSError:
                        crowd.remove(one)
                for one in list(crowd):
                    try:
                        one.send(b"\r\n")
                        n += 1
                    except OSError:
                        crowd.remove(one)
            print("chunks", n, len(crowd), process.resident(self.front) / MIB)
            for one in crowd:
                one.close()
        self.check(50)

    def test_bytes_behind_streams(self):
        """Requests that are sent ahead, on streams that have no end."""
        self.serve({"memory": "16M"})
        ahead = 60 * self.mallory.request("GET", "/nowhere").ljust(1000)[:0]
        ahead = self.mallory.request("GET", "/" + 900 * "x") * 60
        with self.canary():
            with Crowd(self.address, 1000) as crowd:
                crowd.say(lambda number: self.mallory.request("GET", "/sse"))
                crowd.run(5 * PATIENCE, crowd.answered)
                for _ in range(5):
                    crowd.say(lambda number: ahead)
                    crowd.run(1, lambda: not crowd.pending())
                    print(crowd.pending(), crowd.count(lambda one: one.over), process.resident(self.front) / MIB)
                    crowd.run(0.3)
        self.check(1000)

    def test_bytes_behind_answers(self):
        """Requests that are sent ahead by who reads no answer."""
        self.serve({"memory": "16M"})
        ahead = self.mallory.request("GET", "/metrics") * 600
        with self.canary():
            with Crowd(self.address, 1000, receive_buffer=4096) as crowd:
                crowd.stop_reading()
                crowd.say(lambda number: ahead)
                crowd.run(5)
                print(crowd.pending(), crowd.count(lambda one: one.over), process.resident(self.front) / MIB)
        self.check(1000)


class Lists(Attacked):
    def test_lists_that_change(self):
        """Old lists that wait for clients that read slowly."""
        self.serve({"memory": "16M"}, victim=faulty("--many-tools", "4000", "--change-tools-every", "100"))
        with self.canary():
            sessions = []
            for n in range(60):
                session = self.mallory.open(receive_buffer=4096)
                sessions.append(session)
                for k in range(6):
                    session.send("tools/list")
                time.sleep(0.15)
            print(process.resident(self.front) / MIB)
            for s in sessions: s.stream.close()
        self.check(60)

    def test_subscriptions(self):
        self.serve({"memory": "16M"}, victim=backend())
        with self.canary():
            sessions = []
            for n in range(10):
                session = self.mallory.open()
                sessions.append(session)
                with self.mallory.connect() as c:
                  for k in range(1024):
                    a = session.send("resources/subscribe", {"uri": f"test://item/{n}-{k}-".ljust(4000, "x")}, connection=c)
                    assert a.status == 202
                for k in range(1024):
                    r = session.outcome()
                    if "error" in r:
                        print(r)
                        break
                print(n, process.resident(self.front) / MIB)
            for s in sessions: s.stream.close()
        self.check(60)


class Streams(Attacked):
    def open_deaf(self, count):
        crowd = []
        for _ in range(count):
            crowd.append(self.mallory.open(receive_buffer=4096))
        return crowd

    def test_flood(self):
        self.serve({"memory": "32M"}, victim=faulty("--flood"))
        with self.canary() as canary:
            t = time.monotonic()
            sessions = self.open_deaf(500)
            print("opened", time.monotonic() - t)
            for k in range(20):
                time.sleep(0.5)
                print(k, process.resident(self.front) / MIB, process.cpu_seconds(self.front))
            for s in sessions: s.stream.close()
        print([canary.percentile(n) for n in (50,99,100)])
        self.check(500)

    def test_results(self):
        self.serve({"memory": "32M"})
        with self.canary() as canary:
            sessions = self.open_deaf(500)
            conn = self.mallory.connect()
            st = {}
            for round in range(3):
              for s in sessions:
                a = s.send("tools/call", {"name": "victim/big", "arguments": {"bytes": 100000}}, connection=conn)
                st[a.status] = st.get(a.status, 0) + 1
            print(st)
            time.sleep(2)
            print(process.resident(self.front) / MIB)
            for s in sessions: s.stream.close()
        print([canary.percentile(n) for n in (50,99,100)])
        self.check(500)


if __name__ == "__main__":
    unittest.main()
