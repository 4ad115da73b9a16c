"""Whom an experiment counts, and in which bucket: the same user is in the same one in every process."""

import os
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from otel_recmon.catalog import BUCKETS
from otel_recmon.values import user_name

_PERSON: Final = b"recmon.bucket"
"""Sets these hashes apart from those that others make of the same text, such as those that assign users to arms."""


class Subject(NamedTuple):
    """What is known of whom an event counts for. What verified it beforehand may say all but the user."""

    experiment: str | None = None
    user: Any = None
    variant: str | None = None
    """Instead of that of the labels."""
    bucket: int | None = None
    """From 0; where it is not that of the user."""


NOBODY: Final = Subject()


def bucket(experiment: str, user: object) -> int:
    """Return the bucket of a user in an experiment, from 0 to 31; 7 and "7" are the same user.

    It is salted with the experiment, so that users who share a bucket in one do not share it in another. Nothing but
    the two goes into it: it is the same on all replicas, in all versions of Python and in every service.

    Where no user is known, each event is a unit of its own and its bucket is drawn. That is sound where requests are
    randomised: events then spread over the buckets by chance alone. A click is not in the bucket of its exposure, so
    that the variance of a rate r comes out (1 + r) / (1 - r) times as large as it is, which is on the safe side. Where
    users are randomised, and come back, it is not: what one of them does is spread as if many had done it.
    """
    name = user_name(user)
    if name is None:
        return os.urandom(1)[0] % len(BUCKETS)  # not `random`, whose state is the host's, and may be seeded
    digest = blake2b(experiment.encode(errors="replace") + b"\0" + name, digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest, "big") % len(BUCKETS)
