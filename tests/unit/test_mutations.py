from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MUTATE: dict[str, Any] = run_path(str(ROOT / "tools" / "mutate.py"))
Mutation, ListError = MUTATE["Mutation"], MUTATE["ListError"]
CHECK = "from added import added\n\n\ndef test_it():\n    assert added(1, 2) == 3\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a module and its test."""
    (tmp_path / "added.py").write_text("def added(one, other):\n    return one + other  # plus\n", encoding="utf-8")
    (tmp_path / "test_added.py").write_text(CHECK, encoding="utf-8")
    return tmp_path


def mutation(old: str, new: str, *tests: str) -> Any:
    return Mutation("added", "added.py", old, new, list(tests or ["test_added.py"]))


def test_every_mutation_matches_the_checkout_and_has_existing_tests() -> None:
    listed = MUTATE["load_mutations"]()

    assert len(listed) >= 20
    for one in listed:
        assert one.changed(ROOT) != (ROOT / one.file).read_text(encoding="utf-8")
        assert (ROOT / one.tests[0]).exists()


def test_a_mutation_that_no_test_notices_survives(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noticed, unnoticed = mutation("one + other", "one - other"), mutation("# plus", "# minus")

    assert MUTATE["survivors"]([noticed, unnoticed], checkout) == [unnoticed]
    assert capsys.readouterr().out == "  1/2  noticed   added\n  2/2  SURVIVED  added\n"
    assert "one + other  # plus" in (checkout / "added.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("old", "times"), [("three", 0), ("one", 2)])
def test_a_text_that_does_not_occur_once_is_reported(checkout: Path, old: str, times: int) -> None:
    with pytest.raises(
        ListError, match=f"added: added.py must contain this text once, but has it {times} times: '{old}'"
    ):
        mutation(old, "two").changed(checkout)


def test_tests_that_fail_without_a_mutation_are_reported(checkout: Path) -> None:
    MUTATE["check_sound"]([mutation("one + other", "one - other")], checkout)
    (checkout / "added.py").write_text("def added(one, other):\n    return 0\n", encoding="utf-8")

    with pytest.raises(ListError, match=r"without any mutation, pytest ended with 1 on test_added.py"):
        MUTATE["check_sound"]([mutation("one + other", "one - other")], checkout)


def test_tests_that_do_not_run_are_an_error(checkout: Path) -> None:
    with pytest.raises(ListError, match=r"added: pytest ended with 4 on test_gone.py"):
        MUTATE["survivors"]([mutation("one + other", "one - other", "test_gone.py")], checkout)
