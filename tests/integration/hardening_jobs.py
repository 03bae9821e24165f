"""What a job may do, and what it may not: tried from within one."""

import json
import os
import pwd
import re
import shutil
import socket
import tempfile
import threading
import unittest

import gateway
import process
from client import Client
from gateway import Gateway

FIRST_UID = 60578
LAST_UID = 61183
DENIED = (["EACCES"], ["EPERM"])


def have_users():
    """The two users that scripts/setup makes."""
    try:
        pwd.getpwnam("_mcpgw")
        pwd.getpwnam("_mcpgw-w")
    except KeyError:
        return False
    return True


def landlock():
    """The version of Landlock that this kernel has, 0 without."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(444, None, 0, 1))


class Folder:
    """A folder that every user may read, with a copy of the intruder, and in it
    the jobs' own."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="mcpgw-public-")
        os.chmod(self.path, 0o755)
        self.script = os.path.join(self.path, "intruder.py")
        shutil.copy(os.path.join(gateway.LIBRARY, "intruder.py"), self.script)
        self.state_dir = os.path.join(self.path, "state")

    def cleanup(self):
        """Remove it."""
        shutil.rmtree(self.path)

    def settings(self, **more):
        """Of "gateway": jobs get user ids of their own."""
        return {"state_dir": self.state_dir,
                "job_uids": f"{FIRST_UID}-{LAST_UID}", **more}

    def entry(self, **more):
        """A backend that tries what it is told."""
        return {"command": gateway.PYTHON, "args": [self.script], **more}


def attempt(client, backend, what, **arguments):
    """Have a job try something: ["ok", result], or [error]."""
    result = client.call(f"{backend}/try", {"what": what, **arguments}).result
    return json.loads(result["content"][0]["text"])


@unittest.skipUnless(os.getuid() == 0 and have_users(),
                     "needs root and the users that scripts/setup makes")
