"""How the demo fails."""


class DemoError(Exception):
    """What went wrong and what to do about it, in one line."""
