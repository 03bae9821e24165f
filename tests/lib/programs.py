"""The gateway's programs in a folder of their own, where a test replaces them:
by others, or by themselves with another clock or less memory."""

import mmap
import os
import shutil
import struct
import tempfile

from gateway import BUILD, SANITIZED, program

PRELOAD = os.path.join(BUILD, "libmcpgw-preload.so")
# A sanitizer's library must be the first one.
CAN_PRELOAD = os.path.exists(PRELOAD) and not SANITIZED
ROLES = ("front", "worker", "worker-http", "reaper")
# struct orders of preload.c.
SECONDS, FAIL_ONE, LEAST_SIZE, FAILED = 0, 8, 12, 16
# Keeps its process' name for those that look for it.
WRAPPER = """#!/bin/sh
LD_PRELOAD={library} MCPGW_PRELOAD={orders}
export LD_PRELOAD MCPGW_PRELOAD
exec {program} "$@"
"""


class Programs:
    """Use it with "with"; daemon is what to start."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mcpgw-programs-")
        os.chmod(self.folder, 0o755)
        self.original = os.path.join(self.folder, "original")
        os.mkdir(self.original)
        for name in ("mcp-gatewayd", *(f"mcp-gateway-{role}"
                                       for role in ROLES)):
            shutil.copy2(program(name), self.folder)
            shutil.copy2(program(name), self.original)
        self.daemon = os.path.join(self.folder, "mcp-gatewayd")
        self.orders_path = os.path.join(self.folder, "orders")
        with open(self.orders_path, "wb") as file:
            file.truncate(mmap.PAGESIZE)
        os.chmod(self.orders_path, 0o666)
        with open(self.orders_path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.page.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, role):
        """Where a role's program is looked for."""
        return os.path.join(self.folder, f"mcp-gateway-{role}")

    def replace(self, role, data):
        """Put other bytes in its place, in one step, as a package manager
        does."""
        new = self.path(role) + ".new"
        with open(new, "wb") as file:
            file.write(data)
        os.chmod(new, 0o755)
        os.rename(new, self.path(role))

    def read(self, role):
        """The bytes of a role's program of this build."""
        with open(os.path.join(self.original, f"mcp-gateway-{role}"),
                  "rb") as file:
            return file.read()

    def restore(self, role):
        """Put this build's program there again, as a new file."""
        self.replace(role, self.read(role))

    def preload(self, *roles):
        """From their next start on these hear what order() says."""
        for role in roles:
            self.replace(role, WRAPPER.format(
                library=PRELOAD, orders=self.orders_path,
                program=os.path.join(
                    self.original, f"mcp-gateway-{role}")).encode())

    def environment(self):
        """With which the daemon, and its jobs, hear it too."""
        return {"LD_PRELOAD": PRELOAD, "MCPGW_PRELOAD": self.orders_path}

    def move_clock(self, seconds):
        """The clock of the day is so much ahead, from now on."""
        struct.pack_into("=q", self.page, SECONDS, int(seconds))

    def fail_allocations(self, one, least_size=0):
        """One of so many allocations fails; 0 for none."""
        struct.pack_into("=I", self.page, LEAST_SIZE, least_size)
        struct.pack_into("=I", self.page, FAIL_ONE, one)

    def failed(self):
        """How many allocations failed."""
        return struct.unpack_from("=Q", self.page, FAILED)[0]
