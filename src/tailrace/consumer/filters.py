"""Which changes a consumer wants: by a function, or by patterns as on Lambda."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from tailrace.consumer.changes import Change, StreamRecord, typed
from tailrace.delivery.filters import compile_filters
from tailrace.delivery.ports import Record

__all__ = ["Wanted", "accepting"]

_Pattern: TypeAlias = str | Mapping[str, Any]
Wanted: TypeAlias = (
    Callable[[Change], bool] | Callable[[StreamRecord], bool] | _Pattern | Sequence[_Pattern] | None
)


def accepting(wanted: Wanted) -> Callable[[dict[str, Any]], bool] | None:
    """What says of an event whether it is wanted; None when all are. Raises
    InvalidParameterValueException for patterns that Lambda refuses."""
    if wanted is None:
        return None
    if callable(wanted):
        return _by_function(wanted)
    patterns = [wanted] if isinstance(wanted, (str, Mapping)) else wanted
    return compile_filters(
        pattern if isinstance(pattern, str) else msgspec.json.encode(pattern).decode()
        for pattern in patterns
    )


def _by_function(wanted: Callable[[Any], bool]) -> Callable[[dict[str, Any]], bool]:
    def accept(event: dict[str, Any]) -> bool:
        if "dynamodb" in event:
            sequence = event["dynamodb"]["SequenceNumber"]
        else:
            sequence = event["kinesis"]["sequenceNumber"]
        return bool(wanted(typed(Record(int(sequence), 0, 0, b""), event)))

    return accept
