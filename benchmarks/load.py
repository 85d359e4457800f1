"""A load generator: keep-alive connections that ask as fast as they are answered, or at a given rate.

Written because none that is fast enough comes as a Python package: Locust gives about a tenth of the rate of a bare
FastAPI echo. It speaks just enough HTTP/1.1 for servers that send Content-Length or chunks.
"""

import selectors
import socket as sockets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """What is sent, again and again with each of some bodies or paths."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, host: str) -> bytes:
        """Return the bytes of the request."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(self.body)}"]
        if self.body:
            lines.append("Content-Type: application/json")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join(lines).encode() + _END + self.body


@dataclass
class Measured:
    """What came back. Times are in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    errors: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that a share of answers stayed below."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


@dataclass
class _Connection:
    address: tuple[str, int]
    socket: sockets.socket | None = None
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0

    def open(self) -> sockets.socket:
        self.socket = sockets.create_connection(self.address, timeout=10)
        self.socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        return self.socket

    def send(self, content: bytes, due: float) -> None:
        self.sent_at = due
        if self.socket is not None:
            self.socket.sendall(content)

    def receive(self) -> int | None:
        """Return the status of an answer that is whole, None while it is not."""
        part = self.socket.recv(1 << 20) if self.socket else b""
        if not part:
            raise ConnectionError("closed")
        self.received += part
        head = self.received.find(_END)
        if head < 0:
            return None
        start = bytes(self.received[:head]).lower()
        place = start.find(b"content-length:")
        if place >= 0:
            length = int(start[place + 15 :].split(b"\r\n", 1)[0])
            if len(self.received) < head + 4 + length:
                return None
        elif not self.received.endswith(b"0\r\n\r\n"):
            return None
        status = int(start[9:12])
        self.received.clear()
        return status

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.received.clear()


def load(
    url: str, requests: Sequence[Request], seconds: float, connections: int = 8, rate: float | None = None
) -> Measured:
    """Send requests in turn for some seconds.

    Parameters
    ----------
    rate
        Requests a second, at even distances; a latency counts from when its request was due. None is as many as
        are answered.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    contents = cycle([request.encoded(f"{address[0]}:{address[1]}") for request in requests])
    measured = Measured(seconds)
    idle = [_Connection(address) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        start = time.perf_counter()
        due = _due(start, rate)
        next_due = next(due)
        while (now := time.perf_counter()) < start + seconds:
            while idle and next_due <= now:
                _send(idle.pop(), next(contents), next_due if rate else now, selector, measured, idle)
                next_due = next(due)
            wait = max(0.0, next_due - now) if idle else 0.1
            for key, _ in selector.select(min(wait, 0.1)):
                _receive(key.data, selector, measured, idle)
        for key in list(selector.get_map().values()):
            key.data.close()
    for connection in idle:
        connection.close()
    return measured


def _due(start: float, rate: float | None) -> Iterator[float]:
    number = 0
    while True:
        yield start + (number / rate if rate else 0.0)
        number += 1


def _send(
    connection: _Connection,
    content: bytes,
    due: float,
    selector: selectors.BaseSelector,
    measured: Measured,
    idle: list[_Connection],
) -> None:
    try:
        if connection.socket is None:
            selector.register(connection.open(), selectors.EVENT_READ, connection)
        connection.send(content, due)
    except OSError:
        measured.errors += 1
        _drop(connection, selector)
        idle.append(connection)


def _receive(
    connection: _Connection, selector: selectors.BaseSelector, measured: Measured, idle: list[_Connection]
) -> None:
    try:
        status = connection.receive()
    except OSError:
        measured.errors += 1
        _drop(connection, selector)
        idle.append(connection)
        return
    if status is not None:
        measured.latencies.append(time.perf_counter() - connection.sent_at)
        measured.statuses[status] = measured.statuses.get(status, 0) + 1
        idle.append(connection)


def _drop(connection: _Connection, selector: selectors.BaseSelector) -> None:
    if connection.socket is not None and connection.socket in selector.get_map():
        selector.unregister(connection.socket)
    connection.close()
