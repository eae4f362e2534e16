"""The rules that are on by default, with their limits."""

from __future__ import annotations

from collections.abc import Iterator

from dutiful.core.instant import HOUR, MINUTE, SECOND

from .checks import (
    dead_letters,
    failure_ratio,
    job_slow,
    jobs_expiring,
    queue_age,
    queue_unserved,
    retention_behind,
    schedule_late,
    sink_failing,
    store_full,
    store_trouble,
    unknown_task,
    worker_hung,
    worker_lost,
)
from .rule import Condition, Limit, Rule
from .sample import Sample

RULE_FAILING = "rule-failing"
"""The alert about a rule that raised; it has no check of its own."""
SINK_FAILING = "sink-failing"
STORE_UNUSABLE = "store-unusable"


def _found_without_a_store(sample: Sample) -> Iterator[Condition]:
    """Find nothing: the process that took a sample can use the store, so the alert is over."""
    yield from ()


RULES = (
    Rule(
        name="dead-letters",
        check=dead_letters,
        unit="jobs",
        limit=Limit(above=0, severity="critical"),
        about="jobs of a task that became dead letters in the last 15 minutes",
    ),
    Rule(
        name="queue-age",
        check=queue_age,
        unit="span",
        limit=Limit(above=10 * MINUTE, hold=2 * MINUTE),
        about="how long the oldest job of a queue has waited; in a burst that ends, a sixth of it",
    ),
    Rule(
        name="failure-ratio",
        check=failure_ratio,
        unit="share",
        limit=Limit(above=0.5, hold=10 * MINUTE),
        about="share of a task's attempts that fail, of at least 20 in three minutes",
    ),
    Rule(
        name="queue-unserved",
        check=queue_unserved,
        unit="jobs",
        limit=Limit(above=0, hold=2 * MINUTE, severity="critical"),
        about="due jobs in a queue that no live worker serves",
    ),
    Rule(
        name="worker-hung",
        check=worker_hung,
        unit="span",
        limit=Limit(above=3 * SECOND, severity="critical"),
        about="how long a worker's loop has not answered, or its lease has been over",
    ),
    Rule(
        name="worker-lost",
        check=worker_lost,
        limit=Limit(above=2),
        about="workers that were lost in the last ten minutes",
    ),
    Rule(
        name="schedule-late",
        check=schedule_late,
        limit=Limit(above=0),
        about="occurrences of a schedule that were late or missed in the last ten minutes",
    ),
    Rule(
        name="unknown-task",
        check=unknown_task,
        limit=Limit(above=0, hold=5 * MINUTE),
        about="how often workers met jobs of a task that they do not know, in two minutes",
    ),
    Rule(
        name="jobs-expiring",
        check=jobs_expiring,
        unit="jobs",
        limit=Limit(above=0),
        about="jobs of a task that expired in the last ten minutes",
    ),
    Rule(
        name="job-slow",
        check=job_slow,
        unit="times",
        limit=Limit(above=10),
        about="how many times longer than usual a job has run, from 10 minutes on",
    ),
    Rule(
        name="store-trouble",
        check=store_trouble,
        limit=Limit(above=0, hold=5 * MINUTE),
        about="an old snapshot, or something else, holds the store back",
    ),
    Rule(
        name="store-full",
        check=store_full,
        limit=Limit(above=0, severity="critical"),
        about="the disk of the store is nearly full",
    ),
    Rule(
        name=STORE_UNUSABLE,
        check=_found_without_a_store,
        unit="span",
        limit=Limit(above=10 * SECOND, severity="critical"),
        about="how long a process has not been able to use the store; sent without the store",
    ),
    Rule(
        name="retention-behind",
        check=retention_behind,
        unit="span",
        limit=Limit(above=2 * HOUR, hold=10 * MINUTE),
        about="how long the oldest finished job should have been deleted",
    ),
    Rule(
        name=SINK_FAILING,
        check=sink_failing,
        limit=Limit(above=2),
        about="failed tries in a row to send a message to a sink",
    ),
)
