"""Every error that Dutiful raises, in one tree.

::

    DutifulError
    ├── UsageError            the caller can fix it
    │   ├── BadOption         an option has a value that cannot be used
    │   ├── BadConfiguration  the URL, a DUTIFUL_* variable or [tool.dutiful] is wrong
    │   ├── BadArguments      the arguments do not fit the task's signature
    │   ├── BadSchedule       a rule cannot be read, never fires, or names no known time zone
    │   ├── BadPayload        stored JSON does not fit the task's signature
    │   ├── PayloadTooLarge   arguments or result are over the size limit
    │   ├── StepNotRecorded   a step has run and its result cannot be kept; not tried again
    │   ├── UnknownTask       no task of that name is registered
    │   ├── UnknownSchedule   the store has no schedule of that name
    │   ├── UnknownWorker     no live worker has that name
    │   ├── ScheduleTaken     another owner holds the schedule's name
    │   ├── DuplicateTask     two functions want one task name
    │   └── Unsupported       the engine cannot do that
    ├── JobError              about one job
    │   ├── JobNotFound       no such job (never was, or pruned)
    │   ├── DuplicateJob      a unique rule admits no second live job
    │   ├── JobFailed         ``result()`` of a job that died or was cancelled
    │   ├── ResultTimeout     ``result()`` reached its timeout
    │   └── ClaimLost         this attempt no longer owns the job
    ├── EngineError           about the store
    │   ├── EngineUnavailable try again: locked, unreachable, full
    │   │   └── JobLocked     try again: another session has locked one job
    │   ├── PartlyEnqueued    some jobs of a batch were stored, and the others were not
    │   ├── ReplyUnknown      the write may have happened
    │   ├── SchemaMismatch    the store's schema is newer or older than the code's
    │   └── StoreUnusable     not a database, read-only, missing folder, corrupt
    └── SinkError             about what is sent to people
        ├── NotSent           a sink did not take a notification
        └── BadSignature      a webhook's headers do not prove that its sender knows the secret
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .rebuilding import Rebuilt
from .receipt import Receipt


class DutifulError(Rebuilt):
    """The root of every error that Dutiful raises."""


class UsageError(DutifulError):
    """The caller asked for something that cannot be done as asked."""


class BadOption(UsageError):
    """An option has a value that cannot be used."""


class BadConfiguration(UsageError):
    """The URL, a ``DUTIFUL_*`` variable or ``[tool.dutiful]`` is wrong."""


class BadArguments(UsageError):
    """The arguments do not fit the task's signature; nothing was enqueued."""


class BadSchedule(UsageError):
    """A schedule's rule cannot be read, never fires, or names a time zone that is not known."""


class BadPayload(UsageError):
    """Stored JSON does not fit the task's signature."""


class PayloadTooLarge(UsageError):
    """Arguments or a result are over the size limit; store the data elsewhere and pass its key."""


class StepNotRecorded(UsageError):
    """A step has run and its result cannot be kept; another attempt would repeat its effects."""


class UnknownTask(UsageError):
    """No task of that name is registered with the app."""


class UnknownSchedule(UsageError):
    """The store has no schedule of that name."""

    def __init__(self, name: str, near: str = "") -> None:
        """Keep the unknown name, and suggest the most similar one."""
        self.name = name
        hint = f"did you mean {near}?" if near else "see `dutiful schedules list`"
        super().__init__(f"no schedule is called {name!r}; {hint}")


class UnknownWorker(UsageError):
    """No live worker has that id, or several have ids that begin so."""

    def __init__(self, name: str, near: Sequence[str] = (), *, several: bool = False) -> None:
        """Keep the unknown name, and the ids that may be meant."""
        self.name = name
        self.near = tuple(near)
        self.several = several
        ids = ", ".join(self.near[:4]) + (", …" if len(self.near) > 4 else "")
        if several:
            super().__init__(f"several workers begin with {name!r}: {ids}")
        else:
            hint = f"did you mean {ids}?" if ids else "see `dutiful workers list`"
            super().__init__(f"no live worker is called {name!r}; {hint}")


class ScheduleTaken(UsageError):
    """A schedule of that name belongs to another app, or was created at run time."""

    def __init__(self, app: str | None, taken: Mapping[str | None, Sequence[str]]) -> None:
        """Take the declaring app, and the taken names by owner; None means run time."""
        self.app = app
        self.taken = {owner: tuple(names) for owner, names in taken.items()}
        owners = [
            f"{_named(names)} {'belongs' if len(names) == 1 else 'belong'} to app {owner!r}"
            if owner is not None
            else f"{_named(names)} {'was' if len(names) == 1 else 'were'} created at run time"
            for owner, names in self.taken.items()
        ]
        wish = "this would be created at run time" if app is None else f"app {app!r} declares it"
        super().__init__(
            f"{' and '.join(owners)}, and {wish}, too; nothing was changed. Give one of the two "
            f"another name, as in @app.cron(..., name=...){self._or_adopt()}"
        )

    def _or_adopt(self) -> str:
        if self.app is None:
            return ""
        every = " ".join(name for names in self.taken.values() for name in names)
        return (
            f"; or, when app {self.app!r} was renamed or must be the owner, run "
            f"`dutiful schedules adopt {every} --app MODULE:NAME`"
        )


