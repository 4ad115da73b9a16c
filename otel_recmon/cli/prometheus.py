"""The command-line options for the connection to a Prometheus."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click

from otel_recmon.query.client import TIMEOUT_S, Prometheus

DEFAULT_URL: Final = "http://localhost:9090"
F = TypeVar("F", bound=Callable[..., Any])


class Header(click.ParamType[tuple[str, str]]):
    """An HTTP header of the form ``Name: value``, as in curl."""

    name = "header"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the name and the value."""
        name, colon, content = value.partition(":")
        if not (name.strip() and colon):
            self.fail("a header has the form 'Name: value'.", param, ctx)
        return name.strip(), content.strip()


def options(command: F) -> F:
    """Add the options to a click command; ``client`` accepts their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: Final = (
    click.option(
        "--prometheus",
        metavar="URL",
        envvar="PROMETHEUS_URL",
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        help="The Prometheus to query, or a server with the same API.",
    ),
    click.option("--header", "headers", type=Header(), multiple=True, help="Send 'Name: value'; repeatable."),
    click.option("--token", envvar="PROMETHEUS_TOKEN", show_envvar=True, help="Send 'Authorization: Bearer TOKEN'."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=TIMEOUT_S,
        show_default=True,
        metavar="SECONDS",
        help="The time to wait for each answer.",
    ),
)


def client(prometheus: str, headers: Iterable[tuple[str, str]], token: str | None, timeout: float) -> Prometheus:
    """Return the Prometheus client for the values of the options."""
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return Prometheus(prometheus, timeout, bearer | dict(headers))
