"""The failure of the demo."""

from otel_recmon.errors import RecmonError


class DemoError(RecmonError):
    """The demo cannot run, or cannot go on; the message has one line."""
