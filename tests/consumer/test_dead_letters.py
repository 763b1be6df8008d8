"""Places of dead letters are told from each other by their names; what is none is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace.consumer.dead_letters import open_dead_letters
from tailrace.errors import ConfigurationError
from tailrace.sinks.dead_letter_bucket import BucketDeadLetters
from tailrace.sinks.dead_letter_queue import QueueDeadLetters
from tailrace.sinks.dead_letters import DirectoryDeadLetters
from tailrace.sources.dead_letter_table import TableDeadLetters


def unconnected() -> Any:
    raise AssertionError("only a table is reached by the consumer's own connection")


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("letters/", DirectoryDeadLetters),
        (Path("table:x"), DirectoryDeadLetters),
        ("s3://bucket", BucketDeadLetters),
        ("s3://bucket/some/prefix", BucketDeadLetters),
        ("sqs:letters", QueueDeadLetters),
        ("sqs:arn:aws:sqs:eu-west-1:000000000000:letters,s3://bucket/large", QueueDeadLetters),
    ],
)
def test_places_by_name(place: Any, kind: type) -> None:
    assert isinstance(open_dead_letters(place, unconnected), kind)


def test_a_table_is_where_the_consumer_is() -> None:
    caller: Any = object()
    assert isinstance(open_dead_letters("table:letters", lambda: caller), TableDeadLetters)


@pytest.mark.parametrize("place", ["sqs:", "sqs:a,b", "sqs:,s3://b", "s3://", "s3:///x"])
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(ConfigurationError, match="DIRECTORY, table:NAME"):
        open_dead_letters(place, unconnected)
