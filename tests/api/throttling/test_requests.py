"""Single requests, pages, statements and transactions are refused when their table has no
throughput left, in AWS's words, and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.testing.calling import Caller, CallRefused

if TYPE_CHECKING:
    from conftest import Throttled

TABLE = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing"
    " your provisioning level with the UpdateTable API."
)
INDEX = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the"
    " table was exceeded. Consider increasing your provisioning level for the under-provisioned"
    " global secondary indexes with the UpdateTable API."
)
EXCEEDED = "ProvisionedThroughputExceededException"


def puts_until_refused(caller: Caller, **attributes: Any) -> tuple[int, CallRefused]:
    for count in range(5000):
        try:
            caller.put(f"k{count}", **attributes)
        except CallRefused as refusal:
            return count, refusal
    raise AssertionError("never refused")


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}}


def test_a_new_table_takes_one_second_of_writes_and_then_its_rate(throttled: Throttled) -> None:
    throttled.provisioned(writes=5)
    count, refusal = puts_until_refused(throttled)
    assert count == 5
    assert (refusal.code, refusal.message) == (EXCEEDED, TABLE)
    assert refusal.body["ThrottlingReasons"] == [
        {
            "reason": "TableWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/things",
        }
    ]
    throttled.wait(0.2)
    assert puts_until_refused(throttled)[0] == 1


def test_unused_units_of_five_minutes_are_saved_up(throttled: Throttled) -> None:
    throttled.provisioned(writes=2)
    throttled.wait(10_000)
    assert puts_until_refused(throttled)[0] == 600


def test_what_is_refused_changes_nothing_and_reads_go_on(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    throttled.put("a")
    refusal = throttled.refused("PutItem", TableName="things", Item=key("b"))
    assert refusal.code == EXCEEDED
    assert throttled.get("b") is None
    assert throttled.get("a") == key("a")


def test_a_bad_request_is_bad_before_it_is_too_many(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    throttled.put("a")
    refusal = throttled.refused("PutItem", TableName="things", Item={"other": {"S": "x"}})
    assert refusal.code == "ValidationException"


def test_large_items_leave_a_debt(throttled: Throttled) -> None:
    throttled.provisioned(writes=5)
    throttled.put("large", text={"S": "x" * 10_000})  # 10 units of 5
    throttled.wait(1.1)
    assert throttled.refused("PutItem", TableName="things", Item=key("b")).message == TABLE
    throttled.wait(0.1)
    throttled.put("b")


def test_failed_conditions_are_paid_for(throttled: Throttled) -> None:
    throttled.provisioned(writes=2)
    throttled.put("a")
    asked: dict[str, Any] = {
        "TableName": "things",
        "Key": key("a"),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    assert throttled.refused("DeleteItem", **asked).code == "ConditionalCheckFailedException"
    assert throttled.refused("DeleteItem", **asked).code == EXCEEDED


def test_reads_cost_half_when_they_need_not_be_consistent(throttled: Throttled) -> None:
    throttled.provisioned(reads=2)
    for _ in range(4):
        throttled.get("a")
    refusal = throttled.refused("GetItem", TableName="things", Key=key("a"))
    assert (refusal.code, refusal.message) == (EXCEEDED, TABLE)
    assert refusal.body["ThrottlingReasons"][0]["reason"] == (
        "TableReadProvisionedThroughputExceeded"
    )
    throttled.wait(1)
    for _ in range(2):
        throttled.call("GetItem", TableName="things", Key=key("a"), ConsistentRead=True)
    throttled.refused("GetItem", TableName="things", Key=key("a"))


@pytest.mark.parametrize("operation", ["Scan", "Query", "ExecuteStatement"])
def test_a_page_is_answered_and_the_next_call_pays(throttled: Throttled, operation: str) -> None:
    throttled.provisioned(reads=1, writes=1000)
    throttled.put("a", text={"S": "x" * 30_000})
    asked: dict[str, dict[str, Any]] = {
        "Scan": {"TableName": "things"},
        "Query": {
            "TableName": "things",
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "a"}},
        },
        "ExecuteStatement": {"Statement": 'SELECT * FROM "things"'},
    }
    answer = throttled.call(operation, **asked[operation])
    assert "ConsumedCapacity" not in answer
    assert len(answer["Items"]) == 1
    assert throttled.refused(operation, **asked[operation]).message == TABLE
    throttled.wait(4)  # of four units, one was there
    total = throttled.call(operation, **asked[operation], ReturnConsumedCapacity="TOTAL")
    assert total["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 4.0}


def test_statements_that_write_are_charged(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    statement = "INSERT INTO things VALUE {'pk': '%s'}"
    throttled.call("ExecuteStatement", Statement=statement % "a")
    refusal = throttled.refused("ExecuteStatement", Statement=statement % "b")
    assert (refusal.code, refusal.message) == (EXCEEDED, TABLE)


def test_an_index_behind_holds_up_the_writes_that_touch_it(throttled: Throttled) -> None:
    throttled.indexed(writes=100, index_writes=1)
    throttled.put("a", owner={"S": "ann"})
    refusal = throttled.refused(
        "PutItem", TableName="things", Item={**key("b"), "owner": {"S": "ann"}}
    )
    assert (refusal.code, refusal.message) == (EXCEEDED, INDEX)
    assert refusal.body["ThrottlingReasons"][0] == {
        "reason": "IndexWriteProvisionedThroughputExceeded",
        "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/things/index/by-owner",
    }
    throttled.put("c")
    throttled.put("a", owner={"S": "ann"})  # nothing changes in the index


def test_reads_of_an_index_use_its_own_throughput(throttled: Throttled) -> None:
    throttled.indexed()
    asked = {"TableName": "things", "IndexName": "by-owner"}
    throttled.call("Scan", **asked)
    throttled.call("Scan", **asked)
    assert throttled.refused("Scan", **asked).message == INDEX
    throttled.call("Scan", TableName="things")


def test_new_throughput_counts_at_once(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    throttled.put("a")
    throttled.call(
        "UpdateTable",
        TableName="things",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 100},
    )
    throttled.wait(0.5)
    assert puts_until_refused(throttled)[0] == 50


def test_on_demand_tables_have_the_limits_that_were_set(throttled: Throttled) -> None:
    throttled.limited(MaxWriteRequestUnits=2)
    throttled.wait(100)
    count, refusal = puts_until_refused(throttled)
    assert count == 2
    assert refusal.code == "ThrottlingException"
    assert refusal.message.startswith("Throughput exceeds the current capacity of your table")
    assert refusal.body["throttlingReasons"][0]["reason"] == (
        "TableWriteMaxOnDemandThroughputExceeded"
    )
    for _ in range(100):
        throttled.get("a")


def test_on_demand_tables_without_limits_are_never_refused(throttled: Throttled) -> None:
    throttled.create()
    for count in range(200):
        throttled.put(f"k{count}")


def put_actions(*keys: str) -> list[dict[str, Any]]:
    return [{"Put": {"TableName": "things", "Item": key(each)}} for each in keys]


def test_a_transaction_costs_double_and_is_cancelled_whole(throttled: Throttled) -> None:
    throttled.provisioned(writes=4)
    throttled.create("free")
    throttled.call("TransactWriteItems", TransactItems=put_actions("a", "b"))
    others = [{"Put": {"TableName": "free", "Item": key("x")}}, *put_actions("c")]
    refusal = throttled.refused("TransactWriteItems", TransactItems=others)
    assert refusal.code == "TransactionCanceledException"
    assert refusal.body["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ProvisionedThroughputExceeded", "Message": TABLE},
    ]
    assert throttled.get("x", "free") is None


def test_a_transaction_of_reads_is_cancelled(throttled: Throttled) -> None:
    throttled.limited(MaxReadRequestUnits=2)
    actions = [{"Get": {"TableName": "things", "Key": key("a")}}]
    throttled.call("TransactGetItems", TransactItems=actions)
    refusal = throttled.refused("TransactGetItems", TransactItems=actions)
    assert refusal.body["CancellationReasons"][0]["Code"] == "ThrottlingError"
    statements = [{"Statement": "SELECT * FROM things WHERE pk = 'a'"}]
    refusal = throttled.refused("ExecuteTransaction", TransactStatements=statements)
    assert refusal.body["CancellationReasons"][0]["Code"] == "ThrottlingError"


def test_a_transaction_that_comes_again_uses_nothing(throttled: Throttled) -> None:
    throttled.provisioned(writes=4)
    asked = {"TransactItems": put_actions("a"), "ClientRequestToken": "token"}
    for _ in range(5):
        throttled.call("TransactWriteItems", **asked)
    throttled.put("b")
    throttled.put("c")
    throttled.refused("PutItem", TableName="things", Item=key("d"))


def test_cancellations_for_other_reasons_come_first(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    throttled.put("a", text={"S": "x"})
    action = {
        "Update": {
            "TableName": "things",
            "Key": key("a"),
            "UpdateExpression": "ADD #t :one",
            "ExpressionAttributeNames": {"#t": "text"},
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    refusal = throttled.refused("TransactWriteItems", TransactItems=[action])
    assert refusal.body["CancellationReasons"][0]["Code"] == "ValidationError"
