"""Engines of other packages, which register in the entry point group ``dutiful.engines``.

An entry point's name is the scheme of the engine's URLs, and its value a callable `Build`. This
module is imported only for a scheme that is not Dutiful's own, and by ``dutiful check``: reading
the metadata of all installed packages takes many milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

from .config import Settings
from .contract.declared import faults
from .contract.engine import Engine
from .contract.page import Finding
from .core.errors import BadConfiguration, DutifulError

GROUP = "dutiful.engines"
Build = Callable[[str, Settings], Engine]
"""Makes an engine that is not open yet from the whole URL and the app's settings."""

_SAFE = (ImportError, TypeError, AttributeError)
"""Errors whose text holds no value, so no password of the URL. The text of others is not shown."""


def installed() -> dict[str, list[EntryPoint]]:
    """Return the entry points of all packages, by scheme; no engine is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP), key=_package):
        found.setdefault(entry.name.lower(), []).append(entry)
    return dict(sorted(found.items()))


def build(entries: list[EntryPoint], url: str, settings: Settings) -> Engine:
    """Make the engine of a scheme's entry points; raises BadConfiguration.

    A DutifulError of the callable itself is passed on, as BadConfiguration for a wrong URL.
    """
    if len(entries) > 1:
        raise BadConfiguration(_two(entries))
    (entry,) = entries
    who = f"the engine for {entry.name}:// from {_package(entry)}"
    make = _load(entry, who)
    try:
        made = make(url, settings)
    except DutifulError:
        raise
    except Exception as error:
        raise BadConfiguration(
            f"{who} cannot be made: {entry.value} raised {_shown(error)}; report it to the "
            "package's authors (a wrong URL should raise BadConfiguration)"
        ) from error
    if not isinstance(made, Engine):
        raise BadConfiguration(
            f"{who} cannot be used: {entry.value} returned {_kind(made)}, "
            "not a dutiful.contract.engine.Engine; report it to the package's authors"
        )
    if found := faults(made):
        raise BadConfiguration(
            f"{who} cannot be used: {'; '.join(found)}; update the package, "
            "or report it to its authors"
        )
    return made


def ignored(own: Iterable[str]) -> tuple[Finding, ...]:
    """Report schemes that packages claim in vain: Dutiful's own ones, and those that two claim."""
    known, found = frozenset(own), list[Finding]()
    for scheme, entries in installed().items():
        if scheme in known:
            packages = " and ".join(_package(entry) for entry in entries)
            text = f"{packages} claims {scheme}://; it is ignored: Dutiful's own engine is used"
            found.append(Finding("engines", True, text))
        elif len(entries) > 1:
            found.append(Finding("engines", False, _two(entries)))
    return tuple(found)


def _load(entry: EntryPoint, who: str) -> Callable[..., object]:
    try:
        make: object = entry.load()
    except (Exception, SystemExit) as error:
        raise BadConfiguration(
            f"{who} cannot be loaded: {entry.value} raised {type(error).__name__}: {error}; "
            "install what is missing, or update or uninstall the package"
        ) from error
    if not callable(make):
        raise BadConfiguration(
            f"{who} cannot be used: {entry.value} is {_kind(make)}, not a callable "
            "(url, settings) -> Engine; report it to the package's authors"
        )
    return make


def _package(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _two(entries: list[EntryPoint]) -> str:
    packages = " and ".join(_package(entry) for entry in entries)
    return f"{packages} both claim {entries[0].name}://; uninstall all but one of them"


def _shown(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, _SAFE) else name


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
