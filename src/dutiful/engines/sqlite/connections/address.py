"""Reads a store's URL: the path of the file, and options."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import cast
from urllib.parse import unquote_to_bytes

import msgspec

from dutiful.core.errors import BadConfiguration
from dutiful.core.url import public

from .connection import Durability

_OPTIONS = {"durability": ("full", "normal")}
_FORMS = (
    "write sqlite:///jobs.db for a file in this folder, sqlite:////var/lib/jobs.db for a whole path"
)
_ESCAPES = "in a path write ? as %3F, # as %23 and % as %25"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class Address(msgspec.Struct, frozen=True):
    """Where the jobs are."""

    path: Path
    durability: Durability | None = None
    """The option in the URL; None leaves it to the setting."""


def address_of(url: str) -> Address:
    """Read a URL; raises BadConfiguration for every part that would be ignored."""
    _, slashes, rest = url.partition("://")
    where, _, query = rest.partition("?")
    if "#" in rest:
        raise BadConfiguration(f"{public(url)!r} holds a #; {_ESCAPES}")
    if not slashes or not where.startswith("/") or where == "/":
        raise BadConfiguration(f"{public(url)!r} names no file; {_FORMS}")
    return Address(_path(url, where.removeprefix("/")), _durability(url, query))


def _path(url: str, written: str) -> Path:
    if _LONE_PERCENT.search(written):
        raise BadConfiguration(f"{public(url)!r} holds a % that begins no escape; {_ESCAPES}")
    text = os.fsdecode(unquote_to_bytes(written))
    if "\0" in text:
        raise BadConfiguration(f"{public(url)!r} names no file: a path holds no NUL")
    if text == ":memory:":
        raise BadConfiguration("jobs in memory are memory://; an SQLite engine needs a file")
    if text.startswith("file:"):
        raise BadConfiguration(f"{public(url)!r} holds a second URL; {_FORMS}")
    if os.name != "nt" and _DRIVE.match(text):
        raise BadConfiguration(
            f"{text} is a Windows path, and this host does not run Windows; {_FORMS}"
        )
    path = Path(text)
    if path.name in ("", ".."):
        raise BadConfiguration(f"{public(url)!r} names a folder and no file; {_FORMS}")
    return path


def _durability(url: str, query: str) -> Durability | None:
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in _OPTIONS:
            near = difflib.get_close_matches(name, _OPTIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(_OPTIONS)}"
            raise BadConfiguration(
                f"{public(url)!r}: there is no option {name!r}; {hint}; {_ESCAPES}"
            )
        if found.get(name, value) != value:
            raise BadConfiguration(f"{public(url)!r} gives {name} twice; remove one")
        if value not in _OPTIONS[name]:
            choices = " or ".join(_OPTIONS[name])
            raise BadConfiguration(f"{public(url)!r}: {name}={value!r}; choose {choices}")
        found[name] = value
    return cast(Durability | None, found.get("durability"))
