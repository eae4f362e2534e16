"""Every statement is good SQL for the real schema, and stays on its index."""

import re
import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.statements import sql, statements

NAMES = sorted(statements())
FILLED = {"{index}": "INDEXED BY dutiful_job_ready", "{conditions}": "AND state = 1"}

# The tables and indexes that a hot statement may touch, in any order; "*" marks a whole scan.
BY_SEQ = {"job by seq"}
BY_ID = {"job by job_id"}
HOT = {
    "enqueue": set[str](),
    "known": BY_ID,
    "holder": {"job by job_unique"},
    "replace": BY_SEQ,
    "succeed": BY_SEQ,
    "settle_end": BY_SEQ,
    "settle_back": BY_SEQ,
    "fail": BY_SEQ,
    "held": BY_SEQ,
    "same_fence": BY_SEQ,
    "ready": {"job by job_ready"},
    "claim": {"fence", "job by seq", "job by job_ready"},
    "stage": {"job by seq", "job by job_due"},
    # The one scan is of the index in its own order and ends at its first entry.
    "due": {"job by job_due", "*job by job_due"},
    "steps_of": {"step by autoindex"},
    "step_count": {"job by seq", "step by autoindex"},
    "renew": {"worker by autoindex"},
    "is_registered": {"worker by autoindex"},
    "cancel_requests": {"job by job_running"},
    "cancel": BY_ID,
    "cancel_running": BY_ID,
    "run_now": BY_ID,
    "ended": BY_ID,
    "redrive": BY_SEQ,
    "get": BY_ID,
    "get_prefix": BY_ID,
    "prunable": {"job by job_final"},
    "delete": BY_SEQ,
    "delete_failures": {"failure by autoindex"},
    "delete_steps": {"step by autoindex"},
    "abandoned": {"*job by job_running", "worker by autoindex"},
    "schedules_due": {"schedule by schedule_due"},
    "schedules_held": {"schedule by schedule_held"},
    "schedule_next": {"schedule by schedule_due"},
    "schedules_named": {"schedule by key"},
    "schedules_advance": {"schedule by key"},
    "live": {"occurrence by occurrence_open", "job by job_id"},
    "occurrences_open": {"occurrence by occurrence_open", "job by job_id"},
    "occurrences_upto": {"occurrence by occurrence_open"},
    "occurrences_known": {"occurrence by key"},
    "occurrences_forget": {"occurrence by occurrence_closed"},
    "occurrences_add": set[str](),
    "occurrences_amend": {"occurrence by key"},
    "occurrences_note": {"occurrence by key"},
    "occurrences": {"occurrence by key", "job by job_id"},
    "known_some": BY_ID,
    "declaration_versions": {"edition by key"},
    "declaration_versions_forget": {"edition by key"},
}
SORTED = {"steps_of", "abandoned", "schedules_named", "live", "known_some"}
"""Few rows, so that a sort costs nothing."""
COVERING = {
    "known",
    "known_some",
    "ready",
    "due",
    "prunable",
    "counts_ready",
    "counts_due",
    "counts_final",
}

TOUCH = re.compile(
    r"(SCAN|SEARCH) (?:TABLE )?dutiful_(\w+)"
    r"(?: USING (?:(?:COVERING )?INDEX (?:dutiful_|sqlite_)(autoindex|\w+)|"
    r"((?:INTEGER )?PRIMARY KEY)))?"
)


@pytest.fixture
def connection(engine: SqliteEngine, path: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def explain(connection: sqlite3.Connection, name: str) -> list[str]:
    text = sql(name)
    for mark, value in FILLED.items():
        value = value.removeprefix("AND ") if name == "probe" else value
        text = text.replace(mark, value)
    assert not re.search(r"\?\d", text), "Python 3.14 takes numbered parameters from no sequence"
    marks = [None] * text.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", marks)]


def touched(plan: list[str]) -> set[str]:
    found: set[str] = set()
    for line in plan:
        if match := TOUCH.match(line):
            verb, table, index, key = match.groups()
            way = f" by {index.split('_dutiful')[0]}" if index else ""
            if key:
                way = " by seq" if key.startswith("INTEGER") else " by key"
            found.add(f"{'*' if verb == 'SCAN' else ''}{table}{way}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_statement_is_prepared(connection: sqlite3.Connection, name: str) -> None:
    explain(connection, name)


# Whoever runs ANALYZE on an empty store must not change the plans of a full one.
@pytest.mark.parametrize("analyze", [False, True])
@pytest.mark.parametrize("name", HOT)
def test_hot_statement_stays_on_its_index(
    connection: sqlite3.Connection, name: str, analyze: bool
) -> None:
    if analyze:
        connection.execute("ANALYZE")
    plan = explain(connection, name)
    assert touched(plan) == HOT[name]
    assert name in SORTED or not any("TEMP B-TREE" in line for line in plan)


@pytest.mark.parametrize("name", sorted(COVERING))
def test_index_alone_answers(connection: sqlite3.Connection, name: str) -> None:
    lines = [line for line in explain(connection, name) if "dutiful_" in line]
    assert all("COVERING INDEX" in line for line in lines), lines
