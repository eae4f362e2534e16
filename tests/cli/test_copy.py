"""``dutiful copy``: moving every job between stores, safely run again at any point."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.contract.page import Filter
from dutiful.contract.roles.transfer import Record
from dutiful.core.state import State
from dutiful.testing.conformance.schedule_moves import tick
from tests.cli.conftest import Place, Run
from tests.cli.shop import INFO, WORKER, charge

OLD, NEW = "sqlite:///jobs.db", "sqlite:///new.db"
Act = Callable[[Any], Any]


def on(url: str, act: Act) -> Any:
    """Do something with an open engine."""

    async def session() -> Any:
        async with App(url) as app:
            return await act(app.store.engine)

    return asyncio.run(session())


def dump(url: str) -> dict[str, Record]:
    page = on(url, lambda engine: engine.exporter.dump(1000))
    assert page.cursor is None
    return {record.job.id: record for record in page.records}


def paused(url: str) -> set[str]:
    rows = on(url, lambda engine: engine.inspector.queues())
    return {row.queue for row in rows if row.paused_at is not None}


def counted(url: str) -> None:
    """Demand that the store's account is even."""
    present = sum(
        sum(row.counts.values()) for row in on(url, lambda engine: engine.inspector.queues())
    )
    tally = on(url, lambda engine: engine.inspector.tally())
    assert tally["enqueued"] == present + tally["pruned"] + tally["purged"]


@pytest.fixture
def quiet(place: Place) -> Place:
    """A store with a job in every state but running, and no workers."""

    async def calm(engine: Any) -> None:
        await engine.fleet.leave(WORKER)

    on(OLD, calm)
    return place


@pytest.fixture
def still(quiet: Place, run: Run) -> Place:
    """The same without the job that ran."""

    async def drop(engine: Any) -> None:
        await engine.importer.drop(await engine.inspector.get([quiet.ids["running"]]))

    on(OLD, drop)
    return quiet


def test_a_copy_holds_everything(still: Place, run: Run) -> None:
    before = dump(OLD)
    said = run("copy", OLD, NEW)
    assert said.code == 0, said.err
    assert dump(NEW) == before
    assert dump(OLD) == before
    assert "10 jobs in sqlite:///jobs.db; 10 copied now, 0 there already." in said.out
    assert "Paused in both stores, so that no job runs twice: billing, default." in said.out
    assert "--move" in said.out
    # The queue `mail` was paused by hand.
    assert paused(OLD) == paused(NEW) == {"billing", "default", "mail"}
    assert on(NEW, lambda engine: engine.exporter.shut_queues()) == ("billing", "default")
    counted(NEW)


def test_the_screen_lays_the_counts_side_by_side(still: Place, run: Run) -> None:
    lines = [line.split() for line in run("copy", OLD, NEW).out.splitlines()]
    assert lines[0] == ["queue", "state", "from", "to"]
    assert ["billing", "dead", "3", "3"] in lines
    assert ["default", "queued", "1", "1"] in lines


def test_run_again_it_changes_nothing(still: Place, run: Run) -> None:
    run("copy", OLD, NEW)
    before = dump(NEW)
    said = run("copy", OLD, NEW, "--json").json
    assert (said["jobs"], said["stored"], said["known"]) == (10, 0, 10)
    assert dump(NEW) == before
    counted(NEW)


def test_json(still: Place, run: Run) -> None:
    said = run("copy", OLD, NEW, "--json", "--verify").json
    assert said["from"] == OLD
    assert said["paused"] == ["billing", "default"]
    assert said["moved"] is None
    assert {"queue": "billing", "state": "dead", "from": 3, "to": 3} in said["counts"]
    assert (said["verified"]["jobs"], said["verified"]["differing"]) == (10, [])
    assert len(said["verified"]["sha256"]) == 64
    assert (said["missing"], said["changed"], said["refused"]) == (0, 0, [])


