"""``app.jobs``: looking at jobs, cancelling them, and running them now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Unpack

from dutiful.client.looping import refuse_on_loop
from dutiful.client.options import checked_flag
from dutiful.contract.capability import Capability
from dutiful.core.errors import BadOption
from dutiful.core.job import AttemptError, Job
from dutiful.core.secret_texts import NO_SECRETS
from dutiful.core.state import LIVE, State
from dutiful.core.text import whole

from .app_protocol import Part
from .bulk import Bulk, BulkResult, ChosenJobs, without_stop
from .choice import Ids, JobFilters, filter_of, id_list
from .job_lookup import each, latest_errors, one, pages
from .page import LIMIT, Page, cursor, page_limit
from .reading import value
from .records import (
    ErrorRecord,
    JobRecord,
    LogLineRecord,
    error_record,
    job_record,
    job_secrets,
    log_record,
)
from .retrying import Retried, retry_one

_PAGE = 500
"""How many jobs `Jobs.iterate` reads with one request."""


class Jobs(Part):
    """Looks at jobs and changes them; all calls may be made while workers run.

    Every method has an async version, whose name begins with ``a``. An id may be cut to its
    first 8 characters or more, where that is unambiguous: ids begin with the millisecond of the
    enqueue, so about 18 are needed. A job that is not there raises JobNotFound.
    """

    async def alist(
        self,
        *,
        limit: int = LIMIT,
        after: str | None = None,
        with_errors: bool = False,
        **filters: Unpack[JobFilters],
    ) -> Page[JobRecord]:
        """Return one page of the jobs that match, newest first.

        ``after`` is the ``next_cursor`` of the page before. ``with_errors`` fills ``latest_error``
        of jobs whose last attempt failed; it takes a request for each of them. A job that is
        enqueued while you page may be missing, and none is seen twice.
        """
        which, most, begin = filter_of(filters), page_limit(limit), cursor(after)
        latest = checked_flag(with_errors, "with_errors")
        inspector = await self._inspector()
        page = await inspector.find(which, most, begin)
        errors = await latest_errors(inspector, page) if latest else {}
        items = tuple(self._record(job, errors.get(job.id)) for job in page.jobs)
        return Page(items, page.cursor)

    async def aiterate(self, **filters: Unpack[JobFilters]) -> AsyncIterator[JobRecord]:
        """Go through all jobs that match, newest first, a page at a time."""
        which = filter_of(filters)
        async for page in pages(await self._inspector(), which, size=_PAGE):
            for job in page:
                yield self._record(job)

    async def acount(self, **filters: Unpack[JobFilters]) -> int:
        """Count the jobs that match; it walks through them, so the time grows with their number.

        `Queues.list` has the counts of each queue and state without that.
        """
        which = filter_of(filters)
        return sum([len(page) async for page in pages(await self._inspector(), which, size=_PAGE)])

    async def aget(self, job_id: str) -> JobRecord:
        """Return a job."""
        text = whole(job_id, "job id")
        return self._record(await one(await self._inspector(), text))

    async def areveal(self, job_id: str) -> JobRecord:
        """Return a job with what its task marks as sensitive; keep it out of logs.

        Its errors have been stored without such values.
        """
        text = whole(job_id, "job id")
        return job_record(await one(await self._inspector(), text), reveal=True)

    async def aerrors(self, job_id: str) -> tuple[ErrorRecord, ...]:
        """Return the errors of all failed attempts of a job, oldest first."""
        text, inspector = whole(job_id, "job id"), await self._inspector()
        job = await one(inspector, text)
        hidden = job_secrets(job, self._sensitive(job.task))
        return tuple(error_record(row, hidden) for row in await inspector.errors(job.id))

    async def asteps(self, job_id: str, *, reveal: bool = False) -> dict[str, Any]:
        """Return the results of a job's recorded steps by name, as plain JSON.

        Sensitive values of the job are ``***`` in them, unless ``reveal`` is set.
        """
        text, inspector = whole(job_id, "job id"), await self._inspector()
        job, show = await one(inspector, text), checked_flag(reveal, "reveal")
        hidden = NO_SECRETS if show else job_secrets(job, self._sensitive(job.task))
        found = await inspector.steps(job.id)
        return {name: hidden.hide_in(value(raw)) for name, raw in found.items()}

    async def alogs(self, job_id: str) -> tuple[LogLineRecord, ...]:
        """Return the lines that were captured of all attempts of a job, oldest first.

        Tasks with ``capture_logs=`` have some, within bounds. Unsupported where the engine keeps
        none.
        """
        text = whole(job_id, "job id")
        store = await self._store(Capability.INSPECT, Capability.LOGS)
        job = await one(store.inspector, text)
        hidden = job_secrets(job, self._sensitive(job.task))
        return tuple(log_record(row, hidden) for row in await store.logs.lines(job.id))

    async def acancel(
        self,
        ids: Ids = None,
        *,
        all: bool = False,
        stop: asyncio.Event | None = None,
        **which: Unpack[ChosenJobs],
    ) -> BulkResult:
        """Cancel jobs that have not started, and ask for the end of those that run.

        Give ids, or filters, or ``all=True``. Jobs are changed in batches, the newest first, or in
        the order of the ids given; each batch is safe by itself, and a second call goes on with the
        rest. A job that has ended is left as it is; one that starts after it was looked up is asked
        to end. Setting ``stop``, an event of this loop, ends the call after the current batch.
        """
        bulk = Bulk("cancel", LIVE, ids, which, everything=all, stop=stop)
        store = await self._store(Capability.CANCEL, *bulk.needs)
        return await bulk.carry_out(store, store.controller(Capability.CANCEL).cancel)

    async def arun_now(
        self,
        ids: Ids = None,
        *,
        all: bool = False,
        stop: asyncio.Event | None = None,
        **which: Unpack[ChosenJobs],
    ) -> BulkResult:
        """Make scheduled and waiting jobs due now, retries included; chosen as for `acancel`.

        Jobs in other states are left as they are.
        """
        states = (State.SCHEDULED, State.WAITING)
        bulk = Bulk("run_now", states, ids, which, everything=all, stop=stop)
        store = await self._store(Capability.DELAY, *bulk.needs)
        return await bulk.carry_out(store, store.controller(Capability.DELAY).run_now)

    async def aretry(self, ids: Ids) -> tuple[Retried, ...]:
        """Run jobs now: make scheduled and waiting ones due, redrive dead and cancelled ones.

        Returns what became of each, in the order given. To redrive many, see `DeadLetters.redrive`.
        """
        names = id_list(ids)
        if names is None:
            raise BadOption("retry() names no jobs; give an id, or a list of ids")
        store = await self._store(Capability.INSPECT)
        return tuple([await retry_one(store, job) for job in await each(store.inspector, names)])

    def list(
        self,
        *,
        limit: int = LIMIT,
        after: str | None = None,
        with_errors: bool = False,
        **filters: Unpack[JobFilters],
    ) -> Page[JobRecord]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist(limit=limit, after=after, with_errors=with_errors, **filters))

    def iterate(self, **filters: Unpack[JobFilters]) -> Iterator[JobRecord]:
        """Do what `aiterate` does, from sync code."""
        refuse_on_loop("iterate", instead="async for ... in ...aiterate(...)")
        filter_of(filters)
        return self._each(filters)

    def count(self, **filters: Unpack[JobFilters]) -> int:
        """Do what `acount` does, from sync code."""
        return self._run(self.acount(**filters))

    def get(self, job_id: str) -> JobRecord:
        """Do what `aget` does, from sync code."""
        return self._run(self.aget(job_id))

    def reveal(self, job_id: str) -> JobRecord:
        """Do what `areveal` does, from sync code."""
        return self._run(self.areveal(job_id))

    def errors(self, job_id: str) -> tuple[ErrorRecord, ...]:
        """Do what `aerrors` does, from sync code."""
        return self._run(self.aerrors(job_id))

    def steps(self, job_id: str, *, reveal: bool = False) -> dict[str, Any]:
        """Do what `asteps` does, from sync code."""
        return self._run(self.asteps(job_id, reveal=reveal))

    def logs(self, job_id: str) -> tuple[LogLineRecord, ...]:
        """Do what `alogs` does, from sync code."""
        return self._run(self.alogs(job_id))

    def cancel(
        self, ids: Ids = None, *, all: bool = False, **which: Unpack[ChosenJobs]
    ) -> BulkResult:
        """Do what `acancel` does, from sync code."""
        without_stop("cancel", which)
        return self._run(self.acancel(ids, all=all, **which))

    def run_now(
        self, ids: Ids = None, *, all: bool = False, **which: Unpack[ChosenJobs]
    ) -> BulkResult:
        """Do what `arun_now` does, from sync code."""
        without_stop("run_now", which)
        return self._run(self.arun_now(ids, all=all, **which))

    def retry(self, ids: Ids) -> tuple[Retried, ...]:
        """Do what `aretry` does, from sync code."""
        return self._run(self.aretry(ids))

    def _record(self, job: Job, error: AttemptError | None = None) -> JobRecord:
        return job_record(job, error, sensitive=self._sensitive(job.task))

    def _each(self, filters: JobFilters) -> Iterator[JobRecord]:
        after: str | None = None
        while True:
            page = self._run(self.alist(limit=_PAGE, after=after, **filters))
            yield from page.items
            after = page.next_cursor
            if after is None:
                return
