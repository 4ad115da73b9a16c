"""Runs amtool."""

import subprocess

from otel_recmon.stack import binaries
from tests.speed import scaled


def ran(*arguments: str) -> str:
    """What it writes, given some arguments."""
    program = binaries.find("amtool")
    assert program, binaries.install_hint("amtool")
    done = subprocess.run([str(program), *arguments], check=True, capture_output=True, text=True, timeout=scaled(30))
    return done.stdout
