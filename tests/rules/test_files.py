"""The committed rule files are ones that Prometheus takes without a complaint."""

import subprocess

import pytest

from otel_recmon.stack import binaries
from otel_recmon.stack.files import FILES


@pytest.mark.parametrize("name", ["recmon.yml", "alerts/recmon.yml"])
def test_promtool_has_nothing_to_say(name: str) -> None:
    program = binaries.find("promtool")
    assert program, binaries.missing("promtool")

    checked = subprocess.run(
        [program, "check", "rules", "--lint=all", "--lint-fatal", FILES / "prometheus" / "rules" / name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
