"""Steady calls in which everything dies again and again and the
configuration changes: one outcome for each call, and nothing grows."""

import json
import os
import random
import signal
import time
import unittest

import process
from client import Client
from gateway import PATIENCE, SANITIZED, Gateway, backend, faulty
from load import Load

SECONDS = float(os.environ.get("MCPGW_SOAK_SECONDS", "20"))
RATE = 200 if not SANITIZED else 50
EVERY = 1.5         # seconds between two faults
WARM = SECONDS / 3  # before which it may grow
# Of the supervisor and of a process that nobody kills, in the time after that.
GROWTH = 1 << 20
# The sixth failure of a backend in a minute rests it for 15 s.
KILLS = 5
NAMES = [f"victim{number}" for number in range(6)]


class Soak(unittest.TestCase):
    """All of it at once."""

    def setUp(self):
        self.random = random.Random(int(os.environ.get("MCPGW_SEED", "4")))
        self.backends = {name: faulty() for name in NAMES}
        self.backends.update(steady=backend(), changes=faulty())
        self.gateway = Gateway(self.backends, args=("--log-level", "warning"))
        self.addCleanup(self.gateway.discard)
        self.tools = [f"{name}/echo" for name in (*NAMES, "steady")]
        with Client(self.gateway.address) as client:
            client.wait_tools(*self.tools)
        self.kills = {name: [] for name in NAMES}
        self.done = []

    def faults(self):
        """What may happen now."""
        now = time.monotonic()
        found = [(self.reload, None), (self.reload, None),
                 (self.kill, "front")]
        for name, times in self.kills.items():
            if sum(at > now - 65 for at in times) < KILLS:
                found += [(self.kill_of, (role, name)) for role in (
                    "worker", "reaper", "job")]
        return found

    def kill(self, role):
        """Kill the front."""
        pid = self.gateway.find(role)
        if pid:
            os.kill(pid, signal.SIGKILL)

    def kill_of(self, which):
        """Kill a process of a backend."""
        role, name = which
        pids = self.gateway.jobs(name) if role == "job" else \
            [self.gateway.find(role, name)]
        if pids and pids[0]:
            process.kill_all(pids[:1])
            self.kills[name].append(time.monotonic())

    def reload(self, _):
        """Change a backend, or come and go of one, or a rule."""
        with open(self.gateway.config, encoding="utf-8") as file:
            config = json.load(file)
        number = len(self.done)
        if number % 3 == 0:
            config["mcpServers"]["changes"]["env"] = {"N": str(number)}
        elif "more" in config["mcpServers"]:
            del config["mcpServers"]["more"]
        else:
            config["mcpServers"]["more"] = faulty()
        config["gateway"]["allowed_hosts"] = [f"host{number}.example"]
        new = self.gateway.config + ".new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(config, file)
        os.rename(new, self.gateway.config)
        self.gateway.send_signal(signal.SIGHUP)

    def watched(self):
        """Processes that nobody kills."""
        return {"supervisor": self.gateway.pid,
                "worker": self.gateway.find("worker", "steady"),
                "reaper": self.gateway.find("reaper", "steady")}

    def zombies(self):
        """Children of ours that nobody has waited for: twice, because one that
        just ended is one for an instant."""
        found = set()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                state = process.stat(entry)
                if state is not None and state[0] == "Z" and \
                        state[1] in self.pids.values():
                    found.add(entry)
        return found

    def settled(self):
        """All is there and nothing else happens."""
        with Client(self.gateway.address) as client:
            client.wait_tools(*self.tools, timeout=60)
            for tool in self.tools:
                process.wait_until(lambda name=tool: "result" in client.call(
                    name, {"text": "x"}).json, 40 * PATIENCE, tool)

    def test_nothing_is_lost_and_nothing_grows(self):
        self.pids = self.watched()
        descriptors = {role: len(process.descriptors(pid))
                       for role, pid in self.pids.items()}
        memory = None
        with Load(self.gateway.address, self.tools, RATE, sessions=8,
                  may_fail=True) as load:
            begin = time.monotonic()
            while time.monotonic() - begin < SECONDS:
                what, which = self.random.choice(self.faults())
                what(which)
                self.done.append(which or "reload")
                time.sleep(EVERY)
                if memory is None and time.monotonic() - begin > WARM:
                    memory = {role: process.resident(pid)
                              for role, pid in self.pids.items()}
                before = self.zombies()
                if before:
                    time.sleep(0.2)
                    self.assertFalse(before & self.zombies(), "zombies")
        self.settled()
        self.assertEqual(self.watched(), self.pids)
        report = f"{load.counts} after {self.done}"
        self.assertGreater(load.counts["result"], SECONDS * RATE / 2, report)
        for role, pid in self.pids.items():
            if not SANITIZED:
                self.assertLess(process.resident(pid),
                                memory[role] + GROWTH, role)
            process.wait_until(
                lambda r=role, p=pid: len(process.descriptors(p))
                <= descriptors[r] + 2, 10 * PATIENCE,
                f"{descriptors[role]} descriptors of the {role}")
        self.assertEqual(self.zombies(), set())
        self.gateway.stop()


if __name__ == "__main__":
    unittest.main()
