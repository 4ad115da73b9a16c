"""The product catalog in OTEL_RECMON_CATALOG_FILE: the categories of each item."""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

Categories = Mapping[str, tuple[str, ...]]


def load(path: str) -> Categories:
    """Return the categories of each item in a .json file (an object) or a .csv file (rows of item and category).

    The keys of the JSON object are item ids, the values are categories. An item with several categories has a list in
    JSON, or several rows in CSV. The first CSV row is skipped as a header if its first field is ``item`` or ends with
    ``id``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file does not have this form, or contains no item.
    """
    text = Path(path).read_text(encoding="utf-8-sig")
    pairs = _from_json(text) if path.lower().endswith(".json") else _from_csv(text)
    catalog: dict[str, tuple[str, ...]] = {}
    for item, category in pairs:
        catalog[item] = (*catalog.get(item, ()), *((category,) if category else ()))
    if not catalog:
        msg = f"{path} names no item"
        raise ValueError(msg)
    return catalog


def _from_json(text: str) -> Iterable[tuple[str, str]]:
    content = json.loads(text)
    if not isinstance(content, dict):
        msg = 'a JSON catalog is one object, {"item": "category"}'
        raise ValueError(msg)  # noqa: TRY004 - a wrong file, not a wrong call
    for item, categories in content.items():
        for category in (categories or [None]) if isinstance(categories, list) else [categories]:
            yield str(item), "" if category is None else str(category).strip()


def _from_csv(text: str) -> Iterable[tuple[str, str]]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if rows and (rows[0][0].strip().lower() == "item" or rows[0][0].strip().lower().endswith("id")):
        rows = rows[1:]
    for row in rows:
        yield row[0].strip(), row[1].strip() if len(row) > 1 else ""
