"""How exceptions survive pickle and copy: users' pools of processes send them to and fro."""

from __future__ import annotations

from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)

Reduced = tuple[Any, tuple[type[BaseException], tuple[Any, ...]], dict[str, Any]]


class Rebuilt(Exception):
    """The root of exceptions that can be copied and sent, whatever their ``__init__`` takes.

    Python would call the class with the text of the error as its only argument. Here a copy is
    given the same arguments, text and attributes without calling ``__init__`` again.
    """

    def __reduce__(self) -> Reduced:
        """Name what a copy is made of."""
        return rebuild, (type(self), self.args), vars(self)


def rebuild(kind: type[E], args: tuple[Any, ...]) -> E:
    """Make an exception with the arguments that another one kept."""
    made = kind.__new__(kind, *args)
    made.args = args  # a class of the system's errors with an __init__ of its own leaves them empty
    return made
