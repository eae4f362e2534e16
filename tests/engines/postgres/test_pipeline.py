"""A caller's pipeline: jobs join it, and what went wrong in it before is the caller's own."""

import psycopg
import pytest

from dutiful import App, DuplicateJob, UsageError, unique
from tests.engines.postgres.test_callers import plain, states


async def test_jobs_join_a_pipeline(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    with psycopg.connect(plain(postgres_url)) as connection:
        with connection.pipeline():
            connection.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
            first = charge.using(connection=connection, unique="order:1").enqueue(1)
            connection.execute("INSERT INTO orders VALUES (1)")
            again = charge.using(connection=connection, unique="order:1").enqueue(1)
            assert (again.id, again.created) == (first.id, False)
            connection.execute("INSERT INTO orders VALUES (2)")
        assert await states(app) == {}
        connection.commit()
        assert await states(app) == {"default": 1}
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(2,)]
        connection.execute("DROP TABLE orders")


async def test_jobs_join_an_async_pipeline(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    async with await psycopg.AsyncConnection.connect(plain(postgres_url)) as connection:
        async with connection.pipeline():
            await charge.using(connection=connection).aenqueue(1)
            await connection.execute("SELECT 1")
            jobs = [charge.job(n) for n in range(3)]
            assert await app.aenqueue_many(jobs, connection=connection) == 3
        await connection.rollback()
        async with connection.pipeline(), connection.transaction():
            await charge.using(connection=connection).aenqueue(1)
    assert await states(app) == {"default": 1}


async def test_an_earlier_error_is_the_callers_own(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]

    def broken(connection: psycopg.Connection) -> None:
        with connection.pipeline():
            connection.execute("INSERT INTO nowhere VALUES (1)")
            charge.using(connection=connection).enqueue(1)

    async def abroken(connection: psycopg.AsyncConnection) -> None:
        async with connection.pipeline():
            await connection.execute("INSERT INTO nowhere VALUES (1)")
            await charge.using(connection=connection).aenqueue(1)

    with psycopg.connect(plain(postgres_url)) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere"):
            broken(connection)
        connection.rollback()
    async with await psycopg.AsyncConnection.connect(plain(postgres_url)) as other:
        with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere"):
            await abroken(other)
        await other.rollback()
    assert await states(app) == {}


async def test_our_error_undoes_itself_alone(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    key = unique("k", on_conflict="raise")
    with psycopg.connect(plain(postgres_url)) as connection:
        with connection.pipeline():
            charge.using(connection=connection, unique=key).enqueue(1)
            with pytest.raises(DuplicateJob):
                charge.using(connection=connection, unique=key).enqueue(1)
            charge.using(connection=connection, queue="after").enqueue(1)
        connection.commit()
    assert await states(app) == {"default": 1, "after": 1}


async def test_a_pipeline_that_commits_by_itself_is_refused(app: App, postgres_url: str) -> None:
    with psycopg.connect(plain(postgres_url), autocommit=True) as connection, connection.pipeline():
        with pytest.raises(UsageError, match="no transaction open"):
            app.tasks["charge"].using(connection=connection).enqueue(1)
    assert await states(app) == {}
