"""The folder beside the database: lock files and pipes for users who may write to it.

Other users may have put anything there, or in its place: links to other files, pipes that block a
process that opens them, files on which they hold locks. So files are opened relative to the open
folder, no link is followed, rights and owners are checked after a file is opened (when it can no
longer be exchanged), and only files that we have just made are shared.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from .access import Access, access_to

_FRESH_SECONDS = 1.0
_CAN = {os.open, os.mkdir, os.unlink} <= os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_SAFELY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class RunFolder:
    """The open folder, checked every second; without it the engine works, but less efficiently."""

    def __init__(self, database: Path) -> None:
        """Open nothing yet."""
        self.forsake()
        self.move(database)

    def forsake(self) -> None:
        """Start again, also in the child of a fork."""
        self._lock = threading.RLock()
        self._folder: int | None = None
        self._access: Access | None = None
        self._own = False
        self._until = 0.0

    def move(self, database: Path) -> None:
        """Use the folder beside another file from now on."""
        self.database = database
        self.path = database.parent / f"{database.name}-run"
        self.close()

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self._lock:
            folder, self._folder, self._until = self._folder, None, 0.0
            if folder is not None:
                os.close(folder)

    def objection(self) -> str | None:
        """Return why the folder is not used, if it exists and cannot be trusted."""
        self.close()
        with self.held() as opened:
            if opened is not None or not _CAN or not os.path.lexists(self.path):
                return None
        return (
            f"{self.path} is a link, or users who may not write to {self.database} own it or may "
            "write to it, so it is not used: writers are not queued fairly, and idle workers "
            "notice jobs after up to 50 ms; remove it, and the next start creates it again"
        )

    @contextmanager
    def held(self) -> Generator[tuple[int, Access] | None]:
        """Yield the folder, which stays open during the block, and its rights."""
        with self._lock:
            if monotonic() >= self._until:
                self.close()
                with suppress(OSError):
                    self._open()
                self._until = monotonic() + _FRESH_SECONDS
            folder, access = self._folder, self._access
            yield None if folder is None or access is None else (folder, access)

    def lock_file(self, name: str) -> int | None:
        """Open a lock file, only for reading, which is enough for flock."""
        with self.held() as opened:
            if opened is None:
                return None
            with suppress(OSError):
                return self._lock_file(name, *opened)
        return None

    def pipe(self, name: str) -> int | None:
        """Make a pipe and open both ends, so that it always has a writer."""
        with self.held() as opened:
            if opened is None:
                return None
            folder, access = opened
            hidden = f"{name}.new"
            os.mkfifo(hidden, 0o600, dir_fd=folder)
            try:
                pipe = os.open(hidden, os.O_RDWR | _SAFELY, dir_fd=folder)
                try:
                    found = os.fstat(pipe)
                    if not stat.S_ISFIFO(found.st_mode) or found.st_uid != os.geteuid():
                        raise PermissionError(hidden)
                    access.share(pipe, access.file_mode)
                    os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
                except BaseException:
                    os.close(pipe)
                    raise
            except BaseException:
                os.unlink(hidden, dir_fd=folder)
                raise
            return pipe

    def notify(self, suffix: str, but: str) -> None:
        """Write a byte to each pipe of that suffix whose name does not begin with ``but``."""
        with self.held() as opened:
            if opened is None:
                return
            folder, access = opened
            with suppress(OSError):
                for name in os.listdir(folder):
                    if name.endswith(suffix) and not name.startswith(but):
                        _notify(name, folder, access)

    def remove(self, name: str) -> None:
        """Delete a file that we have made."""
        with self.held() as opened, suppress(OSError):
            if opened is not None:
                os.unlink(name, dir_fd=opened[0])

    def _open(self) -> None:
        if not _CAN:
            return
        access = access_to(self.database)
        made = False
        with suppress(FileExistsError):
            self.path.mkdir(0o700)
            made = True
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _SAFELY)
        try:
            self._own = self._fit(folder, access, made=made)
        except BaseException:
            os.close(folder)
            raise
        self._folder, self._access = folder, access

    def _fit(self, folder: int, access: Access, *, made: bool) -> bool:
        """Whether the folder is ours; PermissionError where it cannot be trusted."""
        found = os.fstat(folder)
        own = found.st_uid == os.geteuid()
        mode = found.st_mode & 0o777
        if made and own and not os.listdir(folder):
            access.share(folder, access.folder_mode)
        elif not access.admits(found):
            raise PermissionError(self.path)
        elif own and found.st_uid == access.uid and mode != access.folder_mode:
            access.share(folder, access.folder_mode)
        elif mode & 0o022 & ~access.folder_mode:
            raise PermissionError(self.path)
        return own

    def _lock_file(self, name: str, folder: int, access: Access) -> int | None:
        file: int | None
        for _ in range(3):
            try:
                file = os.open(name, os.O_RDONLY | _SAFELY, dir_fd=folder)
            except FileNotFoundError:
                file = _made(name, folder, access)
            except OSError:  # a link
                file = None
            if file is not None:
                found = os.fstat(file)
                if _lockable(found, access):
                    if found.st_uid == access.uid == os.geteuid():
                        _widen(file, found, access)
                    return file
                os.close(file)
            if not self._own:
                return None
            # A file of an older release may be readable for users who could hold its lock.
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        return None


def _lockable(found: os.stat_result, access: Access) -> bool:
    """Whether only users who may write to the database can open a file."""
    plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return plain and access.admits(found) and not found.st_mode & 0o777 & ~access.file_mode


def _widen(file: int, found: os.stat_result, access: Access) -> None:
    """Adapt a file's rights to those of the database, which may have changed."""
    if found.st_mode & 0o777 != access.file_mode:
        access.share(file, access.file_mode)


def _made(name: str, folder: int, access: Access) -> int | None:
    flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | _SAFELY
    with suppress(FileExistsError):
        file = os.open(name, flags, 0o600, dir_fd=folder)
        access.share(file, access.file_mode)
        return file
    return None


def _notify(name: str, folder: int, access: Access) -> None:
    try:
        pipe = os.open(name, os.O_WRONLY | _SAFELY, dir_fd=folder)
    except OSError:
        _remove_stale(name, folder)
        return
    try:
        found = os.fstat(pipe)
        if stat.S_ISFIFO(found.st_mode) and found.st_nlink == 1 and access.admits(found):
            os.write(pipe, b"!")
    except OSError:
        return  # the pipe is full, so its reader is notified already
    finally:
        os.close(pipe)


def _remove_stale(name: str, folder: int) -> None:
    """Delete a pipe whose reader died without deleting it."""
    with suppress(OSError):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISFIFO(found.st_mode):
            os.unlink(name, dir_fd=folder)
