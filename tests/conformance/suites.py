"""The official conformance suites ask one server (fixture.mjs) directly, and
through the gateway: all scenarios of all revisions up to 2025-11-25.

A class is a way to the server, a test one run of one suite.  The suites run one
scenario after another and leave a file of checks for each, which is read here:
their own exit status does not tell that nothing was checked."""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from client import Client
from gateway import PATIENCE, SOURCE, Gateway, program
import process

HERE = os.path.join(SOURCE, "tests", "conformance")
MODULES = os.path.join(HERE, "node_modules")
# The one that npm brought, where the system's is too old for the suites.
NODE = next(iter(glob.glob(f"{MODULES}/node-linux-*/bin/node")), None) or \
    shutil.which("node") or "node"
FIXTURE = os.path.join(HERE, "fixture.mjs")
# One run of a suite: it takes two seconds, and waits for what does not come.
RUN_MAX = 120
# It warns and informs, unless an answer is wrong: a server may answer with
# JSON, and then there is no stream that could be closed and come back.
MAY_SAY_NOTHING = {"server-sse-polling"}


def fixture(*how):
    """The command that starts the server."""
    return [NODE, FIXTURE, "--era", "legacy", *how]


def job(*how, **more):
    """A configuration entry for the server."""
    command, *args = fixture(*how)
    return {"command": command, "args": args, **more}


