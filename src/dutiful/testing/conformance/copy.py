"""Being read out and filled, and keeping two stores from running one job."""

from __future__ import annotations

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.transfer import Record
from dutiful.core.job import AttemptError, Job
from dutiful.core.outcome import Discarded, Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import (
    FAILED,
    add,
    end,
    everything,
    kill,
    look,
    new,
    one,
    put,
    recorded,
    records,
    rescue,
    take,
)
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


def full(**fields: object) -> Record:
    """Make up a job of another store that has a value in every field."""
    job = Job(
        id="j" * 32,
        task="charge",
        queue="billing",
        state=State.WAITING,
        priority=-7,
        args=b'{"order":1}',
        attempt=3,
        max_attempts=8,
        enqueued_at=1_000,
        run_at=5_000,
        started_at=2_000,
        finished_at=3_000,
        expires_at=9_000,
        crashes=1,
        fence=6,
        worker="w9",
        reason="unknown-task",
        parked_at=4_000,
        cancel_requested=True,
        unique_key="order:1",
        unique_states=15,
        tags=("eu", "vip"),
        meta={"by": "web"},
        result=b"[1]",
        steps=2,
        redriven_at=2_500,
    )
    job = replace(job, **fields)
    return Record(job, _errors(job.id), {"second": b"2", "first": b"1"})


def _errors(job_id: str) -> tuple[AttemptError, ...]:
    return (
        AttemptError(job_id, 1, 1_500, "w1", "ValueError", "no such order", "Traceback: ..."),
        AttemptError(job_id, 2, 1_900, "w2", "WorkerLost", "w2 died"),
    )


