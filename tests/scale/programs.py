"""Programs that are no part of the stack, started beside it with the files in deploy/."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from otel_recmon.stack import Component, binaries
from otel_recmon.stack.guard import guarded

DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True)
class Programs:
    """What starts programs in a folder and a process group that end with the test."""

    folder: Path
    group: int
    undo: ExitStack

    def start(self, name: str, command: list[str], port: int, health: str) -> Component:
        """Start a program, which the first word of the command names, and wait until it is ready."""
        program, *arguments = command
        path = binaries.find(program)
        assert path, binaries.install_hint(program)
        component = Component(name, [path, *arguments], port, health, self.folder / f"{name}.log", group=self.group)
        self.undo.callback(component.stop)
        component.start()
        return component


@contextmanager
def programs() -> Iterator[Programs]:
    """A place to start programs in, all of which are ended with it, the last one first."""
    with guarded(None) as (folder, group), ExitStack() as undo:
        yield Programs(folder, group, undo)
