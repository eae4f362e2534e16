"""``dutiful schedules check``: what will go wrong with schedules, reported before it does."""

from __future__ import annotations

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, CommandFailed
from dutiful.cli.options import Common
from dutiful.cli.target import OpenTarget, reach


@expand
def check_schedules(common: Common) -> None:
    """Find schedules that never fire, meet a missing hour, are too slow, or have no task.

    With --app, the schedules that its code declares are checked too, and all arguments are checked
    against the signatures of its tasks. Exit code 1 when something is bad; being paused is not.
    """

    async def body(opened: OpenTarget) -> None:
        found = await opened.app.schedules.acheck(code=opened.named)
        if common.json:
            clock, *others = found
            rows = [{**as_json.finding(one), "paused": one.paused} for one in others]
            as_json.emit([as_json.finding(clock), *rows])
        else:
            render.show(render.findings(found))
        bad = sorted({finding.name for finding in found if not finding.ok})
        if bad:
            raise CommandFailed(
                f"{render.plural(len(bad), 'finding')} bad: {', '.join(bad)}", Code.BAD
            )

    reach(common, body)
