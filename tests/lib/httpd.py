"""An HTTP/1.1 server made of plain sockets and threads: what it sends is
exactly what the test wrote, when the test wants it."""

import select
import socket
import ssl
import threading
import time

# Hundreds of connections are open at once, each with its thread.
threading.stack_size(512 << 10)

HEAD_MAX = 1 << 20
REASONS = {200: "OK", 202: "Accepted", 301: "Moved Permanently", 302: "Found",
           307: "Temporary Redirect", 308: "Permanent Redirect",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
           409: "Conflict", 411: "Length Required",
           415: "Unsupported Media Type", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Closed(Exception):
    """The other side closed the connection."""


class Request:
    """One request as it came."""

    def __init__(self, head, connection):
        lines = head.decode("latin-1").split("\r\n")
        self.head = head
        self.at = time.monotonic()
        self.connection = connection.number
        self.number = connection.requests  # on this connection, from 1
        self.method, self.target, self.version = lines[0].split(" ")
        self.path, _, self.query = self.target.partition("?")
        self.headers = []  # (name in lower case, value)
        for line in lines[1:-2]:
            name, colon, value = line.partition(":")
            assert colon and "\n" not in line and "\r" not in line, head
            self.headers.append((name.lower(), value.strip()))
        self.body = b""
        self.message = None  # what a reader of the body makes of it

    def header(self, name):
        """The value of a header that stands at most once, or None."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, f"{name} stands {len(found)} times"
        return found[0] if found else None

    def names(self):
        """The names of all headers."""
        return {name for name, _ in self.headers}


class Connection:
    """One connection of a client, and what can be said on it."""

    def __init__(self, server, end, number):
        self.server = server
        self.socket = end
        self.number = number
        self.requests = 0
        self.pending = b""
        self.closed = False

    # Reading.

    def fill(self):
        """Read some more; Closed at the end."""
        try:
            data = self.socket.recv(262144)
        except (OSError, ValueError):
            data = b""
        if not data:
            raise Closed()
        self.pending += data

    def head(self):
        """Read the head of the next request; Closed when there is none."""
        while b"\r\n\r\n" not in self.pending:
            assert len(self.pending) < HEAD_MAX, "an endless head"
            self.fill()
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        self.requests += 1
        return Request(head + b"\r\n\r\n", self)

    def body(self, request):
        """Read the body that belongs to it."""
        assert request.header("transfer-encoding") is None, request.head
        request.body = self.exactly(
            int(request.header("content-length") or "0"))
        return request.body

    def exactly(self, length):
        """Read this many bytes."""
        parts = [self.pending]
        have = len(self.pending)
        while have < length:
            self.pending = b""
            self.fill()
            parts.append(self.pending)
            have += len(self.pending)
        data = b"".join(parts)
        self.pending = data[length:]
        return data[:length]

    def hung_up(self, seconds):
        """Wait so long for the client to close; True when it did.  With TLS
        whatever it says is a goodbye: it has nothing else to say."""
        if self.closed:
            return True
        try:
            poll = select.poll()  # select() is for descriptors below 1,024
            poll.register(self.socket, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
            return isinstance(self.socket, ssl.SSLSocket) or \
                self.socket.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    # Writing.

    def send(self, data):
        """Send these bytes; Closed when nobody takes them."""
        try:
            self.socket.sendall(data)
        except (OSError, ValueError) as error:
            raise Closed() from error

    def reply(self, status, body=b"", headers=(), kind="application/json"):
        """Send a whole response."""
        if isinstance(body, str):
            body = body.encode()
        lines = [f"Content-Length: {len(body)}"]
        if body:
            lines.append(f"Content-Type: {kind}")
        self.send(self.status(status, headers, lines) + body)

    def start(self, status=200, headers=(), kind="text/event-stream"):
        """Send the head of a response whose body comes in chunks."""
        self.send(self.status(status, headers, [
            f"Content-Type: {kind}", "Cache-Control: no-cache, no-transform",
            "Transfer-Encoding: chunked"]))

    @staticmethod
    def status(status, headers=(), lines=()):
        """The bytes of a head."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}",
                 *lines, *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def chunk(self, data):
        """Send one chunk."""
        if isinstance(data, str):
            data = data.encode()
        self.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def end(self):
        """Send the last chunk."""
        self.send(b"0\r\n\r\n")

    # The end.

    def close(self):
        """Close in the ordinary way, whoever else is using the socket."""
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        """Close with a TCP reset, whoever is reading: that wakes him."""
        self.closed = True
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   b"\1\0\0\0\0\0\0\0")
            self.socket.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        self.socket.close()


class Server:
    """Takes connections; each request goes to handle(connection, request).

    The hooks are for tests that misbehave: on_accept(connection),
    on_head(connection, request) before the body is read, and
    on_request(connection, request).  What returns True has done it all.
    """

    def __init__(self, port=0, tls=None, host="127.0.0.1"):
        self.tls = tls
        self.lock = threading.Lock()
        self.connections = set()
        self.accepted = 0
        self.requests = []  # every Request
        self.failures = []  # what the TLS layer or a handler raised
        self.on_accept = self.on_head = self.on_request = None
        self.stopping = threading.Event()
        self.listener = socket.create_server((host, port), backlog=1000)
        self.address = self.listener.getsockname()
        self.port = self.address[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def url(self, path="", host="127.0.0.1"):
        """A URL on this server."""
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def handle(self, connection, request):
        """Answer a request."""
        del request
        connection.reply(404)

    def accept(self):
        """Every connection gets its own thread."""
        while True:
            try:
                end, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                connection = Connection(self, end, self.accepted)
                self.connections.add(connection)
            threading.Thread(target=self.serve, daemon=True,
                             args=(connection,)).start()

    def serve(self, connection):
        """One connection, from the first byte to the last."""
        try:
            connection.socket.setsockopt(socket.IPPROTO_TCP,
                                         socket.TCP_NODELAY, 1)
            if self.tls:
                connection.socket = self.tls.wrap_socket(connection.socket,
                                                         server_side=True)
            if self.on_accept is None or not self.on_accept(connection):
                while not connection.closed:
                    self.one(connection)
        except Closed:
            pass
        except Exception as error:  # whatever it is, a test wants to know
            self.failures.append(repr(error))
        finally:
            connection.close()
            with self.lock:
                self.connections.discard(connection)

    def one(self, connection):
        """One request and its response."""
        request = connection.head()
        if self.on_head is not None and self.on_head(connection, request):
            return
        connection.body(request)
        self.note(request)
        if self.on_request is None or not self.on_request(connection, request):
            self.handle(connection, request)

    def note(self, request):
        """Write down that it came."""
        with self.lock:
            self.requests.append(request)

    def disconnect(self, reset=False):
        """End every connection, and go on."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            if reset:
                connection.reset()
            else:
                connection.close()

    def stop(self, reset=False):
        """End every connection and free the port."""
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.listener.close()
        self.disconnect(reset)


def server_context(certificate, key, client_ca=None):
    """The TLS side of a server; with client_ca it wants a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Deaf:
    """A port that takes no connection: its backlog is full, as behind a
    firewall that drops everything."""

    def __init__(self, port=0):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while True:
            filler = socket.socket()
            filler.settimeout(0.3)
            self.fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.port))
            except (socket.timeout, TimeoutError):
                return

    def url(self, path=""):
        """A URL there."""
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        """Free the port."""
        for filler in self.fillers:
            filler.close()
        self.listener.close()
