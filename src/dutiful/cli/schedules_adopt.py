"""``dutiful schedules adopt``: making an app the owner of schedules that it declares."""

from __future__ import annotations

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Common
from dutiful.cli.schedules_change import Names
from dutiful.cli.target import OpenTarget, reach


@expand
def adopt_schedules(names: Names, common: Common) -> None:
    """Make an app the owner of schedules that its code declares; name the app with --app.

    Use it when an app was renamed, when a schedule moves from one app to another, and when one that
    was created at run time is now declared in code. History and position are kept.
    """

    async def body(opened: OpenTarget) -> None:
        if not opened.named:
            raise Wrong("no app is named that could own them", "add --app MODULE:NAME")
        schedules = opened.app.schedules
        before = {name: (await schedules.aget(name)).app for name in names}
        await schedules.aadopt(*names)
        if common.json:
            as_json.emit({"app": opened.app.name, "adopted": list(names)})
            return
        for name in names:
            was = "was created at run time" if before[name] is None else f"was {before[name]}'s"
            render.say(f"{name} belongs to app {opened.app.name}; it {was}.")

    reach(common, body)
