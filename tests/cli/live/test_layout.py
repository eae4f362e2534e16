"""Frames become lines: what they say, and that no stored text can break them."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from dutiful.cli.live.assessment import assess
from dutiful.cli.live.layout import Scene, screen, whole
from dutiful.cli.live.sections import sections
from dutiful.cli.live.view import ScreenState, press
from dutiful.cli.live.written import written
from dutiful.contract.capability import Capability
from dutiful.manage.frame_records import Frame, ScheduleFrame, WorkerFrame

from . import frames
from .frames import AT, NOW, alert, failure, queue, slot, usual, waiting, worker

KEYS = ["up", "down", "tab", "back-tab", "end", "enter", "p", "d", "u", "r", "y", "n", "escape"]
URL = "sqlite:///jobs.db"


def drawn(frame: Frame | None, width: int = 80, height: int = 24, **given: str) -> list[str]:
    scene = Scene(URL, frame, NOW, 2, given.get("trouble", ""))
    lines = screen(scene, ScreenState(), width, height)
    return [line.rstrip() for line in written(lines, width, colours=False)]


def test_a_screen_of_80_columns_says_all_in_one_look() -> None:
    text = "\n".join(drawn(usual(failures=(failure(),), alerts=(alert(),))))
    assert "Dutiful  sqlite:///jobs.db" in text
    assert "! critical jobs died (dead-letters, for 3m)" in text
    assert re.search(r"billing +12 +1 +· +· +4s +2.0 keeps level", text)
    assert re.search(r"web-1-a1 +1/4 serving +1s ago 7s charge", text)
    assert re.search(r"charge +for 7s +of billing +01900000-0000-7001", text)
    assert re.search(r"charge +9s ago +3/3 dead +CardDeclined: no funds$", text, re.MULTILINE)
    assert re.search(r"nightly +in 3h", text)
    assert "p pause" in text


@settings(max_examples=60)
@given(frames.frames, st.integers(40, 200), st.integers(10, 60), st.lists(st.sampled_from(KEYS)))
def test_no_stored_text_makes_a_line_too_wide_or_steers_the_terminal(
    frame: Frame, width: int, height: int, keys: list[str]
) -> None:
    view = ScreenState()
    for key in keys:
        view, _ = press(view, key, sections(frame, NOW))
    scene = Scene(URL, frame, NOW, 2)
    for lines in (screen(scene, view, width, height), whole(scene, width)):
        for text in written(lines, width, colours=False):
            assert cell_len(text) <= width
            assert text.isprintable() or not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e]", text)
    assert len(screen(scene, view, width, height)) == height


@given(frames.texts, st.integers(40, 120), st.integers(1, 9))
def test_the_store_and_its_trouble_fit_too(text: str, width: int, height: int) -> None:
    for frame in (None, usual()):
        lines = screen(Scene(text, frame, NOW, 2, text), ScreenState(), width, height + 10)
        assert all(line.cell_len <= width for line in lines)
        assert len(screen(Scene(text, frame, NOW, 2), ScreenState(), width, height)) == 1


def test_a_narrow_screen_keeps_the_names() -> None:
    text = "\n".join(drawn(usual(), 50, 20))
    for name in ("billing", "mail", "web-1-a1", "charge", "nightly"):
        assert name in text


def test_a_terminal_that_is_too_small_is_told() -> None:
    assert drawn(usual(), 39, 24) == ["The terminal is too small: 40x10 at le…"]


def test_a_store_that_is_gone_is_shown_above_what_is_known() -> None:
    text = drawn(usual(), trouble="No answer")
    assert text[1] == "■ The store cannot be asked; trying again. All below is 0s old."
    assert text[2] == "  No answer"
    assert any("billing" in line for line in text)
    assert drawn(None)[1] == "Asking the store …"


def test_what_an_engine_cannot_do_is_named() -> None:
    missing = frozenset({Capability.INSPECT, Capability.FLEET, Capability.SCHEDULES})
    text = "\n".join(drawn(Frame(at=AT, missing=missing)))
    assert text.count("this store cannot list and look up jobs") == 2
    assert "this store cannot know its workers" in text
    assert "this store cannot keep schedules" in text
    assert "All is well, as far as it can be seen." in text


def test_the_chosen_row_stays_in_sight() -> None:
    frame = usual(queues=tuple(queue(f"q{number:02}") for number in range(40)))
    view, found = ScreenState(), sections(frame, NOW)
    for _ in range(30):
        view, _ = press(view, "down", found)
    lines = screen(Scene(URL, frame, NOW, 2), view, 80, 24)
    assert sum("▸ q30" in line.plain for line in lines) == 1
    assert any(re.search(r"QUEUES \d+-\d+/40", line.plain) for line in lines)


def test_workers_fold_where_there_is_no_room() -> None:
    jobs = tuple(slot(f"0190000{number}") for number in range(9))
    many = tuple(WorkerFrame(record=worker(f"web-{number}"), jobs=jobs) for number in range(4))
    text = "\n".join(drawn(usual(workers=many)))
    assert all(f"web-{number}" in text for number in range(4))
    assert "01900001" not in text
    assert "01900001" in "\n".join(drawn(usual(workers=many), height=60))


def test_the_sentence_names_the_worst_first() -> None:
    assert assess(usual()) == (
        "ok",
        "All is well: 1 worker uses 1 of 4 slots; 12 jobs wait, the oldest for 4s.",
    )
    hung = WorkerFrame(record=worker(state="hung"))
    lost = WorkerFrame(record=worker("web-2", state="lost"))
    worst = usual(
        workers=(hung, lost),
        queues=(waiting("mail", "unserved"), waiting("old", "growing", age=90)),
        alerts=(alert(), alert(severity="warning")),
    )
    assert assess(worst) == (
        "bad",
        "1 critical alert fires; Worker web-1-a1 hangs; Worker web-2 is lost; and 3 more.",
    )
    paused = usual(queues=(waiting(trend="paused", paused=True),))
    assert assess(paused) == ("warn", "Queue billing is paused, and 12 jobs wait.")
    broken = ScheduleFrame(name="nightly", task=None, next=None, broken="no zone")
    assert assess(usual(schedules=(broken,))) == ("warn", "Schedule nightly is broken.")
    stuck = usual(queues=(waiting(trend="stuck"),))
    assert assess(stuck).sentence == "12 jobs wait in billing, and none starts."
    assert assess(Frame(at=AT, counted_at=AT)).level == "ok"


def test_what_becomes_of_a_queue_is_said_honestly() -> None:
    span = timedelta(minutes=5)
    said = {
        "growing": waiting(trend="growing", growth=3.2),
        "draining": waiting(trend="draining", growth=-2.0, empty_in=span),
        "at-least": waiting(trend="at-least", empty_in=span),
        "unserved": waiting(trend="unserved"),
        "stuck": waiting(trend="stuck"),
        "unknown": waiting(trend="unknown", rate=None),
        "paused": queue(paused=True, trend="paused"),
        "keeps up": waiting(rate=60.0),
    }
    frame = usual(queues=tuple(one for one in said.values()), workers=())
    text = "\n".join(drawn(frame, height=40))
    for words in ("grows 3.2/s", "at least 5m", "no worker", "none starts", "? ?", "paused"):
        assert words in text
    assert "keeps up" in text


def test_a_count_that_is_older_than_the_rest_is_dated() -> None:
    assert "counted" not in drawn(usual())[0]
    assert "counted 40s ago" in drawn(usual(counted_at=AT - timedelta(seconds=40)))[0]
