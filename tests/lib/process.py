"""What /proc says about processes, for proving what is there and what is not."""

import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """From now on orphans below us become our children: none can hide."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def stat(pid):
    """(state, parent) of a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[1])


def exists(pid):
    """True while the process runs; a zombie does not."""
    state = stat(pid)
    return state is not None and state[0] not in "ZX"


def title(pid):
    """The command line as ps shows it; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ").decode(
                errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(root):
    """Every running process below root: {pid: title}, root left out."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state = stat(entry)
            if state is not None and state[0] not in "ZX":
                parents[int(entry)] = state[1]
    found = {}
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root and pid != root:
            found[pid] = title(pid)
    return found


def status(pid):
    """The fields of /proc/PID/status: {"Uid": ["0", "0", "0", "0"], …}."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {key: value.split() for key, _, value in
                (line.partition(":") for line in file)}


def descriptors(pid):
    """Open descriptors: {number: what it points to}."""
    found = {}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
        except FileNotFoundError:
            pass
    return found


def resident(pid):
    """Resident memory in bytes."""
    return int(status(pid)["VmRSS"][0]) * 1024


def cpu_seconds(pid):
    """User and system time used so far."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reap():
    """Collect children of ours that ended, adopted ones included, except one
    that somebody waits for (subprocess keeps those)."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state = stat(entry)
            if state == ("Z", os.getpid()) and int(entry) not in waited_for:
                try:
                    os.waitpid(int(entry), os.WNOHANG)
                except ChildProcessError:
                    pass


# Processes whose exit status is collected by subprocess.
waited_for = set()


def wait_until(condition, timeout, what):
    """Poll until condition() is true and return its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)


def suspend(pid):
    """SIGSTOP a process, and wait until all of its threads have stopped: until
    one of them has come to the signal, the others go on."""
    os.kill(pid, signal.SIGSTOP)

    def all_stopped():
        return all(stat(f"{pid}/task/{thread}")[0] == "T"
                   for thread in os.listdir(f"/proc/{pid}/task"))
    wait_until(all_stopped, 10, f"process {pid} stopped")


def kill_all(pids):
    """SIGKILL processes of ours that a failed test left."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
