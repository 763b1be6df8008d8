"""On-failure destinations by their ARNs."""

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
