"""What the commands of the state machine are made of: items, conditions, updates, statements, and
the table they are about."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = [
    "ATTRIBUTES",
    "CONDITIONS",
    "FAILURES",
    "KEYS",
    "MALFORMED",
    "PLACES",
    "READS",
    "READ_STATEMENTS",
    "REMOVALS",
    "RETURNED",
    "RETURNING",
    "TABLE",
    "UPDATES",
    "WRITE_STATEMENTS",
    "action_of",
    "given",
    "key_of",
    "misfits",
    "stated",
    "used",
]

Json = dict[str, Any]

KEYS = st.sampled_from(["a", "b", "c"])
_SORTS = st.sampled_from(["1", "2", "\u00e9"])
PLACES = st.tuples(KEYS, _SORTS)
_TEXTS = st.sampled_from(["", "x", "y", "\u4e2d", "long" * 50])
_NAMES = st.sampled_from(["x", "\u4e2d", "a.b"])
_NUMBERS = st.sampled_from(["0", "1", "-1.50", "1e3", "9" * 38, "1e126", "no number"])


def _scalars(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.one_of(
        st.builds(lambda text: {"S": text}, _TEXTS),
        st.builds(lambda text: {"N": text}, numbers),
        st.just({"BOOL": True}),
        st.just({"NULL": True}),
        st.just({"B": "AAEC"}),
        st.builds(lambda members: {"SS": members}, st.lists(_TEXTS, max_size=3)),
        st.builds(lambda members: {"NS": members}, st.lists(numbers, max_size=3)),
    )


# DynamoDB Local leaves numbers inside documents as they were written.
_CANONICAL = st.sampled_from(["0", "1", "-1.5", "1000", "9" * 38, "no number"])
_VALUES = _scalars(_NUMBERS) | st.recursive(
    _scalars(_CANONICAL),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=2)),
        st.builds(lambda members: {"M": members}, st.dictionaries(_NAMES, inner, max_size=2)),
    ),
    max_leaves=4,
)
_INDEXED = st.sampled_from([{}, {}, {"g": {"S": "x"}}, {"g": {"S": ""}}, {"g": {"N": "1"}}])
ATTRIBUTES = st.builds(
    lambda values, indexed: {**values, **indexed},
    st.dictionaries(st.sampled_from(["v", "w", "l"]), _VALUES, max_size=3),
    _INDEXED,
)
RETURNED = st.sampled_from(["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"])
FAILURES = st.sampled_from([None, "ALL_OLD"])
CONDITIONS = st.sampled_from(
    [
        None,
        "attribute_exists(pk)",
        "attribute_not_exists(pk)",
        "v = :x",
        "size(w) > :n",
        "contains(v, :x) OR NOT begins_with(w, :x)",
        "v IN (:x, :n) AND w BETWEEN :n AND :n",
        "v =",
        "nope(:x)",
        "pk.part = :x",
    ]
)
UPDATES = st.sampled_from(
    [
        "SET v = :x",
        "SET v = if_not_exists(v, :n) + :n",
        "ADD w :n",
        "REMOVE v, w",
        "SET #g = :x REMOVE l",
        "DELETE v :set",
        "SET l.a[0] = :x",
        "SET pk = :x",
        "SET v = v + :x",
        "SET l = list_append(if_not_exists(l, :l), :l)",
        "UPDATE v",
    ]
)
READS = ("BatchGetItem", "Query", "Scan")
MALFORMED = ("'v ='", "nope(:x)", "UPDATE v")
# Made of nothing but removals: they make no item.
REMOVALS = ("REMOVE v, w", "DELETE v :set")
_BOUND = {
    ":x": {"S": "x"},
    ":n": {"N": "1"},
    ":set": {"SS": ["x"]},
    ":l": {"L": [{"N": "1"}]},
}
WRITE_STATEMENTS = (
    "INSERT INTO things VALUE {'pk': ?, 'sk': ?, 'v': 'x', 'g': 'x'}",
    "INSERT INTO things VALUE {'pk': ?, 'sk': ?, 'w': <<1, 2>>, 'l': {'a': [1, null, TRUE]}}",
    "INSERT INTO things VALUE {'pk': ?, 'sk': ?, 'v': 1, 'v': 2}",
    "UPDATE things SET v = 'x', g = 'x' WHERE pk = ? AND sk = ?",
    "UPDATE things SET w = w + 1 REMOVE v WHERE pk = ? AND sk = ?",
    "UPDATE things SET w = set_add(w, <<3>>) WHERE pk = ? AND sk = ? AND w IS NOT MISSING",
    "UPDATE things SET v = list_append(v, ['x']) WHERE pk = ? AND sk = ?",
    "UPDATE things SET v = 1 WHERE pk = ? AND sk = ? AND (v = 'x' OR size(v) > 1)",
    "DELETE FROM things WHERE pk = ? AND sk = ?",
    "DELETE FROM things WHERE pk = ? AND sk = ? AND begins_with(v, 'x')",
)
RETURNING = st.sampled_from(["", " RETURNING ALL OLD *", " RETURNING ALL NEW *"])
READ_STATEMENTS = st.sampled_from(
    [
        "SELECT * FROM things WHERE pk = ? AND sk = ?",
        "SELECT v, l.a, l.a[0] FROM things WHERE pk = ? AND sk >= ?",
        "SELECT sk, w FROM things WHERE pk = ? AND NOT v = ?",
        "SELECT * FROM things.\"by-g\" WHERE g = 'x' AND pk = ? AND sk = ?",
        "SELECT v, v FROM things WHERE pk = ? AND sk = ?",
        "SELECT * FROM things WHERE pk = ? AND sk.part = ?",
        "SELECT * FROM things WHERE pk = ? AND v < TRUE AND sk = ?",
        "SELECT * FROM things.nope WHERE pk = ? WHERE sk = ?",
    ]
)
TABLE: Json = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [
                {"AttributeName": "g", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"]},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def key_of(place: tuple[str, str]) -> Json:
    return {"pk": {"S": place[0]}, "sk": {"S": place[1]}}


def given(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def stated(statement: str, place: tuple[str, str]) -> Json:
    return {"Statement": statement, "Parameters": [{"S": part} for part in place]}


def used(*expressions: str | None) -> dict[str, Any] | None:
    found = {
        name: value
        for name, value in _BOUND.items()
        if any(name in expression for expression in expressions if expression)
    }
    return found or None


def misfits(action: Json) -> bool:
    """Whether an action of a transaction does not fit the keys of the table or of its index."""
    put = action.get("Put", {}).get("Item", {}).get("g", {"S": "x"})
    return put != {"S": "x"} or action.get("Update", {}).get("UpdateExpression") == "SET pk = :x"


def action_of(
    kind: str,
    place: tuple[str, str],
    more: Json,
    update: str,
    condition: str | None,
    failure: str | None,
) -> Json:
    """An action of TransactWriteItems."""
    action: Json = {"TableName": "things", "Key": key_of(place)}
    expressions = [condition]
    if kind == "Put":
        action = {"TableName": "things", "Item": {**more, **key_of(place)}}
    if kind == "ConditionCheck":
        expressions = [condition or "attribute_exists(pk)"]
    if kind == "Update":
        action["UpdateExpression"] = update
        expressions.append(update)
        if "#g" in update:
            action["ExpressionAttributeNames"] = {"#g": "g"}
    more_members = given(
        ConditionExpression=expressions[0],
        ExpressionAttributeValues=used(*expressions),
        ReturnValuesOnConditionCheckFailure=failure,
    )
    return {kind: {**action, **more_members}}
