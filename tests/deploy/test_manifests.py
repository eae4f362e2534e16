"""The manifests and the Compose file have the shape that their readers demand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.files import COMPOSE as COMPOSE_FILE
from tests.deploy.files import KUBERNETES, documents, pods
from tests.deploy.shapes import COMPOSE, KINDS

ALL = [(path, document) for path in KUBERNETES for document in documents(path)]
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def check(document: Any) -> None:
    jsonschema.validate(document, KINDS[document["kind"]])


@pytest.mark.parametrize(("path", "document"), ALL, ids=lambda part: getattr(part, "stem", ""))
def test_each_manifest_has_its_shape(path: Path, document: Any) -> None:
    check(document)


def test_the_compose_file_has_its_shape() -> None:
    jsonschema.validate(documents(COMPOSE_FILE)[0], COMPOSE)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("worker", "maxSurge: 1", "maxSurges: 1"),
        ("worker", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        ("worker", "periodSeconds: 2", "periodSeconds: 2s"),
        ("worker", "terminationGracePeriodSeconds", "terminationGraceSeconds"),
        ("worker", "path: /readyz", "path: /ready"),
        ("disruption", "policy/v1", "policy/v1beta1"),
        ("scaledobject", 'threshold: "30"', "threshold: 30"),
        ("network", "policyTypes", "policyType"),
    ],
)
def test_a_mistake_is_found(file: str, before: str, after: str) -> None:
    [path] = [path for path in KUBERNETES if path.stem == file]
    text = path.read_text()
    assert before in text
    [document] = yaml.safe_load_all(text.replace(before, after))
    with pytest.raises(jsonschema.ValidationError):
        check(document)


def test_selectors_select_the_pods_that_are_there() -> None:
    labels = [one["spec"]["template"]["metadata"]["labels"] for _, one in ALL if _runs(one)]
    for _, document in ALL:
        spec = document.get("spec", {})
        selector = spec.get("selector", spec.get("podSelector"))
        if selector is not None:
            wanted = selector["matchLabels"].items()
            assert any(wanted <= found.items() for found in labels), document["metadata"]
    for found in labels:
        assert all(LABEL.fullmatch(value) for value in found.values())


def test_ports_volumes_and_probes_belong_together() -> None:
    for _, document in ALL:
        for pod in pods(document):
            volumes = {one["name"] for one in pod.get("volumes", ())}
            for container in pod["containers"]:
                mounts = {one["name"] for one in container.get("volumeMounts", ())}
                assert mounts == volumes
                environ = {one["name"]: one.get("value") for one in container["env"]}
                for port in container.get("ports", ()):
                    assert environ["DUTIFUL_METRICS"] == f"0.0.0.0:{port['containerPort']}"


def test_no_manifest_is_forgotten() -> None:
    [kustomization] = [one for _, one in ALL if one["kind"] == "Kustomization"]
    apart = {"kustomization.yaml", "migrate.yaml", "scaledobject.yaml"}
    assert {*kustomization["resources"]} | apart == {path.name for path in KUBERNETES}


def test_a_liveness_probe_gives_a_worker_longer_than_it_gives_itself() -> None:
    [worker] = [one for path, one in ALL if path.stem == "worker"]
    probe = worker["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 60


def test_no_secret_is_written_into_a_file() -> None:
    for path in (*KUBERNETES, COMPOSE_FILE):
        for password in re.findall(r"://[^:@\s]+:([^@\s]+)@", path.read_text()):
            assert password.startswith("${"), path


def _runs(document: Any) -> bool:
    return any(True for _ in pods(document))
