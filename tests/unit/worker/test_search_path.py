"""A project is found behind the standard library and before installed packages."""

import sys
import sysconfig

import pytest

from dutiful.worker.isolation.search_path import add_project, standard_first

LIBRARY = sysconfig.get_paths()["stdlib"]
STANDARD = [LIBRARY, f"{LIBRARY}/lib-dynload"]


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ([*STANDARD, "/packages"], [*STANDARD, "/project", "/packages"]),
        (["/first", *STANDARD, "/packages"], ["/first", *STANDARD, "/project", "/packages"]),
        (["/packages"], ["/project", "/packages"]),
        ([*STANDARD, "/packages", "/project"], [*STANDARD, "/packages", "/project"]),
    ],
)
def test_a_project_is_put_before_packages(
    monkeypatch: pytest.MonkeyPatch, path: list[str], then: list[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*path])
    add_project("/project")
    assert sys.path == then


def test_the_standard_library_comes_first() -> None:
    assert standard_first(["/a", *STANDARD, "/b"]) == [*STANDARD, "/a", "/b"]
