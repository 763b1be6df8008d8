"""The hybrid logical clock behind sequence numbers.

A clock value has 63 bits: microseconds since the epoch, then 3 bits of room within the microsecond,
then the 8-bit partition. Values of one partition only grow, also when the wall clock is set back;
two partitions of a table never share one. They are served as 10^20 + clock: 21 digits, compared as
integers.
"""

from __future__ import annotations

from typing import Final

from tailrace.errors import ValidationException

__all__ = [
    "CLOCKS_PER_S",
    "NUMBER_FORMAT",
    "PARTITION_BITS",
    "SEQUENCE_BASE",
    "clock_at",
    "clock_of",
    "from_sequence_number",
    "next_clock",
    "number_at",
    "sequence_number",
    "tells_time",
    "time_us",
]

PARTITION_BITS: Final = 8
_TIME_SHIFT: Final = 11
# What is added to a clock to serve it.
SEQUENCE_BASE: Final = 10**20
# Makes a clock what it is served as, without the detour over a number of more than 64 bits.
NUMBER_FORMAT: Final = b"1%020d"
CLOCKS_PER_S: Final = 1_000_000 << _TIME_SHIFT
_CLOCK_MAX: Final = 2**63 - 1
# The year in which DynamoDB began.
_FIRST_US: Final = 1_325_376_000_000_000


def next_clock(last: int, now_us: int, partition: int) -> int:
    """The clock of `partition`'s next record, above `last` whichever partition that came from."""
    floor = (last >> PARTITION_BITS) + 1
    time = now_us << (_TIME_SHIFT - PARTITION_BITS)
    return (time if time > floor else floor) << PARTITION_BITS | partition


def clock_at(time_us: int) -> int:
    """The least clock value a record made at `time_us` can have."""
    return time_us << _TIME_SHIFT


def time_us(clock: int) -> int:
    """When the record was made, in microseconds since the epoch."""
    return clock >> _TIME_SHIFT


def sequence_number(clock: int) -> str:
    """The clock as the API serves it."""
    return str(SEQUENCE_BASE + clock)


def number_at(time_ms: int) -> int:
    """The least sequence number, as a number, that a record made at a time can have."""
    return SEQUENCE_BASE + clock_at(time_ms * 1000)


def tells_time(number: int) -> bool:
    """Whether a sequence number is one of ours. AWS's, which may be as long, would tell times
    before there was any DynamoDB."""
    clock = clock_of(number)
    return clock is not None and clock >= clock_at(_FIRST_US)


def clock_of(number: int) -> int | None:
    """The clock that a sequence number serves; None for what none of ours can be."""
    clock = number - SEQUENCE_BASE
    return clock if 0 <= clock <= _CLOCK_MAX else None


def from_sequence_number(text: str) -> int:
    """The clock of a sequence number a caller sent. Raises ValidationException for what none of
    ours can be.
    """
    if (
        not text.isascii()
        or not text.isdigit()
        or not SEQUENCE_BASE <= int(text[:40]) <= SEQUENCE_BASE + _CLOCK_MAX
    ):
        raise ValidationException(f"Invalid SequenceNumber: {text[:40]}")
    return int(text) - SEQUENCE_BASE
