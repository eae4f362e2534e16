"""Which store a command works on: found from options, the environment and pyproject.toml."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

from dutiful.cli.failure import Wrong
from dutiful.cli.options import Common
from dutiful.core.url import public

if TYPE_CHECKING:
    from types import ModuleType

    from dutiful import App
    from dutiful.contract.facade import Store

T = TypeVar("T")

_NOWHERE = "no store is named"
_EXAMPLE = (
    "add --url sqlite:///jobs.db or --app shop.jobs:app, "
    "or set DUTIFUL_URL, DUTIFUL_APP or [tool.dutiful] in pyproject.toml"
)


class OpenTarget:
    """An open store, and the app when one was named."""

    def __init__(self, app: App, url: str, *, named: bool) -> None:
        """Keep the app; ``named`` says that it is the user's own and knows its tasks."""
        self.app = app
        self.url = url
        self.named = named

    @property
    def store(self) -> Store:
        """The store behind the app."""
        return self.app.store


def reach(common: Common, body: Callable[[OpenTarget], Awaitable[T]], *, migrate: bool = True) -> T:
    """Open the store that the options name, run ``body`` on it, and close it again.

    Without ``migrate`` the store is handed over unopened: `migrate` and `check` open it themselves.
    """
    import asyncio

    app, named = resolve(common)

    async def session() -> T:
        try:
            if migrate:
                await app.open(create=False)
            return await body(OpenTarget(app, public(app.settings.url), named=named))
        finally:
            await app.close()

    return asyncio.run(session())


def resolve(common: Common) -> tuple[App, bool]:
    """Return the app to work with, and whether it is the user's own.

    Options win over ``DUTIFUL_*`` variables, these over ``[tool.dutiful]``; on one level an app
    wins over a URL, because it knows its tasks, too.
    """
    from dutiful import App
    from dutiful.config import load_settings

    if common.url and common.app:
        raise Wrong("--url and --app both name a store", "give one of them; an app has its URL")
    if common.app:
        return load_app(common.app), True
    if common.url:
        return App(common.url), False
    settings = load_settings()
    if settings.app and (os.environ.get("DUTIFUL_APP") or not os.environ.get("DUTIFUL_URL")):
        return load_app(settings.app), True
    if settings.url:
        return App(settings.url), False
    raise Wrong(_NOWHERE, _EXAMPLE)


def load_app(spec: str, *, prints: bool = False) -> App:
    """Import ``module:name``, with the current folder on the path, and return the App there.

    What the module prints goes to stderr, so that ``--json`` stays valid, unless ``prints`` is set.
    """
    from dutiful import App

    if "://" in spec:  # which may hold a password, so it is not shown
        raise Wrong("a URL names a store, not an app", "give it as --url or DUTIFUL_URL")
    name, colon, attribute = spec.partition(":")
    if not (name and colon and attribute) or name.startswith("."):
        raise Wrong(f"{spec!r} names no app", "write it as MODULE:NAME, such as shop.jobs:app")
    module = _import(name, sys.stdout if prints else sys.stderr)
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            _no_attribute(module, attribute, App)
        found = getattr(found, part)
    if not isinstance(found, App):
        kind = type(found).__name__
        raise Wrong(f"{spec} is a {kind}, not an App", _apps(module, App))
    return found


def _import(name: str, stdout: TextIO) -> ModuleType:
    import importlib

    from dutiful.config_file import working_folder
    from dutiful.worker.isolation.search_path import add_project

    here = working_folder()
    if here is not None:
        add_project(str(here))
    try:
        with redirect_stdout(stdout):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise Wrong(
                f"no module {missing!r} can be imported from "
                f"{here or 'the working folder, which was removed'}",
                "run the command in the folder that holds it, or check the spelling",
            ) from error
        _broken(name, error)
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise Wrong(f"module {name!r} has a syntax error: {place}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- it is the user's module
        _broken(name, error)


def _broken(name: str, error: BaseException) -> NoReturn:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    here = os.path.dirname(os.path.dirname(__file__)) + os.sep  # what refuses, not what is wrong
    theirs = [
        frame
        for frame in frames
        if "importlib" not in frame.filename
        and not frame.filename.startswith(here)
        and frame.lineno
    ]
    place = f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""
    raise Wrong(
        f"module {name!r} cannot be imported: {type(error).__name__}: {error}{place}",
        "fix the module; DUTIFUL_DEBUG=1 shows the whole traceback",
    ) from error


def _no_attribute(module: ModuleType, attribute: str, kind: type[App]) -> NoReturn:
    from difflib import get_close_matches

    names = [name for name in vars(module) if not name.startswith("_")]
    near = get_close_matches(attribute, names, 1)
    advice = f"did you mean {module.__name__}:{near[0]}?" if near else _apps(module, kind)
    raise Wrong(f"module {module.__name__!r} has no {attribute!r}", advice)


def _apps(module: ModuleType, kind: type[App]) -> str:
    apps = [name for name, value in vars(module).items() if isinstance(value, kind)]
    if not apps:
        return 'it holds no App; write app = App("sqlite:///jobs.db") there'
    return "it holds " + ", ".join(f"{module.__name__}:{name}" for name in apps)
