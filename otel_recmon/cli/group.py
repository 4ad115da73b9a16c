"""The group of all commands. A command is imported when it is called, because every command needs other packages."""

from importlib import import_module
from typing import Final

import click

from otel_recmon._version import __version__

COMMANDS: Final = {
    "demo": ("demo", "Replay real traffic through a recommender and check its metrics against the data."),
    "doctor": ("cli", "Find problems in the telemetry of a service."),
    "export": ("cli", "Write dashboards, alerts and configurations with your settings."),
    "report": ("cli", "Show the figures of any period, read from Prometheus."),
    "top": ("cli", "Watch a service live: rates, clicks, latency, quality, crossed thresholds."),
}
"""Command -> the extra that the command needs, and the description. The command's module and function have its name."""


class LazyGroup(click.Group):
    """A click group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or None if there is no such command.

        If the extra of the command is not installed, return a command that prints the pip command and exits with 2.
        """
        if cmd_name not in COMMANDS:
            return None
        extra, brief = COMMANDS[cmd_name]
        try:
            command = getattr(import_module(f"otel_recmon.cli.{cmd_name}"), cmd_name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("otel_recmon"):
                raise
            return _unavailable(
                cmd_name, brief, f"{error.name} is not installed; run: pip install 'otel-recmon[{extra}]'"
            )
        return command if isinstance(command, click.Command) else None


def _unavailable(name: str, brief: str, message: str) -> click.Command:
    @click.command(name, short_help=brief, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def command(arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - accepts and ignores all arguments
        click.echo(f"otel-recmon {name}: {message}", err=True)
        raise SystemExit(2)

    return command


@click.command(cls=LazyGroup)
@click.version_option(__version__, prog_name="otel-recmon")
def group() -> None:
    """Observe a recommendation service with OpenTelemetry."""
