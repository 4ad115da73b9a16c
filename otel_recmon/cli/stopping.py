"""What ends a command, whichever signal it is."""

import signal
from types import FrameType


def stop_signals() -> list[int]:
    """Make what ends a process end it as Ctrl-C does, which asyncio knows; return the list of what came."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, stop)
    return received
