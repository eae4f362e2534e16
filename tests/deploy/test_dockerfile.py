"""The Dockerfile keeps the rules of images that run anywhere, read without an engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, DOCKERFILE, exec_form, instructions

_EXEC = ("ENTRYPOINT", "CMD")
_PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?[\w.-]*")


def faults(path: Path) -> list[str]:
    """Return what is wrong with a Dockerfile."""
    said, found = instructions(path), list[str]()
    arguments = dict(text.split("=", 1) for name, text in said if name == "ARG")
    stages = [text for name, text in said if name == "FROM"]
    for stage in stages:
        image = re.sub(r"\$\{(\w+)\}", lambda name: arguments[name[1]], stage.split()[0])
        if not _PINNED.fullmatch(image):
            found.append(f"{image} is not pinned")
    last = said[max(number for number, (name, _) in enumerate(said) if name == "FROM") :]
    users = [text for name, text in last if name == "USER"]
    if not users or users[-1].partition(":")[0] in ("root", "0"):
        found.append("it runs as root")
    elif not users[-1].partition(":")[0].isdecimal():
        found.append("runAsNonRoot of Kubernetes needs a number")
    for name, text in last:
        command = text.partition("CMD ")[2] if name == "HEALTHCHECK" else text
        if name in (*_EXEC, "HEALTHCHECK") and not command.startswith("["):
            found.append(f"{name} is in the shell form")
    if not any(name == "HEALTHCHECK" for name, _ in last):
        found.append("no HEALTHCHECK")
    if any(name == "ADD" for name, _ in said):
        found.append("ADD fetches and unpacks; use COPY")
    if len(stages) < 2 or any("pip" in text for name, text in last if name == "RUN"):
        found.append("what is needed to build stays in the image")
    return found


def test_it_has_no_faults() -> None:
    assert not faults(DOCKERFILE)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("3.12.12-slim-bookworm", "latest", "is not pinned"),
        ("USER 10001:10001", "USER root", "runs as root"),
        ("USER 10001:10001", "USER app", "needs a number"),
        ('CMD ["worker"]', "CMD worker", "CMD is in the shell form"),
        ("HEALTHCHECK", "LABEL", "no HEALTHCHECK"),
        ("COPY . /app", "ADD . /app", "use COPY"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, good: str, bad: str, says: str) -> None:
    text = DOCKERFILE.read_text()
    assert good in text
    (tmp_path / "Dockerfile").write_text(text.replace(good, bad))
    assert says in "; ".join(faults(tmp_path / "Dockerfile"))


def test_its_health_check_is_python() -> None:
    [check] = [text for name, text in instructions() if name == "HEALTHCHECK"]
    words = exec_form(check.partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "healthcheck", "exec")


def test_secrets_and_environments_stay_out_of_the_image() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert {".git", ".venv", ".env"} <= {*ignored}
