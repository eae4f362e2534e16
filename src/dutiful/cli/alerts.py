"""``dutiful alerts``: whether alerts arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import CommandFailed
from dutiful.cli.options import Common
from dutiful.cli.target import load_app
from dutiful.core.url import public

if TYPE_CHECKING:
    from dutiful.config import Settings

Sink = Annotated[
    str | None,
    typer.Argument(metavar="SINK", help="Only this sink, by its name in alerts_to; or log."),
]


@expand
def send_test_to(common: Common, sink: Sink = None) -> None:
    """Send a test through each sink, and say which have taken it; no store is opened.

    The sinks are those of your app's settings, or of the environment and [tool.dutiful].
    """
    import asyncio

    from dutiful.observe.sinks.make import make_sinks
    from dutiful.observe.sinks.send import send_test

    settings = _settings(common)
    sinks = make_sinks(settings)
    sent = asyncio.run(send_test(sinks, sink, store=public(settings.url)))
    if common.json:
        as_json.emit(
            [
                {"sink": one.sink, "sent": one.failure is None, "error": _text(one.failure)}
                for one in sent
            ]
        )
    else:
        for one in sent:
            said = "sent" if one.failure is None else f"failed: {one.failure}"
            render.say(f"{one.sink}: {said}", "" if one.failure is None else "red")
        if len(sinks) == 1:
            render.say("Only the log is set; name others in alerts_to.", "yellow")
    failed = [one.sink for one in sent if one.failure is not None]
    if failed:
        raise CommandFailed(f"the test did not arrive at {', '.join(failed)}")


def _text(failure: Exception | None) -> str | None:
    return None if failure is None else str(failure)


def _settings(common: Common) -> Settings:
    """Return the settings of the app that is named; without one those of environment and file."""
    from dutiful.config import load_settings

    if common.app:
        return load_app(common.app).settings
    settings = load_settings(common.url)
    return load_app(settings.app).settings if settings.app else settings
