"""Hostile bodies of tasks, each of some seeds; ``make fuzz`` runs more."""

from __future__ import annotations

from tests.fuzz.bodies_run import play

SEED = 20261129


async def test_hostile_bodies_reach_nobody_else() -> None:
    await play(SEED, 12)
