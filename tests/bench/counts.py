"""Exact counts for one call: instructions, heap allocations, system calls.

Each is the difference of two runs with different numbers of requests, so that
start, handshake and end fall out."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile

from processes import Failed, Floor, Gateway, HttpGateway, tool

ROLES = ("front", "worker")
ALLOCATORS = ("malloc", "calloc", "realloc", "reallocarray",
              "posix_memalign", "aligned_alloc")
# Who the gateway runs as below valgrind when we are root: a part that drops
# its rights could not write its counts.
NOBODY = 65534


def text(value):
    """A count for the table."""
    if value is None:
        return "not allowed"
    return f"{value:.0f}" if value >= 1000 else f"{value:.2f}"


def read_callgrind(path):
    """(instructions, allocations) of a whole run."""
    names, calls, callee, total = {}, 0, None, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("cfn="):
                number, _, name = line[4:].rstrip().partition(" ")
                if name:
                    names[number] = name
                callee = names.get(number)
            elif line.startswith("fn="):
                number, _, name = line[3:].rstrip().partition(" ")
                if name:
                    names[number] = name
            elif line.startswith("calls="):
                if callee in ALLOCATORS:
                    calls += int(line[6:].split()[0])
            elif line.startswith("totals:"):
                total = int(line.split()[1])
    if total is None:
        raise Failed(f"{path}: not from callgrind")
    return total, calls


def valgrind(out):
    return [shutil.which("valgrind") or "/usr/bin/valgrind", "--tool=callgrind",
            "--quiet", f"--callgrind-out-file={out}"]


def make_programs(build, folder, out, parts):
    """A folder with the gateway's programs whose front and worker run below
    valgrind, without their sandbox (unconfined.c): each finds the others
    beside itself.  The backend is there too, since the build may be where only
    root may go."""
    for path in (os.path.join(build, "mcp-gatewayd"),
                 os.path.join(build, "mcp-gateway-reaper"),
                 os.path.join(build, "mcp-gateway-worker"),
                 tool(build, "echo_backend"),
                 tool(build, "unconfined.so")):
        shutil.copy(path, folder)
    for role, part in parts.items():
        real = os.path.join(folder, f"real-{role}")
        shutil.copy(os.path.join(build, f"mcp-gateway-{part}"), real)
        path = os.path.join(folder, f"mcp-gateway-{part}")
        command = " ".join(valgrind(os.path.join(out, role)))
        preload = os.path.join(folder, "unconfined.so")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nLD_PRELOAD={preload} '
                       f'exec {command} {real} "$@"\n')
        os.chmod(path, 0o755)


class Load:
    """What clients ask: small calls, results of so many bytes, or the list of
    tools; so many at once."""

    def __init__(self, endpoint="sse", clients=1, blob=0, lists=False):
        self.endpoint = endpoint
        self.clients = clients
        self.blob = blob
        self.lists = lists

    def send(self, target, requests):
        target = target.at(self.endpoint)
        what = []
        if self.blob:
            what = ["--blob", str(self.blob), "--tool", target.tool("blob")]
        elif self.lists:
            what = ["--method", "tools/list"]
        result = target.load("-c", str(self.clients), "-w", "0", "-d", "300",
                             "-n", str(requests), *what)
        if result["errors"] or result["strays"] or result["clients_dead"]:
            raise Failed(f"wrong answers: {result}")


def gateway_callgrind(build, folder, load, requests, cls=Gateway, **more):
    with tempfile.TemporaryDirectory(dir=folder) as programs:
        os.chmod(programs, 0o755)
        out = os.path.join(programs, "out")
        os.mkdir(out)
        os.chmod(out, 0o777)
        make_programs(build, programs, out, cls.parts)
        with cls(build, folder, programs=programs,
                  user=NOBODY if os.getuid() == 0 else None,
                  **more) as target:
            load.send(target, requests)
        return {role: read_callgrind(os.path.join(out, role))
                for role in ROLES}


def floor_callgrind(build, folder, load, requests):
    with tempfile.TemporaryDirectory(dir=folder) as out:
        prefix = valgrind(os.path.join(out, "%p"))
        with Floor(build, prefix=prefix) as target:
            load.send(target, requests)
            pids = {"front": target.front(), "worker": target.worker()}
        return {role: read_callgrind(glob.glob(f"{out}/{pid}")[0])
                for role, pid in pids.items()}


def traced(pid, out):
    """strace that counts the calls of one process."""
    tracer = subprocess.Popen(
        ["strace", "-c", "-o", out, "-p", str(pid)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    if "attached" in said:
        return tracer
    tracer.kill()
    tracer.wait()
    tracer.stderr.close()
    return None


def read_strace(path):
    """All system calls that strace -c counted."""
    with open(path, encoding="ascii") as file:
        found = re.search(r"^100\.00.*\btotal$", file.read(), re.MULTILINE)
    # % time, seconds, usecs/call, calls, errors when there were any, total
    return int(found.group(0).split()[3]) if found else 0


def syscalls(target, folder, load, requests):
    """System calls for each role in a load; None where we may not look."""
    pids = {"front": target.front(), "worker": target.worker(),
            "backend": target.job()}
    outs = {role: os.path.join(folder, f"strace-{role}") for role in pids}
    tracers = {role: traced(pid, outs[role]) for role, pid in pids.items()}
    load.send(target, requests)
    seen = {}
    for role, tracer in tracers.items():
        seen[role] = None
        if tracer is not None:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            tracer.stderr.close()
            seen[role] = read_strace(outs[role])
    return seen


def per_call_instructions(load, requests, callgrind):
    """What callgrind counts of one call for each role; the backend is not ours
    to look into."""
    few, many = requests
    first = callgrind(load, few)
    second = callgrind(load, many)
    return {role: {
        what: (second[role][i] - first[role][i]) / (many - few)
        for i, what in enumerate(("instructions", "allocations"))}
        for role in ROLES}


def per_call(folder, load, requests, callgrind, start):
    """The counts of one call for each role."""
    few, many = requests
    result = per_call_instructions(load, requests, callgrind)
    with start() as target:
        load.send(target, few)  # the first calls cost more
        before = syscalls(target, folder, load, few)
        after = syscalls(target, folder, load, many)
    for role, count in before.items():
        seen = None
        if count is not None and after[role] is not None:
            seen = (after[role] - count) / (many - few)
        result.setdefault(role, {})["syscalls"] = seen
    return result


def gateway_instructions(build, folder, load, requests, **more):
    return per_call_instructions(
        load, requests,
        lambda one, n: gateway_callgrind(build, folder, one, n, **more))


def gateway(build, folder, load, requests, **more):
    return per_call(
        folder, load, requests,
        lambda one, n: gateway_callgrind(build, folder, one, n, **more),
        lambda: Gateway(build, folder, **more))


def floor_instructions(build, folder, load, requests):
    return per_call_instructions(
        load, requests,
        lambda one, n: floor_callgrind(build, folder, one, n))


def http_gateway(build, folder, load, requests, **more):
    """The same with the echo server over HTTP behind it."""
    return per_call(
        folder, load, requests,
        lambda one, n: gateway_callgrind(build, folder, one, n, HttpGateway,
                                         **more),
        lambda: HttpGateway(build, folder, **more))


def floor(build, folder, load, requests):
    return per_call(
        folder, load, requests,
        lambda one, n: floor_callgrind(build, folder, one, n),
        lambda: Floor(build))
