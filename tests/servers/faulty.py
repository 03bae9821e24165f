"""mcp-server-faulty: correct without a flag, and each flag's own fault."""

import json
import os
import signal
import subprocess
import time
import unittest

from stdio import ServerTest, alive, kill


class FaultyTest(ServerTest):
    name = "mcp-server-faulty"

    def echo(self, server, text="hello"):
        return server.begin_call("echo", {"text": text})

    def raw(self, *args, lines=1):
        """The lines that follow a call of echo."""
        server = self.start(*args)
        self.echo(server)
        return [server.line() for _ in range(lines)]

    def silent(self, server, wanted, patience=0.3):
        with self.assertRaises(TimeoutError):
            server.wait(wanted, patience)

    def stderr(self, server):
        return server.process.stderr.read()

    def test_without_a_flag_it_is_correct(self):
        server = self.start()
        tools = server.ask("tools/list")["result"]["tools"]
        self.assertEqual([tool["name"] for tool in tools], ["echo", "sleep", "big"])
        result = server.wait(self.echo(server))["result"]
        self.assertEqual(result["content"], [{"type": "text", "text": "hello"}])
        self.assertIs(result["isError"], False)
        text = server.call("big", {"bytes": 3000000})["result"]["content"][0]["text"]
        self.assertEqual(text, "x" * 3000000)
        slow = server.begin_call("sleep", {"seconds": 0.2})
        fast = self.echo(server)
        self.assertIn("result", server.wait(fast))
        self.assertNotIn(slow, server.answers)
        self.assertEqual(server.wait(slow)["result"]["content"][0]["text"], "slept")
        for name in ("echo", "sleep", "big"):
            self.assertIs(server.call(name)["result"]["isError"], True)
        server.end_input()
        self.assertEqual(server.exit_code(), 0)
        self.assertEqual(self.stderr(server), b"")

    def test_a_cancelled_sleep_is_not_answered(self):
        server = self.start()
        one = server.begin_call("sleep", {"seconds": 0.1})
        server.notify("notifications/cancelled", {"requestId": one})
        server.call("sleep", {"seconds": 0.3})
        self.assertNotIn(one, server.answers)

    def test_exit_at_start(self):
        self.assertEqual(self.run_program("--exit-at-start").returncode, 0)
        self.assertEqual(self.run_program("--exit-at-start", "7").returncode, 7)

    def test_exit_on_initialize(self):
        server = self.start("--exit-on-initialize", "3", revision=None)
        self.assertEqual(server.ask("ping")["result"], {})
        with self.assertRaises(EOFError):
            server.initialize()
        self.assertEqual(server.exit_code(), 3)

    def test_exit_after(self):
        server = self.start("--exit-after", "2")
        server.wait(self.echo(server))
        server.wait(self.echo(server))
        with self.assertRaises(EOFError):
            server.wait(self.echo(server))
        self.assertEqual(server.exit_code(), 0)

    def test_die_on_call(self):
        server = self.start("--die-on-call")
        self.assertIn("result", server.ask("tools/list"))
        self.echo(server)
        self.assertEqual(server.exit_code(), -signal.SIGKILL)

    def test_half_line_then_exit(self):
        server = self.start("--half-line-then-exit")
        self.echo(server)
        self.assertIsNone(server.line())
        self.assertTrue(server.pending.startswith(b'{"jsonrpc":"2.0","id":'))
        self.assertEqual(server.exit_code(), 0)

    def test_never_answer_and_hang_on(self):
        server = self.start("--never-answer")
        self.silent(server, self.echo(server))
        self.assertEqual(server.ask("ping")["result"], {})
        server = self.start("--hang-on", "echo")
        self.silent(server, self.echo(server))
        self.assertIn("result", server.call("big", {"bytes": 1}))

    def test_never_initialize(self):
        server = self.start("--never-initialize", revision=None)
        one = server.request("initialize", {"protocolVersion": "2025-11-25"})
        self.silent(server, one)

    def test_slow_start(self):
        begin = time.monotonic()
        self.start("--slow-start", "300")
        self.assertGreater(time.monotonic() - begin, 0.3)

    def test_never_read_stdin(self):
        server = self.start("--never-read-stdin")
        self.assertIn("result", server.ask("tools/list"))
        self.silent(server, self.echo(server))
        os.set_blocking(server.process.stdin.fileno(), False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(server.process.stdin.fileno(), b" " * 65536)

    def test_close_stdout(self):
        server = self.start("--close-stdout")
        self.echo(server)
        self.assertIsNone(server.line())
        self.assertIsNone(server.process.poll())

    def test_close_stdin(self):
        server = self.start("--close-stdin")
        self.assertIn("result", server.wait(self.echo(server)))
        with self.assertRaises(BrokenPipeError):
            while True:
                os.write(server.process.stdin.fileno(), b" " * 65536)
        self.assertIsNone(server.process.poll())

    def test_junk(self):
        server = self.start("--junk", revision=None)
        server.request("ping")
        lines = [server.line() for _ in range(5)]
        self.assertTrue(lines[0].startswith(b"npm WARN"))
        self.assertIn(b"\0\1\2\xff\xfe", lines[1])
        self.assertEqual(json.loads(lines[4])["result"], {})

    def test_byte_at_a_time(self):
        server = self.start("--byte-at-a-time")
        self.assertIn("result", server.wait(self.echo(server)))

    def test_huge_line(self):
        server = self.start("--huge-line", "5000000")
        one = self.echo(server)
        self.assertEqual(server.line(), b"x" * 5000000)
        self.assertIn("result", server.wait(one))
        self.assertIn("result", server.wait(self.echo(server)))

    def test_flood(self):
        server = self.start("--flood")
        self.assertIn("result", server.wait(self.echo(server)))
        for _ in range(10000):
            self.assertEqual(server.message()["method"], "notifications/message")

    def test_stderr_flood(self):
        server = self.start("--stderr-flood", "262144", revision=None)
        self.assertEqual(len(server.process.stderr.read(262144)), 262144)
        server.initialize()

    def test_stderr_binary(self):
        server = self.start("--stderr-binary")
        self.assertNotIn(b"\n", server.process.stderr.read(8192))
        server.wait(self.echo(server))
        self.assertIn(b"\xff\xfe", server.process.stderr.read(8192))

    def test_ignore_sigterm(self):
        server = self.start("--ignore-sigterm")
        server.process.terminate()
        self.assertIn("result", server.wait(self.echo(server)))
        server.end_input()
        with self.assertRaises(subprocess.TimeoutExpired):
            server.exit_code(0.3)
        server.process.terminate()
        with self.assertRaises(subprocess.TimeoutExpired):
            server.exit_code(0.3)

    def test_grandchild(self):
        server = self.start("--grandchild")
        word, number = server.process.stderr.readline().split()
        pid = int(number)
        self.addCleanup(kill, pid)
        self.assertEqual(word, b"grandchild")
        self.assertEqual(os.getsid(pid), pid)
        os.kill(pid, signal.SIGTERM)
        server.end_input()
        self.assertEqual(server.exit_code(), 0)
        with self.assertRaises(TimeoutError):  # standard output is still open
            server.line(0.3)
        self.assertTrue(alive(pid))

    def test_answers_that_match_no_request(self):
        self.assertEqual(json.loads(self.raw("--wrong-id")[0])["id"], 999999999)
        self.assertIsNone(json.loads(self.raw("--null-id")[0])["id"])
        self.assertIn(b'"id":2.0,', self.raw("--float-id")[0])
        self.assertIn(b'"id":"2",', self.raw("--string-id")[0])

    def test_double_answer(self):
        first, second = self.raw("--double-answer", lines=2)
        self.assertEqual(first, second)
        self.assertIn("result", json.loads(first))

    def test_answers_that_are_not_good_json(self):
        with self.assertRaises(UnicodeDecodeError):
            self.raw("--bad-utf8")[0].decode()
        self.assertEqual(self.raw("--duplicate-keys")[0].count(b'"id":'), 2)
        self.assertIn(b":NaN}", self.raw("--nan")[0])
        self.assertIn(b"\\u0000", self.raw("--nul-key")[0])
        self.assertIn(b"[" * 10000 + b"]" * 10000, self.raw("--deep", "10000")[0])

    def test_batch(self):
        batch = json.loads(self.raw("--batch")[0])
        self.assertEqual(batch[0]["result"]["content"][0]["text"], "hello")

    def test_many_tools(self):
        result = self.start("--many-tools", "5000").ask("tools/list")["result"]
        self.assertEqual(len({tool["name"] for tool in result["tools"]}), 5000)

    def test_endless_pages_and_a_repeated_cursor(self):
        server = self.start("--endless-pages")
        cursors = set()
        for _ in range(50):
            cursors.add(server.ask("tools/list")["result"]["nextCursor"])
        self.assertEqual(len(cursors), 50)
        server = self.start("--repeat-cursor")
        for _ in range(3):
            result = server.ask("tools/list")["result"]
            self.assertEqual(result["nextCursor"], "again")

    def test_wrong_initialize_answers(self):
        server = self.start("--wrong-revision", revision=None)
        self.assertEqual(server.initialize()["result"]["protocolVersion"], "1999-12-31")
        server = self.start("--no-capabilities", revision=None)
        self.assertNotIn("capabilities", server.initialize()["result"])
        server = self.start("--error-on-initialize", revision=None)
        self.assertEqual(server.initialize()["error"]["code"], -32603)

    def test_change_tools_every(self):
        server = self.start("--change-tools-every", "20")
        before = server.ask("tools/list")["result"]
        seen = len(server.notifications)
        message = server.message()
        self.assertEqual(message["method"], "notifications/tools/list_changed")
        self.assertNotEqual(server.ask("tools/list")["result"], before)
        self.assertGreaterEqual(len(server.notifications), seen)

    def test_ask(self):
        server = self.start("--ask")
        ids = {}
        while len(ids) < 5:
            message = server.message()
            ids[message["id"]] = message["method"]
        self.assertEqual(
            set(ids.values()),
            {
                "ping",
                "roots/list",
                "sampling/createMessage",
                "elicitation/create",
                "no/such/method",
            },
        )
        server.send({"jsonrpc": "2.0", "id": "ask-ping", "result": {}})
        self.assertEqual(
            server.process.stderr.readline().rstrip(),
            b'answer {"jsonrpc": "2.0", "id": "ask-ping", "result": {}}',
        )
        self.assertIn("result", server.wait(self.echo(server)))

    def test_flags_combine(self):
        server = self.start("--junk", "--byte-at-a-time", "--double-answer", revision=None)
        server.request("ping")
        lines = [server.line() for _ in range(5)]
        self.assertEqual(json.loads(lines[4])["result"], {})

    def test_help_lists_every_flag(self):
        done = self.run_program("--help")
        self.assertEqual(done.returncode, 0)
        for flag in (b"--exit-at-start [CODE]", b"--grandchild", b"--hang-on TOOL"):
            self.assertIn(flag, done.stdout)

    def test_an_argument_that_is_missing_is_refused(self):
        self.assertEqual(self.run_program("--exit-after").returncode, 2)
        self.assertEqual(self.run_program("--exit-after", "x").returncode, 2)


if __name__ == "__main__":
    unittest.main()
