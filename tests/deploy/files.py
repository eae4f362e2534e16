"""Reads the files in ``deploy/``: what they start, with which variables, and how they stop it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE = DEPLOY / "compose.yaml"
UNIT = DEPLOY / "systemd" / "shop-worker.service"
DOCKERFILE = DEPLOY / "Dockerfile"


class Started(NamedTuple):
    """One command of ``dutiful`` in one of the files."""

    where: str
    words: list[str]
    """Without the program's name."""
    environ: dict[str, str]
    kill_after: float | None
    """Seconds from TERM to KILL, if the file says so."""

    def option(self, name: str) -> str | None:
        return self.words[self.words.index(name) + 1] if name in self.words else None


def documents(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def pods(document: Any) -> Iterator[Any]:
    """Yield the specs of the pods that a document describes."""
    if document["kind"] in ("Deployment", "Job"):
        yield document["spec"]["template"]["spec"]


def started() -> list[Started]:
    """Return everything that the files start."""
    return [*_by_kubernetes(), *_by_compose(), _by_systemd(), _by_docker()]


def instructions(path: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions, each with its text on one line."""
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def exec_form(text: str) -> list[str]:
    """Read the exec form of an instruction; fails for the shell form."""
    words: list[str] = json.loads(text)
    assert isinstance(words, list), text
    return words


def unit() -> dict[str, list[str]]:
    """Return the settings of the unit, each with its values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def _by_kubernetes() -> Iterator[Started]:
    for path in KUBERNETES:
        for document in documents(path):
            for pod in pods(document):
                for container in pod["containers"]:
                    environ = {
                        one["name"]: one.get("value", "postgresql://h/d")
                        for one in container["env"]
                    }
                    grace = pod.get("terminationGracePeriodSeconds", 30) - _pause(container)
                    yield Started(path.name, container["args"], environ, grace)


def _pause(container: Any) -> float:
    """Return for how long the hook before TERM sleeps; it may do nothing else."""
    hook = container.get("lifecycle", {}).get("preStop")
    if hook is None:
        return 0
    sleep, seconds = hook["exec"]["command"]
    assert sleep == "sleep"
    return float(seconds)


def _by_compose() -> Iterator[Started]:
    for name, service in documents(COMPOSE)[0]["services"].items():
        if "build" in service:
            limit = service.get("stop_grace_period")
            seconds = 10.0 if limit is None else float(limit.removesuffix("s"))
            environ = {key: _filled(value) for key, value in service["environment"].items()}
            yield Started(f"compose.yaml {name}", service["command"], environ, seconds)


def _by_systemd() -> Started:
    found = unit()
    program, *words = shlex.split(found["ExecStart"][0])
    assert program.endswith("/bin/dutiful")
    environ = dict(value.split("=", 1) for value in found["Environment"])
    return Started(UNIT.name, words, environ, float(found["TimeoutStopSec"][0]))


def _by_docker() -> Started:
    said = dict(instructions())
    assert exec_form(said["ENTRYPOINT"]) == ["dutiful"]
    environ = dict(word.split("=", 1) for word in said["ENV"].split() if "=" in word)
    return Started(DOCKERFILE.name, exec_form(said["CMD"]), environ, None)


def _filled(value: str) -> str:
    return re.sub(r"\$\{\w+:\?[^}]*\}", "shop", value)
