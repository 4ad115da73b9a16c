"""The base class of the exceptions of otel-recmon."""


class RecmonError(Exception):
    """A failure that the user can fix. The message describes the failure and the fix.

    The command line prints the message, without a traceback, and ends with exit code 2.
    """
