"""The rules that are on by default, with their limits."""

from __future__ import annotations

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
    store_trouble,
    unknown_task,
    worker_hung,
    worker_lost,
)
from .rule import Limit, Rule

RULE_FAILING = "rule-failing"
"""The alert about a rule that raised; it has no check of its own."""
SINK_FAILING = "sink-failing"

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
        about="the store is nearly full, or an old snapshot holds it back",
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
