"""One round of the store's fuzz by its seed."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from tests.fuzz.store_round import play
from tests.fuzz.store_values import Plant, plants

PLANTS = 30


def one_round(url: str, number: int) -> None:
    """Play the round of a seed; an error of it tells what was drawn."""

    @seed(number)
    @settings(
        max_examples=1,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(plants(PLANTS))
    def run(drawn: list[Plant]) -> None:
        assume(len(set(drawn)) > PLANTS // 2)  # the first that is drawn is always the simplest
        asyncio.run(play(url, drawn))

    run()
