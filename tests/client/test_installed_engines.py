"""Engines of other packages: how a URL finds them, and what is said of those that are wrong."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dutiful import App, BadConfiguration
from dutiful.composition import ignored_engines
from tests.installed_package import install

MODULE = """
from dutiful import BadConfiguration, Unsupported
from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.engines.memory import MemoryEngine

number = 7

class Kept(MemoryEngine):
    name = "kept"

class Bare(Kept):
    def __init__(self):
        super().__init__()
        self.consumer = self.inspector = None

class Abstract(Engine):
    def __init__(self, url, settings):
        pass

def engine(url, settings):
    made = Kept()
    made.given = url, settings.durability
    return made

def bare(url, settings): return Bare()
def nothing(url, settings): pass
def takes_one(url): pass
def fails(url, settings): raise ValueError(url)
def refuses(url, settings): raise BadConfiguration("the URL names no shelf")
def lacks(url, settings): import no_such_driver
"""
Install = Callable[..., None]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "shelf.py").write_text(MODULE)
    (site / "shelf_broken.py").write_text("import no_such_driver\n")
    (site / "shelf_exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(site))

    def add(name: str, version: str = "1.0", **engines: str) -> None:
        install(site, name, engines, version=version)

    yield add
    for module in ("shelf", "shelf_broken", "shelf_exits"):
        sys.modules.pop(module, None)


def refused(url: str = "kept://me:hunter2@shelf/7") -> str:
    with pytest.raises(BadConfiguration) as caught:
        _ = App(url).store
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_the_callable_is_given_the_whole_url_and_the_settings(packages: Install) -> None:
    packages("dutiful-shelf", kept="shelf:engine")
    url = "Kept://me:hunter2@shelf/7?x=1#y"
    engine = App(url, durability="normal").store.engine
    assert (engine.name, vars(engine)["given"]) == ("kept", (url, "normal"))


def test_the_environment_may_name_it(packages: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    packages("dutiful-shelf", kept="shelf:engine")
    monkeypatch.setenv("DUTIFUL_URL", "kept://shelf")
    assert App().store.name == "kept"


def test_the_scheme_of_an_entry_point_may_be_in_capitals(packages: Install) -> None:
    packages("dutiful-shelf", KEPT="shelf:engine")
    assert App("kept://shelf").store.name == "kept"


def test_an_unknown_scheme_is_answered_with_all_that_are_known(packages: Install) -> None:
    packages("dutiful-shelf", kept="shelf:engine", sqlite="shelf:engine")
    assert refused("kep://me:hunter2@shelf") == (
        "no engine for kep:// (did you mean kept?); use one of memory, sqlite, postgresql, "
        "postgres, kept, or install the package that has it"
    )


def test_a_package_that_cannot_be_imported_is_named(packages: Install) -> None:
    packages("dutiful-shelf", kept="shelf_broken:engine")
    assert refused() == (
        "the engine for kept:// from dutiful-shelf 1.0 cannot be loaded: shelf_broken:engine "
        "raised ModuleNotFoundError: No module named 'no_such_driver'; "
        "install what is missing, or update or uninstall the package"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("shelf_exits:engine", "cannot be loaded: shelf_exits:engine raised SystemExit: 3"),
        ("shelf:absent", "raised AttributeError: module 'shelf' has no attribute 'absent'"),
        ("shelf", "shelf is a module, not a callable (url, settings) -> Engine"),
        ("shelf:number", "shelf:number is a int, not a callable"),
        ("shelf:nothing", "shelf:nothing returned None, not a dutiful.contract.engine.Engine"),
        ("shelf:takes_one", "raised TypeError: takes_one() takes 1 positional argument but 2"),
        ("shelf:Abstract", "raised TypeError: Can't instantiate abstract class Abstract"),
        ("shelf:lacks", "raised ModuleNotFoundError: No module named 'no_such_driver'"),
        ("shelf:fails", "cannot be made: shelf:fails raised ValueError; report it"),
        ("shelf:refuses", "the URL names no shelf"),
        (
            "shelf:bare",
            "cannot be used: Bare has no consumer, which every engine must have; "
            "Bare declares INSPECT and has no inspector; update the package",
        ),
    ],
)
def test_a_callable_that_is_wrong_is_refused(packages: Install, value: str, text: str) -> None:
    packages("dutiful-shelf", kept=value)
    assert text in refused()


def test_two_packages_of_one_scheme_are_both_refused(packages: Install) -> None:
    packages("dutiful-shelf", kept="shelf:engine")
    packages("other-shelf", "2.1", kept="shelf:engine")
    text = "dutiful-shelf 1.0 and other-shelf 2.1 both claim kept://; uninstall all but one"
    assert text in refused()
    assert [(finding.ok, text in finding.text) for finding in ignored_engines()] == [(False, True)]


def test_our_own_engine_wins_and_the_check_says_so(packages: Install) -> None:
    packages("dutiful-shelf", sqlite="shelf:engine", kept="shelf:engine")
    assert type(App("sqlite:///jobs.db").store.engine).__name__ == "SqliteEngine"
    (finding,) = ignored_engines()
    assert (finding.name, finding.ok, finding.text) == (
        "engines",
        True,
        "dutiful-shelf 1.0 claims sqlite://; it is ignored: Dutiful's own engine is used",
    )


def test_an_own_scheme_reads_no_metadata_of_packages() -> None:
    code = """if True:
        import sys
        from dutiful import App
        for url in ("memory://", "sqlite:///jobs.db"):
            App(url).store
        assert "dutiful.installed_engines" not in sys.modules
        try:
            App("no-such-engine://").store
        except Exception:
            assert "dutiful.installed_engines" in sys.modules
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
