"""What somebody who tries the gateway out meets: the programs are where they
were built, in a folder that other users may not enter, such as /root."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

import gateway
import process
from client import Client
from gateway import SOURCE, Gateway

FIRST_UID, LAST_UID = 60578, 61183
PROGRAMS = ("mcp-gatewayd", "mcp-gateway-front", "mcp-gateway-worker",
            "mcp-gateway-worker-http", "mcp-gateway-reaper",
            "mcp-server-bash", "mcp-server-example")
# Nobody has this number.
STRANGER = 4242
# Instead of what is built: who runs it, and with what.
STUB = """#!/bin/sh
echo "$(basename "$0") $(id -u) $(id -g) $HOME ${XDG_RUNTIME_DIR-none} $*"
"""


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
class ClosedFolder(unittest.TestCase):
    """A gateway that root built where only root may go."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mcpgw-newcomer-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)
        self.closed = os.path.join(self.folder, "root")
        self.build = os.path.join(self.closed, "build")
        os.makedirs(self.build)
        os.chmod(self.closed, 0o700)
        for name in PROGRAMS:
            shutil.copy(gateway.program(name), self.build)

    def start(self, backends, **more):
        """A gateway with these, whose jobs are users of their own."""
        return Gateway(
            backends, daemon=os.path.join(self.build, "mcp-gatewayd"),
            gateway={"state_dir": os.path.join(self.folder, "state"),
                     "job_uids": f"{FIRST_UID}-{LAST_UID}"}, **more)

    def test_the_configuration_that_comes_with_it_just_works(self):
        with open(os.path.join(SOURCE, "config", "config.json"),
                  encoding="utf-8") as file:
            backends = json.load(file)["mcpServers"]
        with self.start(backends) as running, \
                Client(running.address) as client:
            client.wait_tools("bash/bash", "example/echo")
            self.assertIn("ready: 2 of 2 backends", running.console())
            uids = set()
            for name in backends:
                pid = running.jobs(name)[0]
                uids.update(process.status(pid)["Uid"])
                # As ps and top show it.
                with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                    self.assertEqual(
                        file.read().strip(), f"mcp-server-{name}"[:15])
            self.assertEqual(len(uids), 2)
            for uid in uids:
                self.assertTrue(FIRST_UID <= int(uid) <= LAST_UID, uid)

    def test_no_way_into_the_folder_is_left_to_the_job(self):
        with self.start({"bash": {"command": "mcp-server-bash"}}) as running, \
                Client(running.address) as client:
            client.wait_tools("bash/bash")
            for fd in process.descriptors(running.jobs("bash")[0]).values():
                self.assertFalse(fd.startswith(self.folder), fd)
            for command in f"ls {self.closed}", f"cd {self.build}", \
                    "ls /proc/$PPID/cwd/../../root":
                said = client.call(
                    "bash/bash", {"command": command}).result["content"]
                self.assertIn("Permission denied", said[0]["text"], command)

    def test_its_servers_work_in_a_sandbox_too(self):
        with self.start({"bash": {"command": "mcp-server-bash",
                                  "sandbox": {}}}) as running, \
                Client(running.address) as client:
            client.wait_tools("bash/bash")
            said = client.call("bash/bash", {"command": "echo $((6 * 7))"})
            self.assertIn("42", said.result["content"][0]["text"])

    def test_other_programs_there_are_refused_with_the_remedy(self):
        script = os.path.join(self.build, "our-script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        os.chmod(script, 0o755)
        program = os.path.join(self.closed, "our-program")
        shutil.copy("/bin/true", program)
        with self.start({
                "script": {"command": "our-script"},
                "path": {"command": os.path.join(
                    self.build, "mcp-server-bash")},
                "program": {"command": "our-program"}},
                env={"PATH": f"{self.closed}:{os.environ['PATH']}"}
        ) as running:
            for name in "script", "path", "program":
                running.wait_log(
                    rf"backend {name} - .*Permission denied; let that user "
                    r"execute it \(chmod a\+rx")

    def test_a_build_that_is_closed_itself_names_the_remedy(self):
        os.chmod(self.build, 0o700)
        with self.start({"bash": {"command": "mcp-server-bash"}}) as running:
            running.wait_log(
                r"exec mcp-server-bash as user \d+: Permission denied; let "
                r"that user execute it \(chmod a\+rx it and the folders")

    def test_a_closed_state_dir_names_the_remedy(self):
        with Gateway({"bash": {"command": "mcp-server-bash"}},
                     gateway={"state_dir": os.path.join(self.closed, "state"),
                              "job_uids": f"{FIRST_UID}-{LAST_UID}"}) as running:
            running.wait_log(
                r"chdir \S+ as user \d+: Permission denied; let that user "
                r"enter it \(chmod a\+x .*\"state_dir\"")


class ScriptRun(unittest.TestCase):
    """scripts/run with programs that say who they are."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mcpgw-newcomer-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.root = os.path.join(folder.name, "clone")
        for path in ("scripts/setup", "scripts/build", "build/mcp-gatewayd"):
            path = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(STUB)
            os.chmod(path, 0o755)
        shutil.copy(os.path.join(SOURCE, "scripts", "run"),
                    os.path.join(self.root, "scripts"))

    def give(self, uid, gid):
        """The clone belongs to this user."""
        for path, _, names in os.walk(self.root):
            for name in (".", *names):
                os.chown(os.path.join(path, name), uid, gid)

    def run_it(self, *args, prefix=()):
        """What the programs said, in order."""
        done = subprocess.run(
            [*prefix, os.path.join(self.root, "scripts", "run"), *args],
            env={"PATH": os.environ["PATH"], "HOME": "/caller",
                 "XDG_RUNTIME_DIR": "/caller/run"},
            capture_output=True, text=True, timeout=20, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def gateway_line(self, rest, *args):
        """What the gateway says when it is who it shall be."""
        config = os.path.join(self.root, "config", "config.json")
        return " ".join((f"mcp-gatewayd {rest} --config {config}", *args))

    def test_it_is_run_as_whoever_runs_it_and_options_are_passed_on(self):
        me = f"{os.getuid()} {os.getgid()} /caller /caller/run"
        self.assertEqual(self.run_it("--port", "8000"), [
            f"build {me} ", self.gateway_line(me, "--port", "8000")])

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_a_user_who_is_not_root_runs_it_wherever_it_is(self):
        me = f"{STRANGER} {STRANGER} /caller /caller/run"
        prefix = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}",
                  "--clear-groups")
        self.assertEqual(self.run_it(prefix=prefix), [
            f"build {me} ", self.gateway_line(me)])

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_root_runs_it_as_the_owner_of_the_folder(self):
        self.give(STRANGER, STRANGER + 1)
        owner = f"{STRANGER} {STRANGER + 1} / none"
        self.assertEqual(self.run_it("--port", "8000"), [
            "setup 0 0 /caller /caller/run run",
            f"run: as user {STRANGER}, whose folder this is",
            f"build {owner} ", self.gateway_line(owner, "--port", "8000")])

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_an_owner_who_is_known_has_a_home_and_groups(self):
        known = pwd.getpwnam("nobody")
        self.give(known.pw_uid, 0)
        owner = f"{known.pw_uid} {known.pw_gid} {known.pw_dir} none"
        self.assertEqual(self.run_it(), [
            "setup 0 0 /caller /caller/run run",
            "run: as user nobody, whose folder this is",
            f"build {owner} ", self.gateway_line(owner)])


if __name__ == "__main__":
    unittest.main()
