"""A scripted MCP server over stdio: what it got is written to a file, what it
answers is told by its tools and options.

Options: --record FILE (every line as it came), --delay SECONDS (before
initialize is answered), --tools NAME,NAME (more tools), --page N (items to a
page), --scheme NAME (of its resources), --empty (no lists at all), --revision
NAME, --list FILE (the text of the tools array, as it is), --no-subscribe (the
capability is not declared).
"""

import argparse
import json
import os
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--record")
parser.add_argument("--delay", type=float, default=0)
parser.add_argument("--tools", default="")
parser.add_argument("--page", type=int, default=1000)
parser.add_argument("--scheme", default="test")
parser.add_argument("--empty", action="store_true")
parser.add_argument("--revision", default="2025-11-25")
parser.add_argument("--list")
parser.add_argument("--no-subscribe", action="store_true")
options = parser.parse_args()

lock = threading.Lock()
record = open(options.record, "ab", buffering=0) if options.record else None
tools = ["echo", "text", "raw", "error", "slow", "hang", "progress", "log",
         "add", "remove", "exit", "environment", "ask"]
tools += [name for name in options.tools.split(",") if name]
late = {}
answers = {}
subscribed = set()


def write(text):
    """Write one line, whatever thread it comes from."""
    with lock:
        sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()


def notify(method, params=None):
    """Send a notification."""
    message = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    write(json.dumps(message))


def answer(ident, result):
    """Answer with a result: JSON text, or what becomes one."""
    if not isinstance(result, str):
        result = json.dumps(result)
    write(f'{{"jsonrpc":"2.0","id":{json.dumps(ident)},"result":{result}}}')


def fail(ident, code, message, data=None):
    """Answer with an error."""
    error = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    write(json.dumps({"jsonrpc": "2.0", "id": ident, "error": error}))


def text(value):
    """A tool result of one text."""
    return {"content": [{"type": "text", "text": value}]}


def pages(ident, key, items, params):
    """Answer one page of a list."""
    start = int(params.get("cursor", "0"))
    result = {key: items[start:start + options.page]}
    if start + options.page < len(items):
        result["nextCursor"] = str(start + options.page)
    answer(ident, result)


def tool_items():
    """All tools as they are listed."""
    if options.list:
        with open(options.list, encoding="utf-8") as file:
            return file.read()
    return [{"name": name, "description": f"The tool {name}",
             "inputSchema": {"type": "object"}} for name in tools]


def resource_items():
    """All resources; one has spaces and more than ASCII in its name."""
    return [{"uri": f"{options.scheme}://notes/{number}",
             "name": f"note {number} ünïcödé"} for number in range(3)]


TEMPLATES = [{"uriTemplate": f"{options.scheme}://item/{{id}}",
              "name": "items"}]
PROMPTS = [{"name": "greet", "description": "A greeting",
            "arguments": [{"name": "who", "required": True}]},
           {"name": "plain"}]


def call(ident, params):
    """tools/call."""
    name = params["name"]
    arguments = params.get("arguments") or {}
    token = (params.get("_meta") or {}).get("progressToken")
    if name in ("echo", "text"):
        answer(ident, text(arguments.get("text", "")))
    elif name == "raw":
        answer(ident, arguments["result"])
    elif name == "error":
        fail(ident, arguments.get("code", -32050),
             arguments.get("message", "refused"), arguments.get("data"))
    elif name == "slow":
        time.sleep(arguments["seconds"])
        answer(ident, text(arguments.get("text", "done")))
    elif name == "hang":
        event = late.setdefault(ident, threading.Event())
        if event.wait(arguments.get("seconds", 60)):
            if arguments.get("answer_anyway"):
                answer(ident, text("too late"))
            return
        answer(ident, text("nobody cancelled"))
    elif name == "progress":
        for number in range(1, arguments["count"] + 1):
            notify("notifications/progress", {
                "progressToken": token, "progress": number,
                "total": arguments["count"],
                "message": arguments.get("text", "")})
        answer(ident, text(arguments.get("text", "")))
    elif name == "log":
        if arguments.get("afterwards"):
            answer(ident, text("will be logged"))
            time.sleep(arguments["afterwards"])
        notify("notifications/message", {
            "level": arguments["level"], "logger": "backend",
            "data": arguments.get("text", "")})
        if not arguments.get("afterwards"):
            answer(ident, text("logged"))
    elif name == "add":
        tools.append(arguments["name"])
        notify("notifications/tools/list_changed")
        answer(ident, text("added"))
    elif name == "remove":
        tools.remove(arguments["name"])
        notify("notifications/tools/list_changed")
        answer(ident, text("removed"))
    elif name == "exit":
        os._exit(arguments.get("status", 0))
    elif name == "environment":
        answer(ident, text(json.dumps({
            "environment": dict(os.environ), "cwd": os.getcwd(),
            "pid": os.getpid(), "uid": os.getuid(),
            "descriptors": sorted(os.listdir("/proc/self/fd"))})))
    elif name == "ask":
        event = threading.Event()
        answers["ask"] = event
        write(json.dumps({"jsonrpc": "2.0", "id": "ask",
                          "method": arguments["method"], "params": {}}))
        came = event.wait(10)
        answer(ident, text(json.dumps(answers.get("answer"))
                           if came else "no answer"))
    elif name == "update":  # listed where --tools names it
        # Of a resource that was subscribed to, unless told otherwise.
        uri = arguments["uri"]
        if arguments.get("anyway") or any(
                uri == one or uri.startswith(one + "/") for one in subscribed):
            notify("notifications/resources/updated", {"uri": uri})
        answer(ident, text(json.dumps(sorted(subscribed))))
    elif name in tools:
        answer(ident, text(f"this is {name}"))
    else:
        fail(ident, -32602, f"no tool {name}")


