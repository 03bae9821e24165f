"""Backends that misbehave in every way that mcp-server-faulty knows.  For each:
every request has one outcome, a session on another backend notices nothing,
and SIGTERM ends all of it in seconds, with status 0 and nothing left."""

import os
import signal
import time
import unittest

import process
from client import Canary, Client
from gateway import MIB, PATIENCE, Gateway, backend, faulty

STOP_WITHIN = 10
ECHO = {"name": "bad/echo", "arguments": {"text": "hello"}}


class Backends(unittest.TestCase):
    """Each test has its own gateway: one bad and one good backend."""

    def start(self, *flags, **more):
        """Start a gateway whose backend "bad" has these faults."""
        self.gateway = Gateway({"bad": faulty(*flags, **more),
                                "good": backend()})
        self.addCleanup(self.gateway.discard)
        self.client = Client(self.gateway.address)
        self.addCleanup(self.client.close)
        self.canary = Canary(self.gateway.address, "good/echo")
        self.canary.__enter__()
        self.addCleanup(self.canary.ending.set)

    def end(self):
        """What holds after each of them."""
        self.client.assert_one_outcome_each()
        self.canary.__exit__(None, None, None)
        process.wait_until(lambda: self.gateway.find("front"), 1, "a front")
        self.assertLess(self.gateway.stop(), STOP_WITHIN * PATIENCE)

    def echo(self, timeout=20):
        """Call the bad backend's tool."""
        return self.client.request("tools/call", ECHO, timeout=timeout)

    def text(self):
        """The text of a good answer of the bad backend."""
        return self.echo().result["content"][0]["text"]

    def assert_fails(self, message, outcome=None):
        """It is an error that names the backend."""
        self.assertEqual(message.error["data"]["backend"], "bad")
        if outcome:
            self.assertEqual(message.error["data"]["outcome"], outcome)

    def assert_serves(self):
        """It works, with no more than a restart in between."""
        self.client.wait_tools("bad/echo", "good/echo")
        message = process.wait_until(
            lambda: next((message for message in [self.echo()]
                          if "result" in message.json), None),
            10 * PATIENCE, "an answer of the bad backend")
        self.assertEqual(message.result["content"][0]["text"], "hello")

    # It never comes up.

    def never_up(self, *flags, why, **more):
        """No tools, an error for a call at once, and the reason in the log."""
        self.start(*flags, **more)
        begin = time.monotonic()
        self.assertIn("error", self.echo().json)
        self.assertLess(time.monotonic() - begin, 1 * PATIENCE)
        self.gateway.wait_log(rf"backend bad\b.*({why})")
        self.assertEqual([name for name in self.client.tools()
                          if name.startswith("bad/")], [])
        self.end()

    def test_exits_at_start(self):
        self.never_up("--exit-at-start", "3", why=r"\b3\b")

    def test_exits_on_initialize(self):
        self.never_up("--exit-on-initialize", "4", why=r"\b4\b")

    def test_never_initializes(self):
        self.never_up("--never-initialize", startup_timeout=1,
                      why="time|initialize")

    def test_wants_a_revision_that_there_is_not(self):
        self.never_up("--wrong-revision", why="1999-12-31|revision")

    def test_answers_initialize_with_an_error(self):
        self.never_up("--error-on-initialize", why="not today")

    def test_crashes_again_and_again_without_using_the_machine_up(self):
        self.start("--exit-at-start")
        self.gateway.wait_log("backend bad")
        pids = [self.gateway.pid, self.gateway.find("front")]
        before = [process.cpu_seconds(pid) for pid in pids]
        time.sleep(3)
        for pid, used in zip(pids, before):
            self.assertLess(process.cpu_seconds(pid) - used, 1 * PATIENCE)
        starts = self.gateway.log().count("mcp-server-faulty")
        self.assertLess(starts, 100)
        self.end()

    # It dies.

    def test_dies_on_a_call(self):
        self.start("--die-on-call")
        self.client.wait_tools("bad/echo")
        self.assert_fails(self.echo(), "unknown")
        self.client.wait_tools("bad/echo")
        self.assert_fails(self.echo())
        self.end()

    def test_exits_after_some_calls_with_many_in_flight(self):
        self.start("--exit-after", "3")
        self.client.wait_tools("bad/echo")
        keys = [self.client.send("tools/call", ECHO) for _ in range(100)]
        messages = [self.client.outcome(key) for key in keys]
        served = [message for message in messages if "result" in message.json]
        self.assertGreaterEqual(len(served), 3)
        for message in messages:
            if "error" in message.json:
                self.assertIn(message.error["data"]["outcome"],
                              ("unknown", "not_sent"))
        self.end()

    def test_half_a_line_and_then_an_exit(self):
        self.start("--half-line-then-exit")
        self.client.wait_tools("bad/echo")
        self.assert_fails(self.echo(), "unknown")
        self.end()

    def test_closes_its_output_and_lives_on(self):
        self.start("--close-stdout")
        self.client.wait_tools("bad/echo")
        old = self.gateway.jobs("bad")
        self.assert_fails(self.echo(), "unknown")
        process.wait_until(lambda: not process.exists(old[0]),
                           10 * PATIENCE, "the end of the old job")
        self.client.wait_tools("bad/echo")
        self.end()

    def test_closes_its_input_and_lives_on(self):
        self.start("--close-stdin")
        self.client.wait_tools("bad/echo")
        self.assertEqual(self.text(), "hello")
        for _ in range(3):
            self.echo()
        self.client.wait_tools("bad/echo")
        self.end()

    # It is silent.

    def test_never_answers(self):
        self.start("--never-answer", request_timeout=1)
        self.client.wait_tools("bad/echo")
        begin = time.monotonic()
        message = self.echo()
        self.assert_fails(message, "unknown")
        self.assertGreater(message.at - begin, 0.9)
        self.assertLess(message.at - begin, 3 * PATIENCE)
        self.client.send("tools/call", ECHO)
        self.client.close()
        self.canary.__exit__(None, None, None)
        self.assertLess(self.gateway.stop(), STOP_WITHIN * PATIENCE)

    def test_never_answers_one_tool_and_serves_the_others(self):
        self.start("--hang-on", "sleep", request_timeout=2)
        self.client.wait_tools("bad/echo")
        hanging = self.client.send("tools/call", {
            "name": "bad/sleep", "arguments": {"seconds": 0}})
        for _ in range(20):
            self.assertEqual(self.text(), "hello")
        self.assert_fails(self.client.outcome(hanging), "unknown")
        self.end()

    def test_is_stopped_and_goes_on(self):
        self.start(request_timeout=1)
        self.client.wait_tools("bad/echo")
        job = self.gateway.jobs("bad")[0]
        os.kill(job, signal.SIGSTOP)
        self.assert_fails(self.echo(), "unknown")
        os.kill(job, signal.SIGCONT)
        self.assert_serves()
        self.end()

    def test_never_reads_its_input(self):
        self.start("--never-read-stdin", request_timeout=3)
        self.client.wait_tools("bad/echo")
        worker = self.gateway.find("worker", "bad")
        before = process.resident(worker)
        text = "x" * 1000000
        keys = [self.client.send("tools/call", {
            "name": "bad/echo", "arguments": {"text": text}})
            for _ in range(50)]
        for key in keys:
            self.assert_fails(self.client.outcome(key, timeout=30))
        if process.exists(worker):
            self.assertLess(process.resident(worker), before + 160 * MIB)
        self.end()

    def test_starts_slowly(self):
        self.start("--slow-start", "1500")
        self.assert_serves()
        self.end()

    # It says too much, or not in lines.

    def test_junk_between_messages(self):
        self.start("--junk")
        self.assert_serves()
        self.end()

    def test_a_byte_at_a_time(self):
        self.start("--byte-at-a-time")
        self.assert_serves()
        self.end()

    def test_a_line_of_100_mb(self):
        self.start("--huge-line", str(100 << 20))
        self.client.wait_tools("bad/echo")
        worker = self.gateway.find("worker", "bad")
        front = self.gateway.find("front")
        before = process.resident(front)
        self.echo(timeout=60)
        self.assertLess(process.resident(front), before + 32 * MIB)
        if process.exists(worker):
            self.assertLess(process.resident(worker), 200 * MIB)
        self.assert_serves()
        self.end()

    def test_a_result_of_16_mb_arrives_whole(self):
        self.start()
        self.client.wait_tools("bad/echo")
        result = self.client.call("bad/big", {"bytes": 16000000},
                                  timeout=60).result
        self.assertEqual(result["content"][0]["text"], "x" * 16000000)
        self.end()

    def test_a_result_over_the_limit_is_an_error(self):
        self.start()
        self.client.wait_tools("bad/echo")
        self.assert_fails(self.client.call("bad/big", {"bytes": 70 << 20},
                                           timeout=60))
        self.assert_serves()
        self.end()

    def test_a_backend_can_have_a_limit_of_its_own(self):
        self.start(message_size="64K")
        self.client.wait_tools("bad/echo")
        self.assertTrue(self.client.call("bad/big", {"bytes": 60000}).result)
        self.assert_fails(self.client.call("bad/big", {"bytes": 70000}))
        self.assert_serves()
        self.end()

    def test_a_flood_of_notifications(self):
        self.start("--flood")
        self.client.request("logging/setLevel", {"level": "debug"})
        self.client.wait_tools("good/echo")
        time.sleep(3)
        for role, name in (("front", None), ("worker", "bad")):
            pid = self.gateway.find(role, name)
            if pid:
                self.assertLess(process.resident(pid), 300 * MIB)
        self.assertLess(os.path.getsize(self.gateway.log_path()), 4 << 20)
        self.assertIn("good/echo", self.client.tools())
        self.end()

    def test_a_flood_on_standard_error(self):
        self.start("--stderr-flood", str(300 << 20))
        self.assert_serves()
        self.assertLess(os.path.getsize(self.gateway.log_path()), 4 << 20)
        self.end()

    def test_noise_on_standard_error_before_the_first_word(self):
        self.start("--stderr-flood", "262144")
        self.assert_serves()
        self.end()

    def test_bytes_without_lines_on_standard_error(self):
        self.start("--stderr-binary")
        self.assert_serves()
        with open(self.gateway.log_path(), "rb") as file:
            file.read().decode("utf-8")
        self.end()

    # It does not end.

    def test_ignores_sigterm_and_the_end_of_its_input(self):
        self.start("--ignore-sigterm")
        self.assert_serves()
        self.end()

    def test_a_grandchild_in_a_session_of_its_own(self):
        self.start("--grandchild")
        self.assert_serves()
        pids = self.gateway.jobs("bad")
        self.assertGreater(len(pids), 1)
        self.end()
        for pid in pids:
            self.assertFalse(process.exists(pid))

    def test_a_grandchild_dies_with_a_killed_worker_too(self):
        self.start("--grandchild", "--ignore-sigterm")
        self.assert_serves()
        pids = self.gateway.jobs("bad")
        os.kill(self.gateway.find("worker", "bad"), signal.SIGKILL)
        process.wait_until(lambda: not any(map(process.exists, pids)),
                           10 * PATIENCE, "the end of the old job")
        self.assert_serves()
        self.end()

    # It answers wrongly.

    def answers_wrongly(self, *flags):
        """The answer is no answer: the call fails, sooner or later."""
        self.start(*flags, request_timeout=1)
        self.client.wait_tools("bad/echo")
        self.assert_fails(self.echo())
        self.client.wait_tools("good/echo")
        self.end()

    def test_an_id_that_nobody_asked_with(self):
        self.answers_wrongly("--wrong-id")

    def test_the_id_null(self):
        self.answers_wrongly("--null-id")

    def test_bytes_that_are_not_utf8(self):
        self.answers_wrongly("--bad-utf8")

    def test_keys_that_stand_twice(self):
        self.answers_wrongly("--duplicate-keys")

    def test_a_number_that_is_none(self):
        self.answers_wrongly("--nan")

    def test_a_nul_in_a_key(self):
        self.answers_wrongly("--nul-key")

    def test_arrays_in_arrays(self):
        self.answers_wrongly("--deep", "10000")

    def test_every_answer_twice(self):
        self.start("--double-answer")
        self.client.wait_tools("bad/echo")
        keys = [self.client.send("tools/call", ECHO) for _ in range(50)]
        for key in keys:
            self.client.outcome(key).result
        self.assertEqual(self.text(), "hello")
        self.end()

    def test_ids_of_another_type_have_one_outcome(self):
        for flag in ("--float-id", "--string-id", "--batch"):
            with self.subTest(flag):
                self.start(flag, request_timeout=1)
                self.client.wait_tools("bad/echo")
                self.echo()
                self.end()

    # Its lists.

    def test_many_tools(self):
        self.start("--many-tools", "2000")
        self.client.wait_tools("good/echo")
        process.wait_until(
            lambda: sum(name.startswith("bad/")
                        for name in self.client.tools()) == 2000,
            20 * PATIENCE, "2000 tools")
        self.end()

    def endless(self, flag):
        """Pages without end are given up, and the others listed."""
        self.start(flag, startup_timeout=5)
        self.client.wait_tools("good/echo")
        self.gateway.wait_log(r"backend bad\b.*(page|cursor)", timeout=20)
        worker = self.gateway.find("worker", "bad")
        if worker:
            self.assertLess(process.resident(worker), 200 * MIB)
        self.end()

    def test_pages_without_end(self):
        self.endless("--endless-pages")

    def test_the_same_cursor_again(self):
        self.endless("--repeat-cursor")

    def test_tools_that_change_all_the_time(self):
        self.start("--change-tools-every", "20")
        self.assert_serves()
        method = "notifications/tools/list_changed"
        before = self.client.count(method)
        self.client.wait(lambda: self.client.count(method) > before, 10,
                         method)
        self.assert_serves()
        self.end()

    def test_no_capabilities(self):
        self.start("--no-capabilities")
        self.client.wait_tools("good/echo")
        self.gateway.wait_log("backend bad")
        self.end()

    def test_requests_of_its_own(self):
        self.start("--ask")
        self.assert_serves()
        self.gateway.wait_log("-32601")
        self.end()

    def test_sixty_backends_at_once_do_not_stop_the_others(self):
        backends = {f"bad{number}": faulty("--exit-at-start")
                    for number in range(60)}
        backends["good"] = backend()
        with Gateway(backends) as gateway, \
                Canary(gateway.address, "good/echo"):
            gateway.wait_log(r"backend bad59\b")
            time.sleep(2)

    def test_thirty_good_backends_die_at_once_and_come_back(self):
        names = [f"b{number}" for number in range(30)]
        backends = {name: faulty() for name in names}
        backends["good"] = backend()
        with Gateway(backends) as gateway, \
                Canary(gateway.address, "good/echo"), \
                Client(gateway.address) as client:
            client.wait_tools(*[f"{name}/echo" for name in names],
                              timeout=30)
            jobs = {name: gateway.wait_job(name) for name in names}
            for job in jobs.values():
                os.kill(job, signal.SIGKILL)
            for name, job in jobs.items():
                gateway.wait_job(name, other_than=[job])
            for name in names:
                process.wait_until(lambda name=name: "result" in client.call(
                    f"{name}/echo", {"text": "x"}).json, 10 * PATIENCE, name)


if __name__ == "__main__":
    unittest.main()
