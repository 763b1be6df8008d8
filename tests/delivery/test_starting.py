"""Where a shard begins: at its checkpoint, at the group's tip, never unawares behind a gap."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace import limits
from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.lease import Lease, Spooled
from tailrace.delivery.leases.starting import starting_position
from tailrace.delivery.ports import Position

DAY_MS = limits.STREAM_RETENTION_MS
TIP = Position(latest=True)


def begin(now_ms: int = 5_000, *, fresh: bool = False, **lease: Any) -> Position:
    made = Lease(shard_id="a", **lease)
    return starting_position(Held(made, 0, made.position, fresh=fresh), now_ms)


def test_at_its_checkpoint() -> None:
    assert begin(position=Position(sequence=7)) == Position(sequence=7)
    assert begin(10 * DAY_MS, position=Position(sequence=7), started_ms=0) == Position(sequence=7)
    assert begin() == Position()


def test_at_the_tip_of_now_when_it_was_just_made() -> None:
    assert begin(fresh=True, position=TIP, started_ms=1_000) == TIP


@pytest.mark.parametrize(
    ("now_ms", "fresh", "parents"),
    [(12_000, True, ()), (5_000, False, ()), (5_000, True, ("snapshot-0-0-of-1",))],
    ids=["later", "by another", "after the table"],
)
def test_at_the_tip_of_when_the_group_began(now_ms: int, fresh: bool, parents: Any) -> None:
    position = begin(now_ms, fresh=fresh, position=TIP, started_ms=1_000, parents=parents)
    assert position == Position(latest=True, tip_ms=1_000)


def test_what_was_spooled_first_must_come_first() -> None:
    assert begin(spooled=Spooled(spool="s", first=9, last=12)).first == 9
    assert begin(spooled=Spooled(spool="s", first=9, lossy=True)).first == 0
    handled = begin(position=Position(sequence=10), spooled=Spooled(spool="s", first=9))
    assert handled == Position(sequence=10)


def test_what_waited_for_more_than_a_day_may_be_gone() -> None:
    waited: Any = {"position": TIP, "started_ms": 0, "parents": ("snapshot-0-0-of-1",)}
    assert begin(DAY_MS, **waited).first is None
    assert begin(DAY_MS + 1, **waited).first == 0
    assert begin(DAY_MS + 1, position=TIP, started_ms=0).first is None, "it was only idle"
    assert begin(DAY_MS + 1, started_ms=0, spooled=Spooled(spool="s", read_ms=10)).first is None
    assert begin(DAY_MS + 11, started_ms=0, spooled=Spooled(spool="s", read_ms=10)).first == 0
