"""No byte that another program stores in the tables of alerts and counts stops an alerter."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from dutiful import App
from dutiful.contract.clock import SystemClock
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Condition, Limits, Rule
from dutiful.core.alerting.sample import Activity, Sample
from dutiful.core.instant import HOUR, MINUTE
from dutiful.services.alerter import Alerter

ODD: list[Any] = ["x", b"\xff\xfe", 1.5, -(2**63), 2**63 - 1, "", "\x00"]
COLUMNS = ("succeeded", "runs", "run_sum", "run_max", "error")


def check(sample: Sample) -> Iterator[Condition]:
    yield Condition(subject="x", value=1, title="x is bad")


class Sink:
    def __init__(self) -> None:
        self.got = 0

    async def send(self, notification: object) -> None:
        self.got += 1


def alerter(app: App, sink: Sink) -> Alerter:
    return Alerter(
        app.store,
        clock=SystemClock(),
        rng=Random(1),
        sinks={"chat": sink},
        limits=Limits(),
        policy=Policy(sinks=("chat",)),
        rules=[Rule(name="own", check=check)],
        seconds=0.0,
    )


def row(now: int, span: int = MINUTE) -> Activity:
    return Activity(at=now // span * span, span=span, queue="q", name="t", runs=30, run_sum=60)


async def test_sqlite(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    now = SystemClock().now()
    async with app:
        await app.store.activity.add([row(now), row(now, HOUR)])
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as foreign:
            foreign.execute("PRAGMA ignore_check_constraints = ON")
            for number, value in enumerate(ODD):
                for column in ("kind", "key", "version", "at", "body"):
                    given = {"kind": 1, "key": f"own/{number}{column}", "version": 1}
                    fields = {**given, "at": now, "body": "{}", column: value}
                    foreign.execute(
                        "INSERT OR IGNORE INTO dutiful_alert (kind, key, version, at, body)"
                        " VALUES (:kind, :key, :version, :at, :body)",
                        fields,
                    )
            foreign.execute(
                "INSERT INTO dutiful_alert VALUES (1, 'own/x', 'odd', 'odd', x'ff'), "
                "(0, 'rules', 'odd', 9223372036854775807, x'ff')"
            )
            foreign.commit()
            for value in ODD:
                for column in COLUMNS:
                    text = f"UPDATE dutiful_activity SET {column} = ?"  # noqa: S608 - our names
                    foreign.execute(text, (value,))
                foreign.commit()
                await _works(app, now)


async def test_postgres(postgres_url: str) -> None:
    schema = postgres_url.rpartition("=")[2]
    app = App(postgres_url)
    now = SystemClock().now()
    async with app:
        await app.store.activity.add([row(now), row(now, HOUR)])
        with psycopg.connect(postgres_url.partition("?")[0], autocommit=True) as foreign:
            for number, value in enumerate(("", "x", "{}", -(2**63), 2**63 - 1)):
                whole = value if isinstance(value, int) else 7
                into = f'INSERT INTO "{schema}".alert '
                text: Any = into + "VALUES (1, %s, %s, %s, %s)"
                foreign.execute(text, (f"own/{number or 'x'}", whole, whole, str(value)))
                for column in COLUMNS[:-1]:
                    text = f'UPDATE "{schema}".activity SET {column} = %s'  # noqa: S608 - our names
                    foreign.execute(text, (whole,))
                await _works(app, now)


async def _works(app: App, now: int) -> None:
    """Take turns, list, count and prune; nothing raises, and the alert is announced."""
    await app.store.activity.add([row(now), row(now, HOUR)])
    assert await app.store.activity.read(MINUTE, 0)
    await app.store.activity.totals(HOUR, 0)
    sink = Sink()
    one = alerter(app, sink)
    for _ in range(3):
        await one.run_once()
    found = {(each.rule, each.subject): each for each in await app.alerts.alist()}
    assert found["own", "x"].unreadable is None
    await app.alerts.ahistory()
    await app.alerts.asilences()


@pytest.mark.parametrize("value", ODD)
def test_any_version_has_a_next_one(value: Any) -> None:
    from dutiful.contract.roles.alert_store import next_version

    if isinstance(value, int):
        assert 0 < next_version(value) < 2**62 + 1
