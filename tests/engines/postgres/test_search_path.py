"""Nobody who may create in a schema that a session looks into has it run code of theirs."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from dutiful.contract.page import Filter
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.connections.session_settings import begin, settings
from dutiful.engines.postgres.list_jobs import list_jobs
from dutiful.engines.postgres.statements import Texts, bare, statements

TYPES = ("text", "text[]", "bigint", "integer", "smallint", "numeric", "name", "oid", "regclass")
FOR_ONE = (*TYPES, "boolean", "bytea", "interval", "timestamptz", "jsonb", "xid", "bigint[]")
OPERATORS = ("=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "||", "&&", "&", ">>", "?", "->>")
NOT_PREPARED = ("DO", "CREATE TABLE")
EVERYTHING = Filter(
    states=(State.DEAD,), queues=("a",), tasks=("b",), tag="c", reason="d", error_type="e",
    worker="f", enqueued_after=1, enqueued_before=2,
)  # fmt: skip

TRAPS = """
DO $do$
DECLARE
  one regtype; two regtype; called text; symbol text;
  body text := 'RETURNS point LANGUAGE sql AS ''SELECT NULL::point''';
BEGIN
  FOREACH one IN ARRAY %(for_one)s::regtype[] LOOP
    FOREACH called IN ARRAY %(called)s::text[] LOOP
      EXECUTE format('CREATE FUNCTION public.%%I(%%s) %%s', called, one, body);
    END LOOP;
  END LOOP;
  FOREACH one IN ARRAY %(types)s::regtype[] LOOP
    FOREACH two IN ARRAY %(types)s::regtype[] || 'jsonb'::regtype LOOP
      FOREACH called IN ARRAY %(paired)s::text[] || 'trap'::text LOOP
        EXECUTE format('CREATE FUNCTION public.%%I(%%s, %%s) %%s', called, one, two, body);
      END LOOP;
      FOR symbol IN
        SELECT unnest(%(operators)s::text[])
        EXCEPT SELECT oprname FROM pg_operator WHERE oprleft = one AND oprright = two
      LOOP
        EXECUTE format('CREATE OPERATOR public.%%s (LEFTARG = %%s, RIGHTARG = %%s,
          FUNCTION = public.trap)', symbol, one, two);
      END LOOP;
    END LOOP;
  END LOOP;
END $do$
"""


def called() -> list[str]:
    """Name the functions that our statements call without saying whose."""
    return sorted(
        {
            name
            for text in statements().values()
            for name in re.findall(r"(?<![.\w])([a-z_0-9]+)\(", text)
        }
    )


def listing(sql: Texts) -> str:
    return next(list_jobs(sql, EVERYTHING, 1, "id")).text


@pytest.fixture
def trapped(engine: PostgresEngine, postgres_database: str) -> Iterator[psycopg.Connection]:
    """A session whose path leads into a schema full of traps, each for other arguments."""
    with psycopg.connect(postgres_database, cursor_factory=psycopg.ClientCursor) as server:
        known = "SELECT DISTINCT proname FROM pg_proc WHERE proname = ANY (%s) AND pronargs = %s"
        one, two = (
            [name for (name,) in server.execute(known, (called(), count))] for count in (1, 2)
        )
        given = {"called": one, "paired": two, "types": list(TYPES), "for_one": list(FOR_ONE)}
        server.execute("SET LOCAL search_path = pg_catalog")  # lest it falls into them itself
        server.execute(TRAPS, {**given, "operators": list(OPERATORS)})
        server.commit()
        yield server


@pytest.mark.slow
async def test_nothing_of_ours_calls_what_is_not(
    engine: PostgresEngine, trapped: psycopg.Connection
) -> None:
    sql = engine.session.sql
    caught = {}
    for name in statements():
        if bare(name).startswith(NOT_PREPARED):
            continue  # only for sessions whose path is set
        text = listing(sql) if name == "find" else sql.fill(bare(name), conditions="state = 1")
        try:
            with trapped.transaction():
                trapped.execute(f"PREPARE statement_{name} AS {text}".encode())
        except psycopg.Error as error:
            caught[name] = str(error)
    assert caught == {}
    found = trapped.execute(
        "SELECT proname, proconfig FROM pg_proc JOIN pg_language AS lang ON lang.oid = prolang "
        "WHERE pronamespace = 'dutiful'::regnamespace AND lanname <> 'sql'"
    ).fetchall()
    assert {name for name, _ in found} >= {"wake", "wake_at_commit", "enqueue"}
    assert all(settings == ["search_path=pg_catalog, pg_temp"] for _, settings in found), found
    trapped.execute("SELECT dutiful.enqueue('t', tags => '{a}', meta => '{\"a\": \"b\"}')")
    assert len(trapped.execute("SELECT * FROM dutiful.jobs").fetchall()) == 1


async def test_our_sessions_look_nowhere_else(engine: PostgresEngine) -> None:
    given = engine.session.address.conninfo + "?options=-csearch_path%3Dpublic"
    with connect(address_of(given)) as connection:
        assert connection.execute("SHOW search_path").fetchall() == [("pg_catalog, pg_temp",)]
    pooled = begin(settings(1, 1, False))
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(pooled.encode())
        assert connection.execute("SHOW search_path").fetchall() == [("pg_catalog, pg_temp",)]


async def test_a_script_looks_nowhere_else(postgres_database: str) -> None:
    script = await PostgresEngine(postgres_database).schema.script()
    assert script.index("SET search_path = pg_catalog, pg_temp;") < script.index("CREATE SCHEMA")
