"""What a monitor sees: /metrics, /healthz and /readyz."""

import hashlib
import re
import unittest

import client
import gateway
import process
import raw

SAMPLE = re.compile(
    r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
    r"([0-9.e+-]+)")
TOKEN = "mcpgw_a-token-for-tests"
HASH = "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()


def get(address, path, method="GET", headers=()):
    """One answer of the gateway."""
    with raw.Connection(address) as connection:
        connection.send(raw.request(method, path, address, list(headers)))
        return connection.response(to_head=method == "HEAD")


def samples(address, headers=()):
    """All samples of /metrics by name and labels; the text must be what the
    format (0.0.4) allows, each family in one piece with its type first."""
    answer = get(address, "/metrics", headers=headers)
    assert answer.status == 200, answer
    found, types, family = {}, {}, None
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types, line
            types[family] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name.startswith(family), line
            assert (name, labels) not in found, line
            if types[family] == "counter":
                assert name.endswith("_total"), line
            found[name, labels] = float(value)
    return found


class MetricsTest(unittest.TestCase):
    """Counters and gauges."""

    def test_calls_are_counted_by_how_they_end(self):
        with gateway.Gateway({"e": {"command": gateway.program(
                "mcp-server-example")}}) as gw, \
                client.Client(gw.address) as session:
            session.wait_tools("e/echo")
            for _ in range(3):
                session.call("e/echo", {"text": "x"})
            session.request("prompts/get", {"name": "e/none"})
            process.wait_until(
                lambda: samples(gw.address)[
                    "mcp_gateway_backend_requests_total",
                    'backend="e",result="answered"'] == 3, 10, "three answers")
            now = samples(gw.address)
            self.assertEqual(now["mcp_gateway_sessions", None], 1)
            self.assertEqual(now["mcp_gateway_backend_up", 'backend="e"'], 1)
            self.assertGreater(now["mcp_gateway_tools", None], 3)
            name = "mcp_gateway_backend_request_duration_seconds"
            self.assertEqual(now[f"{name}_count", 'backend="e"'],
                             now[f"{name}_bucket", 'backend="e",le="+Inf"'])

    def test_a_name_with_a_quote_is_a_label(self):
        name = 'a"b\\c'
        with gateway.Gateway({name: {"command": gateway.program(
                "mcp-server-example")}}) as gw:
            labels = 'backend="a\\"b\\\\c"'
            process.wait_until(
                lambda: samples(gw.address).get(
                    ("mcp_gateway_backend_up", labels)) == 1, 10, "it is up")

    def test_a_replaced_backend_goes_on_counting(self):
        with gateway.Gateway({"e": {"command": gateway.program(
                "mcp-server-example")}}) as gw, \
                client.Client(gw.address) as session:
            session.wait_tools("e/echo")
            session.call("e/echo", {"text": "x"})
            before = gw.find("worker", "e")
            gateway.control(gw, "restart", "e")
            process.wait_until(lambda: not process.exists(before), 10,
                               "the old worker is gone")
            session.call("e/echo", {"text": "x"})
            process.wait_until(
                lambda: samples(gw.address)[
                    "mcp_gateway_backend_requests_total",
                    'backend="e",result="answered"'] == 2, 10, "two answers")

    def test_methods(self):
        with gateway.Gateway({}) as gw:
            for path in ("/metrics", "/healthz", "/readyz"):
                self.assertEqual(get(gw.address, path, "HEAD").body, b"")
                self.assertEqual(get(gw.address, path, "HEAD").status, 200)
                answer = get(gw.address, path, "DELETE")
                self.assertEqual(answer.status, 405)
                self.assertEqual(answer.header("allow"), "GET, HEAD")


class TokenTest(unittest.TestCase):
    """With tokens, probes need none and metrics one."""

    def test_probes_are_for_all_and_metrics_for_bearers(self):
        with gateway.Gateway({}, gateway={
                "tokens": {"monitor": {"hash": HASH}}}) as gw:
            self.assertEqual(get(gw.address, "/healthz").body, b"ok")
            self.assertEqual(get(gw.address, "/readyz").status, 200)
            answer = get(gw.address, "/metrics")
            self.assertEqual(answer.status, 401)
            self.assertNotIn(b"mcp_gateway", answer.body)
            found = samples(gw.address, [
                ("Authorization", "Bearer " + TOKEN)])
            self.assertEqual(found["mcp_gateway_client_requests_total",
                                   'client="monitor"'], 1)


if __name__ == "__main__":
    unittest.main()
