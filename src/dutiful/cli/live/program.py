"""The running screen: asks the store, draws, and does what keys ask for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import Any

from msgspec.structs import replace

from dutiful.app import App
from dutiful.cli.live.carry_out import carry_out
from dutiful.cli.live.keys import ESCAPE_SECONDS, Keys
from dutiful.cli.live.layout import Scene, screen
from dutiful.cli.live.opened import help_text, job_text
from dutiful.cli.live.sections import sections
from dutiful.cli.live.terminal import Terminal
from dutiful.cli.live.view import Action, ScreenState, press
from dutiful.cli.render import flat, rough
from dutiful.core.errors import DutifulError, JobNotFound
from dutiful.core.instant import SECOND
from dutiful.manage.frame_records import Frame
from dutiful.manage.live_frames import Frames
from dutiful.manage.reading import micros

_TICK = 1.0
"""So often the screen is drawn even if nothing has changed: ages grow."""
_PATIENCE = 3.0
"""A store that has not answered for so many seconds is reported."""


class Program:
    """One run of the screen; several may watch one store."""

    def __init__(self, app: App, url: str, every: float, terminal: Terminal) -> None:
        """Show nothing yet; ``every`` is the seconds between two frames."""
        self._app, self._url, self._every = app, url, every
        self._terminal = terminal
        self._frames = Frames(app)
        self._frame: Frame | None = None
        self._taken = time.monotonic()
        self._asked: float | None = None
        self._trouble = ""
        self._view = ScreenState()
        self._keys = Keys()
        self._changed, self._again, self._over = (asyncio.Event() for _ in range(3))
        self._action: asyncio.Task[None] | None = None
        self._awaited: list[asyncio.Event] = []

    async def run(self) -> None:
        """Show the screen until q, Ctrl-C, TERM or HUP."""
        loop = asyncio.get_running_loop()
        heard = {
            signal.SIGINT: self._over.set,
            signal.SIGTERM: self._over.set,
            signal.SIGHUP: self._over.set,
            signal.SIGWINCH: self._resized,
            signal.SIGCONT: self._continued,
            signal.SIGTSTP: self._stopped,
        }
        for number, hear in heard.items():
            loop.add_signal_handler(number, hear)
        loop.add_reader(self._terminal.stdin, self._read)
        tasks = [loop.create_task(self._watch()), loop.create_task(self._draw_on())]
        over = loop.create_task(self._over.wait())
        try:
            await asyncio.wait([*tasks, over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(self._terminal.stdin)
            for number in heard:
                loop.remove_signal_handler(number)
            ended = [one for one in tasks if one.done()]
            await _cancel([*tasks, over, *([self._action] if self._action else [])])
        for one in ended:
            one.result()

    async def _watch(self) -> None:
        """Take frames, as long as the store can be reached and also when it cannot."""
        while True:
            self._again.clear()
            awaited, self._awaited = self._awaited, []
            self._asked = time.monotonic()
            try:
                frame = await self._frames.atake()
            except DutifulError as error:
                self._trouble = _said(error)
            else:
                self._frame, self._taken, self._trouble = frame, time.monotonic(), ""
            self._asked = None
            for one in (self._changed, *awaited):
                one.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._again.wait()

    async def _draw_on(self) -> None:
        while True:
            self._changed.clear()
            width, height = self._terminal.size()
            self._terminal.draw(screen(self._scene(), self._view, width, height), width)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._changed.wait()

    def _scene(self) -> Scene:
        now, trouble = time.time_ns() // 1000, self._trouble
        if self._frame is not None:
            now = micros(self._frame.at) + int((time.monotonic() - self._taken) * SECOND)
        waits = 0.0 if self._asked is None else time.monotonic() - self._asked
        if waits > _PATIENCE and not trouble:
            trouble = f"The store has not answered for {rough(int(waits * SECOND))}"
        return Scene(self._url, self._frame, now, self._every, trouble)

    def _read(self) -> None:
        try:
            data = os.read(self._terminal.stdin, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._over.set()
            return
        for key in self._keys.feed(data):
            self._press(key)
        if self._keys.waits:
            asyncio.get_running_loop().call_later(ESCAPE_SECONDS, self._escaped)

    def _escaped(self) -> None:
        for key in self._keys.end():
            self._press(key)

    def _press(self, key: str) -> None:
        self._changed.set()
        if key == "redraw":
            self._terminal.forget()
            return
        if key == "?" and self._view.opened is None and self._view.question is None:
            self._view = replace(self._view, opened=help_text(), offset=0, message="")
            return
        found = () if self._frame is None else sections(self._frame, self._scene().now)
        if not found:
            if key in ("q", "escape"):
                self._over.set()
            return
        self._view, action = press(self._view, key, found)
        if action is not None:
            self._start(action)

    def _start(self, action: Action) -> None:
        match action.verb:
            case "quit":
                self._over.set()
            case "refresh":
                self._frames.reset()
                self._again.set()
            case _:
                if self._action is not None and not self._action.done():
                    self._say("The last order is still on its way.", bad=True)
                    return
                self._action = asyncio.get_running_loop().create_task(self._carry_out(action))

    async def _carry_out(self, action: Action) -> None:
        try:
            if action.verb == "open":
                width, _ = self._terminal.size()
                opened = await job_text(self._app.jobs, action.subject, width)
                self._view = replace(self._view, opened=opened, offset=0)
                self._changed.set()
                return
            said = await carry_out(self._app, action)
        except JobNotFound:
            self._say("The job is gone: it was pruned or purged.", bad=True)
        except DutifulError as error:
            self._say(_said(error), bad=True)
        else:
            await self._next_frame()
            self._say(said)

    async def _next_frame(self) -> None:
        """Wait for a frame that shows what was changed, if the store is quick enough."""
        shown = asyncio.Event()
        self._awaited.append(shown)
        self._frames.reset()
        self._again.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await shown.wait()

    def _say(self, text: str, *, bad: bool = False) -> None:
        self._view = replace(self._view, message=text, bad=bad)
        self._changed.set()

    def _resized(self) -> None:
        self._terminal.forget()
        self._changed.set()
        opened = self._view.opened
        if opened is not None and opened.job_id is not None:
            self._start(Action("open", opened.job_id))

    def _continued(self) -> None:
        """Take the terminal again after a stop that could not be prepared (SIGSTOP)."""
        self._terminal.enter()
        self._changed.set()

    def _stopped(self) -> None:
        self._terminal.stop()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTSTP, self._stopped)
        self._changed.set()


def _said(error: DutifulError) -> str:
    text = flat(str(error)).rstrip(".") or type(error).__name__
    return text[:1].upper() + text[1:]


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.wait(tasks, timeout=1)
