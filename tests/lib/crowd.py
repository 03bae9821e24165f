"""Many connections at once, served by one loop: what they send goes out as fast
as the other side takes it, and what comes back is kept for judging."""

import errno
import re
import select
import socket
import time


class Member:
    """One connection of a crowd."""

    def __init__(self, end):
        self.socket = end
        self.waiting = memoryview(b"")
        self.sent = 0
        self.data = bytearray()
        self.over = None  # "end" or "reset", once it is

    def statuses(self):
        """The status of every response so far."""
        return [int(found) for found in
                re.findall(rb"HTTP/1\.1 (\d\d\d) ", self.data)]

    def header(self, name):
        """The value of a header of the first response, or None."""
        head = bytes(self.data).partition(b"\r\n\r\n")[0]
        found = re.search(rb"\r\n" + name.encode() + rb":[ \t]*([^\r]*)", head,
                          re.IGNORECASE)
        return found.group(1).decode() if found else None

    def refused(self, *statuses):
        """True when it was told not to, and when to come back."""
        return bool(self.statuses()) and self.statuses()[0] in statuses and \
            (self.header("retry-after") or "").isdigit()


class Crowd:
    """Use it with "with": leaving the block closes all connections."""

    def __init__(self, address, count=0, source=None, receive_buffer=None):
        self.address = address
        self.source = source
        self.receive_buffer = receive_buffer
        self.members = []
        self.poll = select.epoll()
        self.by_number = {}
        self.deaf = False  # nobody reads
        self.add(count)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def __iter__(self):
        return iter(self.members)

    def add(self, count, source=None):
        """Open so many more; whether they are connected is seen later."""
        family = socket.AF_UNIX if isinstance(self.address, str) else \
            socket.AF_INET
        for _ in range(count):
            end = socket.socket(family, socket.SOCK_STREAM)
            end.setblocking(False)
            if self.receive_buffer:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                               self.receive_buffer)
            if source or self.source:
                end.bind((source or self.source, 0))
            try:
                end.connect(self.address)
            except BlockingIOError:
                pass
            member = Member(end)
            self.members.append(member)
            self.by_number[end.fileno()] = member
            self.poll.register(end, select.EPOLLIN | select.EPOLLOUT)

    def say(self, make):
        """Each has what make(number) returns to say, after what it has."""
        for number, member in enumerate(self.members):
            data = make(number)
            if data:
                member.waiting = memoryview(bytes(member.waiting) + data) \
                    if member.waiting else memoryview(data)
                self.expect(member)

    def expect(self, member):
        """Watch for what is of interest."""
        if member.over is None:
            self.poll.modify(member.socket, (
                0 if self.deaf else select.EPOLLIN) | (
                    select.EPOLLOUT if member.waiting else 0))

    def stop_reading(self):
        """From now on what comes is left where it is."""
        self.deaf = True
        for member in self.members:
            self.expect(member)

    def run(self, seconds, until=None):
        """Move bytes for so long, or until that is true."""
        end = time.monotonic() + seconds
        while until is None or not until():
            left = end - time.monotonic()
            if left <= 0:
                return False
            for number, events in self.poll.poll(min(left, 0.05)):
                self.serve(self.by_number[number], events)
        return True

    def serve(self, member, events):
        """Move what can be moved of one."""
        try:
            if events & select.EPOLLOUT and member.waiting:
                n = member.socket.send(member.waiting[:1 << 20])
                member.sent += n
                member.waiting = member.waiting[n:]
            if events & select.EPOLLIN and not self.deaf:
                data = member.socket.recv(65536)
                member.data += data
                if not data:
                    return self.over(member, "end")
            elif events & (select.EPOLLERR | select.EPOLLHUP):
                problem = member.socket.getsockopt(socket.SOL_SOCKET,
                                                   socket.SO_ERROR)
                return self.over(member, "reset" if problem else "end")
        except BlockingIOError:
            pass
        except OSError as error:
            # What came before the reset can still be read.
            if error.errno == errno.EPIPE and not self.deaf:
                member.waiting = memoryview(b"")
            else:
                return self.over(member, "reset")
        return self.expect(member)

    def over(self, member, how):
        """Nothing more comes of this one."""
        member.over = how
        member.waiting = memoryview(b"")
        self.poll.unregister(member.socket)

    def count(self, how):
        """How many of them are so."""
        return sum(1 for member in self.members if how(member))

    def pending(self):
        """How many have something to say still."""
        return self.count(lambda member: member.waiting)

    def answered(self):
        """True when each has its answer, or is over."""
        return all(member.over or member.statuses()
                   for member in self.members)

    def close(self):
        """Close them all."""
        for member in self.members:
            member.socket.close()
        self.members = []
        self.poll.close()
