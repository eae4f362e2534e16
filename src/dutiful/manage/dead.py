"""``app.dead``: looking at dead letters, sending them back, and deleting them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

from dutiful.client.options import checked_flag, known
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.controller import Redrive
from dutiful.core.errors import UsageError
from dutiful.core.job import Job
from dutiful.core.replacement import Work, edited
from dutiful.core.state import State

from .app_protocol import ManagedApp, Part
from .bulk import Bulk, BulkResult, ChosenDead, Done, without_stop
from .choice import DeadFilters, Ids, filter_of
from .edit import Editor
from .jobs import Jobs
from .page import LIMIT, Page
from .records import DeadGroupRecord, JobRecord, group_record

_DEAD = (State.DEAD,)


class DeadLetters(Part):
    """Looks at dead letters, sends them back, and deletes them.

    Every method has an async version, whose name begins with ``a``. ``app.jobs.get(id)`` and
    ``app.jobs.errors(id)`` show one dead letter.
    """

    def __init__(self, app: ManagedApp) -> None:
        """Belong to an app; nothing is opened yet."""
        super().__init__(app)
        self._jobs = Jobs(app)

    async def alist(
        self,
        *,
        limit: int = LIMIT,
        after: str | None = None,
        with_errors: bool = False,
        **filters: Unpack[DeadFilters],
    ) -> Page[JobRecord]:
        """Return one page of the dead letters that match, newest first: see `Jobs.alist`."""
        known(filters, DeadFilters.__annotations__, "the filter")
        return await self._jobs.alist(
            limit=limit, after=after, with_errors=with_errors, **filters, state="dead"
        )

    def aiterate(self, **filters: Unpack[DeadFilters]) -> AsyncIterator[JobRecord]:
        """Go through all dead letters that match, newest first, a page at a time."""
        known(filters, DeadFilters.__annotations__, "the filter")
        return self._jobs.aiterate(**filters, state="dead")

    async def agroups(
        self,
        *,
        task: str | Sequence[str] | None = None,
        reason: str | None = None,
        error_type: str | None = None,
    ) -> tuple[DeadGroupRecord, ...]:
        """Group dead letters by task, reason and type of the latest error, the largest first."""
        which = filter_of({"task": task, "reason": reason, "error_type": error_type})
        groups = await (await self._inspector()).dead_groups()
        return tuple(
            group_record(group)
            for group in groups
            if (not which.tasks or group.task in which.tasks)
            and which.reason in (None, group.reason)
            and which.error_type in (None, group.error_type)
        )

    async def aredrive(
        self,
        ids: Ids = None,
        *,
        all: bool = False,
        changes: Mapping[str, Any] | None = None,
        keep_steps: bool = False,
        stop: asyncio.Event | None = None,
        **which: Unpack[ChosenDead],
    ) -> BulkResult:
        """Put dead letters back into their queues, with all their attempts.

        Give ids, or filters, or ``all=True``. ``changes`` sets arguments by name, such as
        ``{"card": None, "order.id": 5}``, where a dot leads into a value. All jobs are tried with
        the changes before the first is sent back: BadPayload names the one that they do not fit by
        its task's signature, if the app has tasks. Recorded steps, which were done for the old
        arguments, are dropped then, unless ``keep_steps`` is set.

        A job is left dead when another live job holds its unique key, or when it died after the
        check and the changes do not fit it. Jobs are sent back in batches
        as for `Jobs.acancel`; ``rate`` protects what they call.
        """
        bulk = Bulk("redrive", _DEAD, ids, which, everything=all, stop=stop)
        editor = Editor(changes, self._app.tasks, self._app.settings.payload_bytes_max)
        keep = checked_flag(keep_steps, "keep_steps")
        needs = (Capability.INSPECT,) if editor else bulk.needs
        store = await self._store(Capability.REDRIVE, *needs)
        if not store.can(Capability.INSPECT):
            return await bulk.carry_out(store, partial(_redrive_unseen, store))

        async def redrive(batch: Sequence[Job]) -> Done:
            jobs = [(job, item) for job in batch if (item := _asked(editor, job, keep)) is not None]
            controller = store.controller(Capability.REDRIVE)
            changed = set(await controller.redrive([item for _, item in jobs]))
            return Done(
                len(changed), sum(job.id in changed and _loses(job, item) for job, item in jobs)
            )

        if editor:
            await bulk.check_jobs(store, lambda job: editor.check(job) if _dead(job) else None)
        return await bulk.change_jobs(store, redrive)

    async def apurge(
        self,
        ids: Ids = None,
        *,
        all: bool = False,
        stop: asyncio.Event | None = None,
        **which: Unpack[ChosenDead],
    ) -> BulkResult:
        """Delete dead letters for good, with their errors and steps.

        Give ids, or filters, or ``all=True``. By its id any job that has ended is deleted, and one
        that cannot be read, if it does not run. Jobs are deleted in batches as for `Jobs.acancel`.
        """
        bulk = Bulk("purge", _DEAD, ids, which, everything=all, stop=stop)
        store = await self._store(Capability.PURGE, *bulk.needs)
        return await bulk.carry_out(store, store.controller(Capability.PURGE).purge)

    def list(
        self,
        *,
        limit: int = LIMIT,
        after: str | None = None,
        with_errors: bool = False,
        **filters: Unpack[DeadFilters],
    ) -> Page[JobRecord]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist(limit=limit, after=after, with_errors=with_errors, **filters))

    def iterate(self, **filters: Unpack[DeadFilters]) -> Iterator[JobRecord]:
        """Do what `aiterate` does, from sync code."""
        known(filters, DeadFilters.__annotations__, "the filter")
        return self._jobs.iterate(**filters, state="dead")

    def groups(
        self,
        *,
        task: str | Sequence[str] | None = None,
        reason: str | None = None,
        error_type: str | None = None,
    ) -> tuple[DeadGroupRecord, ...]:
        """Do what `agroups` does, from sync code."""
        return self._run(self.agroups(task=task, reason=reason, error_type=error_type))

    def redrive(
        self,
        ids: Ids = None,
        *,
        all: bool = False,
        changes: Mapping[str, Any] | None = None,
        keep_steps: bool = False,
        **which: Unpack[ChosenDead],
    ) -> BulkResult:
        """Do what `aredrive` does, from sync code."""
        without_stop("redrive", which)
        return self._run(
            self.aredrive(ids, all=all, changes=changes, keep_steps=keep_steps, **which)
        )

    def purge(
        self, ids: Ids = None, *, all: bool = False, **which: Unpack[ChosenDead]
    ) -> BulkResult:
        """Do what `apurge` does, from sync code."""
        without_stop("purge", which)
        return self._run(self.apurge(ids, all=all, **which))


async def _redrive_unseen(store: Store, ids: Sequence[str]) -> Sequence[str]:
    """Send jobs back by their ids, where the engine cannot look them up."""
    return await store.controller(Capability.REDRIVE).redrive([Redrive(job_id) for job_id in ids])


def _dead(job: Job) -> bool:
    return job.state is State.DEAD


def _asked(editor: Editor, job: Job, keep_steps: bool) -> Redrive | None:
    """Return how to send a job back; None where it is to be left as it is.

    A job that died after all were checked may not fit; others were sent back by then.
    """
    if not _dead(job):
        return None
    try:
        return Redrive(job.id, editor.edited(job), keep_steps)
    except UsageError:
        return None


def _loses(job: Job, item: Redrive) -> bool:
    """Whether recorded steps go with the arguments for which they were done."""
    after = edited(Work(job.task, job.args), item.args, None, keep_steps=item.keep_steps)
    return job.steps > 0 and after.drops_steps
