"""Sending: each failure is returned, none is raised, and no sink holds up another."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dutiful.config import load_settings
from dutiful.core.errors import BadConfiguration, BadOption, NotSent
from dutiful.core.notification import Notification
from dutiful.observe.sinks.log_sink import LogSink
from dutiful.observe.sinks.make import make_sinks
from dutiful.observe.sinks.notification_text import TITLE_MAX, text, title
from dutiful.observe.sinks.send import send, send_test
from dutiful.observe.sinks.webhook import new_secret, verify
from tests.observe.notifications import ONE, like
from tests.observe.receiver import Receiver, never, status


class Own:
    """A sink as a user writes one."""

    def __init__(self, name: str, error: BaseException | None = None) -> None:
        self.name = name
        self.error = error
        self.got: list[Notification] = []

    async def send(self, notification: Notification) -> None:
        if self.error is not None:
            raise self.error
        self.got.append(notification)


async def test_failures_are_returned() -> None:
    permanent = NotSent("no such room", permanent=True)
    assert await send(Own("a"), ONE) is None
    assert await send(Own("b", permanent), ONE) is permanent
    failure = await send(Own("c", ValueError("at https://me:hunter2@host/x?token=hunter2")), ONE)
    assert str(failure) == "ValueError: at https://***"
    assert failure is not None
    assert not failure.permanent


async def test_a_sink_that_hangs_is_cancelled() -> None:
    ended = asyncio.Event()

    class Hanging(Own):
        async def send(self, notification: Notification) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    failure = await send(Hanging("a"), ONE, 0.05)
    assert str(failure) == "not sent within 0.05 s"
    assert ended.is_set()


async def test_the_test_goes_through_every_sink(receiver: Receiver) -> None:
    secret = new_secret()
    receiver.answers.append(status(404))
    settings = load_settings(
        alerts_to={"hook": f"webhook+{receiver.url}/a"}, alerts_secret=secret, environ={}
    )
    own = Own("own")
    sent = await send_test([*make_sinks(settings), own], store="memory://")
    assert [(one.sink, str(one.failure)) for one in sent] == [
        ("hook", "answered 404"),
        ("log", "None"),
        ("own", "None"),
    ]
    [got] = own.got
    assert (got.kind, got.store) == ("test", "memory://")
    [arrived] = receiver.got
    assert verify(arrived.body, arrived.headers, secret) == got
    [only] = await send_test([own, Own("other")], "own")
    assert only.sink == "own"
    assert own.got[0].id != own.got[1].id
    with pytest.raises(BadOption, match="no sink is called 'owl'; there are own"):
        await send_test([own], "owl")


async def test_a_slow_sink_holds_up_no_other(receiver: Receiver) -> None:
    receiver.answers.append(never)
    settings = load_settings(
        alerts_to={"hook": f"webhook+{receiver.url}"}, alerts_secret=new_secret(), environ={}
    )
    own = Own("own")
    hook, _ = make_sinks(settings)
    under_way = asyncio.create_task(send_test([hook, own], seconds=0.5))
    await asyncio.sleep(0.05)
    assert own.got
    slow, quick = await under_way
    assert (str(slow.failure), quick.failure) == ("not sent within 0.5 s", None)


async def test_the_log_is_always_there(caplog: pytest.LogCaptureFixture) -> None:
    [one] = make_sinks(load_settings(environ={}))
    assert isinstance(one, LogSink)
    with caplog.at_level(logging.INFO, "dutiful"):
        await one.send(ONE)
        await one.send(like(severity="warning"))
        await one.send(like(kind="resolved"))
        await one.send(like(title="a\x1b[31m\nERROR forged", text="b\x1b\nc"))
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "WARNING", "INFO", "ERROR"]
    first, *_, last = [record.getMessage() for record in caplog.records]
    assert "[CRITICAL] Queue billing" in first
    assert "(see: dutiful jobs list --queue billing)" in first
    assert last.isprintable()


def test_the_text_is_short_and_steers_no_terminal() -> None:
    long = like(title="x" * 5_000, text="y" * 50_000 + "\n\x1b[2J", kind="escalated")
    assert title(long).startswith("[STILL FIRING] xxx")
    assert len(title(long)) == TITLE_MAX
    assert len(text(long)) < 10_000
    assert "\x1b" not in text(long)
    assert "Until: 2026-01-01T00:01:00" in text(like(kind="resolved"))


def test_a_webhook_needs_a_secret() -> None:
    settings = load_settings(alerts_to={"hook": "webhook+https://ops.example/hidden"}, environ={})
    with pytest.raises(BadConfiguration, match="set alerts_secret or DUTIFUL_ALERTS_SEC") as caught:
        make_sinks(settings)
    assert "hidden" not in str(caught.value)
    own = f"webhook+https://ops.example/x#{new_secret()}"
    assert len(make_sinks(load_settings(alerts_to={"hook": own}, environ={}))) == 2


def test_what_is_not_configured_is_not_loaded(tmp_path: Path) -> None:
    """A bare install works without apprise, and a worker without sinks loads no HTTP client."""
    code = """
import sys
from dutiful import App
import dutiful.cli.main, dutiful.worker.worker
from dutiful.observe.sinks.make import make_sinks
make_sinks(App("memory://").settings)
unwanted = {"apprise", "requests", "http.client", "sentry_sdk"} & set(sys.modules)
sys.exit(", ".join(unwanted) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
