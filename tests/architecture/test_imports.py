"""Imports run one way; the contracts stand in pyproject.toml."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "dutiful"

# The contracts name these rooms; one that is not built yet stands empty in the checked copy.
ROOMS = (
    "app.py composition.py config.py core contract engines engines/memory engines/sqlite client "
    "manage worker services observe servers demo bench cli web integrations testing"
).split()

# Lines that must be refused, each added to a file of the checked copy, and the report on each.
BAD = [
    ("core/bad_clock.py", "from time import monotonic", "dutiful.core.bad_clock -> time"),
    ("core/bad_loop.py", "import asyncio", "dutiful.core.bad_loop -> asyncio"),
    ("core/bad_port.py", "import dutiful.contract", "dutiful.core.bad_port -> dutiful.contract"),
    ("core/bad_config.py", "import dutiful.config", "dutiful.core.bad_config -> dutiful.config"),
    ("contract/bad.py", "import dutiful.worker", "dutiful.contract.bad -> dutiful.worker"),
    ("worker/bad.py", "import dutiful.engines.memory", "dutiful.worker.bad -> dutiful.engines.mem"),
    ("client/bad.py", "import dutiful.engines", "dutiful.client.bad -> dutiful.engines"),
    ("services/bad.py", "import dutiful.observe", "dutiful.services.bad -> dutiful.observe"),
    ("web/bad.py", "import dutiful.cli", "dutiful.web.bad -> dutiful.cli"),
    ("bench/bad_look.py", "import rich", "dutiful.bench.bad_look -> rich"),
    ("demo/bad.py", "import dutiful.cli", "dutiful.demo.bad -> dutiful.cli"),
    ("bench/bad.py", "import dutiful.cli", "dutiful.bench.bad -> dutiful.cli"),
    ("servers/bad.py", "import dutiful.cli", "dutiful.servers.bad -> dutiful.cli"),
    ("servers/bad_app.py", "import dutiful.app", "dutiful.servers.bad_app -> dutiful.app"),
    ("worker/bad_server.py", "import dutiful.servers", "worker.bad_server -> dutiful.servers"),
    ("engines/memory/bad.py", "import dutiful.engines.sqlite", "memory.bad -> dutiful.engines.sql"),
    ("engines/memory/bad_sql.py", "import dutiful.engines._sql", "memory.bad_sql -> dutiful.engin"),
    ("engines/_sql/bad.py", "import dutiful.engines.postgres", "_sql.bad -> dutiful.engines.post"),
]
UNLISTED = [("engines/unlisted.py", "dutiful.engines"), ("unlisted.py", "dutiful")]


def copy_package(folder: Path) -> Path:
    """Copy the package to ``folder``, with every room in place."""
    package = folder / "src" / "dutiful"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for room in ROOMS:
        path = package / room
        if not path.suffix:
            path.mkdir(exist_ok=True)
            path = path / "__init__.py"
        if not path.exists():
            path.write_text('"""Not built yet."""\n')
    return package


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_contracts_hold(tmp_path: Path) -> None:
    copy_package(tmp_path)
    result = lint(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_refuse(tmp_path: Path) -> None:
    package = copy_package(tmp_path)
    for path, line, _ in BAD:
        (package / path).write_text(f"{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert [report for _, _, report in BAD if report not in result.stdout] == []


def test_unlisted_rooms_are_refused(tmp_path: Path) -> None:
    package = copy_package(tmp_path)
    for path, _ in UNLISTED:
        (package / path).write_text("")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    for _, parent in UNLISTED:
        assert f"{parent}.unlisted" in result.stdout, result.stdout


def foreign_imports(source: str) -> Iterator[str]:
    """Yield the packages that are neither of the standard library nor our own."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            package = name.partition(".")[0]
            if package not in sys.stdlib_module_names and package != "dutiful":
                yield package


def test_core_needs_only_msgspec() -> None:
    for path in (SOURCE / "core").rglob("*.py"):
        assert set(foreign_imports(path.read_text())) <= {"msgspec"}, path


def test_foreign_import_is_seen() -> None:
    source = "import os\nimport rich.table\nfrom msgspec import json\nfrom . import state\n"
    assert list(foreign_imports(source)) == ["rich", "msgspec"]
