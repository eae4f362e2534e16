"""The dead-man's signal on the wire: calls of a URL as healthchecks.io gives one."""

from __future__ import annotations

from urllib.parse import urlsplit

from dutiful.contract.release import release
from dutiful.core.sink_url import http_target, public_sink

from .http_call import call

SECONDS = 10.0
"""The time limit of one call."""
_REASON_MAX = 1_000


class DeadManUrl:
    """Calls the URL while all works, and ``/fail`` below it when something does not."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        """Take a URL of http or https; BadOption for another one, which is not shown."""
        http_target(url, "the dead-man's signal")
        self._url, self._seconds = url, seconds
        parts = urlsplit(url)
        self._fail = parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()

    async def ping(self) -> None:
        """Say that all works: a GET, which every such service takes; NotSent when it fails."""
        await call(self._url, "GET", self._headers(), None, self._seconds)

    async def fail(self, why: str) -> None:
        """Say that something does not work, and what: a POST; NotSent when it fails."""
        body = why[:_REASON_MAX].encode("utf-8", "replace")
        headers = {**self._headers(), "content-type": "text/plain; charset=utf-8"}
        await call(self._fail, "POST", headers, body, self._seconds)

    def _headers(self) -> dict[str, str]:
        return {"user-agent": f"dutiful/{release()}"}

    def __repr__(self) -> str:
        """Show the host: who knows the rest can send the signal."""
        return f"DeadManUrl({public_sink(self._url)!r})"
