"""What the files start exists, and the times in them fit each other."""

from __future__ import annotations

from inspect import signature

import pytest
import typer.main

from dutiful.cli.main import app
from dutiful.cli.worker import worker
from dutiful.config import load_settings
from dutiful.core.instant import SECOND, span
from dutiful.worker.grace import MARGIN, grace_notice
from dutiful.worker.options import WorkerOptions
from tests.deploy.files import KUBERNETES, Started, documents, started, unit
from tests.docs.test_guides import parse

ALL = started()
WORKERS = [one for one in ALL if one.words[0] == "worker" and one.kill_after is not None]
_OWN = "DUTIFUL_"


def names(one: Started) -> str:
    return f"{one.where} {' '.join(one.words)}"


@pytest.mark.parametrize("one", ALL, ids=names)
def test_every_command_exists_with_its_options(one: Started) -> None:
    parse(typer.main.get_command(app), one.words)


@pytest.mark.parametrize("one", ALL, ids=names)
def test_every_variable_is_a_setting_with_a_good_value(one: Started) -> None:
    own = {name: value for name, value in one.environ.items() if name.startswith(_OWN)}
    settings = load_settings(environ=own)
    for name in own:
        assert hasattr(settings, name.removeprefix(_OWN).lower()), name


def test_workers_are_found_in_every_kind_of_file() -> None:
    assert [one.where for one in WORKERS] == [
        "worker.yaml",
        "compose.yaml worker",
        "shop-worker.service",
    ]


@pytest.mark.parametrize("one", WORKERS, ids=names)
def test_the_grace_fits_what_follows_term(one: Started) -> None:
    grace, kill_after = one.option("--grace"), one.kill_after
    assert grace is not None
    assert kill_after is not None
    said = load_settings(environ=one.environ).termination_grace
    assert said == kill_after * SECOND
    assert span(grace) + MARGIN <= said
    assert grace_notice(span(grace), said, {}) is None


def test_the_default_grace_fits_kubernetes_default() -> None:
    default = signature(worker).parameters["grace"].default
    assert span(default) == WorkerOptions().grace
    assert WorkerOptions().grace + MARGIN <= 30 * SECOND


def test_the_watchdog_leaves_a_worker_time_to_end_by_itself() -> None:
    found = unit()
    assert int(found["WatchdogSec"][0]) * SECOND >= 3 * load_settings(environ={}).lease
    assert found["Type"] == ["notify"]
    assert found["KillMode"] == ["mixed"]


def test_the_scaler_asks_for_the_deployment_that_is_there() -> None:
    found = {one["kind"]: one for path in KUBERNETES for one in documents(path)}
    deployments = {
        one["metadata"]["name"]
        for path in KUBERNETES
        for one in documents(path)
        if one["kind"] == "Deployment"
    }
    spec = found["ScaledObject"]["spec"]
    assert spec["scaleTargetRef"]["name"] in deployments
    assert "dutiful_queue_oldest_seconds" in spec["triggers"][0]["metadata"]["query"]
    assert spec["minReplicaCount"] < spec["maxReplicaCount"]
