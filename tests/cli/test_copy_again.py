"""``dutiful copy``, run again or beside another: what it says of jobs and queues that are there."""

from typing import Any

from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import end, new, one
from tests.cli.conftest import Place, Run
from tests.cli.shop import INFO, WORKER, charge
from tests.cli.test_copy import NEW, OLD, dump, on, paused, quiet, still

__all__ = ["quiet", "still"]
"""Fixtures of the other file."""


def test_who_went_back_runs_no_job_again(still: Place, run: Run) -> None:
    said = run("copy", OLD, NEW)
    assert "To go back instead, resume them in sqlite:///jobs.db" in said.out.replace("\n", " ")

    async def work(engine: Any) -> None:
        await engine.controller.resume("default")
        await engine.fleet.join(INFO)
        claim = await one(engine, worker=WORKER)
        await end(engine, claim, Succeeded(b"1"), worker=WORKER)
        await engine.fleet.leave(WORKER)

    on(OLD, work)
    (done,) = [key for key, kept in dump(OLD).items() if kept.job.result == b"1"]
    said = run("copy", OLD, NEW, "--move", "--verify")
    assert said.code == 0, said.err
    assert dump(OLD) == {}
    assert dump(NEW)[done].job.state is State.SUCCEEDED
    assert paused(NEW) == {"mail"}


def test_a_queue_that_stays_paused_is_said(still: Place, run: Run) -> None:
    on(NEW, lambda engine: engine.exporter.shut(["billing"], "another store"))
    said = run("copy", OLD, NEW, "--move")
    assert said.code == 0, said.err
    assert "Open in sqlite:///new.db: default." in said.out
    assert "Still paused in sqlite:///new.db: billing." in said.out
    assert "dutiful queues resume NAME" in said.out.replace("\n", " ")
    on(OLD, lambda engine: engine.producer.enqueue([charge(1)]))
    assert run("copy", OLD, NEW, "--move", "--json").json["moved"]["waiting"] == ["billing"]


def test_advice_is_given_for_each_kind_of_refusal(still: Place, run: Run) -> None:
    from dutiful.core.unique import unique

    on(NEW, lambda engine: engine.producer.enqueue([charge(52, unique=unique("order:52"))]))
    said = run("copy", OLD, NEW)
    assert "one unique key, end or cancel one" in said.err
    assert "show ID" not in said.err
    taken = new(id=still.ids["scheduled"], task="other")
    on("sqlite:///third.db", lambda engine: engine.producer.enqueue([taken]))
    said = run("copy", OLD, "sqlite:///third.db")
    assert "another job has that id there" in said.err
    assert "jobs show ID" in said.err
    assert "unique key" not in said.err
