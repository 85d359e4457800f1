"""A connection that sends too much, or too slowly, ends; others get their answers meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from core.settings import StoreSettings
from serving.api.app import create_app
from serving.api.connections import LimitedConfig, Limits
from serving.settings import default_settings
from tests.servers import wait_until

#: Short, so that the tests are.
LIMITS = Limits(head_bytes=8 * 1024, head_seconds=0.6, body_seconds=1.0, answer_seconds=1.0, connections=20)
_GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder: Path = tmp_path_factory.mktemp("api")
    api = create_app(default_settings(StoreSettings(data=folder)))
    config = LimitedConfig(api, LIMITS, log_config=None, timeout_keep_alive=1, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, folder, seconds=20)
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


def rest_of(connection: socket.socket) -> bytes:
    """Read until the server ends the connection, which it does within some seconds."""
    connection.settimeout(10)
    content = b""
    try:
        while part := connection.recv(65_536):
            content += part
    except ConnectionResetError:
        pass
    return content


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def live(address: tuple[str, int]) -> float:
    """Return the seconds until a health check is answered."""
    began = time.perf_counter()
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(_GET + b"Connection: close\r\n\r\n")
        assert status(rest_of(connection)) == 200
    return time.perf_counter() - began


@pytest.mark.parametrize("line", [b"X-Long: ", b"GET /", b"Cookie: a=b\r\nX: "])
def test_a_head_without_end_is_refused_early(address: tuple[str, int], line: bytes) -> None:
    with socket.create_connection(address) as connection:
        sent = 0
        try:
            connection.sendall(line if line.startswith(b"GET") else _GET + line)
            for _ in range(1_000):  # 64 MB
                connection.sendall(b"a" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 32 * 1024 * 1024
    assert live(address) < 1


def test_the_limit_counts_the_head_and_not_the_body(address: tuple[str, int]) -> None:
    for size, wanted in ((8_000, 200), (8_200, 431)):
        with socket.create_connection(address) as connection:
            head = _GET + b"Connection: close\r\nX: "
            connection.sendall(head + b"a" * (size - len(head)) + b"\r\n\r\n")
            answer = rest_of(connection)
            assert status(answer) == wanted
            assert wanted == 200 or b"urn:encore:headers-too-large" in answer
    with socket.create_connection(address) as connection:
        body = b'{"events": [' + b" " * 50_000 + b"]}"
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        assert status(rest_of(connection)) == 401


def test_many_requests_of_one_connection_do_not_add_up(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        for _ in range(20):
            connection.sendall(_GET + b"X: " + b"a" * 1_000 + b"\r\n\r\n")
            assert status(connection.recv(65_536)) == 200
        # pipelined
        connection.sendall((_GET + b"\r\n") * 3)
        time.sleep(0.2)
        assert connection.recv(65_536).count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("sent", [b"", b"G", _GET])
def test_a_head_that_does_not_come_is_not_waited_for(address: tuple[str, int], sent: bytes) -> None:
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(sent)
        answer = rest_of(connection)
    assert time.monotonic() - began < 3
    assert status(answer) == 408
    assert b"urn:encore:request-timeout" in answer


def test_a_byte_now_and_then_does_not_prolong_the_time(address: tuple[str, int]) -> None:
    began = time.monotonic()
    connections = [socket.create_connection(address) for _ in range(16)]
    try:
        for connection in connections:
            connection.sendall(_GET + b"X: ")
        for _ in range(50):
            time.sleep(0.1)
            for connection in connections:
                connection.send(b"a")
            assert live(address) < 1
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert time.monotonic() - began < 4
    for connection in connections:
        connection.close()


def test_a_body_that_does_not_come_is_not_waited_for(address: tuple[str, int]) -> None:
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        answer = rest_of(connection)
    assert time.monotonic() - began < 4
    assert status(answer) == 408
    assert live(address) < 1


def test_a_body_of_99_gigabytes_is_refused_before_it_comes(address: tuple[str, int]) -> None:
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n{")
        answer = rest_of(connection)
    assert status(answer) == 413
    assert time.monotonic() - began < 4


def test_a_connection_without_a_further_request_is_closed(address: tuple[str, int]) -> None:
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(_GET + b"\r\n")
        assert status(rest_of(connection)) == 200
    assert 0.5 < time.monotonic() - began < 4


@pytest.mark.parametrize(
    "sent", [b"\x00\xff\x16\x03", b"GET / HTTP/9.9\r\n\r\n", _GET + b"Content-Length: -1\r\n\r\n", b"\r\n" * 10_000]
)
def test_what_is_no_request_ends_the_connection(address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(sent)
        answer = rest_of(connection)
    assert not answer or b"urn:encore:" in answer
    assert live(address) < 1


def test_a_connection_too_many_is_refused(address: tuple[str, int]) -> None:
    others = [socket.create_connection(address) for _ in range(20)]
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        answer = rest_of(connection)
    assert (status(answer), b"urn:encore:unavailable" in answer) == (503, True)
    for other in others:
        other.close()
    time.sleep(0.2)
    assert live(address) < 1


def test_a_client_that_does_not_read_its_answers_is_not_waited_for(address: tuple[str, int]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(address)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60)  # some 8 MB of answers
        time.sleep(2.5)
        assert len(rest_of(connection)) < 8_000_000
    assert live(address) < 1
