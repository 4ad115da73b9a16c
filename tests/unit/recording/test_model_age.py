"""When a model was updated, and whether a newer one lies on disk."""

import math
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from otel_recmon.recording.model_age import MOST_FILES, ModelFile, newest, timestamp


def _written(path: Path, at: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    os.utime(path, (at, at))
    return path


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        pytest.param(1_700_000_000, 1.7e9, id="whole seconds"),
        pytest.param(1_700_000_000.5, 1_700_000_000.5, id="seconds with a fraction"),
        pytest.param(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), 1.7e9, id="a time in UTC"),
        pytest.param(datetime(2023, 11, 14, 22, 13, 20), 1.7e9, id="a time that says no zone is UTC"),  # noqa: DTZ001
        pytest.param(
            datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
            1.7e9,
            id="a time elsewhere",
        ),
        pytest.param(0, None, id="zero is no time"),
        pytest.param(-1, None, id="a time before 1970"),
        pytest.param(1_700_000_000_000, None, id="milliseconds"),
        pytest.param(math.nan, None, id="NaN"),
        pytest.param(math.inf, None, id="infinity"),
        pytest.param(10**400, None, id="beyond all numbers"),
        pytest.param(True, None, id="a truth value"),
        pytest.param("2023-11-14", None, id="a text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_moment_is_seconds_since_1970_or_none(moment: object, seconds: float | None) -> None:
    assert timestamp(moment) == seconds


def test_a_time_before_1970_is_no_moment_either() -> None:
    assert timestamp(datetime.min.replace(tzinfo=UTC)) is None


def test_a_file_is_as_new_as_it_was_modified(tmp_path: Path) -> None:
    assert newest(_written(tmp_path / "model.bin", 1_000.0)) == 1_000.0


def test_a_folder_is_as_new_as_its_newest_file_at_any_depth(tmp_path: Path) -> None:
    _written(tmp_path / "a.bin", 1_000.0)
    _written(tmp_path / "deep" / "er" / "b.bin", 3_000.0)
    _written(tmp_path / "c.bin", 2_000.0)

    assert newest(tmp_path) == 3_000.0


def test_what_is_not_there_has_no_time(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    assert (newest(tmp_path / "nothing"), newest(empty)) == (None, None)


def test_a_huge_folder_is_looked_at_only_so_far(tmp_path: Path) -> None:
    for n in range(MOST_FILES + 200):
        (tmp_path / f"{n}").touch()

    assert newest(tmp_path) is not None


def test_a_newer_model_on_disk_is_pending_until_this_process_is_replaced(tmp_path: Path) -> None:
    path = _written(tmp_path / "model.bin", 1_000.0)
    model = ModelFile(str(path))

    before = model.pending()
    _written(path, 2_000.0)

    assert (before, model.pending(), model.pending(), model.loaded_at) == (False, True, True, 1_000.0)


def test_a_model_that_was_rolled_back_on_disk_is_pending_too(tmp_path: Path) -> None:
    path = _written(tmp_path / "model.bin", 2_000.0)
    model = ModelFile(str(path))

    _written(path, 1_000.0)

    assert model.pending()


def test_a_new_file_in_the_folder_of_the_model_is_pending(tmp_path: Path) -> None:
    _written(tmp_path / "a.bin", 1_000.0)
    model = ModelFile(str(tmp_path))

    _written(tmp_path / "b.bin", 2_000.0)

    assert model.pending()


def test_a_model_that_vanished_is_not_pending(tmp_path: Path) -> None:
    path = _written(tmp_path / "model.bin", 1_000.0)
    model = ModelFile(str(path))

    path.unlink()

    assert (model.pending(), model.loaded_at) == (False, 1_000.0)


def test_a_model_that_appears_later_is_pending(tmp_path: Path) -> None:
    model = ModelFile(str(tmp_path / "model.bin"))

    _written(tmp_path / "model.bin", 1_000.0)

    assert (model.loaded_at, model.pending()) == (None, True)
