"""Which variant of a feature flag a request was given, as its server span says by the semantic conventions."""

from typing import Any, Final

from opentelemetry.trace import Span

_EVENTS: Final = ("feature_flag.evaluation", "feature_flag")
"""Today's name, and the one before it."""
_KEY: Final = "feature_flag.key"
_VARIANTS: Final = ("feature_flag.result.variant", "feature_flag.variant")
"""The same."""


def flagged(span: Span, key: str) -> Any:
    """Return the variant of the last evaluation of a flag; None where there is none, or the span shows no events.

    Only the SDK's spans show them, and only where they are sampled. The attributes of the span itself count where there
    is no event.
    """
    events = [event.attributes for event in getattr(span, "events", ()) if event.name in _EVENTS]
    for attributes in (*reversed(events), getattr(span, "attributes", None)):
        if attributes and attributes.get(_KEY) == key:
            return next((attributes[name] for name in _VARIANTS if attributes.get(name)), None)
    return None