def test_a_move_empties_the_source_and_opens_the_target(still: Place, run: Run) -> None:
    before = dump(OLD)
    said = run("copy", OLD, NEW, "--move")
    assert said.code == 0, said.err
    assert dump(OLD) == {}
    assert dump(NEW) == before
    assert paused(OLD) == {"billing", "default", "mail"}
    assert paused(NEW) == {"mail"}
    assert "10 jobs deleted from sqlite:///jobs.db." in said.out
    assert "Open in sqlite:///new.db: billing, default." in said.out
    for url in (OLD, NEW):
        counted(url)


def test_a_copy_is_handed_over_later(still: Place, run: Run) -> None:
    run("copy", OLD, NEW)
    said = run("copy", OLD, NEW, "--move", "--json").json
    assert (said["stored"], said["known"], said["moved"]["deleted"]) == (0, 10, 10)
    assert said["moved"]["reopened"] == ["billing", "default"]
    assert paused(NEW) == {"mail"}


def test_late_comers_follow_by_another_move(still: Place, run: Run) -> None:
    run("copy", OLD, NEW, "--move")
    late = charge(90)
    on(OLD, lambda engine: engine.producer.enqueue([late]))
    said = run("copy", OLD, NEW, "--move", "--json").json
    assert (said["jobs"], said["moved"]["deleted"]) == (1, 1)
    assert late.id in dump(NEW)
    assert paused(NEW) == {"mail"}


def test_a_worker_that_lives_stops_the_copy(place: Place, run: Run) -> None:
    said = run("copy", OLD, NEW)
    assert said.code == 1
    assert WORKER in said.err
    assert "stop them first" in said.err
    assert paused(OLD) == {"mail"}


def test_running_jobs_stop_the_copy_until_they_are_rescued(quiet: Place, run: Run) -> None:
    said = run("copy", OLD, NEW)
    assert said.code == 1
    assert "1 job of sqlite:///jobs.db still running" in said.err
    assert "--rescue" in said.err
    assert run("copy", OLD, NEW, "--rescue", "--verify").code == 0
    record = dump(NEW)[quiet.ids["running"]]
    assert record.job.state is not State.RUNNING
    assert record.job.crashes == 1
    assert [error.type for error in record.errors] == ["WorkerLost"]


def test_dry_run_changes_nothing(still: Place, run: Run) -> None:
    said = run("copy", OLD, NEW, "--dry-run")
    assert said.code == 0, said.err
    assert "10 jobs would be copied to sqlite:///new.db; nothing was changed." in said.out
    assert not (still.folder / "new.db").exists()
    assert paused(OLD) == {"mail"}
    assert run("copy", OLD, NEW).code == 0
    counts = run("copy", OLD, NEW, "--dry-run", "--json").json["counts"]
    assert all(line["from"] == line["to"] for line in counts)


@pytest.mark.parametrize("old", ["source", "target"])
def test_dry_run_leaves_a_store_of_an_older_release_as_it_is(
    still: Place, run: Run, old: str
) -> None:
    lacks = asyncio.run(outdated("sqlite:///old.db"))
    urls = ("sqlite:///old.db", OLD) if old == "source" else (OLD, "sqlite:///old.db")
    said = run("copy", *urls, "--dry-run")
    assert said.code == 1
    assert "sqlite:///old.db is of an older release and lacks 0003_schedules" in said.err
    assert "dutiful migrate" in said.err
    assert said.out == ""
    assert asyncio.run(outdated("sqlite:///old.db")) == lacks


async def outdated(url: str) -> tuple[str, ...]:
    """Open a store as the release before would, and return what it lacks."""
    app = App(url)
    engine: Any = app.store.engine
    known = engine.session.migrations
    engine.session.migrations = known[:2]
    await engine.open()
    engine.session.migrations = known
    lacks: tuple[str, ...] = await engine.schema.migrate(dry_run=True)
    await app.close()
    return lacks


