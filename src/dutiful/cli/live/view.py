"""What a person sees and has chosen; keys change it, and may ask for an action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from dutiful.cli.live.list_row import Row
from dutiful.cli.live.sections import NAMES, Name, Section

if TYPE_CHECKING:
    from rich.text import Text

Verb = Literal[
    "quit", "refresh", "open", "pause queue", "resume queue", "drain", "quiet", "resume", "retry"
]
_PAGE = 10


class Action(NamedTuple):
    """What is to be done, to the queue, worker or job of this name."""

    verb: Verb
    subject: str = ""


class Confirmation(NamedTuple):
    """What is done if the answer is yes."""

    text: str
    action: Action


class Opened(NamedTuple):
    """A text over the whole screen."""

    title: str
    lines: Sequence[Text]
    job_id: str | None = None
    retries: bool = False
    """Whether the job may be retried."""


class ScreenState(Struct, frozen=True, kw_only=True):
    """The state of the screen beside the frame."""

    focus: Name = "queues"
    chosen: Mapping[str, str] = {}
    """The key of the chosen row, by list."""
    places: Mapping[str, int] = {}
    """Where it was, for when it is gone."""
    opened: Opened | None = None
    offset: int = 0
    question: Confirmation | None = None
    message: str = ""
    bad: bool = False
    """Whether the message is about something that failed."""


def place(view: ScreenState, section: Section) -> int:
    """Return which row of a list is chosen; the nearest one where it is gone."""
    key = view.chosen.get(section.name)
    for index, row in enumerate(section.rows):
        if row.key == key:
            return index
    return max(min(view.places.get(section.name, 0), len(section.rows) - 1), 0)


def press(
    view: ScreenState, key: str, found: Sequence[Section]
) -> tuple[ScreenState, Action | None]:
    """Return the view after a key, and what is to be done."""
    view = replace(view, message="", bad=False)
    if view.question is not None:
        agreed = key in ("y", "Y")
        action = view.question.action if agreed else None
        text = "" if agreed else "Nothing was changed."
        return replace(view, question=None, message=text), action
    if view.opened is not None:
        return _in_text(view, view.opened, key)
    section = next(one for one in found if one.name == view.focus)
    if (move := _MOVES.get(key)) is not None:
        return _choose(view, section, place(view, section) + move), None
    match key:
        case "q" | "escape":
            return view, Action("quit")
        case "tab" | "right":
            return replace(view, focus=_next(view.focus, 1)), None
        case "back-tab" | "left":
            return replace(view, focus=_next(view.focus, -1)), None
        case "g" | "space":
            return view, Action("refresh")
        case _:
            index = place(view, section)
            if not section.rows or index >= len(section.rows):
                return view, None
            return _at_row(_choose(view, section, index), key, section.rows[index])


_MOVES = {
    "down": 1,
    "j": 1,
    "up": -1,
    "k": -1,
    "page-down": _PAGE,
    "page-up": -_PAGE,
    "home": -(10**9),
    "end": 10**9,
}


def _next(focus: Name, step: int) -> Name:
    return NAMES[(NAMES.index(focus) + step) % len(NAMES)]


def _choose(view: ScreenState, section: Section, index: int) -> ScreenState:
    if not section.rows:
        return view
    index = max(min(index, len(section.rows) - 1), 0)
    return replace(
        view,
        chosen={**view.chosen, section.name: section.rows[index].key},
        places={**view.places, section.name: index},
    )


def _in_text(view: ScreenState, opened: Opened, key: str) -> tuple[ScreenState, Action | None]:
    if (move := _MOVES.get(key)) is not None:
        last = max(len(opened.lines) - 1, 0)
        return replace(view, offset=max(min(view.offset + move, last), 0)), None
    if key == "r" and opened.job_id is not None and opened.retries:
        return _ask(view, f"Retry job {opened.job_id[:18]}?", Action("retry", opened.job_id))
    if key in ("q", "escape", "enter", "left", "?"):
        return replace(view, opened=None, offset=0), None
    return view, None


def _at_row(view: ScreenState, key: str, row: Row) -> tuple[ScreenState, Action | None]:
    queue, worker, job = row.queue, row.worker, row.job_id
    if key == "enter" and job is not None:
        return view, Action("open", job)
    if key == "p" and queue is not None:
        if queue.paused:
            return _ask(view, f"Resume queue {queue.name}?", Action("resume queue", queue.name))
        text = f"Pause queue {queue.name}? Its jobs wait until it is resumed."
        return _ask(view, text, Action("pause queue", queue.name))
    if key == "d" and worker is not None:
        text = f"Drain worker {worker.id}? It ends when its jobs have ended."
        return _ask(view, text, Action("drain", worker.id))
    if key == "u" and worker is not None:
        if worker.state == "quiet" or worker.ordered == "quiet":
            return _ask(view, f"Resume worker {worker.id}?", Action("resume", worker.id))
        text = f"Quiet worker {worker.id}? It claims nothing until it is resumed."
        return _ask(view, text, Action("quiet", worker.id))
    if key == "r" and row.failed and job is not None:
        return _ask(view, f"Retry job {job[:18]} now?", Action("retry", job))
    return view, None


def _ask(view: ScreenState, text: str, action: Action) -> tuple[ScreenState, None]:
    return replace(view, question=Confirmation(text, action)), None


def hints(view: ScreenState, found: Sequence[Section]) -> str:
    """Name the keys that do something now."""
    if view.opened is not None:
        retry = "r retry  " if view.opened.retries else ""
        return f"↑↓ scroll  {retry}Esc back"
    section = next(one for one in found if one.name == view.focus)
    row = section.rows[place(view, section)] if section.rows else None
    keys: list[str] = []
    if row is not None:
        if row.queue is not None:
            keys.append("p resume" if row.queue.paused else "p pause")
        if row.worker is not None:
            quiet = row.worker.state == "quiet" or row.worker.ordered == "quiet"
            keys += ["d drain", "u resume" if quiet else "u quiet"]
        if row.job_id is not None:
            keys.append("Enter open job")
        if row.failed:
            keys.append("r retry")
    return "  ".join([*keys, "↑↓ choose", "Tab next list", "? help", "q quit"])
