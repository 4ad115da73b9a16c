from typing import Any

import otel_recmon
from tests.docs.blocks import one


def test_the_public_imports_of_the_compatibility_policy_exist() -> None:
    names: dict[str, Any] = {}

    exec(one("docs/compatibility.md", "from otel_recmon import").text, names)

    assert set(otel_recmon.__all__) <= set(names)
