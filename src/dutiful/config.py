"""Settings: typed, checked once, and gathered from the constructor, the environment and a file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from .config_file import settings_table, working_folder
from .config_values import at_least, count, hidden_value, shown_value
from .core.admission import NAME_MAX
from .core.alerting.routing import Route, read_routes
from .core.alerting.rule import Limits, read_limits
from .core.errors import BadConfiguration, BadOption
from .core.instant import DAY, SECOND, span, spell
from .core.lease import Lease
from .core.payload import PAYLOAD_BYTES_MAX
from .core.sink_url import http_target, public_sink, secret_parts, secrets_of, sink_urls
from .core.state import State
from .core.task_log import LEVELS
from .core.text import line, shown
from .core.url import in_process, passwords, struct_text
from .core.worker_report import VERSION_MAX


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; spans are microseconds."""

    url: str | None = None
    """Where jobs are kept: ``sqlite:///jobs.db`` (relative), ``sqlite:////var/lib/jobs.db``."""
    name: str | None = None
    """The app's name in the store; by default the module in which the app is made. Two apps
    that share a store need two names, or each would retire the other's declared schedules."""
    app_version: str | None = None
    """The version of your code, such as a tag or a commit, shown of workers, in logs and metrics.
    In code also ``App(version=...)``."""
    app: str | None = None
    """``module:attribute`` of the app, for the command line."""
    durability: str = "full"
    """``full`` survives a power cut; ``normal`` only the end of processes, but is faster."""
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    """The largest arguments or result of a job, in bytes of JSON."""
    enqueue_patience: int = 15 * SECOND
    """How long an enqueue, or a wait for a result, keeps trying while the store cannot be used."""
    lease: int = 10 * SECOND
    """How long a silent worker keeps its jobs before the others rescue them."""
    heartbeat: int = 2 * SECOND
    """How often a worker renews its lease; at most half of the lease."""
    hung_after: int | None = 60 * SECOND
    """A worker whose event loop has not answered for this time is hung: it says so, and its
    process ends with exit code 79 to be restarted; None never ends one."""
    keep_succeeded: int | None = 1 * DAY
    """How long succeeded jobs are kept, with their results; None keeps them indefinitely."""
    keep_cancelled: int | None = 1 * DAY
    """How long cancelled jobs are kept."""
    keep_dead: int | None = None
    """How long dead letters are kept; None keeps them indefinitely."""
    unknown_task_after: int = 7 * DAY
    """How long a job of a task that no worker knows stays parked before it dies."""
    crashes_max: int = 3
    """A job becomes a dead letter when this many workers have died while they ran it."""
    alerts: Limits | None = None
    """Limits of alert rules, as a table ``[tool.dutiful.alerts]``; ``off`` evaluates none."""
    alerts_routes: Mapping[str, Route] = msgspec.field(default_factory=dict[str, Route])
    """What each sink gets, by its name: ``severity``, ``rules``, ``escalation``. A table in the
    file, a dict in Python; in the environment ``night.severity=critical night.escalation=30m``."""
    metrics: str | None = None
    """``HOST:PORT`` at which ``dutiful worker`` serves metrics and health; by default it does not.
    A port alone means the loopback address: only ``0.0.0.0:9464`` or a name opens it to others."""
    log_level: str | None = None
    """``debug``, ``info``, ``warning``, ``error`` or ``critical``: what `dutiful worker` writes.
    ``info`` by default; where the program has set up logging itself, only if this is set."""
    log_format: str | None = None
    """``console`` (the default) or ``json``: the form of the lines of `dutiful worker`."""
    capture_logs: str | None = None
    """From which level on the lines of tasks are kept with their jobs: a level, or ``off``, which
    is the default. A task's own ``capture_logs=`` counts before it."""
    traces: str | None = None
    """``on`` traces by OpenTelemetry, as `app.traces.export` does; ``off`` by default."""
    slow_after: int | None = 30 * SECOND
    """A success is logged at info if its attempt took longer, else at debug; None: always so."""
    termination_grace: int | None = None
    """How long the service manager waits between TERM and KILL, such as Kubernetes'
    ``terminationGracePeriodSeconds``. A worker whose ``--grace`` does not fit reports it."""
    alerts_to: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Where alerts are sent, by name: URLs of apprise (``slack://…``, ``mailto://…``), or
    ``webhook+https://…`` for signed JSON. A table in the file, a dict in Python; in the
    environment ``ops=slack://… hook=webhook+https://…``."""
    alerts_secret: str | None = None
    """What webhooks are signed with: ``whsec_…``; several, parted by spaces, while one is
    replaced. A webhook's own secret follows a ``#`` in its URL."""
    dead_man_url: str | None = None
    """The dead-man's signal: this URL is called as long as scheduling, rescuing and alerting
    work, ``/fail`` below it when they do not."""
    dead_man_every: int = 60 * SECOND
    """How often it is called."""

    def child_url(self) -> str | None:
        """Return the URL by which another process reaches the store, None where none can."""
        return None if self.url is None or in_process(self.url) else self.url

    def retentions(self) -> dict[State, int | None]:
        """Return how long finished jobs of each state are kept; None: indefinitely."""
        return {
            State.SUCCEEDED: self.keep_succeeded,
            State.CANCELLED: self.keep_cancelled,
            State.DEAD: self.keep_dead,
        }

    def secrets(self) -> tuple[str, ...]:
        """Return what no text for people may contain: passwords and tokens of all URLs."""
        urls = [*self.alerts_to.values(), self.dead_man_url or ""]
        return (*passwords(self.url), *secret_parts(urls, self.alerts_secret))

    def __repr__(self) -> str:
        """Show every setting, and no password."""
        shown = msgspec.structs.replace(
            self,
            alerts_to={name: public_sink(url) for name, url in self.alerts_to.items()},
            alerts_secret=self.alerts_secret and "***",
            dead_man_url=self.dead_man_url and public_sink(self.dead_man_url),
        )
        return struct_text(shown, self.__struct_fields__, "url")

    def leases(self) -> Lease:
        """Return the lease; raises BadOption when the heartbeat leaves no room for a failed one."""
        return Lease(length=self.lease, heartbeat=self.heartbeat)


_SPANS = {
    "enqueue_patience",
    "lease",
    "heartbeat",
    "hung_after",
    "keep_succeeded",
    "keep_cancelled",
    "keep_dead",
    "unknown_task_after",
    "slow_after",
    "termination_grace",
    "dead_man_every",
}
_ENDLESS = {"hung_after", "keep_succeeded", "keep_cancelled", "keep_dead", "slow_after"}
_UNKNOWN = {"termination_grace"}
"""What need not be set: None says that it is not known."""
_NO_SPAN = {
    **dict.fromkeys(_ENDLESS, (None, "never", "forever")),
    **dict.fromkeys(_UNKNOWN, (None,)),
}
"""The values that mean None."""
_LEAST = {"dead_man_every": SECOND}
"""The shortest span of a setting, where not every one makes sense."""
_NUMBERS = {"payload_bytes_max": 256 * 1024 * 1024, "crashes_max": 1_000_000}
"""The highest of each."""
_TEXTS = {
    **{"name": NAME_MAX, "app_version": VERSION_MAX, "url": 4_000, "app": 1_000, "metrics": 300},
    **{"alerts_secret": 1_000, "dead_man_url": 4_000},
}
"""How many characters each may have, on one line."""
_SECRETS = {"url", "alerts_to", "alerts_routes", "alerts_secret", "dead_man_url"}
"""What is never shown, since in a wrong value it is not known which part is a secret."""
_CHOICES = {
    "durability": ("full", "normal"),
    "log_level": LEVELS,
    "capture_logs": ("off", *LEVELS),
    "log_format": ("console", "json"),
    "traces": ("on", "off"),
}


def load_settings(
    url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    **given: Any,
) -> Settings:
    """Gather settings: what is given wins, then ``DUTIFUL_*`` variables, then ``[tool.dutiful]``.

    The file is the nearest ``pyproject.toml`` from ``folder`` (here, if that is still a folder)
    upwards. Raises BadConfiguration naming the source, the name and the value.
    """
    raw: dict[str, Any] = {}
    path, table = settings_table(folder or working_folder())
    _merge(raw, table, f"[tool.dutiful] in {path}")
    variables = os.environ if environ is None else environ
    found = {
        name.removeprefix("DUTIFUL_").lower(): value
        for name, value in variables.items()
        if name.startswith("DUTIFUL_") and value  # an empty variable counts as not set
    }
    _merge(raw, {name: found[name] for name in found if name in _NAMES}, "the environment")
    if url is not None:
        raw["url"] = _read("url", url, "the arguments of App")
    _merge(raw, given, "the arguments of App")
    settings = Settings(**raw)
    try:
        settings.leases()
    except BadOption as error:
        lease, heartbeat = spell(settings.lease), spell(settings.heartbeat)
        raise BadConfiguration(f"lease={lease}, heartbeat={heartbeat}: {error}") from error
    return settings


_NAMES = frozenset(Settings.__struct_fields__)


def _merge(into: dict[str, Any], values: Mapping[str, Any], source: str) -> None:
    for name, value in values.items():
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_NAMES))}"
            raise BadConfiguration(f"{source}: no setting is called {name!r}; {known}")
        read = _alerts if name == "alerts" else _read
        into[name] = read(name, value, source)


