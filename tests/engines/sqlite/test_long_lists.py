"""Filters by many names, of which one statement could not take each as a parameter."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dutiful.contract.page import Filter
from dutiful.core.state import State
from dutiful.engines._sql.statement import Answer, Statement
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.list_jobs import list_jobs
from tests.engines.sqlite.support import new

MANY = tuple(f"n{number}" for number in range(300_000))


@pytest.mark.parametrize("state", [None, State.QUEUED, State.DEAD])
async def test_any_number_of_names_can_be_asked_for(
    engine: SqliteEngine, state: State | None
) -> None:
    await engine.producer.enqueue([new(queue="n7", task="n8"), new(queue="n9"), new(task="n9")])
    states = () if state is None else (state,)
    found = await engine.inspector.find(Filter(queues=MANY, tasks=MANY, states=states), 10)
    assert [job.queue for job in found.jobs] == ([] if state is State.DEAD else ["n7"])


@pytest.mark.parametrize("queues", [("a",), ("a", "b", "c")])
@pytest.mark.parametrize(
    ("state", "index"),
    [
        (State.SCHEDULED, "dutiful_job_due (queue=?)"),
        (State.QUEUED, "dutiful_job_ready (queue=?)"),
        (State.WAITING, "dutiful_job_due (queue=?)"),
        (State.DEAD, "dutiful_job_dead (state=? AND seq<?)"),
    ],
)
async def test_a_few_names_lead_along_the_index(
    engine: SqliteEngine, path: Path, state: State, index: str, queues: tuple[str, ...]
) -> None:
    connection = sqlite3.connect(path)
    asked = list[str]()
    plan = list_jobs(Filter(queues=queues, states=(state,)), 10, None)
    try:
        statement: Statement = next(plan)
        while True:
            rows: list[Any] = connection.execute(statement.text, statement.params).fetchall()
            explained = connection.execute(
                f"EXPLAIN QUERY PLAN {statement.text}", statement.params
            ).fetchall()
            asked.append(" ".join(row[3] for row in explained))
            statement = plan.send(Answer(rows, 0))
    except StopIteration:
        pass
    finally:
        connection.close()
    assert asked
    assert all(index in one for one in asked)
