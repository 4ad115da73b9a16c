"""Sketches: merging, turns of the clock, bounded memory and precision."""

import math
import subprocess
import sys
from collections.abc import Hashable, Iterable
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.stats.sketch import TURN_SECONDS, Sketch, estimate, hashed

NOON = 1_800_000_000.0 // TURN_SECONDS * TURN_SECONDS
SIZE = 256
ERROR = 1.04 / math.sqrt(SIZE)
"""The standard error that the paper gives."""


def ranks(ids: Iterable[Hashable], size: int = SIZE) -> bytes:
    """The registers of some ids."""
    return read(sketched(ids, size), NOON)


def sketched(ids: Iterable[Hashable], size: int = SIZE, now: float = NOON) -> Sketch:
    found = Sketch(size)
    found.add(ids, now)
    return found


def read(found: Sketch, now: float) -> bytes:
    registers = found.registers(now)
    assert registers is not None
    return registers


def union(registers: Iterable[bytes]) -> bytes:
    return bytes(map(max, *registers))


def naive(ids: Iterable[Hashable], size: int) -> bytes:
    """The registers by the definition, on the bits as a text."""
    found = [0] * size
    for one in ids:
        bits = f"{hashed(one):064b}"
        register, rank = int(bits[52:], 2) % size, len(bits[:52]) - len(bits[:52].lstrip("0")) + 1
        found[register] = max(found[register], rank)
    return bytes(found)


class TestRegisters:
    @given(st.sets(st.one_of(st.text(max_size=5), st.integers())), st.sampled_from([16, 256, 512]))
    def test_a_register_holds_the_place_of_the_first_bit_that_is_set(self, ids: set[Hashable], size: int) -> None:
        assert ranks(ids, size) == naive(ids, size)

    @given(st.lists(st.sets(st.integers(0, 999)), min_size=2, max_size=5))
    def test_merged_sketches_are_the_sketch_of_all(self, parts: list[set[int]]) -> None:
        assert union([ranks(part) for part in parts]) == ranks(set().union(*parts))

    @given(st.lists(st.integers(0, 99)), st.lists(st.integers(0, 50), max_size=9))
    def test_neither_order_nor_repetition_nor_reading_makes_a_difference(
        self, ids: list[int], reads: list[int]
    ) -> None:
        found = Sketch(SIZE)
        for at, one in enumerate([*ids, *reversed(ids)]):
            found.add([one], NOON)
            if at in reads:
                found.registers(NOON)

        assert (found.registers(NOON) or bytes(SIZE)) == ranks(ids)


class TestHash:
    def test_it_is_the_same_in_every_process_and_version(self) -> None:
        assert [hashed("item-1"), hashed(7), hashed("ü")] == [
            0xE4EB9D5AADB5A874,
            0xE75017CACE788F82,
            0x55F19DF5C1392F37,
        ]

    @pytest.mark.parametrize("seed", ["0", "7"])
    def test_another_process_has_the_same_registers(self, seed: str) -> None:
        code = (
            "from otel_recmon.stats.sketch import Sketch; s = Sketch(16)\n"
            "s.add([f'item-{n}' for n in range(50)], 0.0); print(s.registers(0.0).hex())"
        )
        command, environ = [sys.executable, "-c", code], {"PYTHONHASHSEED": seed}
        there = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)

        assert there.stdout.strip() == ranks([f"item-{n}" for n in range(50)], 16).hex()

    @pytest.mark.parametrize("same", ["7", 7, 7.0, Decimal(7), b"7"])
    def test_an_id_is_its_text(self, same: Hashable) -> None:
        assert hashed(same) == hashed("7")

    def test_a_truth_value_is_the_number_that_it_equals(self) -> None:
        assert (hashed(value=True), hashed(value=False)) == (hashed(1), hashed(0))

    @pytest.mark.parametrize("odd", [math.nan, math.inf, 1e300, ("a", 1), b"a", None])
    def test_an_odd_id_is_one_as_well(self, odd: Hashable) -> None:
        assert estimate(ranks([odd])) == pytest.approx(1, abs=0.01)

    def test_neither_half_a_character_nor_a_number_of_thousands_of_digits_fails(self) -> None:
        assert estimate(ranks(["\ud800", 10**5_000])) == pytest.approx(2, abs=0.02)


