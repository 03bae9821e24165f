"""Limits of processes that run already."""

import os
import shutil
import subprocess

import process

# As proc(5) has those that prlimit(1) calls so.
NAMES = {"as": "Max address space", "nofile": "Max open files",
         "nproc": "Max processes"}
HAVE = shutil.which("prlimit") and (
    os.getuid() != 0 or shutil.which("setpriv"))


def set_soft(pid, name, value):
    """Set the soft limit of this name, as prlimit(1) has it, by somebody who
    may: the process' own user, where we are root without all that root can."""
    command = ["prlimit", f"--pid={pid}", f"--{name}={value}:"]
    if os.getuid() == 0:
        fields = process.status(pid)
        command = ["setpriv", f"--reuid={fields['Uid'][0]}",
                   f"--regid={fields['Gid'][0]}", "--clear-groups", *command]
    subprocess.run(command, check=True)


def lift(pid, name):
    """The soft limit is what the hard one is."""
    set_soft(pid, name, hard(pid, NAMES[name]))


def hard(pid, name):
    """A hard limit, as proc(5) has it."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        for line in file:
            if line.startswith(name):
                return line[len(name):].split()[1]
    raise AssertionError(f"no limit {name!r}")