class JobTest(unittest.TestCase):
    """Jobs of a gateway that is root."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.control = os.path.join(cls.folder.path, "control.sock")
        cls.gateway = Gateway(
            {"one": cls.folder.entry(), "two": cls.folder.entry()},
            gateway=cls.folder.settings(control_socket=cls.control),
            env={"XDG_RUNTIME_DIR": "/run/user/0", "TEST_TOKEN": "inherited"})
        # As an installation has it.
        os.chmod(cls.gateway.config, 0o600)
        cls.client = Client(cls.gateway.address)
        cls.client.wait_tools("one/try", "two/try")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.client.close()
            cls.gateway.stop()
        finally:
            cls.gateway.discard()
            cls.folder.cleanup()

    def attempt(self, what, **arguments):
        """Have the first job try something."""
        return attempt(self.client, "one", what, **arguments)

    def succeed(self, what, **arguments):
        """The same; it must work."""
        answer = self.attempt(what, **arguments)
        self.assertEqual(answer[0], "ok", (what, arguments, answer))
        return answer[1]

    def home(self, name):
        """A job's folder."""
        return os.path.join(self.folder.state_dir, name)

    def processes(self):
        """Every process of the gateway that is no job."""
        running = self.gateway
        found = {"supervisor": running.pid, "front": running.find("front")}
        for name in "one", "two":
            for role in "worker", "reaper":
                found[f"{role} {name}"] = running.find(role, name)
        self.assertNotIn(None, found.values(), found)
        return found

    def test_each_job_has_an_id_of_its_own_and_nothing_of_root(self):
        ids = set()
        for name in "one", "two":
            pid = self.gateway.jobs(name)[0]
            status = process.status(pid)
            uid = int(status["Uid"][0])
            self.assertEqual(status["Uid"], [str(uid)] * 4)
            self.assertEqual(status["Gid"], [str(uid)] * 4)
            self.assertEqual(status["Groups"], [])
            self.assertTrue(FIRST_UID <= uid <= LAST_UID, uid)
            for which in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
                self.assertEqual(int(status[which][0], 16), 0, which)
            self.assertEqual(status["NoNewPrivs"], ["1"])
            self.assertEqual(status["Seccomp"], ["2"])
            ids.add(uid)
        self.assertEqual(len(ids), 2)

    def test_it_has_a_home_that_is_closed_to_others(self):
        about = self.succeed("about")
        home = self.home("one")
        environment = about["environment"]
        self.assertEqual(environment["HOME"], home)
        self.assertEqual(environment["TMPDIR"], f"{home}/tmp")
        self.assertEqual(environment["USER"], "one")
        self.assertEqual(about["cwd"], home)
        for path, mode in (home, 0o700), (f"{home}/tmp", 0o700):
            state = os.stat(path)
            self.assertEqual(state.st_uid, about["uid"])
            self.assertEqual(state.st_mode & 0o7777, mode)
        self.assertEqual(os.stat(self.folder.state_dir).st_uid, 0)
        self.assertEqual(
            os.stat(self.folder.state_dir).st_mode & 0o7777, 0o711)
        self.succeed("write", path=f"{home}/file")
        self.succeed("write", path=f"{home}/tmp/file")

    def test_roots_sessions_do_not_leak_and_the_rest_is_inherited(self):
        environment = self.succeed("about")["environment"]
        self.assertNotIn("XDG_RUNTIME_DIR", environment)
        self.assertEqual(environment["TEST_TOKEN"], "inherited")

    def test_it_cannot_reach_another_jobs_files(self):
        home = self.home("two")
        self.assertIn(self.attempt("list", path=home), DENIED)
        self.assertIn(self.attempt("read", path=f"{home}/file"), DENIED)
        self.assertIn(self.attempt("write", path=f"{home}/file"), DENIED)
        self.assertIn(self.attempt("list", path=self.folder.state_dir), DENIED)
        self.assertIn(self.attempt(
            "link", path="/etc", to=f"{self.folder.state_dir}/three"), DENIED)

    def test_it_cannot_read_the_configuration_or_the_log(self):
        for path in self.gateway.config, self.gateway.log_path():
            self.assertIn(self.attempt("read", path=path), DENIED)
            self.assertIn(self.attempt("write", path=path), DENIED)

    def test_it_cannot_connect_to_the_control_socket(self):
        self.assertTrue(os.path.exists(self.control))
        self.assertIn(self.attempt("connect", path=self.control), DENIED)

    def test_it_cannot_signal_or_trace_any_process_of_the_gateway(self):
        for name, pid in self.processes().items():
            with self.subTest(name):
                for number in 0, 9, 15, 19:
                    self.assertEqual(self.attempt(
                        "kill", pid=pid, number=number), ["EPERM"])
                self.assertEqual(self.attempt("ptrace", pid=pid), ["EPERM"])

    def test_it_cannot_look_into_any_process_of_the_gateway(self):
        for name, pid in self.processes().items():
            with self.subTest(name):
                for file in "environ", "mem", "maps", "stack", "syscall":
                    self.assertIn(self.attempt(
                        "read", path=f"/proc/{pid}/{file}"), DENIED, file)
                self.assertIn(self.attempt(
                    "list", path=f"/proc/{pid}/fd"), DENIED)
                for link in "root", "cwd", "exe", "fd/3":
                    self.assertIn(self.attempt(
                        "readlink", path=f"/proc/{pid}/{link}"), DENIED)

    def test_it_cannot_reach_another_job(self):
        pid = self.gateway.jobs("two")[0]
        self.assertEqual(self.attempt("kill", pid=pid, number=9), ["EPERM"])
        self.assertEqual(self.attempt("ptrace", pid=pid), ["EPERM"])
        self.assertIn(self.attempt(
            "read", path=f"/proc/{pid}/environ"), DENIED)
        self.assertIn(self.attempt("list", path=f"/proc/{pid}/fd"), DENIED)

    def test_it_cannot_trace_even_itself(self):
        status, _, _ = self.succeed("run", argv=[
            gateway.PYTHON, "-c",
            "import ctypes, sys; sys.exit(ctypes.CDLL(None)"
            ".ptrace(0, 0, 0, 0) & 255)"])
        self.assertEqual(status, 255)

    def test_it_can_work_with_programs_and_threads(self):
        status, output, error = self.succeed("run", argv=[
            gateway.PYTHON, "-c",
            "import threading, socket, tempfile, multiprocessing as m\n"
            "t = threading.Thread(target=print, args=('thread',))\n"
            "t.start(); t.join()\n"
            "tempfile.NamedTemporaryFile(); socket.create_server(('', 0))\n"
            "with m.get_context('fork').Pool(2) as p:\n"
            "    print(sum(p.map(abs, range(-10, 1))))\n"])
        self.assertEqual((status, output), (0, "thread\n55\n"), error)

    def test_what_it_leaves_in_other_sessions_is_killed_with_it(self):
        with Client(self.gateway.address) as client:
            before = self.gateway.jobs("two")
            self.assertEqual(
                attempt(client, "two", "fork", count=5), ["ok", 5])
            process.wait_until(
                lambda: len(self.gateway.jobs("two")) == 6, 5, "six processes")
            six = self.gateway.jobs("two")
            os.kill(before[0], 9)
            process.wait_until(lambda: not any(map(process.exists, six)), 5,
                               "nothing of the job left")
            self.gateway.wait_job("two", other_than=six)
            client.wait_tools("two/try")

    def test_the_reaper_keeps_little_of_root(self):
        status = process.status(self.gateway.find("reaper", "one"))
        self.assertEqual(status["Uid"], ["0"] * 4)
        self.assertEqual(status["NoNewPrivs"], ["1"])
        self.assertEqual(int(status["CapBnd"][0], 16), 0)
        # CAP_KILL, and where cgroups need it CAP_DAC_OVERRIDE.
        self.assertEqual(
            int(status["CapPrm"][0], 16) & ~(1 << 5 | 1 << 1), 0)
        self.assertTrue(int(status["CapEff"][0], 16) & 1 << 5)


