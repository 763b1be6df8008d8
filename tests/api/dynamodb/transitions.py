"""What tests of transitions ask of a table named `things`, and what they expect to be told."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller

SECOND_US = 1_000_000
TEN_S = 10 * SECOND_US
STILL = "Attempt to change a resource which is still in use: "
IN_USE = f"ResourceInUseException: {STILL}"
MISSING = "ResourceNotFoundException: Requested resource not found"
INDEX = {
    "IndexName": "by-n",
    "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
DEFINED = [{"AttributeName": "n", "AttributeType": "N"}]
KEY: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}
VIEW = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def wait(caller: Caller, seconds: float = 10) -> None:
    """Let time pass, without housekeeping."""
    caller.clock.advance(round(seconds * SECOND_US))


def active(caller: Caller, **more: Any) -> None:
    """A table that is ACTIVE, and can be backed up."""
    caller.create(**more)
    wait(caller, 15)
    caller.keep()


def described(caller: Caller) -> dict[str, Any]:
    return caller.call("DescribeTable", TableName="things")["Table"]


def status(caller: Caller) -> str:
    return described(caller)["TableStatus"]


def index_of(caller: Caller) -> dict[str, Any]:
    (index,) = described(caller)["GlobalSecondaryIndexes"]
    return index


def update(caller: Caller, **changes: Any) -> dict[str, Any]:
    return caller.call("UpdateTable", TableName="things", **changes)["TableDescription"]


def refused(caller: Caller, operation: str, **members: Any) -> str:
    """Code and message of a refusal."""
    refusal = caller.refused(operation, TableName="things", **members)
    return f"{refusal.code}: {refusal.message}"


def stream_of(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeStream", StreamArn=arn)["StreamDescription"]
