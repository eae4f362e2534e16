"""Measure designs of the store side by side on one server with its defaults.

python benchmarks/postgres/designs.py check|consume|single|crowd|steady|held|backlog|serve  [--url postgresql://user@host:port/]

consume  insert, claim and settle 60,000 jobs from one connection, by 1,000 and by 100; WAL a job
single   one enqueue a statement: with and without the commit's wait
crowd    one, four and sixteen workers that claim ten jobs at a time from one queue
steady   1,000 jobs a second for ten minutes, with pruning after two minutes
held     the same while another session of each database keeps a snapshot open
backlog  run 50,000 jobs with 10^3, 10^5 and 10^7 queued
check    every design keeps what it promises
serve    run a server until the end of the input, to fill and to measure apart
"""

from __future__ import annotations

import argparse
import sys

import backlog
import checks
import consume
import crowd
import single
import steady
from testbed import server


def main() -> None:
    """Run one measurement."""
    asked = argparse.ArgumentParser(usage=__doc__)
    asked.add_argument(
        "what", choices="check consume single crowd steady held backlog serve".split()
    )
    asked.add_argument("--url", help="a server's URL without a database; else one is started")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--keep", action="store_true", help="backlog: use what --fill has made")
    asked.add_argument("--fill", help="backlog: only make this design's (A, B or C)")
    given = asked.parse_args()
    with server(given.url) as url:
        match given.what:
            case "check":
                checks.run(url)
            case "consume":
                consume.run(url, given.rounds)
            case "single":
                single.run(url, given.rounds)
            case "connections_in_use":
                crowd.run(url, given.rounds)
            case "steady" | "held":
                steady.run(url, given.minutes, held=given.what == "held")
            case "backlog":
                backlog.run(url, given.rounds, fill=given.fill, keep=given.keep)
            case "serve":
                print(url, flush=True)
                sys.stdin.read()


if __name__ == "__main__":
    main()
