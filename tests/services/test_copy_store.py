"""Copies between engines: any set of jobs survives, also a copier that is killed half way."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import Record
from dutiful.core.job import AttemptError, Job
from dutiful.core.outcome import Succeeded
from dutiful.core.state import LIVE, State, mask
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services.copy_store import StoreCopy, survey
from dutiful.services.verify_copy import lines, missing, read_back
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import end, hand, new, one

INSTANT = st.integers(0, 2**52)
MAYBE = st.none() | INSTANT
NAME = st.text("abcxyz_.-", min_size=1, max_size=8)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
ERROR_TEXT = WORDS | st.just("nul \x00 and half \udcff")


@st.composite
def records(draw: st.DrawFn, number: int) -> Record:
    job_id = f"{number:032x}"
    errors = draw(
        st.lists(
            st.builds(
                AttemptError,
                job_id=st.just(job_id),
                attempt=st.integers(0, 20),
                at=INSTANT,
                worker=NAME,
                type=ERROR_TEXT,
                message=ERROR_TEXT,
                traceback=ERROR_TEXT,
            ),
            max_size=4,
        )
    )
    steps = draw(st.dictionaries(WORDS, st.binary(max_size=9), max_size=3))
    job = Job(
        id=job_id,
        task=draw(NAME),
        queue=draw(st.sampled_from(["a", "b"])),
        state=draw(st.sampled_from([state for state in State if state is not State.RUNNING])),
        priority=draw(st.integers(-100, 100)),
        args=draw(st.binary(max_size=30)),
        attempt=draw(st.integers(0, 20)),
        max_attempts=draw(st.integers(1, 2**31 - 1)),
        enqueued_at=draw(INSTANT),
        run_at=draw(INSTANT),
        started_at=draw(MAYBE),
        finished_at=draw(MAYBE),
        expires_at=draw(MAYBE),
        crashes=draw(st.integers(0, 3)),
        fence=draw(st.integers(0, 2**31 - 1)),
        worker=draw(st.none() | NAME),
        reason=draw(st.none() | WORDS),
        parked_at=draw(MAYBE),
        cancel_requested=draw(st.booleans()),
        unique_key=draw(st.sampled_from([None, f"own {number}"])),
        unique_states=draw(st.sampled_from([0, mask(LIVE), mask((*LIVE, State.SUCCEEDED))])),
        tags=tuple(draw(st.lists(WORDS, max_size=3))),
        meta=draw(st.dictionaries(WORDS, WORDS, max_size=3)),
        result=draw(st.none() | st.binary(max_size=30)),
        steps=len(steps),
        redriven_at=draw(MAYBE),
    )
    return Record(job, tuple(errors), steps)


@st.composite
def stores(draw: st.DrawFn) -> list[Record]:
    return [draw(records(number)) for number in range(draw(st.integers(0, 12)))]


async def copy(source: Any, target: Any) -> StoreCopy:
    """Copy, look at the counts and read everything back."""
    copier = StoreCopy(Store(source), Store(target))
    await copier.tell_apart()
    await copier.shut()
    poured = await copier.pour()
    assert poured.refused == ()
    found = lines(poured, await survey(copier.stores[0]), await survey(copier.stores[1]))
    assert all(line.source == line.met == line.there <= line.target for line in found)
    assert missing(found, 0) == 0
    reading = await read_back(copier, frozenset())
    assert (reading.jobs, reading.differing) == (poured.counts.total(), ())
    return copier


async def everything(engine: Any) -> tuple[Record, ...]:
    found: tuple[Record, ...] = ()
    cursor = None
    while True:
        page = await engine.exporter.dump(5, cursor)
        found += page.records
        if (cursor := page.cursor) is None:
            return found


def opened(folder: Path, name: str, clock: FakeClock) -> SqliteEngine:
    return SqliteEngine(folder / f"{name}.db", clock=clock)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(held=stores())
def test_any_jobs_survive_memory_to_sqlite_to_sqlite_and_back(held: list[Record]) -> None:
    clock = FakeClock()

    async def journey(folder: Path) -> None:
        first, last = MemoryEngine(clock), MemoryEngine(clock)
        files = [opened(folder, name, clock) for name in "ab"]
        try:
            assert (await first.importer.fill(held)).refused == ()
            chain = [first, *files, last]
            for source, target in pairwise(chain):
                copier = await copy(source, target)
                handed = await copier.hand_over()
                assert (handed.dropped, handed.changed) == (len(held), ())
                assert await everything(source) == ()
            plain = await everything(files[1]) or await everything(last)
            assert [record.job for record in plain] == [record.job for record in held]
            assert [record.steps for record in plain] == [record.steps for record in held]
            assert [len(record.errors) for record in plain] == [len(r.errors) for r in held]
        finally:
            for engine in files:
                await engine.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(journey(Path(name)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(held=stores())
def test_any_jobs_survive_sqlite_to_postgresql_and_back(held: list[Record], postgres: Any) -> None:
    from uuid import uuid4

    from dutiful.engines.postgres import PostgresEngine

    clock = FakeClock()
    url = postgres.url(schema=f"jobs_{uuid4().hex[:12]}")

    async def journey(folder: Path) -> None:
        files = [opened(folder, name, clock) for name in "ab"]
        server = PostgresEngine(url, clock=clock)
        try:
            await files[0].importer.fill(held)
            await copy(files[0], server)
            await (await copy(files[0], server)).hand_over()
            await (await copy(server, files[1])).hand_over()
            assert await everything(server) == ()
            assert [record.job for record in await everything(files[1])] == [r.job for r in held]
        finally:
            for engine in (*files, server):
                await engine.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(journey(Path(name)))


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from dutiful.contract.facade import Store
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services import copy_store as room

room.PAGE_MAX = room._PAGE_FIRST = 50
engines = [SqliteEngine(Path(name)) for name in sys.argv[1:3]]
point, calls = sys.argv[3], int(sys.argv[4])


def dying(role, name):
    real = getattr(role, name)
    left = [calls]

    async def call(*given):
        left[0] -= 1
        if left[0] == 0:
            writing = asyncio.ensure_future(real(*given))
            await asyncio.sleep(0.001)  # somewhere in the write, or just behind it
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(*given)

    setattr(role, name, call)


async def main():
    source, target = engines
    dying(target.importer if point == "fill" else source.exporter, point)
    one = room.StoreCopy(Store(source), Store(target))
    await one.shut()
    await one.pour()
    await one.hand_over()


asyncio.run(main())
"""


