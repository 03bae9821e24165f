"""What mcp-go 0.17 does on the wire, as ENScan_GO serves it, with everything
in it that clients stumble over."""

import json
import threading

import event_stream
import http_backend
import httpd

PING_SECONDS = 1
NAMES = ["根据关键词详细信息", "获取企业转换MAP", "根据PID获取企业基本信息",
         "根据pid分页获取信息", "根据关键词详细信息"]  # one of them twice
PROTOCOL = "2024-11-05"


def go_json(value):
    """As encoding/json writes it: keys in order, no markup."""
    written = json.dumps(value, sort_keys=True, ensure_ascii=False,
                         separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


class Backend(http_backend.Backend):
    """HTTP+SSE only, at /sse and /message."""

    def __init__(self, port=0, record=None, announced="localhost"):
        self.announced = announced
        self.pings = 0      # requests of ours
        self.pongs = []     # ids of answers to them
        super().__init__(port, record=record)
        self.tools = NAMES + http_backend.TOOLS
        self.methods["resources/list"] = lambda reply, params: reply.answer(
            {"resources": None})
        self.methods["resources/templates/list"] = \
            lambda reply, params: reply.answer({"resourceTemplates": None})
        self.methods["prompts/list"] = lambda reply, params: reply.answer(
            {"prompts": None})

    def handle(self, connection, request):
        """The routes."""
        if request.path == "/sse":
            if request.method == "GET":
                self.open(connection)
            else:
                connection.reply(405, "Method not allowed\n",
                                 kind="text/plain; charset=utf-8")
        elif request.path == "/message":
            self.message(connection, request)
        else:
            connection.reply(404, "404 page not found\n",
                             kind="text/plain; charset=utf-8")

    def open(self, connection):
        """A stream; the endpoint's event ends in two kinds of lines."""
        name = self.name("L")
        stream = event_stream.Stream(name, False)
        session = http_backend.Session(name, stream)
        self.sessions[name] = session
        connection.start()
        with stream.changed:  # its first message may be here at once
            connection.chunk(f"event: endpoint\ndata: http://{self.announced}:"
                             f"{self.port}/message?sessionId={name}\r\n\r\n")
            stream.attach(connection)
        threading.Thread(target=self.ping, args=(stream,),
                         daemon=True).start()
        stream.hold(connection, self.stopping)
        stream.detach()
        self.sessions.pop(name, None)

    def ping(self, stream):
        """A request every second, of which the line has no space."""
        while not self.stopping.wait(PING_SECONDS):
            if stream.connection is None:
                return
            self.pings += 1
            stream.put(go_json({"jsonrpc": "2.0", "id": self.pings,
                                "method": "ping"}), colon=":")

    def message(self, connection, request):
        """A message: the POST is answered after all is done, and the answer
        comes in its body too."""
        session = self.sessions.get(request.query.partition("=")[2])
        message = request.message
        if session is None:
            self.no(connection, 400, "Invalid session ID")
        elif not isinstance(message, dict):
            self.no(connection, 400, "Parse error")
        elif "method" in message and "id" in message:
            reply = Reply(session, message["id"], connection, session.main)
            self.run(reply, message)
            connection.reply(202, reply.body or "")
        else:
            if "method" not in message:
                self.pongs.append(message["id"])
            self.hear(session, message)
            connection.reply(202)

    @staticmethod
    def no(connection, status, why):
        """An error of JSON-RPC, whatever the status is."""
        connection.reply(status, go_json({
            "jsonrpc": "2.0", "id": None,
            "error": {"code": -32602, "message": why}}) + "\n")

    def initialize(self, reply, params):
        """The greeting; nothing is said of changes."""
        del params
        self.greeted += 1
        reply.session.revision = PROTOCOL
        reply.answer({
            "protocolVersion": PROTOCOL, "capabilities": {
                "tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": {"name": "ENScan", "version": "1.2.1"}})

    def list_tools(self, reply, params):
        """Without a description, but with angle brackets."""
        del params
        reply.answer({"tools": [
            {"name": name, "description": "<b> & >", "inputSchema": {
                "type": "object", "properties": {}}} for name in self.tools]})


class Reply(http_backend.Reply):
    """The answer goes both ways."""

    def whole(self, message):
        """As Go would write it, but for what is not its own to write."""
        try:
            message = go_json(json.loads(message))
        except ValueError:
            pass
        self.body = message + "\n"
        try:
            self.stream.put(message)
        except httpd.Closed:
            pass
