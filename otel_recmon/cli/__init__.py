"""The command line ``otel-recmon``."""

import sys


def main() -> None:
    """Run the command line; without the extra `cli`, exit with the pip command that installs it."""
    try:
        from otel_recmon.cli.ending import run
        from otel_recmon.cli.group import group
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otel_recmon"):
            raise
        sys.exit(f"otel-recmon: {error.name} is not installed; run: pip install 'otel-recmon[cli]'")
    run(group)
