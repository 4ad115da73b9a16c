"""The commands of the README, the quick start and other pages, in an environment with only the wheel."""

import json
import re
import shutil
from functools import partial

import pytest

from otel_recmon import catalog
from otel_recmon.stack import Stack
from tests.docs.blocks import one
from tests.docs.terminal import Terminal, newcomer
from tests.speed import eventually
from tests.stack.observed import Prometheus

README, QUICK_START, EVENTS, MIGRATION = "README.md", "docs/quickstart.md", "docs/events.md", "docs/migration.md"
SERVICE, VERBS = one(QUICK_START, "def click("), one(QUICK_START, "track_cache_hit")
FIRST, LOOK = one(QUICK_START, "otel-recmon[prometheus]"), one(QUICK_START, "curl -s localhost:8000/metrics")
SERVE_VERBS, LOOK_AT_VERBS = one(QUICK_START, "uvicorn verbs:app"), one(QUICK_START, "curl -s localhost:8001")
WORKERS = one(QUICK_START, "--workers 4")
APP, SEE = one(README, "FastAPI()"), one(README, "curl -s localhost:8000/metrics")
TOP = one("docs/top.md", "--once --json")
QUICK = one(README, "uvicorn app:app")
CODE, TEST = one(README, "MetricsCollector"), one(README, "recmon.value")
LOG, RECOUNT = one(EVENTS, "OTEL_RECMON_LOG_EVENTS"), one(EVENTS, "counted")
BY_HAND, BY_VERBS = one(MIGRATION, "import Counter"), one(MIGRATION, "monitor_latency")
TRIED = {
    SERVICE,
    VERBS,
    FIRST,
    LOOK,
    SERVE_VERBS,
    LOOK_AT_VERBS,
    WORKERS,
    APP,
    QUICK,
    SEE,
    TOP,
    CODE,
    TEST,
    LOG,
    RECOUNT,
    BY_HAND,
    BY_VERBS,
}
CLICKED = re.compile(r'recommendations_clicked_total\{.*position="2".*\} 1\.0')


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return newcomer(tmp_path_factory.mktemp("newcomer"))


@pytest.fixture
def terminal(fresh: Terminal, request: pytest.FixtureRequest) -> Terminal:
    """A new terminal: nothing is exported yet, what is installed is."""
    terminal = fresh.new(request.node.name)
    for block in (SERVICE, VERBS):
        (terminal.folder / block.mark).write_text(block.text)
    return terminal


def test_a_service_is_measured_without_a_change(terminal: Terminal) -> None:
    with terminal.serving(FIRST.text):
        seen = terminal.run(LOOK.text)

    assert '{"ok":true}' in seen
    assert CLICKED.search(seen)


def test_the_readme_alone_is_enough_to_measure_a_service(fresh: Terminal) -> None:
    terminal = fresh.new("readme")
    (terminal.folder / APP.mark).write_text(APP.text)

    with terminal.serving(QUICK.text):
        seen = terminal.run(SEE.text)
        watched = json.loads(terminal.run(TOP.text).splitlines()[-1])

    assert watched["model_versions"]["v42"]["counted"]["requests"] == 1
    assert '["alien","up"]' in seen
    assert re.search(r'^recommendation_impressions_total\{.*position="2".*\} 1\.0$', seen, re.MULTILINE)


def test_verbs_are_measured_without_the_plugin(terminal: Terminal) -> None:
    terminal.run(FIRST.text.splitlines()[0])
    with terminal.serving(SERVE_VERBS.text):
        seen = terminal.run(LOOK_AT_VERBS.text)

    assert re.search(r"^recommendation_cache_misses_total(\{.*\})? 1\.0$", seen, re.MULTILINE)


def test_several_workers_are_measured_by_way_of_a_collector_and_their_events_kept(terminal: Terminal) -> None:
    (terminal.folder / "secrets").mkdir()
    (terminal.folder / "secrets" / "user-hash-key").write_text("long enough for a key")
    with Stack() as stack:
        terminal.ports["4318"] = int(stack.otlp_http_url.rpartition(":")[2])
        terminal.run(FIRST.text.splitlines()[1])
        terminal.run("export OTEL_TRACES_EXPORTER=none")
        terminal.run(LOG.text)
        with terminal.serving(WORKERS.text):
            terminal.run("".join(LOOK.text.splitlines(keepends=True)[:2]))
        found = Prometheus(stack.prometheus_url)
        eventually(partial(found.values, f'{catalog.CLICKED.prometheus}{{job="shop",position="2"}} == 1'))
        shutil.copy(stack.events, terminal.folder / "events.jsonl")

    (terminal.folder / "recount.py").write_text(RECOUNT.text)
    assert "recommendations_clicked_total {" in terminal.run("python recount.py")


def test_what_was_counted_by_hand_is_counted_by_verbs(terminal: Terminal) -> None:
    terminal.run("pip install prometheus-client otel-recmon")
    for block in (BY_HAND, BY_VERBS):
        (terminal.folder / block.mark).write_text(block.text)
        terminal.run(f'python -c \'from {block.mark[:-3]} import recommend; assert recommend(7) == ["alien", "up"]\'')


def test_the_code_of_the_readme_runs(terminal: Terminal) -> None:
    (terminal.folder / "verbs_of_readme.py").write_text(CODE.text)
    (terminal.folder / "test_app.py").write_text(TEST.text)
    terminal.run("pip install httpx pytest otel-recmon[otlp]")

    assert terminal.run("python -c 'from verbs_of_readme import recommend; print(recommend(7))'") == (
        "['a', 'b', 'c']\n"
    )
    assert "1 passed" in terminal.run("python -m pytest -p no:cacheprovider test_app.py")
