"""Queries over HTTP, and the messages of their failures."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from otel_recmon.query.client import Prometheus, PrometheusError, Series

Asked = list[tuple[str, dict[str, list[str]]]]


@contextmanager
def answering(answer: object, status: int = 200) -> Iterator[tuple[str, Asked]]:
    """Serve one answer to all requests; yield the URL and the received requests."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            asked.append((f"{self.command} {path} {self.headers.get('x-scope-orgid')}", parse_qs(query or body)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())

        do_POST = do_GET  # noqa: N815 - the name that the server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def success(kind: str, result: object) -> object:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


class TestResults:
    def test_an_instant_query_gives_one_sample_a_series(self) -> None:
        answer = success("vector", [{"metric": {"job": "shop"}, "value": [10.5, "3"]}])
        with answering(answer) as (url, asked):
            found = Prometheus(url, headers={"X-Scope-OrgID": "shops"}).instant("up", at=10.5)
        assert found == (Series({"job": "shop"}, ((10.5, 3.0),)),)
        assert found[0].value == 3
        assert asked == [("POST /api/v1/query shops", {"query": ["up"], "time": ["10.500"]})]

    def test_a_ranged_query_gives_the_samples_in_order(self) -> None:
        answer = success("matrix", [{"metric": {}, "values": [[1, "1"], [2, "+Inf"]]}])
        with answering(answer) as (url, asked):
            found = Prometheus(f"{url}/").ranged("up", 1, 2, 1)
        assert found == (Series({}, ((1.0, 1.0), (2.0, float("inf")))),)
        expected = {"query": ["up"], "start": ["1.000"], "end": ["2.000"], "step": ["1.000"]}
        assert asked == [("POST /api/v1/query_range None", expected)]

    def test_a_scalar_is_a_series_without_labels(self) -> None:
        with answering(success("scalar", [1, "7"])) as (url, _):
            assert Prometheus(url).instant("7") == (Series({}, ((1.0, 7.0),)),)

    def test_other_parts_of_the_api_give_their_data(self) -> None:
        with answering({"status": "success", "data": ["shop"]}) as (url, asked):
            assert Prometheus(url).get("label/job/values", {"match[]": "up"}) == ["shop"]
        assert asked == [("GET /api/v1/label/job/values None", {"match[]": ["up"]})]


class TestErrors:
    def test_a_query_that_is_refused_says_why(self) -> None:
        refusal = {"status": "error", "error": "parse error"}
        with (
            answering(refusal, 400) as (url, _),
            pytest.raises(PrometheusError, match=r"refused the query: parse error$"),
        ):
            Prometheus(url).instant("(")

    @pytest.mark.parametrize(
        "answer",
        [
            "<html>",
            "[]",
            '"text"',
            "{}",
            '{"status": "success"}',
            '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "many"]}]}}',
            '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}',
            '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "values": []}]}}',
        ],
    )
    def test_an_answer_that_is_none_of_prometheus_says_so(self, answer: str) -> None:
        with answering(answer) as (url, _), pytest.raises(PrometheusError, match="does not answer like Prometheus"):
            Prometheus(url).instant("up")

    def test_a_server_that_is_not_there_says_so(self) -> None:
        with answering("") as (url, _):
            pass
        with pytest.raises(PrometheusError, match=r"cannot be reached \(.*refused.*\); is it the URL of Prometheus\?"):
            Prometheus(url).instant("up")

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("prometheus:9090", "because a URL begins with http:// or https://"),
            ("", "because a URL begins"),
            ("http://", "is it the URL"),
            ("http://[::1", "is it the URL"),
        ],
    )
    def test_a_url_that_is_none_says_so(self, url: str, said: str) -> None:
        with pytest.raises(PrometheusError, match=f"cannot be reached .*{said}"):
            Prometheus(url).instant("up")

    def test_a_server_that_hangs_is_given_up(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # nobody serves
            url = f"http://127.0.0.1:{server.server_port}"
            with pytest.raises(PrometheusError, match=r"did not answer within 0\.05 s"):
                Prometheus(url, timeout_s=0.05).instant("up")


class TestHeaders:
    def test_what_is_sent_to_authenticate_is_not_shown(self) -> None:
        assert "secret" not in repr(Prometheus("http://localhost", headers={"Authorization": "Bearer secret"}))

    def test_a_header_that_cannot_be_sent_is_not_shown(self) -> None:
        prometheus = Prometheus("http://localhost", headers={"Authorization": "Bearer secret\n"})

        with pytest.raises(PrometheusError, match=r"an additional HTTP header has invalid characters$") as raised:
            prometheus.instant("up")
        assert raised.value.__cause__ is None
