"""Records that were given up, one letter each, and their form where they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import msgspec

from tailrace.delivery.messages import Discard
from tailrace.delivery.ports import DeadLetter

__all__ = ["DeadLetterStore", "StoredLetter", "dead_letters", "stored"]


class StoredLetter(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A dead letter as it is kept and listed. `id` is unique for each time that a record was given
    up; `record` is its entry of `Records` in Lambda's event. `cut`: it was too large for where it
    is kept, and its images are gone."""

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

    def letters(self) -> AsyncIterator[StoredLetter]:
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
