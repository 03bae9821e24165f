"""mcp-server-example: a little of everything."""

import time
import unittest

from stdio import ServerTest


class ExampleTest(ServerTest):
    name = "mcp-server-example"

    def tools(self, server):
        """The names on all pages, and how many pages there are."""
        names, pages, cursor = [], 0, None
        while pages == 0 or cursor is not None:
            params = {} if cursor is None else {"cursor": cursor}
            result = server.ask("tools/list", params)["result"]
            names += [tool["name"] for tool in result["tools"]]
            cursor = result.get("nextCursor")
            pages += 1
        return names, pages

    def methods(self, server):
        return [message["method"] for message in server.notifications]

    def test_it_declares_what_it_has(self):
        server = self.start(revision=None)
        capabilities = server.initialize()["result"]["capabilities"]
        self.assertEqual(
            sorted(capabilities),
            ["completions", "logging", "prompts", "resources", "tools"],
        )
        self.assertIs(capabilities["tools"]["listChanged"], True)

    def test_tools_come_in_pages_and_each_once(self):
        names, pages = self.tools(self.start())
        self.assertEqual(pages, 2)
        self.assertEqual(len(names), len(set(names)))
        for name in ("echo", "add", "long_running", "fail", "log", "toggle_tool"):
            self.assertIn(name, names)

    def test_a_cursor_that_was_never_given_is_refused(self):
        server = self.start()
        for cursor in ("1", "-3", "300", "", "x", "3x", "99999999999999999999"):
            answer = server.ask("tools/list", {"cursor": cursor})
            self.assertEqual(answer["error"]["code"], -32602, cursor)

    def test_a_tool_comes_and_goes_and_tells(self):
        server = self.start()
        self.assertEqual(server.call("extra")["error"]["code"], -32602)
        server.call("toggle_tool")
        self.assertEqual(self.methods(server), ["notifications/tools/list_changed"])
        self.assertIn("extra", self.tools(server)[0])
        self.assertEqual(self.tools(server)[1], 3)
        self.assertEqual(server.call("extra")["result"]["content"][0]["text"], "extra")
        server.call("toggle_tool")
        self.assertNotIn("extra", self.tools(server)[0])

    def test_echo_returns_any_text(self):
        server = self.start()
        for text in ("", "plain", "ünïcödé 中文 🎵 \"\\\0\n\x1f", "x" * 1000000):
            result = server.call("echo", {"text": text})["result"]
            self.assertEqual(result["content"], [{"type": "text", "text": text}])
        self.assertIs(server.call("echo", {"text": 1})["result"]["isError"], True)

    def test_add_has_structured_output(self):
        server = self.start()
        result = server.call("add", {"a": 2, "b": 0.5})["result"]
        self.assertEqual(result["structuredContent"], {"sum": 2.5})
        self.assertEqual(result["content"][0]["text"], '{"sum":2.5}')
        for bad in ({}, {"a": 1}, {"a": "1", "b": 2}, {"a": 1e308, "b": 1e308}):
            self.assertIs(server.call("add", bad)["result"]["isError"], True, bad)

    def test_fail_answers_an_error_result(self):
        answer = self.start().call("fail")
        self.assertIs(answer["result"]["isError"], True)

    def test_progress_is_sent_when_asked_for_only(self):
        server = self.start()
        for token in ("t", 7):
            server.notifications.clear()
            one = server.begin_call("long_running", {"steps": 4, "seconds": 0.02}, token)
            self.assertEqual(server.wait(one)["result"]["content"][0]["text"], "done")
            seen = [message["params"] for message in server.notifications]
            self.assertEqual([step["progressToken"] for step in seen], [token] * 4)
            self.assertEqual([step["progress"] for step in seen], [1, 2, 3, 4])
            self.assertEqual({step["total"] for step in seen}, {4})
        server.notifications.clear()
        server.call("long_running", {"steps": 2, "seconds": 0})
        self.assertEqual(server.notifications, [])

    def test_calls_run_at_once(self):
        server = self.start()
        begin = time.monotonic()
        ids = [server.begin_call("long_running", {"seconds": 0.5}) for _ in range(20)]
        for one in ids:
            server.wait(one)
        self.assertLess(time.monotonic() - begin, 5)

    def test_a_cancelled_call_is_not_answered(self):
        server = self.start()
        one = server.begin_call("long_running", {"seconds": 0.1, "steps": 1})
        server.notify("notifications/cancelled", {"requestId": one})
        server.call("long_running", {"seconds": 0.3, "steps": 1})
        self.assertNotIn(one, server.answers)

    def test_the_end_of_input_ends_calls_in_progress(self):
        server = self.start()
        server.begin_call("long_running", {"seconds": 1000})
        server.ask("ping")
        server.end_input()
        self.assertEqual(server.exit_code(), 0)

    def test_messages_below_the_level_are_not_sent(self):
        server = self.start()

        def logged(level):
            server.notifications.clear()
            server.call("log", {"level": level, "message": {"any": ["JSON"]}})
            return [message["params"] for message in server.notifications]

        self.assertEqual(logged("debug"), [])
        self.assertEqual(
            logged("info"),
            [{"level": "info", "logger": "example", "data": {"any": ["JSON"]}}],
        )
        self.assertEqual(server.ask("logging/setLevel", {"level": "error"})["result"], {})
        self.assertEqual(logged("warning"), [])
        self.assertEqual(len(logged("alert")), 1)
        server.ask("logging/setLevel", {"level": "debug"})
        self.assertEqual(len(logged("debug")), 1)
        answer = server.ask("logging/setLevel", {"level": "loud"})
        self.assertEqual(answer["error"]["code"], -32602)

    def test_resources_are_text_and_blob(self):
        server = self.start()
        resources = server.ask("resources/list")["result"]["resources"]
        read = {
            one["uri"]: server.ask("resources/read", {"uri": one["uri"]})["result"]
            for one in resources
        }
        text = read["example://greeting"]["contents"][0]
        self.assertEqual(text["text"], "Hello, world")
        blob = read["example://pixel"]["contents"][0]
        self.assertTrue(blob["blob"].startswith("R0lGOD"))
        self.assertEqual(blob["mimeType"], "image/gif")

    def test_a_template_is_read(self):
        server = self.start()
        templates = server.ask("resources/templates/list")["result"]
        template = templates["resourceTemplates"][0]["uriTemplate"]
        uri = template.replace("{number}", "12")
        contents = server.ask("resources/read", {"uri": uri})["result"]["contents"]
        self.assertEqual(contents[0]["uri"], uri)
        self.assertEqual(contents[0]["text"], "144")

    def test_an_unknown_resource_is_not_found(self):
        server = self.start()
        for uri in (
            "example://no",
            "example://squares/",
            "example://squares/0",
            "example://squares/201",
            "example://squares/1x",
            "example://greeting\0",
        ):
            error = server.ask("resources/read", {"uri": uri})["error"]
            self.assertEqual(error["code"], -32002, uri)
            self.assertEqual(error["data"], {"uri": uri})

    def test_prompts_take_arguments(self):
        server = self.start()
        prompts = server.ask("prompts/list")["result"]["prompts"]
        self.assertEqual([one["name"] for one in prompts], ["greet", "introduce"])
        self.assertIs(prompts[0]["arguments"][0]["required"], True)
        params = {"name": "greet", "arguments": {"name": "Ada", "style": "formal"}}
        message = server.ask("prompts/get", params)["result"]["messages"][0]
        self.assertEqual(message["role"], "user")
        self.assertEqual(
            message["content"]["text"], "Please write a formal greeting for Ada."
        )
        for params in ({"name": "greet"}, {"name": "no"}):
            answer = server.ask("prompts/get", params)
            self.assertEqual(answer["error"]["code"], -32602)
        self.assertIn("result", server.ask("prompts/get", {"name": "introduce"}))

    def complete(self, server, ref, name, value):
        params = {"ref": ref, "argument": {"name": name, "value": value}}
        return server.ask("completion/complete", params)

    def test_arguments_are_completed(self):
        server = self.start()
        greet = {"type": "ref/prompt", "name": "greet"}
        result = self.complete(server, greet, "style", "f")["result"]
        self.assertEqual(
            result["completion"],
            {"values": ["formal", "friendly"], "total": 2, "hasMore": False},
        )
        result = self.complete(server, greet, "no", "")["result"]
        self.assertEqual(result["completion"]["values"], [])
        squares = {"type": "ref/resource", "uri": "example://squares/{number}"}
        result = self.complete(server, squares, "number", "")["result"]
        self.assertEqual(len(result["completion"]["values"]), 100)
        self.assertEqual(result["completion"]["total"], 200)
        self.assertIs(result["completion"]["hasMore"], True)

    def test_completion_of_something_unknown_is_refused(self):
        server = self.start()
        for ref in (
            {"type": "ref/prompt", "name": "no"},
            {"type": "ref/resource", "uri": "example://no"},
        ):
            answer = self.complete(server, ref, "x", "")
            self.assertEqual(answer["error"]["code"], -32602)
        params = {"ref": {"type": "ref/prompt", "name": "greet"}}
        answer = server.ask("completion/complete", params)
        self.assertEqual(answer["error"]["code"], -32602)


if __name__ == "__main__":
    unittest.main()
