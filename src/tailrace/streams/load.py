"""How much is written to each shard: counts of the recent intervals, by which hot shards are
split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailrace import limits

__all__ = ["LoadMeter"]


class LoadMeter:
    """Turns totals that only grow into counts of whole intervals. An interval in which nobody
    looked counts as part of the one at whose end somebody did, and then tells nothing of a lasting
    load: all counts are dropped."""

    def __init__(self, interval_ms: int = limits.SHARD_SPLIT_INTERVAL_MS) -> None:
        self.interval_ms = interval_ms
        self._began_us: int | None = None
        self._totals: Mapping[int, int] = {}
        self._counts: dict[int, list[int]] = {}

    def observe(self, totals: Mapping[int, int], now_us: int) -> Mapping[int, Sequence[int]] | None:
        """The records of each of the last intervals by shard id, the newest last, when one has just
        ended; else None.

        `totals` are the records each shard has got so far.
        """
        if self._began_us is None:
            self._restart(totals, now_us)
            return None
        elapsed_us = now_us - self._began_us
        if elapsed_us < self.interval_ms * 1000:
            return None
        if elapsed_us > 2 * self.interval_ms * 1000:
            self._restart(totals, now_us)
            return None
        for shard_id, total in totals.items():
            counts = self._counts.setdefault(shard_id, [])
            counts.append(total - self._totals.get(shard_id, 0))
            del counts[: -limits.SHARD_SPLIT_INTERVALS]
        for shard_id in self._counts.keys() - totals.keys():
            del self._counts[shard_id]
        self._totals = totals
        self._began_us = now_us
        return self._counts

    def _restart(self, totals: Mapping[int, int], now_us: int) -> None:
        self._began_us = now_us
        self._totals = totals
        self._counts = {}
