"""Bugs in how alerts are decided, kept and sent, each of which the simulation must catch."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dutiful.core.alerting.decide import _Turn
from dutiful.engines.memory.alert_store import MemoryAlerts
from dutiful.services.delivering import Courier

from .mutations import mutation

_SENDING = "dutiful.services.delivering"


@mutation(MemoryAlerts, "write")
def _alerts_are_written_over_newer_ones(original: Any) -> Any:
    async def write(self: Any, entries: Any, drops: Any = ()) -> bool:
        stored = self.tables.alerts
        for one in entries:
            known = stored.get((one.kind, one.key))
            stored[one.kind, one.key] = replace(one, version=1 if known is None else known.version)
        return True

    return write


@mutation(MemoryAlerts, "turn")
def _everybody_gets_the_turn_of_alerts(original: Any) -> Any:
    async def turn(self: Any, name: str, every: int) -> int:
        return int(self.tables.clock.now())

    return turn


@mutation(_SENDING, "due")
def _a_claimed_message_is_sent_by_others(original: Any) -> Any:
    return lambda found, sinks, now: original(
        [replace(one, claimed_until=None) for one in found], sinks, now
    )


@mutation(Courier, "_record")
def _what_was_sent_is_not_recorded(original: Any) -> Any:
    async def record(self: Any, ended: Any) -> None: ...

    return record


@mutation(_SENDING, "failed")
def _a_failed_message_is_given_up(original: Any) -> Any:
    return lambda *given: replace(original(*given), given_up=True)


@mutation(_Turn, "_clear")
def _an_alert_never_ends(original: Any) -> Any:
    return lambda self, key, old: None


@mutation("dutiful.core.alerting.decide", "_pending")
def _two_alerts_have_one_id(original: Any) -> Any:
    def pending(judged: Any, old: Any, now: int) -> Any:
        return replace(original(judged, old, now), id="the same")

    return pending
