"""Started in strange surroundings: without randomness, in a folder that is
gone, with modes, variables, a zone and a language that nobody expects."""

import calendar
import errno
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

import http_backend
import httpd
import raw
from client import Client
from control import Asked
from gateway import (DAEMON, PATIENCE, PYTHON, SANITIZED, Gateway, backend,
                     faulty)

# linux/seccomp.h, linux/filter.h: all calls are allowed but one, which fails.
REFUSE = r"""
import ctypes, os, struct, sys
number, error = int(sys.argv[1]), int(sys.argv[2])
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | error),
        (0x06, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(
    b"".join(struct.pack("=HBBI", *one) for one in code))
header = struct.pack("=HxxxxxxQ", len(code), ctypes.addressof(program))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(header), 0, 0) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""
GETRANDOM = {"x86_64": 318, "aarch64": 278}.get(os.uname().machine)
GONE = ("sh", "-c", 'd=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"', "sh")
ZONE = "NPT-05:45"  # POSIX: 5:45 h ahead of UTC
GERMAN = "de_DE.UTF-8"


@unittest.skipIf(GETRANDOM is None or SANITIZED, "not on this machine")
class Randomness(unittest.TestCase):
    """Session ids that can be guessed are worse than no service."""

    def test_without_it_there_is_no_start(self):
        for error in (errno.ENOSYS, errno.EPERM, errno.EFAULT):
            for more in ((), ("--daemon",)):
                with self.subTest(error=error, more=more), \
                        Gateway({"one": backend()}, wait=False, prefix=(
                            PYTHON, "-c", REFUSE, str(GETRANDOM), str(error)),
                            args=(*more, "--pidfile", "x.pid")) as gateway:
                    self.assertEqual(gateway.child.wait(10 * PATIENCE), 1)
                    gateway.stopped = True
                    self.assertRegex(gateway.console(),
                                     r"\Amcp-gatewayd: .*getrandom.*\n\Z")
                    gateway.assert_nothing_left()
                    self.assertFalse(os.path.exists(
                        os.path.join(gateway.folder, "x.pid")))


class Folder(unittest.TestCase):
    """A working directory that was removed."""

    def test_names_that_are_relative_to_it_are_an_error(self):
        done = subprocess.run(
            [*GONE, DAEMON, "--config", "config.json", "--port", "0"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=20 * PATIENCE, check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("No such file or directory", done.stderr)

    def test_absolute_names_are_enough_in_the_foreground(self):
        with tempfile.TemporaryDirectory(prefix="mcpgw-test-") as folder, \
                Gateway({"one": backend(cwd="/")}, prefix=GONE, gateway={
                    "log_dir": os.path.join(folder, "logs")}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            self.assertEqual(len(os.listdir(os.path.join(folder, "logs"))), 1)


class Modes(unittest.TestCase):
    """Whatever umask the gateway is started with."""

    def test_what_is_ours_is_as_open_as_configured(self):
        for umask in ("000", "022", "077"):
            with self.subTest(umask), tempfile.TemporaryDirectory(
                    prefix="mcpgw-test-") as folder:
                os.chmod(folder, 0o755)
                self.check(umask, os.path.join(folder, "mcp.sock"))

    def check(self, umask, local):
        """Sockets and logs."""
        with Asked({"one": backend()}, {
                "listen": ["127.0.0.1:0", local], "socket_mode": "0606"},
                port=None, prefix=(
                    "sh", "-c", f'umask {umask}; exec "$@"', "sh")
                ) as gateway, Client(gateway.address) as client:
            client.wait_tools("one/echo")
            modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (
                local, gateway.path, gateway.log_path())]
            self.assertEqual(modes, [0o606, 0o600, 0o600])
            for path in (gateway.path, gateway.log_path()):
                mode = os.stat(os.path.dirname(path)).st_mode
                self.assertEqual(mode & 0o022, 0, path)


class Variables(unittest.TestCase):
    """An environment that wants to have a say."""

    HOSTILE = {
        "LD_PRELOAD": "/nonexistent/x.so", "LD_BIND_NOW": "1",
        "LD_DEBUG_OUTPUT": "/nonexistent/x", "LD_AUDIT": "/nonexistent/a.so",
        "GLIBC_TUNABLES": "glibc.malloc.perturb=85:glibc.malloc.tcache_count=0",
        "MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3", "MALLOC_ARENA_MAX": "1",
        "EVENT_NOEPOLL": "1", "EVENT_SHOW_METHOD": "1",
        "EVENT_EPOLL_USE_CHANGELIST": "1", "EVENT_PRECISE_TIMER": "1",
        "SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent",
        "OPENSSL_CONF": "/nonexistent", "SSLKEYLOGFILE": "/tmp/keys",
        "CURL_HOME": "/nonexistent", "RES_OPTIONS": "ndots:15",
        "HOSTALIASES": "/nonexistent", "LOCALDOMAIN": "example.invalid",
        "PYTHONWARNINGS": "ignore"}

    def test_none_of_it_reaches_our_programs(self):
        with Gateway({"one": faulty()}, env=self.HOSTILE) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo", {"text": "x" * 100000}).result
            for role, name in (("front", None), ("worker", "one"),
                               ("reaper", "one")):
                with open(f"/proc/{gateway.find(role, name)}/environ",
                          "rb") as file:
                    text = file.read()
                for wrong in self.HOSTILE:
                    self.assertNotIn(wrong.encode() + b"=", text)

    def test_a_proxy_of_the_environment_gets_nothing(self):
        seen = []

        class Proxy(httpd.Server):
            """Whoever asks it is noted."""

            def handle(self, connection, request):
                seen.append(request.target)
                connection.reply(503)
        with Proxy() as proxy, http_backend.Backend() as server:
            names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY",
                     "HTTPS_PROXY", "ALL_PROXY")
            with Gateway({"web": {"type": "http", "url": server.url("/mcp")}},
                         env={**{name: proxy.url() for name in names},
                              "no_proxy": "", "NO_PROXY": ""}) as gateway, \
                    Client(gateway.address) as client:
                client.wait_tools("web/echo")
                client.call("web/echo", {"text": "x"}).result
        self.assertEqual(seen, [])


class Places(unittest.TestCase):
    """Time zone and language."""

    def test_the_log_is_in_local_time_and_its_json_in_utc(self):
        for form, pattern, ahead in (
                ("text", r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - ", 20700),
                ("json", r'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)', 0)):
            with self.subTest(form), Gateway(
                    {"one": backend()}, gateway={"log_format": form},
                    env={"TZ": ZONE}) as gateway:
                gateway.wait_log("backend ready|1 of 1")
                text = re.search(pattern, gateway.log()).group(1)
                then = time.strptime(text.replace("T", " "),
                                     "%Y-%m-%d %H:%M:%S")
                off = calendar.timegm(then) - time.time() - ahead
                self.assertLess(abs(off), 30 * PATIENCE)

    def language(self):
        """Variables of a language whose numbers have a comma."""
        folder = tempfile.mkdtemp(prefix="mcpgw-locale-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        if shutil.which("localedef") is None or subprocess.run(
                ["localedef", "-i", "de_DE", "-f", "UTF-8",
                 os.path.join(folder, GERMAN)], capture_output=True,
                check=False).returncode not in (0, 1):
            self.skipTest("needs localedef and its sources")
        names = {"LOCPATH": folder, "LC_ALL": GERMAN, "LANG": GERMAN}
        said = subprocess.run(["printf", "%.1f", "1,5"], env=names, text=True,
                              capture_output=True, check=False).stdout
        if said != "1,5":
            self.skipTest(f"{GERMAN} does not work: {said!r}")
        return names

    @unittest.skipIf(SANITIZED, "setlocale(3) itself leaks its LOCPATH")
    def test_numbers_have_a_point_everywhere(self):
        names = self.language()
        with Asked({"one": backend(request_timeout=1.5)},
                   env=names) as gateway, Client(gateway.address) as client:
            client.wait_tools("one/echo")
            begin = time.monotonic()
            client.call("one/hang", {"seconds": 60}).error
            self.assertGreater(time.monotonic() - begin, 1.4)
            message = client.call(
                "one/raw", {"result": {"number": 1.5}}).result
            self.assertEqual(message["number"], 1.5)
            gateway.wait_log(r"ready in \d+\.\d\d s")
            text = gateway.ctl("status", "--json", env=names).stdout
            json.loads(text)
            shown = gateway.ctl("status", env=names).stdout + \
                gateway.ctl("calls", env=names).stdout
            self.assertNotRegex(shown, r"\d,\d")
            metrics = raw.ask(gateway.address, "GET", "/metrics").body.decode()
            self.assertNotRegex(metrics, r"\d,\d")
            self.assertNotRegex(gateway.log(), r"\d,\d")


if __name__ == "__main__":
    unittest.main()
