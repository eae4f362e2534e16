"""Options of commands that run until they are stopped: their log lines, and their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from dutiful.config import chosen

MetricsOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Serve metrics and health there, such as 127.0.0.1:9464."
    ),
]


@dataclass
class LogOptions:
    """How a command writes its log lines."""

    log_level: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="debug, info (the default), warning, error, critical."),
    ] = None
    log_format: Annotated[
        str | None, typer.Option(metavar="FORM", help="console (the default) or json.")
    ] = None

    def read(self) -> tuple[str | None, str | None]:
        """Return level and form; BadConfiguration names the choices."""
        level, form = self.log_level, self.log_format
        return (
            None if level is None else chosen("log_level", level, "--log-level"),
            None if form is None else chosen("log_format", form, "--log-format"),
        )
