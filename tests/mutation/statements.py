"""Changes the SQL of both engines, one thing at a time: guards, bounds, counts, order, locks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dutiful.engines._sql.statement_files import HEAD

ENGINES = ("sqlite", "postgres")
ABOUT = re.compile(
    r"(settle|succeed|fail|held|same_fence|claim|stage|renew|cancels|leases|lose|expire|abandoned"
    r"|spent|forget|prun|purge|delete|fence_raise|member|look)"
)
"""The statements that settle, claim, renew, expire and prune."""

_TELLING = (
    (
        r"settle|succeed|fail|held|same_fence",
        "Settle Fence Cancel Step Rescue Unwritable Transaction",
        "statements records transaction plans locks lock_order lost_jobs transactions",
    ),
    (
        r"claimed|claims_review|cancels|renew",
        "Lease Rescue Cancel",
        "statements plans leases locks steady",
    ),
    (
        r"claim|stage|member|look",
        "Claim Fence Pause Rescue Settle Enqueue",
        "statements plans claim_behind floors claiming woken passed_over",
    ),
    (
        r"leases|lose|expire|abandoned|spent|forget",
        "Lease Rescue Claim",
        "statements plans leases passed_over steady",
    ),
    (
        r"prun|purge|delete|fence_raise",
        "Prune Redrive Fence Copy",
        "statements plans records keeping passed_over lock_order",
    ),
)
"""By a statement's name: the contracts that most likely notice, and the engine's own tests."""

_OTHERS = (
    "Claim Settle Fence Lease Rescue Cancel Prune Redrive Copy Step Transaction Awaited Unique"
)

_EFFECTS = "tests/conformance/test_effects.py"

_SWAPS = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" \+ 1\b", " + 0"),
    (r"\bNOT (?=\w)", ""),
    (r" DESC\b", ""),
    (r"\bmin\(", "max("),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\b(\w+) = NULL\b", r"\1 = \1"),
    (r"\btrue\b", "false"),
    (r" SKIP LOCKED", ""),
    (r"\nLIMIT [?$]\d*", ""),
)
_STOP = re.compile(
    r"\b(AND|OR|ORDER|LIMIT|RETURNING|GROUP|FOR|ON|WHERE|THEN|UNION|HAVING|FROM|SET|ELSE|END|AS)\b"
)
_START = re.compile(r"\b(WHERE|AND|FILTER \(WHERE)\s+")


class Change(NamedTuple):
    """A file with one changed statement."""

    path: str
    statement: str
    what: str
    after: str

    @property
    def name(self) -> str:
        """Name the change, the same in every run on the same code."""
        return f"{self.path}:{self.statement} {self.what}"


def changes(root: Path, engine: str) -> list[Change]:
    """Return every change of an engine's statements."""
    folder = root / "src/dutiful/engines" / engine / "sql"
    found: list[Change] = []
    for file in sorted(folder.glob("*.sql")):
        path, text = str(file.relative_to(root)), file.read_text(encoding="utf-8")
        for name, start, end in _statements(text):
            if not ABOUT.match(name):
                continue
            seen: Counter[str] = Counter()
            for what, after in _changed(text[start:end]):
                seen[what] += 1
                number = f" (place {seen[what]})" if seen[what] > 1 else ""
                whole = text[:start] + after + text[end:]
                found.append(Change(path, name, what + number, whole))
    return found


def rounds(root: Path, engine: str, statement: str) -> list[list[str]]:
    """Return the tests for a statement: likely contracts, the engine's own tests, the others."""
    first, own = next(found for pattern, *found in _TELLING if re.match(pattern, statement))
    others = [name for name in _OTHERS.split() if name not in first.split()]
    files = [f"tests/engines/{engine}/test_{name}.py" for name in own.split()]
    there = [file for file in files if (root / file).exists()]
    return [_contracts(first.split()), there, [*_contracts(others), _EFFECTS]]


def _statements(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the first name of each statement of a file, and where its text begins and ends."""
    heads = list(HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        yield head[1].partition(",")[0].strip(), head.end(), end


def _contracts(names: list[str]) -> list[str]:
    return [f"tests/conformance/test_contracts.py::Test{name}" for name in names]


def _changed(text: str) -> Iterator[tuple[str, str]]:
    for start, end in _conditions(text):
        condition = " ".join(text[start:end].split())
        yield f"without {condition}", f"{text[:start]}({text[start:end]} OR true){text[end:]}"
    for pattern, put in _SWAPS:
        for number, match in enumerate(re.finditer(pattern, text)):
            if _commented(text, match.start()):
                continue
            after = text[: match.start()] + match.expand(put) + text[match.end() :]
            yield f"{match[0].strip()} -> {match.expand(put).strip()} #{number}", after


def _conditions(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each condition of a WHERE begins and ends."""
    for match in _START.finditer(text):
        start = match.end()
        between = re.search(r"BETWEEN\s+\S+\s*$", text[: match.start()])
        if between or _commented(text, match.start()):
            continue
        end = _end(text, start)
        if text[start:end].strip():
            yield start, start + len(text[start:end].rstrip())


def _end(text: str, start: int) -> int:
    depth, place = 0, start
    while place < len(text):
        sign = text[place]
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                return place
        elif depth == 0 and (
            sign in ";," or _STOP.match(text, place) or text.startswith("--", place)
        ):
            return place
        place += 1
    return place


def _commented(text: str, place: int) -> bool:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return "--" in line
