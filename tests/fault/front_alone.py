"""The front between clients and workers that the test plays: every request
one outcome, every outcome its own client, whatever a worker says."""

import json
import random
import time
import unittest

from client import Client
from frames import Front, PROMPTS, TOOLS
import raw


class Requests(unittest.TestCase):
    """Ids, tokens, outcomes."""

    def test_equal_ids_and_tokens_of_many_clients_stay_apart(self):
        """50 sessions, all with the ids 1..10 and token 1, answered and
        reported on in random order."""
        with Front() as front:
            worker = front.link(0)
            clients = [Client(front.address) for _ in range(50)]
            for client in clients:
                client.wait_tools("a/echo")
            for number in range(1, 11):
                for place, client in enumerate(clients):
                    client.send("tools/call", {
                        "name": "a/echo",
                        "arguments": {"text": f"{place}:{number}"},
                        "_meta": {"progressToken": 1}}, 100 + number)
            calls = [worker.request() for _ in range(500)]
            self.assertEqual(len({ident for ident, _ in calls}), 500)
            random.Random(1).shuffle(calls)
            for ident, message in calls:
                self.assertEqual(message["id"], ident)
                self.assertEqual(message["params"]["name"], "echo")
                self.assertEqual(
                    message["params"]["_meta"]["progressToken"], ident)
                text = message["params"]["arguments"]["text"]
                worker.send("EVENT", {
                    "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": ident, "progress": 1,
                               "message": text}}, ident)
                worker.answer(ident, {"text": text})
            for place, client in enumerate(clients):
                for number in range(1, 11):
                    answer = client.outcome(str(100 + number))
                    self.assertEqual(answer.result["text"],
                                     f"{place}:{number}")
                client.assert_one_outcome_each()
                told = {note.json["params"]["message"]
                        for note in client.notifications
                        if note.json["method"] == "notifications/progress"}
                self.assertEqual(told, {f"{place}:{number}"
                                        for number in range(1, 11)})
                client.close()

    def test_ids_come_back_as_they_were_written(self):
        """Numbers and strings of every shape, byte for byte."""
        idents = [b"1", b'"1"', b"-0", b"1.0", b"1e0", b"9007199254740993",
                  b"18446744073709551616", b"123456789012345678901234567890",
                  b'""', b'"\\u00e9\\n"', "\"é中🎵\"".encode(),
                  b'"' + b"x" * 200 + b'"']
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            for ident in idents:
                answer = client.post(
                    b'{"jsonrpc":"2.0","id":' + ident +
                    b',"method":"tools/call","params":{"name":"a/echo"}}')
                self.assertEqual(answer.status, 202)
                number, _ = worker.request()
                worker.answer(number, {"n": ident.decode()})
                client.wait(lambda want=ident: any(
                    b'"id": ' + want + b"," in message.raw
                    for list_ in client.outcomes.values()
                    for message in list_), 5, f"id {ident}")

    def test_bad_ids_never_reach_the_worker(self):
        """null, objects, booleans and ids over the limit."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            for ident in (b"null", b"{}", b"[]", b"true",
                          b'"' + b"x" * 300 + b'"'):
                answer = client.post(
                    b'{"jsonrpc":"2.0","id":' + ident +
                    b',"method":"tools/call","params":{"name":"a/echo"}}')
                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.body, b"Could not parse message")
            client.send("tools/call", {"name": "a/echo"}, "good")
            self.assertEqual(
                worker.request()[1]["method"], "tools/call")

    def test_a_lost_link_fails_each_request_once(self):
        """And the next link serves the same session."""
        with Front() as front, Client(front.address) as client, \
                Client(front.address) as other:
            worker = front.link(0)
            second = front.link(1)
            client.wait_tools("a/echo", "b/echo")
            keys = [client.send("tools/call", {"name": "a/echo"})
                    for _ in range(100)]
            keep = other.send("tools/call", {"name": "b/echo"})
            for _ in keys:
                worker.request()
            begin = time.monotonic()
            worker.close()
            for key in keys:
                error = client.outcome(key).error
                self.assertEqual(error["data"],
                                 {"backend": "a", "outcome": "unknown"})
            self.assertLess(time.monotonic() - begin, 0.25)
            number, _ = second.request()
            second.answer(number, {})
            other.outcome(keep)
            error = client.call("a/echo").error
            self.assertEqual(error["data"]["outcome"], "not_sent")
            worker = front.link(0)
            other.request("logging/setLevel", {"level": "error"})
            worker.expect("CLIENT_LEVEL")  # the greeting was read
            key = client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            worker.answer(number, {})
            self.assertEqual(client.outcome(key).result, {})
            client.assert_one_outcome_each()

    def test_invented_late_and_double_answers_reach_nobody(self):
        """Numbers that were never given, ended ones, another backend's."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            other = front.link(1)
            client.wait_tools("a/echo", "b/echo")
            key = client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            for wrong in (0, 1, number + 1, number + 65536, 2 ** 53, 2 ** 63):
                worker.answer(wrong, {"wrong": True})
                worker.send("FAIL", {"code": 1, "message": "x"}, wrong)
            other.answer(number, {"wrong": True})
            worker.answer(number, {"right": True})
            worker.answer(number, {"wrong": True})
            self.assertEqual(client.outcome(key).result, {"right": True})
            client.request("ping")
            client.assert_one_outcome_each()

    def test_answers_that_are_no_answers_become_errors(self):
        """Not JSON, not JSON-RPC, two outcomes: one error each."""
        bad = [b"", b"nonsense", b"[]", b'{"jsonrpc":"2.0"}',
               b'{"jsonrpc":"2.0","id":ID,"result":{},"error":{}}',
               b'{"jsonrpc":"2.0","id":ID,"id":ID,"result":{}}',
               b'{"jsonrpc":"2.0","id":ID,"method":"x"}',
               b'{"jsonrpc":"2.0","id":ID,"result":"\xff"}']
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            for text in bad:
                key = client.send("tools/call", {"name": "a/echo"})
                number, _ = worker.request()
                worker.send("RESPONSE",
                            text.replace(b"ID", str(number).encode()), number)
                self.assertEqual(client.outcome(key).error["code"], -32603)
            client.assert_one_outcome_each()

    def test_line_ends_in_an_answer_cannot_forge_an_event(self):
        """A raw CR or LF would end the data line of the stream."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            key = client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            worker.send("RESPONSE", b'{"jsonrpc":"2.0",\r\n\r\n"id":%d,\r"resul'
                        b't":{"a":\n1}}' % number, number)
            self.assertEqual(client.outcome(key).result, {"a": 1})


class Rules(unittest.TestCase):
    """Frames that are not allowed, and who hears what."""

    def test_a_worker_that_breaks_a_rule_loses_its_link_only(self):
        """Wrong direction, unknown type, oversized, reserved bytes."""
        with Front() as front, Client(front.address) as client:
            good = front.link(1)
            client.wait_tools("b/echo")
            for kind in ("REQUEST", "CANCEL", "SETUP", "LINK", 0, 200):
                worker = front.link(0)
                client.wait_tools("a/echo")
                worker.send(kind, {})
                while worker.take() is not None:
                    pass
            for header in (b"\xff" * 24, bytes([255, 255, 255, 255, 0, 17]) +
                           bytes(18), bytes(20) + b"\0\0\0\1"):
                worker = front.link(0)
                worker.socket.sendall(header)
                while worker.take() is not None:
                    pass
            key = client.send("tools/call", {"name": "b/echo"})
            number, _ = good.request()
            good.answer(number, {})
            client.outcome(key)

    def test_log_messages_reach_whom_they_concern(self):
        """The one with requests in flight; all when nobody has; nobody when
        several have."""
        def say(text, level="info"):
            worker.send("NOTIFY", {
                "jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": level, "data": text}})

        def heard(client):
            client.request("ping")
            return [note.json["params"]["data"]
                    for note in client.notifications
                    if note.json["method"] == "notifications/message"]

        with Front() as front, Client(front.address) as one, \
                Client(front.address) as two:
            worker = front.link(0)
            one.wait_tools("a/echo")
            one.request("logging/setLevel", {"level": "warning"})
            self.assertEqual(worker.expect("CLIENT_LEVEL")[2], 3)
            say("for all", "error")
            say("for two", "info")
            key = two.send("tools/call", {"name": "a/echo"})
            first, _ = worker.request()
            say("only two", "error")
            other = one.send("tools/call", {"name": "a/echo"})
            second, _ = worker.request()
            say("nobody", "error")
            worker.answer(first, {})
            worker.answer(second, {})
            two.outcome(key)
            one.outcome(other)
            self.assertEqual(heard(one), ["for all"])
            self.assertEqual(heard(two), ["for all", "for two", "only two"])

    def test_the_level_falls_with_the_session_that_wanted_more(self):
        with Front() as front, Client(front.address) as one:
            worker = front.link(0)
            one.wait_tools("a/echo")
            one.request("logging/setLevel", {"level": "error"})
            self.assertEqual(worker.expect("CLIENT_LEVEL")[2], 4)
            with Client(front.address) as two:
                two.request("logging/setLevel", {"level": "debug"})
                self.assertEqual(worker.expect("CLIENT_LEVEL")[2], 0)
            self.assertEqual(worker.expect("CLIENT_LEVEL")[2], 4)

    def test_cancelling_ends_own_requests_only(self):
        """The worker is told; the canceller gets no answer; others do."""
        with Front() as front, Client(front.address) as one, \
                Client(front.address) as two:
            worker = front.link(0)
            one.wait_tools("a/echo")
            one.send("tools/call", {"name": "a/echo"}, 7)
            first, _ = worker.request()
            kept = two.send("tools/call", {"name": "a/echo"}, 7)
            second, _ = worker.request()
            one.notify("notifications/cancelled",
                       {"requestId": 7, "reason": "no\nmore"})
            _, ident, _, reason = worker.expect("CANCEL")
            self.assertEqual((ident, json.loads(reason)), (first, "no\nmore"))
            one.notify("notifications/cancelled", {"requestId": 7})
            one.notify("notifications/cancelled", {"requestId": "7"})
            worker.answer(first, {})
            worker.answer(second, {})
            two.outcome(kept)
            one.request("ping")
            self.assertNotIn("7", one.outcomes)

    def test_a_client_that_leaves_cancels_what_it_asked(self):
        """At once, though nothing was being sent to it."""
        with Front() as front:
            worker = front.link(0)
            client = Client(front.address)
            client.wait_tools("a/echo")
            client.send("tools/call", {"name": "a/echo"})
            number, _ = worker.request()
            begin = time.monotonic()
            client.close()
            self.assertEqual(worker.expect("CANCEL")[1], number)
            self.assertLess(time.monotonic() - begin, 0.5)

    def test_list_changed_only_for_lists_that_differ(self):
        """Once for each change, none for the same list again."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            before = client.count("notifications/tools/list_changed")
            same = [{"name": "echo", "inputSchema": {"type": "object"}}]
            worker.send("CATALOG", same, flags=TOOLS)
            worker.send("CATALOG", [{"name": "p"}], flags=PROMPTS)
            client.wait(lambda: client.count(
                "notifications/prompts/list_changed"), 5, "list_changed")
            self.assertEqual(
                client.count("notifications/tools/list_changed"), before)
            worker.close()
            worker = front.link(0)
            worker.send("CATALOG", [{"name": "p"}], flags=PROMPTS)
            client.request("ping")

    def test_a_client_that_does_not_read_is_dropped_alone(self):
        """Results of 1 MB each pile up for it; others are served at once."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            lazy = raw.Connection(front.address, receive_buffer=4096)
            lazy.send(raw.request("GET", "/sse", front.address))
            lazy.head()
            endpoint = lazy.chunk().split(b"data: ")[1].strip().decode()
            lazy.chunk()

            def post(message):
                answer = raw.ask(front.address, "POST", endpoint,
                                 body=json.dumps(message).encode())
                self.assertEqual(answer.status, 202)

            post({"jsonrpc": "2.0", "id": 1, "method": "initialize",
                  "params": {"protocolVersion": "2025-06-18",
                             "capabilities": {},
                             "clientInfo": {"name": "lazy", "version": "1"}}})
            for number in range(40):
                post({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                      "params": {"name": "a/echo"}})
            numbers = [worker.request()[0] for _ in range(40)]
            for number in numbers:
                worker.answer(number, {"text": "x" * 1000000})
            worst = 0
            for _ in range(20):
                begin = time.monotonic()
                client.request("ping")
                worst = max(worst, time.monotonic() - begin)
            self.assertLess(worst, 1)
            lazy.socket.settimeout(10)
            received = len(lazy.rest())
            self.assertLess(received, 20000000)
            lazy.close()
            client.assert_one_outcome_each()


if __name__ == "__main__":
    unittest.main()
