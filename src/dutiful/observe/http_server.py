"""Serves ``/metrics``, ``/healthz`` and ``/readyz`` from threads of its own, never from a loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from dutiful.core.errors import UsageError
from dutiful.core.listen_address import Address
from dutiful.core.text import visible

from .process_health import ProcessHealth

_PLAIN = "text/plain; charset=utf-8"
_SECONDS = 10.0
"""How long a client may take to send its request, and to read the answer."""
_REQUESTS_MAX = 16
"""Requests that are answered at the same time; further ones are refused."""
_PROBLEMS_MAX = 20

Render = Callable[[str], tuple[bytes, str]]
"""Returns a body and its content type, by the header ``Accept`` of the request."""


def bound(address: Address) -> socket.socket:
    """Return a socket that is bound to an address; UsageError where that is not possible."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections that have ended must not keep a restarted worker from its port.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(tuple(address))
        made.listen(_REQUESTS_MAX)
    except OSError as error:
        made.close()
        why = error.strerror or str(error)
        raise UsageError(f"metrics cannot be served on {address}: {why}") from error
    return made


class HttpServer:
    """Answers on a socket until it is closed. A request can hold up neither a job nor a loop."""

    def __init__(
        self, bound_socket: socket.socket, render: Render, health: Callable[[], ProcessHealth]
    ):
        """Start the thread; ``render`` and ``health`` are called in threads of the server."""
        self._server = _Server(bound_socket, render, health)
        host, port, *_ = bound_socket.getsockname()
        self.address = Address(host, port)
        """Where it listens, with the port that was chosen."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="dutiful-http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more; calling it twice is harmless. Requests that are answered go on."""
        self._server.shutdown()
        self._server.server_close()

    def stop(self) -> None:
        """Do what `close` does, without waiting for it."""
        threading.Thread(target=self.close, name="dutiful-http-end", daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, bound_socket: socket.socket, render: Render, health: Callable[[], ProcessHealth]
    ):
        # The socket is bound already, so that its error came before anything was started.
        super().__init__(bound_socket.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = bound_socket
        self.render, self.health = render, health
        self._free = threading.Semaphore(_REQUESTS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; close a connection that comes while too many are answered."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing: the client has gone away, or no thread was left for it."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer a GET request."""
        path = self.path.partition("?")[0].rstrip("/")
        try:
            status, body, content_type = self._answer(path)
        except Exception as error:  # noqa: BLE001 - a scraper is to see that it failed
            text = f"the metrics could not be written: {type(error).__name__}\n"
            status, body, content_type = HTTPStatus.INTERNAL_SERVER_ERROR, text.encode(), _PLAIN
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def _answer(self, path: str) -> tuple[HTTPStatus, bytes, str]:
        server = cast(_Server, self.server)
        if path == "/metrics":
            body, content_type = server.render(self.headers.get("Accept", ""))
            return HTTPStatus.OK, body, content_type
        if path in ("/healthz", "/readyz"):
            health = server.health()
            fine = health.healthy if path == "/healthz" else health.ready
            status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
            return status, _worded(fine, health.problems), _PLAIN
        text = "there are /metrics, /healthz and /readyz\n"
        return HTTPStatus.NOT_FOUND, text.encode(), _PLAIN

    def version_string(self) -> str:
        """Name the server, without versions."""
        return "dutiful"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: a scrape every few seconds is no news."""

    def log_error(self, format: str, *args: Any) -> None:
        """Write nothing about clients that send nonsense, or nothing."""


def _worded(fine: bool, problems: tuple[str, ...]) -> bytes:
    lines = ["ok" if fine else "not ok", *map(visible, problems[:_PROBLEMS_MAX])]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
