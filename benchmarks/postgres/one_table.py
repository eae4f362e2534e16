"""Design A: the engine's own table and statements, and variants of them."""

from __future__ import annotations

from typing import Any

from testbed import ARGS, NOW, QUEUE, WORKER, Batch, Link, Row, TextArray, Uuids, guards

from dutiful.engines.postgres.claim_cursor import ClaimCursors
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.schema.migration import migrate
from dutiful.engines.postgres.statements import Texts

FILL = """
INSERT INTO dutiful.job (id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at)
SELECT uuidv7(), 'shop.charge', 'default', 1, 0, $2, 20, {now}, {now} FROM generate_series(1, $1)
"""


class OneTable:
    """One table, an index for each state; claims start where `claim_cursor.py` says."""

    name = "A one table"
    alter = ""
    """What makes a variant of the migrated schema."""

    def __init__(self, url: str, ticks: Any) -> None:
        self.url, self.ticks = url, ticks
        self.sql = Texts("dutiful")
        self.claim_cursors = ClaimCursors(ticks)
        self.since: int | None = None
        self.texts()

    def texts(self) -> None:
        """Take the engine's own statements."""
        self.store, self.succeed = self.sql("store"), self.sql("succeed")

    def create(self, link: Link) -> None:
        migrate(address_of(self.url), self.sql)
        link.run(self.sql("join"), (WORKER, "*", 1, 30_000_000, "bench", 1, 0, "0", None))
        if self.alter:
            link.script(self.alter)

    def maintain(self, link: Link) -> None:
        """Nothing has to be there ahead of the jobs."""

    def insert(self, link: Link, batch: Batch) -> None:
        link.run(self.store, (*batch.columns(), None, False, [QUEUE], batch.count))

    def fill(self, link: Link, count: int) -> None:
        link.run(FILL.replace("{now}", NOW), (count, b'{"order_id":42}'))

    def claim(self, link: Link, limit: int) -> list[Row]:
        line, began = self.claim_cursors.line(QUEUE), self.ticks()
        start = line.start(began)
        params = (WORKER, QUEUE, limit, None)
        if start is None:
            rows = link.run(self.sql("claim"), params)
        else:
            rows = link.run(self.sql("claim_behind"), (*params, *start))
        rows.sort(key=_turn)
        ended = self.ticks()
        line.learn(start, ended - began, len(rows), _turn(rows[-1]) if rows else None, ended)
        return rows

    def settle(self, link: Link, jobs: list[Row]) -> int:
        _, fences, results = guards(jobs)
        link.run(self.succeed, (TextArray([job[1] for job in jobs]), fences, results, None))
        return link.cursor.rowcount

    def prune(self, link: Link, older: int, limit: int) -> int:
        count, last = link.run(self.sql("prune"), (4, older, limit, None, self.since))[0]
        self.since = last if count == limit else None
        return count

    def found(self, link: Link, id: str) -> Row:
        """A job by its id: id, state, result."""
        return link.run("SELECT id, state, result FROM dutiful.job WHERE id = $1", (id,))[0]

    def newest(self, link: Link, limit: int) -> list[Row]:
        """Newest first, with their states."""
        return link.run("SELECT id, state FROM dutiful.job ORDER BY id DESC LIMIT $1", (limit,))


class WithPlaceKey(OneTable):
    """A unique index of the place, and settled by it: what the engine had before."""

    name = "A, a key on the place"
    alter = "CREATE UNIQUE INDEX job_place ON dutiful.job (seq)"

    def texts(self) -> None:
        super().texts()
        self.succeed = keyed(self.succeed, "seq", "bigint")

    def settle(self, link: Link, jobs: list[Row]) -> int:
        link.run(self.succeed, (*guards(jobs), None))
        return link.cursor.rowcount


AS_UUID = """
DROP VIEW dutiful.jobs;
ALTER TABLE dutiful.job ALTER id TYPE uuid USING id::uuid;
"""


class UuidId(OneTable):
    """The id is a uuid of 16 bytes, not a text of 37."""

    name = "A, id as uuid"
    alter = AS_UUID

    def texts(self) -> None:
        super().texts()
        self.store = self.store.replace("$1::text[]", "$1::uuid[]")
        self.succeed = keyed(self.succeed, "id", "uuid")

    def insert(self, link: Link, batch: Batch) -> None:
        columns = (Uuids(batch.raw), *batch.columns()[1:])
        link.run(self.store, (*columns, None, False, [QUEUE], batch.count))

    def settle(self, link: Link, jobs: list[Row]) -> int:
        _, fences, results = guards(jobs)
        link.run(self.succeed, (Uuids([job[1].bytes for job in jobs]), fences, results, None))
        return link.cursor.rowcount


class Roomy(OneTable):
    """Half of each page is left for later versions of its rows."""

    name = "A, fillfactor 50"
    alter = "ALTER TABLE dutiful.job SET (fillfactor = 50)"


class WithoutTally(OneTable):
    """No row for the count of enqueued jobs, no look for listeners, no trigger."""

    name = "A, no tally, no wake"

    def texts(self) -> None:
        super().texts()
        head = self.store.partition("), tallied AS (")[0]
        self.store = head.replace("WITH stored AS (", "")
        # The parameters stay as they are, so those that are not used any more are named once.
        self.store += (
            " WHERE $13::boolean IS NOT NULL AND $14::text[] IS NOT NULL AND $15::bigint > 0"
        )


COPY = """
COPY dutiful.job (id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at)
FROM STDIN (FORMAT binary)
"""


class Copied(OneTable):
    """COPY, with the client's clock for the store's; no delay, no expiry."""

    name = "A, inserted by COPY"

    def insert(self, link: Link, batch: Batch) -> None:
        now = self.ticks()
        what = _field(b"shop.charge") + _field(QUEUE.encode()) + _number(1, 2)
        tail = _field(ARGS) + _number(20, 4) + _number(now, 8) + _number(now, 8)
        ranked = {each: what + _number(each, 2) + tail for each in set(batch.priorities)}
        rows = [
            b"\0\x09\0\0\0\x24" + id.encode() + ranked[priority]
            for id, priority in zip(batch.ids, batch.priorities, strict=True)
        ]
        with link.cursor.copy(COPY) as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0" + b"".join(rows) + b"\xff\xff")


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _number(value: int, size: int) -> bytes:
    return size.to_bytes(4, "big") + value.to_bytes(size, "big")


def keyed(succeed: str, column: str, kind: str) -> str:
    """Let a settlement find its jobs by another column, or by another type."""
    text = succeed.replace("$1::text[]", f"$1::{kind}[]").replace("(id, fence", f"({column}, fence")
    return text.replace("job.id = ended.id", f"job.{column} = ended.{column}")


def _turn(row: Row) -> tuple[int, int, int]:
    return (-row[5], row[10], row[0])