def http_job(*how):
    """The same for one that the gateway starts and reaches over HTTP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return job(*how, "--port", str(port), type="http",
               url=f"http://127.0.0.1:{port}/mcp")


class Outcome:
    """What one run of a suite found."""

    def __init__(self, folder):
        self.checks = {}  # of each scenario
        for path in glob.glob(f"{folder}/*/checks.json"):
            name = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT[-\d]+Z",
                                os.path.basename(os.path.dirname(path)))
            with open(path, encoding="utf-8") as file:
                self.checks[name.group(1)] = json.load(file)

    def count(self, status):
        """How many checks of all scenarios ended so."""
        return sum(check["status"] == status
                   for checks in self.checks.values() for check in checks)

    def failures(self):
        """What failed: {"scenario:check": what it says}."""
        return {f"{scenario}:{check['id']}": f"{check['description']}\n"
                f"    {check.get('errorMessage', '(no message)')}"
                for scenario, checks in sorted(self.checks.items())
                for check in checks if check["status"] == "FAILURE"}

    def silent(self):
        """Scenarios of which no check succeeded or failed."""
        return {scenario for scenario, checks in self.checks.items()
                if not any(check["status"] in ("SUCCESS", "FAILURE")
                           for check in checks)}


class Suites:
    """All suites at the address self.url."""

    url = None
    gateway = None
    expects_failures = False
    ran = None  # a line for each run, one list for each class

    def run_suite(self, version, scenarios, *options):
        """Run one; scenarios is how many of them there are."""
        before = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mcpgw-suite-") as folder:
            done = subprocess.run(
                [NODE, f"{MODULES}/conformance-{version}/dist/index.js",
                 "server", "--url", self.url, "--output-dir", folder, *options],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                check=False, timeout=RUN_MAX * PATIENCE)
            outcome = Outcome(folder)
        self.ran.append(
            f"{version} {' '.join(options)}: {len(outcome.checks)} scenarios, "
            f"{outcome.count('SUCCESS')} passed, "
            f"{outcome.count('FAILURE')} failed, "
            f"{outcome.count('WARNING')} warnings, "
            f"{time.monotonic() - before:.1f} s")
        expected = {entry for entry in self.expected(version)
                    if entry.partition(":")[0] in outcome.checks}
        wrong = self.judge(outcome, scenarios, expected)
        # With what is expected to fail it is 1 or, where that is not scored, 0.
        if done.returncode not in ((0, 1) if expected else (0,)) and not wrong:
            wrong.append(f"exit status {done.returncode}")
        if wrong and not outcome.failures():
            wrong.append(f"{done.stdout[-1000:]}{done.stderr[-2000:]}")
        if wrong:
            report = self.gateway.report() if self.gateway else ""
            self.fail("\n".join(["", *wrong, report]))

    def expected(self, version):
        """What is expected to fail, as the suites write it: "scenario" or
        "scenario:check".  Their own option takes warnings for failures."""
        if not self.expects_failures:
            return set()
        path = os.path.join(HERE, f"expected-failures-{version}.yml")
        with open(path, encoding="utf-8") as file:
            return set(re.findall(r"^  - (\S+)$", file.read(), re.M))

    @staticmethod
    def judge(outcome, scenarios, expected):
        """Lines about what is not as it must be."""
        failures = outcome.failures()
        names = {name: {name, name.partition(":")[0]} for name in failures}
        wrong = [f"{name}: {failures[name]}" for name in failures
                 if not names[name] & expected]
        for entry in sorted(expected - set().union(*names.values())):
            wrong.append(f"{entry} is expected to fail, and did not")
        if len(outcome.checks) != scenarios:
            wrong.append(f"{len(outcome.checks)} scenarios, not {scenarios}")
        if silent := outcome.silent() - MAY_SAY_NOTHING:
            wrong.append(f"nothing was checked by {sorted(silent)}")
        return wrong

    # What the two releases have; of 2025-11-25 both the set that is required
    # for good and all that is there.

    def test_0_1_all(self):
        self.run_suite("0.1", 32, "--suite", "all")

    def test_0_2_required_of_2025_11_25(self):
        self.run_suite("0.2", 33, "--requirements", "2025-11-25")

    def test_0_2_all_of_2025_03_26(self):
        self.run_suite("0.2", 1, "--suite", "all",
                       "--spec-version", "2025-03-26")

    def test_0_2_all_of_2025_06_18(self):
        self.run_suite("0.2", 27, "--suite", "all",
                       "--spec-version", "2025-06-18")

    def test_0_2_all_of_2025_11_25(self):
        self.run_suite("0.2", 33, "--suite", "all",
                       "--spec-version", "2025-11-25")

    @classmethod
    def tell(cls):
        """What ran, for who reads the log."""
        print("\n" + "\n".join(cls.ran), file=sys.stderr)


class Direct(Suites, unittest.TestCase):
    """The server itself: what fails here is not about the gateway."""

    @classmethod
    def setUpClass(cls):
        cls.ran = []
        cls.server = subprocess.Popen(fixture("--port", "0"), text=True,
                                      stdout=subprocess.PIPE)
        cls.addClassCleanup(cls.stop)
        line = cls.server.stdout.readline()
        cls.url = re.fullmatch("listening on (http:.*)\n", line).group(1)

    @classmethod
    def stop(cls):
        """End the server."""
        cls.tell()
        cls.server.terminate()
        cls.server.wait(10 * PATIENCE)
        cls.server.stdout.close()


class ThroughGateway(Suites):
    """A gateway, and the server behind it."""

    path = "/servers/fixture/mcp"
    backends = None  # a function: ports are chosen when it is called

    @classmethod
    def setUpClass(cls):
        cls.ran = []
        cls.gateway = Gateway(cls.backends())
        host, port = cls.gateway.address
        cls.url = f"http://{host}:{port}{cls.path}"
        try:
            with Client(cls.gateway.address) as client:
                process.wait_until(
                    lambda: any(name.endswith("test_simple_text")
                                for name in client.tools()),
                    20 * PATIENCE, "the fixture's tools")
        except BaseException:
            print(cls.gateway.report(), file=sys.stderr)
            cls.gateway.discard()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.tell()
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()


class Stdio(ThroughGateway, unittest.TestCase):
    """Its own address, behind which the server speaks over pipes."""

    @staticmethod
    def backends():
        """It alone."""
        return {"fixture": job("--stdio")}


class Http(ThroughGateway, unittest.TestCase):
    """Its own address, behind which the server speaks Streamable HTTP."""

    @staticmethod
    def backends():
        """It alone."""
        return {"fixture": http_job()}


class Aggregated(ThroughGateway, unittest.TestCase):
    """The address of all servers, where its names are not listed as they are
    but known.  It asks clients on the stream of its session, as servers do that
    do not tell the SDK of which call a question is a part."""

    path = "/mcp"
    expects_failures = True

    @staticmethod
    def backends():
        """With another one, so that names must be looked up."""
        return {"example": {"command": program("mcp-server-example")},
                "fixture": http_job("--ask-apart")}


if __name__ == "__main__":
    unittest.main()
