"""Ctrl-C at any moment of a command: code 130, one line, and no traceback."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dutiful.cli.failure import Code
from tests.cli.conftest import Place, Run

# The process tells when it imports a module, and stays there until the signal comes.
AT_IMPORT = """if True:
    import runpy, sys, time, _signal
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # a job of a shell may ignore it

    class Held:
        def find_spec(self, name, path=None, target=None):
            if name == HELD:
                print("there", flush=True)
                time.sleep(50)

    HELD = sys.argv.pop(1)
    sys.modules.pop(HELD, None)  # what runs the command may have it already
    sys.meta_path.insert(0, Held())
    runpy.run_module("dutiful", run_name="__main__", alter_sys=True)
"""

# A callback of the import system prints what is raised in it, and goes on.
IN_CALLBACK = """if True:
    import dutiful.cli.interrupt, os, signal, weakref
    signal.signal(signal.SIGINT, signal.default_int_handler)

    class Lock: ...

    dutiful.cli.interrupt.hold()
    lock = Lock()
    kept = weakref.ref(lock, lambda _: os.kill(os.getpid(), signal.SIGINT))
    del lock
    print("went on")
"""

MODULE = """import os, signal
from dutiful import App
app = App("sqlite:///jobs.db")
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
"""


def interrupted(held: str, *words: str, ignore: bool = False) -> tuple[int, str]:
    """Start a command, send SIGINT when it imports a module, and return code and stderr."""
    with subprocess.Popen(
        [sys.executable, "-c", AT_IMPORT, held, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=40)
        assert out == ""
        return process.returncode, err


@pytest.mark.parametrize(
    "held", ["signal", "typer", "dutiful.cli.main", "dutiful.cli.jobs", "dutiful.app"]
)
def test_while_python_imports(place: Place, held: str) -> None:
    line = "error: interrupted; nothing was changed\n"
    assert interrupted(held, "jobs", "list") == (Code.INTERRUPTED, line)


def test_while_python_imports_with_json(place: Place) -> None:
    code, err = interrupted("typer", "jobs", "list", "--json")
    assert code == Code.INTERRUPTED
    assert json.loads(err)["error"]["type"] == "Interrupted"


def test_where_an_exception_would_be_printed_and_forgotten() -> None:
    done = subprocess.run([sys.executable, "-c", IN_CALLBACK], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (Code.INTERRUPTED, "")
    assert done.stderr == "error: interrupted; nothing was changed\n"


def test_while_a_command_runs(place: Place, spawn: Run) -> None:
    Path("pressed.py").write_text(MODULE)
    said = spawn("jobs", "list", "--app", "pressed:app")
    assert (said.code, said.out, said.err) == (Code.INTERRUPTED, "", "error: interrupted\n")
    said = spawn("jobs", "list", "--app", "pressed:app", "--json", DUTIFUL_DEBUG="1")
    assert said.error == {"type": "Interrupted", "message": "interrupted"}


@pytest.mark.parametrize(
    ("place_of_work", "words", "left"),
    [
        ("dutiful.cli.bench._run", ["bench"], "nothing is left of it"),
        ("dutiful.cli.bench._run", ["bench", "--engine", "sqlite:///b.db"], "in sqlite:///b.db"),
        ("dutiful.demo.run._run", ["demo"], "nothing is left of it"),
        ("dutiful.demo.run._run", ["demo", "--keep"], "what there is stays in "),
    ],
)
def test_bench_and_demo_say_what_they_leave(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    place_of_work: str,
    words: list[str],
    left: str,
) -> None:
    async def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place_of_work, press)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = run(*words)
    assert said.code == Code.INTERRUPTED
    assert said.err.startswith("error: interrupted; ")
    assert left in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [] or "--keep" in words
