"""The roles `AlertStore` and `ActivityStore` as one process sees them: every call may fail."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from dutiful.contract.roles.alert_store import AlertEntries, AlertEntry, AlertKind
from dutiful.core.alerting.sample import Activity, RunningJob
from dutiful.core.state import State

Ask = Callable[..., Coroutine[Any, Any, Any]]
ALERT_OPS = {
    **{f"alerts_{verb}": ("alerts", verb) for verb in ("turn", "entries", "write", "forget")},
    **{f"alerts_{verb}": ("alerts", verb) for verb in ("longest", "oldest_end")},
    **{f"activity_{verb}": ("activity", verb) for verb in ("add", "read", "totals", "forget")},
}
"""What each operation asks of an engine: a role and its verb."""


class FaultyAlerts:
    """Sends what an alerter asks down the line."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def turn(self, name: str, every: int) -> int | None:
        return await self._ask("alerts_turn", name, every)

    async def entries(self, kinds: Sequence[AlertKind], limit: int = 10_000) -> AlertEntries:
        return await self._ask("alerts_entries", kinds, limit)

    async def write(self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry] = ()) -> bool:
        return await self._ask("alerts_write", entries, drops)

    async def forget(self, kind: AlertKind, before: int, limit: int = 1_000) -> int:
        return await self._ask("alerts_forget", kind, before, limit)

    async def longest(self, limit: int) -> tuple[RunningJob, ...]:
        return await self._ask("alerts_longest", limit)

    async def oldest_end(self, state: State) -> int | None:
        return await self._ask("alerts_oldest_end", state)


class FaultyActivity:
    """Sends what a recorder and a sampler ask down the line."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def add(self, rows: Sequence[Activity]) -> None:
        await self._ask("activity_add", rows)

    async def read(self, span: int, since: int, limit: int = 10_000) -> tuple[Activity, ...]:
        return await self._ask("activity_read", span, since, limit)

    async def totals(self, span: int, since: int, limit: int = 1_000) -> tuple[Activity, ...]:
        return await self._ask("activity_totals", span, since, limit)

    async def forget(self, span: int, before: int, limit: int = 10_000) -> int:
        return await self._ask("activity_forget", span, before, limit)
