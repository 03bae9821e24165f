"""A scripted MCP server over HTTP: Streamable HTTP at /mcp, HTTP+SSE at /sse
and /messages.  What it got is noted, what it answers is told by its tools.

As a program it prints its port.  Options: --port N, --delay SECONDS (until the
port opens), --record FILE (every message as it came), --kind (which of the two
it speaks), --mcp-go (an emulation of that library, see mcp_go.py), --say TEXT
(on both standard streams), --refuse STATUS (of a POST to /sse).
"""

import argparse
import collections
import json
import os
import resource
import sys
import threading
import time

import httpd
from event_stream import Stream, let_go

PRIMING_SINCE = "2025-11-25"  # older clients cannot take an event without data
JSON_AND_STREAM = {"application/json", "text/event-stream"}
TOOLS = ["echo", "text", "raw", "whole", "error", "slow", "hang", "progress",
         "big", "log", "add", "remove", "resume", "drop", "ask", "say", "exit"]


def text(value):
    """A tool result of one text."""
    return {"content": [{"type": "text", "text": value}]}


class Session:
    """One client."""

    def __init__(self, name, stream):
        self.name = name
        self.revision = None
        self.main = stream  # what belongs to no request; None until it is read
        self.asked = {}     # id: [event, answer]


class Reply:
    """Where the answer to one request goes, and what belongs to it."""

    def __init__(self, session, ident, connection, stream, as_body=False):
        self.session = session
        self.ident = ident
        self.connection = connection  # of the POST
        self.stream = stream          # may be None
        self.as_body = as_body        # the answer is the body of a response
        self.body = None
        self.dropped = False

    def put(self, message):
        """Send a message that is not the answer."""
        if self.stream is not None:
            self.stream.put(message)

    def notify(self, method, params):
        """Send a notification."""
        self.put(json.dumps({"jsonrpc": "2.0", "method": method,
                             "params": params}))

    def whole(self, message):
        """Answer with this text."""
        if self.as_body:
            self.body = message
        else:
            self.stream.put(message)

    def answer(self, result):
        """Answer with a result: JSON text, or what becomes one."""
        if not isinstance(result, str):
            result = json.dumps(result)
        self.whole(f'{{"jsonrpc":"2.0","id":{json.dumps(self.ident)},'
                   f'"result":{result}}}')

    def fail(self, code, message, data=None):
        """Answer with an error."""
        error = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self.whole(json.dumps({"jsonrpc": "2.0", "id": self.ident,
                               "error": error}))

    def drop(self, rest, rudely=False):
        """End the response before its time; rest() goes on without it, and
        what it sends waits for whoever asks for it."""
        self.dropped = True
        let_go(self.stream.detach(), rudely)

        def run():
            rest()
            self.stream.finish()
        threading.Thread(target=run, daemon=True).start()


