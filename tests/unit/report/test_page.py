"""The HTML page: it is self-contained, and escapes all values from outside."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from otel_recmon.report.page import page
from otel_recmon.report.period import DAY, Period
from otel_recmon.report.reading import Report, read
from tests.unit.report.shop import NINE, PERIOD, SHOP, counted, shop

HOSTILE = "<b>$x_1$&\"'</b>"
VOID = {"meta", "link", "img", "br"}
REPORT = read(shop(), SHOP, PERIOD)
EARLIER = read(shop(), SHOP, PERIOD.weeks_ago(1))


class Parsed(HTMLParser):
    """A parsed page; every opened tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.html = text
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def parsed(report: Report, earlier: Report | None = None) -> Parsed:
    return Parsed(page(report, earlier, "EUR"))


def said(found: Parsed) -> str:
    return " ".join(found.text.split())


@pytest.fixture(scope="module")
def compared() -> Parsed:
    """The page of three hours, with a comparison to a week before."""
    return parsed(REPORT, EARLIER)


@pytest.fixture(scope="module")
def alone() -> Parsed:
    """The page without an earlier week to compare with."""
    return parsed(REPORT)


def test_it_refers_to_nothing_outside_and_runs_nothing(compared: Parsed) -> None:
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(compared.tags)
    assert not [name for name, _ in compared.attributes if name.startswith("on")]
    outside = [value for name, value in compared.attributes if "//" in value and not name.startswith("xmlns")]
    assert outside == []
    assert re.findall(r"url\((?!#)|@import", compared.html) == []


def test_its_parts_have_names_of_their_own_and_references_find_them(compared: Parsed) -> None:
    ids = Counter(value for name, value in compared.attributes if name == "id")
    used = {value[1:] for name, value in compared.attributes if name.endswith("href")}
    used |= set(re.findall(r"url\(#([^)]+)\)", compared.html))

    assert {name: times for name, times in ids.items() if times > 1} == {}
    assert used
    assert used <= set(ids)


def test_what_a_service_calls_its_things_is_text() -> None:
    odd = shop(
        counted("recommendation_requests_total", 9, model_version=HOSTILE, status="success"),
        counted("recommendations_clicked_total", 3, model_version=HOSTILE, position="1"),
        counted("recommendation_outcomes_total", 3, model_version="v1", outcome=HOSTILE),
    )
    report = read(odd, SHOP, PERIOD)

    found = parsed(replace(report, service=report.service._replace(job=HOSTILE)))

    assert "b" not in found.tags
    assert found.text.count(HOSTILE) == 5, "title, heading, outcome, column, chart"


def test_it_says_what_was_counted_and_how_it_compares(compared: Parsed) -> None:
    text = said(compared)

    assert "200 successful requests: 20 clicks, 4 conversions, EUR 50.00 earned." in text
    assert "Recommendations, 8 January 2026 09:00 to 8 January 2026 12:00, UTC" in text
    assert "▲ and ▼ are changes since 1 January 2026 09:00 to 1 January 2026 12:00, UTC" in text
    assert "The service sent no data in 1 of 3 hours" in text
    assert "Requests 220 200 successful ▲ 300 %" in text
    assert "Click-through rate 10.00 % 95 % interval: 6.47-15.45 % = 0.00 points" in text


def test_without_an_earlier_week_nothing_is_compared(alone: Parsed) -> None:
    assert "The earlier weeks have too little data" in said(alone)
    assert not re.search("[▲▼]", said(alone))


def test_an_earlier_week_of_which_too_little_is_known_is_not_compared_with(alone: Parsed) -> None:
    little = replace(EARLIER, hours=(EARLIER.hours[0], REPORT.hours[2], REPORT.hours[2]))

    assert parsed(REPORT, little).html == alone.html


def test_a_week_is_named_by_its_first_and_its_last_day_and_shows_days() -> None:
    midnight = NINE.replace(hour=0)

    text = said(parsed(read(shop(), SHOP, Period(midnight, midnight + 7 * DAY))))

    assert "Recommendations, 8 January 2026 to 14 January 2026, UTC" in text
    assert "Requests , each day" in text


def test_a_day_is_named_by_itself_and_shows_hours() -> None:
    midnight = NINE.replace(hour=0)

    text = said(parsed(replace(REPORT, period=Period(midnight, midnight + DAY))))

    assert "Recommendations, 8 January 2026, UTC" in text
    assert "Requests , each hour" in text
