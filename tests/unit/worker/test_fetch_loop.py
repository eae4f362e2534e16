"""What an exchange with the store brings, and what is kept when it is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from dutiful import App, EngineUnavailable
from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.event import Event, OutcomeRefused, SettlementsDelayed
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Released, Succeeded
from dutiful.core.settle import Settlement
from dutiful.testing.clock import FakeClock
from dutiful.worker.delayed import Delayed
from tests.unit.worker.parts import Parts, claim


def end(job_id: str) -> tuple[Claim, Outcome]:
    return claim(job_id), Succeeded(b"null")


async def test_ends_that_come_in_while_an_exchange_is_broken_off_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts, asked = Parts(app), asyncio.Event()
        sent, came_in = [end("1"), end("2")], [end("3"), end("4"), end("5")]

        async def hangs(*_: Any) -> Exchanged:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        monkeypatch.setattr(app.store.engine.consumer, "exchange", hangs)
        parts.executor.ended += sent
        turn = asyncio.create_task(parts.fetch_loop.turn())
        await asked.wait()
        parts.executor.ended += came_in
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert parts.executor.ended == [*sent, *came_in]


@pytest.mark.parametrize("heard_before", [False, True])
async def test_claims_that_are_taken_up_tell_the_clock_of_the_store_where_it_is_unknown(
    monkeypatch: pytest.MonkeyPatch, heard_before: bool
) -> None:
    async with App("memory://") as app:
        clock = FakeClock()
        parts = Parts(app, clock=clock)
        taken = [claim(str(at), started_at=at) for at in (10, 15, 20)]

        async def nothing(*_: Any) -> Exchanged:
            return Exchanged()

        async def claimed(worker: str, known: set[str]) -> list[Claim]:
            return taken

        monkeypatch.setattr(app.store.engine.consumer, "exchange", nothing)
        monkeypatch.setattr(app.store.engine.fleet, "claimed", claimed)
        if heard_before:
            parts.executor.store_clock.heard(1000)
        clock.advance(0.000_005)
        parts.store_retry.failures += 1  # a reply was lost, and with it what it said
        assert await parts.fetch_loop.turn()
        assert [one for one, _ in parts.executor.ended] == taken
        assert parts.executor.store_clock.now() == (1005 if heard_before else 20)


@pytest.mark.parametrize("sign", ["refused", "time"])
async def test_a_worker_asks_what_it_holds_though_no_call_of_its_has_failed(
    sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that took over between two calls has again what the worker had settled."""
    async with App("memory://") as app:
        parts, asked = Parts(app), 0

        async def answers(worker: str, settlements: Sequence[Settlement], _: Any) -> Exchanged:
            return Exchanged(refused=("1",) if settlements and sign == "refused" else ())

        async def claimed(worker: str, known: set[str]) -> list[Claim]:
            nonlocal asked
            asked += 1
            return [claim("9")]

        monkeypatch.setattr(app.store.engine.consumer, "exchange", answers)
        monkeypatch.setattr(app.store.engine.fleet, "claimed", claimed)
        assert await parts.fetch_loop.turn()
        assert (asked, parts.executor.ended) == (0, [])
        if sign == "time":
            monkeypatch.setattr("dutiful.worker.fetch_loop._COMPARED_SECONDS", 0.0)
        parts.fetch_loop._hopeful = True
        parts.executor.ended.append(end("1"))
        assert await parts.fetch_loop.turn()
        assert asked == 1
        assert [one.job.id for one, _ in parts.executor.ended] == ["9"]


async def test_a_worker_that_finds_no_claims_of_its_own_keeps_its_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts = Parts(app)

        async def nothing(*_: Any) -> Exchanged:
            return Exchanged()

        monkeypatch.setattr(app.store.engine.consumer, "exchange", nothing)
        parts.store_retry.failures += 1
        assert await parts.fetch_loop.turn()
        assert not parts.executor.store_clock.known


