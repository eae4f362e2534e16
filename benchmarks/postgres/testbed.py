"""Shared by the PostgreSQL measurements: the connection under test, its batches, sizes and processor time."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.adapt import Dumper
from psycopg.pq import Format

from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.connections.arrays import (
    Array,
    Bytes,
    Integers,
    Longs,
    Shorts,
    TextArray,
    teach,
)
from dutiful.engines.postgres.connections.connection import connect
from dutiful.servers.postgres import local_server

ARGS = b'{"order_id":42,"note":"a small payload, as most are"}'
RESULT = b'{"ok":true,"charged":4200}'
QUEUE, TASK, WORKER = "default", "shop.charge", "w1"
NOW = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
BODY = """
  id {id} NOT NULL, task text NOT NULL, queue text COLLATE "C" NOT NULL,
  enqueued_at bigint NOT NULL, run_at bigint NOT NULL, expires_at bigint,
  max_attempts integer NOT NULL, priority smallint NOT NULL,
  unique_key text COLLATE "C", unique_states smallint NOT NULL DEFAULT 0,
  tags text, meta text, args bytea NOT NULL"""
GIVEN = """unnest(
    $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bytea[], $6::integer[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::text[], $11::text[]
  ) AS given (
    id, task, queue, priority, args, max_attempts, delay, run_at, expires_in, tags, meta
  )"""
TICKS = os.sysconf("SC_CLK_TCK")
Row = tuple[Any, ...]


class Uuids(Array):
    """A column of uuid."""

    __slots__ = ()
    oid, element = 2951, 2950

    def body(self) -> bytes:
        return b"".join([b"\0\0\0\x10" + item for item in self.items])


class _UuidsDumper(Dumper):
    format, oid = Format.BINARY, Uuids.oid

    def dump(self, obj: Any) -> bytes:
        return obj.binary()


class Link:
    """One connection in the engine's settings, and what it costs."""

    def __init__(self, url: str) -> None:
        self.conn = connect(address_of(url), patience=900, pinned=True)
        self.cursor = RawCursor(self.conn)
        teach(self.cursor.adapters)
        self.cursor.adapters.register_dumper(Uuids, _UuidsDumper)
        self.pid = self.conn.info.backend_pid

    def run(self, text: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement as the engine does, and return its rows."""
        self.cursor.execute(text, params, binary=True)  # type: ignore[call-overload]  # our texts
        return self.cursor.fetchall() if self.cursor.description else []

    def script(self, text: str) -> None:
        """Run several statements."""
        self.conn.execute(text, prepare=False)  # type: ignore[call-overload]  # our texts

    def one(self, text: str, params: Sequence[Any] = ()) -> Any:
        """Return a single value."""
        return self.run(text, params)[0][0]

    def cpu(self) -> float:
        """Seconds of processor time of the server's side of this connection."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """Seconds of processor time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ordered_ids(count: int) -> list[uuid.UUID]:
    """UUIDs of version 7 in order, also within a millisecond."""
    stamp, salt = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(4), "big")
    head = stamp << 80 | 7 << 76 | 2 << 62 | salt << 20
    return [uuid.UUID(int=head | at >> 12 << 64 | (at & 0xFFF) << 8) for at in range(count)]


class Batch:
    """Jobs to insert: the public ids, and the columns that are the same for every design."""

    def __init__(self, count: int, priorities: Sequence[int] = (0,)) -> None:
        made = ordered_ids(count)
        self.count = count
        self.stamp = made[0].int >> 80
        self.raw = [each.bytes for each in made]
        self.ids = [str(each) for each in made]
        self.priorities = [priorities[at % len(priorities)] for at in range(count)]

    def columns(self) -> tuple[Any, ...]:
        """Write the eleven columns as the engine does."""
        none, count = [None] * self.count, self.count
        return (
            TextArray(self.ids),
            TextArray([TASK] * count),
            TextArray([QUEUE] * count),
            Shorts(self.priorities),
            Bytes([ARGS] * count),
            Integers([20] * count),
            Longs([0] * count),
            Longs(none),
            Longs(none),
            TextArray(none),
            TextArray(none),
        )


def guards(jobs: Sequence[Row]) -> tuple[Any, ...]:
    """The place, fence and result of each claimed job."""
    return (
        Longs([job[0] for job in jobs]),
        Integers([job[15] for job in jobs]),
        Bytes([RESULT] * len(jobs)),
    )


@contextmanager
def server(url: str | None = None) -> Iterator[str]:
    """The URL of a server, without a database: a given one, or one of our own with its defaults."""
    if url:
        yield url
        return
    folder = Path(os.environ.get("BENCH_DIR", "/var/tmp"))
    with local_server(folder) as own:
        yield own.url("")


def database(url: str, name: str) -> str:
    """Make an empty database and return its URL."""
    with psycopg.connect(url + "postgres", autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]  # ours
        conn.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # ours
    return url + name


SIZES = """
SELECT c.relname, pg_table_size(c.oid)::bigint, pg_indexes_size(c.oid)::bigint,
  coalesce(s.n_dead_tup, 0), coalesce(s.autovacuum_count, 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE n.nspname = 'dutiful' AND c.relkind = 'r' ORDER BY 2 + 3 DESC
"""


def sizes(link: Link) -> dict[str, Any]:
    """Megabytes of tables and of indexes, dead rows and vacuums, in all tables of a design."""
    rows = link.run(SIZES)
    return {
        "table_mb": sum(row[1] for row in rows) / 1e6,
        "index_mb": sum(row[2] for row in rows) / 1e6,
        "dead": sum(row[3] for row in rows),
        "vacuums": sum(row[4] for row in rows),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
