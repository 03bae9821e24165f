"""The log file: where it is, how it is called, what is in it and what never."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import process
import raw
from client import Client
from gateway import DAEMON, PATIENCE, Gateway, backend, faulty

LINE = re.compile(
    r"20\d\d-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d[^ ]* .*\S")
SECRET = "c4n4ry-s3cr3t"


class Logs(unittest.TestCase):
    """Each test has its own gateway."""

    def test_the_name_tells_time_and_level(self):
        for level in ("debug", "info", "warning"):
            with Gateway({}, args=("--log-level", level)) as gateway:
                self.assertRegex(
                    os.path.basename(gateway.log_path()),
                    rf"\Alog_20\d{{6}}_\d{{6}}_{level.upper()}\.log\Z")

    def test_every_line_has_time_level_and_text(self):
        with Gateway({"one": backend()}, args=("--log-level", "debug")
                     ) as gateway, Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo").result
            gateway.stop()
            lines = gateway.log().splitlines()
            self.assertGreater(len(lines), 3)
            for line in lines:
                self.assertRegex(line, LINE)
                self.assertRegex(
                    line, r"DEBUG|INFO|WARNING|ERROR|CRITICAL")

    def test_the_level_decides_what_is_written(self):
        with Gateway({"one": backend(), "bad": {"command": "/no/such"}},
                     args=("--log-level", "warning")) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            gateway.wait_log("/no/such")
            self.assertNotRegex(gateway.log(), r"\b(DEBUG|INFO)\b")

    def test_the_log_is_for_its_owner_only(self):
        with Gateway({}) as gateway:
            mode = os.stat(gateway.log_path()).st_mode & 0o777
            self.assertEqual(mode & 0o007, 0, oct(mode))

    def test_a_rotated_log_goes_on_in_a_new_file(self):
        with Gateway({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            path = gateway.log_path()
            rotated = os.path.join(gateway.folder, "rotated")
            os.rename(path, rotated)

            def said():
                with open(rotated, encoding="utf-8") as file:
                    return file.read()
            gateway.send_signal(signal.SIGUSR2)
            process.wait_until(lambda: " - front - INFO - " in said(),
                               10 * PATIENCE, "the renamed file")
            gateway.send_signal(signal.SIGUSR1)
            gateway.wait_log("SIGUSR1")
            self.assertEqual(gateway.log_path(), path)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            gateway.send_signal(signal.SIGUSR2)
            gateway.wait_log(r"one.*ready for")
            self.assertNotIn("SIGUSR1", said())

    def test_a_log_that_cannot_be_opened_again_stays_in_use(self):
        with Gateway({}) as gateway:
            gateway.wait_console("ready: ")
            folder = os.path.dirname(gateway.log_path())
            moved = os.path.join(gateway.folder, "moved")
            path = os.path.join(moved, os.path.basename(gateway.log_path()))
            os.rename(folder, moved)
            with open(folder, "w", encoding="utf-8"):
                pass  # a file where the folder was

            def said():
                with open(path, encoding="utf-8") as file:
                    return file.read()
            gateway.send_signal(signal.SIGUSR1)
            process.wait_until(lambda: "the old file stays in use" in said(),
                               10 * PATIENCE, "an error")
            gateway.stop()
            self.assertIn("stopped", said())

    def test_a_log_in_json_is_one_object_a_line(self):
        evil = 'x"\\\r\n{}\x1b\x7f\u202e'
        with Gateway({"one": backend()}, gateway={"log_format": "json"},
                     args=("--log-level", "debug")) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.request(evil, {"name": evil})
            client.call(evil)
            client.call("one/log", {"level": "error", "text": evil}).result
            gateway.stop()
            lines = gateway.log().splitlines()
            self.assertGreater(len(lines), 3)
            for line in lines:
                record = json.loads(line)
                self.assertEqual(set(record),
                                 {"time", "level", "subject", "text"})
                self.assertRegex(
                    record["time"],
                    r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
                self.assertIn(record["level"], (
                    "debug", "info", "warning", "error", "critical"))
            subjects = {json.loads(line)["subject"] for line in lines}
            self.assertIn("backend one", subjects)
            self.assertIn("gateway", subjects)

    def test_without_a_log_the_console_is_it(self):
        with Gateway({"one": backend()}, gateway={
                "log": "none", "log_format": "json"}, wait=False) as gateway:
            gateway.wait_console("backend ready")
            gateway.stop()
            self.assertFalse(os.path.exists(
                os.path.join(gateway.folder, "logs")))
            for line in gateway.console().splitlines():
                json.loads(line)

    def test_the_journal_gets_priorities_and_no_times(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        identity = os.fstat(theirs.fileno())
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder:
            path = os.path.join(folder, "config.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"gateway": {"log": "none", "control_socket": ""},
                           "mcpServers": {}}, file)
            child = subprocess.Popen(
                [DAEMON, "--config", path, "--port", "0"], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                env={**os.environ, "JOURNAL_STREAM":
                     f"{identity.st_dev}:{identity.st_ino}"})
            theirs.close()
            ours.settimeout(10 * PATIENCE)
            text = ""
            while "ready" not in text:
                text += ours.recv(4096).decode()
            child.terminate()
            self.assertEqual(child.wait(15 * PATIENCE), 0)
        for line in text.splitlines():
            self.assertRegex(line, r"\A<[2-7]>(?!\d\d(\d\d-|:))")

    def test_without_syslog_clients_are_served(self):
        # Whether somebody listens at /dev/log or not.
        with Gateway({"one": backend()}, gateway={"log": "syslog"}
                     ) as gateway, Client(gateway.address) as client:
            client.wait_tools("one/echo")
            self.assertIn("syslog", gateway.wait_console("ready: "))

    def test_a_log_folder_that_cannot_be_made_ends_the_start(self):
        with Gateway({}, gateway={"log_dir": "/proc/no/such"},
                     wait=False) as gateway:
            self.assertNotEqual(gateway.child.wait(10), 0)
            gateway.stopped = True
            self.assertIn("/proc/no/such", gateway.console())

    def test_secrets_are_in_no_log_and_no_title(self):
        with Gateway({"one": backend(env={"TOKEN": SECRET})},
                     args=("--log-level", "debug")) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo", {"text": SECRET}).result
            client.call("one/error", {"message": SECRET}).error
            client.call("one/nope", {"text": SECRET})
            client.request("prompts/get", {
                "name": "one/greet", "arguments": {"who": SECRET}}).result
            client.post(f'{{"broken": "{SECRET}'.encode())
            raw.ask(gateway.address, "POST", client.endpoint,
                    [("Authorization", f"Bearer {SECRET}"),
                     ("X-Token", SECRET), ("Cookie", SECRET)],
                    b'{"jsonrpc":"2.0","id":99,"method":"ping"}')
            session = client.endpoint.rpartition("=")[2]
            for role, name in (("front", None), ("worker", "one"),
                               ("reaper", "one")):
                pid = gateway.find(role, name)
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    self.assertNotIn(SECRET.encode(), file.read())
            gateway.stop()
            self.assertNotIn(SECRET, gateway.log() + gateway.console())
            self.assertNotIn(session, gateway.log() + gateway.console())

    def test_what_peers_send_cannot_forge_lines(self):
        evil = "x\r\n2026-01-01 00:00:00 CRITICAL forged\x1b[2J\x7f\u202e"
        with Gateway({"one": backend(), "bad": faulty("--stderr-binary")},
                     args=("--log-level", "debug")) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.request(evil, {"name": evil})
            client.call(evil)
            client.request("resources/read", {"uri": evil})
            client.notify(evil)
            client.call("one/log", {"level": "error", "text": evil}).result
            client.call("one/add", {"name": evil}).result
            raw.ask(gateway.address, "GET", "/nowhere",
                    [("User-Agent", "a\x1b]0;x\x07b")])
            gateway.stop()
            with open(gateway.log_path(), "rb") as file:
                data = file.read()
            data.decode("utf-8")
            for line in data.decode().split("\n")[:-1]:
                self.assertRegex(line, LINE)
                self.assertNotRegex(line, r"\A\S+ \S+ CRITICAL forged")
            for wrong in (b"\x1b", b"\r", b"\x00", b"\x7f",
                          "\u202e".encode()):
                self.assertNotIn(wrong, data)
                self.assertNotIn(wrong, gateway.console().encode())

    def test_the_last_words_of_a_backend_are_in_the_log(self):
        with Gateway({"bad": {"command": "sh", "args": [
                "-c", "echo 'cannot find my socks' >&2; exit 3"]}}
                     ) as gateway:
            gateway.wait_log("cannot find my socks")
            gateway.wait_log(r"bad.*\b3\b")


if __name__ == "__main__":
    unittest.main()
