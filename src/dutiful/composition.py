"""Joins URLs and engines: the only product file that names engines.

Engines of other packages are found by `installed_engines`, for schemes that are not in `_ENGINES`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, cast

from .config import Settings
from .contract.engine import Engine
from .contract.page import Finding
from .core.errors import BadConfiguration
from .core.url import scheme


def engine_of(settings: Settings) -> Engine:
    """Make the engine that the URL's scheme names; raises BadConfiguration."""
    url = settings.url
    if not url:
        raise BadConfiguration(
            'no store was named; write App("sqlite:///jobs.db"), set DUTIFUL_URL, '
            "or put url under [tool.dutiful] in pyproject.toml"
        )
    named = scheme(url)
    if named is None:
        raise BadConfiguration(
            "the store's URL cannot be read; write it as postgresql://user@host/database"
        )
    if not named:
        raise BadConfiguration(
            "the store's URL names no engine; write sqlite:///jobs.db for a file in this folder, "
            "postgresql://user@host/database for a server"
        )
    build = _ENGINES.get(named)
    return _installed(named, url, settings) if build is None else build(url, settings)


def ignored_engines() -> tuple[Finding, ...]:
    """Report what installed packages claim in vain; reads the metadata of all of them."""
    from .installed_engines import ignored

    return ignored(_ENGINES)


def _installed(named: str, url: str, settings: Settings) -> Engine:
    from . import installed_engines  # only here: it reads the metadata of all packages

    others = installed_engines.installed()
    if entries := others.get(named):
        return installed_engines.build(entries, url, settings)
    names = [*_ENGINES, *(name for name in others if name not in _ENGINES)]
    near = difflib.get_close_matches(named, names, n=1, cutoff=0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise BadConfiguration(
        f"no engine for {named}://{hint}; use one of {', '.join(names)}, "
        "or install the package that has it"
    )


def _memory(url: str, settings: Settings) -> Engine:
    from .engines.memory import MemoryEngine

    return MemoryEngine()


def _sqlite(url: str, settings: Settings) -> Engine:
    from .engines.sqlite import SqliteEngine
    from .engines.sqlite.connections.address import address_of

    address = address_of(url)
    durability = address.durability or cast(Any, settings.durability)
    return SqliteEngine(address.path, durability=durability)


def _postgres(url: str, settings: Settings) -> Engine:
    try:
        from .engines.postgres import PostgresEngine
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "psycopg":
            raise
        raise BadConfiguration(
            "postgresql:// needs the driver; run: pip install 'dutiful[postgres]'"
        ) from error
    return PostgresEngine(url)


_ENGINES: dict[str, Callable[[str, Settings], Engine]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
}