@pytest.mark.parametrize(("point", "calls"), [("fill", 3), ("fill", 7), ("drop", 1), ("drop", 3)])
async def test_a_copier_killed_half_way_is_run_again(
    tmp_path: Path, point: str, calls: int
) -> None:
    source, target = SqliteEngine(tmp_path / "a.db"), SqliteEngine(tmp_path / "b.db")
    await source.producer.enqueue([new() for _ in range(230)])
    before = await everything(source)
    await source.close()
    names = [str(tmp_path / "a.db"), str(tmp_path / "b.db")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, *names, point, str(calls)
    )
    assert await asyncio.wait_for(process.wait(), 30) == -9
    ids = [record.job.id for record in [*await everything(source), *await everything(target)]]
    assert set(ids) == {record.job.id for record in before}
    # Whatever is in both may run in neither.
    for engine in (source, target):
        assert await engine.exporter.shut_queues() == ("default",)
    handed = await (await copy(source, target)).hand_over()
    assert handed.changed == ()
    assert handed.reopened == ("default",)
    assert await everything(source) == ()
    assert sorted(await everything(target), key=_id) == sorted(before, key=_id)
    for engine in (source, target):
        present = len(await everything(engine))
        tally = await engine.inspector.tally()
        assert tally["enqueued"] == present + tally["purged"]
        await engine.close()


async def test_the_other_store_gives_out_no_fence_again() -> None:
    clock = FakeClock()
    source, target = Store(MemoryEngine(clock)), Store(MemoryEngine(clock))
    job, fences = new(), list[int]()
    for store in (source, target):
        await store.fleet.join(hand("w1"))
    for _ in range(3):
        await source.enqueue([job])
        claim = await one(source.engine)
        fences.append(claim.job.fence)
        await end(source.engine, claim, Succeeded())
        await source.controller(Capability.PURGE).purge([job.id])
    copier = StoreCopy(source, target)
    await copier.shut()
    await copier.pour()
    await copier.hand_over()
    await target.enqueue([job])
    assert (await one(target.engine)).job.fence > max(fences)


async def test_a_queue_that_appears_while_jobs_are_read_is_shut_first() -> None:
    source, target = MemoryEngine(), MemoryEngine()
    copier = StoreCopy(Store(source), Store(target))
    await source.producer.enqueue([new()])
    await copier.shut()
    await source.producer.enqueue([new(queue="late")])
    seen: list[Sequence[Record]] = []
    async for page in copier.pages():
        assert await source.exporter.shut_queues() == ("default", "late")
        seen.append(page)
    assert [len(page) for page in seen] == [2]


async def test_what_a_person_has_paused_is_paused_in_the_target_and_stays_so() -> None:
    source, target = Store(MemoryEngine()), Store(MemoryEngine())
    await source.enqueue([new()])
    await source.controller(Capability.PAUSE).pause("idle")
    copier = StoreCopy(source, target)
    await copier.shut()
    await copier.pour()
    await copier.hand_over()
    paused = [row.queue for row in await target.inspector.queues() if row.paused_at is not None]
    assert paused == ["idle"]
    assert await target.importer.shut_queues() == ()


async def test_large_arguments_make_small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    source = MemoryEngine()
    await source.producer.enqueue([new(args=b"x" * 100_000) for _ in range(300)])
    copier = StoreCopy(Store(source), Store(MemoryEngine()))
    sizes = [len(page) async for page in copier.pages()]
    assert sizes[0] == 100
    assert max(sizes[1:]) <= 41


def _id(record: Record) -> str:
    return record.job.id
