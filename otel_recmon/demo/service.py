"""The recommender as a process of its own, under ``opentelemetry-instrument``, as a user would run it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from otel_recmon import config
from otel_recmon.demo.traffic import MODEL_VERSIONS

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
MODEL_AGE_HOURS: Final = 6.0
"""How old the trained model is said to be when the demo starts."""


class DemoError(Exception):
    """What went wrong and what to do about it, in one line."""


@dataclass(frozen=True)
class Service:
    """A running recommender."""

    process: "subprocess.Popen[bytes]"
    port: int
    metrics_port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def metrics_url(self) -> str:
        """Where it exports its metrics."""
        return f"http://{HOST}:{self.metrics_port}/metrics"

    def fault(self, error: Exception | None = None) -> DemoError:
        """Return why the service failed us: it ended, or it gave an unexpected answer."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)
        if self.process.returncode is not None:
            return DemoError(
                f"the service {_ending(self.process.returncode)}; {self._last_words()}; run the demo again"
            )
        return DemoError(
            f"the service did not answer as expected ({error!r}); {self._last_words()}; run the demo again"
        )

    def wait_until_ready(self) -> None:
        """Return once the service and its metrics can be reached.

        Raises:
            DemoError: If it ends before, or takes too long.
        """
        deadline = time.monotonic() + READY_SECONDS
        for port, what in ((self.port, "requests"), (self.metrics_port, "metrics")):
            while not _listening(port):
                if self.process.poll() is not None:
                    raise self.fault()
                if time.monotonic() > deadline:
                    raise self.fault(TimeoutError(f"no {what} within {READY_SECONDS:.0f} s"))
                time.sleep(0.05)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return f"its log {self.log} ends with: {last}" if last else f"its log {self.log} is empty"


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def running(catalog_size: int, port: int | None = None) -> Iterator[Service]:
    """Run the recommender while the context lasts; its log is kept where that ends with a fault.

    Raises:
        DemoError: If it cannot be started.
    """
    port, metrics_port = usable(port) if port else free(), free()
    folder = Path(mkdtemp(prefix="otel-recmon-demo-"))
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            _command(port),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(os.environ, metrics_port, catalog_size),
            start_new_session=True,  # Ctrl-C is for us, who stop it then
        )
        try:
            service = Service(process, port, metrics_port, folder / "service.log")
            service.wait_until_ready()
            yield service
        except DemoError:
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also where a second Ctrl-C interrupts the wait
        process.kill()
        process.wait()


def _command(port: int) -> list[str]:
    app = ["recommender:app", "--app-dir", str(Path(__file__).parent)]
    return [
        *(_tool("opentelemetry-instrument"), _tool("uvicorn")),
        *app,
        *("--host", HOST, "--port", str(port), "--log-level", "warning"),
    ]


def _tool(name: str) -> str:
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(name, path=places)
    if not found:
        msg = f"{name} is not installed; run: pip install 'otel-recmon[demo]'"
        raise DemoError(msg)
    return found


def _environment(environ: Mapping[str, str], metrics_port: int, catalog_size: int) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("OTEL_")}
    exporter = {
        "OTEL_SERVICE_NAME": "recmon-demo",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo",
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_HOST": HOST,
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(metrics_port),
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    return kept | exporter | {config.variable(name): value for name, value in settings(catalog_size).items()}


def settings(catalog_size: int, clock: Callable[[], float] = time.time) -> dict[str, str]:
    """Return what the plugin is told about the recommender: where it says what its answers and events are."""
    return {
        "enabled": "true",
        "model_version": MODEL_VERSIONS["bts"],
        "model_version_from": "/recommendations => model_version; body:model_version",
        "variant": "/recommendations => variant; body:variant",
        "surface": "query:surface",
        "catalog_size": str(catalog_size),
        "model_updated_at": f"{clock() - MODEL_AGE_HOURS * 3600:.0f}",
    }


def free() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def usable(port: int) -> int:
    """Return ``port`` if a service can have it.

    Raises:
        DemoError: If it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            msg = f"port {port} cannot be used ({error.strerror}); choose another, or leave --port out"
            raise DemoError(msg) from error
    return port


def _listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
