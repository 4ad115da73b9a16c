"""The signals that end a command."""

import signal
from types import FrameType


def stop_signals() -> list[int]:
    """Make SIGTERM and SIGHUP end the process as Ctrl-C does, because asyncio handles SIGINT cleanly.

    Returns:
        A list to which the handler appends the number of each SIGTERM or SIGHUP. The command exits with 128 plus
            the first number in the list.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup, SIGHUP must stay ignored
        signal.signal(signal.SIGHUP, stop)
    return received
