"""Network errors as text, without the addresses and headers in them, which may be secret."""

import re

from requests.exceptions import InvalidHeader

from otel_recmon.query.client import root_cause


def failure_reason(error: BaseException) -> str:
    """Return the underlying reason of a failed request, without its URL."""
    if isinstance(error, InvalidHeader):
        return "a header has characters that cannot be sent, such as a line break"
    error = root_cause(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = re.sub(r"^<[^>]*>:?\s*", "", str(error)) or type(error).__name__
    return re.sub(r"\b\w+://\S+|\burl: \S+|/services/\S+", "...", text)


def fits_header(secret: str) -> bool:
    """Return True if an HTTP header can carry the text. If not, the error of the HTTP client would quote the secret."""
    return secret.isascii() and secret.isprintable()
