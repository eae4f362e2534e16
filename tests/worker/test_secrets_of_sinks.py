"""Passwords and tokens of sinks' URLs are in no stored error, log line, alert or failed command."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dutiful import App, Condition, Retry, Sample
from dutiful.cli.failure import report
from dutiful.config import load_settings
from dutiful.contract.clock import SystemClock
from dutiful.core.notification import Notification
from dutiful.core.retry import Random as Chance
from dutiful.core.sink_url import secret_parts
from dutiful.observe.output import Output
from dutiful.worker.alert_services import alerter_of
from dutiful.worker.logs import show_logs
from tests.worker.support import burst, errors

KEY = "whsec_" + "aHVudGVyMg" * 4
SECRETS = ("T1JJ3T3L2", "TIiajkdnlazkcOXrIdevi7FQ", "hunter2", KEY, "0f8fad5b-d9cb-469f", "pa%40ss")
SINKS = {
    "ops": f"slack://{SECRETS[0]}/A1BRTD4JD/{SECRETS[1]}/#alerts",
    "mail": "mailto://someone:hunter2@example.com",
    "hook": f"webhook+https://ops.example.com/in/token-{SECRETS[4]}?secret=pa%40ss",
}
SETTINGS: dict[str, Any] = {
    "alerts_to": SINKS,
    "alerts_secret": KEY,
    "dead_man_url": f"https://hc-ping.com/{SECRETS[4]}",
}
HARMLESS = "someone at example.com, ops.example.com and hc-ping.com in alerts"
SAID = f"https://hooks.slack.com/services/{SECRETS[0]}: {' '.join(SECRETS)} pa@ss; {HARMLESS}"


def unseen(text: str) -> None:
    assert HARMLESS in text
    for secret in (*SECRETS, "pa@ss"):
        assert secret not in text


def test_which_parts_of_a_url_are_secret() -> None:
    found = secret_parts([*SINKS.values(), f"https://hc-ping.com/{SECRETS[4]}"], KEY)
    assert set(SECRETS) <= set(found)
    words = HARMLESS.replace(",", "").split()
    assert not set(found) & {*words, "hooks.slack.com"}
    assert secret_parts(["discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"])[0] != ""
    assert secret_parts(["memory://", "sns:///"]) == ()


async def test_the_error_of_a_job_holds_none() -> None:
    app = App("memory://", **SETTINGS)

    @app.task(retry=Retry(max_attempts=1))
    async def tells() -> None:
        raise ConnectionError(SAID)

    async with app:
        handle = await tells.aenqueue()
        await burst(app)
        [error] = await errors(app, handle.id)
        unseen(error.message)
        unseen(error.traceback)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_line_of_the_workers_log_holds_none(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    show_logs(load_settings("memory://", environ={}, **SETTINGS), "info", form)
    [output] = root.handlers
    assert isinstance(output, Output)
    logging.getLogger("theirs").warning("sent %s", SAID, extra={"more": SAID})
    unseen(capsys.readouterr().err)


async def test_an_alert_holds_none() -> None:
    app = App("memory://", **SETTINGS)
    got: list[Notification] = []

    class Sink:
        name = "own"

        async def send(self, notification: Notification) -> None:
            got.append(notification)

    @app.alerts.rule
    def tells(sample: Sample) -> Iterator[Condition]:
        yield Condition(title=SAID[:250], text=SAID, error=SAID, value=1)

    @app.alerts.rule
    def fails(sample: Sample) -> Iterator[Condition]:
        raise ValueError(SAID)
        yield

    app.alerts.add_sink(Sink())
    events: list[object] = []
    async with app:
        app.bus.subscribe(events.append)
        chance: Chance = Random(1)
        alerter = alerter_of(app, SystemClock(), chance, lambda: True)
        assert alerter is not None
        await alerter.run_once()
    assert {one.rule for one in got} == {"tells", "rule-failing"}
    for text in [*map(repr, got), *map(repr, events)]:
        assert all(secret not in text for secret in SECRETS)
    unseen(next(one.text for one in got if one.rule == "tells"))


def test_the_error_of_a_command_holds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"{name} = {json.dumps(url)}\n" for name, url in SINKS.items())
    dead_man = SETTINGS["dead_man_url"]
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.dutiful]\nalerts_secret = "{KEY}"\ndead_man_url = "{dead_man}"\n'
        f"[tool.dutiful.alerts_to]\n{lines}"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dutiful"])
    report(ValueError(SAID), as_json=True)
    unseen(capsys.readouterr().err)
