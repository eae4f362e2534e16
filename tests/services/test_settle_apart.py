"""A settlement that a store cannot hold costs its own attempt; a store that is away is told."""

from collections.abc import Sequence

import pytest

from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.errors import EngineError, EngineUnavailable
from dutiful.core.event import OutcomeRefused
from dutiful.core.outcome import Succeeded
from dutiful.core.settle import Settlement
from dutiful.engines.memory import MemoryEngine
from dutiful.services.settle_apart import settle_apart
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import Half, add, ending, hand, one


async def settlement() -> Settlement:
    engine = MemoryEngine(FakeClock())
    await engine.open()
    await engine.fleet.join(hand("w1"))
    await add(engine)
    return ending(await one(engine), Succeeded())


class Store:
    """Answers each settlement with the next of some errors, then takes it."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = [*errors]
        self.asked: list[Settlement] = []

    async def send(self, items: Sequence[Settlement]) -> Exchanged:
        self.asked += items
        if self.errors:
            raise self.errors.pop(0)
        return Exchanged()


async def test_each_simpler_end_is_tried_until_the_store_takes_one() -> None:
    item, reported = await settlement(), list[object]()
    store = Store(EngineError("no"), EngineError("no"))
    assert await settle_apart(store.send, [item], reported.append, Half()) == Exchanged()
    assert [each.reason for each in store.asked] == [None, "discarded", "bad-payload"]
    assert [type(event) for event in reported] == [OutcomeRefused]


async def test_an_end_that_cannot_be_written_at_all_is_kept() -> None:
    item = await settlement()
    store = Store(*[EngineError("no")] * 3)
    answer = await settle_apart(store.send, [item], lambda event: None, Half())
    assert answer.delayed == (item.claim.job.id,)


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_a_store_that_is_away_is_told_at_once(before: int) -> None:
    store = Store(*[EngineError("no")] * before, EngineUnavailable("away"))
    with pytest.raises(EngineUnavailable):
        await settle_apart(store.send, [await settlement()], lambda event: None, Half())
    assert len(store.asked) == before + 1
