"""The objects for Kubernetes: valid for the API server, Grafana's sidecar and the operator of Prometheus."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import yaml

from otel_recmon.artifacts.render.files import exported
from otel_recmon.artifacts.render.kubernetes import MAX_CONFIG_MAP_BYTES, config_map
from otel_recmon.artifacts.settings.deployment import Kubernetes
from otel_recmon.artifacts.settings.schema import TuningError
from otel_recmon.artifacts.settings.thresholds import configured
from tests.unit.artifacts.exports import CHANGED, EACH_EXPORT, EXPORTS, Export

Json = dict[str, Any]
DURATION = r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
RULE = {
    "type": "object",
    "required": ["expr"],
    "additionalProperties": False,
    "properties": {
        "record": {"type": "string"},
        "alert": {"type": "string"},
        "expr": {"type": ["string", "integer"]},
        "for": {"type": "string", "pattern": DURATION},
        "keep_firing_for": {"type": "string", "pattern": DURATION, "minLength": 1},
        "labels": TEXTS,
        "annotations": TEXTS,
    },
    "oneOf": [{"required": ["record"]}, {"required": ["alert"]}],
}
PROMETHEUS_RULE = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "interval": {"type": "string", "pattern": DURATION},
                    "rules": {"type": "array", "items": RULE},
                },
            },
        }
    },
}
"""The part of the custom resource definition of prometheus-operator (v0.84) that is used here."""
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
QUALIFIED = re.compile(r"([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, if available: the Python parser takes four seconds for all objects."""


def _loaded(text: str) -> Json:
    found: Json = yaml.load(text, LOADER)
    return found


OBJECTS: dict[str, dict[str, Json]] = {
    export.config.deployment.grafana.uid_prefix: {name: _loaded(text) for name, text in export.objects.items()}
    for export in EXPORTS.values()
}


def objects(export: Export) -> dict[str, Json]:
    return OBJECTS[export.config.deployment.grafana.uid_prefix]


def config_maps(export: Export, label: str = "") -> dict[str, Json]:
    """The ConfigMaps, or those with a label."""
    found = {name: one for name, one in objects(export).items() if one["kind"] == "ConfigMap"}
    return {name: one for name, one in found.items() if not label or label in one["metadata"].get("labels", {})}


EACH_OBJECT = pytest.mark.parametrize(
    ("export", "name"),
    [pytest.param(export, name, id=f"{kind}.{name}") for kind, export in EXPORTS.items() for name in export.objects],
)


class TestObjects:
    @EACH_OBJECT
    def test_names_labels_and_keys_are_valid(self, export: Export, name: str) -> None:
        one = objects(export)[name]
        metadata = one["metadata"]
        labels: Mapping[str, str] = metadata.get("labels", {})

        assert name == f"{metadata['name']}.yaml"
        assert SUBDOMAIN.fullmatch(metadata["name"])
        assert len(metadata["name"]) <= 253
        assert metadata["namespace"] == export.config.deployment.kubernetes.namespace
        assert all(QUALIFIED.fullmatch(key) for key in (*labels, *metadata.get("annotations", {})))
        assert all(isinstance(value, str) and LABEL_VALUE.fullmatch(value) for value in labels.values())
        assert export.config.deployment.kubernetes.labels.items() <= labels.items()
        assert all(DATA_KEY.fullmatch(key) and isinstance(text, str) for key, text in one.get("data", {}).items())

    @EACH_EXPORT
    def test_no_rule_refers_to_another_one(self, export: Export) -> None:
        """YAML anchors would be such references; few people can read them."""
        text = export.objects[f"{export.config.deployment.grafana.uid_prefix}-rules.yaml"]

        assert not re.search(r"(?m): [&*]\w+$", text)


