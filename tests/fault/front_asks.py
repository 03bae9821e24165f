"""Questions of backends in the front alone: workers that are late, that lie and
that ask without end, played by the test."""

import json
import time
import unittest

from client import Client
from client_streamable import StreamableClient
from frames import Front

FORM = {"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {
    "message": "m", "requestedSchema": {"type": "object", "properties": {}}}}
CANCELLED = "notifications/cancelled"
KINDS = [Client, StreamableClient]
# Of one client, and of all, that are not answered: front/ask.h.
SESSION_MAX = 64
MAX = 4096


class Asks(unittest.TestCase):
    """Two backends with one tool each."""

    def setUp(self):
        self.front = Front()
        self.addCleanup(self.front.__exit__)
        self.a, self.b = self.front.link(0), self.front.link(1)
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()

    def client(self, kind=Client, **more):
        """A session that can answer everything."""
        client = kind(self.front.address, capabilities={
            "elicitation": {"form": {}, "url": {}}, "sampling": {},
            "roots": {}}, path={
                Client: "/sse", StreamableClient: "/mcp?names=slash"}[kind],
                      **more)
        self.clients.append(client)
        client.wait_tools("a/echo", "b/echo")
        return client

    @staticmethod
    def begin(client, worker, name="a/echo"):
        """Call: the key, and the number of the request."""
        key = client.send("tools/call", {"name": name, "arguments": {}})
        return key, worker.request()[0]

    def answer(self, worker, number):
        """The answer to the question of this number."""
        _, _, _, payload = worker.expect("ANSWER")
        self.assertEqual(worker.client, number)
        return json.loads(payload)

    def refused(self, worker, number, code=-32603):
        """The same when it was refused."""
        error = self.answer(worker, number)["error"]
        self.assertEqual(error["code"], code)
        return error["message"]

    def silent(self, *clients):
        """None of them was asked."""
        for client in clients:
            client.request("ping").result
            self.assertEqual(client.requests, [])

    def test_a_question_of_a_request_that_is_over(self):
        """Nobody else is asked in the place of who had sent that, although he
        is the only one with a request now."""
        for kind in KINDS:
            one, two = self.client(kind), self.client(kind)
            key, ident = self.begin(one, self.a)
            _, other = self.begin(two, self.a)
            one.notify(CANCELLED, {"requestId": json.loads(key)})
            self.a.expect("CANCEL")
            self.a.send("ASK", FORM, ident, client=1)
            self.assertIn("is over", self.refused(self.a, 1))
            self.a.send("ASK", FORM, 1 << 40, client=2)
            self.assertIn("is over", self.refused(self.a, 2))
            self.silent(one, two)
            self.a.answer(other, {"content": []})

    def test_a_question_about_another_backends_request(self):
        for kind in KINDS:
            one, two = self.client(kind), self.client(kind)
            _, ident = self.begin(one, self.a)
            _, other = self.begin(two, self.b, "b/echo")
            self.b.send("ASK", FORM, ident, client=1)
            self.refused(self.b, 1)
            self.silent(one, two)
            self.a.answer(ident, {"content": []})
            self.b.answer(other, {"content": []})

    def test_what_is_no_question(self):
        client = self.client()
        _, ident = self.begin(client, self.a)
        for number, text in enumerate((
                b"", b"{", b"[]", b"7", b'{"jsonrpc":"2.0","id":1}',
                b'{"jsonrpc":"2.0","method":"elicitation/create"}',
                b'{"jsonrpc":"2.0","id":1,"result":{}}',
                b'{"jsonrpc":"2.0","id":1,"method":"\xff"}'), 1):
            self.a.send("ASK", text, ident, client=number)
            self.refused(self.a, number)
        for number, method in enumerate((
                "ping", "tools/call", "elicitation/creat", "", "initialize",
                CANCELLED), 100):
            self.a.send("ASK", {"jsonrpc": "2.0", "id": 1, "method": method},
                        ident, client=number)
            self.refused(self.a, number, -32601)
        self.silent(client)
        self.a.answer(ident, {"content": []})

    def test_what_is_taken_back(self):
        """Once, with a reason that is one."""
        client = self.client()
        _, ident = self.begin(client, self.a)
        cases = [(b'"why \\u00e9"', "why é"), (b"", None), (b"7", None),
                 (b'"', None), (b'"a" "b"', None), (b'"\n"', None)]
        for number, (text, reason) in enumerate(cases, 1):
            self.a.send("ASK", FORM, ident, client=number)
            question = client.asked(number)
            for _ in range(2):
                self.a.send("RETRACT", text, client=number)
            self.a.send("RETRACT", text, client=number + 1000)
            client.wait(lambda: client.count(CANCELLED) == number, 5,
                        CANCELLED)
            params = client.notified(CANCELLED)[-1]
            self.assertEqual(params["requestId"], question.json["id"])
            self.assertEqual(params.get("reason"), reason)
            client.respond(question, {"action": "accept"})
        self.a.answer(ident, {"content": []})
        client.request("ping").result
        self.assertEqual(client.count(CANCELLED), len(cases))
        # None of them was answered: the next answer is to the next one.
        self.a.send("ASK", FORM, client=len(cases) + 1)
        self.refused(self.a, len(cases) + 1)

    def test_a_question_that_came_with_an_answer_ends_with_it(self):
        """One of which that is not known goes on."""
        for kind in KINDS:
            client = self.client(kind)
            _, ident = self.begin(client, self.a)
            self.a.send("ASK", FORM, ident, client=1)
            self.a.send("ASK", FORM, 0, client=2)
            first, second = client.asked(1), client.asked(2)
            self.a.answer(ident, {"content": []})
            self.assertIn("is over", self.refused(self.a, 1))
            params, = client.notified(CANCELLED)
            self.assertEqual(params["requestId"], first.json["id"])
            client.respond(first, {"action": "accept"})
            client.respond(second, {"action": "decline"})
            self.assertEqual(self.answer(self.a, 2)["result"],
                             {"action": "decline"})
            self.silent_after(client, 2)

    def silent_after(self, client, count):
        """It was asked no more than that."""
        client.request("ping").result
        self.assertEqual(len(client.requests), count)

    def test_more_questions_than_all_clients_may_have(self):
        """Each client has its share; over that, and over what all may have,
        they are refused, and all are answered once."""
        clients = [self.client() for _ in range(MAX // SESSION_MAX + 1)]
        calls = [self.begin(client, self.a)[1] for client in clients]
        number = 0
        for client, ident in zip(clients, calls):
            for _ in range(SESSION_MAX):
                number += 1
                self.a.send("ASK", FORM, ident, client=number)
            if client is not clients[-1]:
                client.asked(SESSION_MAX)
        refused = [self.refused_next() for _ in range(SESSION_MAX)]
        self.assertEqual(refused, list(range(MAX + 1,
                                             MAX + SESSION_MAX + 1)))
        self.silent(clients[-1])
        # Once there is room again it is used.
        clients[0].respond(clients[0].requests[0], {"action": "cancel"})
        self.assertEqual(self.answer(self.a, 1)["result"],
                         {"action": "cancel"})
        self.a.send("ASK", FORM, calls[-1], client=number + 1)
        clients[-1].asked()
        # Who leaves is answered for.
        clients[1].close()
        self.assertEqual(
            [self.refused_next() for _ in range(SESSION_MAX)],
            list(range(SESSION_MAX + 1, 2 * SESSION_MAX + 1)))
        for ident in calls:
            self.a.answer(ident, {"content": []})

    def test_a_question_is_answered_while_the_gateway_stops(self):
        """What was begun is finished; nothing new begins."""
        for number, kind in enumerate(KINDS, 1):
            client = self.client(kind)
            self.begin(client, self.a)
            self.a.send("ASK", FORM, 0, client=number)
            question = client.asked()
            if number == len(KINDS):
                self.front.supervisor.send("DRAIN")
                time.sleep(0.1)
            client.respond(question, {"action": "accept"})
            self.assertEqual(self.answer(self.a, number)["result"],
                             {"action": "accept"})
            if number < len(KINDS):
                client.close()
                self.a.expect("CANCEL")

    def refused_next(self):
        """The number of the question that is refused next."""
        _, _, _, payload = self.a.expect("ANSWER")
        self.assertEqual(json.loads(payload)["error"]["code"], -32603)
        return self.a.client


if __name__ == "__main__":
    unittest.main()
