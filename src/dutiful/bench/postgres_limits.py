"""What a PostgreSQL server itself can do, written straight against the driver."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from time import time_ns
from typing import Any

import psycopg

from dutiful.bench.limits import Step, rate
from dutiful.client.ids import new_id

_ARGS = b'{"number":1}'
_BATCH = 1000
_TABLE = """
DROP TABLE IF EXISTS dutiful_limits;
CREATE TABLE dutiful_limits (
  id bigserial PRIMARY KEY, args bytea, queue text, state integer, result bytea
);
CREATE INDEX ON dutiful_limits (queue, id) WHERE state = 1
"""
# As many columns and indexes as a store's own table, so that COPY can be compared with enqueueing.
_WIDE = """
DROP TABLE IF EXISTS dutiful_wide;
CREATE TABLE dutiful_wide (
  seq bigserial PRIMARY KEY, enqueued_at bigint NOT NULL, run_at bigint NOT NULL,
  fence integer NOT NULL DEFAULT 0, attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL, state smallint NOT NULL, priority smallint NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE, task text NOT NULL, queue text COLLATE "C" NOT NULL,
  args bytea NOT NULL, result bytea
);
CREATE INDEX ON dutiful_wide (queue, (-priority), run_at, seq) WHERE state = 1
"""
_INTO_WIDE = """
COPY dutiful_wide (enqueued_at, run_at, max_attempts, state, priority, id, task, queue, args)
FROM STDIN
"""
_ONE = "INSERT INTO dutiful_limits (args, queue, state) VALUES (%s, 'default', 1)"
_MANY = """
INSERT INTO dutiful_limits (args, queue, state)
SELECT args, 'default', 1 FROM unnest(%s::bytea[]) AS given (args)
"""
_CLAIM = """
UPDATE dutiful_limits SET state = 2 WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM dutiful_limits WHERE state = 1 AND queue = 'default'
  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)) RETURNING id, args
"""
_END = "UPDATE dutiful_limits SET state = 4, result = '1' WHERE id = ANY (%s)"


def postgres_limits(url: str, *, seconds: float) -> dict[str, float]:
    """Measure COPY and inserts by the thousand, and whole lifecycles.

    A lifecycle is insert, claim and completion, by the thousand, of one row in a table with a key
    and one partial index. COPY is measured into that table and into one that is made as a store's
    own, with an id that must be unique. Both are dropped afterwards.
    """
    with closing(_connect(url)) as connection:
        connection.execute(_TABLE)
        connection.execute(_WIDE)
        try:
            return {
                "limit_copy_per_s": rate(seconds, lambda: _copy(connection)),
                "limit_copy_wide_per_s": rate(seconds, lambda: _copy_wide(connection)),
                "limit_insert_per_s": rate(seconds, lambda: _many(connection)),
                "limit_lifecycle_per_s": rate(seconds, lambda: _lifecycle(connection)),
            }
        finally:
            connection.execute("DROP TABLE dutiful_limits, dutiful_wide")


@contextmanager
def postgres_commits(url: str) -> Generator[Step]:
    """Lend a step that commits one row, for the length of a ``with`` block."""
    with closing(_connect(url)) as connection:
        connection.execute(_TABLE)
        try:
            yield lambda: _one(connection)
        finally:
            connection.execute("DROP TABLE dutiful_limits")


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.partition("?")[0], autocommit=True)


def _one(connection: psycopg.Connection[Any]) -> int:
    connection.execute(_ONE, (_ARGS,))
    return 1


def _copy(connection: psycopg.Connection[Any]) -> int:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY dutiful_limits (args, queue, state) FROM STDIN") as rows,
    ):
        for _ in range(_BATCH):
            rows.write_row((_ARGS, "default", 4))
    return _BATCH


def _copy_wide(connection: psycopg.Connection[Any]) -> int:
    now = time_ns() // 1000
    with connection.cursor() as cursor, cursor.copy(_INTO_WIDE) as rows:
        for _ in range(_BATCH):
            rows.write_row((now, now, 20, 1, 0, new_id(), "bench.no_op", "default", _ARGS))
    return _BATCH


def _many(connection: psycopg.Connection[Any]) -> int:
    connection.execute(_MANY, ([_ARGS] * _BATCH,))
    return _BATCH


def _lifecycle(connection: psycopg.Connection[Any]) -> int:
    _many(connection)
    claimed = connection.execute(_CLAIM, (_BATCH,)).fetchall()
    connection.execute(_END, ([row[0] for row in claimed],))
    return _BATCH
