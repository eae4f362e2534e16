"""The README's example and every program of ``examples/`` do what they say, with a real worker."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.until import wait_until

EXAMPLES = ROOT / "examples"


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def worker(folder: Path, app: str, name: str = "worker.log") -> Iterator[Callable[[], str]]:
    """Run a worker meanwhile; yields what reads its output so far."""
    log = folder / name
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dutiful", "worker", app], cwd=folder, stdout=out, stderr=out
        )
        try:
            yield log.read_text
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()


def states(folder: Path, app: str) -> list[str]:
    listed = run(folder, "-m", "dutiful", "jobs", "list", "--app", app)
    words = {"queued", "running", "scheduled", "succeeded", "dead", "cancelled", "waiting"}
    return sorted(
        word for line in listed.splitlines()[1:] for word in line.split() if word in words
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in EXAMPLES.glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_first_job_of_the_readme(tmp_path: Path) -> None:
    [block] = [b for b in blocks(ROOT / "README.md") if b.note == "file=hello.py"]
    assert len([line for line in block.text.splitlines() if line]) < 10
    (tmp_path / "hello.py").write_text(block.text)
    with worker(tmp_path, "hello:app"):
        assert run(tmp_path, "hello.py") == "hello, Ada\n"


def test_hello(folder: Path) -> None:
    with worker(folder, "hello:app"):
        assert run(folder, "hello.py").endswith("\nhello, Ada\n")


def test_steps_charge_once(folder: Path) -> None:
    run(folder, "steps.py")
    with worker(folder, "steps:app") as log:
        wait_until(lambda: "booked a parcel" in log())
        wait_until(lambda: states(folder, "steps:app") == ["succeeded"])
    assert log().count("charged order 42") == 1
    assert "attempt 1/5 failed: ConnectionError" in log()


def test_transaction_leaves_one_row(folder: Path) -> None:
    run(folder, "transaction.py")
    with worker(folder, "transaction:app") as log:
        wait_until(lambda: states(folder, "transaction:app") == ["succeeded"])
    assert "attempt 1/5 failed: RuntimeError" in log()
    assert run(folder, "transaction.py", "count") == "1\n"


def test_outbox_sends_one_receipt(folder: Path) -> None:
    assert run(folder, "outbox.py") == "order 2: out of stock\n"
    assert states(folder, "outbox:app") == ["queued"]
    with worker(folder, "outbox:app") as log:
        wait_until(lambda: "receipt for order 1" in log())
    assert "receipt for order 2" not in log()


def test_unique_shows_three_answers(folder: Path) -> None:
    said = run(folder, "unique.py")
    assert said == "the same job: True False\nreplaced: True\nrefused: True\n"
    assert states(folder, "unique:app") == ["scheduled"]


def test_a_child_process_is_stopped_by_its_timeout(folder: Path) -> None:
    run(folder, "cpu.py")
    with worker(folder, "cpu:app"):
        wait_until(lambda: states(folder, "cpu:app") == ["dead", "succeeded"])


def test_schedule_ticks_once_a_second_with_two_workers(folder: Path) -> None:
    assert run(folder, "schedule.py") == ""
    at = ("--app", "schedule:app")
    with worker(folder, "schedule:app") as one, worker(folder, "schedule:app", "two.log") as two:
        wait_until(lambda: (one() + two()).count("tick of") > 2)
        run(folder, "-m", "dutiful", "schedules", "run", "report-night", *at)
    ticks = re.findall("tick of .*", one() + two())
    assert len(set(ticks)) == len(ticks) > 2
    assert "01:30:00" in run(folder, "-m", "dutiful", "schedules", "next", "report-night", *at)


def test_the_example_of_tests_passes(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "testing_example", tmp_path, dirs_exist_ok=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope=function\n")
    said = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", ".")
    assert "3 passed" in said


def test_every_example_is_tested_here() -> None:
    text = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in text, path.name
