"""What all of our servers promise: lines, handshake, errors, end."""

import json
import signal
import subprocess
import tempfile
import unittest

from stdio import PATIENCE, Server, ServerTest, program

NAMES = ("mcp-server-bash", "mcp-server-example", "mcp-server-faulty")


class ProtocolTest(ServerTest):
    def each(self, *args, revision="2025-11-25"):
        for self.name in NAMES:
            server = self.start(*args, revision=revision)
            yield server
            server.close()

    def test_every_legacy_revision_is_answered_with_itself(self):
        for revision in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
            for server in self.each(revision=None):
                result = server.initialize(revision)["result"]
                self.assertEqual(result["protocolVersion"], revision)
                self.assertTrue(result["serverInfo"]["name"])
                self.assertIn("tools", result["capabilities"])

    def test_an_unknown_revision_is_answered_with_the_latest_legacy_one(self):
        for revision in ("2099-01-01", "2026-07-28", ""):
            for server in self.each(revision=None):
                result = server.initialize(revision)["result"]
                self.assertEqual(result["protocolVersion"], "2025-11-25")

    def test_initialize_without_a_revision_is_refused(self):
        for server in self.each(revision=None):
            answer = server.ask("initialize", {})
            self.assertEqual(answer["error"]["code"], -32602)

    def test_ping_is_answered_before_and_after_initialize(self):
        for server in self.each(revision=None):
            self.assertEqual(server.ask("ping")["result"], {})
            server.initialize()
            self.assertEqual(server.ask("ping")["result"], {})

    def test_an_unknown_method_is_not_found_and_the_next_request_is_served(self):
        for server in self.each():
            self.assertEqual(server.ask("no/such")["error"]["code"], -32601)
            self.assertEqual(server.ask("ping")["result"], {})

    def test_an_unknown_tool_and_an_unknown_cursor_are_invalid(self):
        for name in ("mcp-server-bash", "mcp-server-example"):
            self.name = name
            server = self.start()
            self.assertEqual(server.call("no such")["error"]["code"], -32602)
            answer = server.ask("tools/list", {"cursor": "nowhere"})
            self.assertEqual(answer["error"]["code"], -32602)

    def test_a_line_that_is_no_message_is_answered_and_skipped(self):
        cases = (
            (b"nonsense\n", -32700),
            (b'{"jsonrpc":"2.0","id":7}\n', -32600),
            (b'{"jsonrpc":"1.0","id":7,"method":"ping"}\n', -32600),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600),
            (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}\n', -32602),
            (b"[]\n", -32600),
            (b"\xff\xfe\n", -32700),
        )
        for server in self.each():
            for data, code in cases:
                server.write(data)
                self.assertEqual(server.message()["error"]["code"], code, data)
            self.assertEqual(server.ask("ping")["result"], {})

    def test_ids_keep_their_type_and_spelling(self):
        for server in self.each():
            for text in (b"0", b'"0"', b"-5", b'"\\u0041"', b"9007199254740993"):
                server.write(b'{"jsonrpc":"2.0","id":' + text + b',"method":"ping"}\n')
                self.assertIn(b'"id":' + text + b",", server.line())

    def test_empty_lines_and_carriage_returns_do_not_matter(self):
        for server in self.each():
            server.write(b'\n\r\n{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
            self.assertEqual(server.message()["result"], {})

    def test_a_message_in_pieces_is_one_message(self):
        for server in self.each():
            for byte in b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n':
                server.write(bytes([byte]))
            self.assertEqual(server.message()["result"], {})

    def test_a_batch_is_served_in_the_revision_that_has_batches_only(self):
        pings = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in (101, 102)]
        for server in self.each(revision="2025-03-26"):
            server.send(pings)
            self.assertEqual(server.wait(101)["result"], {})
            self.assertEqual(server.wait(102)["result"], {})
            server.send([])
            self.assertEqual(server.message()["error"]["code"], -32600)
        for server in self.each(revision="2025-06-18"):
            server.send(pings)
            self.assertEqual(server.message()["error"]["code"], -32600)

    def test_the_end_of_input_ends_the_server_with_code_0(self):
        for server in self.each():
            server.end_input()
            self.assertEqual(server.exit_code(), 0)

    def test_sigterm_and_sigint_end_the_server_with_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for server in self.each():
                server.process.send_signal(number)
                self.assertEqual(server.exit_code(), 0)

    def test_answers_to_what_came_before_the_end_are_written(self):
        ping = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'
        for self.name in NAMES:
            with self.subTest(server=self.name):
                done = self.run_program(data=b"".join(ping % n for n in range(1000)))
                self.assertEqual(done.returncode, 0)
                self.assertEqual(len(done.stdout.splitlines()), 1000)

    def test_input_and_output_may_be_files(self):
        for name in NAMES:
            with self.subTest(server=name), tempfile.TemporaryFile() as source:
                with tempfile.TemporaryFile() as sink:
                    source.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
                    source.seek(0)
                    done = subprocess.run(
                        [program(name)],
                        stdin=source,
                        stdout=sink,
                        timeout=PATIENCE,
                        check=False,
                    )
                    self.assertEqual(done.returncode, 0)
                    sink.seek(0)
                    self.assertEqual(json.loads(sink.read())["result"], {})

    def test_no_input_at_all_is_an_end(self):
        for name in NAMES:
            with self.subTest(server=name):
                done = subprocess.run(
                    [program(name)],
                    stdin=subprocess.DEVNULL,
                    timeout=PATIENCE,
                    check=False,
                )
                self.assertEqual(done.returncode, 0)

    def test_a_client_that_closes_the_output_ends_the_server(self):
        for name in ("mcp-server-bash", "mcp-server-example"):
            server = Server(name)
            self.addCleanup(server.close)
            server.initialize()
            server.process.stdout.close()
            server.request("ping")
            self.assertEqual(server.exit_code(), 0)

    def test_a_client_that_never_reads_does_not_stop_the_end(self):
        for name in ("mcp-server-bash", "mcp-server-example"):
            server = Server(name)
            self.addCleanup(server.close)
            for _ in range(2000):  # answers for more than a pipe holds
                server.request("tools/list")
            server.end_input()
            self.assertEqual(server.exit_code(), 0)

    def test_help_and_version_go_to_standard_output(self):
        for self.name in NAMES[:2]:
            done = self.run_program("--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(self.name.encode(), done.stdout)
            done = self.run_program("--version")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, rb"^" + self.name.encode() + rb" \d+\.\d+")

    def test_a_wrong_option_exits_with_2_and_says_so(self):
        for self.name in NAMES:
            done = self.run_program("--no-such-option")
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, b"")
            self.assertNotEqual(done.stderr, b"")


if __name__ == "__main__":
    unittest.main()
