"""What backends ask clients through the whole gateway, and what clients say to
that."""

import itertools
import json
import unittest

from asking import (
    ALL, CANCELLED, FORM, KINDS, QUESTIONS_MAX, SAMPLE, SHARED, TOOLS, URL,
    Tests, each, outcome, said, unique)


class Questions(Tests):
    """One client at a time."""

    @each()
    def test_a_form_is_filled_in_or_not(self, client, backend):
        answers = [{"action": "accept", "content": {"name": "中文"}},
                   {"action": "decline"}, {"action": "cancel"}]
        for result in answers:
            client.requests.clear()
            question, got = self.ask(
                client, backend, "elicitation/create", FORM, result)
            self.assertEqual(question.json["method"],
                             "elicitation/create")
            self.assertEqual(question.json["params"], FORM)
            self.assertIsInstance(question.json["id"], int)
            self.assertEqual(got, {"result": result})
            self.assertEqual(len(client.requests), 1)
        client.assert_one_outcome_each()

    def test_a_question_comes_with_the_answer_to_its_request(self):
        """Over Streamable HTTP, whether or not there is a GET stream."""
        for listen in (True, False):
            client = self.client("mcp", listen=listen)
            for backend in [*SHARED, "mine"]:
                with self.subTest(backend, listen=listen):
                    # A server elsewhere may ask on the stream of its session.
                    for apart in (False, True):
                        client.requests.clear()
                        key, _ = self.begin(client, backend,
                                            "elicitation/create", FORM,
                                            apart=apart)
                        question = client.asked()
                        self.assertEqual(question.stream, key)
                        client.respond(question, {"action": "cancel"})
                        self.assertEqual(client.outcome(key).stream, key)
                        self.assertEqual(client.posts[key].answer.header(
                            "content-type"), "text/event-stream")
                    # And what asks nothing is answered as JSON.
                    key = client.send("tools/call",
                                      {"name": f"{backend}/echo"})
                    client.outcome(key)
                    self.assertEqual(client.posts[key].answer.header(
                        "content-type"), "application/json")

    @each()
    def test_a_model_is_asked_with_tools_and_without(self, client, backend):
        result = {"role": "assistant", "model": "m", "stopReason": "endTurn",
                  "content": {"type": "text", "text": "1.0 é"}}
        for params in (SAMPLE, TOOLS):
            client.requests.clear()
            question, got = self.ask(
                client, backend, "sampling/createMessage", params, result)
            self.assertEqual(question.json["params"], params)
            self.assertEqual(got, {"result": result})

    @each()
    def test_a_clients_error_is_the_backends(self, client, backend):
        error = {"code": -1, "message": "User rejected sampling request",
                 "data": {"x": [1, None]}}
        _, got = self.ask(client, backend, "sampling/createMessage",
                          SAMPLE, error=error)
        self.assertEqual(got, {"error": error})

    def test_clients_of_every_revision(self):
        """What their revision does not have they are not asked, whatever they
        declare."""
        can = {"2024-11-05": ["sampling/createMessage"],
               "2025-03-26": ["sampling/createMessage"],
               "2025-06-18": ["sampling/createMessage", "elicitation/create"]}
        params = {"sampling/createMessage": SAMPLE, "elicitation/create": FORM}
        for kind, revision in itertools.product(KINDS, can):
            client = self.client(kind, revision=revision)
            self.assertEqual(client.greeting["protocolVersion"], revision)
            for backend, method in itertools.product(SHARED, params):
                with self.subTest(client=kind, backend=backend,
                                  revision=revision, method=method):
                    client.requests.clear()
                    if method in can[revision]:
                        question, got = self.ask(
                            client, backend, method, params[method],
                            {"action": "cancel"})
                        self.assertEqual(question.json["params"],
                                         params[method])
                        self.assertEqual(got, {"result": {"action": "cancel"}})
                    else:
                        error = self.refused(client, backend, method,
                                             params[method])
                        self.assertEqual(error["code"], -32601)
                with self.subTest(client=kind, backend=backend,
                                  revision=revision):
                    client.requests.clear()
                    error = self.refused(client, backend,
                                         "elicitation/create", URL)
                    self.assertEqual(error["code"], -32601)

    @each()
    def test_a_long_question_and_a_long_answer(self, client, backend):
        long = "é\"\\" * (1 << 15)
        question, got = self.ask(client, backend, "elicitation/create",
                                 {**FORM, "message": long},
                                 {"action": "accept", "content": {"x": long}})
        self.assertEqual(question.json["params"]["message"], long)
        self.assertEqual(got["result"]["content"], {"x": long})

    @each()
    def test_more_questions_than_anybody_answers(self, client, backend):
        """One client has so many; one more is refused at once."""
        key = client.send("tools/call", {
            "name": f"{backend}/flood", "arguments": {
                "ids": [unique() for _ in range(QUESTIONS_MAX)],
                "method": "elicitation/create", "params": FORM}})
        client.asked(QUESTIONS_MAX)
        more, _ = self.begin(client, backend, "elicitation/create", FORM)
        error = said(client.outcome(more))["error"]
        self.assertEqual(error["code"], -32603)
        self.assertIn("Too many", error["message"])
        self.assertEqual(len(client.requests), QUESTIONS_MAX)
        for question in client.requests:
            client.respond(question, {"action": "cancel",
                                      "_meta": {"id": question.json["id"]}})
        self.assertEqual(
            [answer["result"]["_meta"]["id"] for answer in
             said(client.outcome(key))],
            [question.json["id"] for question in client.requests])

    def test_who_cannot_is_not_asked(self):
        forms = {"elicitation": {}}
        for kind in KINDS:
            able = {what: self.client(kind, capabilities)
                    for what, capabilities in (
                        ("nothing", {}), ("forms", forms),
                        ("texts", {"sampling": {}}))}
            cases = [("nothing", "elicitation/create", FORM),
                     ("nothing", "elicitation/create", URL),
                     ("nothing", "sampling/createMessage", SAMPLE),
                     ("forms", "elicitation/create", URL),
                     ("forms", "sampling/createMessage", SAMPLE),
                     ("texts", "elicitation/create", FORM),
                     ("texts", "sampling/createMessage", TOOLS)]
            for backend, (who, method, params) in itertools.product(
                    [*SHARED, "mine"], cases):
                with self.subTest(client=kind, backend=backend, who=who,
                                  method=method):
                    error = self.refused(able[who], backend, method, params)
                    # An instance is told what its client can.
                    self.assertIn(error["code"], (-32601, -32602)
                                  if backend == "mine" else (-32601,))
            # And what they can they are asked.
            for backend in SHARED:
                _, got = self.ask(able["forms"], backend,
                                  "elicitation/create", FORM,
                                  {"action": "decline"})
                self.assertEqual(got, {"result": {"action": "decline"}})
                able["forms"].requests.clear()

    @each()
    def test_nobodys_roots_are_listed_by_who_serves_all(self, client, backend):
        error = self.refused(client, backend, "roots/list")
        self.assertEqual(error["code"], -32601)
        self.assertNotIn("roots", said(client.call(f"{backend}/declared")))

    @each("mine")
    def test_roots_are_listed_by_who_serves_one(self, client, backend):
        result = {"roots": [{"uri": "file:///home/u/p", "name": "ünï"}]}
        question, got = self.ask(client, backend, "roots/list", result=result)
        self.assertNotIn("params", question.json)
        self.assertEqual(got, {"result": result})
        client.notify("notifications/roots/list_changed")
        self.wait_heard(client, backend, "roots/list_changed")
        self.assertEqual(said(client.call(f"{backend}/declared")), ALL)

    def test_a_server_of_ones_own_is_told_what_its_client_can(self):
        for kind in KINDS:
            client = self.client(kind, {"sampling": {}})
            error = self.refused(client, "mine", "roots/list")
            self.assertEqual(error["code"], -32601)
            self.assertEqual(said(client.call("mine/declared")),
                             {"sampling": {}})

    @each()
    def test_a_client_tells_how_far_it_is(self, client, backend):
        token = unique("token")
        key, _ = self.begin(client, backend, "sampling/createMessage",
                            {**SAMPLE, "_meta": {"progressToken": token}})
        question = client.asked()
        ours = question.json["params"]["_meta"]["progressToken"]
        self.assertNotEqual(ours, token)
        for number in (1, 2.5):
            client.notify("notifications/progress", {
                "progressToken": ours, "progress": number,
                "message": "½"})
            self.wait_heard(client, backend, f'"progress": {number}, ')
        client.respond(question, {"role": "assistant", "model": "m",
                                 "content": []})
        client.outcome(key)
        # After the answer it means nothing.
        client.notify("notifications/progress", {
            "progressToken": ours, "progress": 9, "message": "½"})
        self.assertEqual(
            [message["params"] for message in
             self.heard(client, backend, token)],
            [{"progressToken": token, "progress": number, "message": "½"}
             for number in (1, 2.5)])

    @each()
    def test_a_backend_takes_its_question_back(self, client, backend):
        key, ident = self.begin(
            client, backend, "elicitation/create", FORM, tool="retract",
            reason="not needed \"any\" more")
        question = client.asked()
        params, = client.notified(CANCELLED)
        self.assertEqual(params, {
            "requestId": question.json["id"],
            "reason": "not needed \"any\" more"})
        # A late answer is dropped.
        client.respond(question, {"action": "accept"})
        client.call(f"{backend}/release").result
        client.outcome(key).result
        self.assertEqual(self.heard(client, backend, f'"{ident}"'), [])

    @each()
    def test_a_call_is_cancelled_while_its_backend_asks(self, client, backend):
        key, ident = self.begin(client, backend, "elicitation/create",
                                FORM)
        question = client.asked()
        client.notify(CANCELLED, {"requestId": json.loads(key)})
        self.wait_heard(client, backend, CANCELLED)
        # Where the two belong together for sure the question is over too;
        # else the client may answer.
        if backend == "http":
            self.wait_heard(client, backend, f'"{ident}"')
        client.respond(question, {"action": "accept"})
        self.wait_heard(client, backend, f'"{ident}"')
        client.call(f"{backend}/echo").result
        answer, = self.heard(client, backend, f'"{ident}"')
        if backend == "http":
            self.assertEqual(answer["error"]["code"], -32603)
        else:
            self.assertEqual(answer["result"], {"action": "accept"})
        self.assertNotIn(key, client.outcomes)

    @each()
    def test_either_side_is_alive(self, client, backend):
        self.assertEqual(client.request("ping").result, {})
        key, _ = self.begin(client, backend, "ping")
        self.assertEqual(outcome(said(client.outcome(key))),
                         {"result": {}})
        self.assertEqual(client.requests, [])

    @each()
    def test_other_requests_are_refused(self, client, backend):
        error = self.refused(client, backend, "tasks/get", {"taskId": "x"})
        self.assertEqual(error["code"], -32601)

    @each()
    def test_a_question_may_have_any_id(self, client, backend):
        for ident in (0, -1, 2 ** 53 + 1, "", "1", "ünï \"x\""):
            client.requests.clear()
            _, got = self.ask(client, backend, "elicitation/create", FORM,
                              {"action": "cancel"}, id=ident)
            self.assertEqual(got, {"result": {"action": "cancel"}})