class Backend(httpd.Server):
    """The server.  answers is "sse" or "json": the form of a POST's answer."""

    def __init__(self, port=0, tls=None, kind="both", answers="sse",
                 revision="2025-11-25", refuse=405, record=None, retry=50,
                 page=1000, sessions=True):
        self.kind, self.answers, self.revision = kind, answers, revision
        self.refuse, self.retry, self.page = refuse, retry, page
        self.with_sessions = sessions
        self.record = record and os.open(
            record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self.sessions = {}
        self.streams = {}       # of POSTs that are not yet answered
        self.tools = list(TOOLS)
        self.greeted = 0        # how often initialize came
        self.forgotten = []     # names of sessions that ended
        self.goodbyes = []      # names of sessions that DELETE ended
        self.cancelled = []     # params of notifications/cancelled
        self.hanging = collections.defaultdict(threading.Event)
        self.calls = []         # every tools/call that came, refused or not
        self.ran = collections.Counter()  # of those, what was run, by id
        self.names = 0
        self.methods = {
            "initialize": self.initialize,
            "ping": lambda reply, params: reply.answer({}),
            "tools/list": self.list_tools,
            "tools/call": self.call,
            "resources/list": lambda reply, params: reply.answer(
                {"resources": [{"uri": "remote://notes/1", "name": "n 1"}]}),
            "resources/templates/list": lambda reply, params: reply.answer(
                {"resourceTemplates": []}),
            "resources/read": lambda reply, params: reply.answer(
                {"contents": [{"uri": params["uri"], "text": "content"}]}),
            "prompts/list": lambda reply, params: reply.answer(
                {"prompts": [{"name": "greet"}]}),
            "prompts/get": lambda reply, params: reply.answer(
                {"messages": []}),
            "logging/setLevel": lambda reply, params: reply.answer({}),
        }
        super().__init__(port, tls)

    def name(self, prefix):
        """A name that was not used before."""
        with self.lock:
            self.names += 1
            return f"{prefix}{self.port}-{self.names}-{os.urandom(8).hex()}"

    def note(self, request):
        """Write down that it came, as a message too."""
        if request.body:
            try:
                request.message = json.loads(request.body)
            except ValueError:
                pass
            if self.record:
                os.write(self.record, request.body.replace(b"\n", b"") + b"\n")
        super().note(request)
        message = request.message
        if isinstance(message, dict) and message.get("method") == "tools/call":
            with self.lock:
                self.calls.append(message)

    def received(self, marker):
        """The calls with this text among their arguments."""
        with self.lock:
            return [call for call in self.calls if call["params"].get(
                "arguments", {}).get("text") == marker]

    def forget(self):
        """Forget every session, as a server does that was started again."""
        with self.lock:
            self.forgotten += self.sessions
            sessions, self.sessions = self.sessions, {}
        for session in sessions.values():
            if session.main is not None:
                session.main.finish()

    def broadcast(self, method, params=None):
        """Send a notification to every session."""
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        for session in list(self.sessions.values()):
            if session.main is not None:
                session.main.put(json.dumps(message))

    def listeners(self):
        """How many sessions have somebody who reads their main stream."""
        return sum(1 for session in list(self.sessions.values())
                   if session.main is not None and session.main.connection)

    def stop(self, reset=False):
        """Nothing hangs any longer."""
        super().stop(reset)
        for event in list(self.hanging.values()):
            event.set()

    # HTTP.

    def handle(self, connection, request):
        """The routes."""
        if request.path == "/mcp" and self.kind != "sse":
            {"POST": self.post, "GET": self.get, "DELETE": self.delete}.get(
                request.method, self.refused)(connection, request)
        elif request.path == "/sse" and self.kind != "http":
            if request.method == "GET":
                self.open(connection)
            else:
                connection.reply(self.refuse, "no", kind="text/plain")
        elif request.path == "/messages" and request.method == "POST":
            self.message(connection, request)
        else:
            connection.reply(404, "not here", kind="text/plain")

    def refused(self, connection, request):
        """Another method."""
        del request
        connection.reply(405, headers=[("Allow", "GET, POST, DELETE")])

    @staticmethod
    def no(connection, status, why):
        """Refuse in the way of the SDKs."""
        connection.reply(status, json.dumps({
            "jsonrpc": "2.0", "id": None,
            "error": {"code": -32000, "message": why}}))

    def session(self, connection, request):
        """The session that the request names; refuses it when wrong."""
        name = request.header("mcp-session-id") or ""
        if not self.with_sessions:
            name = "only"
        elif not name:
            self.no(connection, 400, "Mcp-Session-Id header is required")
            return None
        session = self.sessions.get(name)
        if session is None:
            self.no(connection, 404, "Session not found")
        elif session.revision >= "2025-06-18" and request.header(
                "mcp-protocol-version") != session.revision:
            self.no(connection, 400, "Unsupported protocol version")
            session = None
        return session

    def post(self, connection, request):
        """A message over Streamable HTTP."""
        accept = {part.strip() for part in
                  (request.header("accept") or "").split(",")}
        message = request.message
        if not JSON_AND_STREAM <= accept:
            self.no(connection, 406, "Not Acceptable")
        elif request.header("content-type") != "application/json":
            self.no(connection, 415, "Unsupported Media Type")
        elif not isinstance(message, dict):
            self.no(connection, 400, "Parse error")
        elif message.get("method") == "initialize":
            if request.header("mcp-session-id") is not None:
                self.no(connection, 400, "Server already initialized")
                return
            name = self.name("S") if self.with_sessions else "only"
            session = self.sessions[name] = Session(name, None)
            self.respond(connection, session, message,
                         [("Mcp-Session-Id", name)]
                         if self.with_sessions else [])
        else:
            session = self.session(connection, request)
            if session is None:
                return
            if "id" in message and "method" in message:
                self.respond(connection, session, message, [])
            else:
                self.hear(session, message)
                connection.reply(202)

    def respond(self, connection, session, message, headers):
        """Run a request and answer it as the body of its POST."""
        stream = None
        if self.answers == "sse":
            primed = session.revision is not None and \
                session.revision >= PRIMING_SINCE
            stream = Stream(self.name("P"), primed, self.retry)
            self.streams[stream.name] = stream
            connection.start(200, headers)
            stream.attach(connection)
        reply = Reply(session, message["id"], connection,
                      stream or session.main, as_body=stream is None)
        self.run(reply, message)
        if reply.dropped:
            return
        if stream is not None:
            stream.finish()
            del self.streams[stream.name]
            if stream.detach() is not None:
                connection.end()
        elif reply.body is None:
            connection.close()
        else:
            connection.reply(200, reply.body, headers)

    def get(self, connection, request):
        """The stream of a session, or the rest of an older one."""
        if request.header("accept") != "text/event-stream":
            self.no(connection, 406, "Not Acceptable")
            return
        session = self.session(connection, request)
        if session is None:
            return
        last = request.header("last-event-id")
        after = 0
        if last is not None:
            name, _, number = last.rpartition("/")
            stream = self.streams.get(name)
            if session.main is not None and session.main.name == name:
                stream = session.main
            if stream is None:
                self.no(connection, 400, "no such event")
                return
            after = int(number)
        else:
            if session.main is not None and session.main.connection:
                self.no(connection, 409, "Only one SSE stream is allowed")
                return
            stream = session.main = Stream(
                self.name("G"), session.revision >= PRIMING_SINCE, self.retry)
        connection.start()
        stream.attach(connection, after)
        if stream.hold(connection, self.stopping):
            self.streams.pop(stream.name, None)

    def delete(self, connection, request):
        """The end of a session."""
        session = self.session(connection, request)
        if session is not None:
            self.goodbyes.append(session.name)
            self.sessions.pop(session.name, None)
            if session.main is not None:
                session.main.finish()
            connection.reply(200)

    def open(self, connection):
        """The stream of an HTTP+SSE session."""
        name = self.name("L")
        stream = Stream(name, False)
        self.sessions[name] = session = Session(name, stream)
        session.revision = "2024-11-05"
        connection.start()
        # A fast client's first message is here before the next line is.
        with stream.changed:
            connection.chunk(
                f"event: endpoint\ndata: {self.endpoint(name)}\n\n")
            stream.attach(connection)
        stream.hold(connection, self.stopping)
        self.sessions.pop(name, None)

    @staticmethod
    def endpoint(name):
        """What the first event says."""
        return f"/messages?sessionId={name}"

    def message(self, connection, request):
        """A message over HTTP+SSE."""
        session = self.sessions.get(request.query.partition("=")[2])
        if session is None:
            connection.reply(404, "no session", kind="text/plain")
            return
        message = request.message
        connection.reply(202, "Accepted", kind="text/plain")
        if "id" in message and "method" in message:
            reply = Reply(session, message["id"], connection, session.main)
            threading.Thread(target=self.run, daemon=True,
                             args=(reply, message)).start()
        else:
            self.hear(session, message)

    # MCP.

    def hear(self, session, message):
        """A notification or an answer."""
        if message.get("method") == "notifications/cancelled":
            params = message["params"]
            self.cancelled.append(params)
            self.hanging[params["requestId"]].set()
        elif "method" not in message:
            asked = session.asked.get(message["id"])
            if asked:
                asked[1] = message
                asked[0].set()

    def run(self, reply, message):
        """A request."""
        method = self.methods.get(message["method"])
        if method is None:
            reply.fail(-32601, "Method not found")
            return
        try:
            method(reply, message.get("params") or {})
        except httpd.Closed:
            pass

    def initialize(self, reply, params):
        """The greeting; older revisions are agreed to."""
        self.greeted += 1
        reply.session.revision = min(self.revision, params["protocolVersion"])
        reply.answer({
            "protocolVersion": reply.session.revision, "capabilities": {
                "tools": {"listChanged": True}, "resources": {},
                "prompts": {}, "logging": {}},
            "serverInfo": {"name": "scripted over HTTP", "version": "1"}})

    def list_tools(self, reply, params):
        """One page of tools."""
        start = int(params.get("cursor", "0"))
        end = start + self.page
        result = {"tools": [{"name": name, "inputSchema": {"type": "object"}}
                            for name in self.tools[start:end]]}
        if end < len(self.tools):
            result["nextCursor"] = str(end)
        reply.answer(result)

    def call(self, reply, params):
        """tools/call."""
        with self.lock:
            self.ran[reply.ident] += 1
        arguments = params.get("arguments") or {}
        token = (params.get("_meta") or {}).get("progressToken")
        tool = getattr(self, "tool_" + params["name"], None)
        if tool is not None:
            tool(reply, arguments, token)
        elif params["name"] in self.tools:
            reply.answer(text(arguments.get("text", "")))
        else:
            reply.fail(-32602, f"no tool {params['name']}")

    def tool_raw(self, reply, arguments, _):
        """Any result."""
        reply.answer(arguments["result"])

    def tool_whole(self, reply, arguments, _):
        """Any message; @ID@ stands for the id."""
        reply.whole(arguments["message"].replace("@ID@",
                                                 json.dumps(reply.ident)))

    def tool_error(self, reply, arguments, _):
        """Any error."""
        reply.fail(arguments.get("code", -32050),
                   arguments.get("message", "refused"), arguments.get("data"))

    def tool_slow(self, reply, arguments, _):
        """An answer after a while."""
        time.sleep(arguments["seconds"])
        reply.answer(text(arguments.get("text", "done")))

    def tool_hang(self, reply, arguments, _):
        """No answer when it is cancelled, else a late one."""
        if not self.hanging[reply.ident].wait(arguments.get("seconds", 60)):
            reply.answer(text("nobody cancelled"))

    def tool_progress(self, reply, arguments, token):
        """Progress, then an answer."""
        for number in range(1, arguments["count"] + 1):
            reply.notify("notifications/progress", {
                "progressToken": token, "progress": number,
                "total": arguments["count"],
                "message": arguments.get("text", "")})
        reply.answer(text(arguments.get("text", "")))

    def tool_big(self, reply, arguments, _):
        """A long answer."""
        reply.answer(text("x" * arguments["bytes"]))

    def tool_log(self, reply, arguments, _):
        """A log message, then an answer."""
        reply.notify("notifications/message", {
            "level": arguments["level"], "data": arguments.get("text", "")})
        reply.answer(text("logged"))

    def tool_add(self, reply, arguments, _):
        """One tool more."""
        self.tools.append(arguments["name"])
        reply.answer(text("added"))
        self.broadcast("notifications/tools/list_changed")

    def tool_remove(self, reply, arguments, _):
        """One tool less."""
        self.tools.remove(arguments["name"])
        reply.answer(text("removed"))
        self.broadcast("notifications/tools/list_changed")

    def tool_resume(self, reply, arguments, _):
        """Hang up after the priming event; the answer is for whoever comes
        back for it, which is told in steps."""
        rudely = arguments.get("rudely", False)
        stream = reply.stream

        def rest():
            for _ in range(arguments.get("again", 0)):
                with stream.changed:
                    stream.changed.wait_for(lambda: stream.connection, 20)
                reply.notify("notifications/message", {"level": "info",
                                                       "data": "step"})
                let_go(stream.detach(), rudely)
            time.sleep(arguments.get("seconds", 0))
            reply.answer(text(arguments.get("text", "resumed")))
        reply.drop(rest, rudely)

    def tool_drop(self, reply, arguments, _):
        """Hang up for good."""
        del arguments
        reply.connection.close()

    def tool_ask(self, reply, arguments, _):
        """A request of our own, and what was said to it."""
        asked = reply.session.asked["ask"] = [threading.Event(), None]
        stream = reply.session.main if arguments.get("main") else reply
        stream.put(json.dumps({"jsonrpc": "2.0", "id": "ask",
                               "method": arguments["method"], "params": {}}))
        asked[0].wait(10)
        reply.answer(text(json.dumps(asked[1])))

    def tool_say(self, reply, arguments, _):
        """A line on both standard streams."""
        say(arguments["text"])
        reply.answer(text("said"))

    def tool_exit(self, reply, arguments, _):
        """The end of the program."""
        del reply
        os._exit(arguments.get("status", 0))


def say(line):
    """A line on both standard streams."""
    print(f"{line} on output", flush=True)
    print(f"{line} on errors", file=sys.stderr, flush=True)


def main():
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--record")
    parser.add_argument("--kind", default="both")
    parser.add_argument("--answers", default="sse")
    parser.add_argument("--refuse", type=int, default=405)
    parser.add_argument("--say")
    parser.add_argument("--mcp-go", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (
        resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if options.say:
        say(options.say)
    time.sleep(options.delay)
    if options.mcp_go:
        import mcp_go  # which imports this module
        backend = mcp_go.Backend(options.port, record=options.record)
    else:
        backend = Backend(
            options.port, kind=options.kind, answers=options.answers,
            refuse=options.refuse, record=options.record)
    print(backend.port, flush=True)
    backend.stopping.wait()


if __name__ == "__main__":
    main()
