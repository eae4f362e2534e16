"""What a task is told of a job whose arguments were replaced."""

from __future__ import annotations

from dutiful import App, Context, unique
from dutiful.testing.harness import harness


def test_a_task_is_given_another_key_with_other_arguments() -> None:
    app, seen = App("memory://"), list[tuple[int, str]]()
    debounced = unique("order:42", on_conflict="replace")

    @app.task
    def charge(total: int, ctx: Context) -> None:
        seen.append((total, ctx.idempotency_key))

    with harness(app) as jobs:
        later = charge.using(unique=debounced, delay="1m")
        kept = later.enqueue(10)
        assert later.enqueue(10).id == kept.id
        jobs.run_due(until="2m")
        changed = later.enqueue(10)
        later.enqueue(20)
        jobs.run_due(until="2m")
    assert seen[0] == (10, kept.id)
    (total, key) = seen[1]
    assert total == 20
    assert key.startswith(f"{changed.id}:")
