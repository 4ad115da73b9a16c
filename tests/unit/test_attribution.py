"""Recommendation ids: signing, verification and reasons for refusal."""

import hmac
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from otel_recmon.attribution import MOST_ITEMS, SKEW_SECONDS, Recommendation, Refusal, Shown, Signer
from tests.docs.blocks import one

NOW = 1_800_000_000.0
DAY = 86_400.0
FIRST, SECOND = "the first key of the tests", "the second key of the tests"
SIGNER = Signer([FIRST])
SPAN = (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
SHOWN = Shown("bts-2019.11", "treatment", "product_page", "ranking-2026-q3", 7, SPAN)
ITEMS = [f"item-{number}" for number in range(1, 11)]
WRITTEN = (
    "AQMHAwAqa0nSAHKKqz9idHMtMjAxOS4xMQB0cmVhdG1lbnQAcHJvZHVjdF9wYWdlAHJhbmtpbmcK92UZFs1D3YRI6y"
    "EcgDGct61rcWkgMzFdYT0RFBvONYALAv-w4E6IuNKNSRXTePR2JG-e"
)
"""Written by the first version of this format, of the items "a", 7 and "ü" at 11, 2 and 400."""

LABELS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100)
SHOWNS = st.builds(
    Shown,
    LABELS,
    st.none() | LABELS,
    st.none() | LABELS,
    st.none() | LABELS,
    st.none() | st.integers(0, 31),
    st.none() | st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1)),
)
IDS = st.lists(st.text(max_size=200) | st.integers(-(10**40), 10**40), unique_by=lambda item: str(item).strip())
TIMES = st.integers(0, 2**32 - 1)


def signed(**said: Any) -> str:
    """Return an id of ten items, with some arguments replaced."""
    usual: dict[str, Any] = {"shown": SHOWN, "items": ITEMS, "at": NOW}
    return SIGNER.sign(**usual | said)


def verified(token: object, now: float = NOW, signer: Signer = SIGNER) -> Recommendation:
    found = signer.verify(token, now, DAY)
    assert isinstance(found, Recommendation)
    return found


class TestContent:
    def test_ten_items_with_ordinary_labels_and_a_span_fit_into_200_characters(self) -> None:
        assert len(signed()) == 179
        assert len(signed(shown=SHOWN._replace(span=None))) == 147
        assert len(signed(shown=Shown("v42"))) < 100
        assert len(signed(positions=range(11, 21))) <= 200

    def test_what_is_signed_comes_back(self) -> None:
        found = verified(signed(), NOW + 90.5)

        assert (found.shown, found.at) == (SHOWN, int(NOW))
        assert [found.position(item) for item in (*ITEMS, "item-11")] == [*range(1, 11), None]

    @given(SHOWNS, IDS, TIMES)
    def test_any_labels_and_items_come_back(self, shown: Shown, items: list[object], at: int) -> None:
        found = verified(SIGNER.sign(shown, items, at), at)

        assert (found.shown, found.at) == (shown, at)
        places = [found.position(item) for item in items]
        assert all(place in (index, None) for index, place in enumerate(places, 1))
        # A fingerprint of three bytes may be that of another item of the slate, and then neither has a position.
        assert sum(place is None for place in places[:MOST_ITEMS]) in (0, 2)
        assert places[MOST_ITEMS:] == [None] * len(items[MOST_ITEMS:])

    def test_an_id_of_the_first_version_is_still_read(self) -> None:
        found = verified(WRITTEN, NOW, Signer([SECOND, FIRST]))

        assert (found.shown, found.at) == (
            Shown("bts-2019.11", "treatment", "product_page", "ranking", 7, SPAN),
            int(NOW),
        )
        assert [found.position(item) for item in ("a", "7", "ü")] == [11, 2, 255]

    def test_the_same_slate_in_the_same_second_is_another_one(self) -> None:
        slates = {verified(signed()).slate for _ in range(100)}

        assert len(slates) == 100


