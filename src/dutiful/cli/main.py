"""The command line as a whole: ``dutiful``, and ``python -m dutiful``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from dutiful.cli import (
    alerts,
    alerts_list,
    alerts_silence,
    check,
    dead,
    dead_purge,
    dead_redrive,
    jobs,
    jobs_cancel,
    jobs_retry,
    queues,
    schedules,
    schedules_adopt,
    schedules_backfill,
    schedules_change,
    schedules_check,
    schedules_declare,
    schedules_next,
    store,
    workers,
    workers_order,
)
from dutiful.cli.failure import MEANINGS
from dutiful.cli.manual import SETTINGS, Command, Group, Later, Root

__all__ = ["app", "main"]

_EPILOG = "Exit codes\n" + "\n".join(f"  {code:<4} {text}" for code, text in MEANINGS.items())

app = typer.Typer(
    name="dutiful",
    cls=Root,
    context_settings=SETTINGS,
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_RUN, _LOOK, _KEEP = "Run", "Inspect and change", "Maintain the store"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"dutiful {version('dutiful')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Background jobs that run, take effect once, and fail loudly."""


_GROUPS = {
    "jobs": (
        "List jobs, run them now, cancel them.",
        {
            "list": jobs.list_jobs,
            "show": jobs.show_job,
            "retry": jobs_retry.retry_jobs,
            "cancel": jobs_cancel.cancel_jobs,
        },
    ),
    "dead": (
        "List dead letters, redrive them, delete them.",
        {
            "list": dead.list_dead,
            "show": dead.show_dead,
            "redrive": dead_redrive.redrive_dead,
            "purge": dead_purge.purge_dead,
        },
    ),
    "queues": (
        "List queues and what each holds; pause and resume them.",
        {
            "list": queues.list_queues,
            "pause": queues.pause_queue,
            "resume": queues.resume_queue,
        },
    ),
    "schedules": (
        "List schedules and when they fire; pause, run and backfill them.",
        {
            "list": schedules.list_schedules,
            "show": schedules.show_schedule,
            "next": schedules_next.next_instants,
            "check": schedules_check.check_schedules,
            "declare": schedules_declare.declare_schedules,
            "adopt": schedules_adopt.adopt_schedules,
            "create": schedules_change.create_schedule,
            "pause": schedules_change.pause_schedules,
            "resume": schedules_change.resume_schedules,
            "run": schedules_change.run_schedule,
            "backfill": schedules_backfill.backfill_schedule,
            "delete": schedules_change.delete_schedules,
        },
    ),
    "alerts": (
        "List alerts, their rules and their history; silence and test them.",
        {
            "list": alerts_list.list_alerts,
            "history": alerts_list.list_history,
            "rules": alerts_list.list_rules,
            "silence": alerts_silence.silence_alerts,
            "silences": alerts_silence.list_silences,
            "unsilence": alerts_silence.unsilence_alerts,
            "test": alerts.send_test_to,
        },
    ),
    "workers": (
        "List workers, quiet and drain them.",
        {
            "list": workers.list_workers,
            "quiet": workers_order.quiet_workers,
            "drain": workers_order.drain_workers,
            "resume": workers_order.resume_workers,
        },
    ),
}


_LATER = {
    "demo": (
        "dutiful.cli.demo",
        "See in half a minute what Dutiful does, in a shop whose gateway fails.",
    ),
    "worker": ("dutiful.cli.worker", "Run jobs until a signal stops the worker."),
    "watch": ("dutiful.cli.watch", "Evaluate alerts without running jobs, until a signal."),
    "bench": ("dutiful.cli.bench", "Measure how fast a store is on this machine."),
}


_TOP = "Watch queues, workers, failures and schedules live; act on them by keys."
_COPY = "Copy or move all jobs to another store, such as from SQLite to PostgreSQL."


def _where(module: str, name: str) -> Callable[[], tuple[str, str]]:
    return lambda: (module, name)


def _build() -> None:
    for name, (module, text) in _LATER.items():
        app.command(name, cls=Later, help=text, rich_help_panel=_RUN)(_where(module, name))
    live = app.command("top", cls=Later, help=_TOP, rich_help_panel=_LOOK)
    live(_where("dutiful.cli.top", "top"))
    for name, (text, commands) in _GROUPS.items():
        group = typer.Typer(cls=Group, help=text, no_args_is_help=True)
        for word, run in commands.items():
            group.command(word, cls=Command)(run)
        app.add_typer(group, name=name, rich_help_panel=_LOOK)
    copy = app.command("copy", cls=Later, help=_COPY, rich_help_panel=_KEEP)
    copy(_where("dutiful.cli.copy", "copy"))
    app.command("migrate", cls=Command, rich_help_panel=_KEEP)(store.migrate)
    app.command("check", cls=Command, rich_help_panel=_KEEP)(check.check)


_build()


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="dutiful")
