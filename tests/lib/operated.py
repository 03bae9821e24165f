"""A gateway in service: its configuration changes while clients call."""

import json
import os
import re
import signal
import unittest

import process
from client import Client
from gateway import PATIENCE, SANITIZED, Gateway

# Calls a second that must not notice.
RATE = 500 if not SANITIZED else 100
CHANGED = "notifications/tools/list_changed"
DONE = re.compile(r"reload - INFO - ")
REFUSED = "nothing was changed; the running configuration stays in use"


class Operated(unittest.TestCase):
    """A gateway whose configuration changes."""

    def serve(self, backends, settings=None, **more):
        """Start it, and remember its configuration."""
        self.gateway = Gateway(backends, gateway=settings, **more)
        self.addCleanup(self.gateway.discard)
        with open(self.gateway.config, encoding="utf-8") as file:
            self.text = file.read()
        self.config = json.loads(self.text)
        self.servers = self.config["mcpServers"]

    def open(self, *tools):
        """A session that sees these tools."""
        client = Client(self.gateway.address)
        self.addCleanup(client.close)
        if tools:
            client.wait_tools(*tools)
        return client

    def write(self, text=None):
        """Replace the file as a whole, as editors do."""
        new = self.gateway.config + ".new"
        with open(new, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.config) if text is None else text)
        os.chmod(new, 0o644)
        os.rename(new, self.gateway.config)

    def reloads(self):
        """How many were applied."""
        return len(DONE.findall(self.gateway.log()))

    def reload(self, timeout=20):
        """Write the configuration and have it read; what the log says."""
        before = self.reloads()
        self.write()
        self.gateway.send_signal(signal.SIGHUP)
        process.wait_until(lambda: self.reloads() > before,
                           timeout * PATIENCE, "the reload")
        return DONE.split(self.gateway.log())[-1].splitlines()[0]

    def pids(self, name):
        """All processes of a backend."""
        return [self.gateway.find("worker", name),
                self.gateway.find("reaper", name), *self.gateway.jobs(name)]
