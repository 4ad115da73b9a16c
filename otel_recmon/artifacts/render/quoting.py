"""Quoting of texts in YAML."""

import json
import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z/](?:[\w./ -]|:(?=\S))*(?<! )")
_RESERVED: Final = frozenset("true false yes no on off null y n".split())


def scalar(text: str) -> str:
    """Return a text of one line as a YAML scalar.

    The scalar has quotes if YAML could read the text without quotes as another type or as syntax.
    """
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)
