"""Where the file lies: its neighbours, what is wrong with the place, and plain commands there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from dutiful.core.errors import StoreUnusable

from .connection import explain

SQLITE_MIN = (3, 35, 0)

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.glusterfs", "virtiofs"}
)


class Place:
    """The path of a store and of the folder beside it that processes meet in."""

    def __init__(self, path: Path) -> None:
        """Look at nothing yet."""
        self.path = path
        self.folder = path.with_name(f"{path.name}-run")
        self.wal = path.with_name(f"{path.name}-wal")

    def run(
        self, connection: sqlite3.Connection, command: str, *, committing: bool = False
    ) -> list[tuple[object, ...]]:
        """Run a command without parameters and return its rows."""
        try:
            return connection.execute(command).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self.path, committing=committing) from error

    def wal_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        try:
            return self.wal.stat().st_size
        except OSError:
            return 0

    def inspect(self) -> None:
        """Raise StoreUnusable for what SQLite would only call "unable to open database file"."""
        if sqlite3.sqlite_version_info < SQLITE_MIN:
            raise StoreUnusable(
                f"SQLite {sqlite3.sqlite_version} is too old; Dutiful needs "
                f"{'.'.join(map(str, SQLITE_MIN))} or newer: use a newer Python build"
            )
        path, parent = self.path, self.path.parent
        if path.is_dir():
            raise StoreUnusable(f"{path} is a folder; give the path of a file")
        if not parent.is_dir():
            raise StoreUnusable(f"the folder {parent} does not exist; create it first")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise StoreUnusable(f"{path} cannot be written by this user; change its permissions")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise StoreUnusable(
                f"this user may not write to the folder {parent}, where SQLite keeps the "
                "write-ahead log; change its permissions"
            )

    def require(self) -> None:
        """Raise StoreUnusable when there is no file: a look must not leave an empty one behind."""
        if not self.path.exists():
            raise StoreUnusable(
                f"there is no file {self.path}; the first enqueue or worker makes it, "
                "so check the spelling and the folder"
            )

    def furnish(self) -> None:
        """Make the folder beside the file, with the rights that the file has."""
        try:
            self.folder.mkdir(exist_ok=True)
            like = self.path.stat()
            mine = self.folder.stat()
            # Whoever may write to the file may meet the others: x where there is r.
            mode = like.st_mode & 0o666 | (like.st_mode & 0o444) >> 2
            if mine.st_uid == os.geteuid() and mine.st_mode & 0o777 != mode:
                self.folder.chmod(mode)
            if os.geteuid() == 0 and like.st_uid != 0:
                os.chown(self.folder, like.st_uid, like.st_gid)
        except OSError:
            return  # without it writers queue less fairly, and sleepers poll

    def notices(self) -> tuple[str, ...]:
        """Say what an operator should know about the place."""
        kind = _file_system(self.path.parent.resolve(), _mounts())
        if kind in _NETWORK:
            return (
                f"{self.path} lies on a network file system ({kind}); SQLite's locks and its "
                "write-ahead log need a local disk: keep the file on one host, or use PostgreSQL",
            )
        return ()


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