def test_dry_run_tells_what_stands_in_the_way(place: Place, run: Run) -> None:
    said = run("copy", OLD, NEW, "--dry-run")
    assert said.code == 1
    assert "11 jobs would be copied" in said.out
    assert WORKER in said.err


def test_one_store_under_two_names_is_refused(still: Place, run: Run) -> None:
    before = dump(OLD)
    (still.folder / "link.db").symlink_to("jobs.db")
    others = [f"sqlite:///{still.folder}/jobs.db", "sqlite:///./jobs.db", "sqlite:///link.db"]
    for other in [OLD, *others]:
        said = run("copy", OLD, other, "--move")
        assert said.code == 2, other
        assert "the same store" in said.err
    assert dump(OLD) == before
    assert paused(OLD) == {"mail"}


@pytest.mark.parametrize(
    ("source", "target", "code", "text"),
    [
        ("sqlite:///typo.db", NEW, 3, "there is no file"),
        (OLD, "sqlite:///no/such/folder/x.db", 3, "does not exist"),
        (OLD, "mysql://x/y", 2, "no engine for mysql://"),
        ("memory://", NEW, 2, "is lost when its process ends"),
        (OLD, "memory://", 2, "is lost when its process ends"),
        (OLD, "MEMORY:", 2, "is lost when its process ends"),
        (OLD, " memory:", 2, "is lost when its process ends"),
        ("Memory://x", NEW, 2, "is lost when its process ends"),
        ("jobs.db", NEW, 2, "names no engine"),
    ],
)
def test_bad_urls(still: Place, run: Run, source: str, target: str, code: int, text: str) -> None:
    said = run("copy", source, target)
    assert (said.code, text in said.err) == (code, True), said.err
    assert not (still.folder / "typo.db").exists()
    assert not (still.folder / "new.db").exists()
    assert paused(OLD) == {"mail"}


def test_a_key_that_is_held_in_the_target_is_told_and_left(still: Place, run: Run) -> None:
    from dutiful.core.unique import unique

    holder = charge(52, unique=unique("order:52"))
    on(NEW, lambda engine: engine.producer.enqueue([holder]))
    said = run("copy", OLD, NEW, "--move")
    assert said.code == 1
    assert "1 job not copied" in said.err
    assert holder.id in said.err
    assert set(dump(OLD)) == {still.ids["queued"]}
    on(NEW, lambda engine: engine.controller.cancel([holder.id]))
    assert run("copy", OLD, NEW, "--move").code == 0
    assert dump(OLD) == {}


