"""The source distribution is complete."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from otel_recmon import __version__

ROOT = Path(__file__).parents[2]


def test_the_source_distribution_holds_every_tracked_file(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a checkout: what is tracked is known to git alone")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    name = f"otel_recmon-{__version__}"

    with tarfile.open(tmp_path / f"{name}.tar.gz") as packed:
        assert {f"{name}/{file}" for file in tracked.splitlines()} - set(packed.getnames()) == set()
