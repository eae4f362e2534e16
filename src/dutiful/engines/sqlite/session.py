"""The connections of one process to a store, and what happens to them at a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from time import monotonic

from dutiful.contract.clock import Clock
from dutiful.contract.reentry import is_inside
from dutiful.contract.roles.schema import founds
from dutiful.core.errors import EngineUnavailable, StoreUnusable, UsageError
from dutiful.engines._sql.migrations import Migration, due, names, opening

from .connections.access import look
from .connections.connection import Durability, connect
from .connections.database_file import DatabaseFile
from .connections.reader import Readers
from .connections.run_folder import RunFolder
from .connections.writer import Writer
from .idle_check import IdleCheck
from .notifier import Notifier
from .schema.migration import migrate, missing, others, write_ahead
from .statements import shipped

_LEAVE_SECONDS = 1.0
"""Seconds that a close waits for the writer's thread to end."""
_LOOK_SECONDS = 0.25
_TROUBLE_SECONDS = 1.0
"""Seconds for which calls fail after a problem of the file, before the path is opened again."""

Migrations = tuple[Migration, ...]


class Hold:
    """Marks that a task's transaction holds the write lock."""

    def __init__(self, session: Session) -> None:
        """Start as held."""
        self.session = session
        self.open = True


holding: ContextVar[Hold | None] = ContextVar("holding", default=None)
"""The transaction that the running code, in a thread or a coroutine, has open."""


