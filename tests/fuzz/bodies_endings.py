"""How a hostile body may end: what it returns or raises, or that it does not end at all."""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from dutiful import Cancel, Discard, Retry, Snooze

Ending = Callable[[Random], Any]


class BrokenError(BaseException):
    """No part of it can be looked at."""

    def __str__(self) -> str:
        raise SystemExit("str")

    def __repr__(self) -> str:
        raise KeyboardInterrupt("repr")

    def __reduce__(self) -> Any:
        raise GeneratorExit("reduce")

    @property
    def retry_after(self) -> Any:
        raise SystemExit("retry_after")

    @property
    def __notes__(self) -> Any:
        raise SystemExit("notes")


class BrokenValue:
    """A value of which every look raises."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt(name)

    def __repr__(self) -> str:
        raise SystemExit("repr")

    def __eq__(self, other: object) -> bool:
        raise SystemExit("eq")

    def __hash__(self) -> int:
        raise SystemExit("hash")

    def __bool__(self) -> bool:
        raise SystemExit("bool")


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def _chained(length: int) -> ValueError:
    error = ValueError("first")
    for number in range(length):
        after = ValueError(str(number))
        after.__cause__ = error
        error = after
    return error


def _ring() -> ValueError:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    one.__context__, other.__context__ = other, one
    return one


async def _nothing() -> None:
    """Be awaited by nobody."""


def _recurse() -> int:
    return _recurse() + 1


EXTREMES: tuple[Any, ...] = (
    *(math.nan, math.inf, -math.inf, -1, -1e-9, 0, 1e-9, 1e13, 1e300, 2**63, -(2**63)),
    *(timedelta.max, timedelta.min, "1h", "-1h", "", "indefinitely", "1" * 5000),
    *(None, True, b"5", [], {}, object()),
    *(
        datetime(9999, 12, 31),  # noqa: DTZ001 - the fault under test
        datetime.max.replace(tzinfo=UTC),
    ),
)


def _signal(rng: Random) -> Any:
    extreme = rng.choice(EXTREMES)
    make: Callable[[Any], Any] = rng.choice(
        [
            Snooze,
            lambda value: Snooze(until=value),
            lambda value: Retry(after=value),
            lambda value: Retry(delay=value),
            Discard,
            Cancel,
        ]
    )
    return make(extreme)


RETURNS: dict[str, Ending] = {
    "an object": lambda rng: object(),
    "a broken value": lambda rng: BrokenValue(),
    "keys that are no text": lambda rng: {(1, 2): 3, None: 4},
    "megabytes": lambda rng: "x" * rng.choice([262_143, 300_000, 5_000_000]),
    "depth": lambda rng: _nested(rng.choice([63, 64, 65, 990, 100_000])),
    "itself": lambda rng: _circular(),
    "no number": lambda rng: rng.choice([math.nan, math.inf, 10**400, complex(1, 2)]),
    "text": lambda rng: rng.choice(["\ud800", "\0", "\x1b[2J", b"\xff"]),
    "a coroutine": lambda rng: _nothing(),
    "a generator": lambda rng: iter(range(3)),
    "an error": lambda rng: rng.choice([ValueError("returned"), ValueError, SystemExit(3)]),
    "a signal": _signal,
    "a class": lambda rng: rng.choice([Snooze, Retry, type]),
}

RAISES: dict[str, Ending] = {
    "a plain error": lambda rng: ValueError("plain"),
    "an exit": lambda rng: SystemExit(rng.choice([None, 0, 3, 1000, -1, "usage", object()])),
    "an interrupt": lambda rng: KeyboardInterrupt(),
    "a generator's end": lambda rng: rng.choice(
        [GeneratorExit(), StopIteration(1), StopAsyncIteration()]
    ),
    "a cancellation": lambda rng: asyncio.CancelledError("own"),
    "a base": lambda rng: BaseException("base"),
    "a broken error": lambda rng: BrokenError(),
    "no memory": lambda rng: MemoryError(),
    "megabytes": lambda rng: ValueError("\ud800\0" * 2_000_000),
    "a chain": lambda rng: _chained(rng.choice([10, 5_000])),
    "a ring": lambda rng: _ring(),
    "a group": lambda rng: BaseExceptionGroup(
        "group", [BrokenError(), SystemExit(1), ExceptionGroup("in", [ValueError("leaf")])]
    ),
    "a signal": _signal,
}


def _die(rng: Random) -> None:
    """End the process that runs the body; only a child may."""
    match rng.choice(["exit", "kill", "fault", "term"]):
        case "exit":
            os._exit(rng.choice([0, 1, 75, 255]))
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fault":
            ctypes.string_at(0)
        case _:
            os.kill(os.getpid(), signal.SIGTERM)


def end_process(rng: Random) -> None:
    """End the process that runs this body, in some way."""
    code = rng.choice([0, 1, 2, 75, 255])
    loop = threading.current_thread() is threading.main_thread()
    ways: list[Callable[[], object]] = [
        lambda: os._exit(code),
        lambda: threading.Thread(target=os._exit, args=(code,)).start(),
        lambda: os.kill(os.getpid(), signal.SIGKILL),
        lambda: ctypes.string_at(0),
        os.abort,
        lambda: signal.setitimer(signal.ITIMER_REAL, 0.01),
    ]
    if loop:
        ways.append(lambda: asyncio.get_running_loop().call_soon(os._exit, code))
    rng.choice(ways)()


def ending(rng: Random, kind: str) -> Any:
    """End as the dice say: return a value, raise an error, or die."""
    dice = rng.random()
    if kind == "child" and dice < 0.15:
        _die(rng)
    if dice < 0.2:
        _recurse()
    if dice < 0.25 and kind != "loop":
        _linger(stubborn=kind == "child")
    if dice < 0.6:
        raise RAISES[rng.choice(sorted(RAISES))](rng)
    return RETURNS[rng.choice(sorted(RETURNS))](rng)


def _linger(*, stubborn: bool) -> None:
    end = time.perf_counter() + 20
    while time.perf_counter() < end:
        try:
            time.sleep(0.5)
        except BaseException:
            if not stubborn:
                raise
