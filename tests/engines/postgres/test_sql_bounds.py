"""The SQL function takes what Python takes, and refuses the rest before anything is stored."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dutiful import App
from dutiful.core.admission import META_BYTES_MAX, NAME_MAX, TAGS_MAX, admitted
from dutiful.core.unique import KEY_BYTES_MAX

BIG = 256 * 1024
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"meta": Jsonb({"order": 42})}, "meta must be an object of strings"),
    ({"meta": Jsonb([1])}, "meta must be an object of strings"),
    ({"meta": Jsonb(None)}, "meta must be an object of strings"),
    ({"meta": Jsonb({"a": {"b": "c"}})}, "meta must be an object of strings"),
    ({"meta": Jsonb({"a": "b" * META_BYTES_MAX})}, "65536 bytes"),
    ({"tags": [None, "a"]}, "each tag"),
    ({"tags": [""]}, "each tag"),
    ({"tags": ["a" * (NAME_MAX + 1)]}, "each tag"),
    ({"tags": ["a\x1bb"]}, "each tag"),
    ({"tags": ["a"] * (TAGS_MAX + 1)}, "at most 100"),
    ({"tags": [["a"], ["b"]]}, "at most 100"),
    ({"args": Jsonb([1])}, "args must be an object"),
    ({"args": Jsonb(None)}, "args must be an object"),
    ({"args": Jsonb({"a": "b" * BIG})}, "over the limit of 262144"),
    ({"args": Jsonb({"a": 2**64})}, "64 bits"),
    ({"args": Jsonb({"a": [-(2**63) - 1]})}, "64 bits"),
    ({"args": Jsonb({"a": 10**400})}, "64 bits"),
    ({"id": ""}, "id must be"),
    ({"id": "a" * (NAME_MAX + 1)}, "id must be"),
    ({"id": "a\nb"}, "id must be"),
    ({"id": "a\u2028b"}, "id must be"),
    ({"id": "a\x85b"}, "id must be"),
    ({"task": ""}, "task is empty"),
    ({"task": "a\x1b[2Jb"}, "task must be"),
    ({"task": "a" * (NAME_MAX + 1)}, "task must be"),
    ({"queue": "a b"}, "queue a b"),
    ({"queue": "a\n"}, "queue"),
    ({"queue": ""}, "queue"),
    ({"queue": "q" * 101}, "queue"),
    ({"queue": None}, "queue"),
    ({"priority": 101}, "priority 101"),
    ({"priority": None}, "priority"),
    ({"max_attempts": 0}, "max_attempts 0"),
    ({"max_attempts": None}, "max_attempts"),
    ({"unique_key": ""}, "unique_key must"),
    ({"unique_key": "é" * (KEY_BYTES_MAX // 2 + 1)}, "unique_key must"),
    ({"unique_key": "order:42\x1f7"}, "unique_key holds"),
    ({"delay": "-1 second"}, "negative"),
    ({"delay": "101 years"}, "century"),
    ({"delay": "1000000 years"}, "century"),
    ({"expires_in": "170000000 years"}, "century"),
    ({"run_at": "20000-01-01"}, "years 1000 to 8999"),
    ({"run_at": "infinity"}, "years 1000 to 8999"),
    ({"run_at": "-infinity"}, "years 1000 to 8999"),
    ({"run_at": "0044-03-15 BC"}, "years 1000 to 8999"),
    ({"run_at": "2030-01-01", "delay": "1 hour"}, "not both"),
]
TAKEN: list[dict[str, Any]] = [
    {"meta": Jsonb({"by": "Grüße 🎉"}), "tags": ["ä b", "c"], "id": "x" * NAME_MAX},
    {"meta": Jsonb({}), "tags": [], "unique_key": "k" * KEY_BYTES_MAX},
    {"args": Jsonb({"a": [2**64 - 1, -(2**63), 0.5, None, {"b": []}]}), "priority": -100},
    {"delay": "99 years", "expires_in": "99 years", "max_attempts": 2**31 - 1},
    {"run_at": "8999-12-31 00:00:00+00", "expires_in": "1 second"},
    {"run_at": "1000-01-01 00:00:00+00", "queue": "a_B-9."},
    {"task": "päckchen.senden 1", "meta": None, "tags": None},
]


@pytest.fixture
def server(postgres_url: str, app: App) -> Iterator[psycopg.Connection]:
    plain, _, schema = postgres_url.partition("?schema=")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}".encode())
        yield connection


def enqueue(server: psycopg.Connection, **given: Any) -> str:
    given = {"task": "charge", **given}
    places = ", ".join(f"{name} => %({name})s" for name in given)
    (row,) = server.execute(f"SELECT enqueue({places})".encode(), given).fetchall()
    return str(row[0])


async def test_what_python_refuses_is_refused(server: psycopg.Connection) -> None:
    for given, said in REFUSED:
        try:
            enqueue(server, **given)
        except psycopg.errors.InvalidParameterValue as error:
            assert said in str(error), given  # noqa: PT017 - each is told apart by what was given
        else:
            raise AssertionError(f"taken: {str(given)[:100]}")
    deep: list[Any] = []
    for _ in range(64):
        deep = [deep]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="deeper than 64"):
        enqueue(server, args=Jsonb({"a": deep}))
    assert enqueue(server, args=Jsonb({"a": deep[0][0]}))
    assert server.execute("SELECT count(*) FROM job").fetchall() == [(1,)]


async def test_what_is_taken_can_be_read_and_is_admitted(
    app: App, server: psycopg.Connection
) -> None:
    ids = [enqueue(server, **given) for given in TAKEN]
    jobs = await app.store.inspector.get(ids)
    assert len(jobs) == len(TAKEN)
    for job in jobs:
        new = app.tasks["charge"].job(1)
        taken = {name: getattr(job, name) for name in ("id", "task", "queue", "tags", "meta")}
        admitted(type(new)(**taken, args=job.args, max_attempts=job.max_attempts))
    assert [job.meta for job in jobs][:2] == [{"by": "Grüße 🎉"}, {}]
    assert server.execute("SELECT count(*) FROM job WHERE meta = '{}'").fetchall() == [(0,)]
