"""Services that were written without knowing the plugin are measured right, with no change to them."""

from collections.abc import Collection, Iterator

import httpx
import pytest

from tests import web
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
_SIGNING = (("OTEL_RECMON_SIGNING_KEY", "a key of the tests alone"),)
_ADDED = {"x-recommendation-id", "access-control-expose-headers"}
_SIGNED = [(service, env, _SIGNING) for service, env in _PROCESSES if service in ("anime", "music", "news")]
"""Those with streams, middlewares and compression, of whose responses some wait for their header."""


@pytest.fixture(
    scope="module",
    params=[*((*process, ()) for process in _PROCESSES), *_SIGNED],
    ids=lambda process: process[0] + (", signed" if process[2] else ""),
)
def measured(request: pytest.FixtureRequest) -> Iterator[tuple[Service, Service, list[Case], set[str]]]:
    """A service with the plugin, the same one without any instrumentation, the cases for it, and headers added."""
    module, env, signing = request.param
    app = f"services.{module}:app"
    cases = [case for case in CASES if (case.service, tuple(sorted(case.env.items()))) == (module, env)]
    with serving(app, RECMON | dict(env) | dict(signing)) as watched, serving(app, instrumented=False) as plain:
        yield watched, plain, cases, _ADDED if signing else set()


def test_every_case_raises_exactly_the_counts_it_should(
    measured: tuple[Service, Service, list[Case], set[str]],
) -> None:
    watched, plain, cases, added = measured
    before = watched.counts()

    failures = []
    for case in cases:
        answers = [(_answer(watched, call, added), _answer(plain, call)) for call in case.calls]
        after = watched.counts()
        got, before = _counted(increase(before, after)), after
        if got != dict(case.counts):
            failures.append(f"{case.name}: {_difference(dict(case.counts), got)}")
        failures += [f"{case.name}: {seen} is not {bare}" for seen, bare in answers if seen != bare]
        failures += _wrong_status(case, answers)

    assert failures == []


def _answer(service: Service, call: Call, added: Collection[str] = ()) -> Answer:
    """What the client sees, down to the byte; the time of day in the headers left out."""
    with web.client(base_url=service.url) as client:
        request = client.build_request(call.method, call.path, json=call.json, headers=dict(call.headers))
        body = b""
        status = None
        headers: list[tuple[str, str]] = []
        try:
            with client.stream(call.method, call.path, content=request.content, headers=request.headers.raw) as answer:
                status = answer.status_code
                headers = [
                    (k, v.replace(service.url, ""))
                    for k, v in answer.headers.multi_items()
                    if k not in ("date", *added)
                ]
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
