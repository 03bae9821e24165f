"""What is left to the front and the workers, seen from outside, and tried from
inside by one that was taken over.  See privilege.py for who they are."""

import os
import platform
import pwd
import re
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import unittest

import http_backend
import inject
import process
from client import Client
from gateway import PATIENCE, SANITIZED, Gateway, backend

ROLES = (("front", None, "_mcpgw"), ("worker", "one", "_mcpgw-w"),
         ("worker-http", "far", "_mcpgw-w"))
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
LAST_WORDS = 64 << 10  # what may be added to a file: standard error
AT_FDCWD = -100
NOWHERE = struct.pack("=HH4s8x", socket.AF_INET, 0, bytes(4))


def have_users():
    """The two users that scripts/setup makes."""
    try:
        pwd.getpwnam("_mcpgw")
        pwd.getpwnam("_mcpgw-w")
    except KeyError:
        return False
    return True


def limits(pid):
    """{"core file size": ("0", "0"), …}"""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return {name.lower(): (soft, hard) for name, soft, hard in re.findall(
            r"^Max (.*?) {2,}(\S+) +(\S+)", file.read(), re.MULTILINE)}


def landlock():
    """The version of Landlock that this kernel has, 0 for none."""
    if platform.machine() not in ("x86_64", "aarch64"):
        return 0
    return max(0, inject.libc.syscall(444, None, 0, 1))


class WithGateway(unittest.TestCase):
    """One gateway with a worker of each kind."""

    @classmethod
    def setUpClass(cls):
        cls.server = http_backend.Backend()
        cls.addClassCleanup(cls.server.stop)
        cls.gateway = Gateway({"one": backend(),
                               "far": {"url": cls.server.url("/mcp")}})
        cls.addClassCleanup(cls.gateway.discard)
        with Client(cls.gateway.address) as client:
            client.wait_tools("one/echo", "far/echo")
            for name in ("one", "far"):
                client.call(f"{name}/echo", {"text": "x"}).result

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def each(self):
        """(role, pid, user) of each, as a test of its own."""
        for role, name, user in ROLES:
            with self.subTest(role):
                pid = self.gateway.find(role, name)
                self.assertIsNotNone(pid)
                yield role, pid, user


class Seen(WithGateway):
    """From outside: /proc."""

    def test_no_right_is_left_and_the_filter_is_there(self):
        for _, pid, _ in self.each():
            status = process.status(pid)
            self.assertEqual(status["NoNewPrivs"], ["1"])
            for which in CAPABILITIES[:3] + CAPABILITIES[4:]:
                self.assertEqual(int(status[which][0], 16), 0, which)
            if not SANITIZED:
                self.assertEqual(status["Seccomp"], ["2"])
                self.assertEqual(status["Seccomp_filters"], ["1"])

    @unittest.skipUnless(os.getuid() == 0 and have_users(),
                         "needs root and the users that scripts/setup makes")
    def test_nothing_of_root_is_left(self):
        for _, pid, user in self.each():
            entry = pwd.getpwnam(user)
            status = process.status(pid)
            self.assertEqual(status["Uid"], [str(entry.pw_uid)] * 4)
            self.assertEqual(status["Gid"], [str(entry.pw_gid)] * 4)
            self.assertEqual(status["Groups"], [])
            self.assertEqual(int(status["CapBnd"][0], 16), 0)

    @unittest.skipIf(SANITIZED, "sanitizers need to be dumpable")
    def test_nobody_looks_into_them(self):
        for _, pid, _ in self.each():
            # Files in /proc of what is not dumpable belong to root.
            for name in ("environ", "mem", "maps", "fd"):
                self.assertEqual(os.stat(f"/proc/{pid}/{name}").st_uid, 0)

    @unittest.skipIf(SANITIZED, "sanitizers need memory and processes")
    def test_they_use_up_nothing(self):
        size = os.stat(self.gateway.console_path).st_size
        for role, pid, _ in self.each():
            found = limits(pid)
            for name in ("core file size", "locked memory", "msgqueue size"):
                self.assertEqual(found[name], ("0", "0"), name)
            if role != "worker-http":  # which has threads
                self.assertEqual(found["processes"], ("0", "0"))
            soft, hard = found["file size"]
            self.assertEqual(soft, hard)
            self.assertLessEqual(int(hard), size + LAST_WORDS)

    @unittest.skipUnless(os.getuid() == 0 and not SANITIZED,
                         "needs root and a build without sanitizers")
    def test_where_they_live(self):
        for role, pid, _ in self.each():
            root = os.readlink(f"/proc/{pid}/root")
            if role == "worker-http":  # it needs the resolver's files
                self.assertEqual(root, "/")
                continue
            self.assertNotEqual(root, "/")
            self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
            state = os.stat(f"/proc/{pid}/root")
            self.assertEqual(state.st_uid, 0)
            self.assertEqual(state.st_mode & 0o022, 0)

    def test_every_descriptor_is_one_that_they_need(self):
        for role, pid, _ in self.each():
            kinds = {}
            for number, target in process.descriptors(pid).items():
                if number <= 2:
                    self.assertIn(target, ("/dev/null",
                                           self.gateway.console_path))
                    continue
                kind = re.sub(r":\[\d+\]$", "", target)
                kinds[kind] = kinds.get(kind, 0) + 1
                mode = os.stat(f"/proc/{pid}/fd/{number}").st_mode
                self.assertFalse(stat.S_ISDIR(mode), target)
            self.assertEqual(set(kinds), {
                "socket", "pipe", "anon_inode:[eventpoll]"})
            self.assertEqual(kinds["anon_inode:[eventpoll]"], 1)
            # The loop's own, and three of the job.
            self.assertEqual(kinds["pipe"], 5 if role == "worker" else 2)

    def test_what_is_missing_is_said(self):
        warned = re.search(r"kernel has no (\S+)", self.gateway.log())
        self.assertEqual(warned is not None,
                         landlock() == 0 and not SANITIZED)


