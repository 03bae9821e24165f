"""A scripted MCP server that asks its clients, over stdio and HTTP: what it
asks, tells and answers is told by its tools, and what it hears is noted.

As a program it speaks over stdio; its argument is the scheme of its resources.
"""

import json
import sys
import threading

import http_backend
from gateway import PATIENCE
from http_backend import text

LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert",
          "emergency"]
# How long it waits for an answer: longer than anything here should take.
WAIT = 20 * PATIENCE


class Asker(http_backend.Backend):
    """The server."""

    def __init__(self, scheme, **more):
        super().__init__(**more)
        self.tools = ["echo", "hang", "error", "progress", "add", "remove",
                      "exit"]
        self.tools += [name[5:] for name in vars(Asker)
                       if name.startswith("tool_")]
        self.notes = ["note 1"]
        self.templates = []
        self.prompts = ["greet"]
        self.scheme = scheme  # of its resources
        self.subscribed = []
        self.heard = []  # every notification and answer of clients
        self.methods.update({
            "resources/list": lambda reply, params: reply.answer({
                "resources": [{"uri": self.uri(name), "name": name}
                              for name in self.notes]}),
            "resources/templates/list": lambda reply, params: reply.answer({
                "resourceTemplates": [
                    {"uriTemplate": self.uri(name) + "/{id}", "name": name}
                    for name in self.templates]}),
            "prompts/list": lambda reply, params: reply.answer({
                "prompts": [{"name": name} for name in self.prompts]}),
            "resources/subscribe": self.subscribe,
            "resources/unsubscribe": self.unsubscribe,
        })

    def uri(self, name):
        """Of a resource."""
        return f"{self.scheme}://{name.replace(' ', '/')}"

    def initialize(self, reply, params):
        """The greeting: it can do everything."""
        reply.session.revision = min(self.revision, params["protocolVersion"])
        self.greeted += 1
        self.declared = params["capabilities"]
        changes = {"listChanged": True}
        reply.answer({
            "protocolVersion": reply.session.revision, "capabilities": {
                "tools": changes, "prompts": changes, "logging": {},
                "resources": {"subscribe": True, **changes}},
            "serverInfo": {"name": "asker", "version": "1"}})

    def subscribe(self, reply, params):
        """resources/subscribe."""
        self.subscribed.append(params["uri"])
        reply.answer({})

    def unsubscribe(self, reply, params):
        """resources/unsubscribe."""
        self.subscribed.remove(params["uri"])
        reply.answer({})

    def hear(self, session, message):
        """A notification or an answer."""
        self.heard.append(message)
        super().hear(session, message)

    # Questions.

    @staticmethod
    def where(reply, arguments):
        """The stream of the call, or with "apart" that of the session."""
        return reply.session.main if arguments.get("apart") else reply.stream

    def put(self, reply, arguments):
        """Ask; [event, answer]."""
        ident = arguments["id"]
        asked = reply.session.asked[ident] = [threading.Event(), None]
        message = {"jsonrpc": "2.0", "id": ident,
                   "method": arguments["method"]}
        if "params" in arguments:
            message["params"] = arguments["params"]
        self.where(reply, arguments).put(json.dumps(message))
        return asked

    def tool_ask(self, reply, arguments, _):
        """A question, and what was said to it."""
        asked = self.put(reply, arguments)
        asked[0].wait(WAIT)
        reply.answer(text(json.dumps(asked[1])))

    def tool_flood(self, reply, arguments, _):
        """Many questions at once; the answers in the same order."""
        asked = [self.put(reply, {**arguments, "id": ident})
                 for ident in arguments["ids"]]
        for one in asked:
            one[0].wait(WAIT)
        reply.answer(text(json.dumps([one[1] for one in asked])))

    def tool_later(self, reply, arguments, _):
        """An answer, and then the question."""
        reply.answer(text("later"))
        threading.Timer(0.1, self.put, (
            reply, {**arguments, "apart": True})).start()

    def tool_retract(self, reply, arguments, _):
        """A question that it does not want to know the answer of; it answers
        when it is told so."""
        released = self.hanging["release"]
        self.put(reply, arguments)
        self.where(reply, arguments).put(json.dumps({
            "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": arguments["id"],
                       "reason": arguments["reason"]}}))
        released.wait(WAIT)
        reply.answer(text("retracted"))

    def tool_release(self, reply, arguments, _):
        """Let the other tool answer."""
        del arguments
        self.hanging.pop("release").set()
        reply.answer(text("released"))

    def tool_heard(self, reply, arguments, _):
        """Everything that was heard, and with a text only what has it."""
        marker = arguments.get("text", "")
        reply.answer(text(json.dumps([
            message for message in self.heard
            if marker in json.dumps(message)])))

    # News.

    def tell(self, reply, arguments, messages):
        """Send notifications, in this order."""
        for method, params in messages:
            self.where(reply, arguments).put(json.dumps({
                "jsonrpc": "2.0", "method": method, "params": params}))

    def tool_tell(self, reply, arguments, _):
        """Any notifications."""
        self.tell(reply, arguments, arguments["messages"])
        reply.answer(text("told"))

    def tool_levels(self, reply, arguments, _):
        """A log message of every level, before the answer or so long after."""
        messages = [["notifications/message", {
            "level": level, "logger": "asker", "data": arguments["text"]}]
            for level in LEVELS]
        if "after" in arguments:
            reply.answer(text("will be logged"))
            threading.Timer(arguments["after"], self.tell, (
                reply, arguments, messages)).start()
        else:
            self.tell(reply, arguments, messages)
            reply.answer(text("logged"))

    def tool_offer(self, reply, arguments, _):
        """One prompt, resource or template more."""
        kind, name = arguments["kind"], arguments["name"]
        {"prompts": self.prompts, "resources": self.notes,
         "templates": self.templates}[kind].append(name)
        reply.answer(text("offered"))
        self.broadcast("notifications/prompts/list_changed"
                       if kind == "prompts"
                       else "notifications/resources/list_changed")

    def tool_subscribed(self, reply, arguments, _):
        """The URIs that somebody subscribed to."""
        del arguments
        reply.answer(text(json.dumps(sorted(self.subscribed))))

    def tool_declared(self, reply, arguments, _):
        """What it was told that its clients can."""
        del arguments
        reply.answer(text(json.dumps(self.declared)))


class Output:
    """Standard output, as a stream."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connection = None

    def put(self, message):
        """Write one line."""
        with self.lock:
            sys.stdout.buffer.write(message.encode() + b"\n")
            sys.stdout.buffer.flush()


def main():
    """The program: one session, whose stream is all there is."""
    asker = Asker(sys.argv[1])
    session = http_backend.Session("stdio", Output())
    asker.sessions["stdio"] = session
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" in message and "method" in message:
            reply = http_backend.Reply(session, message["id"], None,
                                       session.main)
            threading.Thread(target=asker.run, args=(reply, message),
                             daemon=True).start()
        else:
            asker.hear(session, message)


if __name__ == "__main__":
    main()
