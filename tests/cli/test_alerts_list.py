"""``dutiful alerts`` and ``dutiful watch``."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from dutiful import App
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.incident import Incident, written
from dutiful.core.instant import SECOND
from tests.cli.conftest import Run
from tests.until import wait_until

AT = 1_700_000_000 * SECOND
FIRING = Incident(
    id="i",
    rule="queue-age",
    subject="mail",
    state="firing",
    severity="critical",
    since=AT,
    first_at=AT,
    seen_at=AT,
    changed_at=AT,
    count=7,
    title="the oldest job in queue mail has waited for 11m",
    error="\x1b[31mred",
    command="dutiful jobs list --queue mail",
    silenced_by=None,
)


def fill(folder: Path) -> str:
    url = f"sqlite:///{folder}/jobs.db"

    async def write() -> None:
        async with App(url) as app:
            rows = [
                AlertEntry(AlertKind.INCIDENT, FIRING.key, 0, AT, written(FIRING)),
                AlertEntry(AlertKind.INCIDENT, "dead-letters/x", 0, AT, "{"),
                AlertEntry(AlertKind.PAST, "i", 0, AT, written(FIRING)),
            ]
            assert await app.store.alerts.write(rows)

    asyncio.run(write())
    return url


def test_alerts_are_listed(run: Run, tmp_path: Path) -> None:
    url = fill(tmp_path)
    found = run("alerts", "list", "--url", url, "--json").json
    assert [(one["rule"], one["unreadable"]) for one in found] == [
        ("queue-age", None),
        ("dead-letters", "body"),
    ]
    assert found[0]["since"] == "2023-11-14T22:13:20.000000Z"
    said = run("alerts", "list", "--url", url)
    assert "queue-age" in said.out
    assert "dutiful jobs list --queue mail" in said.out
    assert "\x1b[31mred" not in said.out
    (past,) = run("alerts", "history", "--url", url, "--json").json
    assert past["rule"] == "queue-age"
    assert "queue-age" in run("alerts", "history", "--url", url).out


def test_alerts_are_silenced_for_a_time(run: Run, tmp_path: Path) -> None:
    url = fill(tmp_path)
    given = ("--for", "2h", "--reason", "why", "--author", "me")
    made = run("alerts", "silence", "queue-*", "mail", *given, "--url", url, "--json").json
    assert (made["rule"], made["subject"], made["reason"]) == ("queue-*", "mail", "why")
    assert run("alerts", "silences", "--url", url, "--json").json == [made]
    assert "queue-*" in run("alerts", "silences", "--url", url).out
    assert run("alerts", "silence", "x", "--for", "soon", "--url", url).code == 2
    assert run("alerts", "unsilence", made["id"], "--url", url).code == 0
    assert run("alerts", "unsilence", made["id"], "--url", url).code == 4


def test_rules_are_listed_without_a_store(run: Run, tmp_path: Path) -> None:
    rules = run("alerts", "rules", "--url", f"sqlite:///{tmp_path}/none.db", "--json").json
    assert "dead-letters" in {one["name"] for one in rules}
    assert "10m" in run("alerts", "rules", "--url", "memory://").out


def test_a_watcher_needs_no_app_and_ends_at_a_signal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    async def enqueue() -> None:
        async with App(url) as app:

            @app.task
            async def lonely() -> None: ...

            await lonely.aenqueue()

    asyncio.run(enqueue())
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dutiful.alerts]\nqueue-unserved = { for = "0s" }\n'
    )
    command = [sys.executable, "-m", "dutiful", "watch", "--url", url]
    log = tmp_path / "log"
    with log.open("w") as stderr:
        watcher = subprocess.Popen(command, cwd=tmp_path, env=dict(os.environ), stderr=stderr)
    try:
        wait_until(lambda: "no live worker serves queue default" in log.read_text(), seconds=60)
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(30) == 0
    finally:
        watcher.kill()
        watcher.wait()
