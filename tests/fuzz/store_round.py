"""One round: a store with good jobs, rows that another program spoilt, a live worker, commands."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from typer.testing import CliRunner

from dutiful import App, Context, Retry
from dutiful.cli.main import app as command_line
from dutiful.contract.capability import Capability
from dutiful.contract.clock import SystemClock
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.event import Event, ServiceFailed
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.job import Job
from dutiful.core.lease import Lease
from dutiful.core.state import State
from dutiful.core.text import visible
from dutiful.core.worker_report import WorkerReport, encode_report
from dutiful.services.copy_store import StoreCopy
from dutiful.services.pruner import Pruner
from dutiful.worker.alert_services import alerter_of
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.fuzz.store_alerts import fill_activity, fill_alerts
from tests.fuzz.store_tables import PostgresTables, SqliteTables, Tables
from tests.fuzz.store_values import Plant

GOOD, VICTIMS, TIMETABLES, GHOSTS = 10, 40, 6, 6
LEASE = Lease(length=2 * SECOND, heartbeat=SECOND // 2)
ENDS_WITHIN = 30.0
"""Seconds for what should take two leases, or less, on a machine that others use too."""
_TWO_LEASES = 2 * LEASE.length / SECOND
_BUSY = 2.0
"""Seconds that a machine which others use, too, may take beyond what is promised."""
_LINES = 6
"""How many log lines one spoilt row may write in a round."""
_EXITS = (0, 1, 4)
_LOG = logging.getLogger("tests.fuzz")


def make(url: str) -> App:
    """Return an app with the tasks of this fuzz."""
    app = App(url, name="fuzz")

    @app.task
    async def good(number: int) -> int:
        return number

    @app.task(retry=Retry(max_attempts=50, delay="1h"), capture_logs=True)
    async def stepping(number: int, ctx: Context) -> int:
        _LOG.warning("attempt %d of %d", ctx.attempt, number)

        async def one() -> int:
            return number

        await ctx.step("one", one)
        if ctx.attempt == 1:
            raise ValueError("at first")
        return number

    for place in range(TIMETABLES):
        app.every("1h", name=f"hourly-{place}", args=(place,))(good)
    return app


class Round:
    """The rows of a store before and after they were spoilt."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.app = make(url)
        self.rows: dict[str, list[Any]] = {}
        self.good: list[str] = []
        self.victims: list[str] = []
        self.events: list[Event] = []
        self.app.bus.subscribe(self.events.append)
        self.tables: Tables

    async def prepare(self) -> None:
        """Fill the store with rows of every kind."""
        app = self.app
        await app.open()
        stepping = app.tasks["stepping"]
        self.victims = [(await stepping.aenqueue(number)).id for number in range(VICTIMS)]
        worker = Worker(app, WorkerOptions(burst=True, lease=LEASE))
        async with asyncio.timeout(ENDS_WITHIN):
            await worker.run()
        for place in range(TIMETABLES):
            self.victims.append((await app.schedules.arun(f"hourly-{place}")).id)
        for place in range(GHOSTS):
            ghost = f"ghost-{place}"
            info = WorkerInfo(id=ghost, queues=("other",), concurrency=1, lease=HOUR)
            await app.store.fleet.join(info)
            await app.store.leases.renew(ghost, report=encode_report(WorkerReport(state="serving")))
        await app.store.schedules.declare("another", "digest", [])
        self.good = [(await app.tasks["good"].aenqueue(number)).id for number in range(GOOD)]
        self.tables = self._tables()
        self.rows = {"job": self.victims[:VICTIMS], "occurrence": self.victims[VICTIMS:]}
        job = self.tables.name("job")
        mark, _ = self.tables.holder("")
        self.tables.change(job, "state = 1, run_at = 1", "state = 0")
        self.tables.change(self.tables.name("alert"), "at = 1", "kind = 0")  # the turn is free
        seqs = [
            self.tables.select(job, "seq", f"id = {mark}", one)[0][0] for one in self.rows["job"]
        ]
        self.rows |= {
            "failure": seqs,
            "step": seqs,
            "job_log": seqs,
            "schedule": [f"hourly-{place}" for place in range(TIMETABLES)],
            "worker": [f"ghost-{place}" for place in range(GHOSTS)],
            "edition": ["digest"],
            "alert": await fill_alerts(app.store),
            "activity": await fill_activity(app.store),
        }

    def _tables(self) -> Tables:
        if self.url.startswith("sqlite"):
            return SqliteTables(self.url.removeprefix("sqlite:///"))
        return PostgresTables(self.url)

    def spoil(self, plants: Sequence[Plant]) -> int:
        """Write what was drawn; return how much of it the database took."""
        return sum(self.tables.plant(plant, self.rows[plant.table]) for plant in plants)

    async def serve(self, spoilt: int) -> None:
        """Run a worker until all good jobs and all that can be claimed have ended."""
        lines = _Lines()
        logging.getLogger("dutiful").addHandler(lines)
        worker = Worker(self.app, WorkerOptions(lease=LEASE, grace=SECOND))
        self.events.clear()
        running = asyncio.create_task(worker.run())
        try:
            await self._settled(running)
            await self._commands()
            await self._alerts()
        finally:
            worker.stop()
            async with asyncio.timeout(ENDS_WITHIN):
                ending = await running
            logging.getLogger("dutiful").removeHandler(lines)
        assert ending == "stopped"
        failed = [event for event in self.events if isinstance(event, ServiceFailed)]
        assert not failed, failed[0]
        assert len(lines.said) <= _LINES * (spoilt + 2), lines.said
        steering = [line for line in lines.said if visible(line) != line]
        assert not steering, steering

    async def _settled(self, running: asyncio.Task[Any]) -> None:
        now = looked = time.monotonic()
        end, claimed = now + ENDS_WITHIN, Claimed()
        while left := await self._unsettled():
            now, before = time.monotonic(), now
            assert not running.done(), running
            assert now < end, left
            claimed.see(left, now, _TWO_LEASES + _BUSY + 2 * (now - before))
            await asyncio.sleep(0.05)
        assert now - looked < ENDS_WITHIN
        jobs = await self.app.store.inspector.get(self.good)
        for job in jobs:
            assert (job.state, job.attempt) == (State.SUCCEEDED, 1), job
        for job in (await self.app.store.inspector.find(self._all, 500)).jobs:
            # One that was asked to be cancelled, or looks so, is cancelled instead.
            dead = job.state in (State.DEAD, State.CANCELLED)
            ended = job.unreadable is None or job.id not in claimed.ids or dead
            assert ended, job

    async def _unsettled(self) -> list[Job]:
        """Return the jobs that still have to end, by what can be read of their rows."""
        page = await self.app.store.inspector.find(self._all, 500)
        return [job for job in page.jobs if _to_end(job)]

    @property
    def _all(self) -> Any:
        from dutiful.contract.page import Filter

        return Filter()

    async def _commands(self) -> None:
        """Look at everything with the command line; no row may end a command or steer it."""
        page = await self.app.store.inspector.find(self._all, 500)
        shown = [job.id for job in page.jobs if job.unreadable is not None][:4]
        shown += [job.id for job in page.jobs if job.task == "stepping"][:4]
        orders = [
            *(["jobs", "list", "--limit", "200"], ["jobs", "list", "--json", "--limit", "200"]),
            *(["jobs", "list", "--unreadable"], ["dead", "list"], ["dead", "list", "--each"]),
            *(["queues", "list", "--json"], ["workers", "list"], ["workers", "list", "--json"]),
            *(["schedules", "list"], ["schedules", "list", "--json"], ["schedules", "check"]),
            *(["jobs", "list", "--tag", "x"], ["check"], ["queues", "list"]),
            *(["schedules", "show", "hourly-1"], ["schedules", "next", "hourly-2"]),
            *(["alerts", "list"], ["alerts", "list", "--json"], ["alerts", "history"]),
            *(["alerts", "history", "--json"], ["alerts", "silences"]),
            *(["alerts", "silences", "--json"], ["workers", "quiet", "ghost-0"]),
            *(["jobs", "show", one] for one in shown if one and not one.startswith("-")),
        ]
        for order in orders:
            await asyncio.to_thread(self._command, order)

    async def _alerts(self) -> None:
        """Evaluate the alerts once more, where an error is not caught by the service's loop."""
        alerter = alerter_of(self.app, SystemClock(), Random(1), lambda: True)
        assert alerter is not None
        await alerter.run_once()

    def _command(self, order: list[str]) -> None:
        said = CliRunner().invoke(command_line, [*order, "--url", self.url])
        assert said.exit_code in _EXITS, (order, said.output, said.exception)
        assert "\x1b" not in said.output, order

    async def clear(self) -> None:
        """Purge what cannot be read, and prune what has ended."""
        store = self.app.store
        page = await store.inspector.find(self._all, 500)
        odd = [job for job in page.jobs if job.unreadable is not None]
        await store.controller(Capability.PURGE).purge([job.id for job in odd])
        left = await store.inspector.find(self._all, 500)
        assert not [job for job in left.jobs if job.unreadable is not None], odd
        final = (State.SUCCEEDED, State.DEAD, State.CANCELLED)
        await Pruner(store, dict.fromkeys(final, 0)).run_once()

    async def copy(self) -> None:
        """Copy what can be read to another engine and serve it there; then move the rest."""
        target = make("memory://")
        async with target:
            copier = StoreCopy(self.app.store, target.store)
            source = (await self.app.store.inspector.find(self._all, 500)).jobs
            poured = await copier.pour()
            told = {refusal.id for refusal in poured.refused}
            there = {job.id for job in await target.store.inspector.get([job.id for job in source])}
            for job in source:
                assert (job.id in there) != (job.id in told), job
                assert job.unreadable is None or job.id in told, job
            await self.clear()
            await copier.hand_over()
            failed: list[Event] = []
            target.bus.subscribe(failed.append)
            async with asyncio.timeout(ENDS_WITHIN):
                await Worker(target, WorkerOptions(burst=True, lease=LEASE)).run()
            assert not [one for one in failed if isinstance(one, ServiceFailed)], failed

    async def close(self) -> None:
        """Close the store."""
        self.tables.close()
        await self.app.close()


def _to_end(job: Job) -> bool:
    """Whether a job should end: what runs, or is due in the queue that the worker serves."""
    if job.state is State.RUNNING:
        return True
    due = job.state is State.QUEUED or (job.state.name in ("SCHEDULED", "WAITING"))
    parked = job.parked_at is not None or job.unreadable is not None
    return due and job.queue == "default" and not parked and job.run_at < time.time_ns() // 1000


class Claimed:
    """The jobs that were seen to run, and since when."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, int], float] = {}
        self.ids: set[str] = set()

    def see(self, jobs: Sequence[Job], now: float, longest: float) -> None:
        """Look at jobs once more: no attempt of these tasks, and no rescue, takes long."""
        for job in jobs:
            if job.state is State.RUNNING:
                self.ids.add(job.id)
                since = self._since.setdefault((job.id, job.fence), now)
                assert now - since <= longest, f"claimed for {now - since:.1f} s: {job}"


class _Lines(logging.Handler):
    """Keeps the log lines of warnings and worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


async def play(url: str, plants: Sequence[Plant]) -> None:
    """Play one round."""
    one = Round(url)
    await one.prepare()
    try:
        spoilt = one.spoil(plants)
        await one.serve(spoilt)
        await one.copy()
    finally:
        await one.close()
