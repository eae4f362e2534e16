"""An attempt's transaction is begun once and ended once, whoever asks meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from dutiful import ClaimLost, ReplyUnknown
from dutiful.core.outcome import Succeeded
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.worker.transaction_guard import AsyncTransactionGuard, TransactionGuard
from tests.unit.worker.parts import claim

SETTLEMENT = settle(claim("1"), Succeeded(b"null"), 2, random.Random(1), Rules())


class Inner:
    """Notes what is asked of an engine's transaction; ``meanwhile`` is called amid each call."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._fails = fails

    def begin(self) -> object:
        return self._do("begin")

    def commit(self, settlement: Settlement) -> bool:
        assert settlement is SETTLEMENT
        self._do("commit")
        if self._fails:
            raise ReplyUnknown("cut")
        return True

    def rollback(self) -> None:
        self._do("rollback")

    def _do(self, what: str) -> list[str]:
        self.asked.append(what)
        self.meanwhile()
        return self.asked


class AsyncInner:
    """The same on a connection that is awaited."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.entered, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._fails = fails

    async def abegin(self) -> object:
        await self._do("begin")
        return self.asked

    async def acommit(self, settlement: Settlement) -> bool:
        assert settlement is SETTLEMENT
        await self._do("commit")
        if self._fails:
            raise ReplyUnknown("cut")
        return True

    async def arollback(self) -> None:
        self.asked.append("rollback")

    async def _do(self, what: str) -> None:
        self.asked.append(what)
        self.entered.set()
        await self.may_go_on.wait()


def test_what_has_begun_is_handed_out_again() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    assert not opened.begun
    assert opened.begin() is opened.begin() is inner.asked
    assert opened.begun
    assert inner.asked == ["begin"]


def test_a_commit_under_way_is_left_alone() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    opened.begin()
    inner.meanwhile = lambda: opened.rollback() if inner.asked[-1] == "commit" else None
    assert opened.commit(SETTLEMENT)
    assert inner.asked == ["begin", "commit"]


def test_a_commit_that_failed_is_undone() -> None:
    inner = Inner(fails=True)
    opened = TransactionGuard(inner)
    opened.begin()
    with pytest.raises(ReplyUnknown):
        opened.commit(SETTLEMENT)
    opened.rollback()
    assert inner.asked == ["begin", "commit", "rollback"]


def test_nothing_begins_and_nothing_is_committed_after_the_end() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    opened.begin()
    opened.commit(SETTLEMENT)
    for late in (opened.begin, lambda: opened.commit(SETTLEMENT)):
        with pytest.raises(ClaimLost):
            late()
    assert inner.asked == ["begin", "commit"]


def test_what_was_undone_is_not_committed() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    opened.begin()
    opened.rollback()
    with pytest.raises(ClaimLost):
        opened.commit(SETTLEMENT)
    assert inner.asked == ["begin", "rollback"]


def test_what_has_not_begun_is_not_undone() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    opened.rollback()
    with pytest.raises(ClaimLost):
        opened.begin()
    assert inner.asked == []


def test_what_begins_too_late_is_undone_at_once() -> None:
    inner = Inner()
    opened = TransactionGuard(inner)
    inner.meanwhile = lambda: opened.rollback() if inner.asked == ["begin"] else None
    with pytest.raises(ClaimLost):
        opened.begin()
    assert not opened.begun
    assert inner.asked == ["begin", "rollback"]


async def begun(inner: AsyncInner) -> AsyncTransactionGuard:
    """Begin a transaction that is awaited."""
    opened = AsyncTransactionGuard(inner)
    inner.may_go_on.set()
    assert await opened.abegin() is await opened.abegin() is inner.asked
    inner.may_go_on.clear()
    inner.entered.clear()
    return opened


async def test_an_awaited_commit_under_way_is_left_alone() -> None:
    inner = AsyncInner()
    opened = await begun(inner)
    commit = asyncio.create_task(opened.acommit(SETTLEMENT))
    await inner.entered.wait()
    await opened.arollback()
    inner.may_go_on.set()
    assert await commit
    assert inner.asked == ["begin", "commit"]


async def test_an_awaited_commit_that_failed_is_undone() -> None:
    inner = AsyncInner(fails=True)
    opened = await begun(inner)
    inner.may_go_on.set()
    with pytest.raises(ReplyUnknown):
        await opened.acommit(SETTLEMENT)
    await opened.arollback()
    assert inner.asked == ["begin", "commit", "rollback"]


async def test_nothing_awaited_begins_or_is_committed_after_the_end() -> None:
    inner = AsyncInner()
    opened = await begun(inner)
    inner.may_go_on.set()
    assert await opened.acommit(SETTLEMENT)
    with pytest.raises(ClaimLost):
        await opened.acommit(SETTLEMENT)
    with pytest.raises(ClaimLost):
        await opened.abegin()
    assert inner.asked == ["begin", "commit"]


async def test_what_was_undone_is_not_committed_where_it_is_awaited() -> None:
    inner = AsyncInner()
    opened = await begun(inner)
    await opened.arollback()
    inner.may_go_on.set()
    with pytest.raises(ClaimLost):
        await opened.acommit(SETTLEMENT)
    assert inner.asked == ["begin", "rollback"]


async def test_what_begins_too_late_is_undone_at_once_where_it_is_awaited() -> None:
    inner = AsyncInner()
    opened = AsyncTransactionGuard(inner)
    begin = asyncio.create_task(opened.abegin())
    await inner.entered.wait()
    await opened.arollback()
    inner.may_go_on.set()
    with pytest.raises(ClaimLost):
        await begin
    assert not opened.begun
    assert inner.asked == ["begin", "rollback"]
