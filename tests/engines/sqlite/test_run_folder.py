"""What others put beside the database is not followed, not given away, and stops nobody."""

import asyncio
import fcntl
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dutiful.core.errors import StoreUnusable
from dutiful.engines.sqlite import SqliteEngine, notifier
from dutiful.engines.sqlite.connections.run_folder import RunFolder
from tests.engines.sqlite.neighbours import (
    GROUP,
    MEMBER,
    OWNER,
    STRANGER,
    Neighbour,
    Tell,
    made,
    needs_root,
    square,
)
from tests.engines.sqlite.support import new, rows

__all__ = ["square"]

LOCKS = ("gate.lock", "writer.lock", "task-gate.lock", "task.lock")


def enqueued(uid: int, path: Path, *, group: int = 0, umask: int = 0o022) -> None:
    """Enqueue and check as another user, who waits for nobody."""

    def work(tell: Tell) -> None:
        began = time.monotonic()
        made(path)
        tell("late" if time.monotonic() - began > 10 else "stored")

    assert Neighbour(uid, work, group=group, umask=umask).ended() == "stored\n"


def thief(path: Path) -> Neighbour:
    """Hold the lock files, as far as a stranger can."""

    def work(tell: Tell) -> None:
        for name in LOCKS:
            try:
                file = os.open(f"{path}-run/{name}", os.O_RDONLY | os.O_NONBLOCK)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                tell(f"held {name}")
            except OSError as error:
                tell(f"{type(error).__name__} {name}")
        tell("done")
        time.sleep(60)

    return Neighbour(STRANGER, work)


def facts(path: Path) -> tuple[int, int, int, int]:
    found = path.lstat()
    return found.st_mode, found.st_uid, found.st_gid, found.st_nlink


def shared_by_group(square: Path) -> Path:
    shared = square / "shared"
    shared.mkdir()
    os.chown(shared, 0, GROUP)
    shared.chmod(0o2770)
    return shared / "jobs.db"


def jobs(path: Path) -> int:
    return int(rows(path, "SELECT count(*) FROM dutiful_job")[0][0])


@needs_root
def test_a_link_in_its_place_is_not_followed(square: Path) -> None:
    target = square / "target"
    target.mkdir(0o700)
    before = facts(target)
    path = square / "jobs.db"
    run = square / "jobs.db-run"
    run.symlink_to(target)
    os.chown(run, STRANGER, STRANGER, follow_symlinks=False)
    engine = SqliteEngine(path)
    (notice,) = asyncio.run(engine.open())
    assert "remove it" in notice
    engine.sync_producer.enqueue_sync([new()])
    findings = {finding.name: finding.ok for finding in asyncio.run(engine.check())}
    assert not findings["place"]
    asyncio.run(engine.close())
    os.chown(path, OWNER, OWNER)
    made(path)
    assert facts(target) == before
    assert list(target.iterdir()) == []


@needs_root
def test_a_strangers_folder_is_not_used(square: Path) -> None:
    path, run = square / "jobs.db", square / "jobs.db-run"
    run.mkdir(0o777)
    os.chown(run, STRANGER, STRANGER)
    victim = square / "victim"
    victim.write_text("precious")
    (run / "x.bell").symlink_to(victim)
    os.mkfifo(run / "gate.lock", 0o666)
    before = facts(run), facts(victim)
    stranger = thief(path)
    assert "done" in iter(stranger.heard, "")
    began = time.monotonic()
    made(path, 5)
    assert time.monotonic() - began < 10
    stranger.end()
    assert (facts(run), facts(victim)) == before
    assert victim.read_text() == "precious"


@needs_root
def test_readers_cannot_hold_the_locks(square: Path) -> None:
    path = square / "jobs.db"
    enqueued(OWNER, path)
    path.chmod(0o644)
    stranger = thief(path)
    told = list(iter(stranger.heard, "done"))
    assert [line for line in told if line.startswith("held")] == []
    enqueued(OWNER, path)
    stranger.end()
    assert jobs(path) == 2


@needs_root
def test_locks_of_an_older_release_are_replaced(square: Path) -> None:
    path, run = square / "jobs.db", square / "jobs.db-run"
    enqueued(OWNER, path)
    path.chmod(0o644)
    run.chmod(0o755)
    for lock in run.glob("*.lock"):
        lock.chmod(0o644)
    stranger = thief(path)
    told = list(iter(stranger.heard, "done"))
    assert [line for line in told if line.startswith("held")]
    enqueued(OWNER, path)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    stranger.end()


@needs_root
def test_a_new_database_is_its_owners_alone(square: Path) -> None:
    path = square / "jobs.db"

    def hold(tell: Tell) -> None:
        engine = SqliteEngine(path)
        engine.sync_producer.enqueue_sync([new()])
        tell("here")
        time.sleep(60)

    def steal(tell: Tell) -> None:
        for byte in range(120, 129):
            with path.with_name("jobs.db-shm").open("rb") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, byte)
                tell(f"held {byte}")

    holder = Neighbour(OWNER, hold, umask=0)
    assert holder.heard() == "here"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert Neighbour(STRANGER, steal).ended().startswith("PermissionError")
    holder.end()


@needs_root
@pytest.mark.parametrize("first", [OWNER, MEMBER])
def test_a_group_shares_it(square: Path, first: int) -> None:
    path = shared_by_group(square)
    both = [first, MEMBER if first == OWNER else OWNER]
    for uid in both * 2:
        enqueued(uid, path, group=GROUP, umask=0o002)
    run = path.with_name("jobs.db-run")
    assert (stat.S_IMODE(run.stat().st_mode), run.stat().st_gid) == (0o2770, GROUP)
    locks = {lock.name: facts(lock)[::2] for lock in run.glob("*.lock")}
    assert set(locks.values()) == {(stat.S_IFREG | 0o660, GROUP)}
    assert jobs(path) == 4


