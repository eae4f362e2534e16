"""Where the settings' file is, and its table ``[tool.dutiful]``."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, cast

from .core.errors import BadConfiguration


def working_folder() -> Path | None:
    """Return the working folder; None where it has been removed, which may happen at any time."""
    try:
        return Path.cwd()
    except OSError:
        return None


def settings_table(folder: Path | None) -> tuple[Path | None, dict[str, Any]]:
    """Return the nearest ``pyproject.toml`` from a folder upwards, and its table.

    BadConfiguration where the file is no TOML but has such a table.
    """
    for place in () if folder is None else (folder, *folder.parents):
        path = place / "pyproject.toml"
        if os.path.isfile(path):  # False in a folder that cannot be read
            try:
                raw = path.read_bytes()
            except OSError:
                return path, {}
            try:
                document = tomllib.loads(raw.decode())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                if b"[tool.dutiful" not in raw:
                    return path, {}  # a broken file of other tools must not stop the jobs
                raise BadConfiguration(
                    f"{path} cannot be read, so its [tool.dutiful] settings would be lost: "
                    f"{error}; correct the file, for example a table that is written twice"
                ) from error
            return path, _part(_part(document, "tool"), "dutiful")
    return None, {}


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    part: Any = document.get(name)
    return cast(dict[str, Any], part) if isinstance(part, dict) else {}