class TestConfigMaps:
    @EACH_EXPORT
    def test_a_config_map_has_at_most_half_of_the_maximum_size(self, export: Export) -> None:
        sizes = [sum(len(text.encode()) for text in one["data"].values()) for one in config_maps(export).values()]

        assert max(sizes) < MAX_CONFIG_MAP_BYTES / 2

    def test_a_config_map_that_is_too_large_is_refused(self) -> None:
        with pytest.raises(
            TuningError, match="the ConfigMap a would have 1,048,577 bytes; Kubernetes allows 1,048,576"
        ):
            config_map(Kubernetes(), "a", {"a": "x" * (MAX_CONFIG_MAP_BYTES + 1)})

    @EACH_EXPORT
    def test_each_dashboard_has_a_config_map_with_the_folder_for_the_sidecar(self, export: Export) -> None:
        deployment = export.config.deployment
        found = config_maps(export, deployment.kubernetes.dashboard_label)
        pages = {
            name.rpartition("/")[2]: json.loads(text)
            for name, text in export.files.items()
            if name.startswith("grafana/dashboards/")
        }

        assert {key: json.loads(text) for one in found.values() for key, text in one["data"].items()} == pages
        assert len(found) == len(pages)
        for one in found.values():
            metadata = one["metadata"]
            assert metadata["labels"][deployment.kubernetes.dashboard_label] == deployment.kubernetes.label_value
            assert metadata["annotations"] == {
                deployment.kubernetes.folder_annotation: deployment.grafana.dashboard_folder
            }

    @EACH_EXPORT
    def test_alerts_and_contact_points_are_the_same_as_in_files(self, export: Export) -> None:
        found = config_maps(export, export.config.deployment.kubernetes.alert_label)
        (alerts, notifications) = (
            json.loads(text) for _, one in sorted(found.items()) for text in one["data"].values()
        )

        assert alerts == json.loads(export.files["grafana/provisioning/alerting/recmon-rules.json"])
        assert notifications == json.loads(export.files["grafana/provisioning/alerting/recmon-notifications.json"])

    @EACH_EXPORT
    def test_data_sources_are_the_same_as_in_files(self, export: Export) -> None:
        (one,) = config_maps(export, export.config.deployment.kubernetes.datasource_label).values()

        assert list(one["data"].values()) == [export.files["grafana/provisioning/datasources/recmon.yaml"]]

    @EACH_EXPORT
    def test_files_of_all_config_maps_have_unique_names(self, export: Export) -> None:
        """A sidecar puts all files into one folder."""
        keys = [key for one in config_maps(export).values() for key in one["data"]]

        assert len(set(keys)) == len(keys)

    @EACH_EXPORT
    def test_the_collector_has_its_file(self, export: Export) -> None:
        one = config_maps(export)[f"{export.config.deployment.grafana.uid_prefix}-collector.yaml"]

        assert one["data"] == {"collector-config.yaml": export.files["collector-config.yaml"]}


class TestPrometheusRules:
    @pytest.mark.parametrize("alerting", [False, True])
    def test_rules_are_valid_and_contain_alerts_if_prometheus_alerts(self, *, alerting: bool) -> None:
        config = configured({"prometheus": {"alerting": alerting}})
        (text,) = exported(config, ["rules"], "kubernetes").values()
        found = yaml.safe_load(text)

        jsonschema.Draft202012Validator(PROMETHEUS_RULE).validate(found["spec"])
        assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        names = ["prometheus/rules/recmon.yml", *(["prometheus/rules/alerts/recmon.yml"] if alerting else [])]
        files = exported(config, ["rules"])
        assert found["spec"]["groups"] == [group for name in names for group in yaml.safe_load(files[name])["groups"]]

    def test_rules_with_changed_settings_are_valid(self) -> None:
        found = objects(CHANGED)["shop-eu-prod-rules.yaml"]

        jsonschema.Draft202012Validator(PROMETHEUS_RULE).validate(found["spec"])
        assert [group["name"] for group in found["spec"]["groups"]] == ["recmon", "recmon-alerts"]
