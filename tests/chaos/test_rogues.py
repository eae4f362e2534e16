"""Tasks that exit, eat memory, fork, swallow and raise what they like; modules that are broken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dutiful import App
from tests.chaos import rogues
from tests.chaos.processes import processes
from tests.until import wait_until

ENDS = {
    "exits": ("dead", "worker-lost", "WorkerLost"),
    "eats": ("dead", "attempts-spent", "MemoryError"),
    "forks": ("succeeded", None, None),
    "swallows": ("succeeded", None, None),
    "raises": ("dead", "attempts-spent", "tests.chaos.rogues.Odd"),
    "leaves": ("dead", "attempts-spent", "SystemExit"),
    "returns": ("dead", "discarded", "BadArguments"),
}


@pytest.mark.serial
def test_rogues_hurt_nobody_but_themselves(tmp_path: Path) -> None:
    own = {"DUTIFUL_CRASHES_MAX": "3"}
    options = ("-c", "6", "-p", "2", "--grace", "2s")
    with processes(tmp_path, *options, app="tests.chaos.rogues:app", env=own) as made:
        made.start()
        # The one that takes its whole worker along comes when the others have ended.
        for names in (tuple(ENDS)[1:], ("exits",)):
            app = App(f"sqlite:///{made.store}")
            app.enqueue_many([rogues.app.tasks[name].job() for name in names])
            app.enqueue_many([rogues.good.job(number) for number in range(30)])
            asyncio.run(app.close())
            wait_until(lambda: made.left() == 0, 50, "all jobs in a final state", 0.2)
        found = {
            task: (state, reason, kind)
            for task, state, reason, kind in made.sql(
                "select task, case state when 4 then 'succeeded' else 'dead' end, reason, "
                "(select type from dutiful_failure where seq = job.seq) from dutiful_job as job"
            )
        }
        assert made.stop(made.workers[0]) == 0
        assert made.sql("select count(*) from dutiful_job where task = 'good'") == [(61,)]
    print(found)
    assert found["good"][0] == "succeeded"
    for task, (state, reason, kind) in ENDS.items():
        assert found[task][:2] == (state, reason), task
        assert kind is None or found[task][2] == kind, task


@pytest.mark.parametrize("options", [(), ("-p", "2")], ids=["alone", "supervised"])
def test_a_module_that_cannot_be_imported(tmp_path: Path, options: tuple[str, ...]) -> None:
    with processes(tmp_path, *options, app="tests.chaos.broken:app") as made:
        made.start()
        (member,) = made.workers
        assert member.process.wait(30) == 2
        assert "no_such_name" in member.output()
