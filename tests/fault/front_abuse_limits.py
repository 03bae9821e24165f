"""What clients may use up of the front: descriptors and time."""

import resource
import socket
import time
import unittest

import gateway
import raw
from client import Client
from frames import Front, TEMPLATES, TOOLS, backend
from front_abuse import (Measured, descriptors, eventually, listen_to)
from streamable_client import Streamable


class Limits(Measured):
    """Descriptors, and who may use them up."""

    def test_clients_cannot_take_the_descriptors_of_links(self):
        """120 backends are started while clients hold all they can."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))

        names = [f"b{n}" for n in range(120)]
        self.allow_descriptors()
        with Front(names, preexec=limit) as front:
            listen_to(front.supervisor)
            with Client(front.address) as client:
                flood = []
                for _ in range(480):
                    flood.append(socket.create_connection(front.address))
                client.request("ping")
                eventually(lambda: descriptors(front) > 250,
                           "connections were accepted")
                workers = [front.link(n) for n in range(120)]
                client.wait_tools(*[f"b{n}/echo" for n in range(120)])
                key = client.send("tools/call", {"name": "b119/echo"})
                number, _ = workers[119].request()
                workers[119].answer(number, {})
                client.outcome(key)
                for connection in flood:
                    connection.close()

    def test_clients_cannot_take_the_descriptors_of_instances(self):
        """150 instances are started while clients hold all they can."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))

        self.allow_descriptors()
        own = backend(0, "a", session="per-client", instances=150)
        with Front((own,), preexec=limit) as front:
            front.link(0)
            clients = [Streamable(front.address) for _ in range(150)]
            clients[0].wait_tool("a__echo")
            flood = [raw.Connection(front.address) for _ in range(480)]
            eventually(lambda: descriptors(front) > 250,
                       "connections were accepted")
            for place, client in enumerate(clients):
                call = client.call("a__echo", connection=flood[place])
                front.supervisor.expect("WANT")
                number = 1000 + place
                front.supervisor.send("INSTANCE", ident=number,
                                      client=front.supervisor.client)
                worker = front.link(number)
                worker.answer(worker.request()[0], {})
                self.assertEqual(call.outcome()["result"], {})
            for connection in flood:
                connection.close()

    def test_a_batch_that_takes_long_is_cut(self):
        """1,000 URIs that take some ten milliseconds each to be placed."""
        with Front() as front:
            for place in (0, 1):
                front.link(place).send("CATALOG", [
                    {"uriTemplate": "x://" + "{a}b" * 200 + f"{number}",
                     "name": f"{number}"} for number in range(32)],
                    flags=TEMPLATES)
            client = Streamable(front.address, revision="2025-03-26")
            client.wait_tool("b__echo")
            begun = time.monotonic()
            with client.post([
                    {"jsonrpc": "2.0", "id": number,
                     "method": "resources/read",
                     "params": {"uri": "x://" + "ab" * 1900}}
                    for number in range(1000)]) as batch:
                batch.head()
                self.assertEqual(client.status(), 200)
                self.assertLess(time.monotonic() - begun,
                                3 * gateway.PATIENCE)
                answers = [event.json for event in batch.events()]
            self.assertEqual([answer["id"] for answer in answers],
                             list(range(1000)))
            codes = [answer["error"]["code"] for answer in answers]
            self.assertEqual(codes, sorted(codes, reverse=True))
            self.assertEqual(set(codes), {-32002, -32603})
            self.assertIn("takes too long", answers[-1]["error"]["message"])

    def test_an_answer_with_very_many_uris_keeps_nobody(self):
        """A million of them, each of which several backends might have, by
        9,000 templates."""
        with Front() as front:
            workers = [front.link(number, resources=["test://x"])
                       for number in (0, 1)]
            workers[1].send("CATALOG", [
                {"uriTemplate": "test://{a}b{a}b{a}b{a}" + f"{number}",
                 "name": f"{number}"} for number in range(9000)],
                flags=TEMPLATES)
            client = Streamable(front.address)
            client.wait_tool("b__echo")
            with client.begin("resources/read", {"uri": "test://x"}) as read:
                number = workers[0].request()[0]
                begun = time.monotonic()
                workers[0].answer(number, {
                    "contents": [{"uri": "test://bbb"}] * 1000000})
                self.assertEqual(client.status(), 200)
                self.assertLess(time.monotonic() - begun,
                                10 * gateway.PATIENCE)
                contents = read.outcome()["result"]["contents"]
            self.assertEqual(len(contents), 1000000)
            self.assertEqual({item["uri"] for item in contents},
                             {"a+test://bbb"})

    def test_a_list_that_changes_all_the_time_is_told_of_now_and_then(self):
        """At once for the first change, together for the next ones, and what
        is listed in the end is the last."""
        with Front() as front, Client(front.address) as client:
            worker = front.link(0)
            client.wait_tools("a/echo")
            before = client.count("notifications/tools/list_changed")
            begin = time.monotonic()
            for number in range(100):
                worker.send("CATALOG", [{"name": f"echo{number}"}],
                            flags=TOOLS)
                time.sleep(0.01)
            client.wait_tools("a/echo99")
            told = client.count("notifications/tools/list_changed") - before
            self.assertLessEqual(told, (time.monotonic() - begin) / 0.25 + 2)
            self.assertGreater(told, 0)

    def test_a_level_is_forgotten_with_its_session(self):
        """The most verbose of those that are left counts."""
        with Front() as front, Client(front.address) as one:
            with Client(front.address) as two:
                one.request("logging/setLevel", {"level": "error"})
                two.request("logging/setLevel", {"level": "emergency"})
                two.request("logging/setLevel", {"level": "debug"})
                self.assertEqual(
                    front.link(0).expect("CLIENT_LEVEL")[2], 0)
            one.request("ping")
            eventually(lambda: front.link(0).expect("CLIENT_LEVEL")[2] == 4,
                       "the level of the session that is left counted")


if __name__ == "__main__":
    unittest.main()
