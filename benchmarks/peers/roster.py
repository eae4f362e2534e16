"""The systems that are compared: where each keeps jobs, its settings in words, and what is left.

``left`` counts the jobs of a store that have not succeeded. Settings are the best of what each
project documents and of a few trials; what is not named is a default.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One row of the table."""

    name: str
    title: str
    module: str
    """The file of ``systems`` and of ``requirements``."""
    package: str
    store: str
    left: str
    settings: str
    python: tuple[int, int] = (3, 11)

    @property
    def ours(self) -> bool:
        """Whether it is Dutiful."""
        return self.module == "dutiful"


DUTIFUL = "all defaults: one process, 16 slots, results stored and kept; uvloop"
DBOS = (
    "sync workflow, worker_concurrency=1000, polling_interval_sec=0.1 (default 1); bulk: 1,000 "
    "enqueue_in_transaction in one transaction; ended workflows are kept"
)
DBOS_LEFT = "SELECT count(*) FROM {}workflow_status WHERE status IN ('ENQUEUED', 'PENDING')"
# Its own view of jobs says the same, and takes half a minute for it.
AWA_LEFT = (
    "SELECT count(*) FROM awa.ready_entries WHERE job_id NOT IN "
    "(SELECT unnest(job_ids) FROM awa.receipt_completion_batches)"
)

ROSTER = (
    Entry(
        name="dutiful-postgres",
        title="Dutiful",
        module="dutiful",
        package="dutiful",
        store="postgresql",
        left="SELECT count(*) FROM dutiful.job WHERE state <> 4",
        settings=DUTIFUL,
    ),
    Entry(
        name="pgqueuer",
        title="PgQueuer",
        module="pgqueuer",
        package="pgqueuer",
        store="postgresql",
        left="SELECT count(*) FROM pgqueuer",
        settings="batch_size=1000, max_concurrent_tasks=2000, asyncpg pool of 2 to 10, uvloop",
    ),
    Entry(
        name="awa",
        title="Awa",
        module="awa",
        package="awa-pg",
        store="postgresql",
        left=AWA_LEFT,
        settings="queue storage, max_workers=500, claimers=2, claim_batch_size=512; bulk by COPY",
    ),
    Entry(
        name="oban",
        title="Oban (Python)",
        module="oban",
        package="oban",
        store="postgresql",
        left="SELECT count(*) FROM oban_jobs WHERE state <> 'completed'",
        settings="open-source engine, queue limit 500, uvloop; ended jobs are kept",
        python=(3, 12),
    ),
    Entry(
        name="chancy",
        title="Chancy",
        module="chancy",
        package="chancy",
        store="postgresql",
        left="SELECT count(*) FROM chancy_jobs WHERE state <> 'succeeded'",
        settings="AsyncExecutor, concurrency=1000, polling_interval=1 (default 5), eager_polling, log level WARNING",
    ),
    Entry(
        name="procrastinate",
        title="Procrastinate",
        module="procrastinate",
        package="procrastinate",
        store="postgresql",
        left="SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'",
        settings="concurrency=50, pool of 2 to 10, delete_jobs=always, uvloop",
    ),
    Entry(
        name="dbos-postgres",
        title="DBOS",
        module="dbos",
        package="dbos",
        store="postgresql",
        left=DBOS_LEFT.format("dbos."),
        settings=DBOS,
    ),
    Entry(
        name="dutiful-sqlite",
        title="Dutiful",
        module="dutiful",
        package="dutiful",
        store="sqlite",
        left="SELECT count(*) FROM dutiful_job WHERE state <> 4",
        settings=DUTIFUL + "; synchronous=FULL",
    ),
    Entry(
        name="huey",
        title="Huey",
        module="huey",
        package="huey",
        store="sqlite",
        left="SELECT count(*) FROM task",
        settings="one thread (more are slower), results=False; synchronous=FULL",
    ),
    Entry(
        name="flexiq",
        title="FlexiQ",
        module="flexiq",
        package="flexiq",
        store="sqlite",
        left="SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM dead_letter)",
        settings="8 threads, log level WARNING, scheduler_poll_interval_ms=5, scheduler_batch_size=500",
    ),
    Entry(
        name="dbos-sqlite",
        title="DBOS",
        module="dbos",
        package="dbos",
        store="sqlite",
        left=DBOS_LEFT.format(""),
        settings=DBOS,
    ),
)


def chosen(names: str | None) -> list[Entry]:
    """Return the entries of a list of names with commas; ValueError that names the nearest ones."""
    if names is None:
        return list(ROSTER)
    known = {entry.name: entry for entry in ROSTER}
    found = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ValueError(f"no system is called {name!r}; {hint}There are: {', '.join(known)}")
        found.append(known[name])
    if not found:
        raise ValueError(f"--only names no system. There are: {', '.join(known)}")
    return found
