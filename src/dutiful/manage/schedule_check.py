"""What will go wrong with schedules, reported before it does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from time import time_ns

import msgspec
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.core.errors import BadPayload, UsageError
from dutiful.core.instant import DAY, MINUTE, SECOND, spell
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.ownership import owner_unclear
from dutiful.core.rule import Cron, Dst, after, between, changes
from dutiful.core.schedule import Schedule, longest_job_of, planned_after, written
from dutiful.core.text import worded

from .app_protocol import ManagedApp
from .reading import local
from .schedule_records import definition_of, unread_of

_SKEW_MAX = 5 * SECOND
_AHEAD = 366 * DAY
_SAMPLE = 20


class ScheduleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about one schedule, or about the clock."""

    name: str
    """The schedule's, or ``clock``."""
    ok: bool
    text: str
    paused: bool = False
    """Whether the schedule is paused, which is not bad."""


async def check(
    app: ManagedApp,
    declared: Mapping[str, Schedule] | None,
    store: Store,
    standings: Sequence[Standing],
) -> tuple[ScheduleFinding, ...]:
    """Judge the stored schedules, and with ``declared`` those of the code and its tasks, too."""
    now = (await store.schedules.due(0)).now
    skew = time_ns() // 1000 - now
    text = f"{skew / SECOND:+.1f} s against the store's"
    found = [ScheduleFinding(name="clock", ok=abs(skew) <= _SKEW_MAX, text=text)]
    judge = _Judge(app, declared, now)
    stored = {one.name: one for one in standings}
    for name in sorted({*stored, *(declared or ())}):
        standing = stored.get(name)
        history: Sequence[Recorded] = ()
        if standing is not None and standing.retired_at is None:
            history = await store.schedules.occurrences(name, _SAMPLE)
        elif declared is None or name not in declared:
            continue
        found.append(judge.examine(name, standing, history))
    return tuple(found)


class _Judge:
    """Judges schedules as the code declares them, where it counts, else as they are stored."""

    def __init__(self, app: ManagedApp, declared: Mapping[str, Schedule] | None, now: int) -> None:
        self._app = app
        self._declared = declared
        self._now = now

    def examine(
        self, name: str, standing: Standing | None, history: Sequence[Recorded]
    ) -> ScheduleFinding:
        """Judge a schedule."""
        live = standing if standing is not None and standing.retired_at is None else None
        stored = None if live is None else definition_of(live)
        schedule = stored if self._declared is None else self._declared.get(name, stored)
        troubles = [live.broken] if live is not None and live.broken else []
        is_paused = live is not None and live.paused_at is not None
        notes = ["paused: it does not fire until it is resumed"] if is_paused else []
        if live is not None and live.unreadable is not None:
            wrote = "another program wrote it"
            troubles.append(f"its row cannot be read, in {live.unreadable}: {wrote}")
        elif live is not None and stored is None:
            why = f"upgrade, or declare it again ({unread_of(live)})"
            troubles.append(f"this version of Dutiful cannot read it; {why}")
        if live is not None and (unclear := owner_unclear(live)):
            troubles.append(f"{unclear}; a worker whose app declares it writes it again")
        if schedule is not None:
            try:
                troubles += self._of_task(schedule)
                troubles += _of_job(schedule)
                troubles += _of_time(live, schedule, self._now)
                troubles += _of_weight(schedule, history, self._now)
                notes += _missing_hours(schedule, self._now)
                notes += self._of_code(schedule, stored)
            except Exception as error:  # noqa: BLE001 - the others are checked all the same
                troubles.append(f"it cannot be checked: {worded(error)}")
        text = "; ".join([*troubles, *notes]) or "fine"
        paused = standing is not None and standing.paused_at is not None
        return ScheduleFinding(name=name, ok=not troubles, text=text, paused=paused)

    def _of_task(self, schedule: Schedule) -> Iterator[str]:
        """Say which task the app lacks, or why the arguments do not fit its signature."""
        if self._declared is None:
            return
        task = self._app.tasks.get(schedule.task)
        if task is None:
            yield f"the app has no task {schedule.task!r}; its jobs would wait"
            return
        try:
            task.signature.check(schedule.args.encode())
        except BadPayload as error:
            yield f"its arguments do not fit the task: {error}"

    def _of_code(self, schedule: Schedule, stored: Schedule | None) -> Iterator[str]:
        """Say how the code and the store differ; a worker's start resolves it."""
        if self._declared is None:
            return
        if schedule.name not in self._declared:
            if schedule.app == self._app.name:
                yield "the code does not declare it any more; a worker that starts retires it"
        elif stored is None:
            yield "not in the store yet; a worker that starts adds it"
        elif written(schedule) != written(replace(stored, former=None, born=None)):
            yield "the code differs from what is stored; a worker that starts changes it"


def _of_job(schedule: Schedule) -> Iterator[str]:
    """Say what no store accepts of its jobs, as when another program has written the schedule."""
    try:
        longest_job_of(schedule)
    except UsageError as error:
        yield f"its jobs cannot be made: {error}"


def _of_time(standing: Standing | None, schedule: Schedule, now: int) -> Iterator[str]:
    if standing is not None and standing.paused_at is not None:
        return
    if planned_after(schedule, now) is None:
        yield "it never fires again; delete it"
    elif standing is None:
        return
    elif standing.next is not None and now - standing.next > max(schedule.late_after, MINUTE):
        late = spell((now - standing.next) // SECOND * SECOND)
        yield f"it is {late} late; does a worker run?"


def _missing_hours(schedule: Schedule, now: int) -> Iterator[str]:
    """Report a time in a range that the clocks leave out, unless a rule was chosen."""
    rule = schedule.rule
    if not isinstance(rule, Cron) or not rule.fixed or rule.dst is not None:
        return
    strict = Cron(rule.expression, rule.zone, Dst(missing="skip"))
    for change in changes(rule.zone, now, now + _AHEAD):
        before = change.instant - 1
        meets = after(rule, before, schedule.bounds) == change.instant
        if meets and after(strict, before, schedule.bounds) != change.instant:
            when = local(change.instant, rule.zone)
            yield f"its time is missing in the night to {when}; it runs after the gap (or set dst=)"


def _of_weight(schedule: Schedule, history: Sequence[Recorded], now: int) -> Iterator[str]:
    """Report jobs that take longer than the time between two of them."""
    took = sorted(
        row.finished_at - row.started_at
        for row in history
        if row.finished_at is not None and row.started_at is not None
    )
    coming = between(schedule.rule, now, 1 << 62, 3, schedule.bounds)
    gaps = [later - sooner for sooner, later in itertools.pairwise(coming)]
    if took and gaps and took[len(took) // 2] > min(gaps):
        usual, gap = spell(took[len(took) // 2]), spell(min(gaps))
        yield f"its job takes {usual}, and it fires every {gap} (overlap: {schedule.overlap})"
