"""Jobs that leave sessions of their own, orphans, holders of their stdout and
a fork bomb behind: whoever is killed, nothing is left; with cgroups, without
them, and started by an ordinary user."""

import json
import os
import pwd
import random
import shutil
import signal
import tempfile
import time
import unittest

import gateway
import process
import trouble
from client import Client
from gateway import PATIENCE, PYTHON, Gateway, backend

# All of a job is gone so many seconds after a kill.  Five are promised; but a
# reaper gives up after four, and what it should do is not to be done by others.
GONE_WITHIN = 3
ALL = "session,orphan,holder,bomb"


# ---- cgroups ----

def find_mount():
    """The first mount of cgroup v2: (root, point), or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            words, _, more = line.partition(" - ")
            if more.split()[0] == "cgroup2":
                return words.split()[3:5]
    return None


def own_cgroup(pid="self"):
    """The path of a process in cgroup v2, or None."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        for line in file:
            if line.startswith("0::"):
                return line[3:].rstrip("\n")
    return None


def make_place(owner=None):
    """A cgroup for one test, so that no other gateway is in it; None where we
    may make none.  owner may use it like a subtree delegated to it."""
    mount, own = find_mount(), own_cgroup()
    if mount is None or own is None or mount[0] != "/":
        return None
    parent = mount[1] + own.rstrip("/")
    path = f"{parent}/mcpgw-test.{os.getpid()}.{random.getrandbits(32):x}"
    try:
        os.mkdir(path)
    except OSError:
        return None
    if not os.access(f"{path}/cgroup.kill", os.W_OK) or \
            not os.access(f"{parent}/cgroup.procs", os.W_OK):
        os.rmdir(path)
        return None
    if owner is not None:
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control"):
            os.chown(path + name, owner.pw_uid, owner.pw_gid)
    return path


def remove_place(path):
    """Kill what a failed test left in it, and remove it."""
    with open(f"{path}/cgroup.kill", "w", encoding="ascii") as file:
        file.write("1")
    for folder, _, _ in os.walk(path, topdown=False):
        process.wait_until(lambda name=folder: try_rmdir(name), 5,
                           f"{folder} removed")


