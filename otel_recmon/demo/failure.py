"""The error that ends the demo."""


class DemoError(Exception):
    """An error of the demo; the message is one line with the cause and the remedy."""
