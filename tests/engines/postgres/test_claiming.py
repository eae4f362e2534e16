"""When a worker looks again whose claims did not start at the head of their lines."""

from typing import Any

import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.engines._sql.statement import Answer, Statement, run
from dutiful.engines.postgres.claiming import exchange
from dutiful.engines.postgres.statements import Texts


class WalkedLine:
    """A line that is claimed from behind, and whose head may be looked at in a while."""

    def __init__(self, wait: int) -> None:
        self.wait = wait

    def start(self, now: int) -> tuple[int, int, int]:
        return (0, 0, 0)

    def walk_in(self, now: int) -> int:
        return self.wait

    def learn(self, *told: object) -> None: ...


class WalkedLines:
    def __init__(self, waits: dict[str, int]) -> None:
        self.waits = waits

    def ticks(self) -> int:
        return 0

    def of_queue(self, queue: str) -> WalkedLine:
        return WalkedLine(self.waits[queue])


@pytest.mark.parametrize("waits", [(0, 500), (500, 0), (0, 0, 500), (7, 500, 9)])
def test_it_looks_again_when_the_first_of_the_lines_may_be_walked(waits: tuple[int, ...]) -> None:
    lines: Any = WalkedLines({str(place): wait for place, wait in enumerate(waits)})
    sql = Texts("dutiful")

    def execute(statement: Statement) -> Answer:
        looks = statement.text == sql("look")
        return Answer([(1, True, [], [], [])] if looks else [], 0)

    queues = tuple(str(place) for place in range(len(waits)))
    plan = exchange(sql, "w1", [], Wanted(queues, 10), None, lines)
    assert run(plan, execute).due_in == min(waits)
