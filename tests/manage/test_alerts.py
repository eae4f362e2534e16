"""``app.alerts``: alerts, history and silences of a store, also where rows cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dutiful import App, BadOption, Condition, Sample, Unsupported
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.rule import Limits
from dutiful.core.errors import BadConfiguration
from dutiful.core.event import AlertEvent
from dutiful.testing.broker import PoorBroker
from dutiful.worker.watcher import Watcher
from tests.worker.support import Events, serving


class Sink:
    def __init__(self, name: str = "chat") -> None:
        self.name = name
        self.got: list[str] = []
        self.arrived = asyncio.Event()

    async def send(self, notification: object) -> None:
        self.got.append(getattr(notification, "kind", ""))
        self.arrived.set()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    await app.open()
    yield app
    await app.close()


def always(app: App) -> None:
    @app.alerts.rule
    def always_bad(sample: Sample) -> Iterator[Condition]:
        """Fires in each turn."""
        yield Condition(subject="x", value=1, title="x is bad", command="look")


async def test_a_worker_evaluates_sends_and_lists(app: App) -> None:
    sink, events = Sink(), Events(app)
    app.alerts.add_sink(sink)
    always(app)
    async with serving(app):
        async with asyncio.timeout(30):
            await sink.arrived.wait()
        (one,) = await app.alerts.alist()
    assert (one.rule, one.subject, one.state, one.title) == (
        "always-bad",
        "x",
        "firing",
        "x is bad",
    )
    assert [each.sink for each in one.deliveries] == ["chat"]
    assert [event.rule for event in events if isinstance(event, AlertEvent)] == ["always-bad"]
    assert await app.alerts.ahistory() == ()


async def test_a_watcher_does_so_without_running_jobs(app: App) -> None:
    sink = Sink()
    app.alerts.add_sink(sink)
    always(app)

    @app.task
    async def never() -> None:
        raise AssertionError("a watcher runs no jobs")

    handle = await never.aenqueue()
    watcher = Watcher(app)
    running = asyncio.create_task(watcher.run())
    async with asyncio.timeout(30):
        await sink.arrived.wait()
    watcher.stop()
    await running
    (job,) = await app.store.inspector.get([handle.id])
    assert job.attempt == 0


async def test_silences_begin_and_end(app: App) -> None:
    made = await app.alerts.asilence("queue-*", "mail", duration="2h", reason="why", author="me")
    assert await app.alerts.asilences() == (made,)
    assert (made.rule, made.subject, made.reason, made.author) == ("queue-*", "mail", "why", "me")
    assert (made.until - made.created_at).total_seconds() == 7200
    assert not await app.alerts.aunsilence("0" * 8)
    assert await app.alerts.aunsilence(made.id[:13])
    assert await app.alerts.asilences() == ()
    with pytest.raises(BadOption):
        await app.alerts.asilence(duration=0)


async def test_rows_that_cannot_be_read_are_shown(app: App) -> None:
    rows = [
        AlertEntry(kind, key, 0, 2**62 if kind is AlertKind.SILENCE else 5, "{")
        for kind, key in (
            (AlertKind.INCIDENT, "queue-age/mail"),
            (AlertKind.PAST, "p"),
            (AlertKind.SILENCE, "silence-1"),
            (AlertKind.DELIVERY, "d"),
        )
    ]
    assert await app.store.alerts.write(rows)
    (one,) = await app.alerts.alist()
    assert (one.rule, one.subject, one.unreadable) == ("queue-age", "mail", "body")
    (past,) = await app.alerts.ahistory()
    assert past.unreadable == "body"
    (silence,) = await app.alerts.asilences()
    assert silence.unreadable == "body"
    assert await app.alerts.aunsilence("silence-1")


def test_limits_come_from_the_file_and_the_code(tmp_path: Path, monkeypatch: object) -> None:
    text = '[tool.dutiful.alerts]\nqueue-age = { above = "5m" }\nunknown-task = "off"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    from dutiful.config import load_settings

    settings = load_settings(folder=tmp_path, environ={})
    app = App("memory://", alerts=settings.alerts)
    app.alerts.configure(queue_age={"for": "9s"})
    rules = {one.name: one for one in app.alerts.rules()}
    assert (rules["queue-age"].shown, rules["queue-age"].hold) == ("5m", 9_000_000)
    assert not rules["unknown-task"].on
    assert rules["dead-letters"].on
    off = load_settings(folder=tmp_path, environ={"DUTIFUL_ALERTS": "off"})
    assert isinstance(off.alerts, Limits)
    assert not off.alerts.on


@pytest.mark.parametrize(
    "wrong", [{"queue-age": {"over": 1}}, {"queue-age": 7}, {"queues": []}, 7, "maybe"]
)
def test_wrong_limits_are_refused(wrong: object) -> None:
    app = App("memory://", alerts=wrong)
    with pytest.raises(BadConfiguration, match="alerts"):
        _ = app.settings


def test_a_rule_needs_a_name_of_its_own() -> None:
    app = App("memory://")
    for name in ("queue-age", "a/b", "rule-failing", ""):
        with pytest.raises(BadOption):
            app.alerts.rule(name=name or "\n")(lambda sample: ())


async def test_an_engine_that_keeps_no_alerts_says_so_and_works() -> None:
    app = App(engine=PoorBroker())
    ran = asyncio.Event()

    @app.task
    async def work() -> None:
        ran.set()

    with pytest.raises(Unsupported, match="keep alerts"):
        await app.alerts.alist()
    await work.aenqueue()
    async with serving(app), asyncio.timeout(30):
        await ran.wait()
    with pytest.raises(Unsupported):
        await Watcher(app).run()
    await app.close()


async def test_rules_are_evaluated_as_often_as_configured() -> None:
    app = App("memory://")
    samples: list[int] = []
    often = asyncio.Event()

    @app.alerts.rule
    def watch(sample: Sample) -> Iterator[Condition]:
        samples.append(sample.at)
        if len(samples) == 3:
            often.set()
        yield from ()

    app.alerts.configure(every="500ms")
    async with app, serving(app):
        async with asyncio.timeout(30):
            await often.wait()
    assert samples[2] - samples[0] < 8_000_000  # by default 9 s or more


@pytest.mark.parametrize("every", ["100ms", "2m", "soon", None])
def test_how_often_is_bounded(every: object) -> None:
    app = App("memory://")
    with pytest.raises(BadOption):
        app.alerts.configure(every=every)
    assert app.alerting.every == 5_000_000
