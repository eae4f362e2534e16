"""The code of the release before goes on working while this release has migrated the store."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dutiful import App
from dutiful.engines.postgres.address import address_of

ROOT = Path(__file__).parents[2]
FOLDERS = [f"src/dutiful/engines/{engine}/migrations" for engine in ("postgres", "sqlite")]


def git(*arguments: str) -> bytes:
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def before() -> str:
    """Return the newest release, or the last commit without the newest migration."""
    if tag := git("describe", "--tags", "--abbrev=0", "--match", "v*").decode().strip():
        return tag
    found = git("log", "--diff-filter=A", "-1", "--format=%H", "--", *FOLDERS).decode().strip()
    return git("rev-parse", "--verify", "--quiet", f"{found}^").decode().strip() if found else ""


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the release before, in a folder of its own."""
    commit = before() if shutil.which("git") else ""
    archive = git("archive", commit, "src") if commit else b""
    if not archive:
        pytest.skip("peer: no git history here")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder / "src"


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_it_works_on_a_file(previous: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    await migrated(url)
    import sqlite3

    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        for number in unknown(previous, "sqlite"):
            connection.execute("DELETE FROM dutiful_migration WHERE number = ?", (number,))
    connection.close()
    served(previous, url)


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_it_works_on_a_server(previous: Path, postgres_url: str) -> None:
    await migrated(postgres_url)
    address = address_of(postgres_url)
    with psycopg.connect(address.conninfo) as connection:
        delete = sql.SQL("DELETE FROM {}.migration WHERE number = ANY(%s)")
        where = sql.Identifier(address.schema)
        connection.execute(delete.format(where), (unknown(previous, "postgres"),))
    served(previous, postgres_url)


async def migrated(url: str) -> None:
    app = App(url)
    await app.open()
    await app.close()


def unknown(previous: Path, engine: str) -> list[int]:
    """Return the migrations whose record to hide from code that refused every newer schema.

    It was written before `contract/schema.py`, and its statements are what is tried here.
    """
    if (previous / "dutiful" / "contract" / "schema.py").exists():
        return []
    folders = [
        source / f"dutiful/engines/{engine}/migrations" for source in (ROOT / "src", previous)
    ]
    now, then = [{file.name for file in folder.glob("*.sql")} for folder in folders]
    return sorted(int(name[:4]) for name in now - then)


def served(previous: Path, url: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(previous), "DUTIFUL_URL": url}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "previous.py")],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
