"""Enqueueing from psql, a trigger or another language."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dutiful import App, unique
from dutiful.core.errors import EngineError


@pytest.fixture
async def app(postgres_url: str) -> AsyncIterator[App]:
    app = App(postgres_url)

    @app.task
    async def charge(order_id: int) -> int:
        return order_id

    await app.open()
    yield app
    await app.close()


@pytest.fixture
def psql(postgres_url: str, app: App) -> Any:
    plain, _, schema = postgres_url.partition("?schema=")
    with psycopg.connect(plain, autocommit=True) as connection:
        text = "set search_path to {}, public"
        connection.execute(sql.SQL(text).format(sql.Identifier(schema)))
        yield connection


async def test_the_function_enqueues_what_python_would(app: App, psql: Any) -> None:
    (job_id,) = psql.execute("""
        select enqueue('charge', '{"order_id": 42}', queue => 'billing', delay => '10 minutes',
          priority => 5, tags => array['a', 'b'], meta => '{"by": "hand"}')
    """).fetchone()
    (job,) = await app.store.inspector.get([job_id])
    other = app.tasks["charge"].job(order_id=42)
    assert (job.task, job.queue, job.priority, job.state.word) == (
        "charge",
        "billing",
        5,
        "scheduled",
    )
    assert job.run_at - job.enqueued_at == 600_000_000
    assert (job.tags, job.meta, job.max_attempts) == (("a", "b"), {"by": "hand"}, 20)
    assert len(job_id) == len(other.id)
    assert job_id[14] == "7"
    assert app.tasks["charge"].signature.decode(job.args) == ((42,), {})
    (row,) = psql.execute("select state, args->>'order_id' from jobs").fetchall()
    assert row == ("scheduled", "42")


async def test_a_unique_key_and_an_id_admit_one_job(app: App, psql: Any) -> None:
    text = "select enqueue('charge', '{\"order_id\": 1}', unique_key => 'order:1')"
    assert psql.execute(text).fetchone() == psql.execute(text).fetchone()
    handle = await app.tasks["charge"].using(unique="order:1").aenqueue(1)
    assert not handle.created
    text = "select enqueue('charge', '{\"order_id\": 1}', id => 'mine')"
    assert psql.execute(text).fetchone() == psql.execute(text).fetchone() == ("mine",)
    assert (await app.store.inspector.tally())["enqueued"] == 2


async def test_a_trigger_enqueues_with_the_row(app: App, psql: Any) -> None:
    psql.execute("""
        create temp table orders (id int);
        create function pg_temp.charge_it() returns trigger language plpgsql as $$
        begin
          perform enqueue('charge', jsonb_build_object('order_id', new.id));
          return new;
        end $$;
        create trigger charge_it after insert on orders
          for each row execute function pg_temp.charge_it();
    """)
    with psql.transaction():
        psql.execute("insert into orders values (1)")
        raise psycopg.Rollback
    psql.execute("insert into orders values (2), (3)")
    (count,) = await app.store.inspector.queues()
    assert sum(count.counts.values()) == 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("enqueue('')", "task is empty"),
        ("enqueue('charge', '[1]')", "must be an object"),
        ("enqueue('charge', queue => 'a b')", "queue a b"),
        ("enqueue('charge', priority => 101)", "-100 to 100"),
        ("enqueue('charge', max_attempts => 0)", "at least one"),
        ("enqueue('charge', delay => '1s', run_at => now())", "not both"),
        ("enqueue('charge', delay => '-1s')", "negative"),
    ],
)
async def test_bad_input_is_refused(psql: Any, call: str, said: str) -> None:
    with pytest.raises(psycopg.Error, match=said):
        psql.execute(f"select {call}")


@pytest.fixture
def passing_over(postgres_url: str, psql: Any) -> Any:
    """Plant triggers that return NULL: no row of the table is written any more."""
    schema = sql.Identifier(postgres_url.partition("?schema=")[2])
    text = """
        create function {0}.nothing() returns trigger language plpgsql
          as 'begin return null; end';
        create trigger passes_over before insert or update on {0}.job
          for each row execute function {0}.nothing();
        set statement_timeout = '20s';
    """
    psql.execute(sql.SQL(text).format(schema))
    return psql


@pytest.mark.parametrize("options", ["", ", unique_key => 'order:1'", ", id => 'mine'"])
async def test_a_row_that_a_trigger_passes_over_is_an_error(
    passing_over: Any, options: str
) -> None:
    with pytest.raises(psycopg.Error, match="not stored: a trigger refused it") as caught:
        passing_over.execute(f"select enqueue('charge'{options})")
    assert caught.value.sqlstate == "09000"


@pytest.mark.parametrize("conflict", ["existing", "raise", "replace"])
async def test_a_unique_job_that_a_trigger_passes_over_is_an_error(
    app: App, passing_over: Any, conflict: Any
) -> None:
    rule = unique("order:1", on_conflict=conflict)
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        await app.tasks["charge"].using(unique=rule).aenqueue(1)


@pytest.mark.parametrize("count", [1, 2, 600])
@pytest.mark.parametrize("options", [{}, {"delay": "1h"}, {"meta": {"a": "b"}}])
async def test_a_plain_job_that_a_trigger_passes_over_is_an_error(
    app: App, passing_over: Any, count: int, options: dict[str, Any]
) -> None:
    task = app.tasks["charge"].using(**options)
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        await app.aenqueue_many(task.job(number) for number in range(count))
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        await asyncio.to_thread(app.enqueue_many, [task.job(number) for number in range(count)])
    with pytest.raises(EngineError, match="not stored: a trigger"), passing_over.transaction():
        task.using(connection=passing_over).enqueue(1)
    assert passing_over.execute("select count(*) from job").fetchone() == (0,)
    assert passing_over.execute("select coalesce(sum(count), 0) from tally").fetchone() == (0,)


async def test_a_replacement_that_a_trigger_passes_over_is_an_error(
    app: App, passing_over: Any
) -> None:
    passing_over.execute("alter table job disable trigger passes_over")
    rule = unique("order:1", on_conflict="replace")
    await app.tasks["charge"].using(unique=rule, delay="1h").aenqueue(1)
    passing_over.execute("alter table job enable trigger passes_over")
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        await app.tasks["charge"].using(unique=rule).aenqueue(2)
