"""Every configuration that a document shows is one that the gateway takes."""

import os
import re
import subprocess
import tempfile
import unittest

from gateway import DAEMON, SOURCE

# Where people copy them from.
MARKDOWN = "README.md", "SECURITY.md"
MANUALS = ("config/mcp-gateway.json.5", "supervisor/mcp-gatewayd.8",
           "supervisor/ctl/mcp-gatewayctl.8", "servers/mcp-server-bash.1",
           "servers/mcp-server-example.1")
FILES = "config/config.json", "config/config.example.jsonc"
# Its backends are comments, for whoever installs it to take off.
INSTALLED = "config/etc/config.json"


def text_of(path):
    """A file of the source."""
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def shown_in_markdown(path):
    """All ```json and ```jsonc of it, each with its line."""
    text = text_of(path)
    for found in re.finditer(r"^```jsonc?\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, found.start()) + 1, found.group(1)


def shown_in_manual(path):
    """All displays of it that are JSON objects, each with its line."""
    text = text_of(path)
    for found in re.finditer(r"^\.Bd -literal.*?\n(\{\n.*?)^\.Ed$", text,
                             re.M | re.S):
        shown = found.group(1).replace("\\&", "").replace("\\e", "\\")
        yield text.count("\n", 0, found.start()) + 1, shown


class Documents(unittest.TestCase):
    """mcp-gatewayd --test on what is shown."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mcpgw-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.secret = os.path.join(self.folder, "secret")
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write("secret\n")
        os.chmod(self.secret, 0o600)

    def check(self, text, backends=r"[1-9]\d*"):
        """It is taken, where the files and variables that it names exist."""
        path = os.path.join(self.folder, "config.json")
        names = re.findall(r"\$\{([A-Za-z_]\w*)\}", text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(
                r"\$\{file:[^}]*\}", f"${{file:{self.secret}}}", text))
        done = subprocess.run(
            [DAEMON, "--test", "--config", path], cwd=self.folder, text=True,
            env={**os.environ, **dict.fromkeys(names, "value")},
            capture_output=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + text)
        self.assertRegex(done.stdout + done.stderr, f"ok, {backends} backend")

    def test_those_of_the_readme_and_its_like(self):
        count = 0
        for path in MARKDOWN:
            for line, text in shown_in_markdown(path):
                count += path == "README.md"
                with self.subTest(f"{path}:{line}"):
                    self.check(text)
        self.assertGreaterEqual(count, 2)

    def test_those_of_the_manuals(self):
        count = 0
        for path in MANUALS:
            for line, text in shown_in_manual(path):
                count += path.endswith(".json.5")
                with self.subTest(f"{path}:{line}"):
                    self.check(text)
        self.assertGreaterEqual(count, 2)

    def test_those_that_are_files(self):
        for path in FILES:
            with self.subTest(path):
                self.check(text_of(path))

    def test_the_one_that_is_installed(self):
        text = text_of(INSTALLED)
        self.check(text, backends=r"0")
        self.check(re.sub(r"^\t\t// ?", "\t\t", text, flags=re.M))


if __name__ == "__main__":
    unittest.main()
