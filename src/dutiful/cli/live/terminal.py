"""The terminal while a screen is shown: its modes, and that they are always given back.

Windows cannot import this.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dutiful.cli.failure import coloured
from dutiful.cli.live.written import written

if TYPE_CHECKING:
    from rich.text import Text

# Another screen, no cursor, no line that goes on in the next one.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h\x1b[H", "\x1b[0m\x1b[J\x1b[?2026l"
"""A terminal that knows it shows what is between these in one."""
_PLAIN, _LINE_END = "\x1b[0m", "\x1b[0m\x1b[K"


class Terminal:
    """Stdin and stdout as a screen. ``with`` gives the terminal back, whatever happens."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._kept: list[Any] | None = None
        self._drawn = ""
        self._colours = coloured(sys.stdout)
        self._encoding = sys.stdout.encoding or "utf-8"

    def __enter__(self) -> Terminal:
        """Take the terminal."""
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.leave()

    @property
    def stdin(self) -> int:
        """The number of the file that keys come from."""
        return self._in

    def enter(self) -> None:
        """Take the terminal: keys come one by one and unseen; Ctrl-C and Ctrl-Z go on working."""
        if self._kept is None:
            self._kept = termios.tcgetattr(self._in)
        modes = [*self._kept]
        modes[3] &= ~(termios.ICANON | termios.ECHO)
        modes[6] = [*modes[6]]
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._in, termios.TCSADRAIN, modes)
        self._drawn = ""
        self._write(_ENTER)

    def leave(self) -> None:
        """Give the terminal back as it was."""
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        try:
            self._write(_LEAVE)
            termios.tcsetattr(self._in, termios.TCSAFLUSH, kept)
        except (OSError, termios.error):
            pass  # the terminal is gone

    def stop(self) -> None:
        """Let Ctrl-Z stop the process, with the terminal given back; returns when it goes on."""
        self.leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        self.enter()

    def size(self) -> tuple[int, int]:
        """Return width and height in cells."""
        try:
            width, height = os.get_terminal_size(self._out)
        except OSError:
            width = height = 0
        return width or 80, height or 24

    def forget(self) -> None:
        """Draw all of it again with the next `draw`: something else may have written there."""
        self._drawn = ""

    def draw(self, lines: Sequence[Text], width: int) -> None:
        """Show lines; nothing is written where they are the same as before."""
        plain = written(lines, width, colours=self._colours)
        text = "\r\n".join(
            # What a full line erased to its end would be its own last character.
            f"{text}{_LINE_END if line.cell_len < width else _PLAIN}"
            for line, text in zip(lines, plain, strict=True)
        )
        if text != self._drawn:
            self._drawn = text
            self._write(f"{_BEGIN}{text}{_END}")

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self._out, data) :]
