"""A service.instance.id of its own for each worker, or the counts of several overwrite each other under one."""

import logging
import os
from multiprocessing import parent_process
from urllib.parse import unquote

from otel_recmon.sdk import instance, renew_instance

_logger = logging.getLogger("otel_recmon")


def ensure_own_instance(provider: object) -> None:
    """Give a spawned worker an id of its own where the environment gives all of them the same.

    The SDK does so in a forked child, whatever the environment says, and not in a spawned one, such as those of
    ``uvicorn --workers``.
    """
    shared = instance(provider)
    if shared is None or parent_process() is None or not _is_of_the_environment(shared):
        return
    renewed = renew_instance(provider)
    _logger.log(
        logging.WARNING if renewed else logging.ERROR,
        "otel-recmon: OTEL_RESOURCE_ATTRIBUTES gives every worker process the service.instance.id %r, under which "
        "they would overwrite each other's counts; %s",
        shared,
        f"this one goes on as {instance(provider)!r}" if renewed else "leave it out, and each gets one of its own",
    )


def _is_of_the_environment(value: str) -> bool:
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return any(name.strip() == "service.instance.id" and unquote(text.strip()) == value for name, _, text in pairs)
