"""What a program has taught its drivers, or set in its session, changes nothing of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

from dutiful.engines.postgres.callers.sql_text import spelled
from dutiful.engines.postgres.connections.adapters import Cursor
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.engine import address_of
from tests.engines.postgres.ways import WAYS

ROOT = Path(__file__).parents[3]
WIDE = ("é", "日本", "it's", "back\\slash", "\U0001f600", "tab\t", "$1 %s", "")

# In a process of its own: what drivers are taught holds for all of it.
TAUGHT = """
import asyncio, sys
import psycopg, psycopg2.extensions
from psycopg.adapt import Loader
from psycopg.types.json import JsonbDumper
from psycopg2.extras import Json

def shout(value, cursor=None):
    text = str(value)
    return text if " " in text else text.upper() + "!"  # SQLAlchemy reads versions and levels

class Shout(Loader):
    def load(self, data):
        return shout(bytes(data).decode(errors="replace"))

for kind in (list, bytes, bool):  # SQLAlchemy itself needs the others
    psycopg.adapters.register_dumper(kind, JsonbDumper)
    psycopg2.extensions.register_adapter(kind, Json)
for name in ("text", "int8", "int4", "int2", "bool", "bytea"):
    psycopg.adapters.register_loader(name, Shout)
oids = (16, 20, 23, 25, 1009)
psycopg2.extensions.register_type(psycopg2.extensions.new_type(oids, "SHOUT", shout))

from dutiful.core.outcome import Succeeded
from dutiful.core.unique import Unique
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import ending, hand, look, new, take
from tests.engines.postgres.ways import LEVELS, WAYS

async def codecs(way):
    driver = way.connection
    if "asyncpg" in type(way).__name__.lower() or "scoped" in type(way).__name__.lower():
        if hasattr(driver, "get_bind"):
            raw = await (await driver.connection()).get_raw_connection()
            driver = raw.driver_connection
        for name in ("text", "int8", "int4", "bool"):
            await driver.set_type_codec(
                name, schema="pg_catalog", encoder=shout, decoder=shout, format="text")

async def through(engine, url, kind):
    way = WAYS[kind](engine, url, "READ COMMITTED", read_only=False)
    await way.begin()
    await way.execute("SET array_nulls = off")
    if "asyncpg" in kind or kind in ("sqlalchemy-async-session", "sqlalchemy-async-scoped"):
        await codecs(way)
    job = new(tags=tuple(sys.argv[3:]), args=b'{"a": 1}')
    await way.enqueue(job)
    for _ in range(2):
        await way.enqueue(new(unique=Unique(key=kind)))
    await way.commit()
    await way.close()
    assert (await look(engine, job.id)).tags == job.tags, kind

async def main():
    engine = PostgresEngine(sys.argv[1])
    await engine.open()
    await engine.fleet.join(hand("w1"))
    jobs = [new(), new(delay=3600), new(tags=("a",))]
    await asyncio.to_thread(engine.sync_producer.enqueue_sync, jobs)
    await engine.producer.enqueue([new(unique=Unique(key="é")), new(unique=Unique(key="é"))])
    claim, *claims = await take(engine, 3)
    assert len(claims) == 2
    assert await engine.consumer.record_step(claim, "step", b"1")
    transaction = engine.transactional.transaction(claim)
    transaction.begin().execute("SELECT 1")
    assert transaction.commit(ending(claim, Succeeded(b"2")))
    await engine.consumer.exchange("w1", [ending(one, Succeeded(b"1")) for one in claims], None)
    assert (await look(engine, claim.job.id)).result == b"2"
    for kind in sys.argv[2].split(","):
        await through(engine, sys.argv[1], kind)
        print("done", kind, flush=True)
    await engine.close()

asyncio.run(main())
"""


def test_what_drivers_were_taught_reaches_nothing_of_ours(postgres_database: str) -> None:
    kinds = [kind for kind in WAYS if kind != "sql"]
    given = [postgres_database, ",".join(kinds), *(text for text in WIDE if text)]
    done = subprocess.run(
        [sys.executable, "-c", TAUGHT, *given], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines() == [f"done {kind}" for kind in kinds], done.stderr[-3000:]


@pytest.mark.parametrize("setting", ["standard_conforming_strings", "backslash_quote"])
def test_values_within_a_statement_come_back_as_they_were(
    postgres_database: str, setting: str
) -> None:
    """Whatever the session has set about texts."""
    text = spelled("SELECT $1::text[], $2, $3, $4, $5", (list(WIDE), -3, True, None, b"\0\xff'"))
    assert text.isascii()
    with connect(address_of(postgres_database)) as connection:
        connection.execute(f"SET {setting} = off; SET array_nulls = off".encode())
        with Cursor(connection) as cursor:
            row = cursor.execute(text.encode()).fetchone()
    assert row == (list(WIDE), -3, True, None, b"\0\xff'")
