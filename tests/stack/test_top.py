"""otel-recmon top, as people call it: on the page of a real service, and on a real Prometheus that has it, too."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.stack import Stack
from otel_recmon.stats.intervals import Rate
from tests import web
from tests.speed import eventually
from tests.stack.filled import EXAMPLE
from tests.stack.observed import Prometheus
from tests.stack.serving import OTLP, RECMON, Service, serving
from tests.stack.terminal import terminal

TOP = [sys.executable, "-c", "from otel_recmon.cli import main; main()", "top"]
OWN = {"OTEL_SERVICE_NAME": "films", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
SLATES, CLICKS, PRICE = 40, 3, 12.5
SAMPLES = 20


def top(*arguments: str) -> tuple[int, Any]:
    """The exit code, and the one object that it prints."""
    done = subprocess.run([*TOP, *arguments, "--once", "--json"], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def served(**variables: str) -> Any:
    """A service of verbs."""
    return serving("service:app", RECMON | OWN | variables, folder=EXAMPLE)


def used(service: Service) -> Service:
    """Show slates to people who click and buy; a stranger is turned away."""
    for _ in range(SLATES):
        web.get(f"{service.url}/recommendations/ann").raise_for_status()
    assert web.get(f"{service.url}/recommendations/eve").status_code == 404
    for position in range(1, CLICKS + 1):
        web.post(f"{service.url}/track/click", json={"film": "heat", "position": position}).raise_for_status()
    web.post(f"{service.url}/track/conversion", json={"film": "heat", "revenue": PRICE}).raise_for_status()
    return service


@pytest.fixture(scope="module")
def films() -> Iterator[Service]:
    with served() as service:
        yield used(service)


def page(service: Service) -> str:
    return f"{service.url}/metrics"


def sent(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the figures that are known beforehand."""
    names = "error_share ctr ctr_at_least ctr_at_most conversion_rate cache_hit_share diversity outcomes counted"
    return {name: figures[name] for name in names.split()}


CTR = Rate(CLICKS, SLATES, unbounded=True)
SENT = {
    "error_share": 0.0,
    "ctr": pytest.approx(CTR.value),
    "ctr_at_least": pytest.approx(CTR.interval[0], abs=1e-5),
    "ctr_at_most": pytest.approx(CTR.interval[1], abs=1e-5),
    "conversion_rate": pytest.approx(1 / CLICKS),
    "cache_hit_share": 0.0,
    "diversity": pytest.approx(1.0),
    "outcomes": {"served": 1.0},
    "counted": {"requests": SLATES + 1.0, "clicks": float(CLICKS), "conversions": 1.0, "revenue": PRICE},
}


