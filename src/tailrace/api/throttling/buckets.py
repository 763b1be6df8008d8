"""Token buckets, by whole millionths of a unit: n units a second fill a bucket by exactly n
millionths in each microsecond."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from tailrace import limits

__all__ = ["Bucket", "Buckets"]

_UNIT = 1_000_000


class Bucket(msgspec.Struct, frozen=True):
    """A bucket and its rate: `per_s` units a second, saved up for at most `saved_s` seconds.
    `since_us` is when it began to fill, with one second's worth in it; None: it begins full."""

    place: tuple[object, ...]
    per_s: int
    saved_s: int
    since_us: int | None = None


class Buckets:
    """The levels of buckets. A bucket lets a taker in while it holds what is taken, or one whole
    unit; what is taken beyond that leaves it in debt, and nobody is let in until that is paid.

    May be used from any thread. The buckets that were not asked for longest are forgotten beyond
    `limits.THROTTLE_BUCKETS`.
    """

    def __init__(self) -> None:
        self._levels: OrderedDict[tuple[object, ...], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, wanted: Sequence[tuple[Bucket, float]], now_us: int) -> Bucket | None:
        """Take units from all of these buckets, or from none: then the first that refuses."""
        with self._lock:
            for bucket, units in wanted:
                if self._level(bucket, now_us) < min(_millionths(units), _UNIT):
                    return bucket
            self._charge(wanted, now_us)
            return None

    def charge(self, used: Iterable[tuple[Bucket, float]], now_us: int) -> None:
        """Take units whatever the levels are."""
        with self._lock:
            self._charge(used, now_us)

    def level(self, bucket: Bucket, now_us: int) -> float:
        """The units in a bucket, below zero when it is in debt."""
        with self._lock:
            return self._level(bucket, now_us) / _UNIT

    def _charge(self, used: Iterable[tuple[Bucket, float]], now_us: int) -> None:
        for bucket, units in used:
            level = self._level(bucket, now_us) - _millionths(units)
            at_us = max(now_us, self._levels.get(bucket.place, (0, 0))[1])
            self._levels[bucket.place] = (level, at_us)
            self._levels.move_to_end(bucket.place)
        while len(self._levels) > limits.THROTTLE_BUCKETS:
            self._levels.popitem(last=False)

    def _level(self, bucket: Bucket, now_us: int) -> int:
        full = bucket.per_s * bucket.saved_s * _UNIT
        known = self._levels.get(bucket.place)
        if known is not None:
            level, at_us = known
        elif bucket.since_us is None:
            return full
        else:
            level, at_us = bucket.per_s * _UNIT, bucket.since_us
        return min(full, level + max(0, now_us - at_us) * bucket.per_s)


def _millionths(units: float) -> int:
    return round(units * _UNIT)
