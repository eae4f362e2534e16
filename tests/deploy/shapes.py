"""JSON schemas for what the files use of Kubernetes, KEDA and Compose; a key that is not here is a
mistake of spelling or of place, which the real parsers would pass over or refuse."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1}
NAME: Schema = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"}
LABELS: Schema = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}
QUANTITY: Schema = {"type": "string", "pattern": r"^\d+(m|Mi|Gi)?$"}
SPAN: Schema = {"type": "string", "pattern": r"^\d+(ms|s|m)$"}


def shape(required: str = "", /, **fields: Schema) -> Schema:
    """Return an object with these fields and no other."""
    return {
        "type": "object",
        "properties": fields,
        "required": required.split(),
        "additionalProperties": False,
    }


def several(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def only(*values: str) -> Schema:
    return {"enum": list(values)}


_SELECTOR = shape("matchLabels", matchLabels=LABELS)
_METADATA = {
    **shape("", name=NAME, generateName=TEXT, labels=LABELS),
    "oneOf": [{"required": ["name"]}, {"required": ["generateName"]}],
}
_PROBE = shape(
    "httpGet",
    httpGet=shape("path port", path={"enum": ["/healthz", "/readyz"]}, port={"const": "metrics"}),
    initialDelaySeconds=NUMBER,
    periodSeconds=NUMBER,
    timeoutSeconds=NUMBER,
    failureThreshold=NUMBER,
)
_RESOURCES = shape("memory", cpu=QUANTITY, memory=QUANTITY)
_ENVIRONMENT = {
    **shape(
        "name",
        name=TEXT,
        value=TEXT,
        valueFrom=shape("secretKeyRef", secretKeyRef=shape("name key", name=NAME, key=TEXT)),
    ),
    "oneOf": [{"required": ["value"]}, {"required": ["valueFrom"]}],
}
_CONTAINER = shape(
    "name image args env resources securityContext",
    name=NAME,
    image=TEXT,
    args=TEXTS,
    env=several(_ENVIRONMENT),
    ports=several(shape("name containerPort", name=NAME, containerPort=NUMBER)),
    startupProbe=_PROBE,
    readinessProbe=_PROBE,
    livenessProbe=_PROBE,
    lifecycle=shape("preStop", preStop=shape("exec", exec=shape("command", command=TEXTS))),
    resources=shape("requests limits", requests=_RESOURCES, limits=_RESOURCES),
    securityContext=shape(
        "allowPrivilegeEscalation readOnlyRootFilesystem capabilities",
        allowPrivilegeEscalation={"const": False},
        readOnlyRootFilesystem={"const": True},
        capabilities=shape("drop", drop={"const": ["ALL"]}),
    ),
    volumeMounts=several(shape("name mountPath", name=NAME, mountPath=TEXT)),
)
_POD = shape(
    "containers securityContext automountServiceAccountToken",
    terminationGracePeriodSeconds=NUMBER,
    automountServiceAccountToken={"const": False},
    enableServiceLinks=YES_NO,
    restartPolicy=only("Never", "OnFailure"),
    securityContext=shape(
        "runAsNonRoot runAsUser seccompProfile",
        runAsNonRoot={"const": True},
        runAsUser={"type": "integer", "minimum": 1},
        runAsGroup={"type": "integer", "minimum": 1},
        seccompProfile=shape("type", type={"const": "RuntimeDefault"}),
    ),
    containers=several(_CONTAINER),
    volumes=several(shape("name emptyDir", name=NAME, emptyDir=shape())),
)
_TEMPLATE = shape(
    "metadata spec", metadata=shape("labels", labels=LABELS, annotations=LABELS), spec=_POD
)
_POLICIES = several(
    shape(
        "type value periodSeconds", type=only("Pods", "Percent"), value=NUMBER, periodSeconds=NUMBER
    )
)
_BEHAVIOUR = shape("policies", stabilizationWindowSeconds=NUMBER, policies=_POLICIES)


def _kind(version: str, spec: Schema) -> Schema:
    return shape(
        "apiVersion kind metadata spec",
        apiVersion={"const": version},
        kind=TEXT,
        metadata=_METADATA,
        spec=spec,
    )


KINDS: dict[str, Schema] = {
    "Deployment": _kind(
        "apps/v1",
        shape(
            "selector template",
            replicas=NUMBER,
            selector=_SELECTOR,
            strategy=shape(
                "rollingUpdate",
                type={"const": "RollingUpdate"},
                rollingUpdate=shape(
                    "maxSurge maxUnavailable", maxSurge=NUMBER, maxUnavailable=NUMBER
                ),
            ),
            template=_TEMPLATE,
        ),
    ),
    "Job": _kind(
        "batch/v1",
        shape("template", backoffLimit=NUMBER, ttlSecondsAfterFinished=NUMBER, template=_TEMPLATE),
    ),
    "PodDisruptionBudget": _kind(
        "policy/v1", shape("selector maxUnavailable", maxUnavailable=NUMBER, selector=_SELECTOR)
    ),
    "NetworkPolicy": _kind(
        "networking.k8s.io/v1",
        shape(
            "podSelector policyTypes ingress",
            podSelector=_SELECTOR,
            policyTypes={"const": ["Ingress"]},
            ingress=several(
                shape(
                    "from ports",
                    **{"from": several(shape("", namespaceSelector=_SELECTOR))},
                    ports=several(
                        shape("protocol port", protocol=only("TCP"), port={"const": "metrics"})
                    ),
                )
            ),
        ),
    ),
    "ScaledObject": _kind(
        "keda.sh/v1alpha1",
        shape(
            "scaleTargetRef triggers",
            scaleTargetRef=shape("name", name=NAME),
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            pollingInterval=NUMBER,
            cooldownPeriod=NUMBER,
            advanced=shape(
                "horizontalPodAutoscalerConfig",
                horizontalPodAutoscalerConfig=shape(
                    "behavior", behavior=shape("", scaleUp=_BEHAVIOUR, scaleDown=_BEHAVIOUR)
                ),
            ),
            triggers=several(
                shape(
                    "type metadata",
                    type={"const": "prometheus"},
                    metricType=only("AverageValue", "Value"),
                    metadata=shape(
                        "serverAddress query threshold",
                        serverAddress=TEXT,
                        query=TEXT,
                        threshold=TEXT,
                        activationThreshold=TEXT,
                    ),
                )
            ),
        ),
    ),
    "Kustomization": shape(
        "apiVersion kind resources",
        apiVersion={"const": "kustomize.config.k8s.io/v1beta1"},
        kind=TEXT,
        resources=TEXTS,
        images=several(shape("name", name=TEXT, newName=TEXT, newTag=TEXT)),
    ),
}

_CONDITION = shape("condition", condition=only("service_healthy", "service_completed_successfully"))
_SERVICE = shape(
    "",
    build=shape("context dockerfile", context=TEXT, dockerfile=TEXT),
    image=TEXT,
    command=TEXTS,
    environment=LABELS,
    volumes=TEXTS,
    healthcheck=shape("", test=TEXTS, disable=YES_NO, interval=SPAN, timeout=SPAN, retries=NUMBER),
    restart=only("unless-stopped", "on-failure", "always"),
    read_only=YES_NO,
    tmpfs=TEXTS,
    cap_drop={"const": ["ALL"]},
    security_opt=TEXTS,
    stop_grace_period=SPAN,
    deploy=shape("", replicas=NUMBER),
    depends_on={"type": "object", "additionalProperties": _CONDITION},
)
COMPOSE: Schema = {
    "type": "object",
    "properties": {
        "services": {"type": "object", "additionalProperties": _SERVICE},
        "volumes": {"type": "object"},
    },
    "required": ["services"],
    "patternProperties": {"^x-": {"type": "object"}},
    "additionalProperties": False,
}
