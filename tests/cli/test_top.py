"""``dutiful top --once`` and ``--json``, and where no live view is possible."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import sys
from pathlib import Path

import pytest

from dutiful.cli import top
from tests.cli.conftest import Place, Run
from tests.cli.shop import WORKER


def change(text: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        connection.execute(text, values)


def test_one_frame_is_printed_where_stdout_is_no_terminal(place: Place, run: Run) -> None:
    for words in (["top"], ["top", "--once"]):
        said = run(*words)
        assert said.code == 0, said
        assert said.err == ""
        assert "Dutiful  sqlite:///jobs.db" in said.out
        assert f"Worker {WORKER} does not answer" in said.out or WORKER in said.out
        for text in ("QUEUES", "billing", "mail", "paused", "WORKERS", "FAILURES", "SCHEDULES"):
            assert text in said.out
        assert "CardDeclined: insufficient funds" in said.out
        assert "second line" not in said.out
        assert max(map(len, said.out.splitlines())) <= 100
        assert "\x1b" not in said.out


def test_the_width_is_that_of_columns(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, run("top", "--once").out.splitlines())) <= 60


def test_a_frame_as_json(place: Place, run: Run) -> None:
    found = run("top", "--json").json
    assert set(found) == {
        *("at", "counted_at", "level", "sentence", "queues", "workers", "failures"),
        *("schedules", "alerts", "missing"),
    }
    mail = next(one for one in found["queues"] if one["queue"] == "mail")
    assert (mail["paused"], mail["trend"]) == (True, "paused")
    assert {one["id"] for one in found["failures"]} >= {place.ids["dead"], place.ids["retried"]}
    assert found["workers"][0]["id"] == WORKER
    assert [one["id"] for one in found["workers"][0]["jobs"]] == [place.ids["running"]]
    assert found["missing"] == []


def test_stored_texts_do_not_steer_the_terminal(place: Place, run: Run) -> None:
    change("UPDATE dutiful_job SET queue = ?, task = ?", "\x1b[2Jq", "\x9b31mt\u202e")
    change("UPDATE dutiful_worker SET id = ?, report = ?", "\x07w", b"\xff")
    change("UPDATE dutiful_failure SET message = ?, type = ?", "\x1b]0;title\x07", b"\xff\xfe")
    said = run("top", "--once")
    assert said.code == 0, said
    assert r"\x1b[2Jq" in said.out
    assert not set(said.out) & set("\x1b\x07\x9b\u202e")
    assert run("top", "--json").code == 0


def test_a_sensitive_value_is_not_shown(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret_shop.py").write_text(SECRETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    module = importlib.import_module("secret_shop")
    module.charge.enqueue("card-4711-secret")
    module.run()
    said = run("top", "--once", "--app", "secret_shop:app")
    assert "charge" in said.out
    assert "4711" not in said.out
    assert "4711" not in run("top", "--json", "--app", "secret_shop:app").out


SECRETS = """
import asyncio
from typing import Annotated

from dutiful import App, Retry, Sensitive

app = App("sqlite:///jobs.db")


@app.task(retry=Retry(max_attempts=1))
async def charge(card: Annotated[str, Sensitive]) -> None:
    raise ValueError(f"no funds on {card}")


def run():
    from tests.worker.support import burst

    asyncio.run(_run(burst))


async def _run(burst):
    await burst(app)
    await app.close()
"""


@pytest.mark.parametrize("every", ["0s", "100ms", "2h", "soon"])
def test_how_often_has_bounds(place: Place, run: Run, every: str) -> None:
    assert run("top", "--every", every).code == 2


def test_a_store_that_is_not_there(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("top", "--once", "--url", "sqlite:///nowhere.db")
    assert said.code == 3
    assert "there is no file" in said.err


@pytest.mark.parametrize(
    ("what", "why"),
    [("windows", "no terminal modes"), ("stdin", "stdin is not a terminal"), ("dumb", "TERM=dumb")],
)
def test_where_no_screen_can_be_shown_once_is_advised(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, what: str, why: str
) -> None:
    find = importlib.util.find_spec
    if what == "windows":
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name == "termios" else find(name)
        )
    if what == "dumb":
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(top, "_keys_can_come", lambda: True)
    monkeypatch.setattr(top, "_on_a_screen", lambda: True)
    said = run("top")
    assert said.code == 2
    assert why in said.err
    assert "add --once" in said.err
    assert run("top", "--once").code == 0
