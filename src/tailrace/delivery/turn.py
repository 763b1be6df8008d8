"""One step of the delivery machine in the making."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.delivery.messages import Effect
from tailrace.delivery.state import ShardState

__all__ = ["IllegalEvent", "Turn", "backoff_ms"]

# Lambda begins at about 0.2 s; how it goes on is not documented.
BACKOFF_FIRST_MS: Final = 200
BACKOFF_MAX_MS: Final = 30_000


class IllegalEvent(Exception):
    """An event that cannot happen in this state: a mistake of the driver's."""


def backoff_ms(delays: int) -> int:
    """How long to wait after `delays` waits before it."""
    return min(BACKOFF_FIRST_MS << min(delays, 20), BACKOFF_MAX_MS)


class Turn:
    """The state so far and the effects so far."""

    __slots__ = ("effects", "now_ms", "settings", "state")

    def __init__(self, state: ShardState, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.settings = state.shard.settings
        self.effects: list[Effect] = []

    def change(self, **fields: Any) -> None:
        """Replace fields of the state."""
        self.state = msgspec.structs.replace(self.state, **fields)

    def change_lane(self, number: int, **fields: Any) -> None:
        """Replace fields of one lane."""
        lanes = list(self.state.lanes)
        lanes[number] = msgspec.structs.replace(lanes[number], **fields)
        self.change(lanes=tuple(lanes))

    def count(self, **more: Any) -> None:
        """Add to the tally's numbers, replace its texts."""
        tally = self.state.tally
        fields = {
            name: value if isinstance(value, str) else getattr(tally, name) + value
            for name, value in more.items()
        }
        self.change(tally=msgspec.structs.replace(tally, **fields))
