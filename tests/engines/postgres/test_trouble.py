"""A store that cannot be used: each reason is told within seconds, with what to do about it."""

import asyncio
import select
import time
from collections.abc import AsyncIterator, Iterator
from secrets import token_hex
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dutiful import App, BadPayload, Context, StoreUnusable
from dutiful.core.errors import BadConfiguration, EngineUnavailable
from dutiful.core.outcome import Succeeded
from dutiful.core.unique import Unique
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.errors import translate_error
from dutiful.servers.postgres import LocalServer
from dutiful.testing.conformance.moves import ending, hand, new, one


@pytest.fixture
def admin(postgres: LocalServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[PostgresEngine]:
    engine = PostgresEngine(postgres_url)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    yield engine
    await engine.close()


async def refused(url: str) -> str:
    engine = PostgresEngine(url)
    began = time.monotonic()
    with pytest.raises((StoreUnusable, EngineUnavailable)) as caught:
        await engine.open()
    assert time.monotonic() - began < 8
    await engine.close()
    return str(caught.value)


async def test_a_missing_database_is_told(postgres: LocalServer) -> None:
    assert "see the name in the URL" in await refused(postgres.url("nowhere"))


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    said = await refused("postgresql://me:hunter2@127.0.0.1:1/jobs?password=hunter3")
    assert "127.0.0.1:1" in said
    assert "hunter" not in said


async def test_a_wrong_password_is_told_without_it(
    postgres: LocalServer, admin: psycopg.Connection
) -> None:
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    name = f"clerk_{uuid4().hex[:8]}"
    admin.execute(sql.SQL("create role {} login password 'right'").format(sql.Identifier(name)))
    rules.write_text(f"host all {name} all scram-sha-256\n{before}")
    admin.execute("select pg_reload_conf()")
    try:
        url = f"postgresql://{name}:hunter2@127.0.0.1:{postgres.port}/postgres"
        for _ in range(50):  # the new rules are read in a moment
            said = await refused(url)
            if "password" in said:
                break
            await asyncio.sleep(0.1)
        assert "the password is wrong" in said
        assert "hunter2" not in said
    finally:
        rules.write_text(before)
        admin.execute("select pg_reload_conf()")


async def test_missing_rights_are_told(
    postgres: LocalServer, admin: psycopg.Connection, postgres_url: str
) -> None:
    name = f"guest_{uuid4().hex[:8]}"
    admin.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    said = await refused(postgres_url.replace("postgres@", f"{name}@"))
    assert "lacks a right" in said


async def test_too_many_connections_are_told(postgres_database: str) -> None:
    name = postgres_database.rpartition("/")[2]
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter database {} connection limit 0").format(sql.Identifier(name))
        )
        connection.execute("create role plain_user login")
        said = await refused(postgres_database.replace("postgres@", "plain_user@"))
        connection.execute("drop role plain_user")
    assert "too many connections" in said


async def test_all_connections_busy_is_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dutiful.engines.postgres.connections.lender._BUSY_SECONDS", 0.2)
    engine = PostgresEngine(f"{postgres_url}&connections=1")
    await engine.open()
    with (
        engine.session.pool.connection(),
        pytest.raises(EngineUnavailable, match="raise connections="),
    ):
        await asyncio.to_thread(engine.sync_producer.enqueue_sync, [new()])
    assert engine.sync_producer.enqueue_sync([new()])[0].created
    await engine.close()


async def test_a_statement_timeout_loses_nothing(engine: PostgresEngine, postgres_url: str) -> None:
    hasty = PostgresEngine(f"{postgres_url}&options=-c%20statement_timeout%3D100ms")
    await hasty.open()
    schema = postgres_url.rpartition("=")[2]
    with psycopg.connect(postgres_url.partition("?")[0]) as holder:
        lock = sql.SQL("lock table {}.job in access exclusive mode")
        holder.execute(lock.format(sql.Identifier(schema)))
        with pytest.raises(EngineUnavailable, match="statement timeout"):
            await hasty.producer.enqueue([new()])
    assert (await hasty.producer.enqueue([new()]))[0].created
    assert (await engine.inspector.tally())["enqueued"] == 1
    await hasty.close()


