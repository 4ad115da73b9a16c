"""The catalog file: which category each item has."""

from pathlib import Path

import pytest

from otel_recmon.recording.item_catalog import load


def _file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


CSV = {
    "a heading `item`": ("item,category\na,drama\nb,crime\n", {"a": ("drama",), "b": ("crime",)}),
    "a heading that ends in `id`": ("Product_ID,genre\n1,drama\n", {"1": ("drama",)}),
    "no heading": ("a,drama\nb,crime\n", {"a": ("drama",), "b": ("crime",)}),
    "several rows of an item": ("a,drama\na,crime\n", {"a": ("drama", "crime")}),
    "an item without a category": ("a\nb,\n", {"a": (), "b": ()}),
    "blanks and blank lines": (" a , drama \n\n", {"a": ("drama",)}),
    "quoted commas and more columns than two": ('"a,1","drama, dark",x,y\n', {"a,1": ("drama, dark",)}),
    "other scripts": ("größe,müsli\n", {"größe": ("müsli",)}),
    "line ends of Windows": ("item,category\r\na,drama\r\n", {"a": ("drama",)}),
}

JSON = {
    "one category an item": ('{"a": "drama"}', {"a": ("drama",)}),
    "a list of categories": ('{"a": ["drama", "crime"], "b": []}', {"a": ("drama", "crime"), "b": ()}),
    "no category": ('{"a": null, "b": ""}', {"a": (), "b": ()}),
    "numbers": ('{"1": 7}', {"1": ("7",)}),
}


@pytest.mark.parametrize("case", CSV)
def test_a_csv_catalog_is_read_with(tmp_path: Path, case: str) -> None:
    text, expected = CSV[case]

    assert load(_file(tmp_path, "catalog.csv", text)) == expected


@pytest.mark.parametrize("case", JSON)
def test_a_json_catalog_is_read_with(tmp_path: Path, case: str) -> None:
    text, expected = JSON[case]

    assert load(_file(tmp_path, "catalog.JSON", text)) == expected


def test_an_item_with_an_empty_list_of_categories_is_in_the_catalog(tmp_path: Path) -> None:
    assert load(_file(tmp_path, "catalog.json", '{"a": ["drama"], "b": []}')) == {"a": ("drama",), "b": ()}


def test_a_catalog_that_a_spreadsheet_saved_is_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "catalog.csv"
    path.write_text("item,category\na,drama\n", encoding="utf-8-sig")

    assert load(str(path)) == {"a": ("drama",)}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("catalog.csv", "", "names no item"),
        ("catalog.csv", "item,category\n", "names no item"),
        ("catalog.json", "{}", "names no item"),
        ("catalog.json", "[]", "a JSON catalog is one object"),
        ("catalog.json", "{", "Expecting property name"),
        ("catalog.json", "", "Expecting value"),
    ],
)
def test_a_catalog_that_is_none_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(_file(tmp_path, name, text))


def test_a_catalog_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.csv"
    path.write_bytes("größe,müsli".encode("latin-1"))

    with pytest.raises(ValueError, match="utf-8"):
        load(str(path))


def test_a_catalog_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "nothing.csv"))
