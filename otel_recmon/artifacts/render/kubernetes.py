"""Objects of Kubernetes: ConfigMaps for Grafana's sidecar, and PrometheusRules for the Prometheus operator."""

import json
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any, Final

import yaml

from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.settings.deployment import Kubernetes
from otel_recmon.artifacts.settings.schema import TuningError

MAX_CONFIG_MAP_BYTES: Final = 1 << 20
"""The maximum size of the data of a ConfigMap, in bytes. Kubernetes refuses larger data."""
Json = dict[str, Any]


def config_map(
    kubernetes: Kubernetes,
    name: str,
    data: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Return the YAML of a ConfigMap.

    Args:
        kubernetes: The settings with the namespace and the labels of all objects.
        name: The name of the ConfigMap.
        data: The content of each file, by file name.
        labels: The labels of the ConfigMap, in addition to the labels of the settings.
        annotations: The annotations of the ConfigMap.

    Raises:
        TuningError: The data is larger than Kubernetes allows.
    """
    size = sum(len(text.encode()) for text in data.values())
    if size > MAX_CONFIG_MAP_BYTES:
        raise TuningError(f"the ConfigMap {name} would have {size:,} bytes; Kubernetes allows {MAX_CONFIG_MAP_BYTES:,}")
    metadata = _metadata(kubernetes, name, labels or {}, annotations or {})
    head = _to_yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    return f"{head}data:\n" + "".join(f"  {key}: {_block(text)}" for key, text in data.items())


def _block(text: str) -> str:
    """Return a text as a YAML block scalar. For long texts, this function is faster than PyYAML.

    The text must not begin with a space.
    """
    return f"{'|' if text.endswith(chr(10)) else '|-'}\n{indent(text.removesuffix(chr(10)), '    ')}\n"


def prometheus_rule(kubernetes: Kubernetes, name: str, groups: Sequence[Json]) -> str:
    """Return the YAML of a PrometheusRule that contains the groups of rules."""
    metadata = _metadata(kubernetes, name, {}, {})
    kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}
    return _to_yaml({**kind, "metadata": metadata, "spec": {"groups": list(groups)}})


def compact(text: str) -> str:
    """Return the JSON text without indentation, so that a large dashboard fits into a ConfigMap."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def _metadata(kubernetes: Kubernetes, name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Json:
    found: Json = {"name": name, "namespace": kubernetes.namespace}
    for key, texts in (("labels", {**kubernetes.labels, **labels}), ("annotations", dict(annotations))):
        if texts:
            found[key] = texts
    return found


class _Dumper(yaml.SafeDumper):
    """A YAML writer that writes a text of several lines as a block."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _to_yaml(content: Json) -> str:
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"{GENERATED}\n{body}"
