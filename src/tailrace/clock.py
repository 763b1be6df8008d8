"""Time and identifiers, the two things the core may not make up by itself.

Everything below the edges takes a `Clock` and an `Ids`; `SystemClock` and `RandomIds` are the only
real ones.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import Protocol

__all__ = [
    "Clock",
    "Ids",
    "ManualClock",
    "RandomIds",
    "SequentialIds",
    "ShiftedClock",
    "SystemClock",
]

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUV"


class Clock(Protocol):
    """Wall-clock time. It may stand still or jump; nothing may rely on it alone for order."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        ...


class Ids(Protocol):
    """Identifiers that nobody can guess in advance."""

    def request_id(self) -> str:
        """52 characters of base 32, the form of DynamoDB's `x-amzn-RequestId`."""
        ...

    def uuid(self) -> str:
        """A lower-case UUID with hyphens."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


class ShiftedClock:
    """Another clock moved forward by an amount that tests control."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._shift_us = 0

    def now_us(self) -> int:
        return self._base.now_us() + self._shift_us

    def advance(self, us: int) -> None:
        """Move time forward by `us` microseconds; time never goes back, so `us` must not be
        negative.
        """
        if us < 0:
            raise ValueError("a clock only moves forward")
        self._shift_us += us


class ManualClock:
    """A clock that moves only when told to. For tests and simulations."""

    def __init__(self, now_us: int = 1_789_651_658_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def advance(self, us: int) -> None:
        """Move time by `us` microseconds; negative values model a clock that is set back."""
        self._now_us += us


class RandomIds:
    """Identifiers from the operating system's randomness.

    Request ids share a random prefix for each process and count upwards behind it: they are for
    tracing, not for secrecy, and this costs a tenth of a fresh random draw for each request.
    """

    def __init__(self) -> None:
        self._prefix = _base32(int.from_bytes(os.urandom(20), "big"), 32)
        self._next = int.from_bytes(os.urandom(8), "big")
        self._lock = threading.Lock()

    def request_id(self) -> str:
        with self._lock:
            self._next = number = (self._next + 1) & 0xFFFFFFFFFFFFFFFF
        # An odd multiplier modulo 2^64 is a bijection: consecutive ids differ in all their
        # characters.
        return self._prefix + f"{(number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF:020d}"

    def uuid(self) -> str:
        return str(uuid.uuid4())


class SequentialIds:
    """Identifiers that count from one. For tests and simulations."""

    def __init__(self) -> None:
        self._next = 0

    def request_id(self) -> str:
        self._next += 1
        return _base32(self._next, 52)

    def uuid(self) -> str:
        self._next += 1
        return str(uuid.UUID(int=self._next))


def _base32(number: int, length: int) -> str:
    digits = bytearray(length)
    for position in range(length - 1, -1, -1):
        digits[position] = _ALPHABET[number & 31]
        number >>= 5
    return digits.decode()
