"""One job with all that is known of it, as a screen and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dutiful.cli import as_json as wire
from dutiful.cli import render
from dutiful.cli.as_json import emit
from dutiful.cli.log_lines import log_lines
from dutiful.cli.table_rows import state_of
from dutiful.core.errors import Unsupported
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dutiful.manage.jobs import Jobs
    from dutiful.manage.records import ErrorRecord, JobRecord, LogLineRecord

_INDENT = "  "


async def show(jobs: Jobs, job: JobRecord, *, reveal: bool = False, as_json: bool) -> None:
    """Print a job with what belongs to it; ``reveal`` shows the sensitive values in its steps."""
    errors, steps = await jobs.aerrors(job.id), await jobs.asteps(job.id, reveal=reveal)
    try:
        logs = await jobs.alogs(job.id)
    except Unsupported:  # of this engine there are none to show
        logs = ()
    if as_json:
        emit(as_object(job, errors, steps, logs))
    else:
        render.show(*as_screen(job, errors, steps, logs))


def as_object(
    job: JobRecord,
    errors: Sequence[ErrorRecord],
    steps: Mapping[str, Any],
    logs: Sequence[LogLineRecord] = (),
) -> dict[str, Any]:
    """Return the job with its errors, steps and lines for ``--json``."""
    return {
        **wire.job(job),
        "errors": [wire.error(error) for error in errors],
        "steps": dict(steps),
        "logs": [wire.log_line(line) for line in logs],
    }


def as_screen(
    job: JobRecord,
    errors: Sequence[ErrorRecord],
    steps: Mapping[str, Any],
    logs: Sequence[LogLineRecord] = (),
) -> list[RenderableType]:
    """Return the parts of the job's screen."""
    from rich.text import Text

    word = job.state
    reason = f" ({render.flat(job.reason)})" if job.reason and job.reason != word else ""
    parts: list[RenderableType] = [
        Text.assemble(
            (render.flat(job.task), "bold"), "  ", render.state(state_of(word), word + reason)
        ),
        *_fields(job),
        *_block("arguments", _pretty(job.args)),
    ]
    if job.result is not None:
        parts += _block("result", _pretty(job.result))
    if steps:
        lines = [f"{render.flat(name)}: {_flat(value)}" for name, value in steps.items()]
        parts += _block("steps", "\n".join(lines))
    for error in errors:
        parts += _failure(error)
    return [*parts, *log_lines(logs)]


def _fields(job: JobRecord) -> Iterator[RenderableType]:
    from rich.text import Text

    pairs = [(name, text) for name, text in _facts(job) if text]
    width = max(len(name) for name, _ in pairs)
    for name, text in pairs:
        yield Text.assemble((f"{_INDENT}{name:<{width}}  ", "dim"), render.flat(text))


def _facts(job: JobRecord) -> Iterator[tuple[str, str]]:
    attempts = f"{job.attempt} of {job.max_attempts}"
    if job.crashes:
        attempts += f", {render.plural(job.crashes, 'worker')} died under it"
    yield "id", job.id
    yield "unreadable", job.unreadable or ""
    yield "queue", job.queue
    yield "priority", str(job.priority) if job.priority else ""
    yield "attempts", attempts
    yield "enqueued", _time(job.enqueued_at)
    yield "due", "" if job.final else _time(job.run_at)
    yield "started", _time(job.started_at)
    yield "finished", _time(job.finished_at)
    yield "expires", "" if job.final else _time(job.expires_at)
    yield "redriven", _time(job.redriven_at)
    yield "parked", _time(job.parked_at)
    yield "worker", job.worker or ""
    yield "asked", "to cancel" if job.cancel_requested else ""
    yield "unique", job.unique_key or ""
    yield "trace", job.trace_id or ""
    yield "tags", ", ".join(job.tags)
    yield "meta", ", ".join(f"{key}={value}" for key, value in job.meta.items())


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    return f"{render.local(micros(at))}  ({render.ago(micros(at), render.now())})"


def _failure(error: ErrorRecord) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text("")
    where = f" on {error.worker}" if error.worker else ""
    yield Text.assemble(
        (f"attempt {error.attempt}", "dim"),
        (f"  {_time(error.at)}{render.flat(where)}", "dim"),
    )
    yield _indented(f"{error.type}: {error.message}", "red")
    if error.traceback:
        yield _indented(error.traceback.rstrip(), "dim")


def _block(heading: str, body: str) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text("")
    yield Text(heading, "dim")
    yield _indented(body)


def _indented(text: str, style: str = "") -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(render.clean(text), style, overflow="fold"), (0, 0, 0, len(_INDENT)))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
