"""Exchanges on a connection that the loop awaits: what breaks them, and what they leave behind."""

import asyncio

import psycopg
import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.core.errors import ReplyUnknown, UsageError
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement, succeed
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.connection import AsyncConnection
from dutiful.testing.conformance.moves import add, hand, look, one

WANTED = Wanted(("default",), 10)


async def claimed(engine: PostgresEngine) -> Claim:
    await add(engine)
    return await one(engine)


def success(claim: Claim) -> Settlement:
    return succeed(claim, b"1", 0)


async def test_a_server_that_does_not_answer_is_given_up(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await claimed(engine)
    monkeypatch.setattr(AsyncConnection, "patience", 0.2)
    with psycopg.connect(engine.session.address.conninfo) as holder:
        holder.execute("SELECT FROM dutiful.job FOR UPDATE")
        with pytest.raises(ReplyUnknown):
            await engine.consumer.exchange("w1", [success(claim)], WANTED)
    monkeypatch.undo()
    assert not (await engine.consumer.exchange("w1", [success(claim)], WANTED)).refused
    assert (await look(engine, claim.job.id)).state is State.SUCCEEDED


async def test_a_connection_that_was_cut_while_idle_is_not_lent(engine: PostgresEngine) -> None:
    claims = [await claimed(engine) for _ in range(3)]
    await asyncio.to_thread(write, engine, claims[0])
    transaction = engine.transactional.atransaction(claims[1])
    await transaction.abegin()
    await transaction.arollback()
    with psycopg.connect(engine.session.address.conninfo, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'dutiful' AND datname = current_database()"
        )
    assert await asyncio.to_thread(write, engine, claims[0])
    await transaction.abegin()
    assert await transaction.acommit(success(claims[1]))
    assert not (await engine.consumer.exchange("w1", [success(claims[2])], WANTED)).refused
    await add(engine)
    for claim in claims[1:]:
        assert (await look(engine, claim.job.id)).state is State.SUCCEEDED


def write(engine: PostgresEngine, claim: Claim) -> bool:
    """Use a connection for tasks' transactions, and give it back."""
    transaction = engine.transactional.transaction(claim)
    answer = transaction.begin().execute("SELECT 1").fetchone()
    transaction.rollback()
    return answer == (1,)


async def test_an_exchange_that_is_cancelled_leaves_no_busy_connection(
    engine: PostgresEngine,
) -> None:
    claim = await claimed(engine)
    with psycopg.connect(engine.session.address.conninfo) as holder:
        holder.execute("SELECT FROM dutiful.job FOR UPDATE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await engine.consumer.exchange("w1", [success(claim)], WANTED)
    assert not (await engine.consumer.exchange("w1", [success(claim)], WANTED)).refused
    assert (await look(engine, claim.job.id)).state is State.SUCCEEDED


def test_each_loop_has_connections_of_its_own(postgres_database: str) -> None:
    engine = PostgresEngine(postgres_database)

    async def once() -> None:
        await engine.open()
        await engine.fleet.join(hand("w1"))
        claim = await claimed(engine)
        assert not (await engine.consumer.exchange("w1", [success(claim)], None)).refused

    asyncio.run(once())
    asyncio.run(once())
    asyncio.run(engine.close())


async def test_what_comes_back_after_a_close_is_closed(engine: PostgresEngine) -> None:
    for lender in (engine.session.async_query_pool, engine.session.async_task_connections):
        kept, lent = await lender.take(), await lender.take()
        await lender.give_back(kept)
        lender.close()
        await lender.give_back(lent)
        assert kept.closed
        assert lent.closed


async def test_a_transaction_begins_once_and_ends_without_a_warning(engine: PostgresEngine) -> None:
    said: list[str | None] = []

    def listen(notice: psycopg.errors.Diagnostic) -> None:
        said.append(notice.message_primary)

    claims = [await claimed(engine), await claimed(engine)]
    awaited = engine.transactional.atransaction(claims[0])
    (await awaited.abegin()).add_notice_handler(listen)
    with pytest.raises(UsageError, match="begun already"):
        await awaited.abegin()
    assert await awaited.acommit(success(claims[0]))

    def in_a_thread() -> bool:
        transaction = engine.transactional.transaction(claims[1])
        transaction.begin().add_notice_handler(listen)
        with pytest.raises(UsageError, match="begun already"):
            transaction.begin()
        return transaction.commit(success(claims[1]))

    assert await asyncio.to_thread(in_a_thread)
    assert said == []


async def test_what_a_task_set_is_gone_when_its_connection_is_lent_again(
    engine: PostgresEngine,
) -> None:
    claim = await claimed(engine)

    def set_and_fail() -> int:
        transaction = engine.transactional.transaction(claim)
        connection = transaction.begin()
        connection.execute("set application_name = 'a task'")
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")
        transaction.rollback()
        return connection.info.backend_pid

    def look_again() -> object:
        transaction = engine.transactional.transaction(claim)
        found = (
            transaction.begin()
            .execute(
                "select pg_backend_pid(), setting from pg_settings where name = 'application_name'"
            )
            .fetchone()
        )
        transaction.rollback()
        return found

    pid = await asyncio.to_thread(set_and_fail)
    assert await asyncio.to_thread(look_again) == (pid, "dutiful")
