"""Backends with a url over TLS: whose certificate is believed, whose not."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import http_backend
import httpd
import process
from client import Client
from gateway import PATIENCE, Gateway

DAYS = "3"
# What "openssl ca" wants to be told before it signs with dates of our choice.
AUTHORITY = """
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Certificates:
    """An authority, and what it signed."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mcpgw-tls-")
        os.chmod(self.folder, 0o755)
        self.openssl("req", "-x509", "-keyout", "ca.key", "-out", "ca.pem",
                     "-subj", "/CN=ca", "-days", DAYS, *self.kind())
        self.write("ca.conf", AUTHORITY.format(folder=self.folder))
        self.write("index", "")
        self.write("serial", "01\n")

    @staticmethod
    def kind():
        """The kind of key that is made fastest, and is not encrypted."""
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes"]

    def path(self, name):
        """The path of a file."""
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """Write a file."""
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def openssl(self, *args):
        """Run openssl in the folder."""
        done = subprocess.run(["openssl", *args], cwd=self.folder,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode()

    def sign(self, name, alternative, start="20200101000000Z",
             end="20991231235959Z"):
        """Make name.key and name.pem; alternative is whom it is for."""
        self.openssl("req", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", f"/CN={name}", "-addext",
                     f"subjectAltName={alternative}", *self.kind())
        self.openssl("ca", "-batch", "-config", "ca.conf", "-cert", "ca.pem",
                     "-keyfile", "ca.key", "-in", f"{name}.csr", "-out",
                     f"{name}.pem", "-notext", "-startdate", start,
                     "-enddate", end)

    def context(self, name, client_ca=None):
        """A server's side of it."""
        return httpd.server_context(
            self.path(f"{name}.pem"), self.path(f"{name}.key"),
            client_ca and self.path(client_ca))


MADE = Certificates()


class Tls(unittest.TestCase):
    """One gateway, and a server of every kind."""

    @classmethod
    def setUpClass(cls):
        made = MADE
        cls.servers = {}
        entries = {}

        def add(name, context, path="/mcp", **more):
            server = http_backend.Backend(tls=context)
            cls.servers[name] = server
            entries[name] = {"url": server.url(path),
                             "ca_file": made.path("ca.pem"), **more}
            for key in [key for key, value in entries[name].items()
                        if value is None]:
                del entries[name][key]
        good = made.context("good")
        add("http", good, type="http")
        add("sse", good, path="/sse", type="sse")
        add("found", good)
        add("unknown", good, ca_file=None)
        add("wrongca", good, ca_file=made.path("client.pem"))
        add("other", made.context("other"))
        add("expired", made.context("expired"))
        add("future", made.context("future"))
        add("proven", made.context("good", "ca.pem"),
            cert_file=made.path("client.pem"),
            key_file=made.path("client.key"))
        add("unproven", made.context("good", "ca.pem"))
        add("plain", None)
        cls.servers["plain"].on_accept = cls.no_http
        entries["plain"]["url"] = entries["plain"]["url"].replace(
            "http:", "https:")
        add("named", good)
        entries["named"]["url"] = entries["named"]["url"].replace(
            "127.0.0.1", "localhost")
        for server in cls.servers.values():
            cls.addClassCleanup(server.stop)
        cls.gateway = Gateway(entries)
        cls.addClassCleanup(cls.gateway.discard)
        cls.client = Client(cls.gateway.address)
        cls.addClassCleanup(cls.client.close)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def test_a_server_that_the_ca_signed_is_spoken_to(self):
        for name in ("http", "sse", "found", "named", "proven"):
            with self.subTest(name):
                self.client.wait_tools(f"{name}/echo")
                for size in (1, 1000000):
                    self.assertEqual(self.client.call(
                        f"{name}/echo", {"text": "x" * size}).result[
                            "content"][0]["text"], "x" * size)
                result = self.client.call(f"{name}/big", {
                    "bytes": 4000000}).result
                self.assertEqual(len(result["content"][0]["text"]), 4000000)
                self.assertEqual(self.servers[name].failures, [])

    @staticmethod
    def no_http(connection):
        """What a server without TLS says to a handshake."""
        connection.fill()
        connection.send(connection.status(400))
        connection.close()
        return True

    def refused(self, name, why):
        """A clear reason in the log, and nothing was said to the server."""
        self.gateway.wait_log(rf"(?i)backend {name}\b.*({why})", timeout=15)
        self.assertIn("error", self.client.call(
            f"{name}/echo", {"text": "secret"}).json)
        self.assertEqual(self.servers[name].requests, [])

    def test_an_unknown_authority_is_not_believed(self):
        self.refused("unknown", "certificate")

    def test_the_file_of_another_authority_does_not_help(self):
        self.refused("wrongca", "certificate")

    def test_a_certificate_for_another_name_is_not_believed(self):
        self.refused("other", "certificate|name")

    def test_an_expired_certificate_is_not_believed(self):
        self.refused("expired", "certificate|expired")

    def test_a_certificate_that_is_not_yet_valid_is_not_believed(self):
        self.refused("future", "certificate|valid")

    def test_a_client_without_the_certificate_is_sent_away(self):
        self.refused("unproven", "certificate|TLS|closed|reset|broke")

    def test_a_server_without_tls_is_not_spoken_to(self):
        self.refused("plain", "TLS|SSL")


class Own(unittest.TestCase):
    """Each test has its own gateway."""

    def test_a_handshake_that_stops_half_way_does_not_wait_for_ever(self):
        with socket.create_server(("127.0.0.1", 0)) as mute, Gateway({
                "one": {"url": f"https://127.0.0.1:{mute.getsockname()[1]}/",
                        "ca_file": MADE.path("ca.pem")}}) as gateway:
            gateway.wait_log(r"(?i)backend one\b.*(time|within|connect|TLS)",
                             timeout=10)

    def test_a_key_that_belongs_to_another_certificate_is_an_error(self):
        server = http_backend.Backend(tls=MADE.context("good", "ca.pem"))
        self.addCleanup(server.stop)
        gateway = Gateway({"one": {
            "url": server.url("/mcp"),
            "ca_file": MADE.path("ca.pem"),
            "cert_file": MADE.path("client.pem"),
            "key_file": MADE.path("good.key")}}, wait=False)
        self.addCleanup(gateway.discard)
        process.wait_until(
            lambda: "key" in gateway.console() or (
                os.path.isdir(os.path.join(gateway.folder, "logs")) and
                "key" in gateway.log()), 10 * PATIENCE, "the reason")


def setUpModule():
    """Make all certificates."""
    local = "IP:127.0.0.1,DNS:localhost"
    MADE.sign("good", local)
    MADE.sign("other", "DNS:other.example")
    MADE.sign("expired", local, end="20210101000000Z")
    MADE.sign("future", local, start="20980101000000Z")
    MADE.sign("client", "DNS:client")


def tearDownModule():
    """Remove them."""
    shutil.rmtree(MADE.folder)


if __name__ == "__main__":
    unittest.main()
