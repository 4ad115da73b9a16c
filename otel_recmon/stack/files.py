"""Where the configuration files are that the pipeline runs on."""

from pathlib import Path
from typing import Final

FILES: Final = Path(__file__).parent / "files"
