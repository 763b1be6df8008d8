"""Throughput can be raised at any time, and lowered four times a UTC day and then once an hour;
the words are AWS's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tailrace.errors import LimitExceededException
from tailrace.model.schema import Throughput
from tailrace.tables.throughput_history import (
    ThroughputHistory,
    describe_history,
    history_of,
    with_history,
)

SECOND_US = 1_000_000
# The moments of an answer that AWS gave.
MIDNIGHT_US = int(datetime(2026, 10, 9, tzinfo=UTC).timestamp()) * SECOND_US
FOURTH_US = MIDNIGHT_US + (21 * 60 + 34) * SECOND_US
HIGH, LOW = Throughput(10, 10), Throughput(5, 5)


def lowered(times: int, last_us: int = FOURTH_US) -> ThroughputHistory:
    history = ThroughputHistory()
    for turn in range(times):
        history = history.changed(HIGH, LOW, last_us - (times - 1 - turn) * SECOND_US)
    return history


def test_the_fifth_decrease_waits_for_an_hour_after_the_fourth() -> None:
    with pytest.raises(LimitExceededException) as refusal:
        lowered(4).changed(HIGH, LOW, FOURTH_US + 3_599 * SECOND_US)
    assert refusal.value.message == (
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC"
        " day. After the first 4 decreases, each subsequent decrease in the same UTC day can be"
        " performed at most once every 3600 seconds. Number of decreases today: 4. Last decrease at"
        " Friday, October 9, 2026 at 12:21:34 AM Coordinated Universal Time. Next decrease can be"
        " made at Friday, October 9, 2026 at 1:21:34 AM Coordinated Universal Time"
    )
    fifth = lowered(4).changed(HIGH, LOW, FOURTH_US + 3_600 * SECOND_US)
    assert fifth.decreases == 5
    with pytest.raises(LimitExceededException, match="decreases today: 5"):
        fifth.changed(HIGH, LOW, FOURTH_US + 7_199 * SECOND_US)


def test_a_new_day_begins_anew() -> None:
    late_us = MIDNIGHT_US + 86_399 * SECOND_US
    history = lowered(4, late_us)
    with pytest.raises(LimitExceededException, match="October 10, 2026 at 12:00:00 AM"):
        history.changed(HIGH, LOW, late_us)
    tomorrow_us = MIDNIGHT_US + 86_400 * SECOND_US
    assert history.decreases_today(tomorrow_us) == 0
    assert history.changed(HIGH, LOW, tomorrow_us).decreases == 1


def test_a_change_up_and_down_counts_as_both() -> None:
    history = ThroughputHistory().changed(Throughput(5, 5), Throughput(4, 6), FOURTH_US)
    assert history == ThroughputHistory(FOURTH_US, FOURTH_US, 1)
    with pytest.raises(LimitExceededException):
        lowered(4).changed(Throughput(5, 5), Throughput(4, 6), FOURTH_US)


def test_raising_is_always_possible() -> None:
    assert lowered(4).changed(LOW, HIGH, FOURTH_US).increased_us == FOURTH_US


def test_settings_keep_it_beside_the_rest() -> None:
    settings = with_history({"Tags": []}, LOW, HIGH, FOURTH_US)
    assert settings["Tags"] == []
    assert history_of(settings).increased_us == FOURTH_US
    assert describe_history(settings, FOURTH_US) == {
        "NumberOfDecreasesToday": 0,
        "LastIncreaseDateTime": FOURTH_US / 1e6,
    }
    assert describe_history({}, FOURTH_US) == {"NumberOfDecreasesToday": 0}
