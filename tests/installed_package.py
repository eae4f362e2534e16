"""Installs a small package with entry points into a folder of its own, without a network."""

from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path,
    name: str,
    engines: Mapping[str, str],
    modules: Mapping[str, str] | None = None,
    version: str = "1.0",
) -> None:
    """Write the modules and the metadata that an installer writes; ``site`` goes on the path."""
    site.mkdir(exist_ok=True)
    for module, text in (modules or {}).items():
        (site / f"{module}.py").write_text(text)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{scheme} = {value}" for scheme, value in engines.items()]
    (info / "entry_points.txt").write_text("\n".join(["[dutiful.engines]", *lines, ""]))
