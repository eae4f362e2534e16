"""Random histories leave an engine and memory with the same jobs; a broken engine is found out."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from dutiful.core.job import Claim, Job
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from tests.conformance.model import EngineMachine
from tests.conformance.schedule_model import ScheduleMachine
from tests.flat import Flat

Build = Callable[[Path, FakeClock], Any]
STEPS = settings(
    stateful_step_count=40,
    # A failure is told as it was found: to make it smaller takes longer than a test may take.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def memory(request: pytest.FixtureRequest) -> Build:
    return lambda folder, clock: MemoryEngine(clock)


def sqlite(request: pytest.FixtureRequest) -> Build:
    from dutiful.engines.sqlite import SqliteEngine

    return lambda folder, clock: SqliteEngine(folder / "jobs.db", clock=clock)


def postgresql(request: pytest.FixtureRequest) -> Build:
    """Make each history's engine in a database of its own, which lives until the next is made."""
    from dutiful.engines.postgres import PostgresEngine
    from tests.servers.postgres import TEMPLATE, database

    server = request.getfixturevalue("postgres_template")
    latest = ExitStack()
    request.addfinalizer(latest.close)

    def build(folder: Path, clock: FakeClock) -> PostgresEngine:
        latest.close()
        name = latest.enter_context(database(server, TEMPLATE))
        return PostgresEngine(server.url(name, schema=TEMPLATE), clock=clock)

    return build


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "examples"), [(memory, 100), (sqlite, 120), (postgresql, 40)])
def test_an_engine_does_what_memory_does(
    request: pytest.FixtureRequest, kind: Any, examples: int
) -> None:
    machine = type("Machine", (EngineMachine,), {"build": staticmethod(kind(request))})
    run_state_machine_as_test(machine, settings=settings(STEPS, max_examples=examples))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "examples"), [(memory, 50), (sqlite, 100), (postgresql, 25)])
def test_an_engine_keeps_schedules_as_memory_does(
    request: pytest.FixtureRequest, kind: Any, examples: int
) -> None:
    machine = type("Machine", (ScheduleMachine,), {"build": staticmethod(kind(request))})
    run_state_machine_as_test(machine, settings=settings(STEPS, max_examples=examples))


class Bent(Flat):
    """Writes settlements otherwise than they were decided."""

    async def exchange(self, worker: str, settlements: Sequence[Any], wanted: Any) -> Any:
        return await super().exchange(worker, [self.bend(item) for item in settlements], wanted)

    def bend(self, item: Settlement) -> Settlement:
        return item


class FenceIgnored(Bent):
    """Takes a stale claim's word."""

    def bend(self, item: Settlement) -> Settlement:
        job = self.tables.jobs.get(item.claim.job.id)
        if job is None or job.state is not State.RUNNING:
            return item
        return replace(item, claim=replace(item.claim, job=job))


class RescueKeepsFence(Bent):
    """Rescues without raising the fence, so the dead worker's claim is valid after all."""

    def bend(self, item: Settlement) -> Settlement:
        return replace(item, rescue=False)


class ReleaseSpends(Bent):
    """Counts an attempt that a shutdown released."""

    def bend(self, item: Settlement) -> Settlement:
        spent = item.state is State.QUEUED and not item.rescue
        return replace(item, attempt=item.claim.job.attempt) if spent else item


class CancelForgotten(Bent):
    """Brings a job back although its cancellation was requested."""

    def bend(self, item: Settlement) -> Settlement:
        job = self.tables.jobs.get(item.claim.job.id)
        if job is not None and job.cancel_requested and job.fence == item.claim.job.fence:
            self.tables.change(job, cancel_requested=False)
        return item


class ErrorDroppedOnDeath(Bent):
    """Keeps no error of the attempt that killed the job."""

    def bend(self, item: Settlement) -> Settlement:
        return replace(item, error=None) if item.state is State.DEAD else item


class PriorityIgnored(Flat):
    """Hands jobs out in the order of enqueueing alone."""

    async def exchange(self, worker: str, settlements: Sequence[Any], wanted: Any) -> Any:
        jobs = self.tables.jobs
        kept = {job_id: job.priority for job_id, job in jobs.items()}
        jobs.update({job_id: replace(job, priority=0) for job_id, job in jobs.items()})
        answer = await super().exchange(worker, settlements, wanted)
        jobs.update({job_id: replace(job, priority=kept[job_id]) for job_id, job in jobs.items()})
        claims = [replace(claim, job=jobs[claim.job.id]) for claim in answer.claims]
        return replace(answer, claims=tuple(claims))


