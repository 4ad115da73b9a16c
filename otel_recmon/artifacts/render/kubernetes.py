"""Objects of Kubernetes: ConfigMaps that Grafana's sidecar finds, and rules for the operator of Prometheus."""

import json
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any, Final

import yaml

from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.settings.deployment import Kubernetes
from otel_recmon.artifacts.settings.schema import TuningError

LARGEST: Final = 1 << 20
"""Bytes that a ConfigMap may hold."""
Json = dict[str, Any]


def config_map(
    kubernetes: Kubernetes,
    name: str,
    data: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Return a ConfigMap.

    Raises:
        TuningError: It would be larger than Kubernetes takes.
    """
    size = sum(len(text.encode()) for text in data.values())
    if size > LARGEST:
        raise TuningError(f"the ConfigMap {name} would have {size:,} bytes, of {LARGEST:,} that Kubernetes takes")
    metadata = _metadata(kubernetes, name, labels or {}, annotations or {})
    head = _written({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    return f"{head}data:\n" + "".join(f"  {key}: {_block(text)}" for key, text in data.items())


def _block(text: str) -> str:
    """Return a text as it is, which PyYAML takes long for: the text of a file, that begins with no space."""
    return f"{'|' if text.endswith(chr(10)) else '|-'}\n{indent(text.removesuffix(chr(10)), '    ')}\n"


def prometheus_rule(kubernetes: Kubernetes, name: str, groups: Sequence[Json]) -> str:
    """Return the object that the operator makes rules of, with some groups of rules."""
    metadata = _metadata(kubernetes, name, {}, {})
    kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}
    return _written({**kind, "metadata": metadata, "spec": {"groups": list(groups)}})


def compact(text: str) -> str:
    """Return JSON without indentation: much of it fits where the indented does not."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def _metadata(kubernetes: Kubernetes, name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Json:
    found: Json = {"name": name, "namespace": kubernetes.namespace}
    for key, texts in (("labels", {**kubernetes.labels, **labels}), ("annotations", dict(annotations))):
        if texts:
            found[key] = texts
    return found


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _written(content: Json) -> str:
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"{GENERATED}\n{body}"
