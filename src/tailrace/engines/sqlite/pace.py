"""How many rows to remove at a time, so that no write waits long for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Pace"]

# Writes are to wait 20 ms at most for work like this; half a step beyond the aim is still far
# below.
_AIM_S: Final = 0.004
_ROWS_MIN: Final = 8


class Pace:
    """Steps of work on the writer's thread, made larger while they are quick and smaller when they
    are slow.
    """

    def __init__(self, rows_max: int, now_s: Callable[[], float] = time.perf_counter) -> None:
        """`rows_max` bounds one step, however quick; `now_s` is a stopwatch."""
        self._now_s = now_s
        self._rows_max = rows_max
        self._rows = min(64, rows_max)

    def spend(self, rows: int, step: Callable[[int], int]) -> int:
        """Take steps until `rows` are done or a step does fewer than it was asked to; how many were
        done. `step` takes the most rows it may do and returns how many it did.
        """
        done = 0
        while done < rows:
            asked = min(self._rows, rows - done)
            started = self._now_s()
            count = step(asked)
            self._adapt(self._now_s() - started)
            done += count
            if count < asked:
                break
        return done

    def _adapt(self, took_s: float) -> None:
        if took_s > 2 * _AIM_S:
            self._rows = max(_ROWS_MIN, self._rows // 2)
        elif took_s < _AIM_S:
            self._rows = min(self._rows_max, self._rows * 2)
