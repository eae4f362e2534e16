"""Commands on an engine that can do little: each says what cannot be done, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dutiful.cli.failure import Code
from tests.cli.conftest import Run

MODULE = """
from dutiful import App
from dutiful.testing.broker import PoorBroker

app = App(engine=PoorBroker())


@app.task(queue="billing")
def charge(order_id: int) -> None: ...
"""

LIST = "list and look up jobs; look with its own tools, or let tasks record what you need to see"
SCHEDULES = "keep schedules; use another engine, or enqueue from outside"
PAUSE = "pause queues; stop the workers that serve the queue"


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broker_shop.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUTIFUL_APP", "broker_shop:app")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("jobs list", LIST),
        ("jobs show 0123456789", LIST),
        ("jobs retry 0123456789", LIST),
        (
            "jobs cancel 0123456789",
            "cancel jobs; let it run, and let the task check whether it is still wanted",
        ),
        ("dead list", LIST),
        (
            "dead redrive 0123456789",
            "redrive dead letters; enqueue the job again with its arguments",
        ),
        ("dead purge 0123456789", "purge jobs; delete them with its own tools"),
        ("queues list", LIST),
        ("queues pause billing", PAUSE),
        ("queues resume billing", PAUSE),
        (
            "workers list",
            "know its workers; look at the processes of the workers and at their logs",
        ),
        ("schedules list", SCHEDULES),
        ("schedules pause nightly", SCHEDULES),
        ("schedules declare", SCHEDULES),
        ("migrate", "migrate a schema; it has no schema"),
    ],
)
def test_a_command_says_what_cannot_be_done(words: str, text: str, run: Run) -> None:
    said = run(*words.split())
    assert (said.code, said.out) == (Code.USAGE, "")
    assert said.err.splitlines() == [f"error: the broker engine cannot {text}"]
    as_json = run(*words.split(), "--json")
    assert as_json.code == Code.USAGE
    assert as_json.error == {
        "type": "Unsupported",
        "message": f"the broker engine cannot {text}",
    }


def test_check_reports_what_it_can(run: Run) -> None:
    said = run("check", "--json")
    assert said.code == 0
    assert said.json == [
        {"name": "broker", "ok": True, "text": "0 messages"},
        {
            "name": "workers",
            "ok": True,
            "text": "not checked, since the broker engine cannot know its workers; look at the "
            "processes of the workers and at their logs",
        },
    ]
    assert "not checked" in run("check").out
