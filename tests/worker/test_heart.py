"""A worker's own reckoning of its lease."""

from typing import Any

import pytest

from dutiful.contract.fleet import Renewal
from dutiful.core.lease import Lease
from dutiful.worker.heart import Heart


class Ticks:
    """A clock that a test sets."""

    at = 1_000

    def now(self) -> int:
        return 0

    def ticks(self) -> int:
        return self.at


class Slow:
    """A store that takes its time over a renewal."""

    def __init__(self, clock: Ticks, written_after: int, at: int | None) -> None:
        self.clock = clock
        self.written_after = written_after
        self.at = at

    async def renew(self, worker: str, stalled_for: int = 0) -> Renewal:
        self.clock.at += self.written_after
        return Renewal(valid=True, at=self.at)


def nothing(*given: object) -> None:
    """Hear what the heart has to say."""


@pytest.mark.parametrize(
    ("told", "valid_until"),
    [
        (1_500, 1_500 + 800),  # the store read our own ticks as it wrote
        (None, 1_000 + 800),
        (999, 1_000 + 800),  # before we asked: another host's ticks
        (1_501, 1_000 + 800),  # later than now: the same
    ],
)
async def test_a_lease_counts_from_its_writing_where_that_is_known(
    told: int | None, valid_until: int
) -> None:
    clock = Ticks()
    fleet: Any = Slow(clock, 500, told)
    hooks: dict[str, Any] = {"on_lost": nothing, "on_cancels": nothing, "on_fault": nothing}
    lease = Lease(1_000, 200)
    heart = Heart(fleet, "w1", lease, clock, on_stalled=nothing, ask=nothing, **hooks)
    await heart.beat()
    clock.at = valid_until - 1
    assert heart.valid()
    clock.at = valid_until
    assert not heart.valid()
