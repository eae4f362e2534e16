"""The database file: its path and log, checks of its folder, and simple commands on it."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from dutiful.core.errors import EngineUnavailable, ReplyUnknown, StoreUnusable

from .access import look, make_private
from .connection import Runs, translate_error
from .run_folder import RunFolder

SQLITE_MIN = (3, 35, 0)
_RESTART_MS = 200

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.glusterfs", "virtiofs"}
)


class DatabaseFile:
    """The path of a store, and of the folder beside it that its processes share."""

    def __init__(self, path: Path) -> None:
        """Look at nothing yet."""
        self.path = path
        self.folder = RunFolder(path)
        self.replaced: str | None = None
        """The problem of the file that a commit has found."""
        self._name = os.fspath(path)
        self._identity: tuple[int, int] | None = None
        self._size = 0
        self._logged = False
        self.locate()

    def locate(self) -> None:
        """Resolve links in the path: SQLite keeps the log beside the file itself."""
        self.file = Path(os.path.realpath(self.path))
        beside = self.file.parent  # also of the root, which has no name
        self.wal = beside / f"{self.file.name}-wal"
        self.shm = beside / f"{self.file.name}-shm"
        self._log = os.fspath(self.wal), os.fspath(self.shm)
        self.folder.move(self.file)

    def run(self, connection: Runs, command: str) -> list[tuple[object, ...]]:
        """Run a command without parameters and return its rows."""
        try:
            return connection.execute(command).fetchall()
        except sqlite3.Error as error:
            raise translate_error(error, self.path) from error

    def commit(self, connection: Runs) -> None:
        """Commit; ReplyUnknown where it is not known whether the data is in the file."""
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise translate_error(error, self.path, committing=True) from error
        trouble = self.trouble()
        if trouble is None and self._logged and not self._has_log():
            trouble = f"the write-ahead log of {self.path} (-wal, -shm) was removed while in use"
        if trouble is not None:
            self.replaced = trouble
            raise ReplyUnknown(f"{trouble}; the last write is lost with the old file")

    def recognise(self) -> None:
        """Remember the identity of the file that was opened."""
        found = look(self.path)
        if found is None:
            raise EngineUnavailable(f"{self.path} was removed as it was opened; put it back")
        self._identity, self.replaced = (found.st_dev, found.st_ino), None
        self._size = found.st_size

    def look_for_log(self) -> None:
        """Remember that there is a write-ahead log, in the first transaction of a connection."""
        self._logged = self._has_log()

    def trouble(self) -> str | None:
        """Say whether the file that was opened is no longer the one at the path."""
        if self._identity is None:
            return None
        try:
            found = os.stat(self._name)
        except (FileNotFoundError, NotADirectoryError):
            return f"{self.path} was removed while it was in use; put it back"
        except OSError as error:
            return f"{self.path} can no longer be reached: {error.strerror}"
        if (found.st_dev, found.st_ino) != self._identity:
            return f"{self.path} was replaced by another file while it was in use"
        if not found.st_size and self._size:
            return f"{self.path} was emptied, or is being copied over, while it was in use"
        self._size = found.st_size
        return None

    def _has_log(self) -> bool:
        wal, shm = self._log
        return os.access(wal, os.F_OK) and os.access(shm, os.F_OK)

    def wal_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        try:
            return self.wal.stat().st_size
        except OSError:
            return 0

    def restart_log(self, connection: sqlite3.Connection) -> None:
        """Empty the write-ahead log, unless a reader uses it for long."""
        connection.execute(f"PRAGMA busy_timeout = {_RESTART_MS}").close()
        with suppress(sqlite3.Error):  # repeated after a later commit
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def forget(self) -> None:
        """Accept any file that is opened next."""
        self._identity, self.replaced, self._logged = None, None, False

    def inspect(self) -> None:
        """Raise StoreUnusable with the cause of SQLite's "unable to open database file"."""
        if sqlite3.sqlite_version_info < SQLITE_MIN:
            raise StoreUnusable(
                f"SQLite {sqlite3.sqlite_version} is too old; Dutiful needs "
                f"{'.'.join(map(str, SQLITE_MIN))} or newer: use a newer Python build"
            )
        path, parent = self.path, self.path.parent
        found, folder = look(path), look(parent)
        if self._identity is not None and found is None:
            raise EngineUnavailable(
                f"{path} was removed while it was in use; put it back, or start this process again "
                "to begin with an empty store"
            )
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise StoreUnusable(f"{path} is a folder; give the path of a file")
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise StoreUnusable(f"{path} is a pipe or a device; give the path of a file")
        if folder is None or not stat.S_ISDIR(folder.st_mode):
            raise StoreUnusable(f"the folder {parent} does not exist; create it first")
        self.locate()
        self._require_trusted_folder()
        if found is not None and not os.access(path, os.R_OK | os.W_OK):
            raise StoreUnusable(f"{path} cannot be written by this user; change its permissions")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise StoreUnusable(
                f"this user may not write to the folder {parent}, where SQLite keeps the "
                "write-ahead log; change its permissions"
            )

    def _require_trusted_folder(self) -> None:
        """Refuse links by which another user could choose the file that we write to."""
        for neighbour in (self.wal, self.shm):
            found = look(neighbour, follow=False)
            if found is not None and stat.S_ISLNK(found.st_mode):
                raise StoreUnusable(
                    f"{neighbour} is a link, which SQLite does not follow; remove it"
                )
        link = look(self.path, follow=False)
        if link is None or not stat.S_ISLNK(link.st_mode) or link.st_uid in (0, os.geteuid()):
            return
        found = look(self.file)
        if found is None or found.st_uid != link.st_uid:
            raise StoreUnusable(
                f"{self.path} is a link of another user (uid {link.st_uid}) to a file that is "
                f"not theirs; name the file itself: {self.file}"
            )

    def make_folder(self) -> None:
        """Make an empty file that other users cannot read, unless there is a file."""
        if look(self.file) is None:
            make_private(self.file)

    def require(self) -> None:
        """Raise StoreUnusable when there is no file: a check must not create an empty one."""
        if look(self.path) is None:
            raise StoreUnusable(
                f"there is no file {self.path}; the first enqueue or worker makes it, "
                "so check the spelling and the folder"
            )

    def notices(self) -> tuple[str, ...]:
        """Return what an operator should know about the file's location."""
        kind = _file_system(self.file.parent, _mounts())
        network = (
            f"{self.path} lies on a network file system ({kind}); SQLite's locks and its "
            "write-ahead log need a local disk: keep the file on one host, or use PostgreSQL"
        )
        return tuple(filter(None, (network if kind in _NETWORK else "", self.folder.objection())))


def _mounts() -> str:
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system that holds a folder; the innermost, latest mount wins."""
    best, kind = 0, ""
    for line in mounts.splitlines():
        _, point, this, *_ = (*line.split(" "), "", "", "")
        point = point.replace("\\040", " ")
        if point and folder.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), this
    return kind
