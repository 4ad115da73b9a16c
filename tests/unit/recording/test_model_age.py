"""The update time of a model, and newer models on disk."""

import math
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from otel_recmon.recording.model_age import MOST_FILES, ModelFile, newest, timestamp


def write(path: Path, at: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    os.utime(path, (at, at))
    return path


class TestTimestamp:
    @pytest.mark.parametrize(
        ("time", "seconds"),
        [
            pytest.param(1_700_000_000, 1.7e9, id="integer seconds"),
            pytest.param(1_700_000_000.5, 1_700_000_000.5, id="float seconds"),
            pytest.param(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), 1.7e9, id="a datetime in UTC"),
            pytest.param(datetime(2023, 11, 14, 22, 13, 20), 1.7e9, id="a naive datetime is UTC"),  # noqa: DTZ001
            pytest.param(
                datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
                1.7e9,
                id="a datetime in another zone",
            ),
            pytest.param(0, None, id="zero is unusable"),
            pytest.param(-1, None, id="a negative number"),
            pytest.param(1_700_000_000_000, None, id="milliseconds"),
            pytest.param(math.nan, None, id="NaN"),
            pytest.param(math.inf, None, id="infinity"),
            pytest.param(10**400, None, id="too large for a float"),
            pytest.param(True, None, id="a boolean"),
            pytest.param("2023-11-14", None, id="a text"),
            pytest.param(None, None, id="None"),
        ],
    )
    def test_a_time_becomes_seconds_since_1970_or_none(self, time: object, seconds: float | None) -> None:
        assert timestamp(time) == seconds

    def test_the_first_datetime_of_python_is_unusable(self) -> None:
        assert timestamp(datetime.min.replace(tzinfo=UTC)) is None


class TestNewest:
    def test_the_time_of_a_file_is_its_modification_time(self, tmp_path: Path) -> None:
        assert newest(write(tmp_path / "model.bin", 1_000.0)) == 1_000.0

    def test_the_time_of_a_folder_is_that_of_its_newest_file_at_any_depth(self, tmp_path: Path) -> None:
        write(tmp_path / "a.bin", 1_000.0)
        write(tmp_path / "deep" / "er" / "b.bin", 3_000.0)
        write(tmp_path / "c.bin", 2_000.0)

        assert newest(tmp_path) == 3_000.0

    def test_a_missing_file_and_an_empty_folder_have_no_time(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()

        assert (newest(tmp_path / "nothing"), newest(empty)) == (None, None)

    def test_a_folder_with_more_files_than_the_limit_has_a_time(self, tmp_path: Path) -> None:
        for n in range(MOST_FILES + 200):
            (tmp_path / f"{n}").touch()

        assert newest(tmp_path) is not None


class TestModelFile:
    def test_a_newer_model_on_disk_stays_pending_in_this_process(self, tmp_path: Path) -> None:
        path = write(tmp_path / "model.bin", 1_000.0)
        model = ModelFile(str(path))

        before = model.pending()
        write(path, 2_000.0)

        assert (before, model.pending(), model.pending(), model.loaded_at) == (False, True, True, 1_000.0)

    def test_an_older_model_on_disk_is_pending_too(self, tmp_path: Path) -> None:
        path = write(tmp_path / "model.bin", 2_000.0)
        model = ModelFile(str(path))

        write(path, 1_000.0)

        assert model.pending()

    def test_a_new_file_in_the_folder_of_the_model_is_pending(self, tmp_path: Path) -> None:
        write(tmp_path / "a.bin", 1_000.0)
        model = ModelFile(str(tmp_path))

        write(tmp_path / "b.bin", 2_000.0)

        assert model.pending()

    def test_a_deleted_model_is_not_pending(self, tmp_path: Path) -> None:
        path = write(tmp_path / "model.bin", 1_000.0)
        model = ModelFile(str(path))

        path.unlink()

        assert (model.pending(), model.loaded_at) == (False, 1_000.0)

    def test_a_model_that_is_created_later_is_pending(self, tmp_path: Path) -> None:
        model = ModelFile(str(tmp_path / "model.bin"))

        write(tmp_path / "model.bin", 1_000.0)

        assert (model.loaded_at, model.pending()) == (None, True)
