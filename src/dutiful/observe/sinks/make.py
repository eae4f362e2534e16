"""Makes the sinks that the settings name."""

from __future__ import annotations

from dutiful.config import Settings
from dutiful.core.errors import BadConfiguration
from dutiful.core.sink_url import HOW_TO_MAKE_ONE, WEBHOOK, public_sink

from .log_sink import LogSink
from .sink import Sink


def make_sinks(settings: Settings) -> tuple[Sink, ...]:
    """Return the sinks of ``alerts_to``, and the log as the last one.

    BadConfiguration for what cannot work, with advice: a missing extra, a service that apprise does
    not know, a webhook without a secret. With a URL of apprise it takes about a second and blocks:
    call it before the loop runs, or in a thread.
    """
    made = [_made(name, url, settings.alerts_secret) for name, url in settings.alerts_to.items()]
    return (*made, LogSink())


def _made(name: str, url: str, secret: str | None) -> Sink:
    if not url.lower().startswith(WEBHOOK):
        from .apprise_sink import AppriseSink

        return AppriseSink(name, url)
    from .webhook import WebhookSink

    if secret is None and "#" not in url:
        raise BadConfiguration(
            f"alerts_to: sink {name!r} ({public_sink(url)}) has no secret to sign with; set "
            f"alerts_secret or DUTIFUL_ALERTS_SECRET, and make a secret with {HOW_TO_MAKE_ONE}"
        )
    return WebhookSink(name, url, secret or "")