class Session:
    """Writer, readers and listeners on one file; opens itself when first needed."""

    def __init__(self, path: Path, durability: Durability, clock: Clock) -> None:
        """Open nothing yet."""
        self.database_file = DatabaseFile(path)
        self.durability: Durability = durability
        self.clock = clock
        self.boot = _boot()
        self.migrations = shipped()
        self._torn = False
        self._trouble = ""
        self._trouble_until = 0.0
        self._look_at = 0.0
        self._build()
        _sessions.add(self)

    def _build(self) -> None:
        """Make the parts, all closed; the child of a fork makes new ones."""
        opener = partial(connect, self.database_file.path, self.durability, create=False)
        self._guard = threading.Lock()
        self._open = False
        self.idle_check = IdleCheck(self.database_file, self.durability, self.clock)
        self.notifier = Notifier(
            self.database_file.folder, self.idle_check.version, self.idle_check.work
        )
        self.readers = Readers(self.database_file, opener)
        self.writer = Writer(self.database_file, opener, partial(_wake, self.notifier))
        self._finalizer = weakref.finalize(
            self, _close, self.writer, self.readers, self.idle_check, self.database_file.folder
        )

    @property
    def open(self) -> bool:
        """Whether this process has found the schema up to date."""
        return self._open

    def ready(self) -> Session:
        """Return itself, opened and with the schema up to date.

        Raises EngineUnavailable for a short time after the file was deleted or replaced.
        """
        if (now := monotonic()) >= self._look_at or self.database_file.replaced is not None:
            self._look(now)
        if not self._open:
            if self._torn:
                raise UsageError(
                    "this process was forked in the middle of a write to the store, so it cannot "
                    "know which locks it holds; start the child with exec, or fork when no write "
                    "is under way"
                )
            self._bring(lambda _, lacks: opening(self.migrations, lacks))
        return self

    def _look(self, now: float) -> None:
        """Check whether the file is still the one that was opened."""
        if now < self._trouble_until:
            raise EngineUnavailable(self._trouble)
        self._look_at = now + _LOOK_SECONDS
        trouble = self.database_file.replaced or (
            self.database_file.trouble() if self._open else None
        )
        if trouble is None:
            return
        with self._guard:
            self._open = False
            self.database_file.replaced = None
            self._trouble, self._trouble_until = trouble, now + _TROUBLE_SECONDS
            self._look_at = now
            _close(self.writer, self.readers, self.idle_check, self.database_file.folder)
        raise EngineUnavailable(trouble)

    def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply the pending migrations, unless ``dry_run``, and return their names.

        Those that remove anything wait for workers of other releases, unless ``contract`` is set.
        """

        def choose(connection: sqlite3.Connection, lacks: Migrations) -> Migrations:
            ticks = self.clock.ticks()
            return due(
                self.migrations,
                lacks,
                lambda: not contract and others(connection, self.database_file, self.boot, ticks),
            )

        return self._bring(choose, dry_run=dry_run)

    def _bring(
        self,
        choose: Callable[[sqlite3.Connection, Migrations], Migrations],
        *,
        dry_run: bool = False,
    ) -> tuple[str, ...]:
        """Check the file's location, then apply the pending migrations that are chosen."""
        with self._guard:
            self.database_file.inspect()
            if dry_run and look(self.database_file.path) is None:  # a connection would create it
                return names(self.migrations)
            if not dry_run:
                self.database_file.make_folder()
            # No O_CREAT for an existing file: some kernels refuse it for files of other users.
            new = look(self.database_file.file) is None
            connection = connect(self.database_file.path, self.durability, create=new)
            try:
                chosen = choose(
                    connection, missing(connection, self.database_file, self.migrations)
                )
                if dry_run:
                    return names(chosen)
                write_ahead(connection, self.database_file)
                done = migrate(connection, self.database_file, chosen, self.clock.now())
            finally:
                connection.close()
            self.database_file.recognise()
            self._open = True
            return done

    def require(self) -> None:
        """Raise StoreUnusable if there is no store yet; create none."""
        self.database_file.require()
        if not self.open and founds(self.migrate(dry_run=True)):
            raise StoreUnusable(
                f"{self.database_file.path} is not a store yet; the first enqueue or worker "
                "makes it one, so check the spelling, or run `dutiful migrate`"
            )

    def writable(self) -> Session:
        """Do what `ready` does, for a write that cannot be part of a task's transaction."""
        self.ready().forbid_inside("do this before or after the `with` block")
        return self

    def forbid_inside(self, advice: str) -> None:
        """Raise UsageError if the running code has a transaction that holds the write lock."""
        hold = holding.get()
        if (
            hold is not None
            and hold.open
            and hold.session.database_file.file == self.database_file.file
        ):
            raise UsageError(f"inside ctx.transaction(), which holds the store's lock; {advice}")

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        with self._guard:
            self._open = False
            self.database_file.forget()
            self.writer.close(_LEAVE_SECONDS)
            _close(self.writer, self.readers, self.idle_check, self.database_file.folder)

    def freeze(self) -> None:
        """Close every connection before a fork.

        SQLite's locks belong to the process, but SQLite's record of them is copied to the child,
        which would then read and write without holding any lock.
        """
        self._guard.acquire()
        self.writer.freeze()
        self.readers.freeze()
        self.idle_check.freeze()

    def thaw(self) -> None:
        """Go on in the parent after a fork."""
        self.idle_check.thaw()
        self.readers.thaw()
        self.writer.thaw()
        self._guard.release()

    def renew(self, *, torn: bool = False) -> None:
        """Start again in the child of a fork; the parent does the pending writes.

        A signal handler that interrupted a write of this thread may have forked. Then nothing could
        be closed before the fork (``torn``): the child keeps the copies and never uses them.
        """
        self._finalizer.detach()
        if torn:
            self._torn = True
            _abandoned.append((self.writer, self.readers, self.idle_check))
            self.database_file.folder.forsake()
            self._build()
            return
        self.writer.forsake()
        self.database_file.folder.forsake()
        self._build()


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()
_frozen: list[Session] = []
_abandoned: list[object] = []
"""Objects that the child of a fork may neither use nor close."""


def _before_fork() -> None:
    if is_inside():
        return  # a handler forks during a write of this thread, for which it would wait
    for session in list(_sessions):
        session.freeze()
        _frozen.append(session)


def _after_fork_in_parent() -> None:
    while _frozen:
        _frozen.pop().thaw()


def _after_fork_in_child() -> None:
    for session in set(_sessions).difference(_frozen):
        session.renew(torn=session.open)
    while _frozen:
        _frozen.pop().renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def _wake(notifier: Notifier, wakes: bool) -> None:
    if wakes:
        notifier.wake()


def _close(writer: Writer, readers: Readers, idle_check: IdleCheck, folder: RunFolder) -> None:
    writer.close()
    readers.close()
    idle_check.close()
    folder.close()


def _boot() -> str:
    """Return the id of the host's present boot, or an empty text if the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
