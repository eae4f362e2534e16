"""The code of the release before goes on working while this release has migrated the store."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from dutiful import App
from dutiful.engines._sql.migrations import read
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.schema.migration import migrate
from dutiful.engines.postgres.statements import Texts
from dutiful.testing.conformance.moves import hand

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
@pytest.mark.timeout(240)
async def test_it_works_on_a_file(previous: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    await migrated(url)
    served(previous, url)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_it_works_on_a_server(previous: Path, postgres_database: str) -> None:
    address = address_of(postgres_database)
    migrate(address, Texts(address.schema, read(previous / FOLDERS[0].removeprefix("src/"))))
    engine = PostgresEngine(postgres_database)
    await engine.open()
    await engine.fleet.join(hand("older"))  # so that nothing is taken away
    await engine.schema.migrate()
    await engine.fleet.leave("older")
    served(previous, postgres_database)
    await engine.schema.migrate()
    await engine.close()
    served(ROOT / "src", postgres_database)


async def migrated(url: str) -> None:
    app = App(url)
    await app.open()
    await app.close()


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
