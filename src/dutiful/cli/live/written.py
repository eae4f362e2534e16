"""Lines of a screen as text for a terminal or a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text


def written(lines: Sequence[Text], width: int, *, colours: bool) -> list[str]:
    """Write lines with the codes of their colours, or plain."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colours,
        color_system="auto" if colours else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    found: list[str] = []
    for one in lines:
        with console.capture() as capture:
            console.print(one, end="", no_wrap=True, overflow="crop", crop=True, soft_wrap=False)
        found.append(capture.get().rstrip("\n"))
    return found
