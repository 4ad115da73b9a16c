"""One process of the stack: started, asked whether it is ready, stopped, and quoted when it fails."""

import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from otel_recmon.errors import RecmonError
from otel_recmon.stack.ports import LOOPBACK


class StackError(RecmonError):
    """The stack could not be started."""


@dataclass
class Component:
    """A program with its arguments, the port and path that tell its health, and the file with its output."""

    name: str
    command: Sequence[str | Path]
    port: int
    health: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    group: int = 0
    deadline_s: float = 180.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _log_start: int = field(default=0, init=False, repr=False)

    def launch(self) -> None:
        """Start the process, and return at once."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                process_group=self.group,
            )

    def wait_until_ready(self) -> None:
        """Return when the process says that it is ready.

        Raises:
            StackError: it ended, or was not ready in time.
        """
        deadline = time.monotonic() + self.deadline_s
        while not self._healthy():
            if not self.running:
                raise StackError(f"{self.name} did not start: {self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {self.deadline_s:g} s: {self.last_words()}")
            time.sleep(0.05)

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def stop(self, grace_s: float = 30.0) -> None:
        """Ask the process to end, and kill it when it has not after `grace_s` seconds."""
        if not self.running or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process without letting it know."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id, while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def last_words(self) -> str:
        """What the process wrote last about an error, or else its last lines."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return quote(log.read().decode(errors="replace"))

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=1)
        try:
            connection.request("GET", self.health)
            return connection.getresponse().status == http.HTTPStatus.OK and self.running
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def quote(output: str) -> str:
    """The error in a component's output, in its own words.

    The Collector ends with `Error: ` and why; Prometheus and Alertmanager write lines with `level=ERROR`.
    """
    told = re.search(r"^Error: (.*)", output, re.MULTILINE | re.DOTALL)
    if told:
        return " ".join(told[1].split())
    errors = [line for line in output.splitlines() if "level=ERROR" in line]
    if errors:
        return _plain(errors[-1])
    return "\n".join(output.split("\n")[-4:]).strip() or "it wrote nothing"


def _plain(line: str) -> str:
    values = re.findall(r'\b(?:msg|err)=(?:"((?:[^"\\]|\\.)*)"|(\S+))', line)
    texts = [(quoted or bare).replace("\\n", " ").replace('\\"', '"') for quoted, bare in values]
    return ": ".join(texts) or line
