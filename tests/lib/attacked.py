"""A gateway that is attacked: with a client that must notice nothing, a budget
for the front's memory, and a state to which it comes back."""

import hashlib
import time
import unittest

import process
from caller import Caller
from canary import SLOWEST, Canary
from gateway import PATIENCE, SANITIZED, Gateway, faulty

MIB = 1 << 20
# What a front takes besides: programs, libraries and lists, and memory for one
# message of each backend and for what it has to do next.
FIXED = 16 * MIB
# And for each connection.
EACH = 16 << 10
# It is back where it was so many seconds after an attack, but for so much, and
# for what it keeps of each connection: libevent never frees what it noted of a
# descriptor, some bytes that may have a page for themselves.
RECOVERY = 5
REMAINDER = 4 * MIB
REMAINDER_EACH = 4096
# Calls before any of it.
WARM = 100
# Log records of an attack, however long it takes: what happened is told, and
# not once for each time.
LINES = 60
# Of sessions, there are so many more, and so many each second.
SESSION_LINES = 3 * 100
SESSION_LINES_PER_SECOND = 3 * 20

MALLORY = "mallory-5b1a1d9c2f"
CAROL = "carol-0c8e7f3a41"


def token(secret, **more):
    """A token of the configuration."""
    return {"hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(),
            **more}


class Attacked(unittest.TestCase):
    """Mallory sees the backend "victim" alone, carol "healthy"."""

    def serve(self, limits=None, victim=None, tokens=None, **more):
        """Start it."""
        self.limits = {"memory": "32M", **(limits or {})}
        self.gateway = Gateway(
            {"victim": victim or faulty(), "healthy": faulty()},
            gateway={"limits": self.limits, "tokens": {
                "mallory": token(MALLORY, backends=["victim"]),
                "carol": token(CAROL, backends=["healthy"]),
                **(tokens or {})}, **more})
        self.addCleanup(self.gateway.discard)
        self.address = self.gateway.address
        self.mallory = Caller(self.address, MALLORY)
        self.carol = Caller(self.address, CAROL)
        with self.mallory.open() as one, self.carol.open() as other, \
                self.carol.connect() as poster:
            one.wait_tools("victim/echo")
            other.wait_tools("healthy/echo")
            for _ in range(WARM):  # what it needs at first it keeps
                other.send("tools/call", {
                    "name": "healthy/echo", "arguments": {"text": "canary"},
                }, connection=poster)
                other.outcome()["result"]
        self.front = self.gateway.wait_for("front")
        self.settle(lambda: len(process.descriptors(self.front)))
        self.lines = len(self.gateway.log().splitlines())
        self.since = time.monotonic()
        self.descriptors = len(process.descriptors(self.front))
        self.resident = process.resident(self.front)

    @staticmethod
    def settle(look):
        """Wait until something stays as it is for a while."""
        before, since = look(), time.monotonic()
        while time.monotonic() - since < 0.5:
            time.sleep(0.05)
            if look() != before:
                before, since = look(), time.monotonic()

    def canary(self):
        """Another client, which must notice nothing."""
        return Canary(
            self.address, "healthy/echo", CAROL, [
                self.front, self.gateway.find("worker", "healthy"),
                *self.gateway.jobs("healthy")], slowest=SLOWEST * PATIENCE)

    def mallories(self, count, **more):
        """So many sessions of mallory's, which end with the test."""
        sessions = []
        for _ in range(count):
            sessions.append(self.mallory.open(**more))
            self.addCleanup(sessions[-1].stream.close)
        return sessions

    def budget(self, connections):
        """What the front may take."""
        size = self.limits["memory"]
        assert size[-1] == "M", size
        return int(size[:-1]) * MIB + EACH * connections + FIXED

    def peak(self):
        """The most that it ever took."""
        return int(process.status(self.front)["VmHWM"][0]) * 1024

    def recovered(self, connections):
        """True when it is as it was before."""
        return abs(len(process.descriptors(self.front)) -
                   self.descriptors) <= 2 and (
            SANITIZED or
            process.resident(self.front) < self.resident + REMAINDER +
            REMAINDER_EACH * connections)

    def check(self, connections, sessions=False):
        """After an attack with so many connections, of which some or none were
        sessions: the same front, which kept to its budget, and soon is as if
        nothing had been."""
        self.assertEqual(self.gateway.find("front"), self.front,
                         self.gateway.report())
        if not SANITIZED:
            self.assertLess(self.peak(), self.budget(connections))
        try:
            process.wait_until(lambda: self.recovered(connections),
                               RECOVERY * PATIENCE, "what there was before")
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {len(process.descriptors(self.front))} descriptors "
                f"after {self.descriptors}, "
                f"{process.resident(self.front) / MIB:.1f} MiB after "
                f"{self.resident / MIB:.1f}") from None
        allowed = LINES
        if sessions:
            allowed += SESSION_LINES + SESSION_LINES_PER_SECOND * (
                time.monotonic() - self.since)
        written = self.gateway.log().splitlines()[self.lines:]
        self.assertLess(len(written), allowed, "\n".join(written[-20:]))
        with self.mallory.open() as session:
            session.wait_tools("victim/echo")
        self.gateway.stop()