async def test_an_end_that_cannot_be_stored_in_any_form_is_told_once_and_tried_four_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts, now, events = Parts(app), [0.0], list[Event]()
        app.bus.subscribe(events.append)
        parts.executor.delayed = Delayed(lambda: now[0])

        async def refuses(worker: str, settlements: Sequence[Settlement], _: Any) -> Exchanged:
            if settlements:
                raise RuntimeError("no such column")
            return Exchanged()

        monkeypatch.setattr(app.store.engine.consumer, "exchange", refuses)
        parts.executor.ended.append(end("1"))
        held: list[int] = []
        for _ in range(5):
            await parts.fetch_loop.turn()
            held.append(len(parts.executor.delayed))
            now[0] += 10
        assert held == [1, 1, 1, 0, 0]

        async def claimed(worker: str, known: set[str]) -> list[Claim]:
            return [claim("1"), claim("9")]

        monkeypatch.setattr(app.store.engine.fleet, "claimed", claimed)
        parts.executor.ended.clear()
        await parts.fetch_loop._find_lost()
        assert [one.job.id for one, _ in parts.executor.ended] == ["9"]
        assert [event.job_id for event in events if isinstance(event, OutcomeRefused)] == ["1"]
        assert not any(isinstance(event, SettlementsDelayed) for event in events)


async def test_a_worker_asks_only_for_what_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole rows of all that it runs would be read twice a minute for nothing."""
    async with App("memory://") as app:
        parts, asked = Parts(app), list[set[str]]()

        async def claimed(worker: str, known: set[str]) -> list[Claim]:
            asked.append(known)
            return []

        monkeypatch.setattr(app.store.engine.fleet, "claimed", claimed)
        parts.executor.waiting.append(claim("1"))
        parts.executor.delayed.keep([end("2")], ("2",))
        await parts.fetch_loop._find_lost()
        assert asked == [{"1", "2"}]


async def test_jobs_that_were_handed_back_are_counted_once_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts, answers = Parts(app), [Exchanged(refused=("1", "4"), delayed=("2",)), Exchanged()]

        async def answered(*_: Any) -> Exchanged:
            return answers.pop(0)

        monkeypatch.setattr(app.store.engine.consumer, "exchange", answered)
        parts.executor.draining = True
        back = [(claim(job_id), Released()) for job_id in "1235"]
        parts.executor.ended += [*back, end("4")]
        assert await parts.fetch_loop.turn()
        assert parts.fetch_loop.released == 2
        assert not await parts.fetch_loop.turn()
        parts.executor.delayed = Delayed(lambda: 0.0)
        parts.executor.ended.append(back[1])
        assert await parts.fetch_loop.turn()
        assert parts.fetch_loop.released == 3


@pytest.mark.parametrize("lost", [False, True])
async def test_a_worker_that_the_store_does_not_know_is_lost(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    async with App("memory://") as app:
        parts = Parts(app)

        async def answered(*_: Any) -> Exchanged:
            return Exchanged(lost=lost)

        monkeypatch.setattr(app.store.engine.consumer, "exchange", answered)
        assert not parts.fetch_loop.lost
        assert await parts.fetch_loop.turn()
        assert parts.fetch_loop.lost == lost
        assert parts.fetch_loop.dry == (not lost)


async def test_claims_come_though_an_end_beside_them_cannot_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts, new = Parts(app), claim("2")

        async def refuses(worker: str, settlements: Sequence[Settlement], _: Any) -> Exchanged:
            if settlements:
                raise RuntimeError("no such column")
            return Exchanged(claims=(new,))

        monkeypatch.setattr(app.store.engine.consumer, "exchange", refuses)
        parts.executor.ended.append(end("1"))
        assert await parts.fetch_loop.turn()
        assert [one for one, _ in parts.executor.ended] == [new]
        assert parts.executor.delayed.ids() == {"1"}


async def test_ends_are_not_sent_one_by_one_to_a_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        parts, sent, calls = Parts(app), [end("1"), end("2")], list[int]()

        async def away(worker: str, settlements: Sequence[Settlement], _: Any) -> Exchanged:
            calls.append(len(settlements))
            raise EngineUnavailable("away")

        monkeypatch.setattr(app.store.engine.consumer, "exchange", away)
        parts.executor.ended += sent
        parts.fetch_loop.overdue = lambda: True
        with pytest.raises(EngineUnavailable):
            await parts.fetch_loop.turn()
        assert calls == [2]
        assert parts.executor.ended == sent