class Urls(Tests):
    """Elicitation by URL: who is told that it is complete."""

    COMPLETE = "notifications/elicitation/complete"

    def complete(self, client, backend, *idents):
        """Have the backend say that these are complete."""
        client.call(f"{backend}/tell", {"apart": True, "messages": [
            [self.COMPLETE, {"elicitationId": ident}]
            for ident in idents]}).result

    @each()
    def test_who_was_asked_hears_that_it_is_complete(self, client, backend):
        other = self.client("sse")
        ident = unique("elicitation")
        params = {**URL, "elicitationId": ident}
        question, got = self.ask(client, backend, "elicitation/create",
                                 params, {"action": "accept"})
        self.assertEqual(question.json["params"], params)
        self.assertEqual(got, {"result": {"action": "accept"}})
        self.complete(other, backend, "unknown", ident, ident)
        self.assertEqual(client.notified(self.COMPLETE),
                         [{"elicitationId": ident}])
        other.call(f"{backend}/echo").result
        client.call(f"{backend}/echo").result
        self.assertEqual(client.count(self.COMPLETE), 1)
        self.assertEqual(other.count(self.COMPLETE), 0)
        other.close()

    @each()
    def test_a_call_that_needs_one_first(self, client, backend):
        other = self.client("mcp")
        idents = [unique("elicitation"), unique("elicitation")]
        data = {"elicitations": [{**URL, "elicitationId": ident}
                                 for ident in idents]}
        error = client.call(f"{backend}/error", {
            "code": -32042, "message": "Do this first",
            "data": data}).error
        self.assertEqual(error, {"code": -32042, "data": data,
                                 "message": "Do this first"})
        self.complete(other, backend, *idents)
        client.wait(lambda: client.count(self.COMPLETE) == 2, 10,
                    "both are complete")
        other.call(f"{backend}/echo").result
        self.assertEqual(other.count(self.COMPLETE), 0)
        other.close()


if __name__ == "__main__":
    unittest.main()
