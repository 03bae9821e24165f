"""What an operator does to a gateway in service: SIGHUP, again and again, with
good and bad configurations, while clients call."""

import json
import os
import re
import signal
import socket
import time
import unittest

import httpd
import process
import raw
from client import Client
from gateway import LIBRARY, PATIENCE, PYTHON, SANITIZED, backend, faulty
from load import Load
from operated import CHANGED, RATE, REFUSED, Operated

RELOADS = 100 if not SANITIZED else 20
# A reload begins at most this often.
EVERY = 0.2


class Reloads(Operated):
    """Many of them, under load."""

    def changes(self, number):
        """Change, add or remove another backend, and rules."""
        kind = number % 5
        if kind == 0:
            self.servers["other"]["args"] = ["--slow-start", str(number)]
        elif kind == 1:
            self.servers["more"] = faulty()
        elif kind == 2:
            self.servers["steady"]["tools"] = {"deny": [f"big{number}"]}
            self.config["gateway"]["allowed_hosts"] = [f"host{number}"]
        elif kind == 3:
            self.servers["more"]["env"] = {"NUMBER": str(number)}
            self.servers["other"]["env"] = {"NUMBER": str(number)}
        else:
            del self.servers["more"]

    def test_no_call_fails_while_everything_else_changes(self):
        self.serve({"steady": faulty(), "other": faulty()})
        self.open("steady/echo", "other/echo")
        supervisor = self.gateway.pid
        steady = self.pids("steady")
        front = self.gateway.find("front")
        before = len(process.descriptors(supervisor))
        with Load(self.gateway.address, "steady/echo", RATE) as load:
            for number in range(RELOADS):
                self.changes(number)
                self.reload()
        self.assertGreater(load.calls(), RELOADS * EVERY * RATE / 2)
        self.assertEqual(self.pids("steady"), steady)
        self.assertEqual(self.gateway.find("front"), front)
        process.wait_until(
            lambda: len(process.descriptors(supervisor)) <= before + 2, 10,
            f"{before} descriptors")
        self.assertNotIn("ERROR", self.gateway.log())
        self.gateway.stop()

    def test_calls_of_the_one_that_changes_do_not_fail_either(self):
        self.serve({"victim": faulty()})
        self.open("victim/echo")
        with Load(self.gateway.address, "victim/echo", RATE / 2):
            for number in range(RELOADS // 4):
                self.servers["victim"]["env"] = {"NUMBER": str(number)}
                self.assertIn("1 backend replaced", self.reload())

    def test_a_storm_is_a_few_reloads(self):
        self.serve({"steady": faulty()})
        self.open("steady/echo")
        steady = self.pids("steady")
        before = len(process.descriptors(self.gateway.pid))
        memory = process.resident(self.gateway.pid)
        with Load(self.gateway.address, "steady/echo", RATE):
            since = time.monotonic()
            for number in range(1000):
                if number % 100 == 0:
                    self.config["gateway"]["allowed_hosts"] = [f"h{number}"]
                    self.write()
                self.gateway.send_signal(signal.SIGHUP)
                time.sleep(0.001)
            taken = time.monotonic() - since
            time.sleep(2 * EVERY * PATIENCE)
        self.assertLessEqual(self.reloads(), taken / EVERY + 2)
        self.assertGreaterEqual(self.reloads(), 2)
        self.assertEqual(self.pids("steady"), steady)
        self.assertLessEqual(len(process.descriptors(self.gateway.pid)),
                             before)
        if not SANITIZED:
            self.assertLess(process.resident(self.gateway.pid),
                            memory + (8 << 20))
        # The last one won.
        answer = raw.ask(self.gateway.address, "GET", "/sse",
                         host="h900.example")
        self.assertEqual(answer.status, 403)


class Refused(Operated):
    """A bad configuration leaves everything as it was, and says why."""

    def setUp(self):
        self.serve({"one": backend(), "two": backend("--scheme", "two")})
        self.client = self.open("one/echo", "two/echo")
        self.before = [self.pids("one"), self.pids("two"),
                       self.gateway.find("front")]

    def refuse(self, pattern, place=True):
        """SIGHUP changes nothing, and the log says what and where."""
        changed = self.client.count(CHANGED)
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.wait_log(re.escape(REFUSED))
        path = re.escape(self.gateway.config)
        where = r":\d+:\d+: " if place else ": "
        self.gateway.wait_log(f"reload - ERROR - {path}{where}.*{pattern}")
        self.assertEqual(self.reloads(), 0)
        self.assertEqual(self.before, [self.pids("one"), self.pids("two"),
                                       self.gateway.find("front")])
        self.client.call("one/echo", {"text": "x"}).result
        self.assertEqual(self.client.count(CHANGED), changed)
        # And the next one works.
        os.path.exists(self.gateway.config) and os.chmod(
            self.gateway.config, 0o644)
        self.config = json.loads(self.text)
        self.servers = self.config["mcpServers"]
        del self.servers["two"]
        self.assertEqual(self.reload(), "1 backend removed")
        self.assertEqual(self.pids("one"), self.before[0])

    def test_no_json(self):
        self.write(self.text[:-2])
        self.refuse("")

    def test_an_unknown_key(self):
        self.servers["two"]["comand"] = "x"
        self.write()
        self.refuse("comand")

    def test_a_backend_twice(self):
        text = json.dumps(self.config)
        self.write(text.replace('"two"', '"one"', 1))
        self.refuse("one")

    def test_no_file(self):
        os.unlink(self.gateway.config)
        self.refuse("", place=False)

    def test_a_file_that_others_can_write(self):
        self.servers["two"]["args"] = ["--scheme", "changed"]
        self.write()
        os.chmod(self.gateway.config, 0o666)
        self.refuse("", place=False)

    def test_a_secret_that_cannot_be_read(self):
        self.servers["two"]["env"] = {"X": "${file:/nonexistent/secret}"}
        self.write()
        self.refuse("/nonexistent/secret")

    @unittest.skipIf(os.getuid() != 0, "needs root")
    def test_a_user_who_does_not_exist(self):
        self.servers["two"]["user"] = "no-such-user"
        self.write()
        self.refuse("no-such-user", place=False)


class Addresses(Operated):
    """Sockets are bound and closed by a reload."""

    def setUp(self):
        self.serve({"one": backend()},
                   {"listen": ["127.0.0.1:0"]}, port=None)
        self.first = self.gateway.address
        self.client = self.open("one/echo")

    def listen(self, *addresses):
        """Change where clients are served."""
        self.config["gateway"]["listen"] = list(addresses)
        return self.reload()

    def test_an_address_comes_and_another_one_goes(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        second = ("127.0.0.1", port)
        front = self.gateway.find("front")
        self.assertEqual(self.listen("127.0.0.1:0", f"127.0.0.1:{port}"),
                         "other addresses")
        with Client(second) as client:
            client.call("one/echo", {"text": "x"}).result
        with Client(self.first) as client:
            client.call("one/echo", {"text": "x"}).result
        self.listen(f"127.0.0.1:{port}")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(self.first, timeout=5)
        with Client(second) as client:
            client.call("one/echo", {"text": "x"}).result
        # Who was there goes on, and nothing of all this ended a process.
        self.client.call("one/echo", {"text": "x"}).result
        self.assertEqual(self.gateway.find("front"), front)

    def test_a_unix_socket_comes_and_goes(self):
        path = os.path.join(self.gateway.folder, "mcp.sock")
        self.listen("127.0.0.1:0", path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(raw.request("GET", "/healthz", self.first))
            self.assertIn(b"HTTP/1.1 ", client.recv(100))
        self.listen("127.0.0.1:0")
        self.assertFalse(os.path.exists(path))

    def test_an_address_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.config["gateway"]["listen"] = [f"127.0.0.1:{port}"]
            self.write()
            self.gateway.send_signal(signal.SIGHUP)
            self.gateway.wait_log(f"cannot listen on 127.0.0.1:{port}")
            self.gateway.wait_log(re.escape(REFUSED))
        with Client(self.first) as client:
            client.call("one/echo", {"text": "x"}).result

    def test_all_the_world_without_a_token(self):
        self.config["gateway"]["listen"] = ["0.0.0.0:0"]
        self.write()
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.wait_log("mcp-gatewayctl token makes one")
        self.gateway.wait_log(re.escape(REFUSED))
        with Client(self.first) as client:
            client.call("one/echo", {"text": "x"}).result
        self.config["gateway"]["insecure"] = True
        self.assertEqual(self.reload(), "other addresses")


class Replaced(Operated):
    """Backends that change, come and go, with calls in flight."""

    def setUp(self):
        self.serve({"victim": backend("--scheme", "old"),
                    "bystander": backend("--scheme", "by")},
                   {"drain_timeout": 20})
        self.client = self.open("victim/echo", "bystander/echo")
        self.steady = self.pids("bystander")

    def tearDown(self):
        self.assertEqual(self.pids("bystander"), self.steady)
        self.gateway.stop()

    def pid_of(self, name, client=None):
        """Who answers."""
        text = (client or self.client).call(
            f"{name}/environment").result["content"][0]["text"]
        return json.loads(text)["pid"]

    def gone(self, pids):
        """All of these have ended."""
        process.wait_until(
            lambda: not any(process.exists(pid) for pid in pids if pid), 10,
            f"the end of {pids}")

    def test_a_call_in_flight_is_answered_by_the_old_one(self):
        old = self.pids("victim")
        pid = self.pid_of("victim")
        seen = self.client.count(CHANGED)
        key = self.client.send("tools/call", {
            "name": "victim/slow",
            "arguments": {"seconds": 2, "text": "the old one"}})
        self.servers["victim"]["args"] += ["--tools", "new"]
        self.assertEqual(self.reload(), "1 backend replaced")
        self.client.wait_tools("victim/new")
        self.assertNotEqual(self.pid_of("victim"), pid)
        self.assertNotIn(key, self.client.outcomes)
        self.assertTrue(process.exists(pid))
        result = self.client.outcome(key).result
        self.assertEqual(result["content"][0]["text"], "the old one")
        self.gone(old)
        time.sleep(0.6)
        self.assertEqual(self.client.count(CHANGED), seen + 1)

    def test_a_removed_one_finishes_what_it_was_asked(self):
        old = self.pids("victim")
        seen = self.client.count(CHANGED)
        key = self.client.send("tools/call", {
            "name": "victim/slow",
            "arguments": {"seconds": 2, "text": "the old one"}})
        time.sleep(0.2)
        del self.servers["victim"]
        self.assertEqual(self.reload(), "1 backend removed")
        self.client.wait(lambda: self.client.count(CHANGED) > seen, 5,
                         "list_changed")
        self.assertFalse([tool for tool in self.client.tools()
                          if tool.startswith("victim/")])
        self.assertIn("error", self.client.call("victim/echo").json)
        self.client.outcome(key).result
        self.gone(old)
        self.assertEqual(self.client.count(CHANGED), seen + 1)

    def test_one_that_takes_too_long_to_finish_is_ended(self):
        self.config["gateway"]["drain_timeout"] = 1
        self.reload()
        old = self.pids("victim")
        key = self.client.send("tools/call", {
            "name": "victim/hang", "arguments": {"seconds": 60}})
        time.sleep(0.2)
        del self.servers["victim"]
        since = time.monotonic()
        self.reload()
        error = self.client.outcome(key).error
        self.assertIn(error["data"]["outcome"], ("unknown", "not_sent"))
        self.assertGreater(time.monotonic() - since, 0.9)
        self.assertLess(time.monotonic() - since, 8 * PATIENCE)
        self.gone(old)

    def test_many_changes_are_one_for_clients(self):
        seen = self.client.count(CHANGED)
        self.servers["victim"]["args"] += ["--tools", "new"]
        self.servers["one"] = faulty("--slow-start", "500")
        self.servers["two"] = faulty()
        self.servers["three"] = {**faulty(), "disabled": True}
        self.assertEqual(self.reload(), "1 backend replaced, 3 added")
        self.client.wait_tools("one/echo", "two/echo", "victim/new")
        time.sleep(0.6)
        self.assertEqual(self.client.count(CHANGED), seen + 1)

    def test_what_does_not_start_leaves_the_old_one_in_service(self):
        pid = self.pid_of("victim")
        good = self.servers["victim"]
        self.servers["victim"] = faulty("--exit-at-start", "3")
        self.assertIn("the one before it serves until it is", self.reload())
        self.assertEqual(self.pid_of("victim"), pid)
        # The same as before: nothing was lost.
        self.servers["victim"] = good
        self.reload()
        self.assertEqual(self.pid_of("victim"), pid)

    def test_rules_take_effect_without_a_process(self):
        pid = self.pid_of("victim")
        seen = self.client.count(CHANGED)
        self.servers["victim"]["tools"] = {"deny": ["exit", "h*"]}
        self.assertEqual(self.reload(), "other rules")
        self.client.wait(lambda: self.client.count(CHANGED) > seen, 5,
                         "list_changed")
        self.assertNotIn("victim/exit", self.client.tools())
        self.assertIn("victim/echo", self.client.tools())
        self.assertIn("error", self.client.call("victim/exit").json)
        self.assertEqual(self.pid_of("victim"), pid)

    def test_the_log_level_reaches_who_is_there_and_who_comes(self):
        self.assertNotIn(" - DEBUG - ", self.gateway.log())
        self.config["gateway"]["log_level"] = "debug"
        self.reload()
        os.kill(self.gateway.find("worker", "victim"), signal.SIGKILL)
        self.gateway.wait_log(r"backend victim - DEBUG - starting -> setup")
        self.gateway.wait_log(r"backend victim - DEBUG - link \d+ opened")
        self.client.call("bystander/error")
        self.gateway.wait_log(r"front - DEBUG - ")

    def test_one_is_switched_off_and_on(self):
        old = self.pids("victim")
        seen = self.client.count(CHANGED)
        self.servers["victim"]["disabled"] = True
        self.reload()
        self.gone(old)
        self.client.wait(lambda: self.client.count(CHANGED) > seen, 5,
                         "list_changed")
        self.assertFalse([tool for tool in self.client.tools()
                          if tool.startswith("victim/")])
        self.servers["victim"]["disabled"] = False
        self.reload()
        self.client.wait_tools("victim/echo")

    def test_a_front_that_dies_meanwhile_is_told_everything(self):
        for number in range(5):
            self.servers["victim"]["env"] = {"NUMBER": str(number)}
            self.write()
            self.gateway.send_signal(signal.SIGHUP)
            time.sleep(0.02 * number)
            front = self.gateway.find("front")
            if front:
                os.kill(front, signal.SIGKILL)
            self.gateway.wait_for("front", other_than=front)
        process.wait_until(lambda: self.reloads() >= 1, 20, "a reload")

        def last_one_serves():
            try:
                with Client(self.gateway.address) as client:
                    client.wait_tools("victim/echo", "bystander/echo")
                    text = client.call("victim/environment").result
                    text = json.loads(text["content"][0]["text"])
                    return text["environment"].get("NUMBER") == "4"
            except (raw.Closed, OSError, AssertionError):
                return False
        process.wait_until(last_one_serves, 20 * PATIENCE, "the last one")
        process.wait_until(
            lambda: len(self.gateway.jobs("victim")) == 1, 10, "one victim")


class Port(Operated):
    """A server that the gateway starts and reaches at its port."""

    def test_the_old_one_leaves_it_to_the_new_one(self):
        port = httpd.free_port()
        script = os.path.join(LIBRARY, "http_backend.py")
        self.serve({"far": {
            "type": "http", "command": PYTHON,
            "args": [script, "--port", str(port)],
            "url": f"http://127.0.0.1:{port}/mcp"}, "near": backend()})
        client = self.open("far/echo", "near/echo")
        old = self.gateway.wait_job("far")
        key = client.send("tools/call", {
            "name": "far/slow", "arguments": {"seconds": 1.5}})
        time.sleep(0.2)
        self.servers["far"]["env"] = {"NEW": "1"}
        self.write()
        self.gateway.send_signal(signal.SIGHUP)
        error = process.wait_until(
            lambda: client.call("far/echo", {"text": "x"}).json.get("error"),
            5, "a refusal")
        self.assertEqual(error["data"]["outcome"], "not_sent")
        self.assertIn("waits for the one that it replaces", json.dumps(error))
        self.assertTrue(process.exists(old))
        client.outcome(key).result
        new = self.gateway.wait_job("far", other_than=[old])
        self.assertNotEqual(new, old)
        process.wait_until(lambda: self.reloads() == 1, 10, "the reload")
        process.wait_until(lambda: "result" in client.call(
            "far/echo", {"text": "x"}).json, 10, "the new one")
        log = self.gateway.log()
        self.assertEqual(log.count("backend far - INFO - ready in"), 2)
        self.assertNotIn("backend far - WARNING", log)


if __name__ == "__main__":
    unittest.main()
