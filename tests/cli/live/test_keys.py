"""From bytes to keys, and from keys to what is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.cli.live.keys import Keys
from dutiful.cli.live.opened import help_text
from dutiful.cli.live.sections import sections
from dutiful.cli.live.view import Action, ScreenState, hints, press
from dutiful.manage.frame_records import Frame, WorkerFrame

from .frames import NOW, failure, slot, usual, waiting, worker


def after(
    frame: Frame, *keys: str, view: ScreenState | None = None
) -> tuple[ScreenState, Action | None]:
    view, action = view or ScreenState(), None
    for key in keys:
        view, action = press(view, key, sections(frame, NOW))
    return view, action


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"\x1b[A\x1bOBj", ["up", "down", "j"]),
        (b"\x1b[5~\x1b[6~\x1b[Z\t", ["page-up", "page-down", "back-tab", "tab"]),
        (b"\r\x0c q", ["enter", "redraw", "space", "q"]),
        (b"\x1b[1;5C\x1bx\x1b\x1b[B", ["escape", "down"]),
        ("ä\x00\x7f".encode(), ["ä"]),
        (b"\xff", ["\ufffd"]),
    ],
)
def test_bytes_become_keys(data: bytes, names: list[str]) -> None:
    assert Keys().feed(data) == names


def test_a_sequence_may_come_in_parts_and_escape_alone() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.waits
    assert keys.feed(b"[") == []
    assert keys.feed(b"B") == ["down"]
    assert not keys.waits
    keys.feed(b"\x1b")
    assert keys.end() == ["escape"]
    keys.feed(b"\x1b[")
    assert keys.end() == []


@given(st.lists(st.binary(max_size=20)))
def test_no_bytes_stop_the_reader(parts: list[bytes]) -> None:
    keys = Keys()
    for part in parts:
        assert all(isinstance(name, str) for name in keys.feed(part))
    assert len(keys.end()) <= 1


def test_a_change_needs_a_yes() -> None:
    frame = usual()
    view, action = after(frame, "p")
    assert action is None
    assert view.question is not None
    assert view.question.text == "Pause queue billing? Its jobs wait until it is resumed."
    assert after(frame, "y", view=view)[1] == Action("pause queue", "billing")
    for key in ("n", "escape", "enter", "p", "q"):
        left, action = after(frame, key, view=view)
        assert (left.question, left.message, action) == (None, "Nothing was changed.", None)
    paused = usual(queues=(waiting(paused=True),))
    assert after(paused, "p", "y")[1] == Action("resume queue", "billing")


def test_workers_are_drained_quieted_and_resumed() -> None:
    assert after(usual(), "tab", "d", "y")[1] == Action("drain", "web-1-a1")
    assert after(usual(), "tab", "u", "y")[1] == Action("quiet", "web-1-a1")
    quiet = usual(workers=(WorkerFrame(record=worker(state="quiet")),))
    assert after(quiet, "tab", "u", "y")[1] == Action("resume", "web-1-a1")
    assert "u resume" in hints(after(quiet, "tab")[0], sections(quiet, NOW))


def test_jobs_are_opened_and_retried() -> None:
    frame = usual(failures=(failure(), failure(None)))
    assert after(frame, "tab", "down", "enter")[1] == Action("open", slot().job_id)
    assert after(frame, "tab", "tab", "enter")[1] == Action("open", "01900000-0000-7000")
    assert after(frame, "tab", "tab", "r", "y")[1] == Action("retry", "01900000-0000-7000")
    view, action = after(frame, "tab", "tab", "end", "enter")
    assert action is None  # only counts are known of it
    assert press(view, "r", sections(frame, NOW))[0].question is None
    assert after(usual(), "enter") == (after(usual(), "up")[0], None)  # a queue cannot be opened


def test_the_choice_follows_its_row() -> None:
    one, two = waiting("billing"), waiting("mail")
    view, _ = after(usual(queues=(one, two)), "down")
    earlier = usual(queues=(waiting("a"), one, two))
    assert after(earlier, "p", "y", view=view)[1] == Action("pause queue", "mail")
    gone = usual(queues=(waiting("a"), one))
    assert after(gone, "p", "y", view=view)[1] == Action("pause queue", "billing")
    assert after(usual(queues=()), "down", "p", view=view)[1] is None


def test_a_text_is_scrolled_and_left() -> None:
    view = ScreenState(opened=help_text())
    view, _ = after(usual(), "down", "page-down", view=view)
    assert view.offset == 11
    view, _ = after(usual(), "end", "end", view=view)
    assert view.offset == len(help_text().lines) - 1
    for key in ("q", "escape", "?"):
        assert after(usual(), key, view=view) == (ScreenState(), None)
    assert max(len(line.plain) for line in help_text().lines) <= 80


def test_q_and_escape_quit() -> None:
    assert after(usual(), "q")[1] == Action("quit")
    assert after(usual(), "escape")[1] == Action("quit")
    assert after(usual(), "g")[1] == Action("refresh")
    assert after(usual(), "tab", "tab", "tab", "tab")[0].focus == "queues"
    assert after(usual(), "back-tab")[0].focus == "schedules"
