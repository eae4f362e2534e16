"""Texts are the same whatever a caller's connection and the database are encoded in."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine

from dutiful import App, BadPayload, StoreUnusable
from dutiful.client.app_declaration import AppDeclaration
from dutiful.contract.facade import Store
from dutiful.core.event import Event, ScheduleBroken
from dutiful.core.instant import SECOND
from dutiful.core.outcome import Discarded, Failed, Succeeded
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.core.unique import unique
from dutiful.engines.postgres import PostgresEngine
from dutiful.servers.postgres import LocalServer
from dutiful.services.scheduler import Scheduler
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import Half, end, ending, hand, look, new, one


@asynccontextmanager
async def database(postgres: LocalServer, encoding: str) -> AsyncIterator[str]:
    name = f"db_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        made = f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0"
        connection.execute(made.encode())
        yield postgres.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize(
    ("encoding", "word", "lacking"),
    [("LATIN1", "Größe", "日本"), ("EUC_JP", "日本", "🎉"), ("WIN1251", "заказ", "日本")],
)
async def test_a_database_of_another_encoding(
    postgres: LocalServer, encoding: str, word: str, lacking: str
) -> None:
    async with database(postgres, encoding) as url:
        engine = PostgresEngine(url)
        await engine.open()
        await engine.fleet.join(hand("w1"))
        job = new(
            f"send.{word}", args=b'{"a": "\xe2\x9c\x93"}', tags=(word,), meta={word: word},
            unique=unique(word),
        )  # fmt: skip
        assert (await engine.producer.enqueue([job]))[0].created
        with psycopg.connect(url) as connection:
            again = engine.caller_producer.enqueue_on(connection, [new(unique=unique(word))])
            assert (again[0].id, again[0].created) == (job.id, False)
            asked = "SELECT dutiful.enqueue('t', unique_key => %s)"
            connection.execute("SET client_encoding TO 'UTF8'")
            assert connection.execute(asked, (word,)).fetchall() == [(job.id,)]
        with pytest.raises(BadPayload, match="lacks this character"):
            await engine.producer.enqueue([new(tags=(lacking,))])
        claim = await one(engine)
        assert (claim.job.task, claim.job.tags, claim.job.meta) == (job.task, (word,), {word: word})
        assert claim.job.args == job.args
        assert await end(engine, claim, Failed(word, f"{word} {lacking}\0", "..."))
        (error,) = await engine.inspector.errors(job.id)
        escaped = lacking.encode("ascii", "backslashreplace").decode()
        assert (error.type, error.message) == (word, f"{word} {escaped}\\x00")
        other = new()
        await engine.producer.enqueue([other])
        assert await end(engine, await one(engine), Discarded(f"{word} {lacking}"))
        assert (await look(engine, other.id)).reason is not None
        await engine.close()


@pytest.mark.parametrize(
    ("encoding", "letters", "refused"),
    [
        ("WIN1252", "€ŠŸ\xa0ÿ", ""),
        ("WIN1251", "ЂЯџ", ""),
        ("WIN866", "АЯ", ""),
        ("LATIN1", "\xa0Àÿ", "\x80\x85\x9f"),
        ("EUC_JP", "日本", ""),
        ("UTF8", "€ŠЂЯ日本🎉\xa0À\u2027\u202a\\302\\200", "\x80\x85\x9f\u2028\u2029"),
    ],
)
async def test_the_function_takes_all_letters_of_an_encoding_and_no_control_character(
    postgres: LocalServer, encoding: str, letters: str, refused: str
) -> None:
    async with database(postgres, encoding) as url:
        engine = PostgresEngine(url)
        await engine.open()
        with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as connection:
            asked = "SELECT dutiful.enqueue(%s, tags => ARRAY[%s], id => %s)"
            for letter in (letters, *letters):
                assert connection.execute(asked, (letter,) * 3).fetchall() == [(letter,)]
            for bad in f"\x01\t\n\x1f\x7f{refused}":
                for task, tag, job_id in ((bad, "a", "a"), ("a", bad, "a"), ("a", "a", bad)):
                    with pytest.raises(psycopg.errors.InvalidParameterValue, match="of one line"):
                        connection.execute(asked, (task, tag, job_id))
        await engine.close()


async def test_a_database_without_an_encoding_is_refused(postgres: LocalServer) -> None:
    async with database(postgres, "SQL_ASCII") as url:
        engine = PostgresEngine(url)
        with pytest.raises(StoreUnusable, match="encoding SQL_ASCII"):
            await engine.open()
        with pytest.raises(StoreUnusable, match="encoding SQL_ASCII"):
            await engine.check()
        with psycopg.connect(url) as connection:
            with pytest.raises(StoreUnusable, match="encoding SQL_ASCII"):
                engine.caller_producer.enqueue_on(connection, [new()])
        await engine.close()


async def test_what_the_url_says_of_it_does_not_matter(postgres_database: str) -> None:
    engine = PostgresEngine(f"{postgres_database}?client_encoding=latin1")
    await engine.open()
    await engine.producer.enqueue([new(tags=("日本",))])
    await engine.fleet.join(hand("w1"))
    assert (await one(engine)).job.tags == ("日本",)
    await engine.close()


LATIN = "SET client_encoding TO 'LATIN1'"


async def test_a_callers_own_encoding(app: App, postgres_url: str) -> None:
    """Whatever it is, a key is the same; and what comes after is the caller's own again."""
    charge, url = app.tasks["charge"], postgres_url.partition("?")[0]
    keys = ("Größe", "日本")
    first = [(await charge.using(unique=key).aenqueue(1)).id for key in keys]
    with psycopg.connect(url) as plain:
        plain.execute(LATIN)
        found = [charge.using(unique=key, connection=plain).enqueue(1).id for key in keys]
        assert found == first
        assert plain.execute("SHOW client_encoding").fetchall() == [("LATIN1",)]
        shown = plain.execute("SELECT %s || chr(233), octet_length(%s)", ("é", "é")).fetchall()
        assert shown == [("éé", 2)]
        fresh = charge.using(unique="Übung", connection=plain).enqueue(1)
        plain.commit()
        assert plain.execute("SHOW client_encoding").fetchall() == [("LATIN1",)]
    assert (await charge.using(unique="Übung").aenqueue(1)).id == fresh.id
    other = await asyncpg.connect(url)
    async with other.transaction():
        await other.execute(LATIN)
        found = [(await charge.using(unique=key, connection=other).aenqueue(1)).id for key in keys]
        assert found == first
        assert await other.fetchval("SHOW client_encoding") == "LATIN1"
    await other.close()
    for driver in ("psycopg", "psycopg2"):
        if importlib.util.find_spec(driver) is not None:
            assert by_sqlalchemy(charge, url, driver, keys) == first


