"""Lets a decorator stand over a route decorator, which has registered the bare function by then."""

import gc
import sys
from collections.abc import Callable
from typing import Any


def rewire(function: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Make routes that FastAPI has registered for ``function`` call ``replacement``; usually there are none.

    FastAPI returns the bare function from ``@app.get``, and offers no way from a function to its routes. What
    refers to it is found through the garbage collector, once, while the service is set up.
    """
    routing = sys.modules.get("fastapi.routing")
    if routing is None:
        return
    for holder in gc.get_referrers(function):
        for owner in (holder, *(gc.get_referrers(holder) if isinstance(holder, dict) else ())):
            if isinstance(owner, routing.Dependant) and owner.call is function:
                owner.call = replacement
            elif isinstance(owner, routing.APIRoute) and owner.endpoint is function:
                owner.endpoint = replacement
