"""Changes of stored arguments, as ``--set key=json`` gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dutiful.cli.failure import Wrong
from dutiful.core.text import shown


def read_edits(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``order_id=5`` and ``address.city="Rome"``."""
    return dict(_read(text) for text in texts)


def _read(text: str) -> tuple[str, Any]:
    key, equals, raw = text.partition("=")
    if not (key and equals):
        raise Wrong(f"--set {text!r} is not a change", "write --set KEY=JSON, such as order_id=5")
    try:
        return key, json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(
            f"--set {key}: {shown(raw)} is not JSON: {error}",
            f"a text needs its own quotes: --set '{key}=\"{raw}\"'",
        ) from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")
