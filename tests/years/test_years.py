"""A short run of virtual years, and planted bugs that it finds; the long one is
`make simulate-years`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from dutiful.core import advance as decide
from dutiful.core import declaration
from dutiful.core.advance import resumed
from dutiful.core.instant import DAY
from dutiful.core.occurrence import Advance, Due, Standing
from dutiful.core.rule import Dst, cron
from dutiful.core.schedule import planned_after, read
from dutiful.engines.memory import scheduling
from dutiful.services import scheduler
from tests.years.judge import Fault
from tests.years.world import World

Plant = Callable[[pytest.MonkeyPatch], None]


def test_a_year_of_deploys_and_outages() -> None:
    world = World(seed=1, years=1, count=40)
    world.run()
    happened = world.counts
    assert happened["made"] > 5000
    # Nights on which the clocks change, and everything that may go wrong, were met.
    for what in ("odd", "missed", "deploy", "rollback", "outage", "pause", "resume", "step"):
        assert happened[what], what


def _moves(wrong: Callable[[Advance, Due, int], Advance]) -> Plant:
    def advance(due: Due, now: int) -> Advance | None:
        move = decide.advance(due, now)
        return None if move is None else wrong(move, due, now)

    return lambda patch: patch.setattr(scheduler, "advance", advance)


def _leaps(move: Advance, due: Due, now: int) -> Advance:
    """Leave out one occurrence of a schedule, once."""
    if due.standing.number != 20 or move.next is None:
        return move
    return replace(move, next=planned_after(read(due.standing.spec), move.next))


def _drifts(move: Advance, due: Due, now: int) -> Advance:
    """Count a day from when it ran, and not from when it was planned."""
    daily = move.next is not None and move.last is not None and move.next - move.last == DAY
    return replace(move, next=now + DAY) if daily else move


def _silent(move: Advance, due: Due, now: int) -> Advance:
    return replace(move, missed=0)


def _resumes_as_if_nothing_had_been(standing: Standing, now: int) -> Standing | None:
    found = resumed(standing, now)
    return None if found is None else replace(found, next=planned_after(read(found.spec), now))


PLANTED: dict[str, Plant] = {
    "an occurrence is left out": _moves(_leaps),
    "the next comes from the last run": _moves(_drifts),
    "misfires are not counted": _moves(_silent),
    "a repeated hour runs twice": lambda patch: patch.setattr(cron, "FIXED", Dst("after", "both")),
    "a missing hour is silent": lambda patch: patch.setattr(cron, "FIXED", Dst("skip", "first")),
    "a beat stops at night": lambda patch: patch.setattr(cron, "BEAT", Dst("after", "first")),
    "two versions fight": lambda patch: patch.setattr(declaration, "rules", lambda *_: True),
    "an old version never comes back": lambda patch: patch.setattr(
        declaration, "in_force", lambda *_: True
    ),
    "two schedulers write the same move": lambda patch: patch.setattr(
        scheduling, "admits", lambda *_: True
    ),
    "a resume forgets": lambda patch: patch.setattr(
        decide, "resumed", _resumes_as_if_nothing_had_been
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[name](monkeypatch)
    with pytest.raises(Fault):
        World(seed=1, years=2, count=40).run()
