"""What ``dutiful copy`` says of its work: a table, sentences or JSON, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dutiful.cli import as_json, render
from dutiful.cli.failure import Code, CommandFailed
from dutiful.cli.render import TableColumn, plural

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dutiful.contract.roles.transfer import Refusal
    from dutiful.services.copy_store import HandedOver, Poured
    from dutiful.services.verify_copy import CountRow, Reading


_ADVICE = {
    "key": "where two jobs hold one unique key, end or cancel one of them",
    "value": "where {target} cannot hold a value of a job, let a worker of {source} run the job, "
    "or cancel it there and purge it",
    "other": "where both stores have a job of that id, look at both with `dutiful jobs show ID`, "
    "and cancel the one that must not run",
    "unreadable": "purge the jobs that cannot be read (`dutiful jobs list --unreadable`)",
}


class Asked(NamedTuple):
    """What was typed; the URLs may be shown."""

    source: str
    target: str
    move: bool
    verify: bool
    dry_run: bool
    json: bool


@dataclass
class Outcome:
    """How far a copy came."""

    lines: tuple[CountRow, ...]
    poured: Poured
    missing: int = 0
    running: int = 0
    reading: Reading | None = None
    handed: HandedOver | None = None
    left: int = 0
    """Jobs that a move found in the source at its end, beside those that were refused."""
    schedules: int = 0
    """How many schedules the source held."""
    queues: tuple[str, ...] = ()
    obstacle: CommandFailed | None = None

    @property
    def jobs(self) -> int:
        """How many jobs the source held."""
        return self.poured.counts.total()

    @property
    def changed(self) -> int:
        """By how many jobs the source differs from what was read there."""
        from dutiful.services.verify_copy import changed

        return changed(self.lines)

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """What was not copied, as it was found last."""
        return self.poured.refused if self.handed is None else self.handed.refused

    @property
    def agrees(self) -> bool:
        """Whether the target holds all that was copied."""
        same = self.reading is None or not self.reading.differing
        return same and not self.missing and not self.running


def tell(asked: Asked, outcome: Outcome) -> int:
    """Say what was done, and return the exit code; raises Trouble where something is amiss."""
    if asked.json:
        as_json.emit(_as_object(asked, outcome))
    else:
        if outcome.lines:
            render.show(_table(outcome.lines))
        for sentence in _sentences(asked, outcome):
            render.say(sentence)
    if trouble := outcome.obstacle or _amiss(asked, outcome):
        raise trouble
    return Code.OK


def _table(lines: tuple[CountRow, ...]) -> RenderableType:
    columns = [TableColumn("queue", shrinks=True), TableColumn("state")]
    columns += [TableColumn("from", right=True), TableColumn("to", right=True)]
    rows = [
        (
            render.line(render.flat(line.queue), "bold"),
            render.state(line.state),
            render.count(line.source, line.state),
            render.count(line.target, line.state),
        )
        for line in lines
    ]
    return render.table(columns, rows)


def _sentences(asked: Asked, outcome: Outcome) -> list[str]:
    jobs, handed = plural(outcome.jobs, "job"), outcome.handed
    if asked.dry_run:
        said = [f"{jobs} would be copied to {asked.target}; nothing was changed."]
        return said + _schedules(outcome, f"{asked.source} has", "would be moved with --move")
    taken, stored = outcome.poured.there.total(), outcome.poured.stored
    said = [f"{jobs} in {asked.source}; {stored:,} copied now, {taken - stored:,} there already."]
    if outcome.reading is not None:
        read = outcome.reading
        said.append(f"Read back {plural(read.jobs, 'job')}: SHA-256 {read.digest[:16]}….")
    queues = ", ".join(outcome.queues)
    if handed is not None:
        said.append(f"{plural(handed.dropped, 'job')} deleted from {asked.source}.")
        if moved := handed.schedules.moved:
            said.append(f"{plural(len(moved), 'schedule')} moved to {asked.target}.")
        if handed.reopened:
            names = ", ".join(handed.reopened)
            said.append(f"Open in {asked.target}: {names}.")
        if handed.waiting:
            said.append(_waiting(asked, handed.waiting))
        if queues:
            said.append(f"Paused in {asked.source}, and they stay so: {queues}.")
    elif queues:
        said.append(f"Paused in both stores, so that no job runs twice: {queues}.")
        said.append("To complete the move, run the same command with --move.")
        said.append(
            f"To go back instead, resume them in {asked.source} (`dutiful queues resume NAME`); "
            f"in {asked.target} they stay paused until a later --move, or until you resume them."
        )
    if handed is None:
        said += _schedules(outcome, f"{asked.source} keeps", "are moved with --move")
    return said


def _waiting(asked: Asked, queues: Sequence[str]) -> str:
    return (
        f"Still paused in {asked.target}: {', '.join(queues)}. Another store is still to be moved, "
        "or a job is in both stores; another --move opens them, or `dutiful queues resume NAME`."
    )


def _schedules(outcome: Outcome, has: str, how: str) -> list[str]:
    if not outcome.schedules:
        return []
    return [f"{has} {plural(outcome.schedules, 'schedule')}, which {how}."]


def _amiss(asked: Asked, outcome: Outcome) -> CommandFailed | None:
    """Name the worst of what went wrong; nothing that is named here has lost a job."""
    reading, handed, refused = outcome.reading, outcome.handed, outcome.refused
    again = "stop what works on it or enqueues into it, then run the same command again"
    if outcome.missing:
        return CommandFailed(
            f"{asked.target} lacks {plural(outcome.missing, 'job')} that arrived there"
        )
    if reading is not None and reading.differing:
        some = ", ".join(reading.differing[:3])
        count = plural(len(reading.differing), "job")
        advice = "were they run or changed there? FROM was left as it was"
        return CommandFailed(f"{count} differ in {asked.target}: {some}", advice=advice)
    if handed is not None and handed.changed:
        text = f"{plural(len(handed.changed), 'job')} changed in {asked.source} and left in both"
        return CommandFailed(f"{text}: {', '.join(handed.changed[:3])}", advice=again)
    if refused:
        text = f"{plural(len(refused), 'job')} not copied: {refused[0].id}: {refused[0].why}"
        return CommandFailed(text, advice=_advice(asked, refused))
    if handed is not None and handed.schedules.kept:
        return _left_schedules(asked, handed)
    if outcome.left or outcome.running or (outcome.changed and handed is None):
        number = outcome.left or outcome.running or outcome.changed
        text = f"{asked.source} changed meanwhile, by {plural(number, 'job')}"
        return CommandFailed(text, advice=again)
    return None


def _advice(asked: Asked, refused: Sequence[Refusal]) -> str:
    """Say what to do about each kind of refusal that was met."""
    met = {refusal.fault for refusal in refused}
    parts = [text for fault, text in _ADVICE.items() if fault in met]
    advice = "; ".join([*parts, "then run the command again"])
    return advice.replace("{source}", asked.source).replace("{target}", asked.target)


def _left_schedules(asked: Asked, handed: HandedOver) -> CommandFailed:
    kept, refused = handed.schedules.kept, handed.schedules.refused
    text = f"{plural(len(kept), 'schedule')} left in {asked.source}: {', '.join(kept[:3])}"
    if refused:
        text += f"; {asked.target} cannot hold {refused[0].id}: {refused[0].why}"
        advice = f"change the schedule, or delete it in {asked.source}, and run the command again"
        return CommandFailed(text, advice=advice)
    advice = (
        f"{asked.target} has another schedule of that name, or the schedule cannot be read; "
        "delete one of the two, and run the command again"
    )
    return CommandFailed(text, advice=advice)


def _as_object(asked: Asked, outcome: Outcome) -> dict[str, Any]:
    poured, handed, reading = outcome.poured, outcome.handed, outcome.reading
    return {
        "from": asked.source,
        "to": asked.target,
        "dry_run": asked.dry_run,
        "jobs": outcome.jobs,
        "stored": poured.stored,
        "known": 0 if asked.dry_run else poured.there.total() - poured.stored,
        "refused": [{"id": refusal.id, "why": refusal.why} for refusal in outcome.refused],
        "missing": outcome.missing,
        "changed": outcome.changed,
        "verified": None
        if reading is None
        else {
            "jobs": reading.jobs,
            "sha256": reading.digest,
            "differing": list(reading.differing),
        },
        "moved": None
        if handed is None
        else {
            "deleted": handed.dropped,
            "left": outcome.left,
            "reopened": list(handed.reopened),
            "waiting": list(handed.waiting),
            "schedules": list(handed.schedules.moved),
            "kept": list(handed.schedules.kept),
        },
        "schedules": outcome.schedules,
        "paused": list(outcome.queues),
        "counts": [
            {
                "queue": line.queue,
                "state": line.state.word,
                "from": line.source,
                "to": line.target,
            }
            for line in outcome.lines
        ],
    }
