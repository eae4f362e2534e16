"""Each thing that can be wrong with the place says so, in Dutiful's own errors."""

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from dutiful.core.errors import (
    BadOption,
    EngineUnavailable,
    StoreUnusable,
)
from dutiful.engines._sql.migrations import names
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.connections import database_file
from dutiful.engines.sqlite.connections.connection import connect
from dutiful.engines.sqlite.statements import shipped
from tests.engines.sqlite.support import child, ended, heard, new, rows, say

FILES = names(shipped())

OPEN = """
import asyncio, sys
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
print("here", flush=True)
sys.stdin.readline()
async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    await engine.open()
    await engine.close()
asyncio.run(main())
print("opened")
"""

AS_NOBODY = """
import asyncio, os, sys, tempfile
from pathlib import Path
from dutiful.core.errors import StoreUnusable
from dutiful.engines.sqlite import SqliteEngine
if os.geteuid() == 0:
    # All modules are loaded first: nobody may not be allowed to read them.
    with tempfile.TemporaryDirectory() as warm:
        asyncio.run(SqliteEngine(Path(warm) / "jobs.db").open())
    os.setgid(65534)
    os.setuid(65534)
for options in {}, {"create": False}:
    try:
        asyncio.run(SqliteEngine(Path(sys.argv[1])).open(**options))
    except StoreUnusable as error:
        print(error)
"""


@pytest.fixture
def history(path: Path) -> Path:
    path.write_text("Dear diary, " * 1000)
    return path


async def failure(path: Path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        await SqliteEngine(path).open()
    return str(caught.value)


async def test_missing_folder(tmp_path: Path) -> None:
    assert "create it first" in await failure(tmp_path / "no" / "jobs.db", StoreUnusable)


async def test_folder_instead_of_file(tmp_path: Path) -> None:
    assert "is a folder" in await failure(tmp_path, StoreUnusable)


async def test_pipe_instead_of_file(path: Path) -> None:
    os.mkfifo(path)
    assert "is a pipe" in await failure(path, StoreUnusable)


async def test_other_file(history: Path) -> None:
    assert "not an SQLite database" in await failure(history, StoreUnusable)


async def test_damaged_file(path: Path, engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new() for _ in range(1000)])
    await engine.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40960)
    with pytest.raises(StoreUnusable, match="damaged"):
        await engine.producer.enqueue([new() for _ in range(1000)])
    await engine.close()


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "text"),
    [(0o777, 0o444, "cannot be written"), (0o555, 0o666, "may not write to the folder")],
)
def test_no_permission(folder_mode: int, file_mode: int, text: str) -> None:
    # Not in pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        connect(path).close()
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        try:
            assert text in ended(child(AS_NOBODY, path))
        finally:
            path.parent.chmod(0o700)


@pytest.mark.parametrize("below", ["jobs.db", "shop/jobs.db"])
def test_a_folder_that_this_user_may_not_enter_is_named(below: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shut = Path(folder) / "shut"
        path = shut / below
        path.parent.mkdir(parents=True)
        connect(path).close()
        shut.chmod(0o600)
        try:
            said = ended(child(AS_NOBODY, path)).splitlines()
        finally:
            shut.chmod(0o700)
    assert len(said) == 2
    assert all(f"may not enter the folder {shut}, so" in line for line in said)


async def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert "too long" in await failure(tmp_path / ("x" * 300), StoreUnusable)
    assert "too long" in await failure(tmp_path / ("x" * 252), StoreUnusable)  # with -wal
    path = tmp_path / ("ü" * 121)
    engine = SqliteEngine(path)
    await engine.open()
    await engine.close()
    assert path.stat().st_mode & 0o077 == 0


async def test_links_in_a_circle(path: Path) -> None:
    path.symlink_to(path)  # noqa: ASYNC240 - a link on a local disk
    assert "circle" in await failure(path, StoreUnusable)


async def test_old_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert "too old" in await failure(path, StoreUnusable)


async def test_full_disk(path: Path, engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    await engine.producer.enqueue([new()])
    writer = engine.session.writer._connection  # the only one that can be made to be full
    assert writer is not None
    writer.execute("PRAGMA max_page_count = 60").fetchall()
    with pytest.raises(EngineUnavailable, match="no space left") as caught:
        await engine.producer.enqueue([new(args=b'"%s"' % (b"x" * 300_000))])
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    await engine.producer.enqueue([new()])
    assert await engine.inspector.tally() == {"enqueued": 2, "pruned": 0, "purged": 0}


def test_bad_durability(path: Path) -> None:
    with pytest.raises(BadOption):
        SqliteEngine(path, durability="quick")  # type: ignore[arg-type] - the point of the test


async def test_network_file_system_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nserver:/x {path.parent} nfs4 rw 0 0\n"
    monkeypatch.setattr(database_file, "_mounts", lambda: mounts)
    engine = SqliteEngine(path)
    (notice,) = await engine.open()
    await engine.close()
    assert "network file system (nfs4)" in notice


def test_twelve_processes_open_at_once(path: Path) -> None:
    crowd = [child(OPEN, path) for _ in range(12)]
    assert [heard(process) for process in crowd] == ["here"] * 12
    for process in crowd:
        say(process, "go")
    assert [ended(process).strip() for process in crowd] == ["opened"] * 12
    assert rows(path, "SELECT number FROM dutiful_migration") == [
        (number,) for number in range(1, len(FILES) + 1)
    ]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


async def test_migrate_dry_run(path: Path) -> None:
    engine = SqliteEngine(path)
    assert await engine.schema.migrate(dry_run=True) == FILES
    assert not path.exists()  # noqa: ASYNC240 - a look at a local file
    assert await engine.schema.migrate() == FILES
    assert await engine.schema.migrate() == ()
    await engine.close()


async def test_check(path: Path, engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new()])
    findings = {finding.name: finding for finding in await engine.check()}
    assert all(finding.ok for finding in findings.values()), findings
    assert findings["jobs"].text == "1 job"
    connection = sqlite3.connect(path)
    connection.execute("DROP INDEX dutiful_job_final")
    connection.close()
    findings = {finding.name: finding for finding in await engine.check()}
    assert not findings["indexes"].ok


def test_python_says_nothing_about_open_files(path: Path) -> None:
    script = OPEN.replace("    await engine.close()\n", "")
    process = child(script, path)
    say(process, "go")
    assert "opened" in ended(process)
    assert process.returncode == 0