class TestPositions:
    def test_positions_that_are_said_win_over_the_order(self) -> None:
        found = verified(signed(items=["a", "b", "c"], positions=[11, None, 2]))

        assert [found.position(item) for item in ("a", "b", "c")] == [11, None, 2]

    def test_a_number_and_its_text_are_the_same_item(self) -> None:
        found = verified(signed(items=[7, "8", 9.0]))

        assert [found.position(item) for item in ("7", 8, " 9 ", 9.0)] == [1, 2, 3, 3]

    def test_an_item_that_is_there_twice_has_no_position(self) -> None:
        found = verified(signed(items=["a", "b", "a"]))

        assert [found.position(item) for item in ("a", "b")] == [None, 2]

    def test_items_beyond_the_first_hundred_have_no_position(self) -> None:
        found = verified(signed(items=[*range(1000, 1200)]))

        assert [found.position(item) for item in (1000, 1099, 1100)] == [1, 100, None]


AGES = {
    "just now": (0.0, None),
    "as old as may be": (DAY, None),
    "older": (DAY + 1, Refusal.EXPIRED),
    "by a clock that is a little behind": (-SKEW_SECONDS, None),
    "from the future": (-SKEW_SECONDS - 1, Refusal.FUTURE),
}


NONE_OF_OURS = {
    "nothing": "",
    "None": None,
    "bytes": signed().encode(),
    "a number": 7,
    "a list": [signed()],
    "words": "of no meaning",
    "padded": signed() + "==",
    "with a blank": " " + signed(),
    "in the other alphabet": "AQ+/" * 20,
    "far too long": "AQAA" * 10_000,
    "beyond ASCII": "é" * 80,
    "a lone surrogate": "\ud800" * 80,
    "only the format": "AQ",
}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a bucket too many": ({"shown": SHOWN._replace(bucket=32)}, "a whole number from 0 to 31"),
    "no version": ({"shown": Shown("")}, "must have a model version"),
    "a zero byte": ({"shown": Shown("a\0b")}, "without a zero byte"),
    "a label of thousands": ({"shown": Shown("x" * 3_000)}, "at most 2048 bytes"),
    "a span that is none": ({"shown": SHOWN._replace(span=(2**128, 1))}, "a trace id must have 16 bytes"),
    "a time in milliseconds": ({"at": 1e12}, "in seconds since 1970"),
    "too few positions": ({"positions": [1, 2]}, "a position for each item"),
}


class TestKeys:
    def test_every_key_verifies_and_the_first_one_signs(self) -> None:
        before, between, after = Signer([FIRST]), Signer([SECOND, FIRST]), Signer([SECOND])
        old, new = before.sign(SHOWN, ITEMS, NOW), between.sign(SHOWN, ITEMS, NOW)

        found = {
            (name, which): signer.verify(token, NOW, DAY)
            for name, signer in (("before", before), ("between", between), ("after", after))
            for which, token in (("old", old), ("new", new))
        }
        assert {key: isinstance(value, Recommendation) or value for key, value in found.items()} == {
            ("before", "old"): True,
            ("before", "new"): Refusal.FORGED,
            ("between", "old"): True,
            ("between", "new"): True,
            ("after", "old"): Refusal.FORGED,
            ("after", "new"): True,
        }
        assert [verified(token, NOW, between).position("item-3") for token in (old, new)] == [3, 3]

    @pytest.mark.parametrize("keys", [[], ["short"], [FIRST, "short"]])
    def test_a_signer_needs_keys_that_are_long_enough(self, keys: list[str]) -> None:
        with pytest.raises(ValueError, match="at least 16 characters"):
            Signer(keys)

    def test_nothing_shows_the_keys(self) -> None:
        shown = [repr(SIGNER), str(vars(SIGNER)), repr(verified(signed())), repr(replace(verified(signed()), at=0))]

        assert [text for text in shown if FIRST in text] == []

    def test_items_cannot_be_looked_up_without_the_key(self) -> None:
        one, other = (Signer([key]).sign(Shown("v1"), ["item-1"], NOW) for key in (FIRST, SECOND))

        marks = {urlsafe_b64decode(token + "==")[18:21] for token in (one, other)}
        assert len(marks) == 2


class TestAge:
    @pytest.mark.parametrize("case", AGES)
    def test_the_age_decides(self, case: str) -> None:
        age, refusal = AGES[case]

        found = SIGNER.verify(signed(), NOW + age, DAY)

        assert found == refusal if refusal else isinstance(found, Recommendation)

    def test_what_is_refused_for_its_age_must_be_verified_first(self) -> None:
        assert Signer([SECOND]).verify(signed(), NOW + 2 * DAY, DAY) is Refusal.FORGED


