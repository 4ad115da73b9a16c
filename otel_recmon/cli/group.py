"""The commands, each imported when it is called, so that none needs what another one needs."""

from importlib import import_module
from typing import Final

import click

from otel_recmon._version import __version__

COMMANDS: Final = {
    "demo": ("demo", "Replay real traffic through a recommender and check its metrics against the data."),
    "doctor": ("cli", "Find what is wrong with a service's telemetry before production does."),
    "export": ("cli", "Write dashboards, alerts and configurations with your settings."),
    "report": ("cli", "Show the figures of any period, read from Prometheus."),
    "top": ("cli", "Watch a service live: rates, clicks, latency, quality, crossed thresholds."),
}
"""Each command: the extra it needs, and what it does. It is the function in the module of its name."""


class Lazy(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command; one whose extra is missing says so when it is called."""
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
    def command(arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever it is called with
        click.echo(f"otel-recmon {name}: {message}", err=True)
        raise SystemExit(2)

    return command


@click.command(cls=Lazy)
@click.version_option(__version__, prog_name="otel-recmon")
def group() -> None:
    """Observe a recommendation service with OpenTelemetry."""
