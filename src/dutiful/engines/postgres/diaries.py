"""Schedules on their way from one store to another, with what became of their occurrences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dutiful.contract import records
from dutiful.contract.moving import SHUT, Diaries, Diary, held_shut, still_open, without_state
from dutiful.contract.statement import Plan, Statement
from dutiful.core.occurrence import Recorded

from .arrays import Array, Booleans, Longs, Shorts, TextArray, columns
from .declaring import guard, locked, put
from .rows import recorded_row
from .statements import Texts

_KINDS: tuple[type[Array], ...] = (
    *(TextArray, Longs, Longs, Longs, TextArray, TextArray, TextArray, Longs, Booleans, Longs),
    *(Longs, Longs, Longs, Shorts, Shorts, Booleans),
)


def dump(sql: Texts, limit: int, cursor: str | None) -> Plan[Diaries]:
    """List schedules by name."""
    rows = (yield Statement(sql("schedules"), (cursor or "", limit + 1))).rows
    page = records.standings(rows[:limit])
    kept: defaultdict[str, list[Recorded]] = defaultdict(list)
    names = [one.name for one in page]
    for row in (yield Statement(sql("occurrences_dump"), (names,))).rows:
        kept[row[0]].append(records.recorded(row))
    diaries = tuple([Diary(one, tuple(kept[one.name])) for one in page])
    return Diaries(diaries, names[-1] if len(rows) > limit else None)


def fill(sql: Texts, diaries: Sequence[Diary], now: int | None) -> Plan[tuple[str, ...]]:
    """Store schedules, shut, in place of those that are shut."""
    yield from guard(sql, now)
    known = yield from locked(sql, [diary.standing.name for diary in diaries])
    taken = {name for name, one in known.items() if one.paused_at != SHUT}
    new = [diary for diary in diaries if diary.standing.name not in taken]
    names = [diary.standing.name for diary in new]
    yield from put(sql, [held_shut(diary.standing) for diary in new])
    yield Statement(sql("occurrences_delete"), (names,))
    rows = [
        recorded_row(without_state(one), open=still_open(one))
        for diary in new
        for one in diary.occurrences
    ]
    yield Statement(sql("occurrences_fill"), columns(_KINDS, rows))
    return tuple(names)


def reopen(sql: Texts, names: Sequence[str], now: int | None) -> Plan[tuple[str, ...]]:
    """Let schedules fire that are shut."""
    yield from guard(sql, now)
    freed = {row[0] for row in (yield Statement(sql("schedules_reopen"), (list(names), SHUT))).rows}
    return tuple([name for name in names if name in freed])