class TestTurns:
    def test_it_shows_this_turn_of_the_clock_and_the_last(self) -> None:
        found = sketched(["a"])
        found.add(["b"], NOON + TURN_SECONDS)

        assert read(found, NOON + TURN_SECONDS) == ranks(["a", "b"])
        assert read(found, NOON + 2 * TURN_SECONDS) == ranks(["b"])
        assert found.registers(NOON + 3 * TURN_SECONDS) is None

    def test_what_is_noted_in_a_turn_and_read_in_the_next_belongs_to_its_own(self) -> None:
        found = sketched(["a"], now=NOON + TURN_SECONDS - 1)
        found.add(["b"], NOON + TURN_SECONDS)
        found.add(["c"], NOON + 2 * TURN_SECONDS)

        assert read(found, NOON + 2 * TURN_SECONDS) == ranks(["b", "c"])

    def test_after_a_pause_nothing_old_comes_back(self) -> None:
        found = sketched(["a"])
        found.add(["b"], NOON + 10 * TURN_SECONDS)

        assert read(found, NOON + 10 * TURN_SECONDS) == ranks(["b"])

    def test_any_number_of_readers_see_the_same_and_a_lost_export_loses_nothing(self) -> None:
        found = sketched(["a", "b"])
        first = read(found, NOON)
        found.add(["c"], NOON + 60)

        assert [first, read(found, NOON + 60), read(found, NOON + 400)] == [
            ranks(["a", "b"]),
            ranks(["a", "b", "c"]),
            ranks(["a", "b", "c"]),
        ]

    def test_a_clock_that_is_set_back_a_little_loses_nothing(self) -> None:
        found = sketched(["a"])
        found.add(["b"], NOON - 1)

        assert read(found, NOON - 1) == ranks(["a", "b"])

    def test_a_clock_that_is_set_back_far_begins_anew(self) -> None:
        found = sketched(["a"])
        found.add(["b"], NOON - 9 * TURN_SECONDS)

        assert read(found, NOON - 9 * TURN_SECONDS) == ranks(["b"])

    def test_one_that_saw_nothing_has_no_registers(self) -> None:
        assert Sketch(SIZE).registers(NOON) is None
        assert Sketch(SIZE).idle(NOON)
        assert not sketched(["a"]).idle(NOON + TURN_SECONDS)


class TestMemory:
    def test_ids_wait_in_bounded_number_and_all_of_them_count(self) -> None:
        found = Sketch(SIZE)

        most = 0
        for start in range(0, 5_000, 10):
            found.add(range(start, start + 10), NOON, most=100)
            most = max(most, len(found._turns[0].noted))

        assert most == 100
        assert read(found, NOON) == ranks(range(5_000))

    def test_a_slate_is_not_held_up_by_a_reader(self) -> None:
        found = Sketch(SIZE)

        with found._reading:
            found.add(range(50), NOON, most=10)

        assert read(found, NOON) == ranks(range(50))


class TestEstimate:
    @pytest.mark.parametrize("size", [16, 64, 256, 512])
    def test_nothing_is_zero_and_one_is_about_one(self, size: int) -> None:
        assert estimate(bytes(size)) == 0
        assert estimate(ranks(["a"], size)) == pytest.approx(size * math.log(size / (size - 1)))

    @pytest.mark.parametrize(
        ("count", "trials"), [(100, 60), (10_000, 12), (1_000_000, 1)], ids=["100", "10,000", "1,000,000"]
    )
    def test_the_union_of_replicas_and_windows_is_within_two_standard_errors(self, count: int, trials: int) -> None:
        errors = [_error(seed, count) for seed in range(trials)]

        within = sum(abs(error) <= 2 * ERROR for error in errors)
        assert within >= 0.9 * trials
        assert math.sqrt(sum(error**2 for error in errors) / trials) <= 1.3 * ERROR


def _error(seed: int, count: int) -> float:
    """How far off the union of 4 replicas over 3 windows is, each of which saw a tenth of a catalog."""
    random, share = Random(seed), count // 10
    starts = [seed * count + random.randrange(count - share) for _replica in range(4) for _window in range(3)]
    parts = [range(start, start + share) for start in starts]
    return estimate(union(map(ranks, parts))) / len(set().union(*parts)) - 1
