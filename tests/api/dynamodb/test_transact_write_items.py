"""Proves that transactions write all or nothing, and say exactly why not."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller, CallRefused

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
GSI = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons"


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}}


def put(pk: str, table: str = "things", **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": key(pk), **more}}


def delete(pk: str, **more: Any) -> dict[str, Any]:
    return {"Delete": {"TableName": "things", "Key": key(pk), **more}}


def add(pk: str, amount: int = 1) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "things",
            "Key": key(pk),
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": str(amount)}},
        }
    }


def check(pk: str, condition: str = "attribute_exists(pk)") -> dict[str, Any]:
    return {
        "ConditionCheck": {
            "TableName": "things",
            "Key": key(pk),
            "ConditionExpression": condition,
        }
    }


def transact(caller: Caller, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return caller.call("TransactWriteItems", TransactItems=list(actions), **more)


def refused(caller: Caller, *actions: dict[str, Any], **more: Any) -> CallRefused:
    return caller.refused("TransactWriteItems", TransactItems=list(actions), **more)


def reasons(refusal: CallRefused) -> list[dict[str, Any]]:
    assert refusal.code == "TransactionCanceledException"
    found = refusal.body["CancellationReasons"]
    assert refusal.message == f"{CANCELLED} [{', '.join(reason['Code'] for reason in found)}]"
    return found


def test_all_kinds_of_actions_happen_together(caller: Caller) -> None:
    caller.create(StreamSpecification=STREAM)
    caller.create("others")
    caller.put("gone")
    caller.put("there")
    answer = transact(
        caller, put("new"), put("other", "others"), add("counter"), delete("gone"), check("there")
    )
    assert answer == {}
    assert caller.get("new") == key("new")
    assert caller.get("other", "others") == key("other")
    assert caller.get("counter") == {**key("counter"), "n": {"N": "1"}}
    assert caller.get("gone") is None
    kinds = sorted(record["eventName"] for record in caller.records())
    assert kinds == ["INSERT", "INSERT", "INSERT", "INSERT", "REMOVE"]


def test_one_failed_condition_cancels_everything(caller: Caller) -> None:
    caller.create(StreamSpecification=STREAM)
    caller.put("held", n={"N": "5"})
    refusal = refused(
        caller,
        put("new"),
        check("absent"),
        put("held", ConditionExpression="attribute_not_exists(pk)"),
        delete(
            "held-not",
            ConditionExpression="attribute_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ),
    )
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert reasons(refusal) == [{"Code": "None"}, failed, failed, failed]
    assert caller.get("new") is None
    assert len(caller.records()) == 1


def test_the_stored_item_is_shown_where_asked_for(caller: Caller) -> None:
    caller.create()
    caller.put("held", n={"N": "5"})
    action = put(
        "held",
        ConditionExpression="attribute_not_exists(pk)",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    (reason,) = reasons(refused(caller, action))
    assert reason == {
        "Code": "ConditionalCheckFailed",
        "Item": {**key("held"), "n": {"N": "5"}},
        "Message": "The conditional request failed",
    }


def test_actions_that_do_not_fit_their_table_cancel_before_conditions_are_met(
    caller: Caller,
) -> None:
    caller.create()
    wrong = {"Put": {"TableName": "things", "Item": {"pk": {"N": "7"}}}}
    refusal = refused(caller, wrong, wrong, put("x", ConditionExpression="attribute_exists(pk)"))
    message = (
        "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N"
    )
    assert reasons(refusal) == [
        {"Code": "ValidationError", "Message": message},
        {"Code": "None"},
        {"Code": "None"},
    ]


@pytest.mark.parametrize("wrong", [{"N": "5"}, {"L": [{"S": "x"}]}])
@pytest.mark.parametrize(
    "action",
    [
        {"Delete": {}},
        {"Update": {"UpdateExpression": "REMOVE a"}},
        {"ConditionCheck": {"ConditionExpression": "attribute_exists(pk)"}},
    ],
)
def test_a_lookup_key_of_another_type_is_a_reason(
    caller: Caller, action: dict[str, Any], wrong: dict[str, Any]
) -> None:
    caller.create()
    ((kind, members),) = action.items()
    refusal = refused(caller, {kind: {"TableName": "things", "Key": {"pk": wrong}, **members}})
    message = "The provided key element does not match the schema"
    assert reasons(refusal) == [{"Code": "ValidationError", "Message": message}]


def test_what_the_update_comes_to_is_a_reason(caller: Caller) -> None:
    caller.create(**GSI)
    caller.put("text", n={"S": "no number"})
    (reason,) = reasons(refused(caller, add("text")))
    assert reason["Code"] == "ValidationError"
    big = {
        "Update": {
            "TableName": "things",
            "Key": key("big"),
            "UpdateExpression": "SET a = :a",
            "ExpressionAttributeValues": {":a": {"S": "x" * 410_000}},
        }
    }
    (reason,) = reasons(refused(caller, big))
    assert reason["Message"] == "Item size to update has exceeded the maximum allowed size"
    unindexable = {
        "Update": {
            "TableName": "things",
            "Key": key("g"),
            "UpdateExpression": "SET g = :g",
            "ExpressionAttributeValues": {":g": {"N": "5"}},
        }
    }
    (reason,) = reasons(refused(caller, unindexable))
    assert reason["Message"].endswith(
        "Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g"
    )


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            put(""),
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: pk"
            ),
        ),
        (
            delete(""),
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: pk"
            ),
        ),
        (
            {"Put": {"TableName": "things", "Item": {**key("a"), "b": {"S": "x" * 410_000}}}},
            "Item size has exceeded the maximum allowed size",
        ),
        (
            {},
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        ),
        (
            {**put("a"), **delete("b")},
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
        (
            put("a", ConditionExpression="attribute_exists(#n)"),
            (
                "Invalid ConditionExpression: An expression attribute name used in the document"
                " path is not defined; attribute name: #n"
            ),
        ),
        (
            put(
                "a",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#n": "n"},
            ),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        ),
    ],
)
def test_errors_of_the_request_refuse_it_as_a_whole(
    caller: Caller, action: dict[str, Any], message: str
) -> None:
    caller.create()
    refusal = refused(caller, put("first"), action)
    assert (refusal.code, refusal.message) == ("ValidationException", message)
    assert caller.get("first") is None


def test_placeholders_without_a_condition_are_left_alone(caller: Caller) -> None:
    caller.create()
    transact(caller, put("a", ExpressionAttributeNames={"#n": "n"}))
    assert caller.get("a") == key("a")


def test_an_item_is_named_once(caller: Caller) -> None:
    caller.create()
    for pair in ((put("a"), put("a")), (put("a"), check("a")), (check("a"), check("a"))):
        refusal = refused(caller, put("b"), *pair)
        assert refusal.code == "ValidationException"
        assert refusal.message == (
            "Transaction request cannot include multiple operations on one item"
        )


def test_tables_are_looked_up_before_keys_are_compared(caller: Caller) -> None:
    refusal = refused(caller, put("a"), put("a"))
    assert (refusal.code, refusal.message) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_a_hundred_actions_are_the_most(caller: Caller) -> None:
    caller.create()
    transact(caller, *[put(str(number)) for number in range(100)])
    assert len(caller.scan()) == 100
    refusal = refused(caller, *[put(str(number)) for number in range(101)])
    assert refusal.message.endswith("Member must have length less than or equal to 100")
    empty = refused(caller)
    assert empty.message == (
        "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint:"
        " Member must have length greater than or equal to 1"
    )


def test_four_megabytes_are_the_most(caller: Caller) -> None:
    caller.create()
    text = {"S": "x" * 400_000}

    def large(number: int) -> dict[str, Any]:
        return {"Put": {"TableName": "things", "Item": {**key(str(number)), "a": text}}}

    transact(caller, *[large(number) for number in range(10)])
    refusal = refused(caller, *[large(number) for number in range(11)])
    assert refusal.code == "ValidationException"
    assert "size cannot exceed" in refusal.message
    # What is deleted does not count, only what is sent.
    transact(caller, *[delete(str(number)) for number in range(10)])


def test_a_transaction_uses_twice_the_capacity(caller: Caller) -> None:
    caller.create(**GSI)
    caller.create("others")
    answer = transact(
        caller,
        {"Put": {"TableName": "things", "Item": {**key("a"), "g": {"S": "x"}}}},
        check("b", "attribute_not_exists(pk)"),
        put("a", "others"),
        ReturnConsumedCapacity="INDEXES",
    )
    units = {"CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}
    twice = {"CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}
    assert answer["ConsumedCapacity"] == [
        {
            "TableName": "things",
            "CapacityUnits": 6.0,
            "WriteCapacityUnits": 6.0,
            "Table": twice,
            "GlobalSecondaryIndexes": {"by-g": units},
        },
        {"TableName": "others", **units, "Table": units},
    ]


def test_item_collections_are_measured(caller: Caller) -> None:
    caller.create(
        "sorted",
        sort=True,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "l")
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-l",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "l", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    item = {**key("a"), "sk": {"S": "1"}}
    answer = transact(
        caller,
        {"Put": {"TableName": "sorted", "Item": item}},
        ReturnItemCollectionMetrics="SIZE",
    )
    assert answer["ItemCollectionMetrics"] == {
        "sorted": [{"ItemCollectionKey": key("a"), "SizeEstimateRangeGB": [0.0, 1.0]}]
    }
