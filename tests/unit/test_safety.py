"""Containment of errors, and the counts of errors, dropped values and overflowing labels."""

import logging
from threading import Thread

import pytest

from otel_recmon.safety import Faults, never_raises, swallow


class Gauge:
    """An object with methods that can fail."""

    def __init__(self) -> None:
        self.faults = Faults()

    @never_raises
    def read(self, value: str, *, base: int = 10) -> int:
        """Return a number."""
        return int(value, base)

    @never_raises
    def leave(self) -> None:
        """Leave the process."""
        raise SystemExit(3)


class Unlucky(Gauge):
    """An object whose attribute ``faults`` raises an error."""

    def __init__(self) -> None:
        """Have no faults."""


def _logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    return [(record.name, record.levelno, record.getMessage()) for record in caplog.records]


class TestNeverRaises:
    def test_a_safe_method_returns_what_it_returns(self) -> None:
        assert Gauge().read("ff", base=16) == 255

    def test_a_failing_method_returns_none_and_is_counted_at_its_name(self, caplog: pytest.LogCaptureFixture) -> None:
        gauge = Gauge()

        answer = gauge.read("x")

        assert (answer, gauge.faults.errors) == (None, {"Gauge.read": 1})
        assert _logged(caplog) == [
            (
                "otel_recmon",
                logging.ERROR,
                "otel-recmon failed in Gauge.read; the service is not affected, one measurement is lost",
            )
        ]

    def test_a_failure_is_logged_with_its_traceback_once_for_many(self, caplog: pytest.LogCaptureFixture) -> None:
        gauge = Gauge()

        for _ in range(1_000):
            gauge.read("x")

        assert gauge.faults.errors == {"Gauge.read": 1_000}
        assert [record.exc_info is not None for record in caplog.records] == [True]

    def test_a_call_with_the_wrong_arguments_does_not_raise(self) -> None:
        gauge = Gauge()

        gauge.read()  # type: ignore[call-arg]
        gauge.read("1", colour="red")  # type: ignore[call-arg]

        assert gauge.faults.errors == {"Gauge.read": 2}

    def test_what_ends_the_process_is_not_swallowed(self) -> None:
        with pytest.raises(SystemExit):
            Gauge().leave()

    def test_a_method_whose_faults_cannot_be_counted_still_does_not_raise(self) -> None:
        assert Unlucky().read("x") is None

    def test_a_safe_method_keeps_its_name_and_docstring(self) -> None:
        assert (Gauge.read.__name__, Gauge.read.__doc__) == ("read", "Return a number.")

    def test_swallowing_never_raises_whatever_it_is_given(self) -> None:
        swallow(None, "a site", ValueError())  # type: ignore[arg-type]


class TestFaults:
    def test_a_dropped_value_is_counted_by_reason_and_logged_once_for_each(
        self,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        faults = Faults()

        for _ in range(500):
            faults.drop("latency_invalid", "a latency in seconds from 0")
        faults.drop("score_invalid", "each score to be a finite number")

        assert faults.dropped == {"latency_invalid": 500, "score_invalid": 1}
        assert _logged(caplog) == [
            (
                "otel_recmon",
                logging.WARNING,
                "otel-recmon dropped a value (latency_invalid): expected a latency in seconds from 0",
            ),
            (
                "otel_recmon",
                logging.WARNING,
                "otel-recmon dropped a value (score_invalid): expected each score to be a finite number",
            ),
        ]

    def test_an_overflow_is_counted_by_label_and_logged_once_with_its_name(
        self,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        faults = Faults()

        for _ in range(500):
            faults.overflow("variant")

        assert faults.overflowed == {"variant": 500}
        assert _logged(caplog) == [
            (
                "otel_recmon",
                logging.WARNING,
                (
                    "otel-recmon: label variant has more values than its cap or its metric allows; "
                    "further values become _other"
                ),
            )
        ]

    def test_forgetting_starts_the_counts_and_the_log_over(self, caplog: pytest.LogCaptureFixture) -> None:
        faults = Faults()
        faults.drop("score_invalid", "a number")
        faults.overflow("stage")
        faults.error("here", ValueError())

        faults.reset()
        counted = (dict(faults.errors), dict(faults.dropped), dict(faults.overflowed))
        faults.drop("score_invalid", "a number")

        assert counted == ({}, {}, {})
        assert len([record for record in caplog.records if "score_invalid" in record.getMessage()]) == 2

    def test_threads_lose_no_fault(self, caplog: pytest.LogCaptureFixture) -> None:
        faults = Faults()

        def work() -> None:
            for _ in range(2_000):
                faults.drop("score_invalid", "a number")

        threads = [Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert faults.dropped == {"score_invalid": 16_000}
        assert len(caplog.records) == 1
