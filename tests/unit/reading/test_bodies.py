"""Bodies of requests and responses: bounded, decompressed and parsed."""

import gzip
import json
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]  # the package has no types
import pytest
import zstandard
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
    "plain": (SLATE, "", SLATE, {}),
    "identity": (SLATE, "identity", SLATE, {}),
    "gzip": (gzip.compress(SLATE), "gzip", SLATE, {}),
    "gzip under its old name": (gzip.compress(SLATE), "x-gzip", SLATE, {}),
    "deflate": (zlib.compress(SLATE), "deflate", SLATE, {}),
    "empty": (b"", "", b"", {}),
    "exactly as long as the limit": (b"x" * LIMIT, "", b"x" * LIMIT, {}),
    "one byte over the limit": (b"x" * (LIMIT + 1), "", None, {"body_too_large": 1}),
    "decompressed exactly as long as the limit": (gzip.compress(b"x" * LIMIT), "gzip", b"x" * LIMIT, {}),
    "decompressed one byte over the limit": (
        gzip.compress(b"x" * (LIMIT + 1)),
        "gzip",
        None,
        {"body_too_large": 1},
    ),
    "an unknown encoding": (SLATE, "lzma", None, {"body_encoding": 1}),
    "brotli": (brotli.compress(SLATE), "br", SLATE, {}),
    "brotli, one byte over the limit": (brotli.compress(b"x" * (LIMIT + 1)), "br", None, {"body_too_large": 1}),
    "plain, but declared as brotli": (SLATE, "br", None, {"body_unreadable": 1}),
    "zstd": (zstandard.compress(SLATE), "zstd", SLATE, {}),
    "zstd, one byte over the limit": (zstandard.compress(b"x" * (LIMIT + 1)), "zstd", None, {"body_too_large": 1}),
    "plain, but declared as zstd": (SLATE, "zstd", None, {"body_unreadable": 1}),
    "compressed twice": (gzip.compress(gzip.compress(SLATE)), "gzip, gzip", None, {"body_encoding": 1}),
    "plain, but declared as gzip": (SLATE, "gzip", None, {"body_unreadable": 1}),
    "a damaged gzip": (gzip.compress(SLATE)[:10] + b"\xff" * 40, "gzip", None, {"body_unreadable": 1}),
}


class TestContent:
    @pytest.mark.parametrize("case", CONTENTS)
    def test_a_body_has_content_or_a_drop_reason(self, case: str) -> None:
        raw, encoding, expected, dropped = CONTENTS[case]
        faults = Faults()

        content = _body(raw).content(encoding, faults)

        assert (content, faults.dropped) == (expected, dropped)

    def test_chunks_are_joined_in_their_order(self) -> None:
        compressed = gzip.compress(SLATE)
        chunks = [compressed[start : start + 7] for start in range(0, len(compressed), 7)]

        assert _body(*chunks).content("gzip", Faults()) == SLATE

    def test_a_body_can_be_read_twice(self) -> None:
        body = _body(b"[1,", b"2]")

        assert (body.content("", Faults()), body.content("", Faults())) == (b"[1,2]", b"[1,2]")

    def test_a_truncated_gzip_is_not_json(self) -> None:
        compressed = gzip.compress(SLATE)

        content = _body(compressed[: len(compressed) // 2]).content("gzip", Faults())

        assert content is not None
        with pytest.raises(ValueError):  # noqa: PT011 - of json or of orjson
            parsed(content, "application/json")

    @given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "br", "zstd", "GZIP"]))
    def test_any_bytes_with_any_encoding_are_content_or_dropped(self, raw: bytes, encoding: str) -> None:
        faults = Faults()

        content = _body(raw).content(encoding, faults)

        assert (content is None) == (sum(faults.dropped.values()) == 1)


class TestMemory:
    @pytest.mark.parametrize(
        ("encoding", "compress"), [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstandard.compress)]
    )
    def test_a_compression_bomb_is_decompressed_up_to_the_limit(
        self, encoding: str, compress: Callable[[bytes], bytes]
    ) -> None:
        body = _body(compress(b"0" * 50_000_000), limit=262_144)
        faults = Faults()

        tracemalloc.start()
        content = body.content(encoding, faults)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert (content, faults.dropped) == (None, {"body_too_large": 1})
        assert peak < 2_000_000

    def test_a_body_over_the_limit_frees_its_memory(self) -> None:
        body = Body(1_000_000)
        tracemalloc.start()

        for _ in range(900):
            body.add(bytes(1_000))
        held = tracemalloc.get_traced_memory()[0]
        for _ in range(5_000):
            body.add(bytes(1_000))
        held_after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()

        assert held > 900_000
        assert held_after < 20_000
        assert body.content("", Faults()) is None


PARSED: dict[str, tuple[bytes, str, object]] = {
    "JSON": (b'{"a": [1, "b"]}', "application/json", {"a": [1, "b"]}),
    "JSON without a type": (b"[1]", "", [1]),
    "a JSON subtype": (b"[1]", "application/hal+json; charset=utf-8", [1]),
    "JSON lines": (b'{"a": 1}\n\n{"a": 2}\n', "application/x-ndjson", [{"a": 1}, {"a": 2}]),
    "JSON lines under another name": (b"1\n2", "application/jsonl", [1, 2]),
    "a form": (b"position=3&item=a%20b&position=9", "application/x-www-form-urlencoded; charset=utf-8",
               {"position": "3", "item": "a b"}),
    "an empty form": (b"", "application/x-www-form-urlencoded", {}),
}  # fmt: skip


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


class TestParsed:
    @pytest.mark.parametrize("case", PARSED)
    def test_a_body_is_parsed_by_its_media_type(self, case: str) -> None:
        content, media_type, expected = PARSED[case]

        assert parsed(content, media_type) == expected

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
    def test_a_body_that_does_not_match_its_media_type_is_a_value_error(self, content: bytes, media_type: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - of json or of orjson
            parsed(content, media_type)

    @given(st.binary(max_size=200), st.sampled_from(["", "application/json", "application/x-ndjson", "text/plain",
                                                     "application/x-www-form-urlencoded"]))  # fmt: skip
    def test_any_bytes_are_parsed_or_a_value_error(self, content: bytes, media_type: str) -> None:
        try:
            value: Any = parsed(content, media_type)
        except ValueError:
            return

        assert value is None or isinstance(value, bool | int | float | str | list | dict)

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param([], id="with orjson"),
            pytest.param(["without"], id="without orjson"),
        ],
    )
    def test_a_body_nested_too_deeply_is_a_value_error(self, arguments: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-c", DEEP, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=scaled(60),
            check=False,
        )

        assert done.stdout == "a ValueError\n"

    @pytest.mark.parametrize(
        ("media_type", "possible"),
        [
            ("", True),
            ("application/json", True),
            ("application/problem+json", True),
            ("application/x-ndjson", True),
            ("application/jsonl", True),
            ("text/html; charset=utf-8", False),
            ("image/png", False),
            ("text/event-stream", True),
        ],
    )
    def test_only_json_can_contain_items(self, media_type: str, possible: bool) -> None:
        assert maybe_json(media_type) is possible
