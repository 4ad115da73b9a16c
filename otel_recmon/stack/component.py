"""One process of the stack: start, readiness check, stop, and the error from its log."""

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
    """The stack did not start; the message names the reason for the user."""


@dataclass
class Component:
    """One program of the stack.

    Attributes:
        name: The name in messages.
        command: The program and its arguments.
        port: The port of its health check.
        health: The path of its health check.
        log: The file for its output.
        environment: Environment variables to add to those of the current process.
        group: The process group to join; 0 for a new group.
        deadline_s: Seconds to wait until the program is ready; by default long, for slow machines.
    """

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
        """Start the process without waiting for it."""
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
        """Wait until the health check succeeds.

        Raises:
            StackError: The process ended, or was not ready in time.
        """
        deadline = time.monotonic() + self.deadline_s
        while not self._healthy():
            if not self.running:
                raise StackError(f"{self.name} did not start: {self.last_error()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {self.deadline_s:g} s: {self.last_error()}")
            time.sleep(0.05)

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def stop(self, grace_s: float = 30.0) -> None:
        """Send SIGTERM, and SIGKILL if the process still runs after `grace_s` seconds.

        The default gives the Collector time to deliver its queue.
        """
        if not self.running or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """True if the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id; None if the process does not run."""
        return self._process.pid if self._process is not None and self.running else None

    def last_error(self) -> str:
        """Return the last error in the log since the start of the process; without an error, the last lines."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)  # the log of an earlier run may be in the same file
            return extract_error(log.read().decode(errors="replace"))

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=1)
        try:
            connection.request("GET", self.health)
            # Check `running` as well: after the process has ended, another program may answer on its port.
            return connection.getresponse().status == http.HTTPStatus.OK and self.running
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def extract_error(output: str) -> str:
    """Return the error message in a component's output; without an error message, the last three lines.

    The Collector ends with `Error: ` and the reason; Prometheus and Alertmanager write lines with `level=ERROR`.
    """
    collector_error = re.search(r"^Error: (.*)", output, re.MULTILINE | re.DOTALL)
    if collector_error:
        return " ".join(collector_error[1].split())
    errors = [line for line in output.splitlines() if "level=ERROR" in line]
    if errors:
        return _message(errors[-1])
    return "\n".join(output.split("\n")[-4:]).strip() or "it wrote nothing"


def _message(line: str) -> str:
    """Return the fields `msg` and `err` of a line in logfmt; without these fields, the whole line."""
    values = re.findall(r'\b(?:msg|err)=(?:"((?:[^"\\]|\\.)*)"|(\S+))', line)
    texts = [(quoted or bare).replace("\\n", " ").replace('\\"', '"') for quoted, bare in values]
    return ": ".join(texts) or line
