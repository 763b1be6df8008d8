"""Places of dead letters by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tailrace.delivery.dead_letters import DeadLetterStore
from tailrace.errors import ConfigurationError
from tailrace.sinks.dead_letter_bucket import BucketDeadLetters
from tailrace.sinks.dead_letter_queue import QueueDeadLetters
from tailrace.sinks.dead_letters import DirectoryDeadLetters
from tailrace.sources.caller import Caller
from tailrace.sources.dead_letter_table import TableDeadLetters

__all__ = ["PLACES", "open_dead_letters"]

PLACES: Final = "DIRECTORY, table:NAME, s3://BUCKET/PREFIX or sqs:QUEUE[,s3://BUCKET/PREFIX]"
_TABLE: Final = "table:"
_QUEUE: Final = "sqs:"
_BUCKET: Final = "s3://"


def open_dead_letters(
    place: str | Path,
    connect: Callable[[], Caller],
    *,
    region: str | None = None,
    profile: str | None = None,
) -> DeadLetterStore:
    """The place of a name: of a table, reached by what `connect` gives; of a bucket; of a queue, by
    name, URL or ARN, with a bucket for what fits no message; or of a directory. Raises
    ConfigurationError for what is none of them."""
    if isinstance(place, Path):
        return DirectoryDeadLetters(place)
    if place.startswith(_TABLE):
        return TableDeadLetters(connect(), place.removeprefix(_TABLE))
    if place.startswith(_BUCKET):
        return _bucket(place, region, profile)
    if place.startswith(_QUEUE):
        queue, _, rest = place.removeprefix(_QUEUE).partition(",")
        if not queue or (rest and not rest.startswith(_BUCKET)):
            raise ConfigurationError(f"{place!r} is no place of dead letters: {PLACES}")
        bucket = _bucket(rest, region, profile) if rest else None
        return QueueDeadLetters(queue, bucket, region=region, profile=profile)
    return DirectoryDeadLetters(Path(place))


def _bucket(place: str, region: str | None, profile: str | None) -> BucketDeadLetters:
    bucket, _, prefix = place.removeprefix(_BUCKET).partition("/")
    if not bucket:
        raise ConfigurationError(f"{place!r} names no bucket: {PLACES}")
    return BucketDeadLetters(bucket, prefix, region=region, profile=profile)
