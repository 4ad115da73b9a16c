"""Services that were written without knowing the plugin are measured right, with no change to them."""

from collections.abc import Iterator

import httpx
import pytest

from tests.stack.services.cases import CASES, Call, Case
from tests.stack.serving import RECMON, Counts, Service, increase, serving

COUNTED = (
    "recommendation_requests_total",
    "recommendation_impressions_total",
    "recommendation_outcomes_total",
    "recommendation_items_total",
    "recommendations_clicked_total",
    "recommendations_converted_total",
    "recommendation_revenue_dollars_sum",
    "recommendation_revenue_dollars_count",
    "recommendation_latency_seconds_count",
    "recommendation_score_count",
    "recommendation_score_sum",
)
Answer = tuple[int | None, bytes, list[tuple[str, str]]]
_PROCESSES = sorted({(case.service, tuple(sorted(case.env.items()))) for case in CASES})


@pytest.fixture(scope="module", params=_PROCESSES, ids=lambda process: process[0])
def measured(request: pytest.FixtureRequest) -> Iterator[tuple[Service, Service, list[Case]]]:
    """A service with the plugin, the same one without any instrumentation, and the cases for it."""
    module, env = request.param
    app = f"services.{module}:app"
    cases = [case for case in CASES if (case.service, tuple(sorted(case.env.items()))) == request.param]
    with serving(app, RECMON | dict(env)) as watched, serving(app, instrumented=False) as plain:
        yield watched, plain, cases


def test_every_case_raises_exactly_the_counts_it_should(measured: tuple[Service, Service, list[Case]]) -> None:
    watched, plain, cases = measured
    before = watched.counts()

    failures = []
    for case in cases:
        answers = [(_answer(watched, call), _answer(plain, call)) for call in case.calls]
        after = watched.counts()
        got, before = _counted(increase(before, after)), after
        if got != dict(case.counts):
            failures.append(f"{case.name}: {_difference(dict(case.counts), got)}")
        failures += [f"{case.name}: {seen} is not {bare}" for seen, bare in answers if seen != bare]
        failures += _wrong_status(case, answers)

    assert failures == []


def _answer(service: Service, call: Call) -> Answer:
    """What the client sees, down to the byte; the time of day in the headers left out."""
    with httpx.Client(base_url=service.url) as client:
        request = client.build_request(call.method, call.path, json=call.json, headers=dict(call.headers))
        body = b""
        status = None
        headers: list[tuple[str, str]] = []
        try:
            with client.stream(call.method, call.path, content=request.content, headers=request.headers.raw) as answer:
                status = answer.status_code
                headers = [(k, v.replace(service.url, "")) for k, v in answer.headers.multi_items() if k != "date"]
                for chunk in answer.iter_raw():
                    body += chunk
        except httpx.RemoteProtocolError:
            status = None
        return status, body, headers


def _counted(counts: Counts) -> Counts:
    return {series: value for series, value in counts.items() if series.partition("{")[0] in COUNTED}


def _difference(wanted: Counts, got: Counts) -> str:
    keys = sorted(set(wanted) | set(got))
    return "; ".join(f"{k} wanted {wanted.get(k, 0)} got {got.get(k, 0)}" for k in keys if wanted.get(k) != got.get(k))


def _wrong_status(case: Case, answers: list[tuple[Answer, Answer]]) -> list[str]:
    return [
        f"{case.name}: {call.path} answered {seen[0]}, not {call.status}"
        for call, (seen, _) in zip(case.calls, answers, strict=True)
        if seen[0] != call.status
    ]
