"""``dutiful schedules check``: what will go wrong with schedules, reported before it does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dutiful.cli import as_json, render
from dutiful.cli import schedule_rows as rows
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, Trouble
from dutiful.cli.options import Common
from dutiful.cli.target import Opened, reach
from dutiful.core.instant import DAY, MINUTE, SECOND, spell

if TYPE_CHECKING:
    from dutiful.contract.page import Finding
    from dutiful.core.occurrence import Recorded, Standing
    from dutiful.core.schedule import Schedule

_SKEW_MAX = 5 * SECOND
_AHEAD = 366 * DAY
_SAMPLE = 20


@expand
def check_schedules(common: Common) -> None:
    """Look for schedules that never fire, meet a missing hour, are too slow, or have no task.

    With --app, the schedules that its code declares are checked too, and all arguments are checked
    against the signatures of its tasks. Exit code 1 when something is bad; being paused is not.
    """

    async def body(opened: Opened) -> None:
        from dutiful.contract.page import Finding

        now = (await opened.store.scheduling.due(0)).now
        skew = render.now() - now
        found = [
            Finding("clock", abs(skew) <= _SKEW_MAX, f"{skew / SECOND:+.1f} s against the store's")
        ]
        stored = {one.name: one for one in await opened.app.schedules.alist()}
        declared = opened.app.schedules.declared if opened.named else {}
        paused = {name for name, one in stored.items() if one.paused_at is not None}
        for name in sorted({*stored, *declared}):
            standing = stored.get(name)
            history: Sequence[Recorded] = ()
            if standing is not None and standing.retired_at is None:
                history = await opened.app.schedules.ahistory(name, _SAMPLE)
            elif name not in declared:
                continue
            found.append(_examine(opened, name, standing, history, now))
        if common.json:
            clock, *others = map(as_json.finding, found)
            as_json.emit([clock, *({**one, "paused": one["name"] in paused} for one in others)])
        else:
            render.show(render.findings(found))
        bad = sorted({finding.name for finding in found if not finding.ok})
        if bad:
            raise Trouble(f"{render.plural(len(bad), 'finding')} bad: {', '.join(bad)}", Code.BAD)

    reach(common, body)


def _examine(
    opened: Opened, name: str, standing: Standing | None, history: Sequence[Recorded], now: int
) -> Finding:
    """Judge a schedule as the code declares it, where an app was named, else as it is stored."""
    from dutiful.contract.page import Finding
    from dutiful.core.ownership import owner_unclear

    live = standing if standing is not None and standing.retired_at is None else None
    stored = None if live is None else rows.known(live)
    schedule = opened.app.schedules.declared.get(name, stored) if opened.named else stored
    troubles = [live.broken] if live is not None and live.broken else []
    is_paused = live is not None and live.paused_at is not None
    notes = ["paused: it does not fire until it is resumed"] if is_paused else []
    if live is not None and live.unreadable is not None:
        troubles.append(f"its row cannot be read, in {live.unreadable}: another program wrote it")
    elif live is not None and stored is None:
        troubles.append("this version of Dutiful cannot read it; upgrade")
    if live is not None and (unclear := owner_unclear(live)):
        troubles.append(f"{unclear}; a worker whose app declares it writes it again")
    if schedule is not None:
        troubles += _of_task(opened, schedule)
        troubles += _of_time(live, schedule, now)
        troubles += _of_weight(schedule, history, now)
        notes += _missing_hours(schedule, now)
        notes += _of_code(opened, schedule, stored)
    text = "; ".join([*troubles, *notes])
    return Finding(name, not troubles, text or "fine")


def _of_task(opened: Opened, schedule: Schedule) -> Iterator[str]:
    """Say which task the app lacks, or why the arguments do not fit its signature."""
    from dutiful.core.errors import BadPayload

    if not opened.named:
        return
    task = opened.app.tasks.get(schedule.task)
    if task is None:
        yield f"the app has no task {schedule.task!r}; its jobs would wait"
        return
    try:
        task.signature.check(schedule.args.encode())
    except BadPayload as error:
        yield f"its arguments do not fit the task: {error}"


def _of_code(opened: Opened, schedule: Schedule, stored: Schedule | None) -> Iterator[str]:
    """Say how the code and the store differ; a worker's start resolves it."""
    from dutiful.core.schedule import written

    if not opened.named:
        return
    if schedule.name not in opened.app.schedules.declared:
        if schedule.app == opened.app.name:
            yield "the code does not declare it any more; a worker that starts retires it"
    elif stored is None:
        yield "not in the store yet; a worker that starts adds it"
    elif written(schedule) != written(replace(stored, former=None, born=None)):
        yield "the code differs from what is stored; a worker that starts changes it"


def _of_time(standing: Standing | None, schedule: Schedule, now: int) -> Iterator[str]:
    from dutiful.core.schedule import planned_after

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
    """Tell when a time falls into a stretch that the clocks leave out, unless a rule was chosen."""
    from dutiful.core.rule import Cron, Dst, after, changes

    rule = schedule.rule
    if not isinstance(rule, Cron) or not rule.fixed or rule.dst is not None:
        return
    strict = Cron(rule.expression, rule.zone, Dst(missing="skip"))
    for change in changes(rule.zone, now, now + _AHEAD):
        before = change.instant - 1
        meets = after(rule, before, schedule.bounds) == change.instant
        if meets and after(strict, before, schedule.bounds) != change.instant:
            when = rows.local(change.instant, rule.zone)
            yield f"its time is missing in the night to {when}; it runs then (or say dst=)"


def _of_weight(schedule: Schedule, history: Sequence[Recorded], now: int) -> Iterator[str]:
    """Tell when jobs take longer than the time between two of them."""
    from dutiful.core.rule import between

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