def greeting(ident, params):
    """initialize."""
    del params
    time.sleep(options.delay)
    capabilities = {} if options.empty else {
        "tools": {"listChanged": True},
        "resources": {} if options.no_subscribe else {"subscribe": True},
        "prompts": {}, "completions": {}, "logging": {}}
    answer(ident, {
        "protocolVersion": options.revision, "capabilities": capabilities,
        "serverInfo": {"name": "scripted", "version": "1"},
        "instructions": f"Instructions of {options.scheme}."})


def tools_list(ident, params):
    """tools/list."""
    items = tool_items()
    if isinstance(items, str):
        answer(ident, f'{{"tools":{items}}}')
    else:
        pages(ident, "tools", items, params)


def resource(ident, params):
    """resources/read."""
    uri = params["uri"]
    known = [item["uri"] for item in resource_items()]
    if uri not in known and not uri.startswith(f"{options.scheme}://item/"):
        fail(ident, -32002, "Resource not found", {"uri": uri})
        return
    answer(ident, {"contents": [{"uri": uri, "text": f"content of {uri}"}]})


def subscription(ident, params, change):
    """resources/subscribe and resources/unsubscribe; "refuse" in a URI does
    what it says, "slow" takes its time."""
    if "slow" in params["uri"]:
        time.sleep(0.5)
    if "refuse" in params["uri"]:
        fail(ident, -32050, "refused")
        return
    change(params["uri"])
    answer(ident, {})


def prompt(ident, params):
    """prompts/get."""
    who = (params.get("arguments") or {}).get("who", "nobody")
    answer(ident, {"description": params["name"], "messages": [
        {"role": "user", "content": {"type": "text", "text": f"Hi {who}"}}]})


def completion(ident, params):
    """completion/complete: what it was asked for, so that tests see names."""
    reference = params["ref"]
    of = reference.get("name") or reference.get("uri")
    answer(ident, {"completion": {
        "values": [f"{of}:{params['argument']['value']}"], "hasMore": False}})


METHODS = {
    "initialize": greeting,
    "ping": lambda ident, params: answer(ident, {}),
    "tools/list": tools_list,
    "tools/call": call,
    "resources/list": lambda ident, params: pages(
        ident, "resources", resource_items(), params),
    "resources/templates/list": lambda ident, params: pages(
        ident, "resourceTemplates", TEMPLATES, params),
    "resources/read": resource,
    "resources/subscribe": lambda ident, params: subscription(
        ident, params, subscribed.add),
    "resources/unsubscribe": lambda ident, params: subscription(
        ident, params, subscribed.discard),
    "prompts/list": lambda ident, params: pages(
        ident, "prompts", PROMPTS, params),
    "prompts/get": prompt,
    "completion/complete": completion,
    "logging/setLevel": lambda ident, params: answer(ident, {}),
}


def handle(message):
    """One message from the gateway."""
    method = message.get("method")
    if method is None:
        answers["answer"] = {key: message[key] for key in ("result", "error")
                             if key in message}
        answers["ask"].set()
    elif method == "notifications/cancelled":
        ident = message["params"]["requestId"]
        late.setdefault(ident, threading.Event()).set()
    elif "id" in message:
        if method not in METHODS or options.empty and method not in (
                "initialize", "ping"):
            fail(message["id"], -32601, "Method not found")
        else:
            threading.Thread(target=METHODS[method], daemon=True, args=(
                message["id"], message.get("params") or {})).start()


for line in sys.stdin.buffer:
    if record:
        record.write(line)
    handle(json.loads(line))
