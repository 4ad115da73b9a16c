"""Texts as YAML has them."""

import json
import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z/](?:[\w./ -]|:(?=\S))*(?<! )")
_WORDS: Final = frozenset("true false yes no on off null y n".split())


def scalar(text: str) -> str:
    """Return a text of one line as YAML has it, in quotes where it would be read as something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
