"""What an ``on_enqueue`` hook returns is held to the rules of every job, before any I/O."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dutiful import App, BadOption, PayloadTooLarge


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"meta": {"trace": 123}}, "meta"),
        ({"meta": [1]}, "meta"),
        ({"tags": (None, "a")}, "tag"),
        ({"tags": ("a\nb",)}, "tag"),
        ({"id": ""}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": 5}, "id"),
        ({"queue": "a\x1bb"}, "queue"),
        ({"task": ""}, "task"),
        ({"priority": 10**9}, "priority"),
        ({"run_at": 2**63}, "run_at|time|year"),
        ({"max_attempts": 2.5}, "max_attempts|attempts"),
        ({"args": b"[1]"}, "args"),
        ({"args": b'{"a":' + b"[" * 990 + b"]" * 990 + b"}"}, "args"),
    ],
)
async def test_what_a_hook_returns_is_held_to_the_rules(changes: dict[str, Any], text: str) -> None:
    app = App("memory://")

    @app.task
    async def good() -> None: ...

    app.on_enqueue(lambda job: msgspec.structs.replace(job, **changes))
    async with app:
        with pytest.raises(BadOption, match=f"(?s)on_enqueue.*({text})"):
            await good.aenqueue()
        assert not (await app.store.inspector.queues())


async def test_a_hook_may_not_make_arguments_too_large() -> None:
    app = App("memory://")

    @app.task
    async def good() -> None: ...

    huge = b'{"a":"' + b"x" * 2**18 + b'"}'
    app.on_enqueue(lambda job: msgspec.structs.replace(job, args=huge))
    async with app:
        with pytest.raises(PayloadTooLarge, match="on_enqueue"):
            await good.aenqueue()
