"""A worker's own reckoning of its lease."""

import asyncio
from typing import Any

import pytest

from dutiful.contract.roles.fleet import Renewal
from dutiful.core.lease import Lease
from dutiful.worker.heartbeat import Heartbeat


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


class Silent:
    """A store that never answers."""

    async def renew(self, worker: str, stalled_for: int = 0) -> Renewal:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def nothing(*given: object) -> None:
    """Hear what the heartbeat has to say."""


def beating(fleet: Any, clock: Ticks, lease: Lease) -> Heartbeat:
    hooks: dict[str, Any] = {"on_lost": nothing, "on_cancels": nothing, "on_fault": nothing}
    return Heartbeat(fleet, "w1", lease, clock, on_stalled=nothing, ask=nothing, **hooks)


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
    heartbeat = beating(Slow(clock, 500, told), clock, Lease(1_000, 200))
    await heartbeat.renew()
    clock.at = valid_until - 1
    assert heartbeat.valid()
    clock.at = valid_until
    assert not heartbeat.valid()


async def test_a_renewal_without_an_answer_is_given_up_at_the_deadline() -> None:
    clock = Ticks()
    clock.at = 10**12  # of a host that has run for days
    heartbeat = beating(Silent(), clock, Lease(100_000, 20_000))
    async with asyncio.timeout(60):
        await heartbeat.renew()
    assert heartbeat.valid()
    clock.at += 80_000
    assert not heartbeat.valid()
