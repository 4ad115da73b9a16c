"""The error that ends the demo."""

from otel_recmon.errors import RecmonError


class DemoError(RecmonError):
    """An error of the demo; the message is one line with the cause and the remedy."""
