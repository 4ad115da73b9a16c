"""The base class of the exceptions of otel-recmon."""


class RecmonError(Exception):
    """A failure that the user can do something about: the message says what happened and what to do.

    The command line prints the message, without a traceback, and ends with exit code 2.
    """
