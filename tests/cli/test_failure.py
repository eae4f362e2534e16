"""What a mistake looks like: one line, what to do next, and a code that scripts can read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dutiful.cli.failure import Code, explain
from dutiful.core import errors
from tests.cli.conftest import Place, Run

# What Dutiful refuses is told with the place in the user's own file.
REFUSED = """from dutiful import App
app = App("memory://")
@app.cron("0 25 * * *")
@app.task
def report() -> None: ...
"""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["job", "lst"], "did you mean 'jobs list'?"),
        (["jobs", "lst"], "did you mean 'jobs list'?"),
        (["retry"], "did you mean 'jobs retry'?"),
        (["redrive", "--all"], "did you mean 'dead redrive'?"),
        (["qeues"], "did you mean 'queues'?"),
        (["jobs", "list", "--sate", "dead"], "--state"),
        (["jobs", "list", "--state", "ded"], "did you mean dead?"),
        (["jobs", "show"], "missing argument"),
        (["jobs", "list", "--limit", "0"], "bad value for '--limit' / '-n': use 1 or more"),
        (["jobs", "list", "--limit", "99999"], "use 10000 or less"),
        (["jobs", "list", "--limit", "few"], "write a whole number"),
        (
            ["schedules", "next", "30", "1", "*", "*", "*"],
            'put a text with spaces in quotes, such as "30',
        ),
        (["jobs", "list", "--since", "yesterday"], "30m, 2h, 7d"),
        (["--url", "x", "jobs", "list"], "options come after the command"),
    ],
)
def test_mistyped(place: Place, run: Run, words: list[str], meant: str) -> None:
    said = run(*words)
    assert said.code == 2
    assert meant in said.err
    assert said.err.startswith("error: ")
    assert said.out == ""
    assert run(*words, "--json").error["type"] in ("UsageError", "Wrong")


def test_version_and_help(run: Run) -> None:
    assert run("--version").out.startswith("dutiful 0.")
    assert "Exit codes" in run("--help").out
    bare = run("jobs")
    assert bare.code == 2
    assert "cancel" in bare.err


def test_no_store_is_named(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("jobs", "list")
    assert said.code == 2
    assert "no store is named" in said.err
    assert "--url sqlite:///jobs.db" in said.err


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("sqlite:///missing/jobs.db", 3, "missing"),
        ("sqlite:///shop.py", 3, "is not an SQLite database"),
        ("sqlte:///jobs.db", 2, "did you mean sqlite"),
        ("jobs.db", 2, "no engine"),
    ],
)
def test_stores_that_cannot_be_used(
    place: Place, run: Run, url: str, code: int, words: str
) -> None:
    (place.folder / "shop.py").write_text("# much too long to be an empty database\n" * 50)
    said = run("jobs", "list", "--url", url)
    assert said.code == code
    assert words in said.err
    as_json = run("jobs", "list", "--url", url, "--json")
    assert as_json.error["message"] in said.err
    assert as_json.out == ""


@pytest.mark.parametrize(
    ("app", "source", "words"),
    [
        ("shop", "", "MODULE:NAME"),
        ("shp:app", "", "no module 'shp'"),
        ("shop:ap", "", "did you mean shop:app?"),
        ("shop:other", "", "is a int, not an App"),
        ("broken:app", "def f(:\n", "line 1"),
        ("broken:app", "\nimport missing_package\n", "No module named 'missing_package'"),
        ("broken:app", "\n\n1 / 0\n", "broken.py, line 3"),
        ("broken:app", "app = 1", "it holds no App"),
        ("broken:app", REFUSED, "broken.py, line 3)"),
        ("broken:app", "\nraise SystemExit(0)\n", "SystemExit: 0"),
    ],
)
def test_bad_apps(place: Place, run: Run, app: str, source: str, words: str) -> None:
    (place.folder / "broken.py").write_text(source)
    said = run("jobs", "list", "--app", app)
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_chatty_module_does_not_spoil_json(place: Place, run: Run) -> None:
    with (place.folder / "shop.py").open("a") as file:
        file.write("\nprint('hello')\n")
    said = run("jobs", "list", "--app", "shop:app", "--json")
    assert said.json["jobs"]
    assert "hello" in said.err


def test_where_the_store_comes_from(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUTIFUL_URL", "sqlite:///other.db")
    assert "other.db" in run("jobs", "list").err
    assert run("jobs", "list", "--app", "shop:app", "--json").json["jobs"]
    monkeypatch.setenv("DUTIFUL_APP", "shop:app")
    assert run("jobs", "list", "--json").json["jobs"]
    monkeypatch.delenv("DUTIFUL_URL")
    monkeypatch.delenv("DUTIFUL_APP")
    (place.folder / "pyproject.toml").write_text('[tool.dutiful]\napp = "shop:app"\n')
    assert run("jobs", "list", "--json").json["jobs"]
    both = run("jobs", "list", "--app", "shop:app", "--url", "sqlite:///jobs.db")
    assert both.code == 2


def test_unexpected_errors_hide_their_traceback(place: Place, spawn: Run) -> None:
    (place.folder / "shop.py").write_text(
        "from dutiful import App\n"
        "class Odd(App):\n"
        "    async def open(self, *, create=True): raise RuntimeError('boom')\n"
        "app = Odd('memory://')\n"
    )
    said = spawn("jobs", "list", "--app", "shop:app")
    assert said.code == 70
    assert said.err.splitlines() == [
        "error: unexpected RuntimeError: boom",
        "  set DUTIFUL_DEBUG=1 for the traceback",
    ]
    assert "Traceback" in spawn("jobs", "list", "--app", "shop:app", DUTIFUL_DEBUG="1").err


def test_colours_obey(place: Place, spawn: Run) -> None:
    assert "\x1b[" not in spawn("jobs", "list").out
    assert "\x1b[" in spawn("jobs", "list", FORCE_COLOR="1").out
    assert "\x1b[" not in spawn("jobs", "list", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b[31;1m" in spawn("jobs", "lst", FORCE_COLOR="1").err


@pytest.mark.parametrize("words", ["jobs list -n 250", "jobs list -n 250 --json", "--help"])
def test_a_reader_that_leaves_is_no_error(crowd: Path, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "dutiful", *words.split()],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.stderr == ""
    assert done.returncode == 141


def test_every_error_has_a_code() -> None:
    def below(kind: type) -> list[type]:
        return [kind, *(deeper for sub in kind.__subclasses__() for deeper in below(sub))]

    for kind in below(errors.EngineError):
        given = ((), {"one": "down"}) if kind is errors.PartlyEnqueued else ("down",)
        assert explain(kind(*given)).code is Code.STORE
    for kind in (errors.BadOption, errors.BadConfiguration, errors.BadPayload):
        assert explain(kind()).code is Code.USAGE
        assert explain(kind()).message
    assert explain(errors.JobNotFound("x")).code is Code.NOT_FOUND
    assert explain(errors.Unsupported("sqs", "list")).code is Code.USAGE
