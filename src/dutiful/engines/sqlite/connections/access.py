"""The users who may write to the database, and so may use and own the files beside it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from secrets import token_hex

import msgspec

from dutiful.core.errors import StoreUnusable

_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Access(msgspec.Struct, frozen=True):
    """The database's owner and group, and which other users may write to it."""

    uid: int
    gid: int
    group: bool
    """Whether its group may write."""
    world: bool
    """Whether every user may write."""
    strangers: bool
    """Whether every user may make files in its folder, as in /tmp; then groups prove nothing."""

    @property
    def file_mode(self) -> int:
        """The mode of a file that only users who may write to the database can open."""
        return 0o600 | (0o060 if self.group else 0) | (0o006 if self.world else 0)

    @property
    def folder_mode(self) -> int:
        """The mode of a folder for the same users."""
        return 0o700 | (0o070 if self.group else 0) | (0o007 if self.world else 0)

    def admits(self, found: os.stat_result) -> bool:
        """Whether a file belongs to a user who may write to the database, or to us."""
        if self.world or found.st_uid in (0, self.uid, os.geteuid()):
            return True
        return self.group and found.st_gid == self.gid and not self.strangers

    def share(self, file: int, mode: int) -> None:
        """Share an open file that we made with all who may write to the database."""
        found = os.fstat(file)
        uid = self.uid if os.geteuid() == 0 else -1
        if uid not in (-1, found.st_uid) or self.gid != found.st_gid:
            try:
                os.fchown(file, uid, self.gid)
            except PermissionError:
                mode &= ~0o070  # we are not in that group, so our own group must not get its rights
        os.fchmod(file, mode | found.st_mode & stat.S_ISGID)


def look(path: Path, *, follow: bool = True) -> os.stat_result | None:
    """Return a file's status, None if there is no file; StoreUnusable if access is denied."""
    try:
        return os.stat(path, follow_symlinks=follow)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StoreUnusable(
            f"this user may not enter the folder {_shut(path)}, so {path} cannot be reached; "
            "change the folder's permissions, or give another path"
        ) from error
    except OSError as error:
        advice = {
            errno.ENAMETOOLONG: "its name is too long for this system; give a shorter one",
            errno.ELOOP: "its links lead in a circle; name the file itself",
        }.get(error.errno or 0, f"{error.strerror}; check its disk")
        raise StoreUnusable(f"{path} cannot be reached: {advice}") from error


def _shut(path: Path) -> Path:
    """Return the folder on the way to a file that this user may not enter."""
    ways = path, Path(os.path.realpath(path))
    folders = (folder for way in ways for folder in reversed(way.parents))
    return next((folder for folder in folders if not os.access(folder, os.X_OK)), path.parent)


def access_to(database: Path) -> Access:
    """Return the database's access rights; OSError when it does not exist."""
    found = os.stat(database)
    parent = os.stat(database.parent)
    return Access(
        uid=found.st_uid,
        gid=found.st_gid,
        group=bool(found.st_mode & stat.S_IWGRP),
        world=bool(found.st_mode & stat.S_IWOTH),
        strangers=bool(parent.st_mode & stat.S_IWOTH),
    )


def make_private(database: Path) -> None:
    """Make an empty database that other users cannot read, unless there is one.

    SQLite would let every user read it. A user who can read it can hold the locks of its log, and
    so block all writers. The file gets its name only after its rights are set.
    """
    hidden = database.with_name(f".{database.name[:40]}-{token_hex(6)}")
    try:
        file = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN, 0o660)
    except OSError:
        return  # opening it will report what is wrong
    try:
        # A umask that lets the group write means that the group shares the file.
        if hasattr(os, "fchmod") and not os.fstat(file).st_mode & stat.S_IWGRP:
            os.fchmod(file, 0o600)
    finally:
        os.close(file)
    try:
        os.link(hidden, database)
    except OSError:
        return  # another process was faster, or there are no hard links here: SQLite makes it
    finally:
        os.unlink(hidden)
