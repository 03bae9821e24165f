"""One front and its supervisor, for tests of what a POLICY does."""

import json
import time
import unittest

from client import Client
from frames import Front

CHANGED = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"
MESSAGE = "notifications/message"
SUBSCRIBES = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}
BACKEND, ALL = range(2)  # flags of DRAINED


def call(client, worker, name="a/echo"):
    """Ask for a tool; the number of the request, which must be the next thing
    of note that the worker hears, and the client's key."""
    key = client.send("tools/call", {
        "name": name, "_meta": {"progressToken": "p"}})
    while (frame := worker.take())[0] == "CLIENT_LEVEL":
        pass
    assert frame[0] == "REQUEST", frame
    message = json.loads(frame[3])
    assert message["method"] == "tools/call", message
    return frame[1], key


class Policies(unittest.TestCase):
    """One front, and its supervisor."""

    def start(self, *backends, **more):
        """A front with these backends, for this test."""
        self.front = Front(backends, **more)
        self.said = []  # by the front, and not asked for yet
        self.addCleanup(self.front.__exit__)
        return self.front

    def client(self, *tools, **more):
        """A session that sees these tools."""
        client = Client(self.front.address, **more)
        self.addCleanup(client.close)
        if tools:
            client.wait_tools(*tools)
        return client

    def bearer(self, secret, *tools):
        """A session of the token with this secret."""
        return self.client(*tools, headers=[
            ("Authorization", f"Bearer {secret}")])

    def sync(self):
        """All that the supervisor sent is done."""
        self.front.supervisor.send("PING")
        while (frame := self.front.supervisor.take())[0] != "PONG":
            self.said.append(frame)

    def policy(self, *backends, **more):
        """Send a POLICY; it is followed when this returns."""
        self.front.policy(*backends, **more)
        self.sync()

    def told(self, kind):
        """The id and flags of the next frame of this type."""
        while True:
            for place, frame in enumerate(self.said):
                if frame[0] == kind:
                    del self.said[place]
                    return frame[1:3]
            self.said.append(self.front.supervisor.take())

    def quiet(self, kind):
        """Until now the front has said nothing of this type that told() did
        not return."""
        self.sync()
        self.assertNotIn(kind, [frame[0] for frame in self.said])

    def settle(self, client):
        """All that was sent to the front is done: also what it waits for
        before it tells of another change."""
        self.sync()
        time.sleep(0.3)
        client.request("ping")
