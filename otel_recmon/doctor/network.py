"""What went wrong on the way, in words without address and headers: those may be secret."""

import re

from requests.exceptions import InvalidHeader

from otel_recmon.query.client import root_cause


def cause(error: BaseException) -> str:
    """Return what lies beneath a failed request."""
    if isinstance(error, InvalidHeader):
        return "a header has characters that cannot be sent, such as a line's end"
    error = root_cause(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = re.sub(r"^<[^>]*>:?\s*", "", str(error)) or type(error).__name__
    return re.sub(r"\b\w+://\S+|\burl: \S+|/services/\S+", "...", words)


def sendable(secret: str) -> bool:
    """Say whether a header can have it; what is refused is quoted in the error, which must not be."""
    return secret.isascii() and secret.isprintable()
