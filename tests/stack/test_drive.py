"""The traffic alone, sent to a recommender that somebody else has started."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_recmon.demo.launch import command, environment, page_exporter
from otel_recmon.demo.traffic import assemble_slates, load_impressions
from otel_recmon.stack.ports import LOOPBACK, free_port
from tests import web
from tests.speed import eventually, scaled
from tests.stack.serving import parsed, serving
from tests.stack.test_demo import COMMAND, read_until

ROWS = 60
SENT = len(assemble_slates(load_impressions(rows=ROWS)))
OTHER = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
@app.get("/recommendations")
def other():
    return {"recommendations": [{"item_id": "x"}]}
"""


@contextmanager
def recommender(port: int, page_port: int) -> Iterator["subprocess.Popen[bytes]"]:
    variables = environment({}, page_exporter(page_port), 160)
    with subprocess.Popen(command(port), env=variables, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: web.answers(f"http://{LOOPBACK}:{port}/health"))
            yield process
        finally:
            process.kill()


def requests(page_port: int) -> float:
    counts = parsed(web.get(f"http://{LOOPBACK}:{page_port}/metrics").text)
    return sum(value for series, value in counts.items() if series.startswith("recommendation_requests_total{"))


def drive(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, "--rows", str(ROWS), *arguments], capture_output=True, text=True, check=False, timeout=scaled(60)
    )


@contextmanager
def driving(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [*COMMAND, "--rows", str(ROWS), "--repeat", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_each_run_adds_the_same_counts() -> None:
    port, page_port = free_port(), free_port()
    with recommender(port, page_port):
        runs = [drive("--against", f"http://{LOOPBACK}:{port}/") for _ in range(2)]
        eventually(lambda: requests(page_port) == 2 * SENT)

    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    assert runs[0].stdout.splitlines()[-1].startswith(f"100 %  {SENT} slates, ")


def test_every_round_adds_the_same_counts() -> None:
    port, page_port = free_port(), free_port()
    with recommender(port, page_port), driving("--against", f"http://{LOOPBACK}:{port}") as driver:
        read_until(driver, "Round 3")
        requests(page_port)  # where a series is 0 the first time

        assert requests(page_port) >= 2 * SENT


def test_a_service_that_went_is_waited_for() -> None:
    port, page_port = free_port(), free_port()
    url = f"http://{LOOPBACK}:{port}"
    with driving("--against", url, "--rows", "30000") as driver:  # a round that lasts until the service is ended
        assert read_until(driver, "") == f"Waiting for {url} to answer\n"
        with recommender(port, page_port):
            read_until(driver, " 0 %")
        assert read_until(driver, "not complete").startswith(
            f"Round 1 is not complete: {url} did not answer as expected"
        )
        assert read_until(driver, "") == f"Waiting for {url} to answer\n"
        with recommender(port, page_port):
            assert read_until(driver, "") == "Round 2\n"
            driver.send_signal(signal.SIGTERM)
            _, error = driver.communicate(timeout=scaled(30))

    assert (driver.returncode, error) == (128 + signal.SIGTERM, "")


def test_a_service_that_does_not_answer_is_one_line() -> None:
    url = f"http://{LOOPBACK}:{free_port()}"

    done = drive("--against", url)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"otel-recmon demo: {url} did not answer as expected (Cannot connect to host ")


def test_another_recommender_is_told_apart_even_when_the_traffic_repeats(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OTHER, encoding="utf-8")
    with serving("other:app", instrumented=False, folder=tmp_path) as service:
        done = drive("--against", service.url, "--repeat")

    told = f"otel-recmon demo: {service.url} is not a recommender of this demo: it answered request "
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(told)
