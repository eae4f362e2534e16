"""Notifications by apprise: Slack, Teams, mail, PagerDuty and the other services that it knows."""

from __future__ import annotations

import importlib
import logging
import re
import warnings
from contextvars import ContextVar
from functools import partial
from importlib.util import find_spec
from threading import Lock
from typing import Any
from urllib.parse import unquote

from dutiful.contract.beside import beside
from dutiful.core.errors import BadConfiguration, NotSent
from dutiful.core.notification import Notification
from dutiful.core.sink_url import public_sink, without_urls
from dutiful.core.text import visible, worded

from .notification_text import text, title

_LOGGERS = (
    *("apprise", "urllib3.connectionpool", "urllib3.util.retry"),
    *("requests_oauthlib.oauth1_auth", "requests_oauthlib.oauth2_session"),
)
"""Those that write URLs with their tokens, above all at level DEBUG."""
_PARTS = re.compile(r"[/?&=@:#,;]+")
_PART_MIN = 4
"""A shorter part of a URL is a word of any text; a password of that length is hidden all the same.
"""
_ERROR_MAX = 300
_STATUS = re.compile(r"\berror=([0-9]{3})\b")
"""How most services of apprise write the status of an answer."""
_PERMANENT = frozenset({"400", "401", "403", "404", "405", "410"})
"""What says that the token, the room or the address is wrong."""

_caught: ContextVar[list[str] | None] = ContextVar("dutiful_apprise_lines", default=None)


class AppriseSink:
    """Sends by one URL of apprise, in a thread; one send at a time."""

    def __init__(self, name: str, url: str) -> None:
        """Load apprise and read the URL, which takes about a second and blocks.

        BadConfiguration, which shows no part of the URL but its scheme, where apprise is not
        installed, or knows no such service, or misses a part.
        """
        self.name = name
        self._shown = public_sink(url)
        self._secrets = _secrets_in(url)
        self._service = self._made(url)
        self._sending = Lock()

    def _made(self, url: str) -> Any:
        if find_spec("apprise") is None:
            raise BadConfiguration(
                f"alerts_to: sink {self.name!r} ({self._shown}) needs apprise; run "
                "`pip install 'dutiful[alerts]'`"
            )
        made, lines = _quietly(partial(_instance, url))
        if made is None:
            why = self._hidden("; ".join(lines)) or "apprise knows no such service"
            raise BadConfiguration(
                f"alerts_to: sink {self.name!r} ({self._shown}) cannot be used: {why}; the URLs of "
                "all services are listed in apprise's documentation"
            )
        return made

    async def send(self, notification: Notification) -> None:
        """Send it; raises NotSent with what apprise says, without the URL's parts.

        A send that hangs longer than its time limit blocks further ones until it ends, so that
        no threads pile up.
        """
        await beside(partial(self._send, notification))

    def _send(self, notification: Notification) -> None:
        # Taken here and not on the loop: a call that is cancelled before its thread begins it
        # would never release the lock.
        if not self._sending.acquire(blocking=False):
            raise NotSent("the send before this one has not ended yet")
        try:
            done, lines = _quietly(partial(_notify, self._service, notification))
        finally:
            self._sending.release()
        if not done:
            why = self._hidden("; ".join(lines)) or "apprise reports a failure"
            raise NotSent(why, permanent=_permanent(lines))

    def _hidden(self, said: str) -> str:
        said = without_urls(visible(said))
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said[:_ERROR_MAX]

    def __repr__(self) -> str:
        """Show name and kind of service, and no secret."""
        return f"AppriseSink({self.name!r}, {self._shown!r})"


def _instance(url: str) -> Any:
    with warnings.catch_warnings():
        # Its plugins import what is deprecated, which an interpreter with -W error would refuse.
        warnings.simplefilter("ignore", DeprecationWarning)
        apprise: Any = importlib.import_module("apprise")  # whose types are partly unknown
        asset = apprise.AppriseAsset(app_id="Dutiful", app_desc="Dutiful", http_redirects=False)
        return apprise.Apprise.instantiate(url, asset=asset)


def _notify(service: Any, notification: Notification) -> bool:
    import apprise

    kind = apprise.NotifyType.INFO
    if notification.kind == "resolved":
        kind = apprise.NotifyType.SUCCESS
    elif notification.kind in ("firing", "escalated"):
        critical = notification.severity == "critical"
        kind = apprise.NotifyType.FAILURE if critical else apprise.NotifyType.WARNING
    return bool(
        service.notify(body=text(notification), title=title(notification), notify_type=kind)
    )


def _quietly(run: Any) -> tuple[Any, list[str]]:
    """Run a call of apprise; returns its answer, None after an error, and what it logged.

    Nothing of that reaches the program's log, since it may hold the URL.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _keep_in not in logger.filters:
            logger.addFilter(_keep_in)
    lines: list[str] = []
    before = _caught.set(lines)
    try:
        return run(), lines
    except Exception as error:  # noqa: BLE001 - a service's fault must not become ours
        lines.append(worded(error))
        return None, lines
    finally:
        _caught.reset(before)


def _keep_in(record: logging.LogRecord) -> bool:
    """Withhold a record that was written during a call of ours, and keep the text of warnings."""
    lines = _caught.get()
    if lines is None:
        return True
    if record.levelno >= logging.WARNING:
        lines.append(record.getMessage())
    return False


def _permanent(lines: list[str]) -> bool:
    """Whether every failed answer refuses the request for good; a service may send several."""
    named: list[list[str]] = [_STATUS.findall(line) for line in lines]
    found = [status for statuses in named for status in statuses]
    return bool(found) and all(named) and _PERMANENT.issuperset(found)


def _secrets_in(url: str) -> tuple[str, ...]:
    """Return the parts of a URL that no text may hold, longest first."""
    rest = url.partition("://")[2]
    found: set[str] = set()
    for part in _PARTS.split(rest):
        found |= {part, unquote(part)}
    login, at, _ = rest.rpartition("@")
    kept = {part for part in found if len(part) >= _PART_MIN}
    if at and (password := login.partition(":")[2]):
        kept |= {password, unquote(password)}
    return tuple(sorted(kept, key=len, reverse=True))
