"""The recommender as a process of its own."""

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
"""For a slow machine: a process that ends is noticed at once, whatever this is."""
STOP_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Workplace:
    """A folder for the time of the demo, and the process group that does not outlive it."""

    folder: Path
    group: int

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self.folder / "logs"

    def clear(self) -> None:
        """Remove everything but the logs, and those too where there are none."""
        for entry in self.folder.iterdir():
            if entry != self.logs or not any(entry.iterdir()):
                shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):  # it is not empty
            self.folder.rmdir()


@contextmanager
def workplace() -> Iterator[Workplace]:
    """Give a place to run things in; nothing of it stays, but the logs, which a DemoError names."""
    with guarded(None, keeping=(DemoError,)) as (folder, group):
        place = Workplace(folder, group)
        place.logs.mkdir()
        try:
            yield place
        except DemoError:
            place.clear()
            raise


@dataclass(frozen=True)
class Service:
    """A running recommender; ``page_port`` is that of its metrics, where it shows them itself."""

    process: "subprocess.Popen[bytes]"
    port: int
    page_port: int | None
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def page_url(self) -> str:
        """Where it shows its metrics, if it does."""
        return f"http://{LOOPBACK}:{self.page_port}/metrics"

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
        for port, what in ((self.port, "requests"), (self.page_port, "metrics")):
            while port and not _listening(port):
                if self.process.poll() is not None:
                    raise self.fault()
                if time.monotonic() > deadline:
                    raise self.fault(TimeoutError(f"no {what} within {READY_SECONDS:.0f} s"))
                time.sleep(0.05)

    def stop(self) -> None:
        """Ask the process to end, and kill it where it does not."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also where a second Ctrl-C interrupts the wait
            self.process.kill()
            self.process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return f"its log {self.log} ends with: {last}" if last else f"its log {self.log} is empty"


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def running(  # noqa: PLR0913 - each says something else of the process
    place: Workplace,
    exporter: Exporter,
    catalog_size: int,
    *,
    port: int | None = None,
    name: str = launch.NAME,
    fault: str = "",
    app: str = "",
) -> Iterator[Service]:
    """Run the recommender while the context lasts.

    Args:
        place: Where its log is, and what ends it should this process die.
        exporter: How it hands out its metrics.
        catalog_size: The number of items it is told there are.
        port: The port it answers on; by default a free one.
        name: The name of the service, which tells it from others on the same stack.
        fault: What is broken, by the name of its fault.
        app: What is served; by default what the fault needs, or the recommender alone.

    Raises:
        DemoError: If it cannot be started.
    """
    port, log = usable(port) if port else free_port(), place.logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command(port, app or (FAULTS[fault].app if fault else "")),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=place.folder,
            env=launch.environment(os.environ, exporter, catalog_size, name, fault),
            process_group=place.group,  # so that Ctrl-C is for us, who stop it then
        )
    service = Service(process, port, exporter.port, log)
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


def usable(port: int) -> int:
    """Return ``port`` if a service can have it.

    Raises:
        DemoError: If it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise DemoError(
                f"port {port} cannot be used ({error.strerror}); choose another, or leave --port out"
            ) from error
    return port


def _listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
