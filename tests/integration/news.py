"""What backends tell clients through the whole gateway: log messages, lists
that change, updates of resources, progress."""

import itertools
import json
import threading
import unittest

from asker import LEVELS
from asking import KINDS, SHARED, UPDATED, Tests, said, unique


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
        clients = [self.client(kind) for kind in ("mcp", "sse", "mcp")]
        one, two, three = clients
        for backend in SHARED:
            with self.subTest(backend):
                uri = f"{backend}-asker://note/1"

                def request(client, what):
                    self.assertEqual(client.request(
                        f"resources/{what}", {"uri": uri}).result, {})
                    return said(three.call(f"{backend}/subscribed"))

                def update(*expected):
                    """How many updates each has heard of then."""
                    three.call(f"{backend}/tell", {
                        "apart": True, "messages": [[UPDATED, {"uri": uri}]],
                        }).result
                    for client, count in zip(clients, expected):
                        client.wait(lambda: client.count(UPDATED) >= count,
                                    10, "updates")
                        client.call(f"{backend}/echo").result
                    self.assertEqual(tuple(client.count(UPDATED)
                                           for client in clients), expected)

                for client in clients:
                    client.notifications.clear()
                for client in (one, two, one):
                    self.assertEqual(request(client, "subscribe"), [uri])
                update(1, 1, 0)
                self.assertEqual(request(one, "unsubscribe"), [uri])
                update(1, 2, 0)
                self.assertEqual(request(two, "unsubscribe"), [])
                update(1, 2, 0)


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
