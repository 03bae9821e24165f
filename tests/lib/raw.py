"""HTTP as bytes: what is sent is exactly what the test wrote."""

import socket
import time


class Response:
    """One HTTP response."""

    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers  # names in lower case; a list of pairs
        self.body = body

    def header(self, name):
        """The value of a header that stands at most once."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, f"{name} stands {len(found)} times"
        return found[0] if found else None

    def __repr__(self):
        return f"{self.status} {self.reason} {self.headers} {self.body[:200]}"


class Closed(Exception):
    """The other side closed the connection."""


class Connection:
    """A TCP connection to the gateway with a deadline for every read."""

    def __init__(self, address, timeout=10, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Close in the ordinary way."""
        self.socket.close()

    def reset(self):
        """Close with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        """Send all of it."""
        self.socket.sendall(data)

    def fill(self):
        """Read some more; Closed at the end."""
        try:
            data = self.socket.recv(262144)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            raise Closed()
        self.pending += data

    def until(self, mark):
        """Read up to and including mark."""
        while mark not in self.pending:
            self.fill()
        head, _, self.pending = self.pending.partition(mark)
        return head + mark

    def exactly(self, length):
        """Read this many bytes."""
        while len(self.pending) < length:
            self.fill()
        data, self.pending = self.pending[:length], self.pending[length:]
        return data

    def head(self):
        """Read a status line and headers; the body is the caller's."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = (lines[0] + "  ").split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = []
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip()))
        return Response(int(status), reason.strip(), headers, b"")

    def response(self, to_head=False):
        """Read one whole response."""
        answer = self.head()
        length = answer.header("content-length")
        if to_head or answer.status in (204, 304):
            return answer
        if answer.header("transfer-encoding") == "chunked":
            answer.body = b"".join(self.chunks())
        elif length is not None:
            answer.body = self.exactly(int(length))
        else:
            answer.body = self.rest()
        return answer

    def chunk(self):
        """Read one chunk; empty for the last one."""
        size = int(self.until(b"\r\n"), 16)
        data = self.exactly(size)
        assert self.exactly(2) == b"\r\n"
        return data

    def chunks(self):
        """Read chunks up to the last."""
        while True:
            data = self.chunk()
            if not data:
                return
            yield data

    def rest(self):
        """Read to the end of the connection."""
        try:
            while True:
                self.fill()
        except Closed:
            data, self.pending = self.pending, b""
            return data

    def closed_within(self, seconds):
        """Wait for the end of the connection; the seconds that it took, or
        None when it did not come.  What is read meanwhile stays pending."""
        begin = time.monotonic()
        self.socket.settimeout(seconds)
        try:
            while True:
                self.fill()
                left = seconds - (time.monotonic() - begin)
                if left <= 0:
                    return None
                self.socket.settimeout(left)
        except (socket.timeout, TimeoutError):
            return None
        except Closed:
            return time.monotonic() - begin


def request(method, target, address, headers=(), body=None, host=None):
    """The bytes of a request in the usual form."""
    host = f"{address[0]}:{address[1]}" if host is None else host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        names = {name.lower() for name, _ in headers}
        if "content-type" not in names:
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def ask(address, method, target, headers=(), body=None, host=None):
    """One request on a connection of its own."""
    with Connection(address) as connection:
        connection.send(request(method, target, address, headers, body, host))
        return connection.response(to_head=method == "HEAD")
