"""The reader of the event log, and the counters computed from it."""

import json

import pytest

from otel_recmon import catalog
from otel_recmon.catalog import Kind
from otel_recmon.eventlog import RECOUNTED, Event, counted, events

CLICK = {
    "timeUnixNano": "1800000000000000000",
    "observedTimeUnixNano": "1800000000000000001",
    "severityNumber": 9,
    "body": {},
    "eventName": "recommendation.clicked",
    "attributes": [
        {"key": "recommendation.model_version", "value": {"stringValue": "v1"}},
        {"key": "recommendation.position", "value": {"intValue": "12"}},
    ],
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
}


def _line(*records: dict[str, object]) -> str:
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]}) + "\n"


def test_an_event_is_read_as_it_was_logged() -> None:
    assert list(events([_line(CLICK)])) == [
        Event(
            1_800_000_000_000_000_000,
            "clicked",
            {"model_version": "v1", "position": 12},
            "0af7651916cd43dd8448eb211c80319c",
            "b7ad6b7169203331",
        )
    ]


def test_values_of_every_kind_are_read() -> None:
    values = [
        {"stringValue": "a"},
        {"boolValue": False},
        {"doubleValue": 0.5},
        {"intValue": "7"},
        {},
        {"arrayValue": {}},
        {"kvlistValue": {"values": [{"key": "stage", "value": {"stringValue": "ranking"}}]}},
    ]
    record = CLICK | {"attributes": [{"key": "recommendation.items", "value": {"arrayValue": {"values": values}}}]}

    (event,) = events([_line(record)])

    assert event.attributes == {"items": ["a", False, 0.5, 7, None, [], {"stage": "ranking"}]}


def test_what_else_a_service_logs_is_passed_over() -> None:
    others: list[dict[str, object]] = [{"body": {"stringValue": "started"}}, {"eventName": "recommendation.else"}]

    assert list(events(["\n", "{}\n", _line(*others)])) == []


def test_a_line_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        list(events(["oops\n"]))


def test_events_of_several_lines_add_up() -> None:
    labels = (("model_version", "v1"), ("position", "11+"))

    assert counted(events([_line(CLICK, CLICK), _line(CLICK)])) == {("recommendations_clicked_total", labels): 3}


def test_every_counter_follows_from_the_log_but_those_about_the_plugin() -> None:
    counters = {metric for metric in catalog.METRICS if metric.kind is Kind.COUNTER}

    found = counters - set(RECOUNTED)
    assert found == {catalog.ATTRIBUTIONS, catalog.DROPPED, catalog.ERRORS, catalog.OVERFLOW}, (
        "a counter needs an event in catalog.EVENTS, from which eventlog.counted computes it; add it to RECOUNTED"
    )
