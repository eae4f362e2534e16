"""Who is woken claims first and looks afterwards."""

import pytest

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.claiming import exchange
from dutiful.testing.conformance.moves import add, hand, take
from tests.engines.postgres.noted import statements


def notified(engine: PostgresEngine, limit: int = 10) -> Exchanged:
    session, wanted = engine.session, Wanted(("default",), limit)
    return session.pool.once(
        lambda: exchange(session.sql, "w1", [], wanted, None, session.claim_cursors, notified=True)
    )


async def test_one_trip_brings_the_job_and_the_next_comes_at_once(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await add(engine)
    said = statements(monkeypatch)
    answer = notified(engine)
    assert [claim.job.id for claim in answer.claims] == [job_id]
    assert answer.due_in == 0
    assert len(said) == 1, said


async def test_a_notification_is_remembered_for_one_exchange(engine: PostgresEngine) -> None:
    notifier = engine.session.notifier
    notifier.notify()
    assert notifier.was_notified()
    assert not notifier.was_notified()


async def test_a_paused_queue_gives_nothing(engine: PostgresEngine) -> None:
    await add(engine)
    await engine.controller.pause("default")
    assert notified(engine).claims == ()


async def test_a_lost_worker_gets_nothing_and_is_told(engine: PostgresEngine) -> None:
    await engine.fleet.join(hand("w2"))
    await add(engine)
    await engine.fleet.expire(["w1"])
    answer = notified(engine)
    assert answer.claims == ()
    assert answer.lost


async def test_a_lost_worker_gets_nothing_behind_the_last_job(engine: PostgresEngine) -> None:
    cursor = engine.session.claim_cursors.of_queue("default")
    await add(engine)
    await take(engine)
    cursor.learn(None, 50_000, 0, None, 0)
    assert cursor.newest() is not None
    await engine.fleet.join(hand("w2"))
    await add(engine)
    await engine.fleet.expire(["w1"])
    assert notified(engine).claims == ()


async def test_a_paused_queue_gives_nothing_behind_the_last_job(engine: PostgresEngine) -> None:
    cursor = engine.session.claim_cursors.of_queue("default")
    await add(engine)
    await take(engine)
    cursor.learn(None, 50_000, 0, None, 0)
    await engine.controller.pause("another")
    second, _ = await add(engine), await add(engine)
    answer = notified(engine, 1)
    assert [claim.job.id for claim in answer.claims] == [second]
    assert answer.due_in == 0  # it has not looked
    await engine.controller.pause("default")
    assert notified(engine).claims == ()


async def test_a_job_before_the_place_is_found_by_the_same_exchange_or_the_next(
    engine: PostgresEngine,
) -> None:
    cursor = engine.session.claim_cursors.of_queue("default")
    await add(engine)
    await take(engine)
    cursor.learn(None, 50_000, 0, None, 0)
    urgent = await add(engine, priority=5)
    assert [claim.job.id for claim in notified(engine).claims] == [urgent]
    cursor.learn(None, 50_000, 0, None, 0)
    urgent, plain = await add(engine, priority=9), await add(engine)
    found = [claim.job.id for claim in notified(engine).claims]
    found += [claim.job.id for claim in await take(engine, 10)]
    assert sorted(found) == sorted([urgent, plain])
