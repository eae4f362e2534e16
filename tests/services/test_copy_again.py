"""Copies that meet what is there already: another job, an older version, or another copy."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import Record, Refusal
from dutiful.core.errors import BadPayload
from dutiful.core.job import Job
from dutiful.core.outcome import Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services.copy_store import HandedOver, StoreCopy
from dutiful.services.likeness import follows
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import FAILED, end, hand, new, one, take
from dutiful.testing.conformance.schedule_moves import tick


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stores(clock: FakeClock, tmp_path: Path) -> AsyncIterator[list[Any]]:
    """Two sources and a target, each with a worker."""
    engines: list[Any] = [MemoryEngine(clock), MemoryEngine(clock)]
    engines.append(SqliteEngine(tmp_path / "jobs.db", clock=clock))
    for engine in engines:
        await engine.fleet.join(hand("w1"))
    yield engines
    await engines[-1].close()


async def copy(source: Any, target: Any) -> StoreCopy:
    copier = StoreCopy(Store(source), Store(target))
    await copier.tell_apart()
    await copier.shut()
    await copier.pour()
    return copier


async def move(source: Any, target: Any) -> HandedOver:
    return await (await copy(source, target)).hand_over()


async def states(engine: Any) -> dict[str, State]:
    return {record.job.id: record.job.state for record in (await engine.exporter.dump(100)).records}


async def test_another_job_of_that_id_is_told_and_left_in_both(stores: list[Any]) -> None:
    source, _, target = stores
    for engine, args in ((source, b"[1]"), (target, b"[2]")):
        await engine.producer.enqueue([new(id="order-0001", args=args, task=f"t{args!r}")])
    await source.producer.enqueue([new(id="order-0002")])
    handed = await move(source, target)
    assert [(refusal.id, refusal.fault) for refusal in handed.refused] == [("order-0001", "other")]
    assert "another job has that id there" in handed.refused[0].why
    assert set(await states(source)) == {"order-0001"}
    assert [record.job.args for record in (await target.exporter.dump(9)).records] == [
        b"[2]",
        b"{}",
    ]
    assert handed.reopened == ("default",)  # the other job there is not a version of this one


async def test_what_ran_in_the_source_after_the_copy_does_not_run_again(
    stores: list[Any],
) -> None:
    source, _, target = stores
    await source.producer.enqueue([new() for _ in range(4)])
    await copy(source, target)
    await source.controller.resume("default")
    done, failed, slept, _ = await take(source, 4)
    await source.consumer.record_step(failed, "paid", b"1")
    await end(source, done, Succeeded(b"1"))
    await end(source, failed, FAILED)
    await end(source, slept, Snoozed(delay=5))
    (running,) = [key for key, state in (await states(source)).items() if state is State.RUNNING]
    await source.importer.drop(await source.inspector.get([running]))
    before = (await source.exporter.dump(9)).records
    handed = await move(source, target)
    assert handed.refused == ()
    assert await states(source) == {}
    there = {record.job.id: record for record in (await target.exporter.dump(9)).records}
    assert [there[record.job.id] for record in before] == list(before)
    assert handed.reopened == ("default",)


async def test_one_copy_is_taken_back_by_a_move_the_other_way(stores: list[Any]) -> None:
    source, _, target = stores
    await source.producer.enqueue([new(), new()])
    await copy(source, target)
    assert (await move(target, source)).reopened == ("default",)
    assert (await states(target), len(await take(source, 9))) == ({}, 2)


async def test_a_job_that_was_worked_on_in_both_is_told_and_its_queue_kept(
    stores: list[Any],
) -> None:
    source, _, target = stores
    await source.producer.enqueue([new()])
    await copy(source, target)
    for engine, outcome in ((source, Succeeded(b"1")), (target, FAILED)):
        await engine.controller.resume("default")
        await end(engine, await one(engine), outcome)
    await copy(source, target)
    await target.exporter.shut(["default"], await source.exporter.identity())
    handed = await move(source, target)
    assert [refusal.fault for refusal in handed.refused] == ["other"]
    assert "another version of it is there, scheduled" in handed.refused[0].why
    assert (handed.reopened, handed.waiting) == ((), ("default",))
    assert list((await states(source)).values()) == [State.SUCCEEDED]


async def test_a_waiting_copy_in_an_open_queue_is_not_replaced(stores: list[Any]) -> None:
    source, _, target = stores
    await source.producer.enqueue([new()])
    await copy(source, target)
    for engine in (source, target):
        await engine.controller.resume("default")
    await end(source, await one(source), Succeeded(b"1"))
    handed = await move(source, target)
    assert [refusal.fault for refusal in handed.refused] == ["other"]
    assert list((await states(target)).values()) == [State.QUEUED]


async def test_a_queue_that_two_copies_fill_opens_after_both(stores: list[Any]) -> None:
    first, second, target = stores
    for source in (first, second):
        await source.producer.enqueue([new(), new()])
        await source.schedules.put_schedule(tick("a"), replace=False)
    await copy(first, target)
    handed = await move(second, target)
    assert (handed.reopened, handed.waiting) == ((), ("default",))
    assert await take(target, 9) == ()
    handed = await move(first, target)
    assert (handed.reopened, handed.waiting) == (("default",), ())
    assert len(await take(target, 9)) == 4


async def test_a_schedule_that_is_shut_for_one_copy_is_left_by_another(stores: list[Any]) -> None:
    first, second, target = stores
    await first.schedules.put_schedule(tick("a"), replace=False)
    await second.schedules.put_schedule(tick("b"), replace=False)
    (history,) = (await first.exporter.dump_schedules(9)).histories
    await target.importer.fill_schedules([history], await first.exporter.identity())
    handed = await move(second, target)
    assert handed.schedules.moved == ("b",)
    assert [one.paused_at for one in await target.schedules.standings()] == [0, None]
    handed = await move(first, target)
    assert handed.schedules.moved == ("a",)
    assert [one.paused_at for one in await target.schedules.standings()] == [None, None]


async def test_a_move_opens_queues_of_which_no_job_is_left_in_the_source(
    stores: list[Any],
) -> None:
    source, _, target = stores
    await source.producer.enqueue([new(), new(queue="mail")])
    await copy(source, target)
    for queue in ("default", "mail"):
        await source.controller.resume(queue)
    await source.importer.drop([record.job for record in (await source.exporter.dump(9)).records])
    assert (await move(source, target)).reopened == ("default", "mail")


async def test_queues_open_whatever_becomes_of_the_schedules(
    stores: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _, target = stores
    await source.producer.enqueue([new()])
    await source.schedules.put_schedule(tick("a"), replace=False)

    async def refuse(*given: Any) -> Any:
        raise RuntimeError("no room")

    monkeypatch.setattr(target.importer, "fill_schedules", refuse)
    with pytest.raises(RuntimeError, match="no room"):
        await move(source, target)
    assert await target.exporter.shut_queues() == ()
    assert len(await take(target, 9)) == 1


async def test_jobs_of_a_queue_that_the_target_cannot_pause_stay(
    stores: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _, target = stores
    await source.producer.enqueue(
        [new(id="stays", queue="odd"), new(), new(queue="gone", id="ended")]
    )
    (claim,) = [each for each in await take(source, 9, queues=("gone",))]
    await end(source, claim, Succeeded(b"1"))
    await source.controller.pause("gone")

    async def refuse_pause(queue: str) -> None:
        raise BadPayload("no such letter")

    async def refuse(queues: Any, other: str) -> Any:
        await shut([queue for queue in queues if queue != "odd"], other)
        return [Refusal(queue, "no such letter") for queue in queues if queue == "odd"]

    shut = target.importer.shut
    monkeypatch.setattr(target.importer, "shut", refuse)
    monkeypatch.setattr(target.controller, "pause", refuse_pause)
    handed = await move(source, target)
    assert sorted(refusal.id for refusal in handed.refused) == ["ended", "stays"]
    assert {refusal.why for refusal in handed.refused} == {
        "its queue could not be paused there: no such letter"
    }
    assert set(await states(source)) == {"ended", "stays"}
    assert len(await states(target)) == 1
    assert await source.exporter.shut_queues() == ("default", "odd")


def _job(**fields: Any) -> Job:
    return replace(Job("a", "t", "default", State.QUEUED, 0, b"{}", 0, 9, 1, 1), **fields)


@pytest.mark.parametrize(
    ("now", "held", "steps", "follows_it"),
    [
        ({}, {}, {}, True),
        ({"state": State.SUCCEEDED, "fence": 7}, {}, {}, True),
        ({"state": State.SUCCEEDED}, {"fence": 7}, {}, False),
        ({"fence": 7}, {"state": State.SUCCEEDED}, {}, False),
        ({"fence": 7}, {"state": State.RUNNING}, {}, False),
        ({"fence": 7}, {"enqueued_at": 2}, {}, False),
        ({"fence": 7}, {"task": "u"}, {}, False),
        ({"fence": 7}, {"redriven_at": 5}, {}, False),
        ({"fence": 7}, {}, {"paid": b"1"}, False),
        ({"fence": 7, "redriven_at": 5}, {}, {"paid": b"1"}, True),
    ],
)
def test_which_version_follows(
    now: dict[str, Any], held: dict[str, Any], steps: dict[str, bytes], follows_it: bool
) -> None:
    assert follows(Record(_job(**now)), Record(_job(**held), steps=steps)) is follows_it
