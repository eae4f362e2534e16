"""In which order a worker looks into its queues."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from .bare import bare_text
from .errors import BadOption
from .retry import Random
from .text import shown

_WEIGHT = re.compile("0*[1-9][0-9]{0,4}")
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")


class Served(msgspec.Struct, frozen=True):
    """A queue that a worker serves; a weight of 3 is looked at first three times as often as 1."""

    name: str
    weight: int = 1


def queue_name(name: object) -> str:
    """Return the name, or refuse it: letters, digits, ``_``, ``.`` and ``-``, 1 to 100 of them."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadOption(f"queue name {shown(name)}; use 1 to 100 letters, digits, '_', '.' or '-'")
    return bare_text(name)


def served(text: str) -> tuple[Served, ...]:
    """Read what ``-Q`` takes; each queue counts once.

    >>> [(queue.name, queue.weight) for queue in served("billing:3,default")]
    [('billing', 3), ('default', 1)]
    """
    queues: dict[str, Served] = {}
    for part in text.split(","):
        name, colon, weight = part.strip().partition(":")
        if colon and not _WEIGHT.fullmatch(weight):
            raise BadOption(
                f"queue weight {shown(weight)} in {shown(text)}; "
                "write a whole number above 0, at most 99,999"
            )
        queue = Served(queue_name(name), int(weight) if colon else 1)
        if queues.setdefault(name, queue) != queue:
            raise BadOption(
                f"queue {name} has the weights {queues[name].weight} and {queue.weight} in "
                f"{shown(text)}; give one"
            )
    return tuple(queues.values())


def fetch_order(queues: Sequence[Served], rng: Random) -> tuple[str, ...]:
    """Shuffle by weight, so that a busy queue never starves another.

    Weighted sampling without replacement by exponential keys: Efraimidis and Spirakis, "Weighted
    random sampling with a reservoir" (2006).
    """
    if len(queues) == 1:
        return (queues[0].name,)
    keyed = [(rng.random() ** (1 / queue.weight), queue.name) for queue in queues]
    return tuple(name for _, name in sorted(keyed, reverse=True))