async def test_an_idle_transaction_that_is_cut_off_undoes_the_task(
    engine: PostgresEngine, postgres_url: str
) -> None:
    await engine.producer.enqueue([new()])
    claim = await one(engine)
    transaction = engine.transactional.atransaction(claim)
    connection = await transaction.abegin()
    await connection.execute("set idle_in_transaction_session_timeout = '50ms'")
    await connection.execute("create table written_by_task (id int)")
    for _ in range(100):  # the server says goodbye when it pleases
        if connection.pgconn.socket and await readable(connection.pgconn.socket):
            break
    with pytest.raises(EngineUnavailable):
        await transaction.acommit(ending(claim, Succeeded()))
    with psycopg.connect(postgres_url.partition("?")[0]) as reader:
        assert reader.execute("select to_regclass('written_by_task')").fetchone() == (None,)
    assert await engine.fleet.claimed("w1")


async def readable(socket: int) -> bool:
    return bool(select.select([socket], [], [], 0.1)[0])


async def test_a_clock_that_is_an_hour_off_on_the_worker_changes_nothing(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * 10**9)
    app = App(postgres_url)

    @app.task
    async def tick(ctx: Context) -> None: ...

    await tick.using(delay="30m").aenqueue()
    handle = await tick.aenqueue()
    (job,) = await app.store.inspector.get([handle.id])
    assert abs(job.enqueued_at - real() // 1000) < 60_000_000
    (count,) = await app.store.inspector.queues()
    assert sorted(state.word for state, number in count.counts.items() if number) == [
        "queued",
        "scheduled",
    ]
    await app.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("schema=pg_jobs", "keeps pg_ for itself"),
        ("schema=", "1 to 40 bytes"),
        ("connections=0", "a number from 1 to 9,999"),
        ("connections=" + "9" * 5_000, "a number from 1 to 9,999"),
        ("pooler=maybe", "use yes or no"),
    ],
)
def test_a_bad_url_is_told(query: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        PostgresEngine(f"postgresql://127.0.0.1/jobs?{query}")


async def test_an_old_snapshot_is_named(
    engine: PostgresEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dutiful.engines.postgres.health.HELD_SECONDS", 0)
    with psycopg.connect(postgres_url.partition("?")[0], application_name="report") as holder:
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("select 1")
        who = f"report {holder.info.backend_pid}"
        found = await engine.health.warnings()
    assert f"snapshot {who}" in {one.about for one in found}


REFUSED = {
    "select E'a\\x00b'": "hold NUL",
    """select '{"a": "\\u0000"}'::jsonb ->> 'a'""": "lacks this character",
    "select 70000::smallint": "a number is beyond",
    "select make_interval(years => 300000) + now()": "a time is beyond",
    "select convert_to(chr(9731), 'LATIN1')": "lacks this character",
    "select 'x'::integer": "give another",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_wrong_with_a_value_is_told(admin: psycopg.Connection, query: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        admin.execute(query.encode())
    said = translate_error(caught.value, "trying")
    assert isinstance(said, BadPayload)
    assert REFUSED[query] in str(said)


def test_a_nul_is_told_where_the_driver_refuses_it(admin: psycopg.Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        admin.execute("select %s", ("a\0b",))
    assert "cannot hold NUL" in str(translate_error(caught.value, "trying"))


async def test_a_key_too_long_for_an_index_is_the_callers_to_mend(engine: PostgresEngine) -> None:
    with pytest.raises(BadPayload, match="shorter unique key"):
        await engine.producer.enqueue([new(unique=Unique(token_hex(9_000)))])
    with pytest.raises(BadPayload, match="cannot hold NUL"):
        await engine.producer.enqueue([new(unique=Unique("a\0b"))])