class TestOnAPage:
    def test_one_look_says_what_was_sent_since_the_process_started(self, films: Service) -> None:
        code, found = top(page(films))

        assert (code, found["crossed"], found["period"]["since_start"]) == (0, [], True)
        assert sent(found["all"]) == SENT
        assert sent(found["model_versions"]["films-3"]) == SENT | {"cache_hit_share": None}
        assert found["all"]["requests_per_s"] == pytest.approx((SLATES + 1) / found["period"]["seconds"], rel=1e-3)

    def test_a_threshold_that_is_crossed_is_a_finding(self, films: Service, tmp_path: Path) -> None:
        own = tmp_path / "recmon.toml"
        own.write_text("[alerts.CtrLow]\nthreshold = 0.5\nminimum_traffic = 10\n", encoding="utf-8")

        code, found = top(page(films), "--alerts", str(own))

        assert code == 1
        assert [(one["alert"], one["labels"], one["value"]) for one in found["crossed"]] == [
            ("CtrLow", {"model_version": "films-3"}, CTR.value)
        ]

    def test_without_a_terminal_each_look_is_a_block_of_plain_text(self, films: Service) -> None:
        done = subprocess.run(
            [*TOP, page(films), "--count", "2", "--interval", "0.2"], capture_output=True, text=True, check=False
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b" not in done.stdout
        assert done.stdout.count("so far         41 requests, 3 clicks, 1 conversion, 12.50 earned") == 2
        assert max(map(len, done.stdout.splitlines())) <= 80

    def test_a_page_that_has_nothing_of_ours_is_no_page_to_look_at(self, films: Service) -> None:
        code, error = top(f"{films.url}/quality")

        assert code == 2
        assert f"{films.url}/quality " in error


class TestInATerminal:
    @pytest.mark.parametrize(
        ("key", "number", "code"), [("q", None, 0), ("", signal.SIGINT, 0), ("", signal.SIGTERM, 143)]
    )
    def test_it_draws_until_it_is_told_to_stop_and_leaves_the_terminal_as_it_was(
        self, films: Service, key: str, number: signal.Signals | None, code: int
    ) -> None:
        with terminal([*TOP, page(films), "--interval", "0.2"]) as screen:
            screen.until("films-3")
            screen.until("over the last")
            screen.press(key) if not number else screen.process.send_signal(number)

            assert screen.ended() == code
            assert screen.restored

    def test_a_service_that_is_stopped_meanwhile_is_told_and_the_last_figures_stay(self) -> None:
        with served() as service, terminal([*TOP, page(used(service)), "--interval", "0.2"]) as screen:
            screen.until("over the last")
            service.stop()
            screen.until("no answer since ")
            screen.press("q")

            assert screen.ended() == 0
            assert screen.restored
        assert "41 requests" in screen.drawn[screen.drawn.rindex(b"no answer since") :].decode()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Service, str]]:
    """A service that shows a page, and exports to a Prometheus."""
    with Stack() as stack:
        exporting = OTLP | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        with served(**exporting) as service:
            used(service)
            prometheus = Prometheus(stack.prometheus_url)
            query = "recommendations_converted_total == 1 and on (job) recommendations_clicked_total{position='3'} == 1"
            eventually(lambda: prometheus.values(query))
            # increase() draws a series out by a sample's distance, which of few samples is much of it.
            old = f"count_over_time(recommendations_clicked_total{{position='3'}}[5m]) >= {SAMPLES}"
            eventually(lambda: prometheus.values(old))
            yield service, stack.prometheus_url


class TestOnPrometheus:
    def test_one_look_says_what_was_sent(self, both: tuple[Service, str]) -> None:
        _, url = both

        code, found = top("--prometheus", url)

        assert code == 0, found
        assert (found["service"], found["period"]) == ("films (test)", {"seconds": 300.0, "since_start": False})
        assert sent(found["all"])["counted"] == SENT["counted"]
        assert found["all"]["outcomes"] == {"served": 1.0}
        assert found["all"]["ctr"] == pytest.approx(CTR.value, rel=0.1)  # as far as it extrapolates
        assert found["not_judged"] == []

    def test_a_service_that_is_not_there_is_none_to_look_at(self, both: tuple[Service, str]) -> None:
        code, error = top("--prometheus", both[1], "--job", "books")

        assert code == 2
        assert f"{both[1]} has no series of otel-recmon for books" in error

    def test_promql_means_on_a_page_what_it_means_in_prometheus(self, both: tuple[Service, str]) -> None:
        service, url = both

        (_, here), (_, there) = top(page(service)), top("--prometheus", url)

        assert here["all"]["counted"] == there["all"]["counted"]
        assert {name for name, value in here["all"].items() if value is not None} == {
            name for name, value in there["all"].items() if value is not None
        }
        for name in ("error_share", "diversity", "coverage_percent", "cache_hit_share", "outcomes"):
            assert here["all"][name] == pytest.approx(there["all"][name], rel=1e-6), name
        for name in ("ctr", "conversion_rate", "latency_p50_s", "latency_p95_s"):
            assert here["all"][name] == pytest.approx(there["all"][name], rel=0.1), name