def _alerts(name: str, value: Any, source: str) -> Limits | None:
    try:
        return value if isinstance(value, Limits | None) else read_limits(value)
    except (BadOption, ValueError, TypeError) as error:
        raise BadConfiguration(f"{source}: {name}: {error}") from error


def _read(name: str, value: Any, source: str) -> Any:
    try:
        if name in _SPANS:
            if value in _NO_SPAN.get(name, ()):
                return None
            return at_least(span(value), _LEAST.get(name, 0))
        if name in _NUMBERS:
            return count(value, _NUMBERS[name])
        if value is not None and name in _READERS:
            return _READERS[name](value)
    except (BadOption, ValueError, TypeError) as error:
        if name in _SECRETS:
            raise BadConfiguration(f"{source}: {name}={hidden_value(value)}: {error}") from None
        if isinstance(value, str) and "://" in value:  # which the error's own text may repeat
            raise BadConfiguration(
                f"{source}: {name}={shown_value(value)}; a URL does not belong here"
            ) from None
        raise BadConfiguration(f"{source}: {name}={shown(value)}: {error}") from error
    if value is not None and not isinstance(value, str):
        raise BadConfiguration(f"{source}: {name}={shown_value(value)}; write it as text")
    if name in _CHOICES and value is not None:
        return chosen(name, value, source)
    return value


