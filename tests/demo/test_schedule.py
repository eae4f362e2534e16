"""Each occurrence that the rule names must have run once, by the gateway's own book."""

from dutiful.core.advance import begin, paused
from dutiful.core.instant import SECOND, moment
from dutiful.core.occurrence import Recorded
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.demo.books import CashUp
from dutiful.demo.schedule_verdict import LATE_MAX, Occurrences, occurrences
from dutiful.demo.verdict import Survived, judge
from dutiful.demo.wording import details

START = 1_700_000_000 * SECOND
SCHEDULE = Schedule(name="cash-up", task="cash_up", rule=Interval(SECOND))
DUE = [START + number * SECOND for number in range(1, 11)]
END = DUE[-1]


def judged(*ran: int, end: int = END, late: int = 0) -> Occurrences:
    standing = paused(begin(SCHEDULE, START), end)
    assert standing is not None
    history = [
        Recorded(schedule="cash-up", planned=at, number=1, kind="enqueued", recorded_at=at + late)
        for at in ran
    ]
    return occurrences(standing, [CashUp(None, moment(at)) for at in ran], history)


def test_each_once_is_ok() -> None:
    found = judged(*DUE, late=SECOND // 4)
    assert found == Occurrences(planned=10, once=10, twice=0, missed=0, late_max=0.25)
    assert found.ok


def test_a_hole_is_missed() -> None:
    found = judged(*DUE[:4], *DUE[5:])
    assert (found.planned, found.once, found.missed, found.ok) == (10, 9, 1, False)


def test_what_ran_again_is_twice() -> None:
    found = judged(*DUE, DUE[3])
    assert (found.planned, found.once, found.twice, found.ok) == (10, 9, 1, False)


def test_what_no_rule_names_is_wrong() -> None:
    assert judged(*DUE, START + SECOND // 2).twice == 1


def test_a_schedule_that_has_died_is_seen() -> None:
    assert judged(*DUE[:5], end=DUE[4] + LATE_MAX).ok
    found = judged(*DUE[:5], end=DUE[4] + LATE_MAX + 2 * SECOND)
    assert (found.missed, found.ok) == (2, False)


def test_no_run_at_all_is_missed() -> None:
    assert judged().missed == 8


def test_the_verdict_is_bad_with_a_hole_and_says_so() -> None:
    survived = Survived(
        attempts=0,
        retries=0,
        workers_killed=1,
        rescued=0,
        dead=0,
        redriven=0,
        still_dead=0,
        faults=dict.fromkeys(("errors", "stalls", "cuts", "declined", "replayed"), 0),
        seconds=1.0,
        occurrences=judged(*DUE[:4], *DUE[5:], DUE[0]),
    )
    verdict = judge([], [], survived)
    assert not verdict.ok
    said = "10 occurrences, 8 ran once, 1 twice, 1 missed, at most 0.00 s late"
    assert ("schedule", said) in details(verdict)