class PauseIgnoredOnce(Flat):
    """Serves a paused queue when another is wanted before it."""

    async def exchange(self, worker: str, settlements: Sequence[Any], wanted: Any) -> Any:
        paused, self.tables.paused = self.tables.paused, dict(self.tables.paused)
        if wanted is not None and len(wanted.queues) > 1:
            self.tables.paused.pop(wanted.queues[1], None)
        try:
            return await super().exchange(worker, settlements, wanted)
        finally:
            self.tables.paused = paused


class UniqueForgetsRunning(Flat):
    """Lets a second job in while the first runs."""

    async def enqueue(self, jobs: Sequence[Any]) -> Any:
        kept = self.tables.holder

        def holder(key: str | None) -> Job | None:
            job = kept(key)
            return None if job is not None and job.state is State.RUNNING else job

        self.tables.holder = holder
        try:
            return await super().enqueue(jobs)
        finally:
            self.tables.holder = kept


class DuplicateStoresHalf(Flat):
    """Stores the jobs before the one that raises."""

    async def enqueue(self, jobs: Sequence[Any]) -> Any:
        return tuple([(await Flat.enqueue(self, [job]))[0] for job in jobs])


class RedriveBesidesHolder(Flat):
    """Sends a dead letter back although a live job holds its key."""

    async def redrive(self, jobs: Sequence[Any]) -> Any:
        kept, self.tables.holder = self.tables.holder, lambda key: None
        try:
            return await super().redrive(jobs)
        finally:
            self.tables.holder = kept


class LastStepWins(Flat):
    """Lets a second recording of a step overwrite the first."""

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        kept = await super().record_step(claim, name, result)
        if kept:
            self.tables.recorded[claim.job.id][name] = result
        return kept


class LeaseByTheWallClock(Flat):
    """Counts silence by a clock that people set."""

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        lost = set(gone)
        for member in self.tables.fleet.values():
            if self.tables.clock.now() - member.renewed_at > member.info.lease:
                lost.add(member.info.id)
        return await super().expire(tuple(lost))


class StaleMoveTaken(Flat):
    """Takes a move whatever version it was decided for."""

    async def advance(self, moves: Sequence[Any]) -> Any:
        known = self.tables.standings
        moves = [
            replace(move, version=known[move.name].version) for move in moves if move.name in known
        ]
        return await super().advance(moves)


class HeldForgotten(Flat):
    """Looks at a held schedule only when its next occurrence is due."""

    async def due(self, limit: int) -> Any:
        batch = await super().due(limit)
        due = [one for one in batch.due if (one.standing.next or batch.now + 1) <= batch.now]
        return replace(batch, due=tuple(due))


class ToldAgain(Flat):
    """Tells of an overdue occurrence at every review."""

    async def review(self, limit: int) -> Any:
        for history in self.tables.histories.values():
            for entry in history.values():
                entry.recorded = replace(entry.recorded, reported=())
        return await super().review(limit)


class HistoryGoesWithTheJob(Flat):
    """Forgets an occurrence whose job is deleted."""

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        count = await super().prune(state, older_than, limit)
        for history in self.tables.histories.values():
            for planned, entry in list(history.items()):
                if entry.recorded.job_id and entry.recorded.job_id not in self.tables.jobs:
                    del history[planned]
        return count


SCHEDULE_MUTANTS = [StaleMoveTaken, HeldForgotten, ToldAgain, HistoryGoesWithTheJob]
MUTANTS = [
    FenceIgnored,
    UniqueForgetsRunning,
    RescueKeepsFence,
    PriorityIgnored,
    ReleaseSpends,
    LastStepWins,
    CancelForgotten,
    PauseIgnoredOnce,
    LeaseByTheWallClock,
    RedriveBesidesHolder,
    ErrorDroppedOnDeath,
    DuplicateStoresHalf,
]


@pytest.mark.parametrize("mutant", [*MUTANTS, *SCHEDULE_MUTANTS])
def test_a_broken_engine_breaks_what_the_engine_does(mutant: type[Flat]) -> None:
    broken = {name for name in vars(mutant) if not name.startswith("__")} - {"bend"}
    assert broken <= set(dir(Flat))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", [*MUTANTS, *SCHEDULE_MUTANTS])
def test_a_broken_engine_is_caught(mutant: type[Flat]) -> None:
    said = hunt(mutant)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hunt_can_be_repeated() -> None:
    first, second = hunt(HistoryGoesWithTheJob), hunt(HistoryGoesWithTheJob)
    assert "shows after" in first.stdout
    assert first.stdout == second.stdout


def hunt(mutant: type[Flat]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance.hunt", mutant.__name__],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        cwd=Path(__file__).parents[2],
        check=False,
    )
