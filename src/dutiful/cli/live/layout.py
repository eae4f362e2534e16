"""A whole screen: lines from a frame and a view, never more or wider than asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dutiful.cli import render
from dutiful.cli.live.assessment import Assessment, assess
from dutiful.cli.live.cells import Cell, ScreenColumn, line, row
from dutiful.cli.live.sections import Section, sections
from dutiful.cli.live.view import ScreenState, hints, place
from dutiful.core.instant import SECOND
from dutiful.manage.frame_records import Frame
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.text import Text

WIDTH_MIN, HEIGHT_MIN = 40, 10
_ALERTS_MAX, _WHY_MAX = 2, 2
_ROOMY = 30
"""From so many lines on, a blank one stands between the lists."""
_STALE = 5 * SECOND
_MARKS = {"ok": ("●", "bold green"), "warn": ("▲", "bold yellow"), "bad": ("■", "bold red")}


class Scene(NamedTuple):
    """What is drawn."""

    url: str
    frame: Frame | None
    now: int
    """The store's time, in microseconds."""
    every: float
    trouble: str = ""
    """Why the store cannot be asked, since the frame was taken."""


def screen(scene: Scene, view: ScreenState, width: int, height: int) -> list[Text]:
    """Return the lines of a screen, at most ``height``."""
    if width < WIDTH_MIN or height < HEIGHT_MIN:
        small = f"The terminal is too small: {WIDTH_MIN}x{HEIGHT_MIN} at least. q quits."
        return [line([Cell(small)], width)][:height]
    if view.opened is not None:
        return _text(scene, view, width, height)
    top = [_title(scene, width), *_sentences(scene, width), *_alerts(scene, width)]
    if scene.frame is None:
        body: list[Text] = []
        foot = line([Cell("q quit", "dim")], width)
    else:
        found = sections(scene.frame, scene.now)
        body = _lists(found, view, width, height - len(top) - 1)
        foot = _foot(view, found, width)
    blank = [line([], width)] * (height - len(top) - len(body) - 1)
    return [*top, *body, *blank, foot][:height]


def whole(scene: Scene, width: int) -> list[Text]:
    """Return all lines of a frame, for a page without keys."""
    if scene.frame is None:
        return [_title(scene, width), *_sentences(scene, width)]
    found = [_title(scene, width), *_sentences(scene, width), *_alerts(scene, width, most=10_000)]
    for section in sections(scene.frame, scene.now):
        found += [line([], width), *_section(section, None, width, len(section.rows) or 1)]
    return found


