"""mcp-server-bash: what a command does, and what becomes of it."""

import os
import tempfile
import time
import unittest

from stdio import ServerTest, alive, kill, wait_until


class BashTest(ServerTest):
    name = "mcp-server-bash"

    def bash(self, server, command, **arguments):
        return server.call("bash", {"command": command, **arguments})["result"]

    def structured(self, server, command, **arguments):
        return self.bash(server, command, **arguments)["structuredContent"]

    def test_the_tool_says_what_it_takes_gives_and_may_break(self):
        tools = self.start().ask("tools/list")["result"]["tools"]
        self.assertEqual([tool["name"] for tool in tools], ["bash"])
        tool = tools[0]
        self.assertEqual(tool["inputSchema"]["required"], ["command"])
        self.assertEqual(
            tool["inputSchema"]["properties"]["command"]["type"], "string"
        )
        self.assertEqual(tool["inputSchema"]["properties"]["timeout"]["maximum"], 60)
        self.assertEqual(
            sorted(tool["outputSchema"]["required"]),
            ["exit_code", "signal", "stderr", "stdout", "timed_out", "truncated"],
        )
        self.assertIs(tool["annotations"]["destructiveHint"], True)
        self.assertIs(tool["annotations"]["openWorldHint"], True)

    def test_text_and_structure_tell_code_and_both_outputs(self):
        result = self.bash(self.start(), "echo out; echo err >&2; exit 3")
        self.assertEqual(
            result["content"],
            [
                {
                    "type": "text",
                    "text": "Exit code: 3\n\n--- STDOUT ---\nout"
                    "\n\n--- STDERR ---\nerr",
                }
            ],
        )
        self.assertEqual(
            result["structuredContent"],
            {
                "exit_code": 3,
                "signal": None,
                "stdout": "out\n",
                "stderr": "err\n",
                "timed_out": False,
                "truncated": False,
            },
        )
        self.assertIs(result["isError"], False)

    def test_chinese_has_the_original_layout(self):
        server = self.start("--language", "zh", "--timeout", "1")
        text = self.bash(server, "echo out; echo err >&2")["content"][0]["text"]
        self.assertEqual(
            text,
            "退出码: 0\n\n--- 标准输出 (STDOUT) ---\nout"
            "\n\n--- 标准错误 (STDERR) ---\nerr",
        )
        text = self.bash(server, " ")["content"][0]["text"]
        self.assertEqual(text, "错误：命令不能为空。")
        text = self.bash(server, "sleep 60")["content"][0]["text"]
        self.assertEqual(text, "错误：执行命令 'sleep 60' 超时。")
        text = self.bash(server, "kill -9 $$")["content"][0]["text"]
        self.assertTrue(text.startswith("退出码: -9\n"))

    def test_it_is_bash_and_not_sh(self):
        out = self.structured(self.start(), "[[ a == a ]] && echo ${BASH_VERSION%%.*}")
        self.assertGreaterEqual(int(out["stdout"]), 4)

    def test_standard_input_is_empty(self):
        server = self.start()
        self.assertEqual(self.structured(server, "cat; echo $?")["stdout"], "0\n")
        self.assertEqual(server.ask("ping")["result"], {})

    def test_it_runs_in_a_session_and_group_of_its_own(self):
        server = self.start()
        out = self.structured(
            server, "echo $$ $(ps -o sid= -o pgid= -p $$ || cut -d' ' -f6,5 /proc/$$/stat)"
        )
        pid, *others = out["stdout"].split()
        self.assertEqual(others, [pid, pid])

    def test_no_descriptor_of_the_server_is_inherited(self):
        out = self.structured(self.start(), "ls /proc/self/fd | wc -l")
        self.assertEqual(out["stdout"].strip(), "4")  # 0, 1, 2 and the folder

    def test_signals_have_their_defaults(self):
        out = self.structured(self.start(), "grep -E 'Sig(Ign|Blk)' /proc/self/status")
        threads = 3 << 31  # signals 32 and 33 are the C library's own
        for line in out["stdout"].splitlines():
            self.assertEqual(int(line.split()[1], 16) & ~threads, 0, line)

    def test_a_signal_is_told_by_its_name(self):
        result = self.bash(self.start(), "kill -TERM $$")
        self.assertEqual(result["structuredContent"]["signal"], "SIGTERM")
        self.assertIsNone(result["structuredContent"]["exit_code"])
        self.assertTrue(result["content"][0]["text"].startswith("Signal: SIGTERM\n"))
        self.assertIs(result["isError"], False)

    def test_an_empty_or_wrong_command_is_an_error_of_the_tool(self):
        server = self.start()
        for arguments in (
            {},
            {"command": ""},
            {"command": " \n\t"},
            {"command": 5},
            {"command": "a\0b"},
            {"command": "echo", "timeout": "1"},
            {"command": "echo", "timeout": 0},
            {"command": "echo", "timeout": -1},
            {"command": "echo", "timeout": 61},
            {"command": "echo", "timeout": 1e300},
        ):
            result = server.call("bash", arguments)["result"]
            self.assertIs(result["isError"], True, arguments)
            self.assertTrue(result["content"][0]["text"].startswith("Error: "))

    def test_a_command_that_cannot_start_is_an_error_of_the_tool(self):
        server = self.start()
        result = self.bash(server, "x" * 300000)  # more than one argument may be
        self.assertIs(result["isError"], True)
        self.assertIn("could not be run", result["content"][0]["text"])
        self.assertEqual(self.structured(server, "echo on")["stdout"], "on\n")
        server = self.start(env={"PATH": "/nonexistent"})
        result = self.bash(server, "echo")
        self.assertIs(result["isError"], True)
        self.assertIn("no bash", result["content"][0]["text"])

    def test_bytes_that_are_not_utf8_become_u_fffd(self):
        out = self.structured(self.start(), r"printf 'a\xff\xc3b\0c\xe4\xb8\xad'")
        self.assertEqual(out["stdout"], "a\ufffd\ufffdb\0c中")

    def test_long_output_is_cut_and_said_so(self):
        server = self.start("--max-output", "1000")
        result = self.bash(server, "head -c 5000000 /dev/zero | tr '\\0' x; echo e >&2")
        out = result["structuredContent"]
        self.assertEqual(out["stdout"], "x" * 1000)
        self.assertEqual(out["stderr"], "e\n")
        self.assertIs(out["truncated"], True)
        self.assertEqual(out["exit_code"], 0)
        self.assertIn("[cut: the first 1000 of 5000000 bytes]", result["content"][0]["text"])
        self.assertIs(result["isError"], False)

    def test_a_cut_leaves_no_half_character(self):
        server = self.start("--max-output", "4")
        self.assertEqual(self.structured(server, "printf '中中'")["stdout"], "中")

    def test_the_default_limit_is_a_mebibyte_for_each_stream(self):
        server = self.start()
        out = self.structured(
            server, "head -c 1048576 /dev/zero | tr '\\0' '\\1' | tee /dev/stderr"
        )
        self.assertEqual(out["stdout"], "\1" * 1048576)
        self.assertEqual(out["stderr"], "\1" * 1048576)
        self.assertIs(out["truncated"], False)

    def test_a_background_child_that_holds_the_output_does_not_block(self):
        server = self.start()
        begin = time.monotonic()
        out = self.structured(server, "sleep 1000 & echo $!")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(out["exit_code"], 0)
        pid = int(out["stdout"])
        self.assertTrue(wait_until(lambda: not alive(pid)))

    def test_a_background_child_that_writes_for_ever_does_not_block(self):
        server = self.start()
        out = self.structured(server, "yes & sleep 0.1; exit 4")
        self.assertEqual(out["exit_code"], 4)
        self.assertTrue(out["stdout"].startswith("y\ny\n"))

    def test_a_child_that_left_the_group_does_not_block(self):
        server = self.start()
        out = self.structured(server, "setsid sleep 1000 & echo $!")
        pid = int(out["stdout"])
        self.addCleanup(kill, pid)
        self.assertEqual(out["exit_code"], 0)

    def test_a_timeout_ends_the_group_and_is_an_error(self):
        server = self.start("--timeout", "1")
        begin = time.monotonic()
        result = self.bash(server, "echo before; sleep 1000 & echo $!; wait")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertIs(result["isError"], True)
        out = result["structuredContent"]
        self.assertIs(out["timed_out"], True)
        self.assertEqual(out["signal"], "SIGTERM")
        before, pid = out["stdout"].split()
        self.assertEqual(before, "before")
        self.assertTrue(wait_until(lambda: not alive(int(pid))))
        self.assertIn("timed out", result["content"][0]["text"])

    def test_what_ignores_sigterm_is_killed_two_seconds_later(self):
        server = self.start()
        begin = time.monotonic()
        result = self.bash(server, "trap '' TERM; while :; do sleep 1; done", timeout=0.2)
        took = time.monotonic() - begin
        self.assertGreater(took, 2)
        self.assertLess(took, 4)
        self.assertEqual(result["structuredContent"]["signal"], "SIGKILL")
        self.assertIs(result["isError"], True)

    def test_calls_run_at_once(self):
        server = self.start()
        begin = time.monotonic()
        ids = [server.begin_call("bash", {"command": "sleep 1"}) for _ in range(20)]
        self.assertEqual(server.ask("ping")["result"], {})
        self.assertLess(time.monotonic() - begin, 1)
        for one in ids:
            server.wait(one)
        self.assertLess(time.monotonic() - begin, 5)

    def test_more_commands_than_the_limit_are_refused(self):
        server = self.start()
        ids = [server.begin_call("bash", {"command": "sleep 100"}) for _ in range(256)]
        result = self.bash(server, "echo")
        self.assertIs(result["isError"], True)
        for one in ids:
            server.notify("notifications/cancelled", {"requestId": one})

        def served():
            return not self.bash(server, "echo")["isError"]

        self.assertTrue(wait_until(served))

    def test_cancelling_kills_the_command_and_nothing_is_answered(self):
        server = self.start()
        with_pid = os.path.join(self.folder(), "pid")
        one = server.begin_call("bash", {"command": f"echo $$ > {with_pid}; sleep 1000"})
        self.assertTrue(wait_until(lambda: os.path.exists(with_pid) and os.stat(with_pid).st_size))
        with open(with_pid, encoding="ascii") as file:
            pid = int(file.read())
        server.notify("notifications/cancelled", {"requestId": one, "reason": "test"})
        self.assertTrue(wait_until(lambda: not alive(pid)))
        self.assertEqual(self.structured(server, "echo next")["stdout"], "next\n")
        self.assertNotIn(one, server.answers)

    def test_cancelling_something_else_does_nothing(self):
        server = self.start()
        one = server.begin_call("bash", {"command": "sleep 0.3; echo done"})
        for params in ({"requestId": str(one)}, {"requestId": 999}, {}, None):
            server.notify("notifications/cancelled", params)
        result = server.wait(one)["result"]
        self.assertEqual(result["structuredContent"]["stdout"], "done\n")

    def test_an_id_in_use_is_refused(self):
        server = self.start()
        call = {"name": "bash", "arguments": {"command": "sleep 0.5; echo first"}}
        message = {"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": call}
        server.send(message)
        server.send(message)
        self.assertEqual(server.wait("x")["error"]["code"], -32600)
        result = server.wait("x")["result"]
        self.assertEqual(result["structuredContent"]["stdout"], "first\n")

    def end_while_running(self, end):
        server = self.start()
        with_pid = os.path.join(self.folder(), "pid")
        server.begin_call(
            "bash", {"command": f"trap '' TERM; echo $$ > {with_pid}; sleep 1000; sleep 1000"}
        )
        self.assertTrue(wait_until(lambda: os.path.exists(with_pid) and os.stat(with_pid).st_size))
        with open(with_pid, encoding="ascii") as file:
            pid = int(file.read())
        begin = time.monotonic()
        end(server)
        self.assertEqual(server.exit_code(), 0)
        self.assertLess(time.monotonic() - begin, 2)
        self.assertTrue(wait_until(lambda: not alive(pid)))

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def test_the_end_of_input_ends_all_commands(self):
        self.end_while_running(lambda server: server.end_input())

    def test_sigterm_ends_all_commands(self):
        self.end_while_running(lambda server: server.process.terminate())

    def test_a_client_that_is_gone_ends_all_commands(self):
        def vanish(server):
            server.process.stdout.close()
            server.request("ping")

        self.end_while_running(vanish)

    def test_no_descriptor_is_left_after_many_commands(self):
        server = self.start()
        folder = f"/proc/{server.process.pid}/fd"
        self.bash(server, "true")
        before = len(os.listdir(folder))
        for _ in range(50):
            self.bash(server, "echo x")
        self.assertEqual(len(os.listdir(folder)), before)

    def test_options_out_of_range_are_refused(self):
        for args in (
            ("--timeout", "0"),
            ("--timeout", "x"),
            ("--max-output", "0"),
            ("--max-output", "3000000"),
            ("--language", "xx"),
            ("word",),
        ):
            self.assertEqual(self.run_program(*args).returncode, 2, args)


if __name__ == "__main__":
    unittest.main()
