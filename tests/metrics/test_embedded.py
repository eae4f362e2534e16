"""Metrics in a program of the user's own: the registry, several apps, OpenTelemetry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from dutiful import App
from dutiful.core.event import WorkerStarted
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.observe.event_text import worded
from dutiful.observe.instrument import Kind
from dutiful.observe.instruments import INSTRUMENTS
from dutiful.observe.record_fields import fields_of
from dutiful.worker.logs import started
from dutiful.worker.options import WorkerOptions
from tests.worker.support import DEADLINE, burst, serving


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with App(f"sqlite:///{tmp_path}/jobs.db") as made:
        yield made


def values(registry: CollectorRegistry, name: str) -> dict[str, float]:
    """Return the samples of a name, by the labels as text."""
    return {
        ",".join(sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


async def test_a_registry_has_what_its_app_does_and_no_more(app: App, tmp_path: Path) -> None:
    @app.task
    async def charge(number: int) -> None: ...

    registry = app.metrics.registry
    assert app.metrics.registry is registry
    async with App(f"sqlite:///{tmp_path}/other.db") as other:

        @other.task
        async def mail(number: int) -> None: ...

        await app.aenqueue_many(charge.job(number) for number in range(3))
        await mail.aenqueue(1)
        await burst(app)
        found = values(registry, "dutiful_jobs_settled_total")
        assert found["default,charge,succeeded"] == 3
        assert not any("mail" in labels for labels in found)
        enqueued = values(other.metrics.registry, "dutiful_jobs_enqueued_total")
        assert enqueued == {"default,mail": 0}, "it counts from the first request on"
    assert b"dutiful_job_run_seconds_bucket" in generate_latest(registry)


async def test_the_version_of_the_code_is_in_reports_banner_and_metrics() -> None:
    app = App("memory://", version="2026.12-rc1")
    banners: list[WorkerStarted] = []
    async with app, serving(app, lease=Lease(length=2 * SECOND, heartbeat=SECOND // 20)):
        banners.append(started(app, WorkerOptions(), 1))
        async with asyncio.timeout(DEADLINE):
            while not await _reported(app):  # noqa: ASYNC110 - nothing announces a report
                await asyncio.sleep(0.02)
        [record] = await app.workers.alist()
        assert record.report is not None
        assert record.report.app_version == "2026.12-rc1"
        [labels] = values(app.metrics.registry, "dutiful_build_info")
        assert labels.endswith(",memory,2026.12-rc1")
    line = worded(banners[0])
    assert line is not None
    assert f"app {app.name} 2026.12-rc1, store" in str(line[2][0])
    assert fields_of(banners[0])["app_version"] == "2026.12-rc1"


async def _reported(app: App) -> bool:
    return any(one.report is not None for one in await app.workers.alist())


async def test_nothing_is_measured_before_somebody_asks(app: App) -> None:
    assert app.bus.meter.take is None
    assert len(app.bus._listeners) == 1
    app.metrics.start()
    app.metrics.start()
    assert app.bus.meter.take is not None
    assert len(app.bus._listeners) == 2


async def test_a_name_that_turns_the_direction_of_writing_is_shown_printable(app: App) -> None:
    @app.task(name="send\u202e\U0001f600")
    async def send() -> None: ...

    text = generate_latest(app.metrics.registry).decode()
    assert r'task="send\\u202e' in text
    assert "\u202e" not in text


async def test_open_telemetry_has_the_same_instruments(app: App) -> None:
    @app.task
    async def charge(number: int) -> None: ...

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    app.metrics.export(provider)
    await app.aenqueue_many(charge.job(number) for number in range(3))
    await burst(app)
    data: Any = reader.get_metrics_data()
    [scope] = data.resource_metrics[0].scope_metrics
    found = {metric.name: metric for metric in scope.metrics}
    run = found["messaging.process.duration"]
    [point] = run.data.data_points
    assert (point.count, run.unit) == (3, "s")
    assert point.explicit_bounds == next(
        one.buckets for one in INSTRUMENTS if one.name == "dutiful_job_run_seconds"
    )
    assert point.attributes == {
        "messaging.system": "dutiful",
        "dutiful.task": "charge",
    }
    settled = found["dutiful.jobs_settled"].data.data_points
    assert sum(point.value for point in settled) == 3
    assert found["dutiful.store_jobs_enqueued"].data.data_points[0].value == 3
    provider.shutdown()


async def test_open_telemetry_without_an_sdk_costs_nothing_and_raises_nothing(app: App) -> None:
    @app.task
    async def charge() -> None: ...

    app.metrics.export()
    await charge.aenqueue()
    await burst(app)
    assert values(app.metrics.registry, "dutiful_jobs_settled_total")["default,charge,succeeded"]


def test_names_of_instruments_keep_the_conventions() -> None:
    names = [one.name for one in INSTRUMENTS]
    assert len(set(names)) == len(names)
    for one in INSTRUMENTS:
        assert one.name.endswith("_total") == (one.kind is Kind.COUNTER), one.name
        assert bool(one.buckets) == (one.kind is Kind.HISTOGRAM), one.name
        assert list(one.buckets) == sorted(one.buckets)
        assert one.help.endswith("."), one.name
        assert not {"id", "job_id", "worker"}.intersection(one.labels)