# Whose end it is, and the call.
EVERYONE = ("front", "worker", "worker-http")
CONFINED = ("front", "worker")
DEADLY = (
    (EVERYONE, ("execve", b"/bin/true", 0, 0)),
    (EVERYONE, ("execveat", AT_FDCWD, b"/bin/true", 0, 0, 0)),
    (EVERYONE, ("fork",)),
    (EVERYONE, ("clone", signal.SIGCHLD, 0, 0, 0, 0)),
    (EVERYONE, ("kill", -1, 0)),
    (EVERYONE, ("tgkill", 1, 1, 0)),
    (EVERYONE, ("pidfd_open", 1, 0)),
    (EVERYONE, ("ptrace", 16, 1, 0, 0)),
    (EVERYONE, ("process_vm_readv", 1, 0, 0, 0, 0, 0)),
    (EVERYONE, ("prctl", 4, 1, 0, 0, 0)),
    (EVERYONE, ("setuid", 0)),
    (EVERYONE, ("unshare", 0x10000000)),
    (EVERYONE, ("unlink", b"/x")),
    (EVERYONE, ("memfd_create", b"x", 0)),
    (EVERYONE, ("io_uring_setup", 1, 0)),
    (EVERYONE, ("mprotect", 0, 4096, 5)),
    (EVERYONE, ("socket", socket.AF_PACKET, socket.SOCK_RAW, 0)),
    (EVERYONE, ("listen", 3, 1)),
    (CONFINED, ("socket", socket.AF_INET, socket.SOCK_STREAM, 0)),
    (CONFINED, ("connect", 3, NOWHERE, 16)),
    (CONFINED, ("bind", 3, NOWHERE, 16)),
    (CONFINED, ("mmap", 0, 4096, 5, 0x22, -1, 0)),
    (("worker-http",), ("openat", AT_FDCWD, b"/tmp/x", os.O_WRONLY, 0)),
    (("worker-http",), ("openat", AT_FDCWD, b"/tmp/x", os.O_CREAT, 0)),
)


