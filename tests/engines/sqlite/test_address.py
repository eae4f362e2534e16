"""A URL opens the file that it names, or is refused before anything is opened."""

import asyncio
import os
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.errors import BadConfiguration
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.connections.address import address_of


@pytest.mark.parametrize(
    ("url", "path", "durability"),
    [
        ("sqlite:///jobs.db", "jobs.db", None),
        ("sqlite:////var/lib/shop/jobs.db", "/var/lib/shop/jobs.db", None),
        ("sqlite:///../up/jobs.db", "../up/jobs.db", None),
        ("SQLite:///jobs.db", "jobs.db", None),
        ("sqlite:///a%23b/c%3Fd%25e.db", "a#b/c?d%e.db", None),
        ("sqlite:///my jobs; and more&=.db", "my jobs; and more&=.db", None),
        ("sqlite:///m%C3%A4rz/märz.db", "märz/märz.db", None),
        ("sqlite:///a\tb\nc.db", "a\tb\nc.db", None),
        ("sqlite:///jobs.db?", "jobs.db", None),
        ("sqlite:///jobs.db?durability=normal", "jobs.db", "normal"),
        ("sqlite:///jobs.db?durability=full&durability=full", "jobs.db", "full"),
    ],
)
def test_what_is_read(url: str, path: str, durability: str | None) -> None:
    found = address_of(url)
    assert (str(found.path), found.durability) == (path, durability)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqlite:///a#b/jobs.db", "# as %23"),
        ("sqlite:///a?b.db", "? as %3F"),
        ("sqlite:///jobs.db#", "# as %23"),
        ("sqlite:///100%.db", "% as %25"),
        ("sqlite:///jobs.db?durabilty=normal", "did you mean durability"),
        ("sqlite:///jobs.db?durability=", "choose full or normal"),
        ("sqlite:///jobs.db?durability", "choose full or normal"),
        ("sqlite:///jobs.db?durability=NORMAL", "choose full or normal"),
        ("sqlite:///jobs.db?durability=full&durability=normal", "gives durability twice"),
        ("sqlite:///jobs.db?mode=ro", "there is no option 'mode'"),
        ("sqlite:///jobs.db?timeout=5&cache=shared", "there is no option 'timeout'"),
        ("sqlite:///a%00b.db", "no NUL"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite:///file:jobs.db", "second URL"),
        ("sqlite:///file::memory:", "second URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///?durability=full", "names no file"),
        ("sqlite:////", "names a folder"),
        ("sqlite:////?durability=full", "names a folder"),
        ("sqlite:///.", "names a folder"),
        ("sqlite:////./", "names a folder"),
        ("sqlite:///..", "names a folder"),
        ("sqlite:///a/..", "names a folder"),
        ("sqlite:jobs.db", "names no file"),
        ("sqlite:/var/jobs.db", "names no file"),
        ("sqlite://jobs.db", "names no file"),
        ("sqlite://host/jobs.db", "names no file"),
    ],
)
def test_what_is_refused(url: str, text: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        App(url).store  # noqa: B018 - the engine is made when it is asked for
    assert text in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="capability: a path of another system")
@pytest.mark.parametrize("path", ["C:/shop/jobs.db", r"C:\shop\jobs.db", "c%3A/shop/jobs.db"])
def test_paths_of_windows_are_refused_elsewhere(path: str) -> None:
    with pytest.raises(BadConfiguration, match="a Windows path"):
        address_of(f"sqlite:///{path}")


def test_the_file_that_is_named_is_made(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    app = App(f"sqlite:///{tmp_path}/a%23b/what%3F.db")

    @app.task
    def job() -> None: ...

    job.enqueue()
    asyncio.run(app.close())
    assert (tmp_path / "a#b" / "what?.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a#b"]


def test_durability_of_the_url_counts() -> None:
    def durability(app: App) -> str:
        engine = app.store.engine
        assert isinstance(engine, SqliteEngine)
        return engine.session.durability

    assert durability(App("sqlite:///jobs.db")) == "full"
    assert durability(App("sqlite:///jobs.db", durability="normal")) == "normal"
    assert durability(App("sqlite:///jobs.db?durability=normal")) == "normal"
    assert durability(App("sqlite:///jobs.db?durability=full", durability="normal")) == "full"
