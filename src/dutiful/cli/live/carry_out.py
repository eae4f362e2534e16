"""Carries out what a key asked for, and says what became of it."""

from __future__ import annotations

from dutiful.app import App
from dutiful.cli.jobs_retry import outcome_text
from dutiful.cli.live.view import Action
from dutiful.cli.render import rough
from dutiful.manage.reading import spent


async def carry_out(app: App, action: Action) -> str:
    """Change a queue, a worker or a job; raises what the management interface raises."""
    subject = action.subject
    match action.verb:
        case "pause queue":
            await app.queues.apause(subject)
            return f"Queue {subject} is paused."
        case "resume queue":
            await app.queues.aresume(subject)
            return f"Queue {subject} is open."
        case "retry":
            (retried,) = await app.jobs.aretry(subject)
            return f"Job {subject[:18]} {outcome_text(retried)}."
        case "drain":
            done = await app.workers.adrain(subject)
        case "quiet":
            done = await app.workers.aquiet(subject)
        case "resume":
            done = await app.workers.aresume(subject)
        case _:
            raise AssertionError(f"{action.verb} changes nothing")
    within = rough(spent(done.within))
    return f"Worker {subject}: {action.verb} ordered; it obeys within {within}."
