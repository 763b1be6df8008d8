"""The actions of transactions on the shared tables, and the reasons of their cancellations."""

from __future__ import annotations

from typing import Any

from tests.conformance.client import Answer, Json
from tests.conformance.shapes import text

__all__ = [
    "FAILED",
    "MISMATCH",
    "NONE",
    "check",
    "delete",
    "get",
    "key",
    "put",
    "reasons",
    "transact",
    "update",
    "wrong",
]

NONE: Json = {"Code": "None"}
FAILED: Json = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
MISMATCH = "The provided key element does not match the schema"


def key(name: str) -> Json:
    return {"a": text(name)}


def put(item: Json, table: str = "@simple", **more: Any) -> Json:
    return {"Put": {"TableName": table, "Item": item, **more}}


def delete(item: Json, table: str = "@simple", **more: Any) -> Json:
    return {"Delete": {"TableName": table, "Key": item, **more}}


def check(
    item: Json, condition: str = "attribute_exists(a)", table: str = "@simple", **more: Any
) -> Json:
    body = {"TableName": table, "Key": item, "ConditionExpression": condition, **more}
    return {"ConditionCheck": body}


def update(item: Json, expression: str, table: str = "@simple", **values: Json) -> Json:
    """An Update; values are named without their colons."""
    body: Json = {"TableName": table, "Key": item, "UpdateExpression": expression}
    if values:
        body["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return {"Update": body}


def get(item: Json, table: str = "@simple", **more: Any) -> Json:
    return {"Get": {"TableName": table, "Key": item, **more}}


def transact(*actions: Json, **more: Any) -> Json:
    """The request of a transaction."""
    return {"TransactItems": list(actions), **more}


def wrong(message: str) -> Json:
    """The reason of an action that does not fit its table or its item."""
    return {"Code": "ValidationError", "Message": message}


def reasons(answer: Answer) -> list[Json]:
    """Why a transaction was cancelled; its message must say the same."""
    found = answer.body.get("CancellationReasons", [])
    codes = ", ".join(str(reason["Code"]) for reason in found)
    assert (answer.status, answer.code, answer.message) == (
        400,
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
    )
    return found
