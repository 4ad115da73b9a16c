"""Every block of code in the documentation is tested, or has a reason why it is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.docs.test_newcomer import TRIED

CODE = [block for path in PAGES for block in blocks(path) if block.language not in ("text", "{toctree}")]
SETTINGS = [block for block in CODE if block.settings]

ELSEWHERE = {
    ("docs/doctor.md", "console"): "tests/stack/test_doctor.py",
    ("docs/compatibility.md", "python"): "tests/unit/test_public_imports.py",
    ("docs/attribution.md", "python"): "tests/unit/test_attribution.py",
    ("docs/recmon-toml.md", "console"): "tests/unit/cli/test_export.py",
    ("docs/recmon-toml.md", "toml"): "tests/unit/artifacts/docs/test_settings_reference.py",
    ("docs/alerts.md", "toml"): "tests/unit/artifacts/docs/test_settings_reference.py",
    **dict.fromkeys(
        [("docs/report.md", language) for language in ("console", "python", "json")], "tests/unit/report/test_docs.py"
    ),
    ("docs/scaling.md", "console"): "tests/stack/test_deploy.py",
    ("docs/slack.md", "yaml"): "tests/unit/compose/test_compose.py",
    ("docs/runbook.md", "promql"): "tests/unit/artifacts/test_runbook.py",
}
"""What tests of other things take from its page."""
CODE = [block for path in PAGES for block in blocks(path) if block.language not in ("text", "{toctree}")]
SETTINGS = [block for block in CODE if block.settings]


@pytest.mark.parametrize("block", CODE, ids=[f"{block.page}-{block.number}" for block in CODE])
def test_a_block_of_code_is_tried_or_says_why_not(block: Block) -> None:
    elsewhere = ELSEWHERE.get((block.page, block.language))

    assert block.why_not or block.settings or block in TRIED or elsewhere, (
        f"no test takes it from the page:\n{block.text}"
    )
    assert elsewhere is None or Path(block.page).name in (ROOT / elsewhere).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", SETTINGS, ids=[f"{block.page}-{block.number}" for block in SETTINGS])
def test_what_a_page_sets_is_usable(block: Block, tmp_path: Path) -> None:
    (tmp_path / "user-hash-key").write_text("long enough for a key")
    check = f"{sys.executable} -c 'import os; from otel_recmon.config import read; print(*read(os.environ)[1])'"
    script = f"{block.text.replace('/run/secrets', str(tmp_path))}\n{check}"

    done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"


def test_every_block_says_its_language() -> None:
    assert [block for path in PAGES for block in blocks(path) if not block.language] == []


def test_every_fence_belongs_to_a_block() -> None:
    for path in PAGES:
        fences = re.findall(r"^```", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(blocks(path)), path