def test_what_the_target_holds_otherwise_is_found(
    still: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dutiful.services.copy_store import StoreCopy

    pour = StoreCopy.pour

    async def disturbed(self: StoreCopy) -> Any:
        poured = await pour(self)
        engine: Any = self.stores[1].engine
        await engine.controller.cancel([still.ids["queued"]])
        monkeypatch.setattr(StoreCopy, "pour", pour)
        return poured

    monkeypatch.setattr(StoreCopy, "pour", disturbed)
    said = run("copy", OLD, NEW, "--move")
    assert said.code == 1
    assert "lacks 1 job" in said.err
    assert len(dump(OLD)) == 10
    said = run("copy", OLD, NEW, "--move", "--verify", "--json")
    (refused,) = said.json["refused"]
    assert refused["id"] == still.ids["queued"]
    assert refused["why"].endswith("is there, cancelled; this one is queued")
    assert said.json["verified"]["differing"] == []
    assert set(dump(OLD)) == {still.ids["queued"]}


def test_a_store_that_is_worked_on_meanwhile_is_noticed(
    still: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dutiful.services.copy_store import StoreCopy

    pour = StoreCopy.pour

    async def disturbed(self: StoreCopy) -> Any:
        poured = await pour(self)
        engine: Any = self.stores[0].engine
        await engine.producer.enqueue([charge(91)])
        return poured

    monkeypatch.setattr(StoreCopy, "pour", disturbed)
    said = run("copy", OLD, NEW)
    assert said.code == 1
    assert "sqlite:///jobs.db changed meanwhile, by 1 job" in said.err
    assert run("copy", OLD, NEW, "--move").code == 0
    assert dump(OLD) == {}
    assert len(dump(NEW)) == 12


def test_a_job_that_changes_after_it_was_copied_opens_nothing(
    still: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dutiful.services.copy_store import StoreCopy

    hand_over = StoreCopy.hand_over

    async def disturbed(self: StoreCopy) -> Any:
        engine: Any = self.stores[0].engine
        drop = engine.exporter.drop

        async def late(jobs: Any) -> Any:
            await engine.controller.run_now([still.ids["scheduled"]])
            return await drop(jobs)

        monkeypatch.setattr(engine.exporter, "drop", late)
        return await hand_over(self)

    monkeypatch.setattr(StoreCopy, "hand_over", disturbed)
    said = run("copy", OLD, NEW, "--move")
    assert said.code == 1
    assert "1 job changed in sqlite:///jobs.db and left in both" in said.err
    assert set(dump(OLD)) == {still.ids["scheduled"]}
    assert paused(NEW) == {"billing", "mail"}


def test_workers_of_the_target_go_on_meanwhile(still: Place, run: Run) -> None:
    async def join(engine: Any) -> None:
        await engine.fleet.join(INFO)

    on(NEW, join)
    assert run("copy", OLD, NEW, "--move").code == 0


def test_a_password_is_not_shown(still: Place, run: Run) -> None:
    said = run("copy", OLD, "postgresql://me:secret@127.0.0.1:1/x")
    assert said.code == 3
    assert "secret" not in said.out + said.err


def test_jobs_without_number(crowd: Path, run: Run) -> None:
    said = run("copy", OLD, NEW, "--move", "--json")
    assert said.code == 1  # the worker lives
    on(OLD, lambda engine: engine.fleet.leave(WORKER))
    said = run("copy", OLD, NEW, "--move", "--verify", "--json")
    assert (said.code, said.json["moved"]["deleted"]) == (0, 250)
    page = on(NEW, lambda engine: engine.inspector.find(Filter(states=(State.DEAD,)), 300))
    assert len(page.jobs) == 250


def test_schedules_go_along_with_a_move_and_stay_without(still: Place, run: Run) -> None:
    async def put(engine: Any) -> None:
        for name in ("hourly", "nightly"):
            await engine.schedules.put_schedule(tick(name), replace=False)

    def kept(url: str) -> list[str]:
        return [one.name for one in on(url, lambda engine: engine.schedules.standings())]

    on(OLD, put)
    said = run("copy", OLD, NEW, "--dry-run")
    assert "2 schedules, which would be moved with --move" in said.err + said.out
    said = run("copy", OLD, NEW)
    assert "keeps 2 schedules" in said.err + said.out
    assert (said.code, kept(OLD), kept(NEW)) == (0, ["hourly", "nightly"], [])
    said = run("copy", OLD, NEW, "--move", "--json")
    assert (said.json["schedules"], said.json["moved"]["schedules"]) == (2, ["hourly", "nightly"])
    assert (said.code, kept(OLD), kept(NEW)) == (0, [], ["hourly", "nightly"])
    batch = on(NEW, lambda engine: engine.schedules.due(10))
    assert batch.due or batch.next_in is not None  # a full minute may just have begun


def test_a_schedule_whose_name_is_taken_stays(still: Place, run: Run) -> None:
    for url, priority in ((OLD, 0), (NEW, 5)):
        on(
            url,
            lambda engine, to=priority: engine.schedules.put_schedule(
                tick(priority=to), replace=False
            ),
        )
    said = run("copy", OLD, NEW, "--move")
    assert said.code != 0
    assert "1 schedule left in sqlite:///jobs.db: tick" in said.err
    assert [one.name for one in on(OLD, lambda engine: engine.schedules.standings())] == ["tick"]
