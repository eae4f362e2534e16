"""Where the project's files are."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "dutiful"
TESTS = ROOT / "tests"

NOT_OURS = {".git", ".venv", ".hypothesis", "__pycache__", "build", "dist", "node_modules"}


def python_files(folder: Path) -> list[Path]:
    """Return the folder's Python files, in a stable order."""
    return sorted(folder.rglob("*.py"))


def text_files(folder: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Yield every text file below ``folder`` that a person wrote or committed."""
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info")):
            continue
        if path.is_dir():
            yield from text_files(path)
        elif path.is_file():
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def name(path: Path) -> str:
    """Return the path as it is written from the project's root."""
    return path.relative_to(ROOT).as_posix()
