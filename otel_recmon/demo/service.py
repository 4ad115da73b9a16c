"""The recommender as a separate process."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_recmon.demo import launch
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.faults import FAULTS
from otel_recmon.demo.launch import Exporter
from otel_recmon.stack.guard import guarded
from otel_recmon.stack.ports import LOOPBACK, free_port

READY_SECONDS: Final = 180.0
"""The longest wait for the service to become ready; long, for slow machines. An early end is noticed at once."""
STOP_SECONDS: Final = 15.0
"""The time between SIGTERM and SIGKILL; enough for a last export."""


@dataclass(frozen=True)
class Workspace:
    """The temporary folder and the process group of one run of the demo."""

    folder: Path
    group: int

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self.folder / "logs"

    def clear(self) -> None:
        """Remove everything except the folder of logs. Without any logs, remove the folder of the workspace."""
        for entry in self.folder.iterdir():
            if entry != self.logs or not any(entry.iterdir()):
                shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):  # it is not empty
            self.folder.rmdir()


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Yield a workspace, and remove it at the end. After a DemoError, keep the logs, which the error message names."""
    with guarded(None, keeping=(DemoError,)) as (folder, group):
        place = Workspace(folder, group)
        place.logs.mkdir()
        try:
            yield place
        except DemoError:
            place.clear()
            raise


@dataclass(frozen=True)
class RecommenderProcess:
    """A running recommender; ``page_port`` is the port of its metrics page, None without a page."""

    process: "subprocess.Popen[bytes]"
    port: int
    page_port: int | None
    log: Path

    @property
    def url(self) -> str:
        """The URL of the service."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def page_url(self) -> str:
        """The URL of the metrics page; valid only with ``page_port``."""
        return f"http://{LOOPBACK}:{self.page_port}/metrics"

    def failure(self, error: Exception | None = None) -> DemoError:
        """Return the error for a failed service: its process has ended, or a request raised ``error``."""
        with suppress(subprocess.TimeoutExpired):  # a process may drop connections before it ends
            self.process.wait(timeout=1)
        if self.process.returncode is not None:
            return DemoError(
                f"the service {_ending(self.process.returncode)}; {self._last_log_line()}; run the demo again"
            )
        return DemoError(
            f"the service did not answer as expected ({error!r}); {self._last_log_line()}; run the demo again"
        )

    def wait_until_ready(self) -> None:
        """Wait until the service and its metrics page accept connections.

        Raises:
            DemoError: The process ends, or is not ready in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        for port, what in ((self.port, "requests"), (self.page_port, "metrics")):
            while port and not _listening(port):
                if self.process.poll() is not None:
                    raise self.failure()
                if time.monotonic() > deadline:
                    raise self.failure(TimeoutError(f"no {what} within {READY_SECONDS:.0f} s"))
                time.sleep(0.05)

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if the process does not end within ``STOP_SECONDS``."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also if a second Ctrl-C interrupts the wait
            self.process.kill()
            self.process.wait()

    def _last_log_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return f"its log {self.log} ends with: {last}" if last else f"its log {self.log} is empty"


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def run_service(  # noqa: PLR0913 - all parameters describe the process
    place: Workspace,
    exporter: Exporter,
    catalog_size: int,
    *,
    port: int | None = None,
    name: str = launch.NAME,
    fault: str = "",
    app: str = "",
) -> Iterator[RecommenderProcess]:
    """Run the recommender while the context lasts.

    Args:
        place: The workspace. The process writes its log there, and joins the process group of the workspace.
        exporter: The metrics exporter of the process.
        catalog_size: The number of items in the catalog.
        port: The port of the service; by default a free one.
        name: The service name, which must be unique on one stack.
        fault: The name of the injected fault; empty for none.
        app: The application to serve. By default, the application that the fault needs, else the recommender.

    Raises:
        DemoError: The service does not start.
    """
    port, log = check_port(port) if port else free_port(), place.logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command(port, app or (FAULTS[fault].app if fault else "")),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=place.folder,
            env=launch.environment(os.environ, exporter, catalog_size, name, fault),
            process_group=place.group,  # so that Ctrl-C reaches only this process, which then stops the service
        )
    service = RecommenderProcess(process, port, exporter.port, log)
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


def check_port(port: int) -> int:
    """Return ``port`` if a service can listen on it.

    Raises:
        DemoError: The port is in use or not allowed.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise DemoError(
                f"port {port} cannot be used ({error.strerror}); choose another one, or remove --port"
            ) from error
    return port


def _listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