def _named(names: Sequence[str]) -> str:
    many = "schedule" if len(names) == 1 else "schedules"
    return f"{many} {', '.join(map(repr, names))}"


class DuplicateTask(UsageError):
    """Two functions were registered under one task name."""


class Unsupported(UsageError):
    """The engine does not declare the capability; raised before any I/O."""

    def __init__(self, engine: str, capability: str, advice: str = "") -> None:
        """Name the engine, the missing capability and what to do instead."""
        self.engine = engine
        self.capability = capability
        text = f"the {engine} engine cannot {capability}"
        super().__init__(f"{text}; {advice}" if advice else text)


class JobError(DutifulError):
    """Something about one job."""


class JobNotFound(JobError):
    """No such job: the id is wrong, or the job was pruned or purged."""

    def __init__(self, job_id: str, near: Sequence[str] = ()) -> None:
        """Keep the id that was looked for, and the ids of several jobs that begin with it."""
        self.job_id = job_id
        self.near = tuple(near)
        text = f"no job {job_id}; it may have been pruned (see `dutiful jobs list`)"
        if near:
            text = f"several jobs begin with {job_id}, such as {', '.join(near[:3])}; give more"
        super().__init__(text)


class DuplicateJob(JobError):
    """A unique rule with ``on_conflict="raise"`` found a live job; nothing was enqueued."""

    def __init__(self, key: str, existing: str) -> None:
        """Keep the unique key and the id of the job that holds it."""
        self.key = key
        self.existing = existing
        super().__init__(
            f"job {existing} already holds the unique key {key!r}; "
            'use on_conflict="existing" to get that job instead'
        )


class JobFailed(JobError):
    """The job ended as dead or cancelled, so it has no result."""

    def __init__(self, job_id: str, state: str, reason: str, detail: str = "") -> None:
        """Keep how the job ended and the last error's text."""
        self.job_id = job_id
        self.state = state
        self.reason = reason
        text = f"job {job_id} is {state} ({reason})"
        super().__init__(f"{text}: {detail}" if detail else text)


class ResultTimeout(JobError, TimeoutError):
    """The job did not end within the timeout of ``result()``; the job continues."""


class ClaimLost(JobError):
    """This attempt no longer owns its job: another worker has it, or it was settled."""


class EngineError(DutifulError):
    """The store could not do what was asked."""


class EngineUnavailable(EngineError):
    """The store cannot be used right now and nothing was written; try again."""


class JobLocked(EngineUnavailable):
    """Another session has locked the job; the store works otherwise, and nothing was written."""

    def __init__(self, text: str, who: str = "") -> None:
        """Name the session, if it is known."""
        super().__init__(text)
        self.who = who


class PartlyEnqueued(EngineError):
    """Some jobs of a batch were stored, and the others were not: only those may be sent again."""

    def __init__(
        self,
        stored: Sequence[str],
        failed: Mapping[str, str],
        receipts: Mapping[str, Receipt] | None = None,
    ) -> None:
        """Take the ids of the stored jobs, and the reason by id of each that was not stored.

        ``receipts``, by the same ids as ``stored``, say of which another job holds the unique key.
        """
        self.stored = tuple(stored)
        self.failed = dict(failed)
        self.receipts = {job_id: Receipt(job_id) for job_id in self.stored} | dict(receipts or {})
        total = len(self.stored) + len(self.failed)
        named = "; ".join(f"{job_id}: {reason}" for job_id, reason in [*self.failed.items()][:3])
        more = f"; and {len(self.failed) - 3} more" if len(self.failed) > 3 else ""
        why = f" ({named}{more})" if named else ""
        super().__init__(f"{len(self.failed)} of {total} jobs were not stored{why}")


class ReplyUnknown(EngineError):
    """The connection failed after the write was sent: it may or may not have happened."""


class SchemaMismatch(EngineError):
    """The store's schema does not fit this version; run ``dutiful migrate`` or upgrade."""


class StoreUnusable(EngineError):
    """The store cannot be opened: missing folder, read-only, not a database, corrupt."""


class SinkError(DutifulError):
    """What is sent to people, or what arrived as such, is not in order."""


class NotSent(SinkError):
    """A sink did not take a notification; the text holds no secret."""

    def __init__(self, text: str, *, permanent: bool = False, after: int | None = None) -> None:
        """Say whether a further try is in vain, and the microseconds that the sink asks for."""
        self.permanent = permanent
        self.after = after
        super().__init__(text)


class BadSignature(SinkError):
    """A webhook's headers do not prove that its sender knows the secret, or it is too old."""
