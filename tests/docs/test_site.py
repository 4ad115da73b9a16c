"""The documentation builds as a site without a warning, and every page is in it."""

import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT


def test_the_site_builds_and_leads_to_every_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees"), "-b", "html"]
    done = subprocess.run(
        [*build, "docs", str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stderr, done.returncode) == ("", 0)
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert {page for page in pages if f'href="{page}.html"' not in index} == {"index"}
