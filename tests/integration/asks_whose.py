"""Whom backends ask when there are several clients, or none, and when somebody
goes away in the middle of a question."""

import itertools
import json
import os
import time
import unittest

import process
import raw
from asker import Asker
from asking import (
    ALL, CANCELLED, FORM, KINDS, LATER, SHARED, SOON, SPELLED, Tests, each,
    outcome, said)
from client import Client
from gateway import PATIENCE, Gateway


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
        time.sleep(LATER)
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
        time.sleep(LATER)
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

    def check_loss(self, client, backend, kill):
        """A client that is asked is told that it need not answer, and gets
        its error, when kill() ends the backend or what leads to it."""
        key, _ = self.begin(client, backend, "elicitation/create", FORM)
        question = client.asked()
        kill()
        error = client.outcome(key, 5).error
        self.assertEqual(error["data"]["outcome"], "unknown")
        params = client.notified(CANCELLED)
        self.assertEqual([one["requestId"] for one in params],
                         [question.json["id"]])
        # An answer to nobody does no harm.
        client.respond(question, {"action": "accept"})
        self.assertEqual(client.request("ping").result, {})
        process.wait_until(
            lambda: "result" in client.call(f"{backend}/echo").json,
            10 * PATIENCE, "the backend is back")

    @each("pipe")
    def test_a_backend_dies(self, client, backend):
        job = self.gateway.wait_job(backend)
        self.check_loss(client, backend, lambda: os.kill(job, 9))

    @each("pipe", "http", "json", "legacy")
    def test_a_worker_dies(self, client, backend):
        role = "worker" if backend == "pipe" else "worker-http"
        worker = self.gateway.wait_for(role, backend)
        self.check_loss(client, backend, lambda: os.kill(worker, 9))

    def test_the_front_dies(self):
        """All clients are gone: every backend hears it, from its worker."""
        client = self.client("sse")
        questions = {}
        for number, backend in enumerate(SHARED, 1):
            _, questions[backend] = self.begin(client, backend,
                                               "elicitation/create", FORM)
            client.asked(number)
        front = self.gateway.wait_for("front")
        os.kill(front, 9)
        self.gateway.wait_for("front", other_than=front)
        with Client(self.gateway.address) as other:
            other.wait_tools(*(f"{backend}/heard" for backend in SHARED))
            for backend, ident in questions.items():
                answer, = self.wait_heard(other, backend, f'"{ident}"')
                self.assertEqual(answer["error"]["code"], -32603)


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


if __name__ == "__main__":
    unittest.main()
