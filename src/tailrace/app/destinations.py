"""Destinations by their ARNs: of batches that were given up, and of asynchronous invocations."""

from __future__ import annotations

from pathlib import Path

from tailrace.api.functions.errors import InvalidParameterValueException
from tailrace.delivery.ports import FailureDestination
from tailrace.sinks.failures import (
    BucketDestination,
    DirectoryDestination,
    QueueDestination,
    TopicDestination,
)
from tailrace.sinks.invocation_records import (
    BucketRecords,
    BusRecords,
    DirectoryRecords,
    QueueRecords,
    RecordTarget,
    TopicRecords,
)

__all__ = ["Destinations"]


class Destinations:
    """Opens destinations. `buckets` is a directory whose directories are buckets; None: S3 is
    Amazon's, or what boto3's settings say."""

    def __init__(self, buckets: Path | None) -> None:
        self._buckets = buckets

    def open(self, arn: str, mapping: str) -> FailureDestination:
        """The destination of an ARN, for a mapping's UUID. Raises InvalidParameterValueException
        for what is none."""
        parts = arn.split(":", 5)
        service, name = (parts[2], parts[5]) if len(parts) == 6 else ("", "")
        if service == "sqs" and name:
            return QueueDestination(arn)
        if service == "sns" and name and not name.endswith(".fifo"):
            return TopicDestination(arn)
        if service == "s3" and name and "/" not in name and name not in (".", ".."):
            if self._buckets is not None:
                return DirectoryDestination(self._buckets / name, mapping)
            return BucketDestination(name, mapping)
        raise InvalidParameterValueException(
            f"The provided destination config DestinationConfig(onFailure=OnFailure("
            f"destination={arn})) is invalid.",
        )

    def records(self, arn: str, function_arn: str, *, succeeded: bool) -> RecordTarget:
        """Where records of a function's invocations go. Raises InvalidParameterValueException for
        what takes none."""
        parts = arn.split(":", 5)
        service, name = (parts[2], parts[5]) if len(parts) == 6 else ("", "")
        function = function_arn.split(":")[6]
        if service == "sqs" and name:
            return QueueRecords(arn)
        if service == "sns" and name:
            return TopicRecords(arn)
        if service == "events" and name:
            return BusRecords(arn, function_arn, succeeded=succeeded)
        if service == "s3" and name and "/" not in name and name not in (".", ".."):
            if self._buckets is not None:
                return DirectoryRecords(self._buckets / name, function)
            return BucketRecords(name, function)
        raise InvalidParameterValueException(f"The destination ARN {arn} is invalid.")
