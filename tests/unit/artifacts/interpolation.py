"""An emulation of Grafana's replacement of `$` in provisioning files: its own rules, then Go's os.Expand."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_BRACED: Final = re.compile(r"\$(|__env)\{([^}]+)\}")
_GO: Final = re.compile(r"\$(?:\{([^}]*)\}|([*#$@!?\-0-9])|([A-Za-z0-9_]+)|\{)")


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """Return a text after the replacement of environment variables; `$$` stands for `$`."""
    return "$".join(_expanded(part, environment) for part in text.split("$$"))


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    own = _BRACED.sub(lambda found: environment.get(found[2], ""), text)
    return _GO.sub(lambda found: environment.get(found[1] or found[2] or found[3] or "", ""), own)


def expanded_texts(file: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the texts in which Grafana replaces variables, with their keys: no annotations, queries or templates."""
    if isinstance(file, dict):
        for key, value in file.items():
            if key not in {"annotations", "data", "template"}:
                yield from expanded_texts(value, (*place, key))
    elif isinstance(file, list):
        for index, value in enumerate(file):
            yield from expanded_texts(value, (*place, str(index)))
    elif isinstance(file, str):
        yield place, file