def by_sqlalchemy(charge: Any, url: str, driver: str, keys: tuple[str, ...]) -> list[str]:
    engine = create_engine(url.replace("://", f"+{driver}://"))
    with engine.begin() as connection:
        connection.exec_driver_sql(LATIN)
        found = [charge.using(unique=key, connection=connection).enqueue(1).id for key in keys]
        assert connection.exec_driver_sql("SHOW client_encoding").scalar() == "LATIN1"
    engine.dispose()
    return found


async def test_a_tasks_own_encoding(engine: PostgresEngine) -> None:
    await engine.producer.enqueue([new(id="Größe 日本")])
    claim = await one(engine)
    transaction = engine.transactional.transaction(claim)
    transaction.begin().execute(LATIN)
    assert transaction.commit(ending(claim, Succeeded()))
    assert (await look(engine, claim.job.id)).state.word == "succeeded"


async def test_a_schedule_whose_job_the_encoding_lacks_is_broken_in_the_store(
    postgres: LocalServer,
) -> None:
    async with database(postgres, "LATIN1") as url:
        clock, told = FakeClock(), list[Event]()
        engine = PostgresEngine(url, clock=clock)
        await engine.open()
        for name, tags in (("odd", ("мой",)), ("good", ("größer",))):
            schedule = Schedule(name=name, task="t", rule=Interval(SECOND), tags=tags)
            await engine.schedules.put_schedule(schedule, replace=False)
        scheduler = Scheduler(
            Store(engine, told.append),
            AppDeclaration("app", "one", ()),
            clock=clock,
            rng=Half(),
            healthy=lambda: True,
        )
        for _ in range(3):
            clock.advance("1s")
            assert await scheduler.run_once() == 1
        good, odd = await engine.schedules.standings()
        assert (good.number, good.broken, odd.number) == (3, None, 0)
        assert "lacks this character" in (odd.broken or "")
        assert [one.schedule for one in told if isinstance(one, ScheduleBroken)] == ["odd"]
        await engine.close()
