"""The words of the verdict, the same on every kind of terminal."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from dutiful.demo.schedule_verdict import Occurrences
from dutiful.demo.verdict import Verdict, money


def headline(verdict: Verdict) -> str:
    """Say the verdict in one line."""
    return (
        f"{count(verdict.orders, 'order')}: {verdict.charged_once:,} charged once, "
        f"{verdict.charged_twice:,} twice, {verdict.lost:,} lost"
    )


def details(verdict: Verdict) -> list[tuple[str, str]]:
    """Say what lies behind it, as pairs of a label and a text."""
    faults = verdict.faults
    lines = [
        ("gateway", _gateway(faults)),
        ("workers", _workers(verdict)),
        ("cards", _cards(verdict)),
        (
            "effort",
            f"{verdict.attempts:,} attempts, {verdict.retries:,} of them retries, "
            f"in {verdict.seconds:.1f} s",
        ),
    ]
    if not verdict.naive:
        again = count(faults["replayed"], "charge was", "charges were")
        lines.insert(1, ("repeats", f"{again} asked for again, and known by the idempotency key"))
    if verdict.occurrences is not None:
        lines.insert(3, ("schedule", _occurrences(verdict.occurrences)))
    if verdict.alerts_fired or verdict.dead:
        lines.insert(-1, ("alerts", _alerts(verdict)))
    if verdict.wrong:
        lines.append(("wrong", f"{count(verdict.wrong, 'charge')} that no order asked for"))
    if verdict.overcharged:
        lines.append(("too much", f"{money(verdict.overcharged)} taken from customers again"))
    if verdict.unpaid:
        lines.append(("missing", f"{money(verdict.unpaid)} never taken"))
    return lines


def advice(verdict: Verdict, folder: Path | None) -> list[tuple[str, str]]:
    """Say what to type next, as pairs of a command and its purpose."""
    if folder is not None:
        ledger = (f"less {folder}/ledger.jsonl", "the gateway's ledger")
        if not (folder / "jobs.db").exists():  # the jobs were on a server, which has ended
            return [ledger]
        url = f"sqlite:///{quote(str(folder))}/jobs.db"
        return [(f"dutiful jobs list --url {url}", "look at the jobs"), ledger]
    if verdict.naive:
        return [("dutiful demo", "the same with the safety on")]
    return [
        ("dutiful demo --naive", "the same with the safety off"),
        ("dutiful demo --keep", "keep the folder, look at the jobs and errors"),
        ("dutiful demo --orders FILE", "with orders of your own"),
    ]


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    >>> count(1, "job"), count(2000, "job"), count(2, "reply", "replies")
    ('1 job', '2,000 jobs', '2 replies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _gateway(faults: dict[str, int]) -> str:
    return (
        f"{count(faults['errors'], 'server error')}, "
        f"{count(faults['stalls'], 'reply', 'replies')} too late, "
        f"{count(faults['cuts'], 'reply', 'replies')} lost on the way"
    )


def _workers(verdict: Verdict) -> str:
    killed = f"{verdict.workers_killed} killed with SIGKILL"
    if verdict.naive:
        return f"{killed}; what it had begun was lost with it"
    if not verdict.rescued:
        return f"{killed}, with no job running"
    return f"{killed}, its {count(verdict.rescued, 'job')} rescued by another"


def _occurrences(found: Occurrences) -> str:
    twice = f"{found.twice:,} twice, " if found.twice else ""
    return (
        f"{count(found.planned, 'occurrence')}, {found.once:,} ran once, {twice}"
        f"{found.missed:,} missed, at most {found.late_max:.2f} s late"
    )


def _alerts(verdict: Verdict) -> str:
    if not verdict.alerts_fired:
        return "none fired, though charges were dead letters"
    left = verdict.alerts_fired - verdict.alerts_resolved
    end = f", {left} not resolved" if left else ""
    return f"{verdict.alerts_fired} fired, {verdict.alerts_resolved} resolved by the redrive{end}"


def _cards(verdict: Verdict) -> str:
    if verdict.naive:
        return f"declined {count(verdict.faults['declined'], 'time')}, and nothing reported it"
    text = (
        f"{count(verdict.dead, 'dead letter')}, {verdict.redriven} redriven "
        "after the cards were repaired"
    )
    return f"{text}, {verdict.still_dead} still dead" if verdict.still_dead else text