def try_rmdir(path):
    """True when it is gone; busy for an instant after its last process."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def can_hide():
    """Whether a gateway can be started that sees no cgroup v2."""
    return os.getuid() == 0 and shutil.which("unshare") is not None and \
        os.system("unshare --mount true 2>/dev/null") == 0


PLACE = make_place()
HAVE_CGROUPS = PLACE is not None
if HAVE_CGROUPS:
    os.rmdir(PLACE)


# ---- the cases ----

class Cases:
    """What must hold with and without cgroups; self.place is None without."""

    def prepare(self, place, prefix):
        """The gateway of each test."""
        self.place = place
        self.prefix = prefix
        if place is not None:
            self.addCleanup(remove_place, place)

    def daemon(self):
        """The program to start."""
        return gateway.DAEMON

    def entry(self, troubles):
        """A backend that makes trouble, or none."""
        entry = backend()
        entry["args"] = [self.script(gateway.SCRIPT)]
        if troubles is not None:
            entry["args"] = [self.script(trouble.__file__), troubles, PYTHON,
                             *entry["args"]]
        return entry

    def script(self, path):
        """Where the gateway's user finds a file."""
        return path

    def start(self, troubles=ALL, bystander=True):
        """A gateway with a victim that makes trouble, and a bystander."""
        backends = {"victim": self.entry(troubles)}
        if bystander:
            backends["bystander"] = self.entry(None)
        running = Gateway(backends, prefix=self.prefix, daemon=self.daemon())
        self.addCleanup(running.discard)
        client = Client(running.address)
        self.addCleanup(client.close)
        client.wait_tools(*(f"{name}/echo" for name in backends))
        return running, client

    def main_process(self, client, name="victim"):
        """The first process of a job."""
        said = json.loads(client.call(f"{name}/environment").result[
            "content"][0]["text"])
        return said["pid"]

    def left(self, pid):
        """What there is of the job that began with this process."""
        found = [pid] if process.exists(pid) else []
        for entry in process.descendants(os.getpid()):
            try:
                with open(f"/proc/{entry}/comm", encoding="utf-8") as file:
                    if file.read().strip() == f"j{pid}":
                        found.append(entry)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def wait_trouble(self, pid, count=trouble.BOMB_SIZE // 2):
        """Wait until the trouble is there, the bomb grown; and that it is
        where it belongs."""
        process.wait_until(lambda: len(self.left(pid)) >= count,
                           20 * PATIENCE, f"{count} processes of j{pid}")
        place = own_cgroup(pid)
        if self.place is None:
            self.assertNotIn("/mcp-gateway.", place or "")
            return
        self.assertRegex(
            place, r"/mcpgw-test\.[^/]*/mcp-gateway\.\d+/\d+-victim$")
        self.assertEqual(len(self.folders()), 1)

    def wait_gone(self, pid):
        """All of it is gone in time."""
        begin = time.monotonic()
        process.wait_until(lambda: not self.left(pid),
                           GONE_WITHIN * PATIENCE, f"the end of all of j{pid}")
        return time.monotonic() - begin

    def folders(self):
        """Folders of gateways, which must not be left."""
        if self.place is None:
            return []
        return [name for name in os.listdir(self.place)
                if name.startswith("mcp-gateway.")]

    def assert_back(self, client, other_than):
        """The victim serves again, as another process."""
        begin = time.monotonic()
        while True:
            answer = client.call("victim/environment").json
            if "error" not in answer:
                break
            self.assertLess(time.monotonic() - begin, 15 * PATIENCE)
            time.sleep(0.05)
        pid = self.main_process(client)
        self.assertNotEqual(pid, other_than)
        return pid

    def kill_of_a_part(self, find):
        """Kill -9 a process of the victim's, again and again."""
        running, client = self.start()
        bystander = self.main_process(client, "bystander")
        pid = self.main_process(client)
        for _ in range(2):
            self.wait_trouble(pid)
            os.kill(find(running, pid), signal.SIGKILL)
            self.wait_gone(pid)
            pid = self.assert_back(client, pid)
        self.wait_trouble(pid)
        self.assertEqual(self.main_process(client, "bystander"), bystander)
        running.stop()
        self.assertEqual(self.folders(), [])

    def test_kill_of_the_job(self):
        self.kill_of_a_part(lambda running, pid: pid)

    def test_kill_of_the_worker(self):
        self.kill_of_a_part(
            lambda running, pid: running.find("worker", "victim"))

    def test_kill_of_the_reaper(self):
        self.kill_of_a_part(
            lambda running, pid: running.find("reaper", "victim"))

    def test_a_normal_end(self):
        for troubles in ("session,orphan,holder", "bomb"):
            with self.subTest(troubles):
                running, client = self.start(troubles)
                pid = self.main_process(client)
                self.wait_trouble(
                    pid, trouble.BOMB_SIZE // 2 if troubles == "bomb" else 4)
                running.stop()
                self.assertEqual(self.folders(), [])
                client.close()

    def end_of_the_supervisor(self, running):
        """After its kill nothing is left, and no folder."""
        running.child.wait(5)
        running.stopped = True
        running.assert_nothing_left(timeout=GONE_WITHIN)
        process.wait_until(lambda: not self.folders(), 5 * PATIENCE,
                           "no folder left")
        running.assert_sane()

    def test_kill_of_the_supervisor(self):
        running, client = self.start()
        self.wait_trouble(self.main_process(client))
        running.send_signal(signal.SIGKILL)
        self.end_of_the_supervisor(running)

    def kill_together(self, running, *reapers):
        """None of them can do anything about the death of the other."""
        running.send_signal(signal.SIGSTOP)
        for name in reapers:
            os.kill(running.find("reaper", name), signal.SIGKILL)
        running.send_signal(signal.SIGKILL)

    def test_kill_of_everybody_who_could_kill(self):
        """What the kernel ends by itself ends; the rest is found by the next
        start, where there are cgroups."""
        running, client = self.start(
            ALL if self.place else "session", bystander=False)
        pid = self.main_process(client)
        self.wait_trouble(
            pid, trouble.BOMB_SIZE // 2 if self.place else 2)
        roles = [running.find("front"), running.find("worker", "victim")]
        self.kill_together(running, "victim")
        running.child.wait(5)
        running.stopped = True
        process.wait_until(
            lambda: not any(process.exists(other) for other in (*roles, pid)),
            GONE_WITHIN * PATIENCE, "the end of front, worker and job")
        self.assertTrue(self.left(pid))
        if self.place is None:
            running.discard()
            return
        self.assertEqual(len(self.folders()), 1)
        old = self.folders()
        after, client = self.start("session", bystander=False)
        self.wait_gone(pid)
        self.assertNotIn(old[0], self.folders())
        self.wait_trouble(self.main_process(client), 2)
        after.stop()
        self.assertEqual(self.folders(), [])


@unittest.skipUnless(HAVE_CGROUPS, "no cgroup v2 that we may use")
class WithCgroups(Cases, unittest.TestCase):
    """Each job has a cgroup."""

    def setUp(self):
        place = make_place()
        self.prepare(place, (
            "/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"',
            place))

    def test_kill_of_the_supervisor_and_a_reaper_together(self):
        """The reapers of other jobs see to it."""
        running, client = self.start()
        self.wait_trouble(self.main_process(client))
        self.kill_together(running, "victim")
        self.end_of_the_supervisor(running)

    def test_another_gateway_is_left_alone(self):
        """Its folder is not one that was left behind."""
        first, client = self.start("session", bystander=False)
        pid = self.main_process(client)
        self.wait_trouble(pid, 2)
        second, _ = self.start("session", bystander=False)
        self.assertEqual(len(self.folders()), 2)
        second.send_signal(signal.SIGTERM)
        second.child.wait(12 * PATIENCE)
        second.stopped = True
        self.assertEqual(len(self.folders()), 1)
        self.assertEqual(self.main_process(client), pid)
        first.stop()
        self.assertEqual(self.folders(), [])


@unittest.skipUnless(can_hide() or not HAVE_CGROUPS,
                     "cgroup v2 cannot be hidden from the gateway")
class WithoutCgroups(Cases, unittest.TestCase):
    """The same by the reapers alone."""

    def setUp(self):
        prefix = ()
        if HAVE_CGROUPS:
            prefix = ("unshare", "--mount", "/bin/sh", "-c",
                      'mount -t tmpfs none "$0" && exec "$@"',
                      find_mount()[1])
        self.prepare(None, prefix)


@unittest.skipUnless(HAVE_CGROUPS and os.getuid() == 0,
                     "needs root, to become another user in a cgroup")
class AnOrdinaryUser(Cases, unittest.TestCase):
    """Each job has a cgroup in a subtree that belongs to the user."""

    @classmethod
    def setUpClass(cls):
        # The build may be in a folder that is closed to other users.
        cls.folder = tempfile.TemporaryDirectory(prefix="mcpgw-public-")
        os.chmod(cls.folder.name, 0o755)
        for path in (*(gateway.program(f"mcp-gateway{name}") for name in
                       ("d", "-front", "-worker", "-reaper")),
                     gateway.SCRIPT, trouble.__file__):
            shutil.copy(path, cls.folder.name)
            os.chmod(cls.public(path), 0o755)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def public(cls, path):
        """The path of the copy."""
        return os.path.join(cls.folder.name, os.path.basename(path))

    def setUp(self):
        place = make_place(pwd.getpwnam("nobody"))
        self.prepare(place, (
            "/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec setpriv '
            '--reuid=nobody --regid=nogroup --clear-groups '
            '--inh-caps=-all -- "$@"', place))

    def daemon(self):
        return self.public(gateway.DAEMON)

    def script(self, path):
        return self.public(path)


if __name__ == "__main__":
    unittest.main()
