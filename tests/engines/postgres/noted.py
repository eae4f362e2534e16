"""What a test's own process asks the server."""

from typing import Any

import psycopg
import pytest


def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each statement on our sync connections is added from now on."""
    said: list[str] = []
    execute = psycopg.RawCursor.execute

    def noted(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        said.append(str(query))
        return execute(self, query, *rest, **named)

    monkeypatch.setattr(psycopg.RawCursor, "execute", noted)
    return said
