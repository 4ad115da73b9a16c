"""The signals that end a command."""

import signal
from types import FrameType


def stop_signals() -> list[int]:
    """Make SIGTERM and SIGHUP end the process as Ctrl-C does, because asyncio handles SIGINT cleanly.

    Returns:
        A list, empty at first, to which the handler appends the number of each signal; for the exit code.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it, and the command must go on then
        signal.signal(signal.SIGHUP, stop)
    return received
