"""What every SDK must see: the same calls in each language, and the same answers.

A program creates the table `Trips` with an index and a stream, writes and reads items of every
type, batches, pages, transactions and refusals, reads the stream to its end and deletes the table.
It prints one JSON object, with attribute values in DynamoDB's JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.interop.programs import output_of

__all__ = ["EXPECTED", "assert_round_trips"]

_TYPES: dict[str, Any] = {
    "pk": {"S": "types"},
    "n": {"N": "1"},
    "kind": {"S": "types"},
    "title": {"S": "Ä ☃ 𝄞"},
    "empty": {"S": ""},
    "exact": {"N": "12345678901234567890.123456789012345678"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "bytes": {"B": "AP8Q"},
    "words": {"SS": ["a", "b"]},
    "numbers": {"NS": ["-3", "1", "2.5"]},
    "blobs": {"BS": ["AQ==", "AgM="]},
    "list": {"L": [{"S": "x"}, {"N": "7"}, {"L": []}, {"M": {}}]},
    "map": {"M": {"deep": {"M": {"deeper": {"BOOL": False}}}}},
}
_UPDATED = {name: value for name, value in _TYPES.items() if name != "map"} | {
    "title": {"S": "new"},
    "counter": {"N": "1"},
    "list": {"L": [{"S": "x"}, {"L": []}, {"M": {}}]},
    "numbers": {"NS": ["-3", "1", "2.5", "40"]},
    "words": {"SS": ["a"]},
}

EXPECTED: dict[str, Any] = {
    "table": {"status": "ACTIVE", "created": True, "index": "ACTIVE", "view": "NEW_AND_OLD_IMAGES"},
    "types": _TYPES,
    # Written and read by what maps the language's own values.
    "document": {
        "pk": {"S": "document"},
        "n": {"N": "2"},
        "title": {"S": "A document"},
        "tags": {"SS": ["one", "two"]},
        "parts": {"M": {"width": {"N": "1.5"}}},
        "data": {"B": "CQ=="},
    },
    "read": ["A document", "one,two", 1.5, 9],
    "updated": _UPDATED,
    "condition": [
        "ConditionalCheckFailedException",
        "The conditional request failed",
        "A document",
    ],
    "invalid": ["ValidationException", "The provided key element does not match the schema"],
    "missing": ["ResourceNotFoundException", "Requested resource not found"],
    "batch": [0, 25, 0],
    "pages": [10, 10, 5],
    "descending": ["24", "23", "22"],
    "index": [
        {"pk": {"S": "batch"}, "n": {"N": n}, "kind": {"S": "odd"}, "title": {"S": f"title {n}"}}
        for n in ("5", "7")
    ],
    "scanned": 20,
    "transaction": ["moved", "changed", None],
    "cancelled": ["TransactionCanceledException", "None", "ConditionalCheckFailed"],
    "deleted": {"pk": {"S": "life"}, "n": {"N": "1"}, "title": {"S": "two"}},
    "shards": 4,
    "counts": {"INSERT": 29, "MODIFY": 3, "REMOVE": 2},
    # Of one item: what it was and what it became. Writing it as it is makes no record.
    "events": [["INSERT", None, "one"], ["MODIFY", "one", "two"], ["REMOVE", "two", None]],
    "gone": "ResourceNotFoundException",
}


@contextmanager
def _server() -> Iterator[str]:
    with Tailrace(Settings(port=0)) as running:
        yield running.endpoint_url


def assert_round_trips(command: Sequence[str | Path], folder: Path) -> None:
    """Run a program, the endpoint added to its arguments, against a server of its own."""
    with _server() as endpoint_url:
        seen = json.loads(output_of([*command, endpoint_url], folder))
    assert seen == EXPECTED
