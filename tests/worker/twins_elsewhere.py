"""An app that another module's factory made."""

from __future__ import annotations

from tests.worker.twins import make

fourth = make("fourth")
