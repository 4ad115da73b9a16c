"""Claims of the architecture that no import contract can hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "otel_recmon"
RUN_TIME = ("plugin.py", "safety.py", "sdk.py", "values.py", "recording", "reading", "integrations")
"""What a service imports."""
BROAD = {"Exception", "BaseException"}
HANDED_ON = {"swallow", "report_failure", "_report_failure", "log_failed_start", "throw", "athrow"}
"""Calls that count a failure, or raise it in a generator of the host."""


def modules(*parts: str) -> Iterator[tuple[str, ast.Module]]:
    """The paths in the package, and the syntax trees, of some modules and of all modules of some packages."""
    for part in parts:
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield str(file.relative_to(PACKAGE)), ast.parse(file.read_text(encoding="utf-8"))


def names(node: ast.AST) -> set[str]:
    """All names and attributes in a piece of code."""
    return {
        found.attr if isinstance(found, ast.Attribute) else found.id
        for found in ast.walk(node)
        if isinstance(found, ast.Attribute | ast.Name)
    }


def silent(handler: ast.ExceptHandler) -> bool:
    """Whether a handler of any exception neither raises it nor hands it on."""
    broad = handler.type is None or bool(names(handler.type) & BROAD)
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(handler))
    body = ast.Module(handler.body, [])
    return broad and not raises and not (names(body) & HANDED_ON)


class TestSafety:
    """A failure of the plugin is counted and logged by safety.py, and nowhere kept back in silence."""

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("except Exception: pass", True),
            ("except: pass", True),
            ("except (ValueError, BaseException): x = 1", True),
            ("except Exception as error: swallow(faults, 'here', error)", False),
            ("except Exception:\n  raise", False),
            ("except ValueError: pass", False),
        ],
    )
    def test_a_silent_handler_is_found(self, code: str, expected: bool) -> None:
        tree = ast.parse(f"try:\n  pass\n{code}")

        assert [silent(node) for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)] == [expected]

    def test_no_handler_of_all_exceptions_is_silent(self) -> None:
        found = [
            f"{path}:{node.lineno}"
            for path, tree in modules(*RUN_TIME)
            for node in ast.walk(tree)
            if isinstance(node, ast.ExceptHandler) and silent(node)
        ]

        assert found == []

    def test_only_safety_suppresses_all_exceptions(self) -> None:
        found = {
            path
            for path, tree in modules(*RUN_TIME)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and "suppress" in names(node.func) and names(node) & BROAD
        }

        assert found == {"safety.py"}


class TestSdk:
    """Only sdk.py has access to private parts of the OpenTelemetry SDK. Of attributes, the linter holds it."""

    def test_no_other_module_asks_for_a_private_attribute_by_its_name(self) -> None:
        found = {
            path
            for path, tree in modules(*RUN_TIME)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and names(node.func) & {"getattr", "setattr", "hasattr"}
            and any(isinstance(part, ast.Constant) and str(part.value).startswith("_") for part in node.args)
        }

        assert found == {"sdk.py"}

    def test_no_module_of_a_service_waives_the_linter(self) -> None:
        waived = [
            path for path, _ in modules(*RUN_TIME) if "noqa: SLF001" in (PACKAGE / path).read_text(encoding="utf-8")
        ]

        assert waived == []


class TestFrameworks:
    """Recording and reading know no framework, not even its name: it may be reached through ``sys.modules`` too."""

    def test_no_framework_is_named(self) -> None:
        found = {
            f"{path}: {word}"
            for path, _ in modules("recording", "reading", "stats")
            for word in ("fastapi", "starlette", "flask", "django", "uvicorn")
            if word in (PACKAGE / path).read_text(encoding="utf-8").lower()
        }

        assert found == set()
