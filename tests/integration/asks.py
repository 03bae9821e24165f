"""Both directions through the whole gateway: what backends ask and tell
clients, and what clients say to that.  Over HTTP+SSE and Streamable HTTP on one
side, stdio, Streamable HTTP and HTTP+SSE on the other."""

import functools
import itertools
import json
import os
import threading
import time
import unittest

import gateway
import process
import raw
from asker import LEVELS, Asker
from client import Client
from client_streamable import StreamableClient
from gateway import PATIENCE, PYTHON, Gateway

FORM = {"message": "Who are you?", "requestedSchema": {
    "type": "object", "properties": {"name": {"type": "string"}},
    "required": ["name"]}}
URL = {"mode": "url", "url": "https://example.com/x?a=1", "message": "Go"}
SAMPLE = {"messages": [{"role": "user", "content": {
    "type": "text", "text": "Grüße 🎵"}}], "maxTokens": 100}
TOOLS = {**SAMPLE, "tools": [{"name": "t", "inputSchema": {"type": "object"}}],
         "toolChoice": {"mode": "auto"}}
ALL = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}},
       "roots": {"listChanged": True}}
CANCELLED = "notifications/cancelled"
# What a backend hears of one of its clients that went away, or of a question
# that nobody can be asked.
SOON = 1

KINDS = {"sse": Client, "mcp": StreamableClient}
SPELLED = {"sse": "{}/ask", "mcp": "{}__ask"}
# Backends: over stdio, over Streamable HTTP with answers as events and as JSON,
# over HTTP+SSE.
SHARED = ["pipe", "http", "json", "legacy"]

# Of one client that are not answered, front/ask.h.
QUESTIONS_MAX = 64

numbers = itertools.count(1)


def unique(start="q"):
    """A name that no other test uses."""
    return f"{start}{next(numbers)}"


def pipe(scheme, **more):
    """The configuration of a backend over stdio."""
    return {"command": PYTHON, "args": [
        os.path.join(gateway.LIBRARY, "asker.py"), scheme], **more}


def said(message):
    """What a tool of the backend answered: JSON in a text."""
    return json.loads(message.result["content"][0]["text"])


def outcome(message):
    """Of an answer that the backend got: what it is."""
    return {key: message[key] for key in ("result", "error")
            if key in message}


