import json
from dataclasses import replace
from math import nan

import pytest

from otel_recmon.definitions import CLICKS, SUCCESSES
from otel_recmon.query.sources import Lookback
from otel_recmon.stats.intervals import Rate
from otel_recmon.top.document import document, failure
from tests.unit.top.recorded import EARLY, LATER, URL, counted, looked

NONE = dict.fromkeys(("values_set_aside", "plugin_errors", "labels_over_cap"), 0.0)


def test_a_document_says_everything_in_units_that_its_names_tell() -> None:
    found = document(looked(EARLY, LATER))

    total, versions = found.pop("all"), found.pop("model_versions")
    crossed = found.pop("crossed")
    assert found == {
        "at": "2026-11-25T14:49:42.790+00:00",
        "source": URL,
        "service": "recmon-demo (demo)",
        "period": {"seconds": 10.0, "since_start": False},
        "judged": ["CtrLow", "LatencyHigh", "ErrorRateHigh", "ModelStale", "ModelVeryStale"],
        "not_judged": [
            *("BudgetBurnHour", "BudgetBurnSixHours", "BudgetBurnDay", "BudgetBurnThreeDays"),
            *("CtrBelowUsual", "SampleRatioMismatch", "ArmLosesClicks", "ArmLosesConversions", "ArmSlow", "ArmFailing"),
            *("ServiceSilent", "TelemetryLost", "MessagesLost"),
        ],
    }
    (clicks, requests), (later_clicks, later_requests) = (
        (counted(name).count(CLICKS) or 0, counted(name).count(SUCCESSES) or 0) for name in (EARLY, LATER)
    )
    ctr = Rate(later_clicks - clicks, later_requests - requests, unbounded=True)
    assert total == {
        "requests_per_s": pytest.approx(52.2),
        "error_share": pytest.approx(105 / 522),
        "ctr": pytest.approx(ctr.value),
        "ctr_at_least": pytest.approx(ctr.interval[0], abs=1e-5),
        "ctr_at_most": pytest.approx(ctr.interval[1], abs=1e-5),
        "conversion_rate": pytest.approx(0.3),
        "latency_p50_s": pytest.approx(0.005, abs=1e-4),
        "latency_p95_s": pytest.approx(0.0095, abs=1e-4),
        "latency_p99_s": pytest.approx(0.0099, abs=1e-4),
        "diversity": pytest.approx(0.92, abs=1e-3),
        "coverage_percent": pytest.approx(88.4375),
        "staleness_h": pytest.approx(6.01, abs=0.01),
        "cache_hit_share": None,
        "revenue_per_min": pytest.approx(6 * 216.06),
        "outcomes": pytest.approx({"served": 417 / 522, "error": 105 / 522}),
        "counted": {"requests": 855.0, "clicks": 11.0, "conversions": 3.0, "revenue": pytest.approx(216.06)},
        **NONE,
    }
    assert set(versions) == {"bts-2019.11", "random-2019.11"}
    assert versions["bts-2019.11"]["counted"]["requests"] + versions["random-2019.11"]["counted"]["requests"] == 855
    assert crossed[1] == {
        "alert": "CtrLow",
        "severity": "warning",
        "labels": {"model_version": "random-2019.11"},
        "value": pytest.approx(2 / 206),
        "threshold": 0.05,
        "comparison": "<",
        "for": "10m",
        "text": "random-2019.11: the click-through rate is 0.9709% (limit 5%)",
    }


def test_what_nobody_knows_is_null_and_never_nan() -> None:
    reading = replace(looked(EARLY), lookback=Lookback(nan, since_start=True))

    text = json.dumps(document(reading), allow_nan=False)

    assert json.loads(text)["period"] == {"seconds": None, "since_start": True}


def test_a_look_that_failed_has_a_document_too() -> None:
    assert failure(URL, 0.0, "no answer since 2 s") == {
        "at": "1970-01-01T00:00:00.000+00:00",
        "source": URL,
        "error": "no answer since 2 s",
    }