@unittest.skipIf(SANITIZED, "sanitizers need more calls than the list has")
@unittest.skipIf(inject.why_not(), inject.why_not())
class Compromised(unittest.TestCase):
    """From inside: one that was taken over does what its taker wants."""

    def test_every_way_out_is_the_end(self):
        """Each call costs a process, so each worker makes one, and the
        gateway is none the worse: it starts the front again."""
        server = http_backend.Backend()
        self.addCleanup(server.stop)
        for at in range(0, len(DEADLY), 6):
            self.try_all(server, DEADLY[at:at + 6])

    def try_all(self, server, attempts):
        """Attempts of all roles in one gateway."""
        entries = {}
        for number in range(len(attempts)):
            entries[f"one{number}"] = backend()
            entries[f"far{number}"] = {"url": server.url("/mcp")}
        with Gateway(entries) as running:
            with Client(running.address) as client:
                client.wait_tools(*(f"{name}/echo" for name in entries))
            front = None
            for number, (roles, call) in enumerate(attempts):
                for role in roles:
                    with self.subTest(f"{role}: {call[0]}"):
                        if role == "front":
                            front = running.wait_for("front",
                                                     other_than=front)
                            pid = front
                        elif role == "worker":
                            pid = running.wait_for(role, f"one{number}")
                        else:
                            pid = running.wait_for(role, f"far{number}")
                        self.assert_deadly(pid, call)
            running.wait_log(r"SIGSYS|signal 31|Bad system call")

    def assert_deadly(self, pid, call):
        """The process does not live through this call."""
        self.wait_confined(pid)
        with inject.Taken(pid) as taken:
            self.assertEqual(taken.call("getpid"), pid)
            with self.assertRaises(inject.Killed) as caught:
                taken.call(*call)
            self.assertEqual(caught.exception.number, signal.SIGSYS)

    @staticmethod
    def wait_confined(pid):
        """A process that has just been started is not at once, and what is
        stopped must be waiting."""
        def waits():
            with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
                words = file.read().split()
            return words[0] in ("232", "281") and \
                process.status(pid)["Seccomp"] == ["2"]
        process.wait_until(waits, 10 * PATIENCE, "a sandbox")

    def test_no_file_is_opened(self):
        server = http_backend.Backend()
        self.addCleanup(server.stop)
        secret = "/proc/self/environ"
        with Gateway({"one": backend(),
                      "far": {"url": server.url("/mcp")}}) as running:
            with Client(running.address) as client:
                client.wait_tools("one/echo", "far/echo")
                config = running.config.encode()
                for role, name in (("front", None), ("worker", "one")):
                    with self.subTest(role), self.taken(
                            running, role, name) as taken:
                        for path in (config, b"/", b"/etc/passwd"):
                            self.assertEqual(taken.refused(
                                "openat", AT_FDCWD, path, 0, 0), "EACCES")
                            self.assertEqual(
                                taken.refused("open", path, 0, 0), "EACCES")
                with self.taken(running, "worker-http", "far") as taken:
                    self.assertEqual(taken.refused(
                        "socket", socket.AF_UNIX, socket.SOCK_STREAM, 0),
                        "EAFNOSUPPORT")
                    self.assertEqual(taken.refused(
                        "mmap", 0, 4096, 5, 0x22, -1, 0), "EACCES")
                    if landlock() >= 1:
                        for path in (config, secret.encode(), b"/bin/true",
                                     b"/etc"):
                            self.assertEqual(taken.refused(
                                "openat", AT_FDCWD, path, 0, 0), "EACCES")
                    if landlock() >= 4:
                        self.assert_no_port(taken)
                # None of them is the worse for it.
                for name in ("one", "far"):
                    self.assertEqual(client.call(
                        f"{name}/echo", {"text": "x"}).result["content"][0][
                            "text"], "x")

    def taken(self, running, role, name):
        """A process of this gateway, taken over."""
        pid = running.find(role, name)
        self.wait_confined(pid)
        return inject.Taken(pid)

    def assert_no_port(self, taken):
        """It serves nobody."""
        fd = taken.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
        self.assertGreaterEqual(fd, 0)
        self.assertEqual(taken.refused("bind", fd, NOWHERE, 16), "EACCES")


class Names:
    """A DNS server that has one address for all names."""

    def __init__(self, own, address):
        self.address = socket.inet_aton(address)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((own, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Until the socket is closed."""
        while True:
            try:
                query, peer = self.socket.recvfrom(512)
            except OSError:
                return
            end = query.index(b"\0", 12) + 5
            self.asked.append(query[12:end - 4])
            is_a = query[end - 4:end - 2] == b"\0\1"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + self.address
            self.socket.sendto(
                query[:2] + b"\x81\x80" + query[4:6] +
                (b"\0\1" if is_a else b"\0\0") + bytes(4) + query[12:end] +
                (answer if is_a else b""), peer)

    def close(self):
        """Answer no more."""
        self.socket.close()


@unittest.skipUnless(os.getuid() == 0, "needs root to be a DNS server")
class Resolver(unittest.TestCase):
    """The worker's threads look up names by DNS from within."""

    def test_a_name_is_looked_up(self):
        own = f"127.{os.getpid() >> 8 & 0xff}.{os.getpid() & 0xff}.53"
        names = Names(own, "127.0.0.1")
        self.addCleanup(names.close)
        server = http_backend.Backend()
        self.addCleanup(server.stop)
        url = server.url("/mcp").replace("127.0.0.1", "server.example")
        # Only these processes see another resolv.conf.
        script = ('set -e; echo "nameserver $0" >resolv.conf; '
                  "mount --bind resolv.conf /etc/resolv.conf; exec \"$@\"")
        prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
                  script, own)
        if subprocess.run([*prefix, "true"], cwd=self.folder(),
                          stdin=subprocess.DEVNULL, check=False,
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no other resolv.conf can be mounted")
        with Gateway({"far": {"url": url, "private_network": True}},
                     prefix=prefix) as running, \
                Client(running.address) as client:
            client.wait_tools("far/echo")
            self.assertEqual(client.call(
                "far/echo", {"text": "x"}).result["content"][0]["text"], "x")
        self.assertIn(b"\x06server\x07example\0", names.asked)

    def folder(self):
        """For a file of no use."""
        folder = tempfile.TemporaryDirectory(prefix="mcpgw-test-")
        self.addCleanup(folder.cleanup)
        return folder.name


if __name__ == "__main__":
    unittest.main()
