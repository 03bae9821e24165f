"""Backends whose clients have instances of their own: what tests ask of them
and of the gateway that runs them."""

import json
import re
import unittest

import gateway as gateways
import process
from client import Client
from client_streamable import StreamableClient
from gateway import PATIENCE, Gateway, control
from raw import ask

KINDS = {"sse": Client, "mcp": StreamableClient}


def text(message):
    """The text that a tool answered."""
    return message.result["content"][0]["text"]


def pid(client, backend="own", timeout=20):
    """The process that serves this client."""
    return json.loads(text(client.call(f"{backend}/environment",
                                       timeout=timeout)))["pid"]


def answers(client, keys, timeout=30):
    """What came of these requests, each once: results, and errors that say
    what is known."""
    found = []
    for key in keys:
        message = client.outcome(key, timeout)
        assert len(client.outcomes[key]) == 1, client.outcomes[key]
        if "error" in message.json:
            assert message.error["data"]["outcome"] in (
                "not_sent", "unknown"), message.json
        found.append(message)
    return found


class Private(Gateway):
    """A gateway with such backends; tools have one name at all endpoints."""

    def __init__(self, backends, gateway=None, **more):
        super().__init__(backends, {"names": "slash", **(gateway or {})},
                         **more)

    def status(self, name="own", part="serving"):
        """A backend as mcp-gatewayctl shows it."""
        backends = json.loads(control(self, "status", "--json"))["backends"]
        return next((one for one in backends if one["name"] == name and
                     one["part"] == part), None)

    def instances(self, name="own"):
        """Its instances, by their numbers."""
        return {one["number"]: one for one in self.status(name)["instances"]}

    def wait_instances(self, count, name="own", timeout=10):
        """So many are there, and /metrics says the same."""
        process.wait_until(
            lambda: len(self.instances(name)) == count and
            self.counted(name) == count, timeout * PATIENCE,
            f"{count} instances")

    def metric(self, name):
        """A number of /metrics."""
        body = ask(self.address, "GET", "/metrics").body.decode()
        return int(re.search(
            rf"^mcp_gateway_{re.escape(name)} (\d+)$", body, re.M).group(1))

    def counted(self, name="own"):
        """How many instances /metrics shows."""
        return self.metric(f'backend_instances{{backend="{name}"}}')

    def processes_of(self, job, name="own"):
        """Worker, reaper and job of the instance with this job."""
        for one in self.instances(name).values():
            if job in process.descendants(one["reaper_pid"]):
                return one["worker_pid"], one["reaper_pid"], job
        raise AssertionError(f"{job} is no job of {self.instances(name)}")

    def rewrite(self, backends):
        """Other backends in the configuration, and read it."""
        with open(self.config, encoding="utf-8") as file:
            whole = json.load(file)
        whole["mcpServers"] = backends
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(whole, file)
        control(self, "reload")


class Tests(unittest.TestCase):
    """Each with a gateway of its own, which ends after its clients."""

    def start(self, entry=None, settings=None, **backends):
        """A gateway with a backend "own", and others."""
        self.gateway = Private({"own": entry or own(), **backends},
                               gateway=settings)
        self.addCleanup(self.gateway.discard)
        self.addCleanup(self.end)
        self.client("sse", "own/echo").close()

    def end(self):
        """In order, unless the test did that."""
        if not self.gateway.stopped:
            self.gateway.stop()

    def client(self, kind, *tools, **more):
        """A session that sees these tools."""
        client = KINDS[kind](self.gateway.address, **more)
        self.addCleanup(client.close)
        client.wait_tools(*(tools or ("own/environment",)))
        return client


def gone(*pids, timeout=10):
    """None of these processes is there any more."""
    process.wait_until(lambda: not any(process.exists(one) for one in pids),
                       timeout * PATIENCE, f"the end of {pids}")


def own(*args, **more):
    """The configuration of one."""
    return gateways.backend("--tools", "update", *args,
                           **{"session": "per-client", **more})
