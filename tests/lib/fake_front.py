"""A gateway whose front is the test: it answers PING, QUERY and DRAIN by itself
and keeps everything else that the supervisor says."""

import array
import json
import os
import queue
import re
import socket
import subprocess
import threading

import gateway
import process
from frames import HEADER, TYPES, Peer
from gateway import PATIENCE, Gateway
from programs import Programs

# Stands where mcp-gateway-front is looked for: gives its channel away, and ends
# when the supervisor closes it.
PROGRAM = r'''#!%(python)s
import array, select, socket
with socket.socket(socket.AF_UNIX) as door:
    door.connect("%(door)s")
    door.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                           array.array("i", [3]))])
poll = select.poll()
poll.register(3, 0)
while not any(what & select.POLLHUP for _, what in poll.poll()):
    pass
'''
# Frames that bring a descriptor.
WITH_FD = ("LISTEN", "LINK")


class Said:
    """A frame of the supervisor's; fd is whose takes it."""

    def __init__(self, kind, ident, client, payload, fd):
        self.kind = kind
        self.ident = ident
        self.client = client
        self.payload = json.loads(payload) if payload else None
        self.fd = fd

    def __repr__(self):
        return f"{self.kind} {self.ident} {self.client} {self.payload}"


class Channel:
    """The front's end of the channel of one front process."""

    def __init__(self, end, version):
        self.socket = end
        self.said = queue.Queue()
        self.kept = []
        self.links = []
        self.drains = True  # as soon as it shall
        self.lock = threading.Lock()
        self.send("HELLO", {"role": "front", "version": version})
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def send(self, kind, payload=b"", ident=0, client=0, flags=0):
        """Say something to the supervisor."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        with self.lock:
            self.socket.sendall(HEADER.pack(
                len(payload), TYPES.index(kind), flags, ident, client, 0)
                + payload)

    def read(self):
        """Read frames until the end, which is None."""
        pending, fds = b"", []
        try:
            while True:
                data, extra, _, _ = self.socket.recvmsg(
                    1 << 20, socket.CMSG_SPACE(64 * 4))
                for _, _, value in extra:
                    found = array.array("i")
                    found.frombytes(value[:len(value) // 4 * 4])
                    fds.extend(found)
                if not data:
                    break
                pending = self.split(pending + data, fds)
        except OSError:
            pass
        for fd in fds:
            os.close(fd)
        self.said.put(None)

    def split(self, data, fds):
        """Keep all frames that are whole; what is left of the data."""
        while len(data) >= HEADER.size:
            length, number, _, ident, client, _ = HEADER.unpack_from(data)
            end = HEADER.size + length
            if len(data) < end:
                break
            self.keep(TYPES[number], ident, client, data[HEADER.size:end],
                      fds)
            data = data[end:]
        return data

    def keep(self, kind, ident, client, payload, fds):
        """One frame."""
        if kind == "PING":
            self.send("PONG")
        elif kind == "DRAIN" and self.drains:
            self.send("DRAINED", flags=1)
        elif kind == "QUERY":
            self.send("REPORT", {"sessions": 0, "backends": []}, ident)
        else:
            self.said.put(Said(kind, ident, client, payload,
                               fds.pop(0) if kind in WITH_FD else None))

    def wait(self, kind, ident=None, timeout=15, **payload):
        """The next frame of this type and number with these members, past
        others, which are kept."""
        def fits(frame):
            return frame.kind == kind and ident in (None, frame.ident) and all(
                frame.payload.get(key) == value
                for key, value in payload.items())
        for place, frame in enumerate(self.kept):
            if fits(frame):
                return self.kept.pop(place)
        while True:
            try:
                frame = self.said.get(timeout=timeout * PATIENCE)
            except queue.Empty:
                frame = None
            if frame is None:
                raise AssertionError(
                    f"no {kind} {ident} {payload}; but {self.kept}")
            if fits(frame):
                return frame
            self.kept.append(frame)

    def quiet(self):
        """All that was said and not asked for; what is asked for before is
        answered by now."""
        self.send("WANT", ident=(1 << 64) - 1, client=(1 << 32) - 1)
        self.wait("INSTANCE", 0, error="does not exist")
        return self.kept

    # What a front does about instances.

    def want(self, number, key=1, capabilities=0):
        """WANT; the answer."""
        self.send("WANT", ident=number, client=key, flags=capabilities)
        answer = self.wait("INSTANCE")
        assert answer.client == key, answer
        return answer

    def instance(self, number, key=1, capabilities=0):
        """A new instance, and the peer on its link, when it is ready."""
        answer = self.want(number, key, capabilities)
        assert answer.ident != 0, answer
        link = Peer(socket.socket(fileno=self.wait(
            "LINK", answer.ident).fd))
        self.links.append(link)
        self.wait("BACKEND", answer.ident, state="ready")
        return answer.ident, link

    def close(self):
        """Let go of everything."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.socket.close()
        for link in self.links:
            link.close()
        while not self.said.empty():
            self.kept.append(self.said.get())
        for frame in self.kept:
            if frame is not None and frame.fd is not None:
                os.close(frame.fd)
        self.kept.clear()


class Fronted(Gateway):
    """A gateway without a front; front is the channel of the one there is."""

    def __init__(self, backends, **more):
        self.programs = Programs()
        self.front = None
        door = os.path.join(self.programs.folder, "door")
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(door)
        self.door.listen()
        self.door.settimeout(15 * PATIENCE)
        self.programs.replace("front", (PROGRAM % {
            "python": gateway.PYTHON, "door": door}).encode())
        daemon = self.programs.daemon
        said = subprocess.run([daemon, "--version"], capture_output=True,
                              text=True, check=True).stdout
        self.version = re.search(r"\d+\.\d+\.\d+\S*", said).group(0)
        super().__init__(backends, daemon=daemon, **more)
        self.meet()

    def meet(self):
        """The front that was started, or is about to be."""
        if self.front is not None:
            self.front.close()
        with self.door.accept()[0] as caller:
            _, extra, _, _ = caller.recvmsg(1, socket.CMSG_SPACE(4))
            end = array.array("i", extra[0][2])[0]
        self.front = Channel(socket.socket(fileno=end), self.version)
        return self.front

    def numbers(self):
        """The numbers of the backends of the next POLICY, by their names and
        parts."""
        policy = self.front.wait("POLICY").payload
        return {(one["name"], one["part"]): one["number"]
                for one in policy["backends"]}

    def find_front(self):
        """The process that stands for it."""
        return process.wait_until(
            lambda: next((pid for pid, title in
                          process.descendants(os.getpid()).items()
                          if "mcp-gateway-front" in title), None),
            5 * PATIENCE, "a front")

    def stop(self, *args, **more):
        # Nobody else would see that the supervisor is gone.
        try:
            return super().stop(*args, **more)
        finally:
            self.front.close()

    def discard(self):
        super().discard()
        if self.front is not None:
            self.front.close()
        self.door.close()
        self.programs.__exit__()
