"""Every design keeps the same promises, as far as the measurements use them."""

from __future__ import annotations

import time

from consume import DESIGNS
from testbed import Batch, Link, database


def run(url: str) -> None:
    """Raise at the first promise that is broken."""
    for at, kind in enumerate(DESIGNS):
        where = database(url, f"check_{at}")
        design = kind(where, lambda: time.monotonic_ns() // 1000)
        link, other = Link(where), Link(where)
        design.create(link)
        low, high = Batch(50), Batch(50, (7,))
        for batch in (low, high):
            design.insert(link, batch)
        asked = low.ids[0] if "uuid" not in kind.name else low.raw[0]
        state = (lambda: design.found(link, asked)[1]) if isinstance(asked, str) else None
        assert state is None or state() == 1
        first = design.claim(link, 60)
        assert [str(job[1]) for job in first[:50]] == high.ids, "higher priority first"
        assert [str(job[1]) for job in first[50:]] == low.ids[:10], "then the oldest"
        assert state is None or state() == 2
        second = design.claim(other, 60)
        assert [str(job[1]) for job in second] == low.ids[10:], "none is claimed twice"
        stale = [(*job[:15], job[15] + 7, *job[16:]) for job in first]
        assert design.settle(link, stale) == 0, "a wrong fence writes nothing"
        assert design.settle(link, first) == 60
        assert design.settle(link, first) == 0
        assert state is None or state() == 4
        newest = [row[1] for row in design.newest(link, 100)]
        assert len(newest) == 100
        assert design.settle(other, second) == 40
        late = Link(where)
        late.script("BEGIN")
        design.insert(late, Batch(5))
        design.insert(link, Batch(5))
        early = len(design.claim(link, 100))
        late.script("COMMIT")
        assert early + len(design.claim(link, 100)) == 10, "a late commit is not passed by"
        print(f"{kind.name:<32} kept; beside an open transaction {early} of 5 could be claimed")
