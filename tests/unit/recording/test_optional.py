"""Methods of an optional part of recording, switched on and off."""

from otel_recmon.recording.optional import when_enabled
from otel_recmon.safety import Faults


class Part:
    """An optional part that keeps the values it was called with."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.faults = Faults()
        self.values: list[float] = []

    @when_enabled
    def invert(self, value: float, *, scale: float = 1.0) -> float:
        """Return the scaled reciprocal of a value."""
        self.values.append(value)
        return scale / value


def test_a_method_of_a_part_that_is_on_returns_its_result() -> None:
    part = Part(enabled=True)

    assert (part.invert(4.0, scale=2.0), part.values, part.faults.errors) == (0.5, [4.0], {})


def test_a_method_of_a_part_that_is_off_returns_none_and_is_not_called() -> None:
    part = Part(enabled=False)

    assert (part.invert(0.0), part.values, part.faults.errors) == (None, [], {})


def test_an_exception_of_a_part_that_is_on_is_counted_and_not_raised() -> None:
    part = Part(enabled=True)

    assert (part.invert(0.0), part.values, part.faults.errors) == (None, [0.0], {"Part.invert": 1})


def test_a_part_can_be_switched_on_later() -> None:
    part = Part(enabled=False)
    part.invert(4.0)

    part.enabled = True

    assert (part.invert(2.0), part.values) == (0.5, [2.0])


def test_a_switched_method_keeps_its_name_and_docstring() -> None:
    assert (Part.invert.__name__, Part.invert.__doc__) == ("invert", "Return the scaled reciprocal of a value.")
