"""Refusing empty values: a shell variable that is not set must not widen what is meant."""

from __future__ import annotations

from typing import Any, cast

from dutiful.cli.failure import Wrong


def refuse_blank(param: Any, value: Any) -> None:
    """Raise Wrong where a value, or one of several, holds nothing but blanks."""
    texts = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
    if not any(isinstance(text, str) and not text.strip() for text in texts):
        return
    word = str(param.metavar or "VALUE").strip("[]")
    says = str(getattr(param, "help", None) or "").rstrip(".").replace("\\[", "[")
    if not says[1:2].isupper():
        says = f"{says[:1].lower()}{says[1:]}"
    what = f" ({says})" if says else ""
    if param.param_type_name == "argument":
        raise Wrong(f"{word} is empty", f"write {word}{what}{_otherwise(param)}")
    name = param.opts[0]
    raise Wrong(f"{name} is empty", f"write {name} {word}{what}{_otherwise(param)}")


def _otherwise(param: Any) -> str:
    return "" if param.required else ", or leave it out"
