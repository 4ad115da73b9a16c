"""HyperLogLog sketches. They estimate the number of distinct ids, and can be merged across processes and time."""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Any

TURN_SECONDS = 300.0
"""The length of a turn, in seconds. Turns are consecutive intervals of time.

A sketch contains the ids of the current and the previous turn.
"""
MOST_NOTED = 262_144
"""The maximum number of item ids, and of user ids, that wait to be hashed. Each id takes about 100 bytes."""
_RANK_BITS = 52
"""The number of bits for the rank, which is the place of the first 1 among these bits: 1 to 52, or 53 without a 1."""
_INDEX_BITS = 64 - _RANK_BITS
"""The number of bits of a 64-bit hash for the register index: 12 bits, which are enough for 4,096 registers."""


class Turn:
    """The registers of one turn, and the noted ids that still have to be hashed.

    See Flajolet and others, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007).
    """

    def __init__(self, number: float, registers: int) -> None:
        self.number = number
        self.noted: set[Hashable] = set()
        self._registers = bytearray(registers)

    def registers(self) -> bytes:
        """Hash all noted ids, and return the registers. Only one thread at a time may call this or ``absorb``."""
        self.absorb(0)
        return bytes(self._registers)

    def absorb(self, most: int) -> None:
        """Hash noted ids until at most ``most`` ids are left.

        Only one thread at a time may call this method or ``registers``. Other threads may add ids meanwhile.
        """
        registers, noted = self._registers, self.noted
        last = len(registers) - 1
        while len(noted) > most:
            digest = hashed(noted.pop())
            rank = _RANK_BITS + 1 - (digest >> _INDEX_BITS).bit_length()
            if rank > registers[digest & last]:  # noqa: PLR1730 - max() would cost a tenth of this loop
                registers[digest & last] = rank


def hashed(value: object) -> int:
    """Return a 64-bit hash that is the same in all processes. 7, 7.0 and "7" have the same hash."""
    data = value.encode(errors="replace") if type(value) is str else _bytes(value)
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    try:
        return str(int(value) if whole else value).encode(errors="replace")
    except ValueError:  # Python refuses to convert a whole number of more than 4,300 digits
        return hex(value).encode()


class Sketch:
    """The distinct ids of the last five to ten minutes, as HyperLogLog registers. Reading does not reset the registers.

    ``add`` only notes each distinct id. Noted ids are hashed at the next read, or when too many ids wait. Only one
    thread may add ids at a time; other threads may read meanwhile. Two sketches are merged by taking the maximum of
    each register.
    """

    def __init__(self, registers: int) -> None:
        self._size = registers
        self._turns = (Turn(-math.inf, registers), Turn(-math.inf, registers))
        self._reading = Lock()

    def add(self, ids: Iterable[Hashable], now: float, most: int = MOST_NOTED) -> None:
        """Add ids. ``now`` is in seconds since 1970.

        If more than ``most`` ids wait to be hashed, hash the excess now, unless a thread is reading.
        """
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
        """Return the rank in each register, 0 to 53; None if the current and the previous turn have no ids."""
        with self._reading:
            found = [turn.registers() for turn in self._recent(now)]
        return bytes(map(max, *found)) if len(found) > 1 else next(iter(found), None)

    def idle(self, now: float) -> bool:
        """Return whether the current and the previous turn have no ids."""
        return not any(self._recent(now))

    def _recent(self, now: float) -> Iterator[Turn]:
        oldest = now // TURN_SECONDS - 1
        return (turn for turn in self._turns if turn.number >= oldest)

    def _turn_to(self, number: float) -> None:
        current, _ = self._turns
        if number == current.number - 1:  # the clock was set back across the boundary of a turn
            return
        before = current if number == current.number + 1 else Turn(number - 1, self._size)
        self._turns = (Turn(number, self._size), before)


def error(registers: int) -> float:
    """Return the relative standard error of an estimate with this number of registers."""
    return 1.04 / math.sqrt(registers)


def alpha(registers: int) -> float:
    """Return the bias correction of the harmonic mean, by the formula of Flajolet for 128 and more registers."""
    return 0.7213 / (1 + 1.079 / registers)


def estimate(registers: Sequence[int]) -> float:
    """Return the estimated number of distinct ids.

    Small numbers are estimated by linear counting (Whang and others, 1990), up to the limit of 2.5 ids per register in
    the paper of Flajolet and others. As in Heule and others, "HyperLogLog in practice" (2013), the linear count itself
    decides between linear counting and HyperLogLog. Hashes of 64 bits need no correction of large numbers.
    """
    size, zeros = len(registers), registers.count(0)
    linear = size * math.log(size / zeros) if zeros else math.inf
    if linear <= 2.5 * size:
        return linear
    return alpha(size) * size**2 / sum(2.0**-rank for rank in registers)
