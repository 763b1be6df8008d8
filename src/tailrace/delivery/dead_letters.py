"""Records that were given up, one letter each, and their form where they are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, Protocol

import msgspec

from tailrace.delivery.messages import Discard
from tailrace.delivery.ports import DeadLetter

__all__ = ["DeadLetterStore", "StoredLetter", "cut", "dead_letters", "stored"]

# What a letter that was cut keeps of its reason.
REASON_CHARACTERS: Final = 4096
_LARGE: Final = {"dynamodb": ("NewImage", "OldImage"), "kinesis": ("data",)}


class StoredLetter(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A dead letter as it is kept and listed. `id` is unique for each time that a record was given
    up; `record` is its entry of `Records` in Lambda's event. `cut`: it was too large for where it
    is kept, and its images, or its data, are gone; its keys, and its place in its stream, are not.
    """

    id: str
    failed_at_ms: int
    condition: str
    reason: str
    invocations: int
    source_arn: str
    shard_id: str
    sequence_number: str
    record: dict[str, Any]
    cut: bool = False


class DeadLetterStore(Protocol):
    """A place that keeps dead letters and gives them back."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them durably."""
        ...

    def letters(self) -> AsyncGenerator[StoredLetter, None]:
        """All that are kept, oldest first as far as the place knows."""
        ...

    async def remove(self, ids: Sequence[str]) -> None:
        """Drop letters, e.g. those that were replayed."""
        ...


def dead_letters(discard: Discard, now_ms: int) -> list[DeadLetter]:
    """A letter for each record of a batch that is given up."""
    batch = discard.batch
    return [
        DeadLetter(
            record=record,
            source_arn=batch.source_arn,
            shard_id=batch.shard_id,
            condition=discard.condition.value,
            reason=discard.reason,
            invocations=discard.invocations,
            failed_ms=now_ms,
        )
        for record in batch.records
    ]


def stored(letter: DeadLetter) -> StoredLetter:
    """The form in which a letter is kept."""
    sequence = str(letter.record.sequence)
    return StoredLetter(
        id=f"{sequence}-{letter.failed_ms}",
        failed_at_ms=letter.failed_ms,
        condition=letter.condition,
        reason=letter.reason,
        invocations=letter.invocations,
        source_arn=letter.source_arn,
        shard_id=letter.shard_id,
        sequence_number=sequence,
        record=letter.record.event,
    )


def cut(letter: StoredLetter) -> StoredLetter:
    """A letter that fits anywhere: without images or data, with the beginning of its reason."""
    record = dict(letter.record)
    for part, names in _LARGE.items():
        if isinstance(record.get(part), dict):
            record[part] = {k: v for k, v in record[part].items() if k not in names}
    reason = letter.reason[:REASON_CHARACTERS]
    return msgspec.structs.replace(letter, record=record, reason=reason, cut=True)
