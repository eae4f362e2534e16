"""A real `dutiful top` on a terminal of its own: keys go in, the last screen comes out."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.until import until

# The child takes the terminal as its own, so that a typed Ctrl-C becomes a signal.
CHILD = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "from dutiful.cli.main import main; main()"
)
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"


class Screen:
    """What a person has in front of them."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int) -> None:
        self.process, self.ours, self.theirs = process, ours, theirs
        self.output = ""
        self.before = termios.tcgetattr(theirs)

    def drain(self) -> None:
        """Take what the terminal was given."""
        self.output += os.read(self.ours, 65536).decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The latest whole screen, without colours."""
        whole = self.output.split("\x1b[?2026h")[-1]
        if "\x1b[?2026l" not in whole:
            whole = self.output.split("\x1b[?2026h")[-2] if self.output.count("2026h") > 1 else ""
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", whole)
        return [line.rstrip() for line in text.split("\r\n")]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    async def shows(self, *words: str) -> None:
        """Wait until the screen has all of these."""

        def look() -> bool:
            assert self.process.poll() is None, self.output[-2000:]
            return all(word in self.text for word in words)

        try:
            await until(look, what=f"{words}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from None

    async def ended(self) -> int:
        code: int = await asyncio.to_thread(self.process.wait, 60)
        return code

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    @property
    def restored(self) -> bool:
        """Whether modes and screen are as they were."""
        entered, left = self.output.rfind(ENTER), self.output.rfind(LEAVE)
        return termios.tcgetattr(self.theirs) == self.before and left > entered


@asynccontextmanager
async def on_terminal(*words: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Screen]:
    """Run `dutiful top` with these options."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(  # noqa: ASYNC220 - which takes no time
        [sys.executable, "-c", CHILD, "top", "--every", "200ms", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    screen = Screen(process, ours, theirs)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, screen.drain)
    try:
        yield screen
    finally:
        loop.remove_reader(ours)
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
