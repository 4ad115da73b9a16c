from pathlib import Path

import pytest

from otel_recmon.doctor.processes import examine
from otel_recmon.doctor.target import Target, split_command

ONE_PORT = {"OTEL_METRICS_EXPORTER": "prometheus"}


def names(command: str, environ: dict[str, str] | None = None, folder: Path = Path("/nowhere")) -> list[str]:
    started = Target(ONE_PORT | (environ or {}), split_command(command), "--command", folder)
    return [finding.name for finding in examine(started)]


@pytest.mark.parametrize(
    "command",
    ["uvicorn app:app --workers 4", "uvicorn --workers=4 app:app", "gunicorn -w 4 app:app", "gunicorn -w4 app:app"],
)
def test_all_spellings_of_the_workers_option_are_read(command: str) -> None:
    assert names(command) == ["workers-one-port"]


@pytest.mark.parametrize("command", ["uvicorn app:app", "uvicorn app:app --workers 1", "uvicorn app:app --workers $N"])
def test_one_worker_or_an_unknown_number_yields_no_finding(command: str) -> None:
    assert names(command) == []


def test_the_command_takes_precedence_over_the_environment() -> None:
    assert names("uvicorn app:app --workers 1", {"WEB_CONCURRENCY": "4"}) == []
    assert names("uvicorn app:app", {"WEB_CONCURRENCY": "4"}) == ["workers-one-port"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("workers = 2 * 2 + 1", ["workers-one-port"]),
        ("workers = 1\npreload_app = True", ["preload"]),
        ("reload = True", ["reload"]),
        ("this is no program", []),
    ],
)
def test_the_gunicorn_configuration_file_is_read(tmp_path: Path, content: str, found: list[str]) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(content)

    assert names("gunicorn app:app", folder=tmp_path) == found
    assert names("uvicorn app:app", folder=tmp_path) == []


def test_a_gunicorn_file_named_by_the_command_is_read(tmp_path: Path) -> None:
    (tmp_path / "prod.py").write_text("workers = 3")

    assert names("gunicorn -c prod.py app:app", folder=tmp_path) == ["workers-one-port"]
    assert names("gunicorn app:app", {"GUNICORN_CMD_ARGS": "--config=prod.py"}, tmp_path) == ["workers-one-port"]
    assert names("gunicorn -w 1 -c prod.py app:app", folder=tmp_path) == []


@pytest.mark.parametrize(
    "command",
    [
        "hypercorn app:app",
        "opentelemetry-instrument /usr/bin/granian --interface asgi app:app",
        "fastapi dev app.py",
        "python -m uvicorn app:app --reload",
    ],
)
def test_a_parent_that_takes_the_port_is_found(command: str) -> None:
    assert names(command)[0] == "parent-takes-port"
    assert "parent-takes-port" not in names(command, {"OTEL_METRICS_EXPORTER": "otlp"})


@pytest.mark.parametrize("command", ["uvicorn app:app", "fastapi run app.py", "gunicorn app:app"])
def test_a_server_without_a_parent_keeps_its_port(command: str) -> None:
    assert names(command) == []


@pytest.mark.parametrize("option", ["--lifespan off", "--lifespan=off"])
def test_a_server_that_reports_no_shutdown_is_found(option: str) -> None:
    assert names(f"uvicorn app:app {option}") == ["lifespan-off"]
    assert names("uvicorn app:app --lifespan auto") == []
