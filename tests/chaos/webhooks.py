"""A receiver of signed webhooks that keeps what came, and can keep a sender waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dutiful.core.notification import Notification
from dutiful.observe.sinks.webhook import new_secret, verify


@dataclass(frozen=True)
class Message:
    """A webhook that arrived."""

    at: float
    """By the monotonic clock."""
    notification: Notification

    def about(self, rule: str, subject: str, kind: str = "firing") -> bool:
        found = self.notification
        return (found.rule, found.subject, found.kind) == (rule, subject, kind)


Held = Callable[[Notification], bool]


class Webhooks:
    """Takes each webhook, after a check of its signature; some are answered when it is over."""

    def __init__(self) -> None:
        self.secret = new_secret()
        self.got: list[Message] = []
        self.holds: Held = lambda _: False
        """Which ones get no answer; the sender has sent them in full."""
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs so that it sends to this receiver."""
        return {"CHAOS_WEBHOOK": self.address, "DUTIFUL_ALERTS_SECRET": self.secret}

    @property
    def address(self) -> str:
        return f"webhook+http://127.0.0.1:{self._server.server_port}/in"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def about(self, rule: str, subject: str, kind: str = "firing") -> list[Message]:
        """Return what came about one alert, in order."""
        return [one for one in list(self.got) if one.about(rule, subject, kind)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                if len(body := self.rfile.read(length)) < length:
                    return  # the sender ended before it had sent it all
                found = verify(body, dict(self.headers.items()), ours.secret)
                ours.got.append(Message(time.monotonic(), found))
                if ours.holds(found):
                    ours._over.wait()
                with suppress(OSError):  # the sender was killed
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, *_: object) -> None: ...

        return Handler


@contextmanager
def webhooks() -> Iterator[Webhooks]:
    """Receive on an ephemeral port of loopback."""
    made = Webhooks()
    made.start()
    try:
        yield made
    finally:
        made.stop()