@needs_root
def test_users_of_a_group_wake_each_other(square: Path) -> None:
    path = shared_by_group(square)
    enqueued(OWNER, path, group=GROUP, umask=0o002)

    def sleep(tell: Tell) -> None:
        notifier.GLANCE_SECONDS = notifier.POLL_SECONDS = 60.0
        ringing = RunFolder.pipe

        def hung(folder: RunFolder, name: str) -> int | None:
            pipe = ringing(folder, name)
            found = (folder.path / name).stat()
            tell(f"{oct(found.st_mode)} {found.st_gid}")
            return pipe

        RunFolder.pipe = hung  # type: ignore[method-assign] - likewise
        asyncio.run(SqliteEngine(path).consumer.wait(("mail",), 60))
        tell("rung")

    listener = Neighbour(OWNER, sleep, group=GROUP, umask=0o077)
    assert listener.heard() == f"{oct(stat.S_IFIFO | 0o660)} {GROUP}"
    enqueued(MEMBER, path, group=GROUP)
    assert listener.ended() == "rung\n"


@needs_root
def test_a_group_without_the_setgid_bit(square: Path) -> None:
    """The database was made by its owner, and given to the group by hand."""
    shared = square / "shared"
    shared.mkdir()
    os.chown(shared, 0, GROUP)
    shared.chmod(0o770)
    path = shared / "jobs.db"
    enqueued(OWNER, path, group=GROUP)
    for neighbour in shared.glob("jobs.db*"):
        if neighbour.is_file():
            os.chown(neighbour, OWNER, GROUP)
            neighbour.chmod(0o660)
    for uid in (OWNER, MEMBER, OWNER):
        enqueued(uid, path, group=GROUP)
    run = shared / "jobs.db-run"
    assert facts(run)[:3] == (stat.S_IFDIR | 0o770, OWNER, GROUP)
    assert {facts(lock)[::2] for lock in run.glob("*.lock")} == {(stat.S_IFREG | 0o660, GROUP)}


@needs_root
def test_root_leaves_everything_to_the_owner(square: Path) -> None:
    path, run = square / "jobs.db", square / "jobs.db-run"
    enqueued(OWNER, path)
    run.chmod(0o755)
    before = {found: facts(found) for found in (path, run, *run.iterdir())}
    made(path)
    assert {found: facts(found) for found in before} == before
    for lock in run.iterdir():
        lock.unlink()
    run.rmdir()
    made(path)
    assert {facts(found)[1] for found in (run, *run.iterdir())} == {OWNER}
    enqueued(OWNER, path)


def link(entry: Path, victim: Path) -> None:
    entry.symlink_to(victim)


def hard_link(entry: Path, victim: Path) -> None:
    os.link(victim, entry)


def pipe(entry: Path, victim: Path) -> None:
    os.mkfifo(entry, 0o666)


def folder(entry: Path, victim: Path) -> None:
    entry.mkdir()


def dangling(entry: Path, victim: Path) -> None:
    entry.symlink_to(victim.with_name("made-through-a-link"))


@pytest.mark.parametrize("thing", [link, hard_link, pipe, folder, dangling])
@pytest.mark.parametrize("name", ["gate.lock", "writer.lock", "task.lock", "x-1.bell"])
def test_what_lies_in_the_folder(
    path: Path, name: str, thing: Callable[[Path, Path], None]
) -> None:
    made(path)
    victim = path.with_name("victim")
    victim.write_text("precious")
    victim.chmod(0o600)
    entry = path.with_name("jobs.db-run") / name
    entry.unlink(missing_ok=True)
    thing(entry, victim)
    before = facts(victim)[:3]
    began = time.monotonic()
    made(path, 3)
    assert time.monotonic() - began < 5
    assert (victim.read_text(), facts(victim)[:3]) == ("precious", before)
    assert not victim.with_name("made-through-a-link").exists()
    assert jobs(path) == 4


def test_the_folder_may_go_and_come(path: Path) -> None:
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    run = path.with_name("jobs.db-run")
    run.rename(path.with_name("gone"))
    engine.session.database_file.folder.close()
    engine.session.writer._write_lock.close()
    engine.sync_producer.enqueue_sync([new()])
    assert sorted(lock.name for lock in run.iterdir()) == ["gate.lock", "writer.lock"]
    asyncio.run(engine.close())


def test_a_link_to_the_database(path: Path) -> None:
    real = path.with_name("real") / "jobs.db"
    real.parent.mkdir()
    path.symlink_to(real)
    for way in (path, real, path):
        made(way)
    assert jobs(real) == 3
    assert sorted(found.name for found in path.parent.iterdir()) == ["jobs.db", "real"]
    assert sorted(found.name for found in real.parent.iterdir()) == ["jobs.db", "jobs.db-run"]


@needs_root
@pytest.mark.parametrize("there", [True, False])
def test_a_strangers_link_to_the_database_is_refused(square: Path, there: bool) -> None:
    victim = square / "victim.db"
    if there:
        made(victim)
    mallory = square / "mallory"
    mallory.mkdir()
    os.chown(mallory, STRANGER, STRANGER)
    way = mallory / "jobs.db"
    way.symlink_to(victim)
    os.chown(way, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(StoreUnusable, match="link of another user"):
        made(way)
    assert victim.exists() == there


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_link_beside_the_database_is_refused(path: Path, suffix: str) -> None:
    made(path)
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.with_name(f"jobs.db{suffix}").symlink_to(victim)
    with pytest.raises(StoreUnusable, match="is a link"):
        made(path)
    assert victim.read_text() == "precious"