def _title(scene: Scene, width: int) -> Text:
    clock = render.local(scene.now)[11:19]
    counted = _counted(scene)
    right = f"{counted}every {scene.every:g}s  {clock}"
    columns = (ScreenColumn(""), ScreenColumn("", min(len(right), width // 2), right=True))
    cells = (Cell(f"Dutiful  {scene.url}", "bold"), Cell(right, "dim"))
    return row(columns, cells, width)


def _counted(scene: Scene) -> str:
    """Say how old the counts are, where they are older than the rest."""
    frame = scene.frame
    if frame is None or frame.counted_at is None:
        return ""
    age = scene.now - micros(frame.counted_at)
    return f"counted {render.rough(age)} ago  " if age >= _STALE else ""


def _sentences(scene: Scene, width: int) -> list[Text]:
    if scene.trouble:
        age = "" if scene.frame is None else f" All below is {_age(scene)} old."
        said = Assessment("bad", f"The store cannot be asked; trying again.{age}")
    elif scene.frame is None:
        return [line([Cell("Asking the store …", "dim")], width)]
    else:
        said = assess(scene.frame)
    mark, style = _MARKS[said.level]
    found = [line([Cell(f"{mark} ", style), Cell(said.sentence, style)], width)]
    return [*found, *_why(scene.trouble, width)]


def _why(trouble: str, width: int) -> list[Text]:
    """Write why the store cannot be asked, in two lines at most."""
    parts = textwrap.wrap(render.flat(trouble), width - 2, max_lines=_WHY_MAX, placeholder=" …")
    return [line([Cell(f"  {part}", "red")], width) for part in parts]


def _age(scene: Scene) -> str:
    return "" if scene.frame is None else render.rough(scene.now - micros(scene.frame.at))


def _alerts(scene: Scene, width: int, most: int = _ALERTS_MAX) -> list[Text]:
    alerts = () if scene.frame is None else scene.frame.alerts
    found: list[Text] = []
    for one in alerts[:most]:
        style = "bold red" if one.severity == "critical" else "bold yellow"
        silenced = ", silenced" if one.silenced_by else ""
        since = render.rough(scene.now - micros(one.since))
        cells = [
            Cell(f"! {one.severity} ", style),
            Cell(f"{one.title} "),
            Cell(f"({one.rule}, for {since}{silenced})", "dim"),
        ]
        found.append(line(cells, width))
    if len(alerts) > most:
        text = f"  and {len(alerts) - most} more: dutiful alerts list"
        found.append(line([Cell(text, "dim")], width))
    return found


def _foot(view: ScreenState, found: Sequence[Section], width: int) -> Text:
    if view.question is not None:
        asks = " [y/N]"
        text = line([Cell(view.question.text, "bold yellow")], width - len(asks))
        text.append(asks, "bold yellow")
        return text
    if view.message:
        return line([Cell(view.message, "bold red" if view.bad else "bold green")], width)
    return line([Cell(hints(view, found), "dim")], width)


def _lists(found: Sequence[Section], view: ScreenState, width: int, room: int) -> list[Text]:
    gap = 1 if room >= _ROOMY else 0
    room -= len(found) * (1 + gap)
    if sum(len(one.rows) or 1 for one in found) > room:
        found = [one if one.name == view.focus else _folded(one) for one in found]
    needs = [len(one.rows) or 1 for one in found]
    rooms = shares(needs, room, [one.name for one in found].index(view.focus))
    lines: list[Text] = []
    for section, own in zip(found, rooms, strict=True):
        lines += [line([], width)] * gap
        lines += _section(section, view, width, own)
    return lines


def _folded(section: Section) -> Section:
    return section._replace(rows=section.few) if section.few else section


def shares(needs: Sequence[int], room: int, focus: int = -1) -> list[int]:
    """Share lines among lists: each in turn gets one more, until all have what they need.

    The list in focus gets two in each turn.

    >>> shares([3, 20, 1, 9], 15), shares([3, 20, 1, 9], 15, focus=1)
    ([3, 6, 1, 5], [3, 8, 1, 3])
    """
    given = [0] * len(needs)
    while room > 0:
        turns = [focus, *range(len(needs))] if focus >= 0 else [*range(len(needs))]
        hungry = [index for index in turns if given[index] < needs[index]]
        if not hungry:
            break
        for index in hungry[:room]:
            if given[index] < needs[index]:
                given[index] += 1
                room -= 1
    return given


def _section(section: Section, view: ScreenState | None, width: int, room: int) -> list[Text]:
    """Write a list under its heading, with the chosen row in sight."""
    chosen = -1 if view is None else place(view, section)
    focused = view is not None and view.focus == section.name
    first = max(min(chosen - room // 2, len(section.rows) - room), 0)
    shown = section.rows[first : first + room]
    lines = [_heading(section, first, len(shown), focused, width)]
    inner = width - 2
    for index, one in enumerate(shown, first):
        text = line([], 0)
        mark = focused and index == chosen
        text.append("▸ " if mark else "  ", "bold")
        body = one.draw(inner)
        text.append_text(body)
        if mark:
            text.pad_right(max(width - text.cell_len, 0))
            text.stylize("reverse")
        lines.append(text)
    if not section.rows and room:
        lines.append(line([Cell("  "), Cell(section.empty, "dim")], width))
    return lines


def _heading(section: Section, first: int, shown: int, focused: bool, width: int) -> Text:
    columns = section.columns(width - 2)
    part = f" {first + 1}-{first + shown}/{len(section.rows)}" if shown < len(section.rows) else ""
    style = "bold cyan underline" if focused else "bold cyan"
    cells = [Cell(columns[0].heading + part, style)]
    cells += [Cell(column.heading, "dim") for column in columns[1:]]
    text = line([Cell("  ")], 2)
    text.append_text(row(columns, cells, width - 2))
    return text


def _text(scene: Scene, view: ScreenState, width: int, height: int) -> list[Text]:
    opened = view.opened
    if opened is None:
        return []
    room = height - 2
    lines = list(opened.lines[view.offset : view.offset + room])
    below = len(opened.lines) - view.offset - len(lines)
    more = f"{below} more lines below" if below > 0 else ""
    title = row(
        (ScreenColumn(""), ScreenColumn("", 24, right=True)),
        (Cell(opened.title, "bold"), Cell(more, "dim")),
        width,
    )
    blank = [line([], width)] * (room - len(lines))
    return [title, *lines, *blank, _foot(view, (), width)]
