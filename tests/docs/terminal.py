"""A terminal for the commands of a page, in a fresh environment with only the built wheel."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from otel_recmon.stack.ports import free_port
from tests.docs.blocks import ROOT
from tests.speed import eventually, scaled

_PORT = re.compile(r"(?<=localhost:)\d+|(?<=--port )\d+")
_UP = re.compile(r"(?:running on|Listening at:) http://")


class Ports(defaultdict[str, int]):
    """A free port in the place of each one that a page names."""

    def __missing__(self, key: str) -> int:
        self[key] = free_port()
        return self[key]


@dataclass
class Terminal:
    """A folder and an environment; what is exported stays so until the end."""

    folder: Path
    env: dict[str, str]
    ports: Ports = field(default_factory=Ports)

    def new(self, name: str) -> "Terminal":
        """Return another terminal with a folder of its own: nothing is exported in it yet."""
        folder = self.folder / name
        folder.mkdir()
        return Terminal(folder, dict(self.env))

    def run(self, text: str) -> str:
        """Return what a block prints; it must not fail."""
        kept = self.folder / ".env"
        script = f"{self._here(text)}\nenv -0 > {shlex.quote(str(kept))}\n"
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=scaled(300),
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.env = dict(pair.split("=", 1) for pair in kept.read_text().split("\0") if pair)
        return done.stdout

    @contextmanager
    def serving(self, text: str) -> Iterator[Path]:
        """Run a block whose last line serves, until the end of the block; yields the log."""
        *before, command = text.strip().splitlines()
        self.run("\n".join(before))
        log = self.folder / "service.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._here(command)}"],
                cwd=self.folder,
                env=self.env | self._bindings(),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            eventually(lambda: process.poll() is not None or _UP.search(log.read_text()))
            assert process.poll() is None, log.read_text()
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(scaled(30))

    def _bindings(self) -> dict[str, str]:
        """What a server listens on of its own accord is moved, as a page's words are."""
        return {
            "UVICORN_PORT": str(self.ports["8000"]),
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.ports['8000']}",
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(self.ports["9464"]),
        }

    def _here(self, text: str) -> str:
        moved = _PORT.sub(lambda found: str(self.ports[found[0]]), text)
        return moved.replace("/run/secrets/", f"{self.folder}/secrets/")


def newcomer(folder: Path) -> Terminal:
    """A terminal with a fresh virtual environment, and a place where pip finds the built wheel."""
    wheels = folder / "wheels"
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pins = folder / "pins.txt"
    pins.write_text("".join(_pins(ROOT / "requirements" / "dev.txt")))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    own = {
        "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONSTRAINT": str(pins),
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    home = folder / "home"
    home.mkdir()
    return Terminal(home, clean | own)


def _pins(requirements: Path) -> Iterator[str]:
    """Pinned versions without hashes, which a wheel just built has none among."""
    for line in requirements.read_text().splitlines():
        if "==" in line and not line.startswith(" "):
            yield line.removesuffix("\\").strip() + "\n"