def chosen(name: str, value: str, source: str) -> str:
    """Return one of the values that a setting may have; BadConfiguration names them."""
    *most, last = _CHOICES[name]
    text = value if name == "durability" else value.lower()
    if text not in _CHOICES[name]:
        choices = f"{', '.join(most)} or {last}"
        raise BadConfiguration(f"{source}: {name}={shown_value(value)}; choose {choices}")
    return text


def _text(name: str) -> Callable[[Any], str]:
    """Return what reads a setting of one line of text."""

    def read(value: Any) -> str:
        show = hidden_value if name in _SECRETS else shown
        # The file of a secret often ends with a newline, which is no part of it.
        text = value.strip() if name in _SECRETS and isinstance(value, str) else value
        return line(text, name, _TEXTS[name], show)

    return read


def _secret(value: Any) -> str:
    text = _text("alerts_secret")(value)
    secrets_of(text)
    return text


def _dead_man(value: Any) -> str:
    text = _text("dead_man_url")(value)
    http_target(text, "the dead-man's signal")
    return text


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **{name: _text(name) for name in _TEXTS},
    "alerts_to": sink_urls,
    "alerts_routes": read_routes,
    "alerts_secret": _secret,
    "dead_man_url": _dead_man,
}
"""How a setting is read that is neither a span nor a number, nor one of a few words."""
