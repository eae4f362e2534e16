"""The search path of modules: the standard library first, then the project, then packages.

A project's ``queue.py`` must not replace the module of the standard library, which many other
modules import.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Sequence


def standard_first(path: Sequence[str]) -> list[str]:
    """Return a search path with the standard library's folders moved to its front."""
    standard = _standard()
    own = [entry for entry in path if entry in standard]
    return own + [entry for entry in path if entry not in standard]


def add_project(folder: str) -> None:
    """Make the project in ``folder`` importable, before installed packages."""
    if folder in sys.path:
        return
    standard = _standard()
    places = [place for place, entry in enumerate(sys.path) if entry in standard]
    sys.path.insert(places[-1] + 1 if places else 0, folder)


def bootstrap(module: str) -> list[str]:
    """Return the options of a Python process that calls ``module.main``; see `arguments`."""
    code = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
        f"from {module} import main; sys.exit(main())"
    )
    return ["-P", "-c", code]


def arguments() -> str:
    """Return the second argument of that command: the search path as JSON."""
    return json.dumps(standard_first(sys.path))


def _standard() -> set[str]:
    paths = sysconfig.get_paths()
    found = {paths["stdlib"], paths["platstdlib"]}
    found |= {os.path.join(folder, "lib-dynload") for folder in tuple(found)}
    zipped = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return found | {entry for entry in sys.path if os.path.basename(entry) == zipped}
