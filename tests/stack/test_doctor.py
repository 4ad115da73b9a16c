"""The doctor, a process, finds each fault that is planted in a real service, that one alone; in a healthy one, none."""

import os
import re
import shlex
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.stack.examined import COMMAND, IDENTITY, NOBODY, Healthy, answering, healthy, lacking, only, told
from tests.stack.serving import UVICORN_WORKERS, serving
from tests.stack.sink import HANGS, listening


class Fault(NamedTuple):
    """What is planted in the environment and the arguments, and the one finding that it makes."""

    finding: str
    changes: dict[str, str | None]
    arguments: tuple[str, ...] = ()


GUNICORN = "opentelemetry-instrument gunicorn -k uvicorn.workers.UvicornWorker app:app"
FAULTS = {
    # environment
    "the plugin is not switched on": Fault("recmon-off", {"OTEL_RECMON_ENABLED": None}),
    "a setting has a value that is none": Fault("setting-unusable", {"OTEL_RECMON_ENABLED": "ture"}),
    "a setting is misspelt": Fault("setting-unknown", {"OTEL_RECMON_MODEL_VERSON": "v2"}),
    "an expression cannot be read": Fault("setting-unusable", {"OTEL_RECMON_ITEMS": "data.hits["}),
    "the catalog is not there": Fault("setting-file", {"OTEL_RECMON_CATALOG_FILE": "catalog.csv"}),
    "no route is watched": Fault("no-route-watched", {"OTEL_RECMON_ROUTES": "GET /home"}, ("--app", "app:app")),
    "the SDK is off": Fault("sdk-disabled", {"OTEL_SDK_DISABLED": "true"}),
    "the plugin is left out": Fault("plugin-disabled", {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis, recmon"}),
    "metrics have no way out": Fault("metrics-not-exported", {"OTEL_METRICS_EXPORTER": "none"}),
    "the service has no name": Fault("service-name-missing", {"OTEL_SERVICE_NAME": None}),
    "exports are rare": Fault("export-interval", {"OTEL_METRIC_EXPORT_INTERVAL": "60000"}),
    "the endpoint is no URL": Fault("endpoint-scheme", {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}),
    "the port is gRPC's": Fault("endpoint-port", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}),
    "metrics are deltas": Fault("temporality-delta", {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA"}),
    # sdk
    "the exporter is misspelt": Fault("exporter-missing", {"OTEL_METRICS_EXPORTER": "otpl"}),
    "an exporter is not installed": Fault("exporter-missing", {"OTEL_TRACES_EXPORTER": "jaeger"}),
    "the protocol is none": Fault("protocol-unknown", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}),
    "nothing starts the plugin": Fault("nothing-instruments", {}, ("--command", "uvicorn app:app", "--app", "app:app")),
    # exporter
    "nobody listens": Fault("exporter-unreachable", {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}),
    "nobody listens for gRPC": Fault(
        "exporter-unreachable", {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    ),
    # processes
    "workers share a port": Fault(
        "workers-one-port",
        {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "1"},
        ("--command", f"{COMMAND} --workers 4"),
    ),
    "workers share a page": Fault(
        "workers-metrics-path", {"OTEL_RECMON_METRICS_PATH": "/metrics", "WEB_CONCURRENCY": "3"}
    ),
    "workers share an id": Fault(
        "instance-shared",
        {"OTEL_RESOURCE_ATTRIBUTES": f"{IDENTITY},service.instance.id=pod-1"},
        ("--command", f"{GUNICORN} -w 2"),
    ),
    "the server reloads": Fault("reload", {}, ("--command", f"{COMMAND} --reload")),
    "gunicorn forks late": Fault("preload", {"GUNICORN_CMD_ARGS": "--preload"}, ("--command", GUNICORN)),
    "a folder adds up nothing": Fault(
        "multiprocess-directory", {"OTEL_RECMON_METRICS_PATH": "/metrics", "PROMETHEUS_MULTIPROC_DIR": "/tmp"}
    ),
    # what metrics, dashboards and messages go to
    "there is no Prometheus": Fault("prometheus-unreachable", {}, ("--prometheus", NOBODY)),
    "the service has another name there": Fault("service-unseen", {"OTEL_SERVICE_NAME": "shop-2"}),
    "the environment is another one there": Fault(
        "environment-unseen",
        {"OTEL_RESOURCE_ATTRIBUTES": "service.namespace=team,deployment.environment.name=production"},
    ),
    "buckets changed": Fault("histogram-bounds", {"OTEL_RECMON_SCORE_BUCKETS": "1,2,3"}),
    "there is no Grafana": Fault("grafana-unreachable", {}, ("--grafana", NOBODY)),
    "there is no webhook": Fault("slack-url-missing", {"SLACK_WEBHOOK_URL": None}),
    "the webhook is a page": Fault("slack-url-shape", {"SLACK_WEBHOOK_URL": "https://shop.slack.com/archives/C1"}),
    "the webhook is a placeholder": Fault(
        "slack-url-placeholder", {"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/not-configured"}
    ),
    "nobody takes messages": Fault("slack-unreachable", {"SLACK_WEBHOOK_URL": f"{NOBODY}/services/T1/B1/secret"}),
}


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    with healthy(tmp_path_factory.mktemp("service")) as running:
        yield running


class TestHealthy:
    def test_in_a_healthy_service_nothing_is_found_in_any_topic(self, well: Healthy) -> None:
        said = well.examined({}, "--grafana", well.grafana.url, "--app", "app:app")

        assert (said.code, said.names) == (0, []), said.output
        assert '"skipped": {}' in said.output
        assert [message.text for message in well.slack.messages][-1].startswith("otel-recmon doctor: this is a test")

    def test_a_running_process_is_taken_as_it_is(self, well: Healthy) -> None:
        server = UVICORN_WORKERS
        changes = {"OTEL_RECMON_METRICS_PATH": "/metrics"}
        with serving("app:app", {**well.environ, **changes}, folder=well.folder, server=server) as service:
            said = told(["--pid", str(service.process.pid), "--app", "app:app"], {}, well.folder)

        only("workers-metrics-path", said)

    def test_in_a_healthy_service_that_exports_over_grpc_nothing_is_found(self, well: Healthy) -> None:
        changes = {"OTEL_EXPORTER_OTLP_PROTOCOL": None, "OTEL_EXPORTER_OTLP_ENDPOINT": well.stack.otlp_grpc_url}

        said = well.examined(changes)

        assert (said.code, said.names) == (0, []), said.output


class TestFaults:
    @pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
    def test_it_is_found_alone(self, well: Healthy, fault: Fault) -> None:
        only(fault.finding, well.examined(fault.changes, *fault.arguments))

    def test_a_secret_is_in_no_output(self, well: Healthy) -> None:
        secrets = {
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hush-1,hush-2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY.replace("//", "//user:hush-3@"),
            "OTEL_RECMON_USER_HASH_KEY": "hush-4",
            "SLACK_WEBHOOK_URL": f"{NOBODY}/services/T1/B1/hush5",
            "GRAFANA_TOKEN": "hush-6\nx",
            "PROMETHEUS_TOKEN": "x\nhush-7",
        }

        said = well.examined(secrets, "--grafana", well.grafana.url)

        assert said.names == [
            "setting-unusable",
            "headers-unreadable",
            "exporter-unreachable",
            "prometheus-unreachable",
            "grafana-token-refused",
            "slack-unreachable",
        ]
        assert "hush" not in said.output


def package(folder: Path, name: str, metadata: str, entry_points: str = "") -> str:
    """Install a package into a folder, by hand, and return the folder."""
    home = folder / f"{name.replace('-', '_')}.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n{metadata}\n")
    (home / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    return str(folder)


class TestInstalled:
    def test_a_package_that_is_there_twice_is_found(self, well: Healthy, tmp_path: Path) -> None:
        folder = package(tmp_path, "opentelemetry-api", f"Version: {version('opentelemetry-api')}")

        only("distribution-double", well.examined({"PYTHONPATH": folder}))

    def test_packages_that_do_not_fit_are_found(self, well: Healthy, tmp_path: Path) -> None:
        needs = "Version: 0.1\nRequires-Dist: opentelemetry-api==1.2"
        folder = package(tmp_path, "opentelemetry-instrumentation-acme", needs)

        only("versions-conflict", well.examined({"PYTHONPATH": folder}))

    def test_an_instrumentation_that_fails_is_found(self, well: Healthy, tmp_path: Path) -> None:
        (tmp_path / "acme.py").write_text("raise RuntimeError('no licence')")
        folder = package(tmp_path, "acme", "Version: 1", "[opentelemetry_instrumentor]\nacme = acme:Instrumentor")

        only("instrumentor-broken", well.examined({"PYTHONPATH": folder}))

    def test_a_provider_in_the_code_as_well_is_found(self, well: Healthy) -> None:
        code = """
            from app import app
            from opentelemetry.metrics import set_meter_provider
            from opentelemetry.sdk.metrics import MeterProvider
            set_meter_provider(MeterProvider())
        """
        (well.folder / "twice.py").write_text(textwrap.dedent(code))

        only("provider-twice", well.examined({}, "--app", "twice:app"))


class TestMissing:
    @pytest.mark.parametrize(
        ("module", "finding"), [("fastapi", "fastapi-missing"), ("opentelemetry.sdk", "sdk-missing")]
    )
    def test_a_library_that_is_not_installed_is_found(self, well: Healthy, module: str, finding: str) -> None:
        only(finding, lacking(well, f"import sys; sys.modules[{module!r}] = None"))

    @pytest.mark.parametrize(
        ("package", "changes", "finding"),
        [
            ("otel-recmon", {}, "entry-point-missing"),
            ("opentelemetry-distro", {}, "distro-missing"),
            ("opentelemetry-exporter-otlp-proto-grpc", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "exporter-missing"),
        ],
    )
    def test_a_package_that_pip_does_not_know_is_found(
        self, well: Healthy, package: str, changes: dict[str, str], finding: str
    ) -> None:
        hidden = f"""
            from importlib.metadata import MetadataPathFinder
            every = MetadataPathFinder.find_distributions
            MetadataPathFinder.find_distributions = lambda *some: (d for d in every(*some) if d.name != {package!r})
        """

        only(finding, lacking(well, textwrap.dedent(hidden), changes))


class TestExporter:
    def test_a_path_without_a_receiver_is_found(self, well: Healthy) -> None:
        changes = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": well.stack.otlp_http_url}

        only("exporter-path", well.examined(changes))

    def test_a_collector_that_speaks_no_tls_is_found(self, well: Healthy) -> None:
        changes = {"OTEL_EXPORTER_OTLP_ENDPOINT": well.stack.otlp_http_url.replace("http:", "https:")}

        only("exporter-tls", well.examined(changes))

    def test_a_collector_that_speaks_no_tls_over_grpc_is_found(self, well: Healthy) -> None:
        url = well.stack.otlp_grpc_url.replace("http:", "https:")

        said = well.examined({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": url})

        only("exporter-tls", said)

    def test_a_collector_that_hangs_is_found(self, well: Healthy) -> None:
        with listening() as sink, sink.failing(HANGS):
            changes = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
            only("exporter-timeout", well.examined(changes))

    @pytest.mark.parametrize(
        ("status", "kind", "finding"),
        [
            (401, "text/plain", "exporter-unauthorized"),
            (503, "text/plain", "exporter-refused"),
            (200, "text/html; charset=utf-8", "exporter-answers-otherwise"),
        ],
    )
    def test_an_answer_that_is_no_collectors_is_found(
        self, well: Healthy, status: int, kind: str, finding: str
    ) -> None:
        with answering(status, "sign in first", kind) as url:
            only(finding, well.examined({"OTEL_EXPORTER_OTLP_ENDPOINT": url}))

    def test_a_port_that_somebody_else_has_is_found(self, well: Healthy) -> None:
        port = well.slack.url.rpartition(":")[2]
        changes = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": port}

        only("prometheus-port-taken", well.examined(changes))


PAGE = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")


class TestPage:
    @pytest.mark.parametrize("line", re.findall(r"^otel-recmon doctor\b *(.*)$", PAGE, re.MULTILINE))
    def test_a_command_on_it_runs(self, well: Healthy, line: str) -> None:
        (well.folder / "response.json").write_text('["a", "b"]')
        here = {
            "prometheus:9090": well.stack.prometheus_url,
            "grafana:3000": well.grafana.url,
            "1234": str(os.getpid()),
        }
        for there, address in here.items():
            line = line.replace(f"http://{there}", address).replace(there, address)

        said = told(shlex.split(line), well.environ, well.folder)

        assert said.code in (0, 1), said.output
        assert said.output.startswith("{")


class TestSlack:
    def test_a_webhook_that_was_removed_is_found(self, well: Healthy) -> None:
        with well.slack.failing(404):
            only("slack-refused", well.examined())
