"""Streams of Streamable HTTP: what is JSON and what events, what goes over
which of them, and how they are resumed."""

import json
import time
import unittest

import process
import raw
from gateway import PATIENCE
from streamable_case import NOTE, Case, answer, log, progress, text_of

DECIDE_S = 1     # an answer that takes longer is an event stream
PING_S = 15      # comments keep them alive
KEPT = 1 << 20   # bytes of events that a session may have again
OLDER = ("2024-11-05", "2025-03-26", "2025-06-18")


class Kinds(Case):
    """JSON or events."""

    def test_what_is_answered_at_once_is_json(self):
        for revision in (*OLDER, "2025-11-25"):
            client = self.open(revision=revision)
            exchange, number = self.call(client)
            answer(self.worker, number)
            self.assertEqual(text_of(exchange.outcome()), "done")
            self.assertEqual(exchange.answer.header("content-type"),
                             "application/json")

    def test_what_takes_longer_becomes_events(self):
        calls = []
        for revision in (*OLDER, "2025-11-25"):
            calls.append((revision, *self.call(self.open(revision=revision))))
        for revision, exchange, number in calls:
            begin = time.monotonic()
            head = exchange.head()  # comes by itself
            self.assertLess(time.monotonic() - begin, 2 * DECIDE_S * PATIENCE)
            self.assertTrue(exchange.is_events())
            self.assertIn("no-cache", head.header("cache-control"))
            self.assertEqual(head.header("transfer-encoding"), "chunked")
            answer(self.worker, number, revision)
            events = list(exchange.events())
            if revision == "2025-11-25":
                first = self.primed(events.pop(0))
                self.assertEqual(first.split("-")[0],
                                 events[0].id.split("-")[0])
            self.assertEqual(len(events), 1)
            self.assertEqual(text_of(events[0].json), revision)

    def test_progress_and_logs_make_it_events(self):
        for revision in (*OLDER, "2025-11-25"):
            client = self.open(revision=revision)
            exchange, number = self.call(client, token="my token")
            progress(self.worker, number, 1)
            log(self.worker, number, "hello")
            progress(self.worker, number, 2)
            answer(self.worker, number)
            events = list(exchange.events())
            if revision == "2025-11-25":
                self.primed(events.pop(0))
            self.assertEqual(len({one.id for one in events}), 4)
            one, two, three, four = [one.json for one in events]
            for number, event in ((1, one), (2, three)):
                self.assertEqual(event["params"], {
                    "progressToken": "my token", "progress": number})
            self.assertEqual(two["params"], {"level": "info", "data": "hello"})
            self.assertEqual(text_of(four), "done")

    def test_logs_are_sent_from_the_level_on_that_was_set(self):
        self.assertEqual(self.client.result("logging/setLevel", {
            "level": "error"}), {})
        exchange, number = self.call()
        log(self.worker, number)
        answer(self.worker, number)
        self.assertEqual(text_of(exchange.outcome()), "done")
        self.assertFalse(exchange.is_events())

    def test_one_connection_carries_json_and_events(self):
        with raw.Connection(self.front.address) as connection:
            for number in range(12):
                exchange = self.client.call(
                    "a__echo", token=number, connection=connection)
                ident, _ = self.worker.request()
                if number % 2:
                    progress(self.worker, ident)
                answer(self.worker, ident, f"answer {number}")
                self.assertEqual(text_of(exchange.outcome()),
                                 f"answer {number}")
                self.assertEqual(exchange.is_events(), number % 2 == 1)

    def test_who_wants_the_connection_closed_has_it_closed(self):
        for events in (False, True):
            exchange, number = self.call(
                token=1, headers=[("Connection", "close")])
            if events:
                progress(self.worker, number)
            answer(self.worker, number)
            self.assertEqual(text_of(exchange.outcome()), "done")
            self.assertIsNotNone(exchange.connection.closed_within(5))

    def test_a_cancelled_call_has_no_answer(self):
        for wait in (0, 1.5 * DECIDE_S):
            exchange, number = self.call(ident="mine")
            time.sleep(wait)
            self.client.notify("notifications/cancelled", {
                "requestId": "mine", "reason": "enough"})
            self.assertEqual(self.worker.expect("CANCEL")[1], number)
            self.assertEqual([one for one in exchange.events() if one.data],
                             [])
            answer(self.worker, number)
        self.assertEqual(self.client.status(), 200)


