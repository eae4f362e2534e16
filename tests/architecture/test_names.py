"""One word per idea in public names, and a public surface that changes only on purpose."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import dutiful
from tests.architecture import names
from tests.architecture.tree import SOURCE, name, python_files

PUBLIC_NAMES = Path(__file__).with_name("public_names.txt").read_text().split()


def test_public_surface_is_the_listed_one() -> None:
    assert sorted(getattr(dutiful, "__all__", ())) == sorted(PUBLIC_NAMES)


def test_package_shows_no_more_than_it_lists() -> None:
    shown = {
        key
        for key in dir(dutiful)
        if not key.startswith("_") and not isinstance(getattr(dutiful, key), ModuleType)
    }
    assert shown - {"TYPE_CHECKING"} == set(PUBLIC_NAMES)


def test_names_are_imported_when_the_first_is_asked_for() -> None:
    code = """if True:
        import sys
        import dutiful, dutiful.cli.start
        assert not {"dutiful.public", "typing", "asyncio", "typer"} & set(sys.modules)
        assert set(dir(dutiful)) >= set(dutiful.__all__)
        from dutiful import App, unique
        assert dutiful.App is App is sys.modules["dutiful.app"].App
        assert not hasattr(dutiful, "Nothing")
        from dutiful import *
        assert Retry is dutiful.Retry
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=environ)


def test_public_names_are_listed_once_and_in_order() -> None:
    assert sorted(set(PUBLIC_NAMES)) == PUBLIC_NAMES


def test_every_idea_has_one_word() -> None:
    found = [
        f"{name(path)}:{complaint}"
        for path in python_files(SOURCE)
        if not path.relative_to(SOURCE).as_posix().startswith(names.FOREIGN)
        for complaint in names.synonyms(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "def dequeue(): ...",
        "def claim(max_retries: int): ...",
        "class BrokerUrl: ...",
        "class Message: ...",
        "class Settings:\n    dlq_name: str",
        "async def fetch_jobs(): ...",
        "def enqueue(*, eta): ...",
    ],
)
def test_foreign_word_is_caught(source: str) -> None:
    assert list(names.synonyms(source))


@pytest.mark.parametrize(
    "source",
    ["def enqueue(): ...", "def _ack(): ...", "def package(metadata): ...", "message: str"],
)
def test_own_word_is_allowed(source: str) -> None:
    assert not list(names.synonyms(source))


def test_identifiers_are_split_into_words() -> None:
    assert names.words("HTTPSink") == "http_sink"
    assert names.words("DeadLetter2Go") == "dead_letter2_go"
