"""Finding the shop of the examples, which the wheel carries along, and importing its tasks."""

from __future__ import annotations

import importlib.util
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from dutiful.core.errors import UsageError


def shop_folder() -> Path:
    """Return the folder with tasks.py and orders.csv."""
    packaged = Path(str(files("dutiful.demo"))) / "shop"
    # An editable install has no copy inside the package; there the examples are at hand.
    repository = Path(__file__).parents[3] / "examples" / "shop"
    for folder in (packaged, repository):
        if (folder / "tasks.py").is_file():
            return folder
    raise UsageError(f"this installation lacks the demo's shop ({packaged}); install dutiful again")


def load_module(name: str) -> ModuleType:
    """Import one of the shop's modules under its plain name, as its workers do."""
    path = shop_folder() / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    return module
