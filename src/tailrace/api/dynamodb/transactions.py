"""What transactions have in common: which errors cancel them and which refuse the request, the
reasons of a cancellation, and the capacity they use.

An error that can be seen from the request alone (sizes, empty keys) refuses the request as a whole.
One that takes the table's schema or the stored item cancels the transaction, with a reason for each
action in the order of the actions. Both were observed on AWS, case by case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tailrace import limits
from tailrace.errors import (
    AwsError,
    ConditionalCheckFailedException,
    DuplicateItemException,
    ItemCollectionSizeLimitExceededException,
    ProvisionedThroughputExceededException,
    TransactionCanceledException,
    TransactionConflictException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.tables.capacity import Usage, consumed_capacity
from tailrace.tables.engine import Settled

__all__ = [
    "Used",
    "all_settled",
    "cancellation",
    "cancelled",
    "check_payload",
    "is_upfront",
    "refuse_repeated",
    "transacted",
]

_CODES: Final[tuple[tuple[type[AwsError], str], ...]] = (
    (ConditionalCheckFailedException, "ConditionalCheckFailed"),
    (DuplicateItemException, "DuplicateItem"),
    (ItemCollectionSizeLimitExceededException, "ItemCollectionSizeLimitExceeded"),
    (TransactionConflictException, "TransactionConflict"),
    (ProvisionedThroughputExceededException, "ProvisionedThroughputExceeded"),
    (ValidationException, "ValidationError"),
)
_UPFRONT: Final = (
    "Item size has exceeded",
    "Key attributes must be scalars",
    "One or more parameter values are not valid",
    "One or more parameter values were invalid: Size of",
    "One or more parameter values were invalid: Aggregated size of",
)
# A transactional read or write uses what two plain ones do (CapacityUnitCalculations.html).
_FACTOR: Final = 2.0


def is_upfront(error: AwsError) -> bool:
    """Whether an error of one action refuses the whole request rather than cancels it."""
    if isinstance(error, ValidationException):
        return error.message.startswith(_UPFRONT)
    return all(not isinstance(error, kind) for kind, _ in _CODES)


def cancelled(outcomes: Sequence[object]) -> TransactionCanceledException:
    """The cancellation that errors among the actions' outcomes make; what is no error has no
    reason. Raises the first error that refuses the request."""
    reasons: list[dict[str, Any]] = []
    for outcome in outcomes:
        if not isinstance(outcome, AwsError):
            reasons.append({"Code": "None"})
            continue
        if is_upfront(outcome):
            raise outcome
        code = next(code for kind, code in _CODES if isinstance(outcome, kind))
        reasons.append({"Code": code, **outcome.fields, "Message": outcome.message})
    return cancellation(reasons)


def cancellation(reasons: Sequence[dict[str, Any]]) -> TransactionCanceledException:
    """The cancellation of a transaction for these reasons, one for each action."""
    codes = ", ".join([reason["Code"] for reason in reasons])
    return TransactionCanceledException(
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def refuse_repeated(places: Sequence[tuple[int, bytes]]) -> None:
    """Raise ValidationException when an item, by (table id, key), is named twice."""
    if len(set(places)) != len(places):
        raise ValidationException(
            "Transaction request cannot include multiple operations on one item"
        )


def check_payload(size: int) -> None:
    """Raise ValidationException for a transaction of too many bytes."""
    if size > limits.TRANSACTION_BYTES:
        raise ValidationException(
            f"Transaction payload size cannot exceed {limits.TRANSACTION_BYTES} bytes"
        )


def transacted(usage: Usage) -> Usage:
    """What a plain read or write's usage is in a transaction."""
    indexes = {name: units * _FACTOR for name, units in usage.indexes.items()}
    return Usage(usage.table * _FACTOR, indexes, usage.vectors)


class Used:
    """The capacity of a transaction, summed up for each table in the order of their first use."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[Table, Usage]] = {}

    def add(self, table: Table, usage: Usage) -> None:
        known = self._tables.get(table.id)
        self._tables[table.id] = (table, usage if known is None else known[1].plus(usage))

    def shown(self, detail: str, kind: str) -> list[dict[str, Any]]:
        """The ConsumedCapacity member; `kind` is ReadCapacityUnits or WriteCapacityUnits."""
        return [
            consumed_capacity(table, usage, detail, (kind,))
            for table, usage in self._tables.values()
        ]


def all_settled(outcomes: Sequence[Settled | AwsError]) -> list[Settled]:
    """The writes of a transaction that was carried out. Raises its cancellation when it was not."""
    done = [outcome for outcome in outcomes if isinstance(outcome, Settled)]
    if len(done) != len(outcomes):
        raise cancelled(outcomes)
    return done
