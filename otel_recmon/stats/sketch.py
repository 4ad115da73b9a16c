"""How many different things there were, in sketches that merge across a fleet. Numbers in, numbers out."""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Any

TURN_SECONDS = 300.0
"""A sketch shows what there was in this turn of the clock and in the one before."""
MOST_NOTED = 262_144
"""Ids that wait to be hashed, of one kind and turn; a hundred bytes each."""
_RANK_BITS = 52
_INDEX_BITS = 64 - _RANK_BITS


class Turn:
    """The registers of one turn of the clock, and the ids that are not in them yet.

    Flajolet and others, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007).
    """

    def __init__(self, number: float, registers: int) -> None:
        """Start empty."""
        self.number = number
        self.noted: set[Hashable] = set()
        self._registers = bytearray(registers)

    def registers(self) -> bytes:
        """Return the registers with all ids in them. One thread at a time."""
        self.absorb(0)
        return bytes(self._registers)

    def absorb(self, most: int) -> None:
        """Hash ids until at most so many wait; more may be noted meanwhile. One thread at a time."""
        registers, noted = self._registers, self.noted
        last = len(registers) - 1
        while len(noted) > most:
            digest = hashed(noted.pop())
            rank = _RANK_BITS + 1 - (digest >> _INDEX_BITS).bit_length()
            if rank > registers[digest & last]:  # noqa: PLR1730 - a call of max() costs a tenth of all this
                registers[digest & last] = rank


def hashed(value: object) -> int:
    """Return 64 bits that are the same in every process; 7, 7.0 and "7" are the same id."""
    data = value.encode(errors="replace") if type(value) is str else _bytes(value)
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    try:
        return str(int(value) if whole else value).encode(errors="replace")
    except ValueError:  # a whole number of thousands of digits
        return hex(value).encode()


class Sketch:
    """Which different ids there were in the last five to ten minutes, as registers. Nothing resets it but the clock.

    Adding only notes the ids, each once; they are hashed when somebody reads, or where too many wait. One thread adds
    at a time, while others may read. What is read may be merged with other sketches: the higher of each two registers.
    """

    def __init__(self, registers: int) -> None:
        """Start empty, with a power of two registers."""
        self._size = registers
        self._turns = (Turn(-math.inf, registers), Turn(-math.inf, registers))
        self._reading = Lock()

    def add(self, ids: Iterable[Hashable], now: float, most: int = MOST_NOTED) -> None:
        """Take in ids, at a time in seconds since 1970; at most so many of them wait."""
        number = now // TURN_SECONDS
        if number != self._turns[0].number:
            self._turn_to(number)
        turn = self._turns[0]
        turn.noted.update(ids)
        if len(turn.noted) > most and self._reading.acquire(blocking=False):
            try:
                turn.absorb(most)
            finally:
                self._reading.release()

    def registers(self, now: float) -> bytes | None:
        """Return the rank in each register, 0 to 53; None where there was nothing in this turn and the last."""
        with self._reading:
            found = [turn.registers() for turn in self._recent(now)]
        return bytes(map(max, *found)) if len(found) > 1 else next(iter(found), None)

    def idle(self, now: float) -> bool:
        """Say whether there was nothing in this turn and the last."""
        return not any(self._recent(now))

    def _recent(self, now: float) -> Iterator[Turn]:
        oldest = now // TURN_SECONDS - 1
        return (turn for turn in self._turns if turn.number >= oldest)

    def _turn_to(self, number: float) -> None:
        current, _ = self._turns
        if number == current.number - 1:  # a clock that was set back a little
            return
        before = current if number == current.number + 1 else Turn(number - 1, self._size)
        self._turns = (Turn(number, self._size), before)


def error(registers: int) -> float:
    """Return the standard error of an estimate, relative to it."""
    return 1.04 / math.sqrt(registers)


def alpha(registers: int) -> float:
    """Return the constant that corrects the mean, by the formula that the paper gives for 128 registers and more."""
    return 0.7213 / (1 + 1.079 / registers)


def estimate(registers: Sequence[int]) -> float:
    """Return how many different ids there were.

    Small numbers are counted linearly (Whang and others, 1990) where that gives at most 2.5 for each register, which is
    where the paper changes over. To choose by the linear count, and to correct nothing at the other end where hashes
    have 64 bits, is after Heule and others, "HyperLogLog in practice" (2013).
    """
    size, zeros = len(registers), registers.count(0)
    linear = size * math.log(size / zeros) if zeros else math.inf
    if linear <= 2.5 * size:
        return linear
    return alpha(size) * size**2 / sum(2.0**-rank for rank in registers)
