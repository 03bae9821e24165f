"""Make a live process of another program do a system call, as somebody would
who has taken it over: stopped by ptrace, its registers are set for the call
and its next step is the one that does it."""

import ctypes
import errno
import os
import platform
import signal

PTRACE_SINGLESTEP = 9
PTRACE_GETREGS = 12
PTRACE_SETREGS = 13
PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WAIT_ALL = 0x40000000  # __WALL
SYSCALL = b"\x0f\x05"
STRINGS = 4096  # below the stack: room for texts that a call needs

# Numbers on x86_64, the only machine whose registers are known here.
CALLS = {
    "read": 0, "open": 2, "mmap": 9, "mprotect": 10, "pipe": 22, "dup": 32,
    "getpid": 39, "socket": 41, "connect": 42, "bind": 49, "listen": 50,
    "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
    "unlink": 87, "chmod": 90, "ptrace": 101, "setuid": 105, "prctl": 157,
    "chroot": 161, "mount": 165, "tgkill": 234, "openat": 257,
    "unshare": 272, "process_vm_readv": 310, "memfd_create": 319,
    "execveat": 322, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435,
}
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
         "rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]


class Registers(ctypes.Structure):
    """struct user_regs_struct."""
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


class Killed(Exception):
    """The call was the end of the process; number is the signal."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


def ptrace(request, pid, data=None):
    """ptrace(2), with an exception when it fails."""
    if libc.ptrace(request, pid, None, data) == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")


def why_not():
    """Why it cannot be done here, or None."""
    if platform.machine() != "x86_64":
        return "the registers of this machine are not known"
    if os.getuid() != 0:
        return "needs root to trace"
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        ptrace(PTRACE_SEIZE, child)
    except OSError as error:
        return str(error)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, WAIT_ALL)
    return None


class Taken:
    """A process that was taken over: with Taken(pid) as it: it.call(…)."""

    def __init__(self, pid):
        self.pid = pid
        self.alive = False
        ptrace(PTRACE_SEIZE, pid)
        try:
            self.stop()
        except BaseException:
            self.release()
            raise

    def stop(self):
        """Stop it, where it waits for events."""
        ptrace(PTRACE_INTERRUPT, self.pid)
        self.alive = True
        self.wait()
        self.saved = self.registers()
        with open(f"/proc/{self.pid}/mem", "rb") as memory:
            memory.seek(self.saved.rip - len(SYSCALL))
            found = memory.read(len(SYSCALL))
        if found != SYSCALL:
            raise AssertionError("it was stopped outside of a system call")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.release()

    def release(self):
        """Let it go on as if nothing had been."""
        if self.alive:
            self.alive = False
            ptrace(PTRACE_SETREGS, self.pid, ctypes.byref(self.saved))
            ptrace(PTRACE_DETACH, self.pid)

    def registers(self):
        """Its registers now."""
        found = Registers()
        ptrace(PTRACE_GETREGS, self.pid, ctypes.byref(found))
        return found

    def wait(self):
        """Until it has stopped."""
        _, status = os.waitpid(self.pid, WAIT_ALL)
        if os.WIFSTOPPED(status):
            return
        self.alive = False
        if os.WIFSIGNALED(status):
            raise Killed(os.WTERMSIG(status))
        raise AssertionError(f"it ended: {status:#x}")

    def call(self, name, *arguments):
        """Do a system call.  Arguments are numbers or bytes, which become
        addresses.  What it returned, negative for an error; Killed when the
        process did not live through it."""
        registers = Registers.from_buffer_copy(self.saved)
        room = (self.saved.rsp - STRINGS) & ~0xff
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            for register, value in zip(ARGUMENTS, arguments):
                if isinstance(value, bytes):
                    memory.seek(room)
                    memory.write(value + b"\0")
                    value, room = room, room + len(value) + 8 & ~7
                setattr(registers, register, value & (1 << 64) - 1)
        registers.rax = CALLS[name]
        registers.orig_rax = (1 << 64) - 1  # nothing is to be restarted
        registers.rip = self.saved.rip - len(SYSCALL)
        ptrace(PTRACE_SETREGS, self.pid, ctypes.byref(registers))
        ptrace(PTRACE_SINGLESTEP, self.pid)
        self.wait()
        result = ctypes.c_longlong(self.registers().rax).value
        return result

    def refused(self, name, *arguments):
        """The name of the error with which a call must end: "EACCES"."""
        result = self.call(name, *arguments)
        if not -4096 < result < 0:
            raise AssertionError(f"{name} was allowed: {result}")
        return errno.errorcode[-result]
