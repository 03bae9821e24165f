"""Event streams of a scripted server, which may outlive their connections."""

import threading

import httpd


class Stream:
    """Events that may outlive the connection on which they are sent."""

    def __init__(self, name, ids, retry=None):
        self.name = name
        self.ids = ids      # events have ids, and are kept for a second try
        self.retry = retry
        self.events = []
        self.changed = threading.Condition()
        self.connection = None
        self.served = 0     # how often it was attached to a connection
        self.over = False

    def put(self, message, kind="message", colon=": "):
        """Send an event, now or to whoever comes."""
        lines = [f"event: {kind}"]
        with self.changed:
            if self.ids:
                lines.append(f"id: {self.name}/{len(self.events) + 1}")
            lines += [f"data{colon}{line}" for line in message.split("\n")]
            event = "\n".join(lines) + "\n\n"
            if self.ids:
                self.events.append(event)
            if self.connection is not None:
                try:
                    self.connection.chunk(event)
                except httpd.Closed:
                    self.connection = None
            self.changed.notify_all()

    def attach(self, connection, after=0):
        """From now on events go to this connection; it gets the older ones
        but for the first few, and an event without data when there are ids."""
        with self.changed:
            if self.ids:
                wait = f"retry: {self.retry}\n" if self.retry else ""
                connection.chunk(f"{wait}id: {self.name}/{after}\ndata: \n\n")
            for event in self.events[after:]:
                connection.chunk(event)
            self.connection = connection
            self.served += 1
            self.changed.notify_all()

    def detach(self):
        """Take the connection away, to be closed; None when it is gone."""
        with self.changed:
            connection, self.connection = self.connection, None
        return connection

    def finish(self):
        """Nothing more will come."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def hold(self, connection, stopping):
        """Wait until it is over or the client hung up; True when all of it
        was sent here."""
        while not stopping.is_set() and not connection.hung_up(0.02):
            with self.changed:
                if self.connection is not connection:
                    return False
                if self.over:
                    self.connection = None
                    connection.end()
                    return True
        connection.close()
        return False


def let_go(connection, rudely=False):
    """End a response; rudely is in the middle, together with its connection,
    which may be gone."""
    if connection is not None and rudely:
        connection.close()
    elif connection is not None:
        try:
            connection.end()
        except httpd.Closed:
            pass
