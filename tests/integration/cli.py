"""The command line: help, version, checks, refusals, and what is said."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from client import Client
from gateway import DAEMON, SOURCE, Gateway, backend, program


def run(*args, config=None, cwd=None, command=DAEMON, timeout=20):
    """Run the program to its end."""
    with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
        if config is not None:
            path = os.path.join(folder, "config.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config if isinstance(config, str)
                           else json.dumps(config))
            args = ("--config", path, *args)
        return subprocess.run(
            [command, *args], cwd=cwd or folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False)


class Usage(unittest.TestCase):
    """Without a gateway."""

    def test_help_names_every_option(self):
        ended = run("--help")
        self.assertEqual(ended.returncode, 0)
        self.assertEqual(ended.stderr, "")
        for option in ("--config", "--host", "--port", "--log-level",
                       "--insecure", "--daemon", "--pidfile", "--test",
                       "--version", "--help"):
            self.assertIn(option, ended.stdout)

    def test_the_version_is_that_of_the_project(self):
        ended = run("--version")
        self.assertEqual(ended.returncode, 0)
        with open(os.path.join(SOURCE, "CMakeLists.txt"),
                  encoding="utf-8") as file:
            version = re.search(r"VERSION (\d+\.\d+\.\d+)",
                                file.read()).group(1)
        self.assertIn(version, ended.stdout)

    def test_bad_usage_exits_with_2_and_says_what_is_wrong(self):
        for args in (("--nonsense",), ("--port",), ("--port", "x"),
                     ("--port", "65536"), ("--port", "-1"), ("--port", ""),
                     ("--port", "80 "), ("--log-level", "bogus"),
                     ("--pidfile",), ("--pidfile", ""), ("--daemon=yes",),
                     ("surplus",), ("--config",)):
            with self.subTest(args):
                ended = run(*args)
                self.assertEqual(ended.returncode, 2, ended)
                self.assertEqual(ended.stdout, "")
                self.assertTrue(ended.stderr.strip())

    def test_the_levels_of_the_original_are_all_known(self):
        for level in ("debug", "info", "warning", "error", "critical"):
            ended = run("--test", "--log-level", level,
                        config={"mcpServers": {}})
            self.assertEqual(ended.returncode, 0, ended)

    def test_the_other_programs_say_that_they_are_parts(self):
        for name in ("mcp-gateway-front", "mcp-gateway-worker",
                     "mcp-gateway-reaper"):
            ended = run(command=program(name))
            self.assertEqual(ended.returncode, 2, ended)
            self.assertIn("mcp-gatewayd", ended.stderr)


class Check(unittest.TestCase):
    """--test and refused configurations."""

    def test_a_good_configuration_passes_the_check(self):
        good = ['{}', '{"mcpServers": {}}',
                '{"a": {"type": "stdio", "command": "true"}}',
                '// a comment\n{"a": {"command": "true", /* and */ '
                '"args": ["x"]}}\n',
                '{"mcpServers": {"a": {"command": "true", "env": {"A": "b"}, '
                '"cwd": "/"}}, "gateway": {"port": 1, "log_level": "debug"}}']
        for config in good:
            with self.subTest(config):
                ended = run("--test", config=config)
                self.assertEqual(ended.returncode, 0, ended)

    def test_the_shipped_configurations_pass_the_check(self):
        folder = os.path.join(SOURCE, "config")
        names = [name for name in os.listdir(folder)
                 if name.endswith((".json", ".jsonc"))
                 and "schema" not in name]
        self.assertIn("config.json", names)
        for name in names:
            ended = run("--test", "--config", os.path.join(folder, name))
            self.assertEqual(ended.returncode, 0, ended)

    def test_all_errors_are_reported_at_once_with_their_places(self):
        config = ('{\n'
                  '  "gateway": {"prot": 9000, "log_level": "loud"},\n'
                  '  "mcpServers": {\n'
                  '    "one": {"args": ["x"]},\n'
                  '    "two": {"command": 17},\n'
                  '    "one": {"command": "true"},\n'
                  '    "three": {"command": "true", "args": "x"},\n'
                  '    "four": {"command": "true", "comand": "x"}\n'
                  '  }\n'
                  '}\n')
        for args in (("--test",), ()):
            ended = run(*args, config=config)
            self.assertNotEqual(ended.returncode, 0)
            text = ended.stderr + ended.stdout
            for line in (2, 4, 5, 6, 7, 8):
                self.assertRegex(text, rf"config\.json:{line}:\d+:")
            self.assertIn('port', text)
            self.assertIn('command', text)

    def test_syntax_errors_name_line_and_column(self):
        for config, place in (('{\n  "a": ,\n}', ":2:"), ('', ":"),
                              ('{"a": {"command": "x"}', ":1:"),
                              ('{"a"\n:1\n', ":")):
            ended = run("--test", config=config)
            self.assertNotEqual(ended.returncode, 0, config)
            self.assertRegex(ended.stderr + ended.stdout,
                             r"config\.json:\d+:\d+:")
            self.assertIn("config.json" + place, ended.stderr + ended.stdout)

    def test_a_missing_file_is_named(self):
        ended = run("--config", "/no/such/config.json")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("/no/such/config.json", ended.stderr)

    def test_a_check_starts_nothing_and_writes_nothing(self):
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
            mark = os.path.join(folder, "mark")
            ended = run("--test", cwd=folder, config={
                "mcpServers": {"a": {"command": "touch", "args": [mark]}}})
            self.assertEqual(ended.returncode, 0, ended)
            self.assertEqual(os.listdir(folder), [])


class Start(unittest.TestCase):
    """What a running gateway says and does."""

    def test_a_port_in_use_ends_the_start_with_the_reason(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
                mark = os.path.join(folder, "mark")
                ended = run("--host", "127.0.0.1", "--port", str(port),
                            config={"mcpServers": {
                                "a": {"command": "touch", "args": [mark]}}})
                self.assertNotEqual(ended.returncode, 0)
                self.assertIn(str(port), ended.stderr)
                self.assertIn("in use", ended.stderr)
                self.assertFalse(os.path.exists(mark), "a job was started")

    def test_listening_beyond_this_machine_without_tokens_is_refused(self):
        ended = run("--host", "0.0.0.0", "--port", "0",
                    config={"mcpServers": {}})
        self.assertEqual(ended.returncode, 1, ended)
        self.assertIn('"tokens"', ended.stderr)

    def test_one_who_wants_to_listen_so_is_warned(self):
        with Gateway({}, args=["--host", "0.0.0.0", "--insecure"]
                     ) as gateway:
            gateway.wait_console("there is no authentication")
        with Gateway({}) as gateway:
            self.assertNotIn("other machines",
                             gateway.wait_console("ready: "))

    def test_an_address_that_is_not_ours_ends_the_start(self):
        for host in ("192.0.2.1", "no.such.host.invalid"):
            ended = run("--host", host, "--port", "0",
                        config={"mcpServers": {}})
            self.assertNotEqual(ended.returncode, 0)
            self.assertIn(host, ended.stderr)

    def test_the_console_shows_address_log_and_backends(self):
        with Gateway({"good": backend(), "bad": {"command": "/no/such"}}
                     ) as gateway:
            with Client(gateway.address) as client:
                client.wait_tools("good/echo")
            gateway.wait_log(r"/no/such")
            text = gateway.wait_console("ready: ")
            for path in ("mcp", "sse"):
                url = f"http://127.0.0.1:{gateway.address[1]}/{path}\n"
                self.assertIn(f"\nlistening on {url}", f"\n{text}")
                self.assertRegex(text, f"\n  (address)? +{url}")
            self.assertIn("logs/log_", text)
            self.assertIn("good", text)
            self.assertIn("bad", text)
            self.assertNotIn("\x1b", text)

    def test_without_backends_it_serves(self):
        with Gateway({}) as gateway, Client(gateway.address) as client:
            self.assertEqual(client.tools(), [])
            self.assertEqual(client.request("ping").result, {})

    def test_the_flat_shape_of_the_original_is_served(self):
        text = ('// as its README writes it\n' + json.dumps(
            {"one": {"type": "stdio", **backend(), **(
                {"user": "root"} if os.getuid() == 0 else {})}}))
        with Gateway(None, text=text) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")

    def test_a_disabled_backend_is_not_started(self):
        with Gateway({"off": backend(disabled=True), "on": backend()}
                     ) as gateway, Client(gateway.address) as client:
            client.wait_tools("on/echo")
            self.assertIsNone(gateway.find("worker", "off"))
            self.assertFalse(any(name.startswith("off/")
                                 for name in client.tools()))

    def test_env_and_cwd_of_a_backend_are_used(self):
        with Gateway({"one": backend(env={"COLOUR": "blue $HOME"}, cwd="/")},
                     env={"INHERITED": "yes"}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            said = json.loads(client.call("one/environment").result[
                "content"][0]["text"])
            self.assertEqual(said["environment"]["COLOUR"], "blue $HOME")
            self.assertEqual(said["environment"]["INHERITED"], "yes")
            self.assertEqual(said["cwd"], "/")

    def test_arguments_are_not_read_by_a_shell(self):
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
            mark = os.path.join(folder, "mark")
            with Gateway({"one": backend("--tools", f"; touch {mark};`id`")}
                         ) as gateway, Client(gateway.address) as client:
                client.wait_tools(f"one/; touch {mark};`id`")
            self.assertFalse(os.path.exists(mark))

    def test_both_signals_of_an_end_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Gateway({"one": backend()}) as gateway, \
                    Client(gateway.address) as client:
                client.wait_tools("one/echo")
                self.assertLess(gateway.stop(number), 8)

    def test_an_end_during_the_start_ends_it_with_0(self):
        with Gateway({"one": backend("--delay", "30")}) as gateway:
            self.assertLess(gateway.stop(), 8)

    def test_closed_standard_descriptors_do_no_harm(self):
        with Gateway({"one": backend()}, prefix=(
                "sh", "-c", 'exec "$@" <&-', "sh")) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")

    def test_a_hostile_environment_does_no_harm(self):
        with Gateway({"one": backend()}, env={
                "EVENT_SHOW_METHOD": "1", "EVENT_NOEPOLL": "1",
                "http_proxy": "http://192.0.2.1:1", "TZ": ":/etc/passwd",
                "LC_ALL": "C", "MALLOC_PERTURB_": "165"}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")


if __name__ == "__main__":
    unittest.main()
