"""mcp-gatewayctl for tests: run, and a gateway that it asks."""

import json
import os
import shutil
import subprocess
import tempfile

import process
from gateway import PATIENCE, Gateway, program

CTL = program("mcp-gatewayctl")
DONE, REFUSED, USAGE, NOBODY, TROUBLE = range(5)


def ctl(*args, path=None, prefix=(), text=None, env=None, timeout=60):
    """Run the program to its end."""
    command = [*prefix, CTL]
    if path is not None:
        command += ["--socket", path]
    environment = dict(os.environ)
    environment.update(env or {})
    return subprocess.run(
        [*command, *args], capture_output=True, text=True, timeout=timeout,
        input=text if text is not None else "", env=environment, check=False)


class Asked(Gateway):
    """A gateway with a control socket of its own."""

    def __init__(self, backends, settings=None, **more):
        self.place = tempfile.mkdtemp(prefix="mcpgw-test-")
        os.chmod(self.place, 0o755)
        self.path = os.path.join(self.place, "ctl", "control.sock")
        super().__init__(
            backends, gateway={"control_socket": self.path,
                               **(settings or {})}, **more)

    def __exit__(self, *args):
        try:
            super().__exit__(*args)
        finally:
            shutil.rmtree(self.place, ignore_errors=True)

    def ctl(self, *args, status=DONE, **more):
        """Run the program with this socket; it must end with this status."""
        done = ctl(*args, path=self.path, **more)
        assert done.returncode == status, (
            f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
            f"{self.report()}")
        return done

    def status(self, name=None, **more):
        """What it says to programs; of one backend if there is a name."""
        done = ctl("status", "--json", path=self.path, **more)
        answer = json.loads(done.stdout)
        if name is None:
            return answer
        return next(one for one in answer["backends"]
                    if one["name"] == name)

    def wait_state(self, name, state, timeout=15):
        """Wait until a backend is like this."""
        process.wait_until(lambda: self.status(name)["state"] == state,
                           timeout * PATIENCE, f"{name} is {state}")

    def rewrite(self, backends):
        """Other backends in the configuration file, not yet read."""
        with open(self.config, encoding="utf-8") as file:
            whole = json.load(file)
        whole["mcpServers"] = backends
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)
