"""The end of every command: its exit code, and output that cannot be written.

==== ==================================================================================================================
Code Meaning
==== ==================================================================================================================
0    The command succeeded and found nothing wrong. ``top`` also ends with 0 when Ctrl-C stops it.
1    The command succeeded and found something: a crossed threshold (``top --once``), a finding (``doctor``), a period
     without figures (``report``), a file that is not up to date (``export --check``), or a figure that differs from the
     data (``demo``).
2    The command could not do its work, for instance because of a wrong option, a server that does not answer, a full
     disk or a missing permission. The reason is on stderr.
130  Ctrl-C stopped the command. Other signals end it with 128 and the number of the signal.
141  The reader of the output, such as ``head``, has closed the pipe.
==== ==================================================================================================================
"""

import os
import sys
from typing import Final, NoReturn, TextIO

import click
from rich.console import Console

CANNOT_RUN: Final = 2
INTERRUPTED: Final = 130
"""128 plus the number of SIGINT, as in shells."""
PIPE_CLOSED: Final = 141
"""128 plus the number of SIGPIPE, as in shells."""


def run(command: click.Command) -> NoReturn:
    """Run the command line, and exit. No failure of the terminal or the file system ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        _replace_unprintable(stream)
    # By default, rich exits with 1, which has another meaning here, and asyncio logs an exit of a task as a traceback.
    Console.on_broken_pipe = _raise_broken_pipe  # type: ignore[method-assign]  # for every console of the command
    code = _exit_code(command)
    for stream in (sys.stdout, sys.stderr):
        _discard_unwritten(stream)
    sys.exit(code)


def _exit_code(command: click.Command) -> int | str | None:
    try:
        return _code_of(command)
    except BrokenPipeError:
        return PIPE_CLOSED
    except click.ClickException as error:
        error.show()
        return CANNOT_RUN
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        click.echo(f"otel-recmon: {reason}", err=True)
        return CANNOT_RUN


def _code_of(command: click.Command) -> int | str | None:
    """Return the exit code of the command, after all its output is written."""
    output = sys.stdout
    try:
        code = command.main(prog_name="otel-recmon", standalone_mode=False)
    except SystemExit as ending:
        # After a closed pipe, click replaces the streams and exits with 1, which has another meaning here.
        if sys.stdout is not output:
            raise BrokenPipeError from None
        code = ending.code
    sys.stdout.flush()
    return code if isinstance(code, int | str) else None


def _raise_broken_pipe(self: Console) -> None:  # noqa: ARG001 - the signature of rich
    raise BrokenPipeError


def _replace_unprintable(stream: TextIO) -> None:
    """Make a stream print ``?`` for each character that its encoding lacks. Otherwise, it would raise an exception."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _discard_unwritten(stream: TextIO) -> None:
    """Discard output that cannot be written. Otherwise, Python would write a traceback when it exits."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
