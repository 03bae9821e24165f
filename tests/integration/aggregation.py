"""Many backends as one server: names, order, pages, routes, progress,
cancellation, and lists that change."""

import json
import os
import re
import tempfile
import unittest

from client import Client
from gateway import Gateway, backend
import process


class Aggregation(unittest.TestCase):
    """Three backends, of which two have the same tools."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="mcpgw-record-")
        os.chmod(folder, 0o777)
        cls.record = {name: os.path.join(folder, name)
                      for name in ("zeta", "alpha", "paged")}
        cls.gateway = Gateway({
            "zeta": backend("--record", cls.record["zeta"],
                            "--scheme", "zeta", "--tools", "only_zeta"),
            "alpha": backend("--record", cls.record["alpha"],
                             "--scheme", "alpha"),
            "paged": backend("--record", cls.record["paged"], "--page", "1",
                             "--scheme", "paged", "--tools",
                             "größe,with space,dots.and-dashes"),
        })
        cls.address = cls.gateway.address
        with Client(cls.address) as client:
            client.wait_tools("zeta/echo", "alpha/echo", "paged/echo")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.stop()
        finally:
            cls.gateway.discard()

    def setUp(self):
        self.client = Client(self.address)
        self.addCleanup(self.client.close)

    def received(self, name):
        """Every message that a backend got so far."""
        with open(self.record[name], encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def text_of(self, name, text="x"):
        """Call echo under some name."""
        return self.client.call(name, {"text": text}).result[
            "content"][0]["text"]

    # Names and order.

    def test_tools_are_named_after_their_server_in_order(self):
        names = self.client.tools()
        servers = [name.partition("/")[0] for name in names]
        self.assertEqual(list(dict.fromkeys(servers)),
                         ["zeta", "alpha", "paged"])
        of_zeta = [name for name in names if name.startswith("zeta/")]
        self.assertEqual(of_zeta[:3], ["zeta/echo", "zeta/text", "zeta/raw"])
        self.assertEqual(of_zeta[-1], "zeta/only_zeta")

    def test_names_of_any_script_are_listed_and_called(self):
        names = self.client.tools()
        for name in ("größe", "with space", "dots.and-dashes"):
            self.assertIn(f"paged/{name}", names)
            result = self.client.call(f"paged/{name}").result
            self.assertEqual(result["content"][0]["text"], f"this is {name}")

    def test_all_pages_of_a_backend_are_listed(self):
        of_paged = [name for name in self.client.tools()
                    if name.startswith("paged/")]
        self.assertEqual(len(of_paged), 16)
        uris = [item["uri"] for item in self.client.items("resources")]
        self.assertEqual([uri for uri in uris if uri.startswith("paged:")],
                         [f"paged://notes/{number}" for number in range(3)])

    def test_a_tool_is_called_by_its_slash_and_its_safe_name(self):
        for name in ("alpha/echo", "alpha__echo"):
            self.assertEqual(self.text_of(name, name), name)
        self.assertTrue(any(
            message.get("params", {}).get("arguments") == {"text":
                                                           "alpha__echo"}
            and message["params"]["name"] == "echo"
            for message in self.received("alpha")))

    def test_a_bare_name_is_called_where_only_one_backend_has_it(self):
        self.assertEqual(self.client.call("only_zeta").result["content"][0][
            "text"], "this is only_zeta")
        self.assertIn("error", self.client.call("echo").json)

    def test_an_unknown_tool_is_an_error_that_names_it(self):
        for name in ("zeta/nope", "nope/echo", "nope", "", "/", "zeta/",
                     "zeta//echo", "ZETA/echo", "zeta/echo/"):
            with self.subTest(name):
                error = self.client.call(name).error
                self.assertEqual(error["code"], -32602)
                self.assertIn(name, error["message"])

    # Resources, templates, prompts, completion.

    def test_resources_keep_their_uris_and_are_read_from_their_backend(self):
        uris = [item["uri"] for item in self.client.items("resources")]
        self.assertEqual(uris, [
            f"{server}://notes/{number}"
            for server in ("zeta", "alpha", "paged") for number in range(3)])
        for uri in uris:
            contents = self.client.request(
                "resources/read", {"uri": uri}).result["contents"]
            self.assertEqual(contents, [{"uri": uri,
                                         "text": f"content of {uri}"}])

    def test_a_resource_of_a_template_is_read_from_its_backend(self):
        templates = self.client.items("resourceTemplates",
                                      "resources/templates/list")
        self.assertEqual([item["uriTemplate"] for item in templates], [
            "zeta://item/{id}", "alpha://item/{id}", "paged://item/{id}"])
        contents = self.client.request(
            "resources/read", {"uri": "alpha://item/17"}).result["contents"]
        self.assertEqual(contents[0]["text"], "content of alpha://item/17")

    def test_an_unknown_resource_is_not_found(self):
        for uri in ("nope://x", "", "zeta", "alpha://notes/99"):
            with self.subTest(uri):
                self.assertEqual(self.client.request(
                    "resources/read", {"uri": uri}).error["code"], -32002)

    def test_prompts_are_listed_and_got(self):
        names = [item["name"] for item in self.client.items("prompts")]
        self.assertEqual(names, [
            f"{server}/{name}" for server in ("zeta", "alpha", "paged")
            for name in ("greet", "plain")])
        for name in ("alpha/greet", "alpha__greet"):
            result = self.client.request("prompts/get", {
                "name": name, "arguments": {"who": "Ünï"}}).result
            self.assertEqual(result["description"], "greet")
            self.assertEqual(result["messages"][0]["content"]["text"],
                             "Hi Ünï")
        self.assertEqual(self.client.request(
            "prompts/get", {"name": "alpha/nope"}).error["code"], -32602)

    def test_completions_go_to_the_backend_of_their_reference(self):
        for reference, expected in (
                ({"type": "ref/prompt", "name": "alpha/greet"}, "greet:v"),
                ({"type": "ref/resource", "uri": "paged://item/{id}"},
                 "paged://item/{id}:v")):
            result = self.client.request("completion/complete", {
                "ref": reference,
                "argument": {"name": "who", "value": "v"}}).result
            self.assertEqual(result["completion"]["values"], [expected])
        self.assertIn("error", self.client.request("completion/complete", {
            "ref": {"type": "ref/prompt", "name": "alpha/nope"},
            "argument": {"name": "who", "value": "v"}}).json)

    # Backends' words to clients.

    def logged(self, client):
        """The log messages that a client got."""
        return [message.json["params"]["data"]
                for message in client.notifications
                if message.json["method"] == "notifications/message"]

    def test_log_messages_reach_who_asked_for_their_level(self):
        quiet = Client(self.address)
        self.addCleanup(quiet.close)
        quiet.request("logging/setLevel", {"level": "error"}).result
        self.client.request("logging/setLevel", {"level": "debug"}).result
        for level, text in (("info", "low"), ("alert", "high")):
            self.client.call("zeta/log", {
                "level": level, "text": text, "afterwards": 0.2}).result
        self.client.wait(lambda: len(self.logged(self.client)) == 2, 10,
                         "both messages")
        quiet.wait(lambda: self.logged(quiet), 10, "a message")
        self.assertEqual(self.logged(quiet), ["high"])

    def test_a_log_message_during_a_call_is_its_callers(self):
        other = Client(self.address)
        self.addCleanup(other.close)
        for client in (self.client, other):
            client.request("logging/setLevel", {"level": "debug"}).result
        self.client.call("zeta/log", {"level": "error", "text": "mine"}).result
        other.call("zeta/echo").result
        self.assertEqual(self.logged(self.client), ["mine"])
        self.assertEqual(self.logged(other), [])

    def test_progress_with_equal_ids_and_tokens_reaches_who_asked(self):
        clients = [Client(self.address) for _ in range(20)]
        try:
            for number, client in enumerate(clients):
                client.send("tools/call", {
                    "name": "alpha/progress",
                    "arguments": {"count": 5, "text": f"of {number}"},
                    "_meta": {"progressToken": 1}}, ident=77)
            for number, client in enumerate(clients):
                client.outcome("77").result
                progress = [message for message in client.notifications
                            if message.json["method"] ==
                            "notifications/progress"]
                self.assertEqual(
                    [message.json["params"] for message in progress],
                    [{"progressToken": 1, "progress": step, "total": 5,
                      "message": f"of {number}"} for step in range(1, 6)])
                self.assertLessEqual(progress[-1].at,
                                     client.outcome("77").at)
        finally:
            for client in clients:
                client.close()

    def test_a_progress_token_keeps_its_type(self):
        for token in ("1", "ünï", 0, 2 ** 53):
            with self.subTest(token):
                client = Client(self.address)
                self.addCleanup(client.close)
                client.request("tools/call", {
                    "name": "zeta/progress", "arguments": {"count": 1},
                    "_meta": {"progressToken": token}}).result
                self.assertEqual([message.json["params"]["progressToken"]
                                  for message in client.notifications], [token])

    def test_progress_that_nobody_asked_for_reaches_nobody(self):
        self.client.call("zeta/progress", {"count": 3}).result
        self.client.request("ping")
        self.assertEqual(self.client.count("notifications/progress"), 0)

    # Cancellation.

    def cancelled(self, name):
        """The cancellations that a backend got."""
        return [message["params"] for message in self.received(name)
                if message.get("method") == "notifications/cancelled"]

    def call_id(self, name, marker):
        """The id under which a backend got the call with this text."""
        for message in self.received(name):
            if (message.get("params") or {}).get("arguments", {}).get(
                    "marker") == marker:
                return message["id"]
        return None

    def test_a_cancellation_reaches_the_backend_and_nobody_else(self):
        other = Client(self.address)
        self.addCleanup(other.close)
        other.send("tools/call", {"name": "alpha/hang", "arguments": {
            "marker": "other", "seconds": 3}}, ident=5)
        self.client.send("tools/call", {"name": "alpha/hang", "arguments": {
            "marker": "mine", "seconds": 30}}, ident=5)
        process.wait_until(lambda: self.call_id("alpha", "mine") is not None
                           and self.call_id("alpha", "other") is not None,
                           10, "both calls at the backend")
        before = len(self.cancelled("zeta"))
        self.client.notify("notifications/cancelled",
                           {"requestId": 5, "reason": "no more"})
        mine = self.call_id("alpha", "mine")
        process.wait_until(
            lambda: any(params["requestId"] == mine
                        for params in self.cancelled("alpha")),
            10, "the cancellation at the backend")
        self.assertEqual([params.get("reason") for params in
                          self.cancelled("alpha")
                          if params["requestId"] == mine], ["no more"])
        self.assertFalse(any(
            params["requestId"] == self.call_id("alpha", "other")
            for params in self.cancelled("alpha")))
        self.assertEqual(len(self.cancelled("zeta")), before)
        self.assertEqual(other.outcome("5").result["content"][0]["text"],
                         "nobody cancelled")

    def test_a_foreign_request_cannot_be_cancelled(self):
        other = Client(self.address)
        self.addCleanup(other.close)
        other.send("tools/call", {"name": "alpha/hang", "arguments": {
            "marker": "foreign", "seconds": 2}}, ident="mine alone")
        process.wait_until(
            lambda: self.call_id("alpha", "foreign") is not None, 10,
            "the call at the backend")
        for ident in ("mine alone", self.call_id("alpha", "foreign")):
            self.client.notify("notifications/cancelled",
                               {"requestId": ident})
        self.assertEqual(other.outcome('"mine alone"').result["content"][0][
            "text"], "nobody cancelled")

    def test_a_late_answer_to_a_cancelled_call_is_not_delivered(self):
        key = self.client.send("tools/call", {
            "name": "alpha/hang", "arguments": {
                "marker": "late", "answer_anyway": True, "seconds": 30}})
        process.wait_until(lambda: self.call_id("alpha", "late") is not None,
                           10, "the call at the backend")
        self.client.notify("notifications/cancelled",
                           {"requestId": json.loads(key)})
        for _ in range(5):
            self.text_of("alpha/echo")
        for message in self.client.outcomes.get(key, []):
            self.assertIn("error", message.json)

    # A backend's own requests.

    def test_a_backend_that_asks_a_client_is_answered(self):
        for method, expected in (("ping", {"result": {}}),
                                 ("sampling/createMessage", -32601),
                                 ("no/such", -32601)):
            with self.subTest(method):
                result = self.client.call("zeta/ask", {"method": method})
                answer = json.loads(result.result["content"][0]["text"])
                if isinstance(expected, int):
                    self.assertEqual(answer["error"]["code"], expected)
                else:
                    self.assertEqual(answer, expected)

    # What a job gets.

    def test_a_job_has_three_descriptors_and_the_environment(self):
        text = self.text_of_environment("zeta")
        # Two more are its record and the folder that is being listed.
        self.assertEqual(len(text["descriptors"]), 5)
        # The folders of our own servers are added at its end.
        self.assertTrue(text["environment"]["PATH"].startswith(
            os.environ["PATH"]))
        self.assertEqual(text["cwd"], self.gateway.folder)

    def text_of_environment(self, server):
        """What a backend says about itself."""
        return json.loads(self.client.call(f"{server}/environment").result[
            "content"][0]["text"])


class Change(unittest.TestCase):
    """Lists that change while clients look on."""

    def test_a_slow_backend_holds_nobody_up_and_is_told_of(self):
        with Gateway({"slow": backend("--delay", "1.5", "--scheme", "slow"),
                      "fast": backend("--scheme", "fast")}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("fast/echo")
            client.call("fast/echo").result
            before = client.tools()
            self.assertNotIn("slow/echo", before)
            client.wait_tools("slow/echo")
            for kind in ("tools", "resources", "prompts"):
                client.wait(lambda kind=kind: client.count(
                    f"notifications/{kind}/list_changed") > 0, 5, kind)
            self.assertEqual(client.tools()[0], "slow/echo")

    def test_a_tool_that_comes_or_goes_is_told_of_once(self):
        with Gateway({"one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            method = "notifications/tools/list_changed"
            before = client.count(method)
            client.call("one/add", {"name": "fresh"}).result
            client.wait(lambda: client.count(method) > before, 5, method)
            self.assertIn("one/fresh", client.tools())
            client.call("one/fresh").result
            before = client.count(method)
            client.call("one/remove", {"name": "fresh"}).result
            client.wait(lambda: client.count(method) > before, 5, method)
            self.assertNotIn("one/fresh", client.tools())
            self.assertIn("error", client.call("one/fresh").json)
            self.assertEqual(client.count(method), before + 1)

    def test_a_short_restart_changes_no_list(self):
        with Gateway({"one": backend(), "two": backend("--scheme", "two")}
                     ) as gateway, Client(gateway.address) as client:
            before = client.wait_tools("one/echo", "two/echo")
            seen = len(client.notifications)
            error = client.call("one/exit", {"status": 3}).error
            self.assertEqual(error["data"]["backend"], "one")
            self.assertEqual(error["data"]["outcome"], "unknown")
            self.assertEqual(client.tools(), before)
            process.wait_until(
                lambda: "result" in client.call("one/echo").json, 10,
                "the backend to be back")
            self.assertEqual(client.tools(), before)
            self.assertEqual(len(client.notifications), seen)

    def test_a_backend_that_stays_away_loses_its_tools_until_it_is_back(self):
        with tempfile.TemporaryDirectory() as folder:
            away = os.path.join(folder, "away")
            entry = backend()
            entry["args"] = ["-c", f'test -e {away} && exit 1; exec "$@"',
                             "sh", entry["command"], *entry["args"]]
            entry["command"] = "sh"
            with Gateway({"one": entry, "two": backend("--scheme", "two")}
                         ) as gateway, Client(gateway.address) as client:
                client.wait_tools("one/echo", "two/echo")
                with open(away, "w", encoding="ascii"):
                    pass
                client.call("one/exit").error
                method = "notifications/tools/list_changed"
                seen = client.count(method)
                while any(name.startswith("one/") for name in client.tools()):
                    client.wait(lambda: client.count(method) > seen, 20,
                                method)
                    seen = client.count(method)
                self.assertIn("error", client.call("one/echo").json)
                client.call("two/echo").result
                os.unlink(away)
                client.wait_tools("one/echo", timeout=30)

    def test_a_backend_that_stays_down_is_not_listed(self):
        with Gateway({"one": backend(),
                      "down": {"command": "/bin/false"},
                      "none": {"command": "/no/such/program"}}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            self.assertFalse([name for name in client.tools()
                              if not name.startswith("one/")])
            error = client.call("down/echo").error
            self.assertTrue(error["message"])
            gateway.wait_log(r"/no/such/program")

    def test_equal_uris_of_two_backends_are_both_readable_or_refused(self):
        with Gateway({"one": backend("--scheme", "same"),
                      "two": backend("--scheme", "same")}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo", "two/echo")
            uris = [item["uri"] for item in client.items("resources")]
            self.assertEqual(len(set(uris)), len(uris))
            for uri in uris:
                client.request("resources/read", {"uri": uri}).result

    def test_a_backend_without_lists_is_ready(self):
        with Gateway({"empty": backend("--empty"),
                      "one": backend()}) as gateway, \
                Client(gateway.address) as client:
            client.wait_tools("one/echo")
            gateway.wait_log(r"empty.*ready")

    def test_backends_of_every_legacy_revision_are_spoken_to(self):
        revisions = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
        entries = {re.sub("-", "", revision): backend("--revision", revision)
                   for revision in revisions}
        with Gateway(entries) as gateway, Client(gateway.address) as client:
            client.wait_tools(*[f"{name}/echo" for name in entries])
            for name in entries:
                client.call(f"{name}/echo").result


if __name__ == "__main__":
    unittest.main()
