"""IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod."""

from __future__ import annotations

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = ["DECREASE_RETENTION", "INCREASE_RETENTION", "RetentionInput"]


class RetentionInput(StreamRef, frozen=True, kw_only=True):
    retention_period_hours: int


def increase(context: Context, request: RetentionInput) -> Altered:
    return access.updated(context, request, lambda stream: _changed(stream, request, "shorter"))


def decrease(context: Context, request: RetentionInput) -> Altered:
    return access.updated(context, request, lambda stream: _changed(stream, request, "longer"))


def _changed(stream: KinesisStream, request: RetentionInput, refused: str) -> Change:
    hours, now = request.retention_period_hours, stream.retention_hours
    least, most = limits.KINESIS_RETENTION_HOURS, limits.KINESIS_RETENTION_HOURS_MAX
    if hours < least:
        raise InvalidArgumentException(
            f"Minimum allowed retention period is {least} hours. Requested retention period"
            f" ({hours} hours) is too short."
        )
    if hours > most:
        raise InvalidArgumentException(
            f"Maximum allowed retention period is {most} hours. Requested retention period"
            f" ({hours} hours) is too long."
        )
    if (hours < now) if refused == "shorter" else (hours > now):
        other = "Decrease" if refused == "shorter" else "Increase"
        raise InvalidArgumentException(
            f"Requested retention period ({hours} hours) for stream {stream.stream.table_name} can"
            f" not be {refused} than existing retention period ({now} hours). Use"
            f" {other}RetentionPeriod API."
        )
    return Change(retention_hours=hours)


INCREASE_RETENTION = Operation("IncreaseStreamRetentionPeriod", RetentionInput, increase)
DECREASE_RETENTION = Operation("DecreaseStreamRetentionPeriod", RetentionInput, decrease)
