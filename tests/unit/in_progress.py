"""A request in progress, for the code under test."""

from collections.abc import Iterator
from contextlib import contextmanager

from otel_recmon.recording.request_context import RequestContext, current


@contextmanager
def in_progress(request: RequestContext) -> Iterator[RequestContext]:
    """Make a request the current one."""
    token = current.set(request)
    try:
        yield request
    finally:
        current.reset(token)