class TestRefusals:
    @pytest.mark.parametrize("case", NONE_OF_OURS)
    def test_what_is_none_of_ours_is_malformed(self, case: str) -> None:
        assert SIGNER.verify(NONE_OF_OURS[case], NOW, DAY) is Refusal.MALFORMED

    @given(st.integers(0, len(signed()) - 1))
    def test_every_truncation_is_malformed(self, length: int) -> None:
        assert SIGNER.verify(signed()[:length], NOW, DAY) is Refusal.MALFORMED

    @settings(max_examples=200)
    @given(st.integers(0, len(signed()) - 1), st.characters(codec="ascii"))
    def test_every_other_character_anywhere_is_noticed(self, at: int, other: str) -> None:
        token = signed()
        changed = token[:at] + other + token[at + 1 :]

        found = SIGNER.verify(changed, NOW, DAY)

        assert changed == token or isinstance(found, Refusal)

    def test_every_bit_that_flips_is_noticed(self) -> None:
        raw = urlsafe_b64decode(signed() + "=")
        flipped = [raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :] for at in range(len(raw)) for bit in range(8)]

        found = [SIGNER.verify(urlsafe_b64encode(one).rstrip(b"=").decode(), NOW, DAY) for one in flipped]

        assert set(found) == {Refusal.FORGED, Refusal.MALFORMED, Refusal.UNSUPPORTED}
        assert found.count(Refusal.UNSUPPORTED) == 8  # those of the first byte

    @given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\1" + rest))
    def test_any_bytes_are_refused(self, raw: bytes) -> None:
        found = SIGNER.verify(urlsafe_b64encode(raw).rstrip(b"=").decode(), NOW, DAY)

        assert found in (Refusal.FORGED, Refusal.MALFORMED, Refusal.UNSUPPORTED)

    @given(st.text() | st.none() | st.integers() | st.binary())
    def test_anything_else_is_refused(self, said: object) -> None:
        assert isinstance(SIGNER.verify(said, NOW, DAY), Refusal)

    @example(b"")
    @example(b"\xff\0\0\0")
    @example(b"a\0\0")
    @example(b"\0\0\0")
    @given(st.binary(max_size=60))
    def test_what_another_program_signs_with_the_key_raises_nothing(self, labels: bytes) -> None:
        body = bytes([1, 0, 99, 0, 0, len(labels), *int(NOW).to_bytes(4), 0, 0, 0, 0]) + labels
        key = hmac.digest(FIRST.encode(), b"otel-recmon recommendation id", "sha256")
        token = urlsafe_b64encode(body + hmac.digest(key, body, "sha256")[:16]).rstrip(b"=").decode()

        found = SIGNER.verify(token, NOW, DAY)

        assert found is Refusal.MALFORMED or (isinstance(found, Recommendation) and found.shown.bucket is None)

    def test_the_next_format_is_one_that_we_cannot_read(self) -> None:
        token = urlsafe_b64encode(b"\2" + b"whatever it will be").rstrip(b"=").decode()

        assert SIGNER.verify(token, NOW, DAY) is Refusal.UNSUPPORTED

    @pytest.mark.parametrize("case", WRONG)
    def test_what_cannot_be_signed_is_refused_with_what_would_be_right(self, case: str) -> None:
        said, words = WRONG[case]

        with pytest.raises(ValueError, match=words):
            signed(**said)


class TestBatchJob:
    def test_a_batch_job_reads_it_as_docs_attribution_md_says(self) -> None:
        token = Signer(["the one before it"]).sign(SHOWN, ITEMS, NOW)
        names: dict[str, Any] = {"line": {"recommendation_id": token, "clicked_at": NOW + 5, "item_id": "item-3"}}

        exec(one("docs/attribution.md", "Signer").text, names)

        assert names["row"] == ("bts-2019.11", 3, 5.0)

    def test_it_needs_nothing_but_python(self) -> None:
        code = "import sys, otel_recmon.attribution as a; print(a.Signer(['k' * 16]).verify('x', 0, 1))"
        without = (
            "import sys, types; package = types.ModuleType('otel_recmon'); "
            f"package.__path__ = [{str(__import__('otel_recmon').__path__[0])!r}]; "
            "sys.modules['otel_recmon'] = package; "
        )

        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", without + code], capture_output=True, text=True, check=True
        )

        assert done.stdout == "malformed\n"
