"""The plan that writes settlements, on any connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.core.errors import EngineError
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.engines._sql.statement import Plan, Statement

from .log_writing import keep_logs
from .rows import error_row, guarded
from .statements import sql

_SUCCEED = sql("succeed")
_END = sql("settle_end")
_BACK = sql("settle_back")
_FAIL = sql("fail")
_SAME_FENCE = sql("same_fence")
_HELD = sql("held")
_UNHOLD = sql("unhold")


def settle(items: Sequence[Settlement], now: int) -> Plan[tuple[str, ...]]:
    """Write settlements whose claims hold and return the ids of those refused."""
    refused: list[str] = []
    odd = [item for item in items if item.claim.job.unreadable is not None]
    if odd:
        items = [item for item in items if item.claim.job.unreadable is None]
        refused += yield from _settle_odd(odd, now)
    if logged := [item for item in items if item.claim.log]:
        yield from keep_logs(logged)
    succeeded = State.SUCCEEDED
    done = [item for item in items if item.state is succeeded and not item.rescue]
    if len(done) < len(items):
        others = [item for item in items if item.state is not succeeded or item.rescue]
        refused += yield from _settle_others(others, now)
    if done:
        refused += yield from _write(_SUCCEED, done, _successes(done, now))
    return tuple(refused)


def _settle_others(items: Sequence[Settlement], now: int) -> Plan[list[str]]:
    """Write the ends that are not plain successes."""
    groups: dict[str, list[Settlement]] = {}
    refused: list[str] = []
    failed = [item for item in items if item.error is not None]
    if failed:
        yield Statement(_FAIL, [_failure(item) for item in failed], many=True)
    for item in items:
        if item.rescue:
            answer = yield Statement(_verb(item), _params(item, now))
            if not answer.count:
                refused.append(item.claim.job.id)
        else:
            groups.setdefault(_verb(item), []).append(item)
    for text, group in groups.items():
        refused += yield from _write(text, group, [_params(item, now) for item in group])
    return refused


def _write(
    text: str, group: Sequence[Settlement], params: list[tuple[Any, ...]]
) -> Plan[list[str]]:
    answer = yield Statement(text, params, many=True)
    return [] if answer.count == len(group) else (yield from _refused(group))


def _settle_odd(items: Sequence[Settlement], now: int) -> Plan[list[str]]:
    """Write the ends of unreadable jobs, one by one, so that none blocks another."""
    refused: list[str] = []
    for item in items:
        try:
            text, guard = guarded(_UNHOLD, item.claim)
            yield Statement(text, guard)
            if item.error is not None:
                text, guard = guarded(_FAIL, item.claim)
                yield Statement(text, (*error_row(item.error), *guard))
            text, guard = guarded(_verb(item), item.claim)
            written = (yield Statement(text, (*_params(item, now)[:-3], *guard))).count
        except EngineError:
            written = 0
        if not written:
            refused.append(item.claim.job.id)
    return refused


def held(item: Settlement) -> Plan[bool]:
    """Whether the claim of a settlement holds."""
    return bool((yield Statement(_HELD, _guard(item))).rows)


def brings_back(items: Sequence[Settlement]) -> bool:
    """Whether some of the jobs may be claimed again."""
    return any(item.state < State.SUCCEEDED for item in items)


def _refused(group: Sequence[Settlement]) -> Plan[list[str]]:
    """Return the refused settlements: those whose jobs now have another fence.

    A job that no longer runs, under the same fence, was settled by its holder, now or before.
    """
    refused: list[str] = []
    for item in group:
        if not (yield Statement(_SAME_FENCE, _guard(item))).rows:
            refused.append(item.claim.job.id)
    return refused


def _verb(item: Settlement) -> str:
    if item.state is State.SUCCEEDED and not item.rescue:
        return _SUCCEED
    return _END if item.state.final else _BACK


def _params(item: Settlement, now: int) -> tuple[Any, ...]:
    claim = item.claim
    job = claim.job
    if item.state is State.SUCCEEDED and not item.rescue:
        return (item.result, now, claim.handle, job.fence, job.id)
    state, spent = int(item.state), (item.attempt, item.crashes)
    head: tuple[Any, ...] = (state, item.result, now, *spent, item.reason)
    if not item.state.final:
        head = (state, _run_at(item, now), now, item.reason, item.result, *spent)
    return (*head, item.parked_at, int(item.rescue), claim.handle, job.fence, job.id)


def _successes(items: Sequence[Settlement], now: int) -> list[tuple[Any, ...]]:
    """Return the parameters of the statement ``succeed``, without a call for each settlement."""
    claims = [(item.result, item.claim, item.claim.job) for item in items]
    return [(result, now, claim.handle, job.fence, job.id) for result, claim, job in claims]


def _run_at(item: Settlement, now: int) -> int | None:
    """Return the instant when the job is due again; None keeps its instant."""
    if item.state is State.QUEUED:
        return None
    return item.run_at if item.run_at is not None else now + item.delay


def _failure(item: Settlement) -> tuple[Any, ...]:
    if item.error is None:
        raise AssertionError("only a settlement with an error leaves one")
    return (*error_row(item.error), *_guard(item))


def _guard(item: Settlement) -> tuple[Any, ...]:
    job = item.claim.job
    return (item.claim.handle, job.fence, job.id)
