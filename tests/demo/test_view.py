"""The screen fits the terminals it is drawn on, and plain lines say the same."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from dutiful.cli.render import STATE_STYLES
from dutiful.core.state import State
from dutiful.demo.books import Stats
from dutiful.demo.frame import frame, sparkline
from dutiful.demo.live_view import LiveView
from dutiful.demo.status import DemoStatus, StoryLine, WorkerLine
from dutiful.demo.text_views import JsonView, PlainView
from dutiful.demo.verdict import Survived, Verdict, judge


def status(*, naive: bool = False) -> DemoStatus:
    """Return a moment with long numbers everywhere."""
    seen = DemoStatus(20_000, naive, seconds=123.4)
    seen.stats = Stats(9999, 32, 19_999, 19_888, 1500, 120, 1200, 600, 600, 19_999)
    seen.counts = dict.fromkeys(State, 20_000)
    seen.workers = [
        WorkerLine(f"worker {number}", 4_194_303, condition, True, 16, 16)
        for number, condition in enumerate(("killed", "working", "stopped", "crashed"), 1)
    ]
    seen.story = [
        StoryLine(float(second), f"line {second} " + "x" * 40, "bad") for second in range(30)
    ]
    seen.speeds.extend(float(number % 300) for number in range(400))
    return seen


def verdict(*, naive: bool = False) -> Verdict:
    survived = Survived(
        attempts=0,
        retries=0,
        workers_killed=1,
        rescued=3,
        dead=0,
        redriven=0,
        still_dead=0,
        faults=dict.fromkeys(("errors", "stalls", "cuts", "declined", "replayed"), 1),
        seconds=1.0,
    )
    return judge([], [], survived, naive=naive)


def drawn(seen: DemoStatus, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(frame(seen, width, height, STATE_STYLES))
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(78, 20), (80, 24), (120, 40), (110, 100)])
@pytest.mark.parametrize("naive", [False, True])
def test_frame_fits_and_cuts_nothing(width: int, height: int, naive: bool) -> None:
    lines = drawn(status(naive=naive), width, height)
    assert len(lines) < height
    assert {len(line) for line in lines[3:]} == {width}
    text = "\n".join(lines)
    assert "…" not in text
    assert ("schedule " in text) is not naive
    for part in ("19,888 / 20,000", "kill -9, 16 rescued", "16 running", "stopped", "crashed"):
        assert part in text
    assert re.search(r"replies too late +600 │", text)
    assert re.search(r"succeeded +20,000 │", text)
    assert "line 29" in text


def test_empty_status_is_drawn() -> None:
    assert "none yet" in "\n".join(drawn(DemoStatus(1, False), 80, 24))


def test_sparkline_shows_the_latest_and_survives_silence() -> None:
    assert sparkline([8, 0, 4], 2) == " █"
    assert sparkline([0, 0], 5) == "  "
    assert sparkline([], 5) == ""


def test_speed_is_sampled_from_charges() -> None:
    seen = DemoStatus(10, False)
    for second in range(1, 4):
        seen.seconds, seen.stats.charges = float(second), second * 50
        seen.sample()
    assert list(seen.speeds) == [50.0, 50.0, 50.0]
    assert seen.speed == 50.0


def test_plain_view_tells_each_line_once_and_figures_each_second() -> None:
    out = io.StringIO()
    view = PlainView(out)
    seen = DemoStatus(10, False)
    for tenth in range(25):
        seen.seconds = tenth / 10
        if tenth == 3:
            seen.story.append(StoryLine(seen.seconds, "something happened"))
        view.show(seen)
    view.conclude(seen, verdict(), None)
    text = out.getvalue()
    assert text.count("something happened") == 1
    assert text.count("0/10 charged") == 2
    assert "OK: 0 orders: 0 charged once, 0 twice, 0 lost" in text
    assert text.isascii()


def test_kept_folder_is_named_everywhere(tmp_path: Path) -> None:
    plain, as_json, live = io.StringIO(), io.StringIO(), io.StringIO()
    seen = DemoStatus(10, False)
    PlainView(plain).conclude(seen, verdict(), tmp_path)
    JsonView(as_json).conclude(seen, verdict(), tmp_path)
    LiveView(Console(file=live, width=200), STATE_STYLES).conclude(seen, verdict(), tmp_path)
    for out in (plain, as_json, live):
        assert str(tmp_path) in out.getvalue()


def test_naive_verdict_points_back_to_the_safe_demo() -> None:
    out = io.StringIO()
    view = LiveView(Console(file=out, width=80), STATE_STYLES)
    view.conclude(DemoStatus(0, True), verdict(naive=True), None)
    assert "safety off" in out.getvalue()
    assert "nothing reported it" in out.getvalue()
    assert "the same with the safety on" in out.getvalue()
