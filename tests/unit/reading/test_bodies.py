"""Bodies as they pass by: bounded, unpacked and parsed, whatever they hold."""

import gzip
import json
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.reading.bodies import Body, maybe_json, parsed
from otel_recmon.safety import Faults
from tests.speed import scaled

ROOT = Path(__file__).parents[3]
LIMIT = 1_000
SLATE = json.dumps({"items": list(range(50))}).encode()


def _body(*chunks: bytes, limit: int = LIMIT) -> Body:
    body = Body(limit)
    for chunk in chunks:
        body.add(chunk)
    return body


CONTENTS: dict[str, tuple[bytes, str, bytes | None, dict[str, int]]] = {
    "as it is": (SLATE, "", SLATE, {}),
    "said to be as it is": (SLATE, "identity", SLATE, {}),
    "packed by gzip": (gzip.compress(SLATE), "gzip", SLATE, {}),
    "packed by gzip under its old name": (gzip.compress(SLATE), "x-gzip", SLATE, {}),
    "packed by deflate": (zlib.compress(SLATE), "deflate", SLATE, {}),
    "empty": (b"", "", b"", {}),
    "exactly as long as the limit": (b"x" * LIMIT, "", b"x" * LIMIT, {}),
    "one byte over the limit": (b"x" * (LIMIT + 1), "", None, {"body_too_large": 1}),
    "unpacked exactly as long as the limit": (gzip.compress(b"x" * LIMIT), "gzip", b"x" * LIMIT, {}),
    "unpacked one byte over the limit": (
        gzip.compress(b"x" * (LIMIT + 1)),
        "gzip",
        None,
        {"body_too_large": 1},
    ),
    "packed in a way nobody knows": (SLATE, "zstd", None, {"body_encoding": 1}),
    "packed by brotli": (SLATE, "br", None, {"body_encoding": 1}),
    "packed twice": (gzip.compress(gzip.compress(SLATE)), "gzip, gzip", None, {"body_encoding": 1}),
    "not packed though it is said to be": (SLATE, "gzip", None, {"body_unreadable": 1}),
    "packed and damaged": (gzip.compress(SLATE)[:10] + b"\xff" * 40, "gzip", None, {"body_unreadable": 1}),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_the_content_of_a_body(case: str) -> None:
    raw, encoding, wanted, dropped = CONTENTS[case]
    faults = Faults()

    content = _body(raw).content(encoding, faults)

    assert (content, faults.dropped) == (wanted, dropped)


def test_chunks_are_put_together_in_their_order() -> None:
    packed = gzip.compress(SLATE)
    chunks = [packed[at : at + 7] for at in range(0, len(packed), 7)]

    assert _body(*chunks).content("gzip", Faults()) == SLATE


def test_a_body_can_be_read_twice() -> None:
    body = _body(b"[1,", b"2]")

    assert (body.content("", Faults()), body.content("", Faults())) == (b"[1,2]", b"[1,2]")


def test_a_gzip_that_ends_too_early_is_no_json() -> None:
    packed = gzip.compress(SLATE)

    content = _body(packed[: len(packed) // 2]).content("gzip", Faults())

    assert content is not None
    with pytest.raises(ValueError):  # noqa: PT011 - of json or of orjson
        parsed(content, "application/json")


def test_a_bomb_is_unpacked_only_as_far_as_the_limit() -> None:
    bomb = gzip.compress(b"0" * 50_000_000, compresslevel=9)
    body = _body(bomb, limit=262_144)
    faults = Faults()

    tracemalloc.start()
    content = body.content("gzip", faults)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (content, faults.dropped) == (None, {"body_too_large": 1})
    assert peak < 2_000_000


def test_a_body_over_the_limit_frees_its_memory_and_never_holds_more() -> None:
    body = Body(1_000_000)
    tracemalloc.start()

    for _ in range(900):
        body.add(bytes(1_000))
    held = tracemalloc.get_traced_memory()[0]
    for _ in range(5_000):
        body.add(bytes(1_000))
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held > 900_000
    assert left < 20_000
    assert body.content("", Faults()) is None


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "br", "GZIP"]))
def test_any_bytes_under_any_encoding_are_content_or_dropped(raw: bytes, encoding: str) -> None:
    faults = Faults()

    content = _body(raw).content(encoding, faults)

    assert (content is None) == (sum(faults.dropped.values()) == 1)


PARSED: dict[str, tuple[bytes, str, object]] = {
    "JSON": (b'{"a": [1, "b"]}', "application/json", {"a": [1, "b"]}),
    "JSON without a type": (b"[1]", "", [1]),
    "a kind of JSON": (b"[1]", "application/hal+json; charset=utf-8", [1]),
    "lines of JSON": (b'{"a": 1}\n\n{"a": 2}\n', "application/x-ndjson", [{"a": 1}, {"a": 2}]),
    "lines under another name": (b"1\n2", "application/jsonl", [1, 2]),
    "a form": (b"position=3&item=a%20b&position=9", "application/x-www-form-urlencoded; charset=utf-8",
               {"position": "3", "item": "a b"}),
    "an empty form": (b"", "application/x-www-form-urlencoded", {}),
}  # fmt: skip


@pytest.mark.parametrize("case", PARSED)
def test_a_body_is_parsed_as(case: str) -> None:
    content, media_type, wanted = PARSED[case]

    assert parsed(content, media_type) == wanted


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"<html>", "text/html"),
        (b"\xff\xfe", "application/json"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b'{"a": 1}\n{', "application/x-ndjson"),
        (b"", "application/x-ndjson"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_a_value_error(content: bytes, media_type: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json or of orjson
        parsed(content, media_type)


@given(st.binary(max_size=200), st.sampled_from(["", "application/json", "application/x-ndjson", "text/plain",
                                                 "application/x-www-form-urlencoded"]))  # fmt: skip
def test_any_bytes_are_parsed_or_a_value_error(content: bytes, media_type: str) -> None:
    try:
        value: Any = parsed(content, media_type)
    except ValueError:
        return

    assert value is None or isinstance(value, bool | int | float | str | list | dict)


DEEP = """
import sys
if len(sys.argv) > 1:
    sys.modules["orjson"] = None
from otel_recmon.reading.bodies import parsed
try:
    parsed(b"[" * 100_000 + b"]" * 100_000, "application/json")
except ValueError:
    print("a ValueError")
"""


@pytest.mark.parametrize(
    "without",
    [
        pytest.param([], id="with orjson"),
        pytest.param(["without"], id="without orjson"),
    ],
)
def test_a_body_nested_too_deeply_is_a_value_error(without: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEEP, *without],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )

    assert done.stdout == "a ValueError\n"


@pytest.mark.parametrize(
    ("media_type", "maybe"),
    [
        ("", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/x-ndjson", True),
        ("application/jsonl", True),
        ("text/html; charset=utf-8", False),
        ("image/png", False),
        ("text/event-stream", False),
    ],
)
def test_only_json_can_hold_items(media_type: str, maybe: bool) -> None:
    assert maybe_json(media_type) is maybe
