"""Limits of processes that run already."""

import os
import shutil
import subprocess

import process

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
    fields = subprocess.run(
        ["prlimit", f"--pid={pid}", f"--{name}", "--noheadings", "--raw",
         "--output", "HARD"], check=True, capture_output=True, text=True)
    set_soft(pid, name, fields.stdout.strip())
