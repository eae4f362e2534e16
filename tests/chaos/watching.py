"""All drills of the watchers as one run: what is seen of each fault, how soon, and how often."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from dutiful.servers.postgres import LocalServer
from tests.chaos import filled, senders, shortages, watchers
from tests.chaos.filled import Full
from tests.chaos.senders import KILLS, STOPS, Sent
from tests.chaos.watchers import Seen

WITHIN = 15.0
"""Seconds within which each fault is seen, on a machine at rest."""
_TABLES = 256 * 2**20
"""Of the small file system: each round has a database of its own."""


@dataclass
class Fault:
    """The rounds of one fault on one engine."""

    seconds: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """How often it was said, or how many ids its messages had; one is right."""
    messages: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def spelled(self) -> str:
        seen = (
            f"seen after {statistics.median(self.seconds):.1f} s (median), "
            f"{max(self.seconds):.1f} s (max) of {len(self.seconds)}, told {_span(self.told)}"
        )
        return f"{seen}, messages {_span(self.messages)}" if self.messages else seen


@dataclass
class Watched:
    """What came of all faults, by engine and fault."""

    within: float = WITHIN
    faults_by: dict[str, Fault] = field(default_factory=lambda: defaultdict(Fault))
    left_out: dict[str, str] = field(default_factory=dict)
    others: int = 0
    """Rounds with a full disk in which a process that could write reported workers as well."""
    rates: dict[str, float] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)

    def seen(self, name: str, one: Seen) -> None:
        fault = self.faults_by[name]
        fault.seconds.append(one.seconds)
        fault.told.append(one.times)

    def sent(self, engine: str, one: Sent) -> None:
        fault = self.faults_by[f"{engine}: sender {_WORDS[one.point]}"]
        fault.seconds.append(one.seconds)
        fault.told.append(one.ids)
        fault.messages.append(one.messages)
        fault.wrong += one.faults()

    def full(self, engine: str, one: Full) -> None:
        fault = self.faults_by[f"{engine}: disk full"]
        fault.seconds.append(one.seen.seconds)
        fault.told.append(one.lines)
        fault.messages.append(one.messages)
        fault.wrong += one.faults()
        self.others += one.others > 0
        unready = self.faults_by[f"{engine}: disk full, /readyz"]
        unready.seconds.append(one.seen.unready)
        unready.told.append(1)

    def load(self) -> None:
        """Note how many processes want a processor now."""
        self.loads.append(os.getloadavg()[0])

    def table(self) -> dict[str, str]:
        rows = {name: fault.spelled() for name, fault in self.faults_by.items()}
        rows |= {name: f"left out: {why}" for name, why in self.left_out.items()}
        rates = ", ".join(f"{engine} {rate:.0f}" for engine, rate in self.rates.items())
        return {
            **rows,
            "disk full, and workers reported as hung too": f"{self.others} rounds",
            "jobs a second beside the senders": rates or "none",
            "load of the machine": _load(self.loads),
        }

    def faults(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, fault in self.faults_by.items():
            late = [f"{one:.1f} s" for one in fault.seconds if one > self.within]
            often = [f"told {one} times" for one in fault.told if one != 1]
            if wrong := [*late, *often, *fault.wrong]:
                found[name] = wrong
        return found


_WORDS = {
    senders.MID: "killed in mid-send",
    senders.CLAIMED: "killed before the send",
    senders.SENT: "killed before the record",
    senders.STOPPED: "stopped with a claim",
    senders.JUDGING: "stopped in its turn",
}


def watching(folder: Path, server: LocalServer, rounds: int = 5) -> Watched:
    """Do everything so many times on SQLite, then on PostgreSQL."""
    found = Watched()
    for number in range(rounds):
        _hung(found, _made(folder, f"sqlite-{number}"), "sqlite", "", "")
    _senders(found, _made(folder, "sqlite-senders"), "sqlite", "", rounds)
    for number in range(rounds):
        _full(found, _made(folder, f"full-{number}"))
    _on_postgres(found, folder, server, rounds)
    return found


def _on_postgres(found: Watched, folder: Path, server: LocalServer, rounds: int) -> None:
    for number in range(rounds):
        place = _made(folder, f"postgres-{number}")
        urls = (_database(server, f"stopped{number}"), _database(server, f"blocked{number}"))
        _hung(found, place, "postgres", *urls)
        away = watchers.black_holed(
            _made(place, "away"), _database(server, f"away{number}"), server.port
        )
        found.seen("postgres: cut off by a black hole", away)
    place = _made(folder, "postgres-senders")
    _senders(found, place, "postgres", _database(server, "senders"), rounds)
    try:
        with shortages.cramped(server, "base", _TABLES) as disk:
            for number in range(rounds):
                name = f"full{number}"
                _database(server, name)
                place = _made(folder, f"postgres-{name}")
                found.full("postgres", filled.on_server(place, server, disk, name))
                found.load()
    except (PermissionError, subprocess.CalledProcessError) as error:
        found.left_out["postgres: disk full"] = str(error)


def _hung(found: Watched, folder: Path, engine: str, first: str, second: str) -> None:
    found.seen(f"{engine}: stopped (SIGSTOP)", watchers.stopped(_made(folder, "stopped"), first))
    found.seen(f"{engine}: loop blocked", watchers.blocked(_made(folder, "blocked"), second))
    found.load()


def _senders(found: Watched, folder: Path, engine: str, url: str, rounds: int) -> None:
    # Of the first ones, `dutiful watch` or a worker has the turn, as it happens.
    points = (*KILLS, *STOPS) * rounds
    came = senders.senders(folder, points, url)
    for one in came.rounds:
        found.sent(engine, one)
    found.rates[engine] = came.load
    found.load()


def _full(found: Watched, folder: Path) -> None:
    """Fill a small file system, or where there can be none, reach a quota."""
    try:
        found.full("sqlite", filled.mounted(folder))
    except (PermissionError, subprocess.CalledProcessError):
        found.full("sqlite", filled.quota(_made(folder, "quota")))
    found.load()


def _made(folder: Path, name: str) -> Path:
    (place := folder / name).mkdir()
    return place


def _database(server: LocalServer, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return server.url(name)


def _span(numbers: Iterable[int]) -> str:
    low, high = min(numbers := list(numbers)), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _load(loads: list[float]) -> str:
    return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "not measured"
