"""The endpoint: what it answers, and what it bears."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from dutiful.core.errors import BadOption, UsageError
from dutiful.core.listen_address import Address, address
from dutiful.observe.http_server import HttpServer, bound
from dutiful.observe.process_health import ProcessHealth

Get = Callable[..., tuple[int, str, str]]


class State:
    """What the server is to say."""

    def __init__(self) -> None:
        self.health = ProcessHealth(healthy=True, ready=True)
        self.error: Exception | None = None
        self.hold: threading.Event | None = None

    def render(self, accept: str) -> tuple[bytes, str]:
        if self.error is not None:
            raise self.error
        if self.hold is not None:
            self.hold.wait(30)
        return f"accepts {accept}".encode(), "text/x-metrics"


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def server(state: State) -> Iterator[HttpServer]:
    made = HttpServer(bound(address("0")), state.render, lambda: state.health)
    yield made
    made.close()


@pytest.fixture
def get(server: HttpServer) -> Get:
    def get(path: str, method: str = "GET") -> tuple[int, str, str]:
        url = f"http://{server.address}{path}"
        request = urllib.request.Request(url, headers={"Accept": "this"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    return get


def test_what_is_where(get: Get) -> None:
    plain = "text/plain; charset=utf-8"
    assert get("/metrics") == (200, "text/x-metrics", "accepts this")
    assert get("/metrics?name=x") == (200, "text/x-metrics", "accepts this")
    assert get("/healthz") == (200, plain, "ok\n")
    assert get("/readyz/") == (200, plain, "ok\n")
    assert get("/metrics", "HEAD") == (200, "text/x-metrics", "")
    assert get("/") == (404, plain, "there are /metrics, /healthz and /readyz\n")
    assert get("/metrics", "POST")[0] == 501


def test_problems_are_named_and_made_visible(get: Get, state: State) -> None:
    state.health = ProcessHealth(healthy=True, ready=False, problems=("the lease\n is over",))
    assert get("/healthz")[::2] == (200, "ok\nthe lease\\n is over\n")
    assert get("/readyz")[::2] == (503, "not ok\nthe lease\\n is over\n")
    state.health = ProcessHealth(healthy=False, ready=False, problems=("\ud800",))
    assert get("/healthz")[::2] == (503, "not ok\n\\ud800\n")


def test_an_error_is_an_answer_without_its_text(get: Get, state: State) -> None:
    state.error = ValueError("postgresql://me:secret@host")
    status, _, text = get("/metrics")
    assert (status, text) == (500, "the metrics could not be written: ValueError\n")
    assert get("/healthz")[0] == 200


def test_clients_that_say_nothing_hold_up_no_other(server: HttpServer, get: Get) -> None:
    silent = [socket.create_connection(server.address) for _ in range(8)]
    assert get("/metrics")[0] == 200
    for one in silent:
        one.close()


def test_too_many_requests_are_refused_not_gathered(server: HttpServer, state: State) -> None:
    state.hold = threading.Event()
    open_ones = [socket.create_connection(server.address, timeout=10) for _ in range(16)]
    for one in open_ones:
        one.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    # The server takes connections in their order.
    with socket.create_connection(server.address, timeout=10) as refused:
        refused.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionError):
            raise ConnectionError if not refused.recv(100) else AssertionError
    state.hold.set()
    for one in open_ones:
        with one:
            assert one.recv(100).startswith(b"HTTP/1.0 200")


def test_a_port_in_use_is_an_error_in_words(server: HttpServer) -> None:
    with pytest.raises(UsageError, match=rf"cannot be served on {server.address}: Address"):
        bound(server.address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
        ("9464", Address("127.0.0.1", 9464)),
        (":9464", Address("127.0.0.1", 9464)),
        ("192.0.2.1:9464", Address("192.0.2.1", 9464)),
        ("[::1]:9464", Address("::1", 9464)),
        ("localhost:0", Address("localhost", 0)),
    ],
)
def test_an_address_is_loopback_unless_a_host_is_named(text: str, expected: Address) -> None:
    assert address(text) == expected
    assert address(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "a:b:1", "host:99999", "http://x:1", "[x]:1"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="write HOST:PORT"):
        address(text)


def test_ipv6_is_served() -> None:
    try:
        listening = bound(address("[::1]:0"))
    except UsageError:
        pytest.skip("peer: no IPv6 on this machine")
    server = HttpServer(
        listening, lambda accept: (b"six", "text/plain"), lambda: ProcessHealth(True, True)
    )
    with urllib.request.urlopen(f"http://{server.address}/metrics") as answer:
        assert answer.read() == b"six"
    server.close()
