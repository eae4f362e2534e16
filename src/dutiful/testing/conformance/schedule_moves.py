"""The moves that tests of schedules are written in."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dutiful.core.advance import advance
from dutiful.core.instant import MINUTE
from dutiful.core.occurrence import Standing
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule, occurrence_id, read
from dutiful.testing.conformance.roles import Roles


def tick(name: str = "tick", **fields: Any) -> Schedule:
    """Build a schedule that fires every minute, on the minute."""
    return replace(Schedule(name=name, task="t", rule=Interval(MINUTE)), **fields)


async def standing(engine: Roles, name: str = "tick") -> Standing:
    """Return where one schedule stands."""
    (found,) = await engine.schedules.standings([name])
    return found


async def job_id(engine: Roles, planned: int, name: str = "tick") -> str:
    """Return the id of the job that an occurrence has."""
    return occurrence_id(name, planned, read((await standing(engine, name)).spec).born)


async def turn(engine: Roles, limit: int = 100) -> tuple[str, ...]:
    """Advance what is due, as a scheduler does, and return the ids of the new jobs."""
    batch = await engine.schedules.due(limit)
    moves = [move for due in batch.due if (move := advance(due, batch.now)) is not None]
    return (await engine.schedules.advance(moves)).made if moves else ()
