"""A program of the tests: makes trouble that outlives it, then becomes the
command that is given.

trouble.py NAME,NAME COMMAND ARGUMENT…   names are those of TROUBLES
"""

import ctypes
import os
import random
import signal
import sys
import time

PR_SET_NAME = 15

# Processes of the bomb; each goes on as a child of itself several times a
# second, so that a list of them is never true for long.
BOMB_SIZE = 150
BOMB_PAUSE = (0.1, 0.3)
# A test that fails leaves none of them for longer.
BOMB_SECONDS = 60


def ignore_signals():
    """What can be ignored is."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                   signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def let_go():
    """Keep nothing of the job's open."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)


def sleeper():
    """Stay until killed."""
    ignore_signals()
    time.sleep(1000)


def session():
    """In a session of its own."""
    os.setsid()
    let_go()
    sleeper()


def orphan():
    """A daemon: its parents end at once."""
    os.setsid()
    if os.fork() == 0:
        let_go()
        sleeper()


def holder():
    """Holds stdin, stdout and stderr open, in a session of its own."""
    os.setsid()
    sleeper()


def bomb():
    """Grows to its size, and then changes without pause."""
    os.setsid()
    ignore_signals()
    let_go()
    source, sink = os.pipe()
    os.write(sink, b"." * BOMB_SIZE)
    os.set_blocking(source, False)
    end = time.monotonic() + BOMB_SECONDS
    while time.monotonic() < end:
        try:
            grows = bool(os.read(source, 1))
        except BlockingIOError:
            grows = False
            random.seed()
            time.sleep(random.uniform(*BOMB_PAUSE))
        try:
            if os.fork() != 0 and not grows:
                os._exit(0)
        except BlockingIOError:
            pass  # EAGAIN


TROUBLES = {"session": session, "orphan": orphan, "holder": holder,
            "bomb": bomb}


def job(names, command):
    """Make trouble, then be the backend; all of it is called j<pid>."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, f"j{os.getpid()}".encode(), 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for name in names.split(","):
        if os.fork() == 0:
            TROUBLES[name]()
            os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    job(sys.argv[1], sys.argv[2:])
