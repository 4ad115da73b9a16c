"""docker-compose.yml against its schema, the files that it mounts, and what the tests run."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from otel_recmon import config
from otel_recmon.artifacts.render.notifications import SLACK_SECRET, SLACK_VARIABLE, SWITCH_SECRET, SWITCH_VARIABLE
from otel_recmon.cli.demo import demo
from otel_recmon.demo import launch
from otel_recmon.demo.traffic import catalog_size, load_impressions
from otel_recmon.stack import binaries
from otel_recmon.stack.slack import HEALTH
from tests.composed import ROOT, SERVICES, TEXT, VARIABLE, compose, host_path, mounts

COLLECTOR = (ROOT / "collector-config.yaml").read_text(encoding="utf-8")
DEFAULTS = dict(re.findall(r"\$\{env:(\w+)(?::-([^}]*))?\}", COLLECTOR))
DATASOURCES = yaml.safe_load((ROOT / "grafana/provisioning/datasources/recmon.yaml").read_text(encoding="utf-8"))
PROVIDERS = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/recmon.yaml").read_text(encoding="utf-8"))
ONCE = {name for s in SERVICES.values() for name, how in s.get("depends_on", {}).items() if "completed" in str(how)}
"""Services that do one thing and end."""
DOCS = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
PORTS = {
    "demo": {8000},
    "collector": {int(DEFAULTS[f"COLLECTOR_{name}_PORT"]) for name in ("OTLP_GRPC", "OTLP_HTTP", "SCRAPE")},
    "prometheus": {9090},
    "grafana": {3000},
    "slack": {8080},
    "jaeger": {16686},
}
"""What each service listens on, that is of use on the host."""


def described(name: str) -> dict[str, Any]:
    """A service of the file."""
    found: dict[str, Any] = SERVICES[name]
    return found


@pytest.mark.parametrize(
    "environment", [{}, {"SLACK_WEBHOOK_URL": "http://x", "COLLECTOR_TRACES_ENDPOINT": "http://y"}]
)
def test_the_file_is_as_the_specification_has_it(environment: dict[str, str]) -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))

    assert [error.message for error in Draft7Validator(schema).iter_errors(compose(**environment))] == []


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("otel/opentelemetry-collector-contrib:{}", "otelcol"),
        ("prom/prometheus:v{}", "prometheus"),
    ],
)
def test_the_images_are_of_the_versions_that_are_tested(image: str, program: str) -> None:
    expected = image.format(binaries.module_of(program).version)

    assert expected in {service["image"] for service in SERVICES.values()}


def test_every_image_is_pinned_or_built_here() -> None:
    images = {service["image"] for service in SERVICES.values() if "build" not in service}

    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image) for image in images)
    assert {service["build"] for service in SERVICES.values() if "build" in service} == {"."}


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE))
def test_a_service_that_stays_is_watched_limited_and_restarted(name: str) -> None:
    service = described(name)

    assert service["healthcheck"]["test"][0] == "CMD"
    assert (service["restart"], service["cap_drop"]) == ("unless-stopped", ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_limit_of_memory(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", described(name)["mem_limit"])


def test_only_what_prepares_a_volume_is_root_and_only_once() -> None:
    root = {name for name, service in SERVICES.items() if service.get("user", "").startswith("0")}

    assert root == ONCE == {"collector-volume"}
    assert described("collector-volume")["restart"] == "no"
    assert described("collector-volume")["network_mode"] == "none"


def test_the_volume_is_prepared_for_the_user_and_the_folders_of_the_collector() -> None:
    prepared = described("collector-volume")
    folder = prepared["command"][-1]

    assert prepared["command"] == ["chown", described("collector")["user"], folder]
    assert mounts("collector-volume") == {folder: "collector-data"}
    assert mounts("collector")[folder] == "collector-data"
    for variable in ("COLLECTOR_QUEUE_DIRECTORY", "COLLECTOR_EVENTS_FILE"):
        assert DEFAULTS[variable].startswith(f"{folder}/")


@pytest.mark.parametrize("name", SERVICES)
def test_services_wait_until_those_that_they_need_are_well(name: str) -> None:
    for needed, how in described(name).get("depends_on", {}).items():
        assert how == {"condition": "service_completed_successfully" if needed in ONCE else "service_healthy"}


def test_ports_are_bound_to_this_machine_alone_and_lead_to_what_listens() -> None:
    published = {
        name: [re.fullmatch(r"127\.0\.0\.1:(\d+):(\d+)", port) for port in service.get("ports", ())]
        for name, service in SERVICES.items()
    }

    assert all(port for ports in published.values() for port in ports)
    assert {name: {int(p[2]) for p in ports if p} for name, ports in published.items() if ports} == PORTS


def test_no_two_services_ask_for_the_same_port_of_this_machine() -> None:
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists_and_cannot_be_changed(name: str) -> None:
    for volume in described(name).get("volumes", ()):
        source, _, *mode = volume.split(":")
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mode == ["ro"]
        else:
            assert source in compose()["volumes"]


def test_every_volume_is_used() -> None:
    assert {source for name in SERVICES for source in mounts(name).values()} > compose()["volumes"].keys()


def test_the_collector_is_given_the_file_that_is_mounted() -> None:
    (argument,) = described("collector")["command"]

    assert host_path("collector", argument.removeprefix("--config=")) == ROOT / "collector-config.yaml" / "."


def test_the_collector_is_given_variables_that_it_reads() -> None:
    (file,) = [yaml.safe_load(VARIABLE.sub("x", TEXT))["services"]["collector"]["environment"]]

    assert {name for name in file if name != "GOMEMLIMIT"} <= DEFAULTS.keys()


def test_an_endpoint_of_the_collector_is_not_there_unless_it_is_set() -> None:
    """For one that is empty is refused by the Collector."""
    endpoint = {"COLLECTOR_TRACES_ENDPOINT": "http://jaeger:4318"}

    assert "COLLECTOR_TRACES_ENDPOINT" not in described("collector")["environment"]
    assert endpoint.items() <= compose(**endpoint)["services"]["collector"]["environment"].items()


def test_the_collector_has_room_above_its_limits() -> None:
    collector = described("collector")
    soft = int(collector["environment"]["GOMEMLIMIT"].removesuffix("MiB"))
    limit = int(DEFAULTS["COLLECTOR_MEMORY_LIMIT_MIB"])

    assert soft == round(0.8 * limit)
    assert limit < int(collector["mem_limit"].removesuffix("m"))


def test_prometheus_is_given_the_files_and_the_folder_that_are_mounted() -> None:
    arguments, config_file, storage = described("prometheus")["command"]

    assert host_path("prometheus", arguments.removeprefix("@")) == ROOT / "prometheus/prometheus.args"
    assert host_path("prometheus", config_file.removeprefix("--config.file=")) == ROOT / "prometheus/prometheus.yml"
    assert mounts("prometheus")[storage.removeprefix("--storage.tsdb.path=")] == "prometheus-data"


def test_services_find_each_other() -> None:
    addresses = set(re.findall(r"http://([a-z]+):(\d+)", TEXT + EXAMPLE + json.dumps(DATASOURCES)))
    targets = {
        tuple(target.split(":"))
        for file in (ROOT / "prometheus/targets").glob("*.yml")
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
        for target in entry["targets"]
    }
    inside = {name: {str(port) for port in ports} for name, ports in PORTS.items()}
    inside["collector"].add(DEFAULTS["COLLECTOR_TELEMETRY_PORT"])
    inside["jaeger"] |= {"4318"}
    inside["localhost"] = set().union(*inside.values())  # as published, and Prometheus itself
    elsewhere = {("loki", "3100")}  # an example

    for host, port in (addresses | targets) - elsewhere:
        assert port in inside[host]


def test_prometheus_is_where_the_collector_sends_to_and_grafana_asks() -> None:
    source = DATASOURCES["datasources"][0]

    assert described("collector")["environment"]["COLLECTOR_PROMETHEUS_ENDPOINT"] == f"{source['url']}/api/v1/otlp"


def test_health_is_asked_where_it_is_told() -> None:
    checks = {name: " ".join(described(name)["healthcheck"]["test"]) for name in SERVICES.keys() - ONCE}

    assert f"http://127.0.0.1:{DEFAULTS['COLLECTOR_HEALTH_PORT']}/" in checks["collector"]
    assert f"http://127.0.0.1:8080{HEALTH}" in checks["slack"]
    assert '@app.get("/health")' in (ROOT / "otel_recmon/demo/recommender.py").read_text(encoding="utf-8")
    assert "http://127.0.0.1:8000/health" in checks["demo"]
    assert "http://demo:8000/health" in checks["traffic"]
    for name in ("demo", "traffic", "slack"):
        ast.parse(described(name)["healthcheck"]["test"][-1])


class TestDemo:
    def test_the_service_is_told_what_the_native_demo_tells_it(self) -> None:
        told = launch.environment({}, launch.otlp_exporter("http://collector:4318"), catalog_size(load_impressions()))
        environment = dict(described("demo")["environment"])
        # Here it is a slower export, and a model that is as old as the image instead of a fixed age.
        told["OTEL_METRIC_EXPORT_INTERVAL"] = environment["OTEL_METRIC_EXPORT_INTERVAL"]
        del told[config.variable("model_updated_at")]
        told[config.variable("model_path")] = "/app/data"

        assert environment == told

    def test_the_plugin_understands_it(self) -> None:
        _, mistakes = config.read(described("demo")["environment"])

        assert mistakes == []

    def test_the_traffic_is_a_command_that_is_understood(self) -> None:
        program, name, *arguments = described("traffic")["command"]

        chosen = demo.make_context("demo", list(arguments)).params
        assert (program, name) == ("otel-recmon", "demo")
        assert (chosen["against"], chosen["repeat"], chosen["speed"]) == ("http://demo:8000", True, 336.0)


class TestGrafana:
    def test_the_sources_have_the_uids_that_never_change(self) -> None:
        assert [source["uid"] for source in DATASOURCES["datasources"]] == ["recmon-prometheus", "recmon-traces"]

    def test_it_knows_how_often_services_export(self) -> None:
        interval = int(described("demo")["environment"]["OTEL_METRIC_EXPORT_INTERVAL"])

        assert DATASOURCES["datasources"][0]["jsonData"]["timeInterval"] == f"{interval // 1000}s"

    def test_exemplars_lead_to_the_traces(self) -> None:
        metrics, traces = DATASOURCES["datasources"]

        assert metrics["jsonData"]["exemplarTraceIdDestinations"] == [
            {"name": "trace_id", "datasourceUid": traces["uid"]}
        ]

    def test_dashboards_are_read_from_the_folder_that_is_mounted(self) -> None:
        (provider,) = PROVIDERS["providers"]

        assert host_path("grafana", provider["options"]["path"]) == ROOT / "grafana/dashboards"

    def test_provisioning_holds_nothing_but_what_grafana_reads(self) -> None:
        folders = {folder.name for folder in (ROOT / "grafana/provisioning").iterdir()}

        assert folders == {"alerting", "dashboards", "datasources"}
        assert mounts("grafana")["/etc/grafana/provisioning"] == "./grafana/provisioning"

    def test_its_links_lead_to_the_port_that_is_published(self) -> None:
        grafana = compose(GRAFANA_PORT="4000")["services"]["grafana"]

        assert grafana["environment"]["GF_SERVER_ROOT_URL"] == "http://localhost:4000"
        assert grafana["ports"] == ["127.0.0.1:4000:3000"]

    def test_messages_go_to_the_stand_in_unless_there_is_a_webhook(self) -> None:
        given = compose(SLACK_WEBHOOK_URL="https://slack.test/hook")["services"]["grafana"]

        assert described("grafana")["environment"]["SLACK_WEBHOOK_URL"] == "http://slack:8080"
        assert given["environment"]["SLACK_WEBHOOK_URL"] == "https://slack.test/hook"


class TestAlertmanager:
    """The one of docs/slack.md."""

    file = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0])
    service = file["services"]["alertmanager"]

    def test_it_is_as_the_specification_has_it_and_of_the_version_that_is_tested(self) -> None:
        schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))

        assert [error.message for error in Draft7Validator(schema).iter_errors(self.file)] == []
        assert self.service["image"] == f"prom/alertmanager:v{binaries.module_of('alertmanager').version}"

    def test_its_configuration_is_mounted(self) -> None:
        (volume,) = self.service["volumes"]
        source, target, mode = volume.split(":")

        config = self.service["command"][0].removeprefix(f"--config.file={target}/")
        assert (ROOT / source / config, mode) == (ROOT / "prometheus" / "alertmanager.yml", "ro")

    def test_its_secrets_are_where_it_looks_for_them_and_come_from_the_environment(self) -> None:
        config = (ROOT / "prometheus" / "alertmanager.yml").read_text(encoding="utf-8")
        given = {name: secret["environment"] for name, secret in self.file["secrets"].items()}

        assert re.findall(r"url_file: (.*)", config) == [f"/run/secrets/{name}" for name in self.service["secrets"]]
        assert given == {SLACK_SECRET: SLACK_VARIABLE, SWITCH_SECRET: SWITCH_VARIABLE}


class TestExample:
    def test_what_can_be_set_stands_in_the_example_with_its_default(self) -> None:
        listed = dict(re.findall(r"^# (\w+)=(.*)$", EXAMPLE, re.MULTILINE))
        defaults = {found[1]: found[2] for found in VARIABLE.finditer(TEXT) if found[1]}
        passed = set(re.findall(r"^ +(\w+):$", TEXT, re.MULTILINE)) & DEFAULTS.keys()

        assert listed.keys() == {*defaults, *passed, "COMPOSE_PROFILES"}
        assert {name: listed[name] for name in defaults} == defaults

    def test_a_copy_of_it_changes_nothing(self) -> None:
        assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("# ")] == []

    def test_the_profile_and_the_endpoint_belong_together(self) -> None:
        listed = dict(re.findall(r"^# (\w+)=(.*)$", EXAMPLE, re.MULTILINE))

        assert described("jaeger")["profiles"] == [listed["COMPOSE_PROFILES"]]
        assert listed["COLLECTOR_TRACES_ENDPOINT"] == "http://jaeger:4318"
