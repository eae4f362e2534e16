"""A real Prometheus scrapes real workers: each query has data, and each rule is valid."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dutiful.observe.alert_rules import RULES
from dutiful.observe.instruments import INSTRUMENTS
from tests.docs.blocks import ROOT
from tests.metrics.workers import Served, worker
from tests.servers.prometheus import Prometheus, program, prometheus
from tests.until import wait_until

pytestmark = pytest.mark.slow

RULES_FILE = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dutiful.json").read_text())
QUERIES = {
    f"{panel['title']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
STORE = {"DUTIFUL_URL": "sqlite:///jobs.db"}
IMMEDIATE = {
    "DutifulDeadLetters",
    "DutifulOccurrenceLate",
    "DutifulOccurrenceMissed",
    "DutifulUnknownTask",
}


def query(expr: str) -> str:
    """Choose what Grafana's reader would choose."""
    return expr.replace("$__rate_interval", "30s").replace("$job", ".+")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("busy")
    shutil.copy(Path(__file__).with_name("busy_shop.py"), folder / "busy_shop.py")
    at = ("busy_shop:app",)
    with (
        worker(folder, *at, name="one", environ=STORE) as one,
        worker(folder, *at, "-p", "2", name="two", environ=STORE) as two,
    ):
        yield [one, two]


@pytest.fixture(scope="module")
def server(workers: list[Served], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder, [one.address for one in workers], RULES_FILE) as running:
        # What has happened before the first scrape does not count as an increase.
        scraped = "count_over_time(dutiful_worker_ready[1m]) > 1"
        wait_until(lambda: len(running.ask(scraped)) == 3)
        subprocess.run(
            [sys.executable, "busy_shop.py"],
            cwd=workers[0].log.parent,
            env={**os.environ, **STORE},
            check=True,
            timeout=60,
        )
        yield running


@pytest.mark.parametrize("title", QUERIES)
def test_every_query_of_the_dashboard_returns_data(server: Prometheus, title: str) -> None:
    expr = query(QUERIES[title])
    wait_until(lambda: server.ask(expr), 90, what=f"{title}: {expr}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_evaluated(server: Prometheus, rule: object) -> None:
    name = getattr(rule, "name", "")
    [loaded] = [
        found
        for group in server.get("rules")["groups"]
        for found in group["rules"]
        if found["name"] == name
    ]
    wait_until(lambda: _health(server, name) != "unknown")
    assert _health(server, name) == "ok", loaded
    if name in IMMEDIATE:
        wait_until(lambda: name in server.firing(), 90, what=name)


def _health(server: Prometheus, name: str) -> str:
    found = {
        one["name"]: one["health"]
        for group in server.get("rules")["groups"]
        for one in group["rules"]
    }
    return str(found[name])


def test_prometheus_takes_every_metric_with_its_kind(
    server: Prometheus, workers: list[Served]
) -> None:
    known = server.get("metadata")
    for family in workers[0].families().values():
        assert known[family.name if family.type != "counter" else f"{family.name}"], family.name
    assert {one.name for one in INSTRUMENTS} >= {
        sample["metric"]["__name__"]
        for sample in server.ask('{__name__=~"dutiful_.+",__name__!~".+_(bucket|count|sum)"}')
    }


def test_promtool_accepts_rules_and_metrics(workers: list[Served]) -> None:
    promtool = program("promtool")
    checked = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES_FILE],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    for one in workers:
        with urllib.request.urlopen(f"http://{one.address}/metrics") as answer:
            text = answer.read()
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
