"""When provisioned throughput was last raised and lowered, and how often it may be lowered.

A table, and each of its indexes on its own, can be lowered four times in a UTC day, and after that
once in 3,600 seconds (ServiceQuotas.html); raising is always possible. A change that lowers one
kind of units and raises the other counts as both. The words are those of AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import LimitExceededException
from tailrace.model.schema import Throughput

__all__ = ["ThroughputHistory", "describe_history", "history_of", "with_history"]

_HISTORY: Final = "ThroughputHistory"
_SECOND_US: Final = 1_000_000
_DAY_US: Final = 24 * 60 * 60 * _SECOND_US


class ThroughputHistory(msgspec.Struct, frozen=True):
    """Moments of the last changes, None for never, and how many decreases there were on the day of
    the last one."""

    increased_us: int | None = None
    decreased_us: int | None = None
    decreases: int = 0

    def decreases_today(self, now_us: int) -> int:
        """How many decreases there were so far on the UTC day of a moment."""
        last_us = self.decreased_us
        today = last_us is not None and last_us // _DAY_US == now_us // _DAY_US
        return self.decreases if today else 0

    def changed(self, old: Throughput, new: Throughput, now_us: int) -> ThroughputHistory:
        """The history after a change. Raises LimitExceededException for a decrease too many."""
        history = self
        if new.read_units > old.read_units or new.write_units > old.write_units:
            history = msgspec.structs.replace(history, increased_us=now_us)
        if new.read_units < old.read_units or new.write_units < old.write_units:
            self._check_decrease(now_us)
            history = msgspec.structs.replace(
                history, decreased_us=now_us, decreases=self.decreases_today(now_us) + 1
            )
        return history

    def _check_decrease(self, now_us: int) -> None:
        count, last_us = self.decreases_today(now_us), self.decreased_us
        if last_us is None or count < limits.THROUGHPUT_DECREASES:
            return
        wait_s = limits.THROUGHPUT_DECREASE_INTERVAL_S
        next_us = min(last_us + wait_s * _SECOND_US, (now_us // _DAY_US + 1) * _DAY_US)
        if now_us < next_us:
            raise LimitExceededException(
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a"
                f" given UTC day. After the first {limits.THROUGHPUT_DECREASES} decreases, each"
                " subsequent decrease in the same UTC day can be performed at most once every"
                f" {wait_s} seconds. Number of decreases today: {count}. Last decrease at"
                f" {_worded(last_us)}. Next decrease can be made at {_worded(next_us)}"
            )


def history_of(settings: Mapping[str, Any]) -> ThroughputHistory:
    """The history that the settings of a table or an index keep."""
    stored = settings.get(_HISTORY)
    return ThroughputHistory() if stored is None else msgspec.convert(stored, ThroughputHistory)


def with_history(
    settings: Mapping[str, Any], old: Throughput, new: Throughput, now_us: int
) -> dict[str, Any]:
    """The settings after a change of throughput. Raises LimitExceededException for a decrease too
    many."""
    history = history_of(settings).changed(old, new, now_us)
    return {**settings, _HISTORY: msgspec.to_builtins(history)}


def describe_history(settings: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    """What a ProvisionedThroughputDescription says of the past."""
    history = history_of(settings)
    described: dict[str, Any] = {"NumberOfDecreasesToday": history.decreases_today(now_us)}
    if history.increased_us is not None:
        described["LastIncreaseDateTime"] = history.increased_us / 1e6
    if history.decreased_us is not None:
        described["LastDecreaseDateTime"] = history.decreased_us / 1e6
    return described


def _worded(moment_us: int) -> str:
    moment = datetime.fromtimestamp(moment_us // _SECOND_US, UTC)
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return (
        f"{moment:%A, %B} {moment.day}, {moment.year} at {hour}:{moment:%M:%S} {half} Coordinated"
        " Universal Time"
    )
