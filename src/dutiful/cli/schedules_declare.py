"""``dutiful schedules declare``: declare an app's schedules without starting a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Common
from dutiful.cli.target import OpenTarget, reach

if TYPE_CHECKING:
    from dutiful.core.event import SchedulesDeclared


@expand
def declare_schedules(common: Common) -> None:
    """Write the schedules that an app declares to the store, as a worker does at its start."""

    async def body(opened: OpenTarget) -> None:
        if not opened.named:
            raise Wrong("no app is named, so no code declares schedules", "add --app MODULE:NAME")
        _tell(await opened.app.schedules.adeclare(), common)

    reach(common, body)


def _tell(said: SchedulesDeclared, common: Common) -> None:
    parts = {"added": said.added, "changed": said.changed, "retired": said.retired}
    if common.json:
        as_json.emit({"app": said.app} | {verb: list(names) for verb, names in parts.items()})
        return
    for verb, names in parts.items():
        for name in names:
            render.say(f"{verb}  {name}")
    if not any(parts.values()):
        render.say(f"The store has the schedules of app {said.app} as its code declares them.")
