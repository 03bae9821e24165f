"""An MCP server over stdio that tries what its caller says, with the rights of
the job that it is: one tool, "try", whose answer is "ok" and what it found, or
the name of an error."""

import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys

PTRACE_ATTACH = 16
PTRACE_DETACH = 17

libc = ctypes.CDLL(None, use_errno=True)


def read(path):
    """The beginning of a file."""
    with open(path, "rb") as file:
        return file.read(4096).decode(errors="replace")


def write(path, content="x"):
    """Make a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def ptrace(pid):
    """Attach to a process as a debugger."""
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def connect(path=None, port=None):
    """Connect to a Unix socket or to a port of this machine."""
    if path is not None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
    else:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def run(argv):
    """Run a program: its status and what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20,
                          check=False)
    return [done.returncode, done.stdout, done.stderr]


def fork(count):
    """Start so many processes, that sleep."""
    for _ in range(count):
        if os.fork() == 0:
            os.setsid()
            signal.pause()
    return count


def grow(size):
    """Use so much memory."""
    return len(bytearray(size))


def about():
    """What this process finds around it."""
    return {"environment": dict(os.environ), "cwd": os.getcwd(),
            "pid": os.getpid(), "uid": os.getuid()}


ATTEMPTS = {
    "read": read, "write": write, "ptrace": ptrace, "connect": connect,
    "run": run, "fork": fork, "grow": grow, "about": about,
    "list": os.listdir, "kill": lambda pid, number=0: os.kill(pid, number),
    "readlink": os.readlink,
    "link": lambda path, to: os.symlink(path, to),
}


def attempt(arguments):
    """The tool."""
    what = arguments.pop("what")
    try:
        return json.dumps(["ok", ATTEMPTS[what](**arguments)])
    except OSError as error:
        return json.dumps([errno.errorcode.get(error.errno, str(error))])


def respond(method, params):
    """The result of a request."""
    if method == "initialize":
        return {"protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "intruder", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "try", "description": "Try something",
                           "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text",
                             "text": attempt(params["arguments"])}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"],
                          "result": respond(message["method"],
                                            message.get("params", {}))}),
              flush=True)