@unittest.skipUnless(os.getuid() == 0 and have_users(),
                     "needs root and the users that scripts/setup makes")
class JobSettingsTest(unittest.TestCase):
    """What the configuration says of jobs, one gateway for each test."""

    def setUp(self):
        self.folder = Folder()

    def tearDown(self):
        self.folder.cleanup()

    def start(self, backends, **settings):
        """A gateway with these."""
        return Gateway(backends, gateway=self.folder.settings(**settings))

    def uid(self, running, name):
        """Whom a job runs as."""
        return int(process.status(running.jobs(name)[0])["Uid"][0])

    def test_an_id_belongs_to_a_backend_for_good(self):
        with self.start({"b": self.folder.entry()}) as running, \
                Client(running.address) as client:
            client.wait_tools("b/try")
            first = self.uid(running, "b")
            self.assertEqual(attempt(client, "b", "write", path="kept")[0],
                             "ok")
        with self.start({"a": self.folder.entry(),
                         "b": self.folder.entry()}) as running, \
                Client(running.address) as client:
            client.wait_tools("a/try", "b/try")
            self.assertEqual(self.uid(running, "b"), first)
            self.assertNotEqual(self.uid(running, "a"), first)
            self.assertEqual(attempt(client, "b", "read", path="kept"),
                             ["ok", "x"])

    def test_a_folder_of_somebody_else_is_refused_with_the_remedy(self):
        os.makedirs(f"{self.folder.state_dir}/one", mode=0o711)
        os.chown(f"{self.folder.state_dir}/one", 1234, 1234)
        with Gateway({"one": self.folder.entry()}, wait=False,
                     gateway=self.folder.settings()) as running:
            self.assertNotEqual(running.child.wait(10), 0)
            running.stopped = True
            self.assertRegex(running.console(),
                             r"/one belongs to user 1234, .*chown -R")

    def test_a_folder_that_others_may_change_is_refused(self):
        os.makedirs(self.folder.state_dir)
        os.chmod(self.folder.state_dir, 0o777)
        with Gateway({"one": self.folder.entry()}, wait=False,
                     gateway=self.folder.settings()) as running:
            self.assertNotEqual(running.child.wait(10), 0)
            running.stopped = True
            self.assertRegex(running.console(), r"chmod go-w")

    def test_root_is_a_choice_that_is_warned_about_once(self):
        with self.start({"one": self.folder.entry(user="root"),
                         "two": self.folder.entry()}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try", "two/try")
            self.assertEqual(self.uid(running, "one"), 0)
            lines = [line for line in running.log().splitlines()
                     if "run as root" in line]
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], r": one$")

    def test_a_program_that_its_user_cannot_execute_names_the_remedy(self):
        with tempfile.TemporaryDirectory(prefix="mcpgw-closed-") as closed:
            program = shutil.copy("/bin/true", closed)
            with self.start({"one": {"command": program}}) as running:
                found = running.wait_log(
                    r"exec \S+ as user (\d+): Permission denied; (.*)")
                self.assertTrue(
                    FIRST_UID <= int(found.group(1)) <= LAST_UID)
                self.assertIn('set "user"', found.group(2))

    def test_a_clear_environment_has_what_is_configured(self):
        entry = self.folder.entry(clear_env=True, env={"KEY": "value"})
        with Gateway({"one": entry}, gateway=self.folder.settings(),
                     env={"SECRET": "x"}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try")
            found = attempt(client, "one", "about")[1]["environment"]
            self.assertEqual(found["KEY"], "value")
            self.assertNotIn("SECRET", found)
            # Python adds the last one itself in the "C" locale.
            self.assertEqual(set(found) - {"LANG", "TZ", "LC_CTYPE"}, {
                "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "KEY"})

    def test_limits_are_kept(self):
        entry = self.folder.entry(limits={
            "open_files": 64, "file_size": 8192, "processes": 20})
        with self.start({"one": entry}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try")
            with open(f"/proc/{running.jobs('one')[0]}/limits",
                      encoding="ascii") as file:
                text = file.read()
            self.assertRegex(text, r"Max open files +64 +64 ")
            self.assertRegex(text, r"Max file size +8192 +8192 ")
            self.assertRegex(text, r"Max core file size +0 +0 ")
            self.assertEqual(attempt(client, "one", "write", path="large",
                                     content="x" * 9000), ["EFBIG"])
            self.assertEqual(
                attempt(client, "one", "fork", count=100), ["EAGAIN"])

    def test_set_uid_programs_work_only_where_they_are_allowed(self):
        program = shutil.copy(
            os.path.realpath("/usr/bin/id"), self.folder.path)
        os.chmod(program, 0o4755)
        with self.start({
                "one": self.folder.entry(),
                "two": self.folder.entry(new_privileges=True)}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try", "two/try")
            said = {name: attempt(client, name, "run", argv=[program])[1][1]
                    for name in ("one", "two")}
            self.assertNotIn("euid=0", said["one"])
            self.assertIn("euid=0", said["two"])

    @unittest.skipUnless(landlock() >= 1, "needs Landlock")
    def test_a_sandbox_leaves_what_is_listed(self):
        inner = os.path.join(self.folder.path, "data")
        os.mkdir(inner)
        os.chmod(inner, 0o777)
        other = os.path.join(self.folder.path, "other")
        with open(other, "w", encoding="utf-8") as file:
            file.write("x")
        entry = self.folder.entry(sandbox={
            "read": [self.folder.script, "/no/such/path"], "write": [inner]})
        with self.start({"one": entry}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try")
            for what, arguments, good in (
                    ("write", {"path": f"{inner}/file"}, True),
                    ("read", {"path": f"{inner}/file"}, True),
                    ("read", {"path": self.folder.script}, True),
                    ("read", {"path": "/etc/passwd"}, True),
                    ("list", {"path": "/usr/bin"}, True),
                    ("write", {"path": "in-my-home"}, True),
                    ("run", {"argv": ["/bin/true"]}, True),
                    ("read", {"path": other}, False),
                    ("list", {"path": "/var"}, False),
                    ("list", {"path": "/tmp"}, False),
                    ("write", {"path": "/tmp/mcpgw-file"}, False)):
                answer = attempt(client, "one", what, **arguments)
                if good:
                    self.assertEqual(answer[0], "ok", (what, arguments))
                else:
                    self.assertEqual(answer, ["EACCES"], (what, arguments))
            running.wait_log(r"WARNING.*\"read\" /no/such/path cannot be "
                             r"reached: No such file or directory")

    @unittest.skipUnless(landlock() >= 4, "needs Landlock with ports")
    def test_a_sandbox_keeps_ports_and_processes(self):
        with socket.create_server(("127.0.0.1", 0)) as good, \
                socket.create_server(("127.0.0.1", 0)) as bad:
            ports = [server.getsockname()[1] for server in (good, bad)]
            entry = self.folder.entry(sandbox={
                "read": [self.folder.script], "connect": [ports[0]]})
            with self.start({"one": entry}) as running, \
                    Client(running.address) as client:
                client.wait_tools("one/try")
                self.assertEqual(attempt(
                    client, "one", "connect", port=ports[0])[0], "ok")
                self.assertEqual(attempt(
                    client, "one", "connect", port=ports[1]), ["EACCES"])
                self.assertEqual(attempt(
                    client, "one", "run", argv=["unshare", "-U", "true"])[1][0],
                    1)

    def test_a_private_network_reaches_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=lambda: server.accept(),
                             daemon=True).start()
            port = server.getsockname()[1]
            entry = self.folder.entry(sandbox={
                "read": [self.folder.script], "connect": ["*"],
                "network": "none"})
            with self.start({"one": entry}) as running, \
                    Client(running.address) as client:
                client.wait_tools("one/try")
                self.assertEqual(attempt(
                    client, "one", "connect", port=port), ["ECONNREFUSED"])
                lines = attempt(client, "one", "read",
                                path="/proc/self/net/dev")[1].splitlines()
                self.assertEqual(len([line for line in lines
                                      if re.search(r"^ *\w+:", line)]), 1)

    def test_a_limit_that_cannot_be_kept_is_told(self):
        with self.start({"one": self.folder.entry(
                limits={"memory": "64M"})}) as running, \
                Client(running.address) as client:
            client.wait_tools("one/try")
            if "is not kept" in running.log():
                lines = [line for line in running.log().splitlines()
                         if "is not kept" in line]
                self.assertEqual(len(lines), 1, lines)
                self.assertRegex(
                    lines[0], r'backend one.*"memory".*Delegate=yes')
                return
            client.send("tools/call", {"name": "one/try", "arguments": {
                "what": "grow", "size": 256 << 20}})
            running.wait_log(r"killed by signal 9 .*out of memory, its limit "
                             r"is 64M")


if __name__ == "__main__":
    unittest.main()