@requires(Capability.EXPORT, Capability.IMPORT, Capability.INSPECT)
class CopyContract(Contract):
    """Holds `Transfer`."""

    async def test_a_record_comes_back_as_it_was_filled_in(self, engine: Roles) -> None:
        record = full()
        assert (await engine.importer.fill([record])).stored == (record.job.id,)
        assert (await engine.exporter.dump(10)).records == (record,)
        assert await engine.importer.fetch([record.job.id]) == (record,)
        assert list(record.steps) == list((await engine.importer.fetch([record.job.id]))[0].steps)
        assert await look(engine, record.job.id) == record.job
        assert await engine.inspector.errors(record.job.id) == record.errors
        assert await engine.inspector.steps(record.job.id) == record.steps

    async def test_a_bare_record_comes_back_as_it_was_filled_in(self, engine: Roles) -> None:
        record = Record(Job("a" * 32, "t", "default", State.QUEUED, 0, b"{}", 0, 1, 5, 6))
        await engine.importer.fill([record])
        assert (await engine.exporter.dump(10)).records == (record,)

    async def test_every_state_can_be_filled_in(self, engine: Roles) -> None:
        records = [full(id=f"{state:032d}", state=state, unique_key=None) for state in State]
        await engine.importer.fill(records)
        assert (await engine.exporter.dump(10)).records == tuple(records)
        (row,) = await engine.inspector.queues()
        assert row.counts == dict.fromkeys(State, 1)

    async def test_all_that_happened_to_a_job_is_dumped(self, engine: Roles) -> None:
        job_id = await add(engine, max_attempts=5, tags=("eu",), meta={"by": "web"})
        claim = await one(engine)
        await engine.consumer.record_step(claim, "paid", b"1")
        await end(engine, claim, FAILED)
        ended = await kill(engine)
        records = {record.job.id: record for record in (await engine.exporter.dump(10)).records}
        assert set(records) == {job_id, ended}
        for key, record in records.items():
            assert record.job == await look(engine, key)
            assert record.errors == await engine.inspector.errors(key)
            assert record.steps == await engine.inspector.steps(key)
        assert [error.type for error in records[job_id].errors] == ["ValueError"]
        assert records[job_id].steps == {"paid": b"1"}

    async def test_running_and_waiting_jobs_are_dumped(self, engine: Roles) -> None:
        await put(engine, [new(), new()])
        first, _ = await take(engine, 2)
        await end(engine, first, Snoozed(delay=5))
        states = [record.job.state for record in (await engine.exporter.dump(10)).records]
        assert sorted(states) == [State.RUNNING, State.WAITING]

    async def test_pages_meet_every_job_once_and_in_order(self, engine: Roles) -> None:
        jobs = [new() for _ in range(7)]
        await engine.producer.enqueue(jobs)
        found, cursor = list[str](), None
        for _ in range(4):
            page = await engine.exporter.dump(2, cursor)
            found += [record.job.id for record in page.records]
            cursor = page.cursor
        assert cursor is None
        assert found == [job.id for job in jobs]

    async def test_the_last_full_page_has_no_cursor(self, engine: Roles) -> None:
        assert await engine.exporter.dump(2) == type(await engine.exporter.dump(2))(())
        await put(engine, [new(), new()])
        assert (await engine.exporter.dump(2)).cursor is None

    async def test_jobs_dropped_and_added_between_pages_hide_none(self, engine: Roles) -> None:
        jobs = [new() for _ in range(4)]
        await engine.producer.enqueue(jobs)
        page = await engine.exporter.dump(2)
        await engine.importer.drop([record.job for record in page.records])
        late = await add(engine)
        rest = await engine.exporter.dump(10, page.cursor)
        assert [record.job.id for record in rest.records] == [jobs[2].id, jobs[3].id, late]

    async def test_filling_twice_stores_once(self, engine: Roles) -> None:
        record = full()
        await engine.importer.fill([record])
        again = await engine.importer.fill([record, full(id="k" * 32, unique_key=None)])
        assert again.stored == ("k" * 32,)
        assert again.refused == ()
        assert await engine.inspector.errors(record.job.id) == record.errors
        assert (await engine.inspector.tally())["enqueued"] == 2

    async def test_a_stored_job_is_left_as_it_is_here(self, engine: Roles) -> None:
        job_id = await add(engine)
        there = Record(await look(engine, job_id))
        assert await end(engine, await one(engine), Succeeded(b"1"))
        assert (await engine.importer.fill([there])).stored == ()
        assert (await look(engine, job_id)).state is State.SUCCEEDED

    @requires(Capability.UNIQUE)
    async def test_a_key_that_is_held_here_refuses_the_job(self, engine: Roles) -> None:
        held = await add(engine, unique=unique("order:1"))
        record = full()
        filled = await engine.importer.fill([record, full(id="k" * 32, unique_key="order:2")])
        assert filled.stored == ("k" * 32,)
        (refusal,) = filled.refused
        assert refusal.id == record.job.id
        assert held in refusal.why
        assert await engine.importer.fetch([record.job.id]) == ()
        assert (await look(engine, held)).state is State.QUEUED

    @requires(Capability.UNIQUE)
    async def test_a_job_that_has_let_go_of_its_key_is_taken(self, engine: Roles) -> None:
        await add(engine, unique=unique("order:1"))
        assert (await engine.importer.fill([full(state=State.DEAD)])).refused == ()

    @requires(Capability.UNIQUE)
    async def test_a_filled_job_holds_its_key(self, engine: Roles) -> None:
        record = full()
        await engine.importer.fill([record])
        (receipt,) = await engine.producer.enqueue([new(unique=unique("order:1"))])
        assert (receipt.id, receipt.created) == (record.job.id, False)

    @requires(Capability.ORDER)
    @needs_step
    async def test_filled_jobs_run_in_their_old_order(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        now = clock.now()
        fields = {"state": State.QUEUED, "queue": "default", "unique_key": None, "worker": None}
        fields |= {"run_at": now, "cancel_requested": False}
        ids = [letter * 32 for letter in "cab"]
        await engine.importer.fill([full(id=job_id, **fields) for job_id in ids])
        claims = await take(engine, 10)
        assert [claim.job.id for claim in claims] == ids
        assert claims[0].job.fence > 6
        assert claims[0].job.attempt == 4
        assert claims[0].steps == {"first": b"1", "second": b"2"}

    async def test_later_errors_follow_those_that_came_along(self, engine: Roles) -> None:
        fields = {"state": State.QUEUED, "queue": "default", "worker": None}
        await engine.importer.fill(
            [full(cancel_requested=False, parked_at=None, fence=2, **fields)]
        )
        claim = await one(engine)
        await end(engine, claim, Discarded("no use"))
        messages = [error.message for error in await engine.inspector.errors("j" * 32)]
        assert messages == ["no such order", "w2 died", "no use"]

    @needs_step
    async def test_a_filled_scheduled_job_becomes_due(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        run_at = clock.now() + 1_000_000
        fields = {"queue": "default", "worker": None, "cancel_requested": False}
        await engine.importer.fill([full(state=State.SCHEDULED, run_at=run_at, **fields)])
        assert await take(engine) == ()
        clock.advance("2s")
        assert (await one(engine)).job.id == "j" * 32

    async def test_what_is_dropped_is_gone_and_counted(self, engine: Roles) -> None:
        record = full()
        await engine.importer.fill([record])
        await add(engine)
        assert await engine.importer.drop([record.job]) == (record.job.id,)
        assert await engine.importer.drop([record.job]) == ()
        assert len(await everything(engine)) == 1
        assert await engine.inspector.errors(record.job.id) == ()
        assert await engine.inspector.steps(record.job.id) == {}
        assert (await engine.inspector.tally())["purged"] == 1

    @requires(Capability.STEPS)
    async def test_what_is_dropped_leaves_errors_and_steps_of_others(self, engine: Roles) -> None:
        gone, left = await recorded(engine), await recorded(engine)
        assert await engine.importer.drop([await look(engine, gone)]) == (gone,)
        assert await records(engine, gone) == (0, 0)
        assert await records(engine, left) == (1, 1)

    async def test_a_job_that_changed_is_not_dropped(self, engine: Roles) -> None:
        ids = [await add(engine), await add(engine)]
        before = [await look(engine, job_id) for job_id in ids]
        await one(engine)
        assert await engine.importer.drop(before) == (ids[1],)
        assert (await look(engine, ids[0])).state is State.RUNNING

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_a_claim_on_a_dropped_job_is_refused(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        assert await engine.importer.drop([claim.job])
        assert not await rescue(engine, claim)
