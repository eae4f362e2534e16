"""A row that cannot be moved costs itself alone: no index holds it, or another has its key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.contract.capability import Capability
from dutiful.contract.page import Filter
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.event import ServiceFailed
from dutiful.core.state import State
from tests.fuzz.store_tables import PostgresTables, SqliteTables, Tables
from tests.worker.support import Events, ended, serving

LEAST = -(2**15)
FAR = 2**62


def make(url: str) -> App:
    app = App(url)

    @app.task
    async def good(number: int) -> int:
        return number

    return app


class Place:
    """A store, and its rows as another program writes them."""

    def __init__(self, app: App, tables: Tables, postgres: bool) -> None:
        self.app, self.tables, self.postgres = app, tables, postgres

    async def row(self, **columns: Any) -> str:
        """Store a job and write some of its columns."""
        job_id = (await self.app.tasks["good"].using(delay="1h").aenqueue(1)).id
        values = {"state": 1, "run_at": 1, **columns}
        what = ", ".join(f"{name} = {self.tables.holder(0)[0]}" for name in values)
        table = self.tables.name("job")
        self.tables.change(table, what, f"id = '{job_id}'", *values.values())
        return job_id

    async def dies(self, *ids: str) -> None:
        """See these die, every other job succeed, and the worker live."""
        events = Events(self.app)
        good = [(await self.app.tasks["good"].aenqueue(number)).id for number in range(3)]
        async with serving(self.app):
            for job_id in ids:
                job = await ended(self.app, job_id)
                assert (job.state, job.reason) == (State.DEAD, "bad-payload")
                assert (await self.app.store.inspector.errors(job_id))[-1].type == "BadPayload"
            for job_id in good:
                assert (await ended(self.app, job_id)).state is State.SUCCEEDED
            later = (await self.app.tasks["good"].aenqueue(9)).id
            assert (await ended(self.app, later)).state is State.SUCCEEDED
        assert not events.of(ServiceFailed)

    async def found(self) -> list[str]:
        """Name what a person finds, who looks for what cannot be read."""
        finding = {one.name: one for one in await self.app.store.engine.check()}["readable"]
        page = await self.app.store.inspector.find(Filter(unreadable=True), 10)
        assert finding.ok == (not page.jobs)
        return sorted(job.id for job in page.jobs)


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    postgres = request.param == "postgres"
    url = f"sqlite:///{tmp_path}/jobs.db"
    if postgres:
        url = request.getfixturevalue("postgres_url")
    app = make(url)
    await app.open()
    tables: Tables = PostgresTables(url) if postgres else SqliteTables(url[10:])
    yield Place(app, tables, postgres)
    tables.close()
    await app.close()


@pytest.mark.parametrize("state", [0, 3])
@pytest.mark.parametrize("queue", ["default", "other"])
async def test_a_priority_that_cannot_be_turned(place: Place, queue: str, state: int) -> None:
    if not place.postgres and queue == "other":
        queue = "default"  # there, the row waits until it is served
    job_id = await place.row(priority=LEAST, queue=queue, state=state)
    assert await place.found() == [job_id]
    await place.dies(job_id)
    assert await place.found() == [job_id]
    assert await place.app.store.controller(Capability.PURGE).purge([job_id]) == (job_id,)


async def test_a_claim_meets_another_of_its_key(place: Place) -> None:
    row = {"unique_key": "k", "unique_states": 4}
    ids = [await place.row(**row), await place.row(**row), await place.row(**row)]
    assert await place.found() == sorted(ids)
    await place.dies(*ids)


async def test_staging_meets_another_of_its_key(place: Place) -> None:
    row = {"unique_key": "k", "unique_states": 2}
    ids = [await place.row(**row), await place.row(**row, state=0)]
    await place.dies(*ids)


async def test_staging_meets_a_sound_one(place: Place) -> None:
    sound = await place.row(unique_key="k", unique_states=15, state=0, run_at=FAR)
    ids = [await place.row(unique_key="k", unique_states=2, state=0)]
    await place.dies(*ids)
    assert (await place.app.store.inspector.get([sound]))[0].state is State.SCHEDULED


async def test_its_death_meets_another_of_its_key(place: Place) -> None:
    row = {"unique_key": "k", "unique_states": 32}
    dead = await place.row(**row, state=5, finished_at=1, reason="discarded")
    ids = [await place.row(**row), await place.row(**row, state=2, worker="gone")]
    await place.dies(*ids)
    assert (await place.app.store.inspector.get([dead]))[0].reason == "discarded"


async def test_a_cancellation_meets_another_of_its_key(place: Place) -> None:
    row = {"unique_key": "k", "unique_states": 64}
    ids = [await place.row(**row), await place.row(**row), await place.row()]
    assert set(await place.app.store.controller(Capability.CANCEL).cancel(ids)) == set(ids)


async def test_an_early_run_meets_another_of_its_key(place: Place) -> None:
    row = {"unique_key": "k", "unique_states": 2}
    odd = [await place.row(**row), await place.row(**row, state=0, run_at=FAR)]
    odd.append(await place.row(priority=LEAST, state=0, run_at=FAR))
    good = await place.row(state=0, run_at=FAR)
    assert good in await place.app.store.controller(Capability.DELAY).run_now([*odd, good])
    async with serving(place.app):
        assert (await ended(place.app, good)).state is State.SUCCEEDED


async def test_a_redrive_meets_another_of_its_key(place: Place) -> None:
    dead = {"state": 5, "finished_at": 1}
    key = {"unique_key": "k", "unique_states": 2}
    odd = [await place.row(**key), await place.row(**key, **dead)]
    odd.append(await place.row(priority=LEAST, **dead))
    good = await place.row(**dead)
    assert good in await place.app.store.controller(Capability.REDRIVE).redrive(
        [Redrive(one) for one in [*odd, good]]
    )
    async with serving(place.app):
        assert (await ended(place.app, good)).state is State.SUCCEEDED


async def test_a_copy_leaves_it(place: Place, tmp_path: Path) -> None:
    from dutiful.services.copy_store import StoreCopy

    far = await place.row(priority=LEAST, state=0)
    key = await place.row(unique_key="k", unique_states=4)
    good = await place.row()
    async with make(f"sqlite:///{tmp_path}/copy.db") as target:
        poured = await StoreCopy(place.app.store, target.store).pour()
        assert {refusal.id for refusal in poured.refused} == {far, key}
        assert [job.id for job in await target.store.inspector.get([good])] == [good]


async def test_a_queue_that_only_one_index_can_hold(postgres_url: str) -> None:
    import secrets

    app = make(postgres_url)
    async with app:
        tables = PostgresTables(postgres_url)
        place = Place(app, tables, True)
        job_id = await place.row(state=0, queue=secrets.token_hex(2000)[:2680])
        events = Events(app)
        good = await place.row()
        async with serving(app):
            assert (await ended(app, job_id)).reason == "bad-payload"
            assert (await ended(app, good)).state is State.SUCCEEDED
        assert not events.of(ServiceFailed)
        tables.close()


async def test_what_was_claimed_before_it_is_not_lost(place: Place) -> None:
    odd = {"unique_key": "k", "unique_states": 4, "queue": "second"}
    ids = [await place.row(**odd), await place.row(**odd)]
    good = await place.row()
    info = WorkerInfo(id="w", queues=("default", "second"), concurrency=1, lease=10**9)
    await place.app.store.fleet.join(info)
    answer = await place.app.store.exchange("w", [], Wanted(("default", "second"), 9))
    assert [claim.job.id for claim in answer.claims if claim.job.unreadable is None] == [good]
    assert not {claim.job.id for claim in answer.claims} - {good, *ids}
