"""How a gateway in service ends: SIGTERM and SIGINT, once and again."""

import json
import os
import signal
import socket
import time
import unittest

import raw
from gateway import PATIENCE, SANITIZED, backend, faulty
from operated import Operated


class Stopping(Operated):
    """SIGTERM: no new work, what is in flight finishes, streams end well."""

    def setUp(self):
        self.serve({"one": backend(), "two": backend("--scheme", "two")},
                   {"drain_timeout": 10})
        self.client = self.open("one/echo", "two/echo")

    def streams(self, count):
        """Event streams of which nobody asks anything."""
        found = []
        for _ in range(count):
            stream = raw.Connection(self.gateway.address, timeout=20)
            self.addCleanup(stream.close)
            stream.send(raw.request("GET", "/sse", self.gateway.address, [
                ("Accept", "text/event-stream")]))
            self.assertEqual(stream.head().status, 200)
            stream.chunk()
            found.append(stream)
        return found

    def test_calls_in_flight_are_answered_and_streams_end_well(self):
        streams = self.streams(1000 if not SANITIZED else 100)
        clients = [self.open() for _ in range(10)]
        for client in clients:
            for _ in range(10):
                client.send("tools/call", {
                    "name": "one/slow", "arguments": {"seconds": 2}})
        since = time.monotonic()
        self.gateway.send_signal(signal.SIGTERM)
        self.gateway.wait_log(r"stopping \(SIGTERM\)")
        time.sleep(0.3)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(self.gateway.address, timeout=5)
        body = json.dumps({"jsonrpc": "2.0", "id": "late",
                           "method": "tools/call",
                           "params": {"name": "one/echo"}}).encode()
        answer = clients[0].post(body)
        self.assertEqual(answer.status, 503)
        for client in clients:
            client.assert_one_outcome_each()
            for key in client.sent:
                client.outcomes[key][0].result
        for stream in streams:
            for _ in stream.chunks():  # Closed without the last chunk
                pass
        self.gateway.child.wait(10 * PATIENCE)
        self.gateway.stopped = True
        self.assertEqual(self.gateway.child.returncode, 0)
        self.assertGreater(time.monotonic() - since, 1.5)
        self.assertLess(time.monotonic() - since, 6 * PATIENCE)
        self.gateway.assert_nothing_left()
        self.gateway.assert_sane()

    def hang(self):
        """A call that takes longer than anybody waits."""
        key = self.client.send("tools/call", {
            "name": "one/hang", "arguments": {"seconds": 60}})
        time.sleep(0.2)
        return key

    def test_without_calls_it_is_quick(self):
        self.streams(10)
        self.assertLess(self.gateway.stop(), 1.5 * PATIENCE)

    def test_sigint_likewise(self):
        self.client.send("tools/call", {
            "name": "one/slow", "arguments": {"seconds": 1}}, ident="slow")
        time.sleep(0.1)
        self.gateway.stop(signal.SIGINT)
        self.client.wait(lambda: '"slow"' in self.client.outcomes, 5, "it")
        self.client.outcomes['"slow"'][0].result

    def test_the_timeout_ends_it(self):
        self.config["gateway"]["drain_timeout"] = 1
        self.reload()
        key = self.hang()
        taken = self.gateway.stop()
        self.assertGreater(taken, 0.9)
        self.assertLess(taken, 5 * PATIENCE)
        self.assertIn(self.client.outcomes[key][0].error["data"]["outcome"],
                      ("unknown", "not_sent"))
        self.assertIn('"drain_timeout" is over', self.gateway.log())

    def test_a_second_signal_ends_it_now(self):
        self.hang()
        self.gateway.send_signal(signal.SIGTERM)
        self.gateway.wait_log(r"stopping \(SIGTERM\)")
        time.sleep(0.3)
        self.assertLess(self.gateway.stop(), 1.5 * PATIENCE)

    def test_a_front_that_hangs_does_not_hold_it_up(self):
        self.config["gateway"]["drain_timeout"] = 2
        self.reload()
        self.hang()
        os.kill(self.gateway.find("front"), signal.SIGSTOP)
        self.assertLess(self.gateway.stop(), 12 * PATIENCE)

    def test_during_a_reload(self):
        self.servers["two"] = faulty("--never-initialize")
        self.servers["three"] = faulty("--slow-start", "5000")
        self.write()
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.wait_for("worker", "three")
        self.assertLess(self.gateway.stop(), 4 * PATIENCE)
        self.assertEqual(self.reloads(), 0)

    def test_at_once_after_a_reload(self):
        for _ in range(3):
            self.gateway.send_signal(signal.SIGHUP)
        self.assertLess(self.gateway.stop(), 4 * PATIENCE)


class Starting(Operated):
    """SIGTERM before the gateway has started."""

    def test_it_stops(self):
        self.serve({"slow": faulty("--never-initialize")}, wait=False)
        self.gateway.wait_console("listening on", 10)
        self.assertLess(self.gateway.stop(), 4 * PATIENCE)

    def test_a_reload_before_the_summary(self):
        self.serve({"slow": faulty("--slow-start", "1500")})
        self.gateway.wait_for("worker", "slow")
        self.servers["quick"] = faulty()
        self.assertEqual(self.reload(), "1 backend added")
        self.open("quick/echo", "slow/echo")


if __name__ == "__main__":
    unittest.main()
