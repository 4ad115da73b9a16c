"""The folder with the configuration files of the pipeline."""

from pathlib import Path
from typing import Final

FILES: Final = Path(__file__).parent / "files"
