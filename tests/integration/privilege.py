"""Who runs as whom, seen from outside: /proc of every process."""

import os
import pwd
import re
import shutil
import tempfile
import unittest

import gateway
import process
from client import Client
from gateway import Gateway, backend

ROLES = (("front", None, "_mcpgw"), ("worker", "one", "_mcpgw-w"))


def have_users():
    """The two users that scripts/setup makes."""
    try:
        pwd.getpwnam("_mcpgw")
        pwd.getpwnam("_mcpgw-w")
    except KeyError:
        return False
    return True


@unittest.skipUnless(os.getuid() == 0 and have_users(),
                     "needs root and the users that scripts/setup makes")
class AsRoot(unittest.TestCase):
    """Started as root: nobody but the supervisor and the reaper stays it."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway({"one": backend(), "two": backend()})
        with Client(cls.gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()

    def test_front_and_workers_gave_up_root_for_good(self):
        for role, name, user in ROLES:
            with self.subTest(role):
                entry = pwd.getpwnam(user)
                status = process.status(self.gateway.find(role, name))
                self.assertEqual(status["Uid"], [str(entry.pw_uid)] * 4)
                self.assertEqual(status["Gid"], [str(entry.pw_gid)] * 4)
                self.assertEqual(status["Groups"], [])
                for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(status[which][0], 16), 0, which)
                self.assertEqual(status["NoNewPrivs"], ["1"])

    @unittest.skipIf(gateway.SANITIZED, "sanitizers need /proc: no chroot")
    def test_front_and_workers_see_an_empty_folder_of_root(self):
        for role, name, _ in ROLES:
            with self.subTest(role):
                pid = self.gateway.find(role, name)
                root = os.readlink(f"/proc/{pid}/root")
                self.assertNotEqual(root, "/")
                self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
                state = os.stat(f"/proc/{pid}/root")
                self.assertEqual(state.st_uid, 0)
                self.assertEqual(state.st_mode & 0o022, 0)
                self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), root)

    def kinds(self, role, name=None):
        """What the descriptors of a process are, sorted."""
        pid = self.gateway.find(role, name)
        return sorted(re.sub(r"[:\[].*", "", target) for target in
                      process.descriptors(pid).values())

    def test_a_worker_has_exactly_its_descriptors(self):
        # 0 to 2; the channel and the link; the job's three pipes; and the
        # loop's: epoll and a pipe to itself for signals.
        found = self.kinds("worker", "one")
        self.assertEqual(found.count("socket"), 2, found)
        self.assertEqual(found.count("pipe"), 3 + 2, found)
        self.assertEqual(found.count("anon_inode"), 1, found)
        self.assertEqual(len(found), 3 + 2 + 5 + 1, found)
        self.assert_nothing_of_others("worker", "one")

    def test_the_front_has_exactly_its_descriptors(self):
        # The channel, one listening socket and a link for each backend; a
        # client's connection that has ended is let go of a little later.
        sockets = 1 + 1 + 2
        process.wait_until(
            lambda: self.kinds("front").count("socket") == sockets, 10,
            "no more sockets than there should be")
        found = self.kinds("front")
        self.assertEqual(found.count("pipe"), 2, found)
        self.assertEqual(found.count("anon_inode"), 1, found)
        self.assertEqual(len(found), 3 + sockets + 2 + 1, found)
        self.assert_nothing_of_others("front")

    def assert_nothing_of_others(self, role, name=None):
        """No file is open but /dev/null and our own console."""
        pid = self.gateway.find(role, name)
        for number, target in process.descriptors(pid).items():
            if target.startswith("/") and target != "/dev/null":
                self.assertLessEqual(number, 2, target)
                self.assertEqual(target, self.gateway.console_path)

    def test_a_crash_leaves_no_core_and_nobody_looks_in(self):
        for role, name, _ in ROLES + (("reaper", "one", None),):
            with self.subTest(role):
                pid = self.gateway.find(role, name)
                with open(f"/proc/{pid}/limits", encoding="ascii") as file:
                    self.assertRegex(file.read(), r"Max core file size +0 ")
                # Files in /proc of what is not dumpable belong to root.
                self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0)

    def test_the_environment_of_front_and_workers_is_not_the_gateways(self):
        for role, name, _ in ROLES:
            with open(f"/proc/{self.gateway.find(role, name)}/environ",
                      "rb") as file:
                self.assertNotIn(b"MCPGW_BUILD=", file.read())


@unittest.skipUnless(os.getuid() == 0, "needs root to become another")
class Others(unittest.TestCase):
    """Jobs of other users, users that are missing, and no root at all.  The
    programs are copied to where every user may read them."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mcpgw-public-")
        os.chmod(cls.folder.name, 0o755)
        for path in (gateway.SCRIPT, gateway.DAEMON, *(
                gateway.program(f"mcp-gateway-{role}")
                for role in ("front", "worker", "reaper"))):
            shutil.copy(path, cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def public(self, name):
        """The path of a copy."""
        return os.path.join(self.folder.name, name)

    def entry(self, **more):
        """The scripted backend, its copy."""
        entry = backend(**more)
        entry["args"][0] = self.public("backend.py")
        return entry

    def test_a_job_becomes_its_user(self):
        with Gateway({"one": self.entry(user="nobody")}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/echo")
            nobody = pwd.getpwnam("nobody")
            status = process.status(running.jobs("one")[0])
            self.assertEqual(status["Uid"], [str(nobody.pw_uid)] * 4)
            self.assertEqual(status["Gid"], [str(nobody.pw_gid)] * 4)
            self.assertNotIn("0", status["Groups"])
            self.assertEqual(int(status["CapEff"][0], 16), 0)
            self.assertEqual(status["NoNewPrivs"], ["1"])

    def test_a_missing_user_is_refused_with_the_remedy(self):
        for settings, backends in (
                ({"user": "no-such-user"}, {}),
                ({"worker_user": "no-such-user"}, {}),
                ({}, {"one": backend(user="no-such-user")})):
            with Gateway(backends, gateway=settings, wait=False) as running:
                self.assertNotEqual(running.child.wait(10), 0)
                running.stopped = True
                text = running.console()
                self.assertIn("no-such-user", text)
                self.assertRegex(text, r"useradd|adduser|create")

    def test_without_root_it_works_and_says_so_once(self):
        prefix = ("setpriv", "--reuid=nobody", "--regid=nogroup",
                  "--clear-groups", "--inh-caps=-all")
        with Gateway({"one": self.entry()}, prefix=prefix,
                     daemon=self.public("mcp-gatewayd")) as running, \
                Client(running.address) as client:
            client.wait_tools("one/echo")
            client.call("one/echo").result
            uid = str(pwd.getpwnam("nobody").pw_uid)
            pids = [running.pid, running.find("front"),
                    running.find("worker", "one"), *running.jobs("one")]
            for pid in pids:
                self.assertEqual(process.status(pid)["Uid"], [uid] * 4)
            lines = [line for line in running.console().splitlines()
                     if re.search(r"\broot\b", line)]
            self.assertEqual(len(lines), 1, running.console())

    def test_another_user_cannot_signal_or_read_front_and_workers(self):
        with Gateway({"one": self.entry(user="nobody")}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/echo")
            nobody = pwd.getpwnam("nobody")
            for role, name in (("front", None), ("worker", "one"),
                               ("reaper", "one")):
                pid = running.find(role, name)
                child = os.fork()
                if child == 0:
                    os.setgroups([])
                    os.setresgid(*[nobody.pw_gid] * 3)
                    os.setresuid(*[nobody.pw_uid] * 3)
                    status = 0
                    try:
                        os.kill(pid, 0)
                        status = 1
                    except PermissionError:
                        pass
                    try:
                        os.listdir(f"/proc/{pid}/fd")
                        status = 2
                    except PermissionError:
                        pass
                    os._exit(status)
                _, status = os.waitpid(child, 0)
                self.assertEqual(status, 0, role)


if __name__ == "__main__":
    unittest.main()
