"""The job of an occurrence is due up to the jitter after its instant; one of a backfill at once."""

from dutiful.core.instant import DAY, MINUTE
from dutiful.core.rule import Interval, jittered
from dutiful.core.schedule import Schedule, job_of

PLANNED = 1_000 * DAY
SCHEDULE = Schedule(name="s", task="t", rule=Interval(MINUTE), jitter=MINUTE)


def test_the_job_is_due_when_the_jitter_says() -> None:
    due = jittered("s", PLANNED, MINUTE)
    assert PLANNED < due <= PLANNED + MINUTE
    assert job_of(SCHEDULE, PLANNED, None, backfilled=False).run_at == due


def test_a_backfill_knows_no_jitter() -> None:
    job = job_of(SCHEDULE, PLANNED, None, backfilled=True)
    assert (job.run_at, job.meta["backfilled"]) == (None, "yes")
