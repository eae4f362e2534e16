"""A task: a registered function that can be called inline or enqueued as jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Literal, ParamSpec, Self, TypedDict, TypeVar, Unpack

import msgspec

from dutiful.core.job import NewJob
from dutiful.core.retry import RetryPolicy
from dutiful.core.text import whole
from dutiful.core.unique import Unique

from .async_or_not import is_async, mark_async
from .context import CURRENT, Context
from .enqueue import Enqueuer
from .handle import Handle
from .ids import new_id
from .inline import Inline
from .options import Options, Span, by_arguments, refine
from .origin import origin
from .signature import Signature

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Isolation = Literal["loop", "thread", "process"]


class Using(TypedDict, total=False):
    """The options that ``using`` takes."""

    queue: str
    priority: int
    max_attempts: int
    delay: Span
    run_at: datetime | None
    expires_in: Span | None
    unique: str | Unique | bool | None
    tags: tuple[str, ...] | list[str]
    meta: dict[str, str]
    connection: Any
    patience: Span | None


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """How a task runs, apart from how it is enqueued; spans are microseconds."""

    name: str
    isolation: Isolation
    retry: RetryPolicy
    timeout: int | None = None
    hard_timeout: int | None = None
    capture_logs: str | None = None
    """The level from which on its lines are kept with its jobs, or ``off``; None: as the app's."""


class BoundTask(Generic[P, T]):
    """A task bound to one set of options for its jobs, as ``task.using(...)`` returns it."""

    def __init__(
        self, enqueuer: Enqueuer, spec: Spec, signature: Signature, options: Options
    ) -> None:
        """Join the parts; `Task` is made by ``@app.task``."""
        self.enqueuer = enqueuer
        self.app = enqueuer.app
        self.spec = spec
        self.signature = signature
        self.options = options

    def using(self, **options: Unpack[Using]) -> BoundTask[P, T]:
        """Return the same task with other options for its next jobs; raises BadOption."""
        changed = refine(self.options, dict(options))
        return BoundTask(self.enqueuer, self.spec, self.signature, changed)

    def job(self, /, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """Build a job without storing it, for ``app.enqueue_many``; checks the arguments."""
        options, name = self.options, self.spec.name
        raw = self.signature.encode(args, kwargs, self.app.lazy.settings.payload_bytes_max)
        return NewJob(
            id=new_id(),
            task=name,
            args=raw,
            queue=options.queue,
            priority=options.priority,
            max_attempts=options.max_attempts,
            delay=options.delay,
            run_at=options.run_at,
            expires_in=options.expires_in,
            unique=self.unique_rule(args, kwargs, raw),
            tags=options.tags,
            meta={**options.meta, **self.signature.marks},  # hooks may change it for this job
        )

    def unique_rule(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], raw: bytes
    ) -> Unique | None:
        """Return the unique rule of a job with these arguments, which are ``raw`` as JSON."""
        rule = self.options.unique
        if rule is not True:
            return rule or None
        try:
            form = self.signature.canonical(args, kwargs)
        except Exception:  # noqa: BLE001 - the arguments are valid: they have a key as they are
            form = raw
        return by_arguments(self.spec.name, form)

    def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
        """Store a job; when this returns, it survives a crash of every process.

        Raises BadArguments before any I/O, and what the engine may raise. On an event loop it
        raises UsageError, since it would block the loop: use `aenqueue` there. With ``connection``
        it is a statement of the caller's own and allowed everywhere.
        """
        job, reader = self.job(*args, **kwargs), self.signature.result_decoder
        return self.enqueuer.enqueue(job, self.options, reader)

    async def aenqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
        """Store a job from async code; concurrent callers share a commit."""
        job, reader = self.job(*args, **kwargs), self.signature.result_decoder
        return await self.enqueuer.aenqueue(job, self.options, reader)

    def __copy__(self) -> Self:
        """Return itself: it cannot be changed, and belongs to its app."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself, as `copy.copy` does."""
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Refuse to be pickled: options may hold a connection, and the app holds a store."""
        raise TypeError(
            f"a task with options ({self.spec.name}.using(...)) cannot be pickled; pickle the task "
            "itself, and give it the options where it is used"
        )

    def handle(self, job_id: str) -> Handle[T]:
        """Return a handle on a job of this task by its id, without looking it up."""
        return Handle(self.app, whole(job_id, "job id"), True, self.signature.result_decoder)


class Task(BoundTask[P, T], Generic[P, R, T]):
    """A registered function; calling it runs it here and now, without the store."""

    def __init__(
        self,
        enqueuer: Enqueuer,
        fn: Callable[..., R],
        spec: Spec,
        signature: Signature,
        options: Options,
    ) -> None:
        """Join the function and what is known of it."""
        super().__init__(enqueuer, spec, signature, options)
        self.fn = fn
        self.origin = origin(fn)
        """Where the function comes from, to distinguish it from another with the same name."""
        self.__name__ = getattr(fn, "__name__", spec.name)
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__
        self.__qualname__ = getattr(fn, "__qualname__", spec.name)
        self.__wrapped__ = fn
        if spec.isolation == "loop":
            mark_async(self)

    def __repr__(self) -> str:
        """Show the name."""
        return f"<Task {self.spec.name}>"

    def __reduce__(self) -> str:
        """Be pickled as a function is, by module and name."""
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not self:
            raise TypeError(
                f"task {self.spec.name} cannot be pickled: it is not found as "
                f"{self.__module__}.{self.__qualname__}; define it by @app.task at the top of a "
                "module, or pickle its name and call app.find(name)"
            )
        return str(self.__qualname__)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function inline, as a part of the task that calls it, if one does.

        If the function takes a context, it gets that of the calling task. It gets a stand-in with
        a job of its own if no task calls it, or if only one of the two is async.
        """
        if not self.signature.takes_context or self.signature.has_context(args, kwargs):
            return self.fn(*args, **kwargs)
        awaits = self.spec.isolation == "loop"
        context = CURRENT.get()
        if context is None or context.awaits != awaits:
            context = Context(Inline(self.spec.name, awaits=awaits))
        full, named = self.signature.insert(context, args, dict(kwargs))
        return self.fn(*full, **named)

    @property
    def name(self) -> str:
        """The task's name, as jobs carry it."""
        return self.spec.name

    @property
    def queue(self) -> str:
        """The queue of its jobs, unless an enqueue names another."""
        return self.options.queue


def isolation_of(fn: Callable[..., Any], cpu: bool) -> Isolation:
    """Choose where a function runs: async on the loop, sync in a thread, ``cpu`` in a process."""
    if cpu:
        return "process"
    return "loop" if is_async(fn) else "thread"
