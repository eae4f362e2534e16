"""What `dutiful migrate --sql` prints runs in psql, in order."""

import subprocess
from pathlib import Path

import pytest

from dutiful.engines.postgres.schema.migration import migrate, prepare, script
from dutiful.engines.postgres.statements import Texts
from dutiful.servers.postgres import binaries
from tests.engines.postgres.planted import INDEX, SLIM, WIDER, Planted


@pytest.fixture
def planted(postgres_url: str, tmp_path: Path) -> Planted:
    planted = Planted(postgres_url, tmp_path / "migrations")
    planted.plant("wider", WIDER)
    planted.plant("index.concurrently", INDEX)
    planted.plant("slim.contract", SLIM)
    return planted


def psql(planted: Planted, text: str) -> subprocess.CompletedProcess[str]:
    command = [binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-"]
    return subprocess.run(
        [*command, planted.address.conninfo], input=text, capture_output=True, text=True
    )


def test_it_brings_a_store_up_to_date(planted: Planted) -> None:
    text = script(planted.address, planted.texts())
    assert text.index("ADD COLUMN extra") < text.index("CONCURRENTLY") < text.index("DROP COLUMN")
    done = psql(planted, text)
    assert done.returncode == 0, done.stderr
    assert planted.index() == [True]
    assert planted.migrate() == ()
    assert script(planted.address, planted.texts()) == ""


def test_it_makes_a_new_store(planted: Planted) -> None:
    texts = Texts('Somebody\'s "own"', planted.migrations)
    text = script(planted.address, texts)
    assert "CONCURRENTLY" not in text
    done = psql(planted, text)
    assert done.returncode == 0, done.stderr
    prepare(planted.address, texts)
    assert migrate(planted.address, texts) == ()


def test_it_may_be_run_again_after_a_failure_in_the_middle(planted: Planted) -> None:
    text = script(planted.address, planted.texts())
    broken = text.replace("CREATE INDEX CONCURRENTLY", "CREATE INDEX CONCURRENTLY oh no")
    assert psql(planted, broken).returncode != 0
    done = psql(planted, script(planted.address, planted.texts()))
    assert done.returncode == 0, done.stderr
    assert planted.migrate() == ()


def test_it_builds_anew_what_an_interrupted_run_left(planted: Planted) -> None:
    with planted.connect() as connection:
        planted.insert(connection)
        planted.insert(connection)
        with pytest.raises(Exception, match="could not create unique index"):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY job_extra ON job (task)")
    assert planted.index() == [False]
    done = psql(planted, script(planted.address, planted.texts()))
    assert done.returncode == 0, done.stderr
    assert planted.index() == [True]


def test_it_stops_while_another_session_migrates(planted: Planted) -> None:
    with planted.connect() as other:
        other.execute(planted.texts()("migration_script_lock").encode())
        done = psql(planted, script(planted.address, planted.texts()))
    assert done.returncode != 0
    assert "another session migrates this schema" in done.stderr
    assert len(planted.migrate()) == 3
