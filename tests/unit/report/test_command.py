"""Output, messages and exit codes of ``otel-recmon report``."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_recmon.cli.group import group
from tests.unit.query.test_client import answering
from tests.unit.report.held import series, serving
from tests.unit.report.shop import NINE, shop

PERIOD = ("--start", "2026-01-08T09:00", "--end", "2026-01-08T12:00")
SUMMARY = [
    "",
    "shop (test)",
    "from 2026-01-08T09:00:00Z to 2026-01-08T12:00:00Z (excluded)",
    "",
    "Figure all v1 v2",
    "",
    "Requests 220 100 120",
    "Successful requests 200 80 120",
    "Failed requests 20 (9.09 %) 20 (20.00 %) 0 (0.00 %)",
    "Rejected requests 0 0 0",
]
HOURS = [
    "2026-01-08 09:00 144 14 10.00 % 0 0.00 50 ms 95 ms",
    "2026-01-08 10:00 76 6 10.00 % 4 50.00 142 ms 730 ms",
    "2026-01-08 11:00 - - - - - - -",
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["report", *arguments])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A Prometheus with the data of the shop."""
    with serving(shop()) as there:
        yield there


def lines(result: Result) -> list[str]:
    return [" ".join(line.replace("\u2500", "").split()) for line in result.output.splitlines()]


class TestFormats:
    def test_figures_are_printed_by_model_version(self, url: str) -> None:
        result = run("--prometheus", url, *PERIOD)

        assert result.exit_code == 0
        assert lines(result)[: len(SUMMARY)] == SUMMARY
        assert "Revenue per user - - -" in lines(result)
        assert not set(HOURS) & set(lines(result))

    def test_hours_are_printed_where_they_are_asked_for(self, url: str) -> None:
        result = run("--prometheus", url, *PERIOD, "--hourly", "--currency", "EUR")

        assert [line for line in lines(result) if line.startswith("2026-01-08 ")] == HOURS
        assert "Revenue, EUR" in result.output

    def test_json_has_the_same_figures(self, url: str) -> None:
        result = run("--prometheus", url, *PERIOD, "--json", "--hourly", "--model-version", "v1")

        found = json.loads(result.output)
        assert (found["model_version"], found["requests"]["total"], found["revenue"]["per_user"]) == ("v1", 100, None)
        assert [row["requests"] for row in found["hourly"]] == [44, 56, None]
        assert "hourly" not in json.loads(run("--prometheus", url, *PERIOD, "--json").output)


class TestPage:
    def test_a_page_is_written_beside_the_figures(self, url: str, tmp_path: Path) -> None:
        file = tmp_path / "out.html"

        result = run("--prometheus", url, *PERIOD, "--html", str(file))

        assert (result.exit_code, SUMMARY[1] in result.output) == (0, True)
        page = file.read_text(encoding="utf-8")
        assert "220" in page
        assert "changes since 1 January 2026 09:00" in page

    def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(self, tmp_path: Path) -> None:
        result = run("--html", str(tmp_path / "missing" / "out.html"))

        assert (result.exit_code, "cannot write" in result.output) == (2, True)

    def test_the_page_needs_an_extra_and_says_which(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("otel_recmon.report.page", "otel_recmon.report.charts"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setitem(sys.modules, "matplotlib", None)

        result = run("--html", "x.html")

        assert result.exit_code == 2
        assert result.output == (
            "otel-recmon report: --html needs matplotlib, which is not installed; "
            "run: pip install 'otel-recmon[report]'\n"
        )


class TestPeriod:
    def test_where_nothing_was_counted_the_exit_code_is_1(self, url: str) -> None:
        result = run("--prometheus", url, "--start", "2026-01-06", "--end", "2026-01-07")

        assert result.exit_code == 1
        assert result.output == (
            "otel-recmon report: no service sent data from 2026-01-06T00:00:00Z to 2026-01-07T00:00:00Z; "
            "is this the Prometheus that receives the metrics?\n"
        )

    def test_by_default_it_is_the_last_day(self, url: str) -> None:
        result = run("--prometheus", url)

        assert (result.exit_code, "no service sent data from" in result.output) == (1, True)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (
                (*PERIOD, "--model-version", "v3"),
                "there is no model version 'v3' in this period; known versions: v1, v2",
            ),
            ((*PERIOD, "--job", "shap"), "shap has no data in this period; services with data: shop (test)"),
            (("--start", "2026-01-09", "--end", "2026-01-08"), "is not before the end"),
            (("--start", "2999-01-09"), "is not before the end"),
            (("--start", "2999-01-09", "--end", "2999-01-10"), "is in the future"),
            (("--start", "soon"), "'soon' is not a date or time"),
            (("--header", "Authorization"), "a header has the form 'Name: value'"),
            (("--timeout", "0"), "0 is not in the range"),
        ],
    )
    def test_what_cannot_be_answered_says_why(self, url: str, arguments: tuple[str, ...], reason: str) -> None:
        result = run("--prometheus", url, *arguments)

        assert (result.exit_code, reason in " ".join(result.output.split())) == (2, True), result.output

    def test_of_several_services_one_has_to_be_chosen(self) -> None:
        with serving(shop(series("recommendation_requests_total", [(NINE.timestamp() + 60, 5.0)], job="blog"))) as url:
            several = run("--prometheus", url, *PERIOD)
            one = run("--prometheus", url, *PERIOD, "--job", "blog", "--json")

        assert (
            several.exit_code,
            "choose a job and an environment: blog (test), shop (test)" in several.output,
        ) == (
            2,
            True,
        )
        assert json.loads(one.output)["requests"]["total"] == 5

    def test_a_prometheus_that_is_none_says_so(self) -> None:
        with answering("<html>") as (url, _):
            result = run("--prometheus", url)

        assert (result.exit_code, "does not answer like Prometheus" in result.output) == (2, True)


class TestHeaders:
    def test_what_is_given_to_authenticate_is_sent_and_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PROMETHEUS_TOKEN", "secret")
        with answering({"status": "error", "error": "no"}) as (url, asked):
            result = run("--prometheus", url, "--header", "X-Scope-OrgID: shops")

        assert [request.rpartition(" ")[2] for request, _ in asked] == ["shops"]
        assert "secret" not in result.output
