"""mcp-gatewayctl and a running gateway: what is shown and changed, who may
ask, and what a peer of the control socket can do."""

import fcntl
import grp
import json
import os
import pty
import pwd
import re
import socket
import stat
import struct
import subprocess
import termios
import unittest

import process
from client import Client
from control import (CTL, DONE, NOBODY, REFUSED, TROUBLE, USAGE, Asked, ctl)
from frames import HEADER
from gateway import DAEMON, PATIENCE, Gateway, backend
from streamable_client import Streamable

CONTROL_TYPE = 34
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Status(unittest.TestCase):
    """What is shown."""

    def test_the_table_has_every_backend(self):
        with Asked({"one": backend(), "two words": backend(),
                    "off": backend(disabled=True)}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two words/echo")
            client.call("one/echo", {"text": "x"}).result
            text = gateway.ctl("status").stdout
            self.assertRegex(text, r"(?m)^MCP Gateway \S+: running for .*pid "
                             + str(gateway.pid))
            url = f"http://127.0.0.1:{gateway.address[1]}"
            self.assertIn(f"  address        {url}/mcp\n"
                          f"                 {url}/sse\n", text)
            self.assertRegex(text, r"(?m)^one +ready .* 1 +0 +0 ")
            self.assertRegex(text, r"(?m)^two words +ready ")
            self.assertRegex(text, r"(?m)^off +disabled ")
            self.assertIn("1 session", text)
            self.assertNotIn("\x1b", text)

    def test_programs_get_the_same(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo", {"text": "x"}).result
            answer = gateway.status()
            self.assertEqual(answer["gateway"]["pid"], gateway.pid)
            self.assertEqual(answer["gateway"]["config"], gateway.config)
            self.assertEqual(answer["gateway"]["addresses"], [
                f"http://127.0.0.1:{gateway.address[1]}/{path}"
                for path in ("mcp", "sse")])
            self.assertGreater(
                answer["gateway"]["memory"]["supervisor"], 1 << 18)
            one = answer["backends"][0]
            self.assertEqual(one["name"], "one")
            self.assertEqual(one["state"], "ready")
            self.assertEqual(one["worker_pid"], gateway.find("worker", "one"))
            self.assertEqual(one["reaper_pid"], gateway.find("reaper", "one"))
            self.assertGreater(one["memory_bytes"], 1 << 20)
            process.wait_until(
                lambda: gateway.status("one")["processes"] == 1,
                10 * PATIENCE, "the reaper's count")
            counts = next(each for each in answer["front"]["backends"]
                          if each["number"] == one["number"])
            self.assertEqual(counts["calls"], 1)
            self.assertEqual(counts["errors"], 0)
            self.assertEqual(answer["front"]["sessions"], 1)

    def test_what_fails_says_why_and_when_it_is_tried_again(self):
        broken = {"command": "sh",
                  "args": ["-c", "echo 'no key \x1b[31m set' >&2; exit 3"]}
        with Asked({"good": backend(), "bad": broken,
                    "none": {"command": "/no/such"}}) as gateway:
            gateway.wait_state("none", "failed")
            gateway.wait_state("good", "ready")
            gateway.wait_state("bad", "backoff")
            text = gateway.ctl("status", status=TROUBLE).stdout
            self.assertRegex(
                text, r"(?m)^bad +(retrying|starting|stopping|failed)")
            self.assertRegex(
                text,
                r"bad: .*status 3.*no key \\x1b\[31m set.*(next try|tried)")
            self.assertRegex(text, r"none: .*/no/such.*not tried again")
            self.assertNotIn("\x1b", text)
            gateway.ctl("status", "--json", status=TROUBLE)
            gateway.ctl("status", "good")
            text = gateway.ctl("status", "bad", status=TROUBLE).stdout
            self.assertIn("no key", text)
            text = gateway.ctl("status", "nobody", status=REFUSED).stderr
            self.assertIn("no backend \"nobody\"", text)

    def test_names_are_one_a_line(self):
        with Asked({"one": backend(), "two words": backend(),
                    "bad": {"command": "/no/such"}}) as gateway:
            self.assertEqual(gateway.ctl("status", "--names").stdout,
                             "one\ntwo words\nbad\n")

    def test_a_terminal_gets_colours_and_short_lines(self):
        with Asked({"a" * 60: backend()}) as gateway:
            gateway.wait_state("a" * 60, "ready")
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, 60, 0, 0))
            environment = {**os.environ, "TERM": "xterm"}
            environment.pop("NO_COLOR", None)
            child = subprocess.Popen(
                [CTL, "--socket", gateway.path, "status"], stdout=slave,
                env=environment, stdin=subprocess.DEVNULL)
            os.close(slave)
            text = b""
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                text += data
            os.close(master)
            self.assertEqual(child.wait(20), 0)
            self.assertIn(b"\x1b[32mready", text)
            plain = re.sub(r"\x1b\[\d*m", "", text.decode())
            table = plain[plain.index("NAME"):].splitlines()
            for line in table:
                self.assertLessEqual(len(line), 60, line)
            self.assertIn("…", table[1])

    def test_tools_are_those_of_clients(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            tools = json.loads(gateway.ctl("tools", "--json").stdout)["tools"]
            self.assertEqual(sorted(tool["name"] for tool in tools),
                             sorted(client.tools()))
            some = json.loads(
                gateway.ctl("tools", "two", "--json").stdout)["tools"]
            self.assertEqual({tool["backend"] for tool in some}, {"two"})
            self.assertIn("two/echo", gateway.ctl("tools").stdout)
            self.assertNotIn("one/echo", gateway.ctl("tools", "two").stdout)

    def test_tools_are_shown_as_each_endpoint_names_them(self):
        with Asked({"one": backend(), "two words": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two words/echo")
            tools = Streamable(gateway.address).result("tools/list")["tools"]
            safe = json.loads(
                gateway.ctl("tools", "--safe", "--json").stdout)["tools"]
            self.assertEqual([tool["name"] for tool in safe],
                             [tool["name"] for tool in tools])
            self.assertEqual({tool["backend"] for tool in safe},
                             {"one", "two words"})
            self.assertIn("one__echo", gateway.ctl("tools", "--safe").stdout)
            self.assertNotIn("two", gateway.ctl(
                "tools", "one", "--safe").stdout)
        with Asked({"one": backend()}, settings={"names": "safe"}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one__echo")
            self.assertIn("one__echo", gateway.ctl("tools").stdout)


class Calls(unittest.TestCase):
    """What happened to a call."""

    def test_a_call_is_listed_and_explained(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            client.call("one/echo", {"text": "x"}).result
            client.call("two/error").error
            calls = json.loads(
                gateway.ctl("calls", "--json").stdout)["calls"]
            self.assertEqual([one["name"] for one in calls
                              if one["method"] == "tools/call"],
                             ["two/error", "one/echo"])
            last = calls[0]["call"]
            some = json.loads(gateway.ctl(
                "calls", "--json", "--backend", "one").stdout)["calls"]
            self.assertEqual({one["backend"] for one in some}, {"one"})
            some = json.loads(gateway.ctl(
                "calls", "--json", "--errors").stdout)["calls"]
            self.assertEqual([one["name"] for one in some], ["two/error"])
            some = json.loads(gateway.ctl(
                "calls", "--json", "--count", "1").stdout)["calls"]
            self.assertEqual([one["call"] for one in some], [last])
            text = gateway.ctl("calls").stdout
            self.assertIn("one/echo", text)
            text = gateway.ctl("explain", last).stdout
            self.assertIn("two/error", text)
            self.assertIn("error of its own", text)
            self.assertIn("mcp-gatewayctl status 'two'", text)
            gateway.ctl("explain", "1", status=REFUSED)
            gateway.ctl("explain", "x", status=USAGE)

    def test_one_whose_backend_died_says_what_may_have_been_done(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/exit")
            client.call("one/exit").error
            calls = json.loads(gateway.ctl(
                "calls", "--json", "--errors").stdout)["calls"]
            self.assertEqual(calls[0]["outcome"], "unknown")
            text = gateway.ctl("explain", calls[0]["call"]).stdout
            self.assertIn("may have done all, a part or nothing",
                          " ".join(text.split()))


class Changes(unittest.TestCase):
    """What is changed, and by whom."""

    def test_a_reload_says_what_it_changed(self):
        with Asked({"one": backend(), "two": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            gateway.wait_state("two", "ready")
            pid = gateway.status("one")["worker_pid"]
            gateway.rewrite({"one": backend(), "three": backend()})
            text = gateway.ctl("check").stdout
            self.assertRegex(text, "add|remove")
            names = gateway.ctl("status", "--names").stdout.split()
            self.assertEqual(names, ["one", "two"])
            text = gateway.ctl("reload").stdout
            self.assertRegex(text, "add|remove")
            self.assertEqual(gateway.status("three")["state"], "ready")
            self.assertEqual(gateway.status("one")["worker_pid"], pid)
            self.assertEqual(gateway.status()["gateway"]["reloads"], 1)
            gateway.wait_log(rf"control .*uid {os.getuid()}: reload")

    def test_an_error_has_its_place_and_changes_nothing(self):
        with Asked({"one": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            with open(gateway.config, "w", encoding="utf-8") as file:
                file.write('{\n  "mcpServers": {"one": {"command": 5}}\n}\n')
            for verb in ("check", "reload"):
                text = gateway.ctl(verb, status=REFUSED).stderr
                self.assertRegex(
                    text, rf"(?m)^{re.escape(gateway.config)}:2:\d+: .*"
                    "command")
            self.assertEqual(gateway.status("one")["state"], "ready")
            text = gateway.ctl("status", status=TROUBLE).stdout
            self.assertIn("last reload was refused", text)

    def test_a_backend_is_stopped_started_and_replaced(self):
        with Asked({"one": backend(), "two": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            gateway.ctl("stop", "one", "two")
            for name in ("one", "two"):
                gateway.wait_state(name, "down")
                self.assertEqual(gateway.status(name)["part"], "stopped")
            gateway.ctl("status")
            gateway.ctl("start", "one")
            gateway.wait_state("one", "ready")
            pid = gateway.status("one")["worker_pid"]
            gateway.ctl("restart", "one")
            process.wait_until(
                lambda: gateway.status("one")["worker_pid"] not in
                (pid, None), 15 * PATIENCE, "another worker")
            text = gateway.ctl("restart", "nobody", "two",
                               status=REFUSED).stderr
            self.assertIn("nobody", text)
            gateway.wait_state("two", "ready")  # the others are acted on
            gateway.wait_log(rf"control .*uid {os.getuid()}: stop one")

    def test_the_log_level_changes_everywhere(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            self.assertNotIn(" DEBUG ", gateway.log())
            gateway.ctl("log", "debug")
            gateway.ctl("restart", "one")
            gateway.wait_log(" DEBUG ")
            gateway.ctl("log", "loud", status=USAGE)


class Access(unittest.TestCase):
    """Who may ask, and what a peer can do."""

    def test_nobody_answers(self):
        done = ctl("status", path="/nonexistent/control.sock")
        self.assertEqual(done.returncode, NOBODY)
        self.assertIn("/nonexistent/control.sock", done.stderr)
        with Asked({}) as gateway:
            path = gateway.path
            gateway.stop()
            self.assertEqual(ctl("status", path=path).returncode, NOBODY)
            self.assertFalse(os.path.exists(path))

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_a_stranger_is_refused(self):
        with Asked({}) as gateway:
            self.assertEqual(stat.S_IMODE(os.stat(gateway.path).st_mode),
                             0o600)
            done = gateway.ctl("status", prefix=AS_NOBODY, status=NOBODY)
            self.assertIn("Permission denied", done.stderr)
            # Not even one who gets to the socket.
            os.chmod(os.path.dirname(gateway.path), 0o755)
            os.chmod(gateway.path, 0o666)
            done = gateway.ctl("stop", "x", prefix=AS_NOBODY, status=REFUSED)
            self.assertIn("may not control", done.stderr)
            gateway.wait_log("uid 65534: refused")

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_the_group_and_the_mode_let_in(self):
        group = grp.getgrgid(pwd.getpwnam("daemon").pw_gid)
        as_group = ("setpriv", "--reuid=65534", f"--regid={group.gr_gid}",
                    "--clear-groups")
        as_member = ("setpriv", "--reuid=65534", "--regid=65534",
                     f"--groups={group.gr_gid}")
        with Asked({}, settings={"control_group": group.gr_name,
                                 "control_mode": "0660"}) as gateway:
            info = os.stat(gateway.path)
            self.assertEqual((stat.S_IMODE(info.st_mode), info.st_gid),
                             (0o660, group.gr_gid))
            gateway.ctl("log", "info", prefix=as_group)
            gateway.ctl("log", "info", prefix=as_member)
            gateway.ctl("status", prefix=AS_NOBODY, status=NOBODY)
            gateway.ctl("reload", prefix=as_member)
            gateway.wait_log("control .*uid 65534: reload")

    def test_a_second_gateway_must_have_another_socket(self):
        with Asked({}) as gateway:
            other = subprocess.run(
                [DAEMON, "--config", gateway.config, "--port", "0"],
                capture_output=True, text=True, timeout=30, check=False,
                cwd=gateway.place)
            self.assertEqual(other.returncode, 1)
            self.assertIn("another gateway serves", other.stderr)
            gateway.ctl("status", "--names")

    def test_one_that_was_killed_leaves_nothing_in_the_way(self):
        with Asked({}) as gateway:
            path = gateway.path
            gateway.child.kill()
            gateway.child.wait()
            gateway.stopped = True
            self.assertTrue(os.path.exists(path))
            with Gateway({}, gateway={"control_socket": path}):
                self.assertEqual(
                    ctl("status", "--names", path=path).returncode, DONE)

    def connect(self, gateway):
        """A peer of the test's own."""
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(gateway.path)  # waits while the backlog is full
        peer.settimeout(10)
        return peer

    def test_rogue_bytes_are_hung_up_on(self):
        def frame(kind, payload, length=None, zero=0):
            return HEADER.pack(len(payload) if length is None else length,
                               kind, 0, 1, 0, zero) + payload
        object_ = b'{"verb":"status"}'
        with Asked({"one": backend()}) as gateway:
            gateway.wait_state("one", "ready")  # the front is asked, too
            for data in (b"\0" * 24, b"\xff" * 100,
                         b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                         frame(1, object_), frame(CONTROL_TYPE + 1, object_),
                         frame(CONTROL_TYPE, object_, length=1 << 31),
                         frame(CONTROL_TYPE, object_, length=4097),
                         frame(CONTROL_TYPE, object_, zero=1),
                         frame(CONTROL_TYPE, b"[" * 200),
                         frame(CONTROL_TYPE, b'{"verb":"\xff"}'),
                         frame(CONTROL_TYPE, b""),
                         frame(CONTROL_TYPE, object_) * 2):
                with self.connect(gateway) as peer:
                    peer.sendall(data)
                    while True:
                        try:
                            if not peer.recv(65536):
                                break
                        except ConnectionResetError:
                            break
            # A verb that does not exist has an answer.
            with self.connect(gateway) as peer:
                peer.sendall(frame(CONTROL_TYPE, b'{"verb":"exec"}'))
                self.assertIn(b"does not know", peer.recv(65536))
            gateway.wait_state("one", "ready")

    def test_a_hundred_peers_are_too_many(self):
        with Asked({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            before = len(process.descriptors(gateway.pid))
            peers = [self.connect(gateway) for _ in range(100)]
            process.wait_until(
                lambda: len(process.descriptors(gateway.pid)) <= before + 17,
                10 * PATIENCE, "at most 16 of them")
            done = gateway.ctl("status", status=REFUSED)
            self.assertIn("too many", done.stderr)
            client.call("one/echo", {"text": "x"}).result
            for peer in peers:
                peer.close()
            process.wait_until(
                lambda: ctl("status", path=gateway.path).returncode == DONE,
                10 * PATIENCE, "an answer")
            process.wait_until(
                lambda: len(process.descriptors(gateway.pid)) <= before,
                10 * PATIENCE, "all descriptors closed")

    def test_whoever_hangs_up_in_the_middle_harms_nobody(self):
        with Asked({"one": backend()}) as gateway:
            gateway.wait_state("one", "ready")
            for verb in ("status", "tools", "reload", "calls"):
                for _ in range(20):
                    with self.connect(gateway) as peer:
                        payload = json.dumps({"verb": verb}).encode()
                        peer.sendall(HEADER.pack(
                            len(payload), CONTROL_TYPE, 0, 0, 0, 0)
                            + payload)
            process.wait_until(
                lambda: ctl("status", path=gateway.path).returncode == DONE,
                10 * PATIENCE, "an answer")


if __name__ == "__main__":
    unittest.main()
