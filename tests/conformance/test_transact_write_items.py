"""TransactWriteItems: all or nothing, in any tables, once for each token, at twice the price."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import number, text
from tests.conformance.transactions import (
    FAILED,
    NONE,
    check,
    delete,
    key,
    put,
    reasons,
    transact,
    update,
)

Fill = Callable[[Any], Any]
OLD: Json = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@pytest.fixture
def write(db: Client, fill: Fill) -> Callable[..., Json]:
    """`write(*actions, **more)`: the answer to a transaction that is carried out."""

    def done(*actions: Json, **more: Any) -> Json:
        return db.call("TransactWriteItems", fill(transact(*actions, **more)))

    return done


@pytest.fixture
def cancels(db: Client, fill: Fill) -> Callable[..., list[Json]]:
    """`cancels(*actions, **more)`: the reasons of a transaction that is cancelled."""

    def refused(*actions: Json, **more: Any) -> list[Json]:
        return reasons(db.send("TransactWriteItems", fill(transact(*actions, **more))))

    return refused


Write = Callable[..., Json]
Cancels = Callable[..., list[Json]]


def test_all_kinds_of_actions_happen_together(
    db: Client, simple: str, composite: str, write: Write
) -> None:
    db.put(simple, key("tw-gone"), {**key("tw-there"), "n": number(1)})
    pair = {**key("tw"), "b": text("1")}
    answer = write(
        put({**key("tw-new"), "x": text("")}),
        delete(key("tw-gone")),
        update(key("tw-there"), "SET n = n + :n REMOVE zip ADD tags :t", n=number(2), t=SET),
        update(key("tw-made"), "SET n = if_not_exists(n, :n)", n=number(7)),
        check(key("tw-absent"), "attribute_not_exists(a)"),
        put(pair, "@composite"),
    )
    assert answer == {}
    assert db.get(simple, key("tw-new")) == {**key("tw-new"), "x": text("")}
    assert db.get(simple, key("tw-gone")) is None
    assert db.get(simple, key("tw-there")) == {**key("tw-there"), "n": number(3), "tags": SET}
    assert db.get(simple, key("tw-made")) == {**key("tw-made"), "n": number(7)}
    assert db.get(simple, key("tw-absent")) is None
    assert db.get(composite, pair) == pair


SET: Json = {"SS": ["x"]}


def test_one_failed_condition_cancels_everything(
    db: Client, simple: str, write: Write, cancels: Cancels
) -> None:
    write(put({**key("tw-held"), "n": number(5)}))
    found = cancels(
        put(key("tw-never")),
        check(key("tw-absent")),
        put(key("tw-held"), ConditionExpression="attribute_not_exists(a)"),
        update(key("tw-held-2"), "SET n = :n", n=number(1)),
        delete(key("tw-absent-2"), ConditionExpression="attribute_exists(a)", **OLD),
    )
    assert found == [NONE, FAILED, FAILED, NONE, FAILED]
    assert db.get(simple, key("tw-never")) is None
    assert db.get(simple, key("tw-held")) == {**key("tw-held"), "n": number(5)}
    assert db.get(simple, key("tw-held-2")) is None


@pytest.mark.parametrize("kind", ["Put", "Update", "Delete", "ConditionCheck"])
def test_the_stored_item_is_shown_where_asked_for(
    write: Write, cancels: Cancels, kind: str
) -> None:
    item = {**key("tw-shown"), "l": {"L": [number(1), {"M": {"x": text("y")}}]}}
    write(put(item))
    no = {"ConditionExpression": "attribute_not_exists(a)"}
    changed = update(key("tw-shown"), "SET n = :n", n=number(1))
    actions = {
        "Put": put(key("tw-shown"), **no, **OLD),
        "Update": {"Update": {**changed["Update"], **no, **OLD}},
        "Delete": delete(key("tw-shown"), **no, **OLD),
        "ConditionCheck": check(key("tw-shown"), "attribute_not_exists(a)", **OLD),
    }
    assert cancels(actions[kind]) == [{**FAILED, "Item": item}]
    hidden = {kind: {**actions[kind][kind], "ReturnValuesOnConditionCheckFailure": "NONE"}}
    assert cancels(hidden) == [FAILED]


def test_a_condition_on_what_is_not_there_shows_no_item(cancels: Cancels) -> None:
    assert cancels(check(key("tw-absent"), **OLD)) == [FAILED]


def test_what_changes_nothing_is_carried_out(db: Client, simple: str, write: Write) -> None:
    write(delete(key("tw-absent")))
    write(update(key("tw-absent"), "REMOVE zip"))
    assert db.get(simple, key("tw-absent")) is None


def test_updates_of_keys_alone_make_items(db: Client, simple: str, write: Write) -> None:
    write(update(key("tw-set"), "SET n = if_not_exists(zip, :n)", n=number(1)))
    assert db.get(simple, key("tw-set")) == {**key("tw-set"), "n": number(1)}


# Tokens ------------------------------------------------------------------------------------------


def add(name: str, amount: int = 1) -> Json:
    return update(key(name), "ADD n :n", n=number(amount))


def token() -> Json:
    return {"ClientRequestToken": uuid.uuid4().hex}


def test_a_token_makes_a_transaction_happen_once(db: Client, simple: str, write: Write) -> None:
    once = token()
    for _ in range(3):
        assert write(add("tw-once"), **once) == {}
    assert db.get(simple, key("tw-once")) == {**key("tw-once"), "n": number(1)}
    write(add("tw-once"), **token())
    assert db.get(simple, key("tw-once")) == {**key("tw-once"), "n": number(2)}


def test_a_token_belongs_to_one_request(
    db: Client, simple: str, write: Write, refuses: Callable[..., None]
) -> None:
    once = token()
    write(add("tw-token"), **once)
    message = (
        "DynamoDB rejected the request because you retried a request with a different payload but"
        " with an idempotent token that was already used."
    )
    for other in (transact(add("tw-token", 2)), transact(add("tw-token"), put(key("tw-more")))):
        refuses(
            "TransactWriteItems", {**other, **once}, message, "IdempotentParameterMismatchException"
        )
    assert db.get(simple, key("tw-token")) == {**key("tw-token"), "n": number(1)}
    assert db.get(simple, key("tw-more")) is None


def test_a_cancelled_transaction_leaves_its_token_unused(
    db: Client, simple: str, write: Write, cancels: Cancels
) -> None:
    once = token()
    actions = (add("tw-again"), check(key("tw-later")))
    assert cancels(*actions, **once) == [NONE, FAILED]
    db.put(simple, key("tw-later"))
    write(*actions, **once)
    assert db.get(simple, key("tw-again")) == {**key("tw-again"), "n": number(1)}


def test_a_repetition_shows_what_reading_the_items_uses(write: Write, simple: str) -> None:
    more = {**token(), "ReturnConsumedCapacity": "TOTAL"}
    common = {"TableName": simple, "CapacityUnits": 2.0}
    first, again = write(add("tw-used"), **more), write(add("tw-used"), **more)
    assert first["ConsumedCapacity"] == [{**common, "WriteCapacityUnits": 2.0}]
    assert again["ConsumedCapacity"] == [{**common, "ReadCapacityUnits": 2.0}]


# Capacity and sizes ------------------------------------------------------------------------------


def test_a_transaction_uses_twice_the_capacity(write: Write, simple: str, composite: str) -> None:
    item = {**key("tw-cap"), "b": text("1"), "c": text("x")}
    answer = write(
        put(item, "@composite"),
        check(key("tw-cap"), "attribute_not_exists(a)"),
        put({**key("tw-kb"), "x": text("x" * 1024)}),
        ReturnConsumedCapacity="INDEXES",
    )
    two = {"CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}
    assert answer["ConsumedCapacity"] == [
        {
            "TableName": composite,
            "CapacityUnits": 6.0,
            "WriteCapacityUnits": 6.0,
            "Table": two,
            "LocalSecondaryIndexes": {"local_all": two},
            "GlobalSecondaryIndexes": {"global_all": two},
        },
        {
            "TableName": simple,
            "CapacityUnits": 6.0,
            "WriteCapacityUnits": 6.0,
            "Table": {"CapacityUnits": 6.0, "WriteCapacityUnits": 6.0},
        },
    ]


def test_item_collections_are_measured_where_there_are_local_indexes(
    write: Write, composite: str
) -> None:
    item = {**key("tw-metrics"), "b": text("1")}
    answer = write(
        put(item, "@composite"), put(key("tw-metrics")), ReturnItemCollectionMetrics="SIZE"
    )
    (found,) = answer["ItemCollectionMetrics"].pop(composite)
    assert answer == {"ItemCollectionMetrics": {}}
    assert found["ItemCollectionKey"] == key("tw-metrics")
    low, high = found["SizeEstimateRangeGB"]
    assert (low, high) == (0.0, 1.0)


def test_100_actions_are_carried_out(db: Client, write: Write) -> None:
    table = db.new_table(
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
    )
    write(*(put(key(f"k{place}"), table) for place in range(100)))
    assert db.call("Scan", {"TableName": table, "Select": "COUNT"})["Count"] == 100


def test_four_megabytes_are_the_most(db: Client, simple: str, fill: Fill, write: Write) -> None:
    large = text("x" * 400_000)
    write(*(put({**key(f"tw-large-{place}"), "x": large}) for place in range(10)))
    more = [put({**key(f"tw-larger-{place}"), "x": large}) for place in range(11)]
    answer = db.send("TransactWriteItems", fill(transact(*more)))
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert db.get(simple, key("tw-larger-0")) is None
    write(*(delete(key(f"tw-large-{place}")) for place in range(10)))


def test_transactions_that_meet_do_not_get_lost(db: Client, simple: str) -> None:
    """Each is carried out, or cancelled for the others' sake; the counters agree in the end."""
    counters = ("tw-meet-1", "tw-meet-2")
    body = transact(*(update(key(name), "ADD n :n", simple, n=number(1)) for name in counters))

    def run(_: int) -> str:
        client = Client(db.url)
        answer = client.send("TransactWriteItems", body)
        client.close()
        if answer.status == 200:
            return "done"
        assert answer.code in ("TransactionCanceledException", "TransactionInProgressException")
        return answer.code

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(24))).count("done")
    assert done
    for name in counters:
        assert db.get(simple, key(name)) == {**key(name), "n": number(done)}


def test_transactions_are_in_the_stream(db: Client) -> None:
    from tests.conformance.test_stream_records import Watched

    table = Watched(db, "NEW_AND_OLD_IMAGES")
    write_to = {"table": table.table}
    db.call("TransactWriteItems", transact(put(key("x"), **write_to), put(key("y"), **write_to)))
    db.call(
        "TransactWriteItems",
        transact(
            update(key("x"), "SET n = :n", table.table, n=number(1)),
            put(key("y"), table.table),
            check(key("z"), "attribute_not_exists(a)", table.table),
        ),
    )
    refused = transact(delete(key("x"), table.table), check(key("z"), table=table.table))
    assert reasons(db.send("TransactWriteItems", refused)) == [NONE, FAILED]
    db.call("TransactWriteItems", transact(delete(key("x"), table.table)))
    changes = [(record["eventName"], record["dynamodb"]["Keys"]) for record in table.records(4)]
    assert sorted(changes, key=str) == [
        ("INSERT", key("x")),
        ("INSERT", key("y")),
        ("MODIFY", key("x")),
        ("REMOVE", key("x")),
    ]
