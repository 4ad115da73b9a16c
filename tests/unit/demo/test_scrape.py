import pytest

from otel_recmon import catalog
from otel_recmon.demo.scrape import parse_exposition
from tests.unit.demo.exported import series

EXPOSITION = parse_exposition(
    series(catalog.CLICKED, 3, model_version="a", position="1", surface="men")
    + series(catalog.CLICKED, 4, model_version="a", position="1", surface="women")
    + series(catalog.CLICKED, 5, model_version="a", position="2", surface="men")
    + series(catalog.CLICKED, 0, model_version="a", position="3", surface="men")
    + series(catalog.CLICKED, 9, model_version="b", position="1", surface="men")
    + series(catalog.DIVERSITY, 0.0, model_version="a")
)


def test_series_with_the_labels_are_added_up() -> None:
    totals = [
        EXPOSITION.total(catalog.CLICKED, **labels)
        for labels in (
            {},
            {"model_version": "a"},
            {"model_version": "a", "surface": "women"},
            {"surface": "x"},
        )
    ]

    assert totals == [21, 12, 4, 0]


def test_sums_by_a_label_have_no_zeros() -> None:
    assert EXPOSITION.by(catalog.CLICKED, "position", model_version="a") == {"1": 7, "2": 5}


def test_a_gauge_of_zero_is_not_a_missing_gauge() -> None:
    values = [EXPOSITION.value(catalog.DIVERSITY, model_version=version) for version in ("a", "b")]

    assert values == [0.0, None]


@pytest.mark.parametrize(("quantile", "bounds"), [(0.5, (0.0, 0.01)), (0.6, (0.01, 0.05)), (1.0, (0.05, float("inf")))])
def test_a_quantile_lies_between_the_bounds_of_its_bucket(quantile: float, bounds: tuple[float, float]) -> None:
    counts = (("0.01", 3, 2), ("0.05", 4, 4), ("+Inf", 5, 5))
    text = "".join(
        series(catalog.LATENCY, value, "_bucket", le=bound, surface=surface)
        for bound, *values in counts
        for surface, value in zip(("men", "women"), values, strict=True)
    )

    assert parse_exposition(text).quantile(quantile, catalog.LATENCY) == bounds


def test_without_records_there_is_no_quantile() -> None:
    empty = series(catalog.LATENCY, 0, "_bucket", le="+Inf")

    assert [parse_exposition(text).quantile(0.5, catalog.LATENCY) for text in ("", empty)] == [None, None]