def each(*backends):
    """A test with a client of either kind and each of these backends."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for kind in KINDS:
                client = self.client(kind)
                for backend in backends or SHARED:
                    client.requests.clear()
                    client.notifications.clear()
                    with self.subTest(client=kind, backend=backend):
                        test(self, client, backend)
        return run
    return decorate


class Tests(unittest.TestCase):
    """A gateway with every kind of backend."""

    @classmethod
    def setUpClass(cls):
        cls.askers = {"http": Asker("http-asker"),
                      "json": Asker("json-asker", answers="json"),
                      "legacy": Asker("legacy-asker", kind="sse")}
        for asker in cls.askers.values():
            cls.addClassCleanup(asker.stop)
        cls.gateway = Gateway({
            "pipe": pipe("pipe-asker"),
            "http": {"type": "http", "url": cls.askers["http"].url("/mcp")},
            "json": {"type": "http", "url": cls.askers["json"].url("/mcp")},
            "legacy": {"type": "sse", "url": cls.askers["legacy"].url("/sse")},
            "mine": pipe("mine-asker", session="per-client"),
        })
        cls.addClassCleanup(cls.gateway.discard)
        with Client(cls.gateway.address) as client:
            client.wait_tools(*(f"{name}/ask" for name in [*SHARED, "mine"]))
        # Questions that belong to no request come over the GET stream.
        process.wait_until(
            lambda: all(asker.listeners() for asker in cls.askers.values()),
            10 * PATIENCE, "streams of the backends")

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def client(self, kind, capabilities=None, **more):
        """A session."""
        client = KINDS[kind](self.gateway.address, capabilities=ALL
                             if capabilities is None else capabilities, **more)
        self.addCleanup(client.close)
        return client

    def begin(self, client, backend, method, params=None, tool="ask", **more):
        """Have the backend ask; the key of the call, and the question's own
        id."""
        arguments = {"id": unique(), "method": method, **more}
        if params is not None:
            arguments["params"] = params
        return client.send("tools/call", {
            "name": f"{backend}/{tool}", "arguments": arguments}), \
            arguments["id"]

    def ask(self, client, backend, method, params=None, result=None,
            error=None, **more):
        """The same, and answer: the question, and what the backend got."""
        key, _ = self.begin(client, backend, method, params, **more)
        question = client.asked()
        client.respond(question, result, error)
        return question, outcome(said(client.outcome(key)))

    def refused(self, client, backend, method, params=None, **more):
        """The same where the client is not asked: the error."""
        key, _ = self.begin(client, backend, method, params, **more)
        answer = said(client.outcome(key))
        self.assertEqual(client.requests, [])
        return answer["error"]

    def heard(self, client, backend, text):
        """What the backend heard that has this text in it."""
        return said(client.call(f"{backend}/heard", {"text": text}))

    def wait_heard(self, client, backend, text, seconds=SOON):
        """The same, once there is something."""
        return process.wait_until(
            lambda: self.heard(client, backend, text), seconds * PATIENCE,
            f"{backend} hears of {text}")


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
        client.outcome(key)
        params, = client.notified(CANCELLED)
        self.assertEqual(params, {
            "requestId": question.json["id"],
            "reason": "not needed \"any\" more"})
        # A late answer is dropped.
        client.respond(question, {"action": "accept"})
        client.call(f"{backend}/echo").result
        self.assertEqual(self.heard(client, backend, ident), [])

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


class Whose(Tests):
    """Several clients: nobody is asked for another one."""

    def test_a_question_for_one_of_two_is_shown_to_nobody(self):
        """Where it came with no answer; both have a call in flight."""
        for kind, backend, apart in itertools.product(
                KINDS, SHARED, (False, True)):
            if backend == "http" and not apart:
                continue  # whose it is is known
            with self.subTest(client=kind, backend=backend, apart=apart):
                one, two = self.client(kind), self.client("sse")
                hanging = two.send("tools/call", {
                    "name": f"{backend}/hang", "arguments": {}})
                error = self.refused(one, backend, "elicitation/create", FORM,
                                     apart=apart)
                self.assertEqual(error["code"], -32603)
                self.assertIn("cannot be told", error["message"])
                self.assertIn("per-client", error["message"])
                self.assertEqual(two.requests, [])
                two.notify(CANCELLED, {"requestId": json.loads(hanging)})
                # And when it is the only one again it is asked.
                _, got = self.ask(one, backend, "elicitation/create", FORM,
                                  {"action": "cancel"}, apart=apart)
                self.assertEqual(got, {"result": {"action": "cancel"}})
                self.assertEqual(two.requests, [])
                one.close()
                two.close()

    def test_each_of_many_gets_its_own_where_that_is_known(self):
        """With the answer to its request, and with a server of its own."""
        for backend, count in (("http", 20), ("mine", 4)):
            with self.subTest(backend):
                clients = [self.client(kind) for kind in KINDS
                           for _ in range(count // 2)]
                calls = []
                for number, client in enumerate(clients):
                    client.call(f"{backend}/echo").result
                    calls.append(self.begin(
                        client, backend, "elicitation/create",
                        {**FORM, "message": f"for {number}"})[0])
                questions = [client.asked() for client in clients]
                for number, (client, question) in reversed(list(enumerate(
                        zip(clients, questions)))):
                    self.assertEqual(question.json["params"]["message"],
                                     f"for {number}")
                    client.respond(question, {"action": "accept", "content": {
                        "name": f"of {number}"}})
                for number, (client, key) in enumerate(zip(clients, calls)):
                    self.assertEqual(
                        said(client.outcome(key))["result"]["content"],
                        {"name": f"of {number}"})
                    self.assertEqual(len(client.requests), 1)
                    client.close()

    @each("http", "pipe")
    def test_nobody_answers_for_another(self, client, backend):
        key, ident = self.begin(client, backend, "elicitation/create",
                                FORM)
        question = client.asked()
        for kind in KINDS:
            other = self.client(kind)
            other.respond(question, {"action": "accept"})
            other.close()
        # Nor under an id that is only spelled alike, nor twice.
        right = question.json["id"]
        question.json["id"] = str(right)
        client.respond(question, {"action": "accept"})
        question.json["id"] = right
        client.respond(question, {"action": "decline"})
        client.respond(question, {"action": "cancel"})
        self.assertEqual(outcome(said(client.outcome(key))),
                         {"result": {"action": "decline"}})
        answer, = self.heard(client, backend, f'"{ident}"')
        self.assertEqual(answer["result"], {"action": "decline"})

    @each("http", "pipe")
    def test_an_answer_that_is_none(self, client, backend):
        """It is not passed on as it is, and the backend gets another."""
        key, _ = self.begin(client, backend, "elicitation/create", FORM)
        question = client.asked()
        answer = client.post(json.dumps({
            "jsonrpc": "2.0", "id": question.json["id"]}).encode())
        self.assertIn(answer.status, (202, 400))
        client.respond(question, {"action": "decline"})
        self.assertEqual(outcome(said(client.outcome(key))),
                         {"result": {"action": "decline"}})

    def test_a_question_while_nobody_is_served(self):
        client = self.client("sse")
        for backend in SHARED:
            with self.subTest(backend):
                _, ident = self.begin(client, backend, "elicitation/create",
                                      FORM, tool="later")
                answer, = self.wait_heard_aside(backend, ident)
                self.assertEqual(answer["error"]["code"], -32603)
                self.assertEqual(client.requests, [])

    def wait_heard_aside(self, backend, ident):
        """What a backend hears of a question that belongs to no call: none is
        made until then."""
        time.sleep(0.3 * PATIENCE)
        with Client(self.gateway.address) as client:
            return self.wait_heard(client, backend, f'"{ident}"')

    def test_a_question_of_ones_own_server_between_calls(self):
        """It comes over the GET stream, or not at all."""
        for kind in KINDS:
            client = self.client(kind)
            _, ident = self.begin(client, "mine", "roots/list", tool="later")
            question = client.asked()
            self.assertIn(question.stream, (None, "GET"))
            client.respond(question, {"roots": []})
            answer, = self.wait_heard(client, "mine", f'"{ident}"')
            self.assertEqual(outcome(answer), {"result": {"roots": []}})
        client = self.client("mcp", listen=False)
        _, ident = self.begin(client, "mine", "roots/list", tool="later")
        time.sleep(0.3 * PATIENCE)
        answer, = self.wait_heard(client, "mine", f'"{ident}"')
        self.assertEqual(answer["error"]["code"], -32603)
        self.assertIn("no stream", answer["error"]["message"])
        self.assertEqual(client.requests, [])


class Ends(Tests):
    """Somebody goes away in the middle of a question."""

    def test_a_client_leaves(self):
        """Its backend hears it within a second."""
        for kind, backend in itertools.product(KINDS, SHARED):
            with self.subTest(client=kind, backend=backend), \
                    Client(self.gateway.address) as other:
                client = self.client(kind)
                _, ident = self.begin(client, backend, "elicitation/create",
                                      FORM)
                client.asked()
                began = time.monotonic()
                client.close()
                answer, = self.wait_heard(other, backend, f'"{ident}"')
                self.assertLess(time.monotonic() - began, SOON * PATIENCE)
                self.assertEqual(answer["error"]["code"], -32603)

    def test_a_lost_connection_is_no_answer(self):
        """Over Streamable HTTP the session goes on: the client answers over
        another one, and comes back for what it had asked."""
        for backend in SHARED:
            with self.subTest(backend):
                client = self.client("mcp")
                key, ident = self.begin(client, backend,
                                        "elicitation/create", FORM)
                question = client.asked()
                post = client.posts[key]
                # It was told of every event that has an id.
                client.wait(lambda: len(post.ids) >= 2, 10, "ids of events")
                post.connection.socket.shutdown(2)
                client.respond(question, {"action": "accept"})
                client.wait(lambda: True, 1, "")
                with Client(self.gateway.address) as other:
                    answer, = self.wait_heard(other, backend, f'"{ident}"')
                self.assertEqual(answer["result"], {"action": "accept"})
                with raw.Connection(self.gateway.address) as back:
                    back.send(raw.request("GET", "/mcp", client.address, [
                        *client.headers, ("Last-Event-ID", post.ids[-1])]))
                    self.assertEqual(back.head().status, 200)
                    client.events(back, "resumed", [])
                self.assertEqual(client.outcome(key).stream, "resumed")
                self.assertEqual(said(client.outcome(key))["result"],
                                 {"action": "accept"})
                client.close()

    def test_a_backend_dies(self):
        """The client is told that it need not answer, and gets its error."""
        for kind in KINDS:
            with self.subTest(kind):
                client = self.client(kind)
                job = self.gateway.wait_job("pipe")
                key, _ = self.begin(client, "pipe", "elicitation/create", FORM)
                question = client.asked()
                os.kill(job, 9)
                error = client.outcome(key, 5).error
                self.assertEqual(error["data"]["outcome"], "unknown")
                params = client.notified(CANCELLED)
                self.assertEqual([one["requestId"] for one in params],
                                 [question.json["id"]])
                # An answer to nobody does no harm.
                client.respond(question, {"action": "accept"})
                self.assertEqual(client.request("ping").result, {})
                process.wait_until(
                    lambda: "result" in client.call("pipe/echo").json,
                    10 * PATIENCE, "the backend is back")
                client.close()


class Hangup(unittest.TestCase):
    """A server elsewhere."""

    def test_a_server_elsewhere_hangs_up(self):
        """The client is told that it need not answer, and gets its error."""
        for kind in KINDS:
            with self.subTest(kind), Asker("x") as asker, Gateway({
                    "x": {"type": "http", "url": asker.url("/mcp")},
                    }) as own:
                client = KINDS[kind](own.address, capabilities=ALL)
                client.wait_tools(SPELLED[kind].format("x"))
                key = client.send("tools/call", {
                    "name": "x/ask", "arguments": {
                        "id": 1, "method": "elicitation/create",
                        "params": FORM}})
                question = client.asked()
                asker.stop(reset=True)
                error = client.outcome(key, 20).error
                self.assertEqual(error["data"]["outcome"], "unknown")
                params = client.notified(CANCELLED)
                self.assertEqual([one["requestId"] for one in params],
                                 [question.json["id"]])
                client.close()


class News(Tests):
    """What backends tell."""

    def test_log_messages_are_for_who_called_at_the_level_that_it_chose(self):
        clients = [self.client(kind) for kind in ("sse", "mcp", "mcp")]
        # Who chose none gets all.
        clients[0].request("logging/setLevel", {"level": "notice"}).result
        clients[1].request("logging/setLevel", {"level": "error"}).result
        for backend in ("pipe", "http", "legacy"):
            for client, first in zip(clients, (2, 4, 0)):
                with self.subTest(backend, first=first):
                    for one in clients:
                        one.notifications.clear()
                    client.call(f"{backend}/levels", {"text": "é"}).result
                    self.assertEqual(
                        [message.json["params"] for message in
                         client.notifications],
                        [{"level": level, "logger": "asker", "data": "é"}
                         for level in LEVELS[first:]])
                    for one in clients:
                        one.call(f"{backend}/echo").result
                    self.assertEqual([bool(one.notifications) for one in
                                      clients], [one is client
                                                 for one in clients])

    def test_log_messages_of_nobodys_call_are_for_all_at_their_levels(self):
        """The same with a server that says them elsewhere than in an answer,
        and when the answer is over."""
        clients = [self.client(kind) for kind in KINDS]
        clients[0].request("logging/setLevel", {"level": "alert"}).result
        for backend in SHARED:
            with self.subTest(backend):
                for client in clients:
                    client.notifications.clear()
                clients[0].call(f"{backend}/levels", {
                    "text": "x", "after": 0.1, "apart": True}).result
                for client, first in zip(clients, (6, 0)):
                    client.wait(lambda: len(client.notifications) >=
                                8 - first, 10, "log messages")
                    self.assertEqual(
                        [message.json["params"]["level"] for message in
                         client.notifications], LEVELS[first:])

    def test_every_list_that_changes_is_told_of(self):
        clients = [self.client(kind) for kind in KINDS]
        methods = {"tools": "tools", "prompts": "prompts",
                   "resources": "resources", "templates": "resources"}
        for backend, (kind, named) in itertools.product(
                SHARED, methods.items()):
            with self.subTest(backend=backend, kind=kind):
                name = unique(f"{backend}-{kind}-")
                changed = f"notifications/{named}/list_changed"
                before = [client.count(changed) for client in clients]
                if kind == "tools":
                    clients[0].call(f"{backend}/add", {"name": name}).result
                else:
                    clients[0].call(f"{backend}/offer",
                                    {"kind": kind, "name": name}).result
                for client, seen in zip(clients, before):
                    client.wait(lambda: client.count(changed) > seen, 10,
                                changed)
                    items = client.items(
                        "resourceTemplates", "resources/templates/list") \
                        if kind == "templates" else client.items(kind)
                    self.assertIn(name, json.dumps(items))

    def test_two_subscribers_of_one_resource(self):
        """The backend has one; each is told until it wants no more."""
        updated = "notifications/resources/updated"
        one, two, three = (self.client(kind) for kind in ("mcp", "sse", "mcp"))
        for backend in SHARED:
            with self.subTest(backend):
                uri = f"{backend}-asker://note/1"

                def subscribed():
                    return said(three.call(f"{backend}/subscribed"))

                def update():
                    three.call(f"{backend}/tell", {
                        "apart": True,
                        "messages": [[updated, {"uri": uri}]]}).result
                    for client in (one, two, three):
                        client.call(f"{backend}/echo").result
                    return [sum(message.json["params"] == {"uri": uri}
                                for message in client.notifications
                                if message.json["method"] == updated)
                            for client in (one, two, three)]

                for client in (one, two, one):
                    self.assertEqual(client.request(
                        "resources/subscribe", {"uri": uri}).result, {})
                self.assertEqual(subscribed(), [uri])
                one.wait(lambda: update()[:2] >= [1, 1], 10, "updates")
                before = update()
                self.assertEqual(before[2], 0)
                one.request("resources/unsubscribe", {"uri": uri}).result
                self.assertEqual(subscribed(), [uri])
                after = update()
                self.assertEqual(after[0], before[0])
                self.assertGreater(after[1], before[1])
                two.request("resources/unsubscribe", {"uri": uri}).result
                self.assertEqual(subscribed(), [])
                self.assertEqual(update(), after)


class Crowd(Tests):
    """Many clients that say the same."""

    def test_equal_ids_and_tokens_of_200_clients(self):
        """Id 1 and progress token 1 for everything, as claude.ai does."""
        crowd = [self.client(kind) for _ in range(100) for kind in KINDS]
        for backend in SHARED:
            with self.subTest(backend):
                for client in crowd:
                    client.outcomes.clear()
                    client.notifications.clear()
                threads = [threading.Thread(target=client.send, args=(
                    "tools/call", {
                        "name": f"{backend}/progress", "arguments": {
                            "count": 3, "text": f"for {number}"},
                        "_meta": {"progressToken": 1}}, 1))
                    for number, client in enumerate(crowd)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                for number, client in enumerate(crowd):
                    answer = client.outcome("1")
                    self.assertEqual(answer.json["id"], 1)
                    self.assertEqual(answer.result["content"][0]["text"],
                                     f"for {number}")
                    # Progress on another stream than the answer may be late.
                    progress = client.notifications if backend == "json" \
                        else client.wait(lambda: client.notifications, 10,
                                         "progress")
                    steps = [{"progressToken": 1, "progress": step, "total": 3,
                              "message": f"for {number}"} for step in (1, 2, 3)]
                    if backend == "json":
                        steps = steps[:len(progress)]
                    self.assertEqual(
                        [message.json["params"] for message in progress], steps)
        for client in crowd:
            self.assertEqual(list(client.outcomes), ["1"])
            self.assertEqual(len(client.outcomes["1"]), 1)
            self.assertEqual(client.requests, [])


if __name__ == "__main__":
    unittest.main()
