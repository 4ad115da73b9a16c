import math
from collections.abc import Iterable, Mapping

import pytest
from prometheus_client.samples import Sample

from otel_recmon.query.history import MOST_SNAPSHOTS, STARTED, History, Span

NAME = "requests_total"
NONE: frozenset[tuple[str, str]] = frozenset()


def shown(value: float, **labels: str) -> list[Sample]:
    return [Sample(NAME, labels, value)]


def seen(values: Mapping[float, Iterable[Sample]], keep_s: float = 100.0) -> History:
    history = History(keep_s)
    for at, samples in values.items():
        history.add(at, samples)
    return history


def span(history: History, at: float, window_s: float) -> Span:
    found = history.span(at, window_s)
    assert found
    return found


class TestSpan:
    def test_a_single_snapshot_contains_the_increase_since_the_start_of_the_process(self) -> None:
        only = span(seen({50.0: [*shown(7.0), Sample(STARTED, {}, 40.0)]}), 50.0, 300.0)

        assert (only.since_start, only.seconds, only.increase(NAME)) == (True, 10.0, {NONE: 7.0})

    def test_without_a_start_time_on_the_page_the_length_is_unknown(self) -> None:
        only = span(seen({50.0: shown(7.0)}), 50.0, 300.0)

        assert math.isnan(only.seconds)

    def test_from_the_second_snapshot_on_the_first_one_is_the_earliest_start(self) -> None:
        both = span(seen({0.0: shown(7.0), 10.0: shown(9.0)}), 10.0, 300.0)

        assert (both.since_start, both.seconds, both.increase(NAME)) == (False, 10.0, {NONE: 2.0})

    @pytest.mark.parametrize(("window_s", "risen"), [(300.0, 15.0), (24.0, 14.0), (20.0, 14.0), (9.0, 8.0), (0.1, 8.0)])
    def test_a_window_begins_at_the_snapshot_nearest_to_its_start(self, window_s: float, risen: float) -> None:
        history = seen({0.0: shown(0.0), 10.0: shown(1.0), 20.0: shown(7.0), 30.0: shown(15.0)})

        assert span(history, 30.0, window_s).increase(NAME) == {NONE: risen}

    def test_a_window_that_ends_in_the_past_ends_at_the_snapshot_before(self) -> None:
        history = seen({0.0: shown(0.0), 10.0: shown(1.0), 20.0: shown(7.0)})

        assert span(history, 19.0, 300.0).increase(NAME) == {NONE: 1.0}
        assert [history.span(at, 300.0) for at in (-1.0, 5.0)] == [None, None]


class TestIncrease:
    def test_a_reset_counter_increases_from_0(self) -> None:
        history = seen({0.0: shown(100.0), 10.0: shown(104.0), 20.0: shown(3.0), 30.0: shown(5.0)})

        assert span(history, 30.0, 300.0).increase(NAME) == {NONE: 4.0 + 5.0}

    def test_a_series_that_is_missing_in_a_snapshot_keeps_its_increase(self) -> None:
        history = seen({0.0: shown(4.0, a="x"), 10.0: [], 20.0: shown(6.0, a="x"), 30.0: shown(7.0, a="x")})

        assert span(history, 30.0, 300.0).increase(NAME) == {frozenset({("a", "x")}): 3.0}

    def test_a_series_that_is_missing_after_a_restart_keeps_its_increase(self) -> None:
        history = seen({0.0: shown(4.0), 10.0: shown(6.0), 20.0: []})

        assert span(history, 20.0, 300.0).increase(NAME) == {NONE: 2.0}

    def test_an_empty_label_is_a_missing_label(self) -> None:
        assert span(seen({0.0: shown(4.0, scope="")}), 0.0, 1.0).last.values[NAME] == {NONE: 4.0}


class TestMemory:
    def test_snapshots_older_than_the_window_are_dropped(self) -> None:
        history = seen({float(at): shown(at) for at in range(0, 210, 10)}, keep_s=100.0)

        assert span(history, 200.0, 1_000.0).seconds == 100.0

    def test_frequent_snapshots_are_thinned_out_and_increases_stay_correct(self) -> None:
        history = seen({at / 100: shown(at % 1_000) for at in range(5_000)}, keep_s=10.0)

        assert len(history._snapshots) <= MOST_SNAPSHOTS + 2
        assert span(history, 49.99, 10.0).seconds == pytest.approx(10.0, abs=0.1)
        assert span(history, 49.99, 10.0).increase(NAME)[NONE] == pytest.approx(1_000, abs=11)
