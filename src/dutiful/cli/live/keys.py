"""From the bytes that a terminal sends to the names of keys."""

from __future__ import annotations

from collections.abc import Iterator

ESCAPE_SECONDS = 0.05
"""How long the rest of a key's sequence may take; after that it was Escape alone."""

_NAMED = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1bOC": "right",
    "\x1bOD": "left",
    "\x1b[Z": "back-tab",
    "\x1b[5~": "page-up",
    "\x1b[6~": "page-down",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    " ": "space",
    "\x0c": "redraw",
    "\x1b": "escape",
}
_SEQUENCE_MAX = 16


class Keys:
    """Reads keys; a sequence may come in several parts."""

    def __init__(self) -> None:
        """Start without a part."""
        self._rest = ""

    @property
    def waits(self) -> bool:
        """Whether a sequence has begun: without more bytes soon, it is over (`end`)."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that are complete; a sequence that is not known is no key."""
        self._rest += data.decode("utf-8", "replace")
        return [*self._complete()]

    def end(self) -> list[str]:
        """Return what a sequence that was not completed means."""
        rest, self._rest = self._rest, ""
        return ["escape"] if rest == "\x1b" else []

    def _complete(self) -> Iterator[str]:
        while text := self._rest:
            size = _size(text)
            if size is None:
                return
            self._rest = text[size:]
            one = text[:size]
            if (name := _NAMED.get(one)) is not None:
                yield name
            elif len(one) == 1 and one.isprintable():
                yield one


def _size(text: str) -> int | None:
    """Return how many characters the first key has; None where more are to come."""
    if text[0] != "\x1b":
        return 1
    if len(text) == 1:
        return None
    if text[1] not in "[O":
        return 1 if text[1] == "\x1b" else 2  # with Alt
    for index, letter in enumerate(text[2:_SEQUENCE_MAX], 2):
        if "\x40" <= letter <= "\x7e":
            return index + 1
    return _SEQUENCE_MAX if len(text) >= _SEQUENCE_MAX else None