class Get(Case):
    """What belongs to no request."""

    def test_changes_go_over_the_get_stream_alone(self):
        exchange, number = self.call(token=1)
        progress(self.worker, number)
        self.assertEqual(exchange.message().json["params"]["progress"], 1)
        with self.client.get() as stream:
            self.primed(stream.event())
            self.subscribe(self.client)
            self.worker.updated(NOTE)
            event = stream.message()
            self.assertEqual(event.json["method"],
                             "notifications/resources/updated")
            self.assertEqual(event.json["params"]["uri"], NOTE)
            self.change("more")
            event = stream.message()
            self.assertEqual(event.json["method"],
                             "notifications/tools/list_changed")
            self.worker.updated("test://notes/2")  # nobody wants to know
            answer(self.worker, number)
            self.assertEqual([text_of(one.json) for one in exchange.events()],
                             ["done"])
            self.worker.updated(NOTE)
            self.assertEqual(stream.message().json["params"]["uri"], NOTE)

    def test_older_clients_are_not_primed(self):
        for revision in OLDER:
            with self.open(revision=revision).get() as stream:
                self.assertTrue(stream.is_events())
                self.change(revision)
                event = stream.event()
                self.assertEqual(event.json["method"],
                                 "notifications/tools/list_changed")

    def test_what_came_before_it_is_kept(self):
        self.subscribe(self.client)
        for _ in range(3):
            self.worker.updated(NOTE)
        self.change("more")
        self.client.wait_tool("a__more")
        with self.client.get() as stream:
            self.primed(stream.event())
            methods = [stream.event().json["method"] for _ in range(4)]
            self.assertEqual(methods, ["notifications/resources/updated"] * 3 +
                             ["notifications/tools/list_changed"])
        # Once only.
        process.wait_until(lambda: self.reopened() is not None, 5 * PATIENCE,
                           "another stream")
        self.worker.updated(NOTE)
        self.primed(self.stream.event())
        event = self.stream.event()
        self.assertEqual(event.json["method"],
                         "notifications/resources/updated")
        self.assertEqual(event.id, "0-5")

    def reopened(self):
        """The GET stream, once more: the front may not know yet that the one
        before is over."""
        self.stream = self.client.get()
        self.addCleanup(self.stream.close)
        return self.stream if self.stream.is_events() else None

    def test_it_is_resumed_behind_an_event(self):
        self.subscribe(self.client)
        with self.client.get() as stream:
            self.primed(stream.event())
            for _ in range(5):
                self.worker.updated(NOTE)
            ids = [stream.event().id for _ in range(5)]
            self.assertEqual(ids, [f"0-{n}" for n in range(1, 6)])
            # While the front thinks that the old connection is fine.
            with self.client.get("0-2") as other:
                self.assertEqual(self.primed(other.event()), "0-2")
                self.assertEqual([other.event().id for _ in range(3)], ids[2:])
                self.assertIsNone(stream.event())  # ended, in order
                self.worker.updated(NOTE)
                self.assertEqual(other.event().id, "0-6")
                with self.client.get() as third:
                    self.assertEqual(third.head().status, 409)
        self.worker.updated(NOTE)
        with self.client.get("0-6") as stream:
            self.primed(stream.event())
            self.assertEqual(stream.event().id, "0-7")
        with self.client.get("0-7") as stream:
            self.primed(stream.event())
            self.worker.updated(NOTE)
            self.assertEqual(stream.event().id, "0-8")

    def test_ids_that_are_not_ours(self):
        other = self.open()
        exchange, number = self.call(other, token=1)
        progress(self.worker, number)
        foreign = exchange.message().id
        for last in ("0-1", "0-4294967296", "1-1", "99-0", foreign, "", "x",
                     "-", "0-", "-0", "0-0-0", "+0-0", "0- 0", "00-0", "0-00",
                     "4294967296-0", "18446744073709551616-1", "0-1" * 1000,
                     "0-0,0-0", "0x0-0"):
            with self.client.get(last) as stream:
                answer_ = stream.whole()
                self.assertEqual(answer_.status, 400, last)
                self.assertEqual(json.loads(answer_.body)["error"]["code"],
                                 -32000)
        answer(self.worker, number)
        self.assertEqual(text_of(exchange.message().json), "done")
        with self.client.get("0-0") as stream:
            self.primed(stream.event())

    def test_a_gap_is_made_up_for(self):
        """What is not kept any more may have told of lists."""
        self.subscribe(self.client)
        long = {"padding": "x" * 60000}
        for _ in range(2 * KEPT // 60000):
            self.worker.updated(NOTE, **long)
        self.client.status()
        with self.client.get("0-0") as stream:
            self.primed(stream.event())
            events = []
            while not events or "tools/list_changed" not in events[-1].data:
                events.append(stream.event())
            numbers = [int(one.id.split("-")[1]) for one in events]
            self.assertGreater(numbers[0], 1)
            self.assertEqual(numbers, list(range(
                numbers[0], numbers[0] + len(numbers))))
            self.assertLess(sum(len(one.data) for one in events), KEPT)


class Resume(Case):
    """Calls whose connection broke."""

    def cut(self, token=1, reset=False):
        """A call whose stream broke after an event; number and last id."""
        exchange, number = self.call(token=token)
        progress(self.worker, number)
        self.primed(exchange.event())
        last = exchange.message().id
        if reset:
            exchange.connection.reset()
        else:
            exchange.close()
        return number, last

    def test_the_answer_is_delivered_once(self):
        for reset in (False, True):
            for early in (False, True):
                number, last = self.cut(reset=reset)
                if early:  # before the client is back
                    progress(self.worker, number, 2)
                    answer(self.worker, number)
                    self.client.status()
                with self.client.get(last) as stream:
                    if not early:
                        self.assertTrue(stream.is_events())
                        progress(self.worker, number, 2)
                        answer(self.worker, number)
                    messages = [one.json for one in stream.events()
                                if one.data]
                self.assertEqual(len(messages), 2)
                self.assertEqual(messages[0]["params"]["progress"], 2)
                self.assertEqual(text_of(messages[1]), "done")

    def test_it_is_not_cancelled(self):
        number, last = self.cut()
        other, second = self.call()
        answer(self.worker, second)
        self.assertEqual(text_of(other.outcome()), "done")
        answer(self.worker, number)
        with self.client.get(last) as stream:
            self.assertEqual(text_of(stream.message().json), "done")
            self.assertIsNone(stream.event())

    def test_while_the_old_connection_is_open(self):
        exchange, number = self.call(token=1)
        progress(self.worker, number)
        first = self.primed(exchange.event())
        exchange.message()
        with self.client.get(first) as stream:
            self.assertEqual(self.primed(stream.event()), first)
            self.assertEqual(stream.event().json["params"]["progress"], 1)
            self.assertIsNone(exchange.event())
            progress(self.worker, number, 2)
            answer(self.worker, number)
            self.assertEqual(stream.event().json["params"]["progress"], 2)
            self.assertEqual(text_of(stream.event().json), "done")
            self.assertIsNone(stream.event())
            # The connection goes on, as after any answer.
            again = self.client.begin("ping", connection=stream.connection)
            self.assertEqual(again.outcome()["result"], {})

    def test_again_and_again(self):
        number, last = self.cut()
        for value in range(2, 20):
            with self.client.get(last) as stream:
                self.assertTrue(stream.is_events())
                progress(self.worker, number, value)
                event = stream.message()
                self.assertEqual(event.json["params"]["progress"], value)
                last = event.id
        answer(self.worker, number)
        for _ in range(3):  # as often as it is asked for
            with self.client.get(last) as stream:
                self.assertEqual([text_of(one.json) for one in stream.events()
                                  if one.data], ["done"])

    def test_several_streams_are_kept_apart(self):
        cuts = [self.cut(token=f"t{n}") for n in range(5)]
        for place, (number, _) in enumerate(cuts):
            answer(self.worker, number, f"answer {place}")
        self.client.status()
        for place, (_, last) in reversed(list(enumerate(cuts))):
            with self.client.get(last) as stream:
                self.assertEqual([text_of(one.json) for one in stream.events()
                                  if one.data], [f"answer {place}"])

    def test_an_answer_that_is_too_large_to_keep(self):
        number, last = self.cut()
        answer(self.worker, number, "x" * (KEPT + 1))
        self.client.status()
        with self.client.get(last) as stream:
            self.assertEqual(stream.whole().status, 400)

    def test_an_older_answer_falls_out_of_the_buffer(self):
        number, last = self.cut()
        answer(self.worker, number)
        second, other = self.cut()
        answer(self.worker, second, "x" * (KEPT - 500))
        self.client.status()
        with self.client.get(last) as stream:
            self.assertEqual(stream.whole().status, 400)
        with self.client.get(other) as stream:
            self.assertEqual(len(text_of(stream.message().json)), KEPT - 500)
            self.assertIsNone(stream.event())

    def test_a_large_answer_goes_on_where_it_is_read(self):
        """16 MB, over a connection that is slow at first."""
        exchange = self.client.call("a__echo", token=1, receive_buffer=4096,
                                    timeout=30)
        self.addCleanup(exchange.close)
        number, _ = self.worker.request()
        progress(self.worker, number)
        answer(self.worker, number, "y" * (16 << 20))
        exchange.connection.socket.settimeout(30 * PATIENCE)
        self.assertEqual(len(text_of(exchange.outcome())), 16 << 20)
        exchange, number = self.call(timeout=30)  # and as JSON
        answer(self.worker, number, "y" * (16 << 20))
        self.assertEqual(len(text_of(exchange.outcome())), 16 << 20)
        self.assertFalse(exchange.is_events())

    def test_a_lost_backend_answers_whoever_comes_back(self):
        number, last = self.cut()
        self.assertGreater(number, 0)
        exchange, _ = self.call()
        self.worker.close()
        error = exchange.outcome()["error"]
        self.assertEqual(error["data"]["outcome"], "unknown")
        with self.client.get(last) as stream:
            self.assertEqual(stream.message().json["error"]["data"],
                             error["data"])
            self.assertIsNone(stream.event())


class Alive(Case):
    """What happens while nothing is said for long."""

    def test_comments_keep_streams_alive_and_nothing_times_out(self):
        older = self.open(revision="2025-03-26")
        streams = [self.client.get(), older.get()]
        calls = [self.call(token=1), self.call(older)]
        streams += [exchange for exchange, _ in calls]
        exchange, number = self.call(token=2)
        progress(self.worker, number)
        last = exchange.message().id
        exchange.close()
        streams.append(self.client.get(last))
        calls.append((streams[-1], number))
        # Half of a request stands behind a call.
        waiting, behind = self.call()
        head = raw.request("POST", "/mcp", self.front.address,
                           self.client.headers(), b'{"jsonrpc":"2.0",'
                           b'"id":"half","method":"ping"}')
        waiting.connection.send(head[:50])
        time.sleep(PING_S)
        for stream in streams:
            stream.connection.socket.settimeout(5 * PATIENCE)
            while (event := stream.event()) is not None:
                if event.comment is not None:
                    break
            self.assertRegex(event.comment, "^ping - 20")
        for number, (stream, ident) in enumerate(calls):
            answer(self.worker, ident, f"late {number}")
            self.assertEqual(text_of(stream.message().json), f"late {number}")
            self.assertIsNone(stream.event())
        answer(self.worker, behind)
        self.assertEqual(text_of(waiting.outcome()), "done")
        time.sleep(1)  # all connections were looked at
        waiting.connection.send(head[50:])
        self.assertEqual(json.loads(waiting.connection.response().body)["id"],
                         "half")
        for stream in streams:
            stream.close()


if __name__ == "__main__":
    unittest.main()
