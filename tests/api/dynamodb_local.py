"""DynamoDB Local as a third store beside the memory engine and SQLite, and what it is known to do
otherwise than DynamoDB.

Those differences, and no others, are not compared:

* capacity: it counts transactions twice over, and nothing for what is not found;
* which mistake of several it names, when one is in a condition's text or an item named twice;
* words of its own for what its own code checks, and of its newer PartiQL parser (`_OWN_WORDS`);
* UPDATED_OLD and UPDATED_NEW show whole attributes where the update was of a part;
* an update that can only take away makes an item where there is none;
* a batch of statements that names an item twice is refused, but was carried out in part;
* a transaction that names an item twice is refused only when its conditions are met;
* updates and transactions meet conditions before they refuse what does not fit the table's keys;
* filters see attributes that an index does not project;
* numbers inside documents stay as they were written;
* an action of a transaction that does not fit its item refuses the request, as one that does not
  fit its table does, where DynamoDB cancels with reasons (`_MISFIT`);
* a repeated INSERT is a ValidationError among the reasons of a transaction;
* the order of what Scan finds, and of equal keys of an index: both promise none.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any, Final

from tailrace.testing.calling import CallRefused
from tests.conformance.client import Client

__all__ = ["DynamoDbLocal", "bag", "by_item", "normal", "plain_record"]

Json = dict[str, Any]

# What differs by nature: request and event ids, and the clocks of stores.
_OF_ITS_OWN: Final = ("SequenceNumber", "eventID", "ApproximateCreationDateTime")
_WAIT_S: Final = 10.0
_SETS: Final = ("SS", "NS", "BS")


def _in_order(paths: re.Match[str]) -> str:
    return f"paths: {sorted(paths.groups())}"


_OWN_WORDS: Final = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"The parameter cannot be converted to a numeric value: .*", "no number"),
        (r"A value provided cannot be converted into a number", "no number"),
        (r"(Input collection \[.*\] contains duplicates)\.?", r"\1"),
        (r"Return values set to invalid value", "ReturnValues can only be ALL_OLD or NONE"),
        (r"(.*Type mismatch for Index Key).*", r"\1"),
        (r"path one: (.*), path two: (.*)", _in_order),
        (r"(Statement wasn't well formed, can't be processed): .*", r"\1"),
        (r"The conditional request failed\.?", "condition"),
    )
)
_MISFIT: Final = re.compile(
    "An operand in the update expression has an incorrect data type"
    "|The provided expression refers to an attribute that does not exist in the item"
    "|The document path provided in the update expression is invalid for update"
)


class DynamoDbLocal:
    """Calls to a running DynamoDB Local, and the records of one table's stream."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)
        self._table = ""

    def create(self, name: str, definition: Json) -> None:
        self._table = name
        self._client.call("CreateTable", {"TableName": name, **definition})

    def call(self, operation: str, **members: Any) -> Json:
        """The reply to a call. Raises CallRefused."""
        answer = self._client.send(operation, members)
        if answer.status != 200:
            raise CallRefused(answer.body)
        return answer.body

    def records(self, count: int) -> list[Json]:
        """All records of the stream; waits until there are `count`."""
        arn = self._client.describe(self._table)["LatestStreamArn"]
        deadline = time.monotonic() + _WAIT_S
        while True:
            found = self._read(arn)
            if len(found) >= count or time.monotonic() > deadline:
                return found

    def _read(self, arn: str) -> list[Json]:
        found: list[Json] = []
        described = self._client.call("DescribeStream", {"StreamArn": arn}, "streams")
        for shard in described["StreamDescription"]["Shards"]:
            asked = {
                "StreamArn": arn,
                "ShardId": shard["ShardId"],
                "ShardIteratorType": "TRIM_HORIZON",
            }
            iterator = self._client.call("GetShardIterator", asked, "streams")["ShardIterator"]
            page = self._client.call("GetRecords", {"ShardIterator": iterator}, "streams")
            found += page["Records"]
        return found

    def close(self) -> None:
        """Drop the table and hang up."""
        if self._table:
            self._client.call("DeleteTable", {"TableName": self._table})
        self._client.close()


def normal(value: Any) -> Any:
    """An answer without its capacity, sets in order, refusals as `_normal_refusal` has them."""
    if isinstance(value, dict):
        members: Json = value
        if "refused" in members:
            return {"refused": _normal_refusal(members["refused"])}
        if len(members) == 1 and next(iter(members)) in _SETS:
            ((kind, content),) = members.items()
            return {kind: sorted(content)} if isinstance(content, list) else members
        return {
            name: _reworded(content) if name == "Message" else normal(content)
            for name, content in members.items()
            if name != "ConsumedCapacity"
        }
    return [normal(member) for member in value] if isinstance(value, list) else value


def _normal_refusal(body: Json) -> Any:
    """The code, message, item and reasons of a refusal."""
    code = str(body["__type"]).partition("#")[2].removesuffix("Exception")
    message = str(body.get("message", body.get("Message", "")))
    reasons: list[Json] = body.get("CancellationReasons", [])
    for reason in reasons:
        if _MISFIT.fullmatch(reason.get("Message", "")):
            return ("Validation", reason["Message"], None)
    if reasons:
        return (code, json.dumps([_reason(reason) for reason in reasons], sort_keys=True))
    return (code, _reworded(message), normal(body.get("Item")))


def _reason(reason: Json) -> Any:
    code = reason["Code"]
    if reason.get("Message") == "Duplicate primary key exists in table":
        code = "DuplicateItem"
    return (code, _reworded(reason.get("Message", "")), normal(reason.get("Item")))


def _reworded(message: Any) -> Any:
    if not isinstance(message, str):
        return normal(message)
    for pattern, word in _OWN_WORDS:
        message = pattern.sub(word, message)
    return message


def plain_record(record: Json) -> Json:
    """A record without what differs by nature."""
    change = {name: value for name, value in record["dynamodb"].items() if name not in _OF_ITS_OWN}
    return {"eventName": record["eventName"], **change}


def by_item(records: list[Json]) -> dict[str, list[Json]]:
    """The changes of each item in their order."""
    found: dict[str, list[Json]] = {}
    for record in records:
        plain = normal(plain_record(record))
        found.setdefault(str(sorted(plain["Keys"].items())), []).append(plain)
    return found


def bag(items: list[Json]) -> list[str]:
    """Items in no order."""
    return sorted(str(sorted(normal(item).items(), key=str)) for item in items)
