"""What a worker that breaks down says by its exit code."""

from __future__ import annotations

import pytest

from dutiful import App, BadOption, EngineError
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import EXIT_BROKEN, serve
from dutiful.worker.worker import Worker


@pytest.mark.parametrize("error", [BadOption("64 bits"), RuntimeError("a bug")])
def test_what_breaks_a_worker_that_serves_is_no_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def run(self: Worker) -> None:
        self.began = True
        raise error

    monkeypatch.setattr(Worker, "run", run)
    assert serve(App("memory://"), WorkerOptions()) == EXIT_BROKEN
    assert str(error) in caplog.text


@pytest.mark.parametrize("began", [False, True])
def test_wrong_usage_and_a_store_that_cannot_be_used_are_told_as_such(
    monkeypatch: pytest.MonkeyPatch, began: bool
) -> None:
    error = EngineError("gone") if began else BadOption("queues")

    async def run(self: Worker) -> None:
        self.began = began
        raise error

    monkeypatch.setattr(Worker, "run", run)
    with pytest.raises(type(error)):
        serve(App("memory://"), WorkerOptions())
