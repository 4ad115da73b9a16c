"""A client that varies everything it can leaves every metric within its bound, and the service measurable."""

import textwrap
from collections import Counter
from pathlib import Path

from tests import web
from tests.stack.serving import RECMON, serving

APP = """
    from fastapi import FastAPI, Request
    app = FastAPI()

    @app.get("/recommendations")
    def recommendations(junk: str, request: Request):
        return {"recommendations": [{"id": junk, "category": f"{junk}-{n}", "score": 0.5} for n in range(3)]}

    @app.post("/click")
    async def click(request: Request):
        await request.body()
        return {}
"""
HOSTILE = RECMON | {
    "OTEL_RECMON_MODEL_VERSION_FROM": "header:x-version",
    "OTEL_RECMON_VARIANT": "header:x-variant",
    "OTEL_RECMON_SURFACE": "query:junk",
}
REQUESTS = 2_000
BOUND = 1_500


def test_a_hostile_client_cannot_grow_a_metric_beyond_its_bound(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(textwrap.dedent(APP))

    with serving("service:app", HOSTILE, folder=tmp_path) as service, web.client(base_url=service.url) as client:
        for n in range(REQUESTS):
            headers = {"x-version": f"junk-{n}", "x-variant": f"arm-{n % 1_009}"}
            client.get(f"/recommendations?junk=surface-{n}", headers=headers)
            client.post(f"/click?junk=surface-{n}", headers=headers, json={"position": n})
        client.get("/recommendations?junk=home")
        counts = service.counts()

    sizes = Counter(series.partition("{")[0] for series in counts if not series.partition("{")[0].endswith("_bucket"))
    requests = {series: value for series, value in counts.items() if series.startswith("recommendation_requests_total")}
    own = {series: value for series, value in requests.items() if 'model_version="v1"' in series and value}
    assert {name: size for name, size in sizes.items() if size > BOUND} == {}
    assert [series for series in counts if "otel_metric_overflow" in series] == []
    assert sum(requests.values()) == REQUESTS + 1
    assert sum(own.values()) == 1
    assert counts['recmon_label_overflow_total{label="model_version"}'] > 0
