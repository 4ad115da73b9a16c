"""Code blocks of the documentation, and the hidden comments before them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "RELEASING")),
    *sorted((ROOT / "docs").glob("*.md")),
)
_BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]+?) -->\n)?```(?P<language>[{{}}\w]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_NOT_RUN: Final = "not run: "


@dataclass(frozen=True)
class Block:
    """A block of code, and the comment before it: its file name, or the reason why it is not run."""

    page: str
    number: int
    language: str
    text: str
    mark: str

    @property
    def why_not(self) -> str:
        """The reason why it is not run; empty if it is run."""
        return self.mark.removeprefix(_NOT_RUN) if self.mark.startswith(_NOT_RUN) else ""

    @property
    def settings(self) -> bool:
        """Whether it only sets variables."""
        return all(line.startswith("export ") for line in self.text.splitlines())


def blocks(path: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    page = path.relative_to(ROOT).as_posix()
    return [
        Block(page, number, found["language"], found["text"], found["mark"] or "")
        for number, found in enumerate(_BLOCK.finditer(path.read_text(encoding="utf-8")))
    ]


def one(page: str, containing: str) -> Block:
    """Return the only block of a page that contains a text."""
    (found,) = (block for block in blocks(ROOT / page) if containing in block.text)
    return found
