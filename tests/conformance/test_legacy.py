"""The parameters from before expressions: Expected, AttributeUpdates, KeyConditions, QueryFilter,
ScanFilter, AttributesToGet and ConditionalOperator."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import is_, number, text

INVALID = "One or more parameter values were invalid: "
OPERATORS = (
    "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS"
)
VALUES: dict[str, Json] = {
    "S": text("x"),
    "N": number(1),
    "B": {"B": "AA=="},
    "BOOL": {"BOOL": True},
    "NULL": {"NULL": True},
    "SS": {"SS": ["x", "y"]},
    "NS": {"NS": ["1", "2"]},
    "BS": {"BS": ["AA=="]},
    "L": {"L": [text("x"), number(1)]},
    "M": {"M": {"x": number(1)}},
}


@pytest.fixture(scope="module")
def zoo(db: Client, composite: str) -> str:
    """Items with `v` of each type, their sort key, and one without."""
    items = [
        {"a": text("zoo"), "b": text(kind), "v": value, "w": text(kind[0])}
        for kind, value in VALUES.items()
    ]
    db.put_many(composite, [*items, {"a": text("zoo"), "b": text("none")}])
    return composite


def filtered(db: Client, table: str, conditions: Json, operator: str | None = None) -> set[str]:
    """The sort keys that a query finds with a filter; a scan must find the same."""
    more = {} if operator is None else {"ConditionalOperator": operator}
    body = {"TableName": table, "KeyConditions": {"a": is_("EQ", text("zoo"))}}
    found = db.items("Query", {**body, "QueryFilter": conditions, **more})
    scanned = db.items("Scan", {"TableName": table, "ScanFilter": conditions, **more})
    assert [item for item in scanned if item["a"] == text("zoo")] == found
    return {item["b"]["S"] for item in found}


FOUND: list[tuple[str, list[Json], set[str]]] = [
    *(("EQ", [value], {kind}) for kind, value in VALUES.items()),
    *(("NE", [value], {*VALUES, "none"} - {kind}) for kind, value in VALUES.items()),
    ("EQ", [number("1.0")], {"N"}),
    ("EQ", [{"SS": ["y", "x"]}], {"SS"}),
    ("LT", [text("y")], {"S"}),
    ("LT", [text("x")], set()),
    ("LE", [text("x")], {"S"}),
    ("GT", [number(0)], {"N"}),
    ("GE", [{"B": "AA=="}], {"B"}),
    ("IN", [number(5), number(1)], {"N"}),
    ("BETWEEN", [text("a"), text("x")], {"S"}),
    ("BEGINS_WITH", [text("x")], {"S"}),
    ("BEGINS_WITH", [text("")], {"S"}),
    ("CONTAINS", [text("x")], {"S", "SS", "L"}),
    ("CONTAINS", [number(1)], {"NS", "L"}),
    ("NOT_CONTAINS", [text("x")], {*VALUES} - {"S", "SS", "L"}),
    ("NULL", [], {"none"}),
    ("NOT_NULL", [], {*VALUES}),
]


@pytest.mark.parametrize(
    ("operator", "values", "found"), FOUND, ids=[f"{op}-{n}" for n, (op, _, _) in enumerate(FOUND)]
)
def test_what_filters_keep(
    db: Client, zoo: str, operator: str, values: list[Json], found: set[str]
) -> None:
    assert filtered(db, zoo, {"v": is_(operator, *values)}) == found


def test_filters_are_joined(db: Client, zoo: str) -> None:
    both = {"v": is_("CONTAINS", text("x")), "w": is_("EQ", text("S"))}
    assert filtered(db, zoo, both) == {"S", "SS"}
    assert filtered(db, zoo, both, "AND") == {"S", "SS"}
    assert filtered(db, zoo, both, "OR") == {"S", "SS", "L"}


@pytest.mark.parametrize(
    ("operator", "kinds"),
    [
        *((operator, "BOOL NULL SS NS BS L M") for operator in ("LT", "LE", "GT", "GE", "IN")),
        ("BETWEEN", "BOOL NULL SS NS BS L M"),
        ("BEGINS_WITH", "N BOOL NULL SS NS BS L M"),
        ("CONTAINS", "SS NS BS L M"),
        ("NOT_CONTAINS", "SS NS BS L M"),
    ],
)
def test_types_that_operators_do_not_take(refuses: Refuses, operator: str, kinds: str) -> None:
    """Told before the table is looked for, in filters and in KeyConditions."""
    for kind in kinds.split():
        values = [VALUES[kind]] * (2 if operator == "BETWEEN" else 1)
        conditions = {"v": is_(operator, *values)}
        message = f"{INVALID}ComparisonOperator {operator} is not valid for {kind}"
        message += " AttributeValue type"
        refuses("Scan", {"TableName": "no-such-table", "ScanFilter": conditions}, message)
        refuses("Query", {"TableName": "no-such-table", "KeyConditions": conditions}, message)


COUNTS = {"NULL": (0,), "NOT_NULL": (0,), "BETWEEN": (2,), "IN": (1, 2, 3)}


@pytest.mark.parametrize("operator", OPERATORS.split(", "))
@pytest.mark.parametrize("count", range(4))
def test_how_many_values_operators_take(
    db: Client, zoo: str, refuses: Refuses, operator: str, count: int
) -> None:
    conditions = {"v": is_(operator, *[text("x")] * count)}
    if count in COUNTS.get(operator, (1,)):
        filtered(db, zoo, conditions)
        return
    message = f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"
    missing: Json = {"TableName": "no-such-table"}
    refuses("Scan", {**missing, "ScanFilter": conditions}, message)
    refuses("Query", {**missing, "KeyConditions": conditions}, message)
    refuses("Query", {**missing, "QueryFilter": conditions}, message)
    if count:
        refuses("PutItem", {**missing, "Item": {}, "Expected": conditions}, message)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (is_("EQ", text("N")), ["N"]),
        (is_("LT", text("BOOL")), ["B"]),
        (is_("LE", text("BOOL")), ["B", "BOOL"]),
        (is_("GT", text("SS")), ["none"]),
        (is_("GE", text("SS")), ["SS", "none"]),
        (is_("BETWEEN", text("M"), text("NS")), ["M", "N", "NS"]),
        (is_("BEGINS_WITH", text("N")), ["N", "NS", "NULL"]),
    ],
)
def test_key_conditions(db: Client, zoo: str, condition: Json, found: list[str]) -> None:
    body = {"TableName": zoo, "KeyConditions": {"a": is_("EQ", text("zoo")), "b": condition}}
    assert [item["b"]["S"] for item in db.items("Query", body)] == found


def test_attributes_to_get(db: Client, zoo: str) -> None:
    key = {"a": text("zoo"), "b": text("M")}
    body = {"TableName": zoo, "Key": key, "AttributesToGet": ["v", "v.x", "q"]}
    assert db.call("GetItem", body)["Item"] == {"v": VALUES["M"]}
    conditions = {"a": is_("EQ", text("zoo")), "b": is_("EQ", text("M"))}
    body = {"TableName": zoo, "KeyConditions": conditions, "AttributesToGet": ["b", "w"]}
    assert db.items("Query", body) == [{"b": text("M"), "w": text("M")}]
    for item in db.items("Scan", {"TableName": zoo, "AttributesToGet": ["b"]}):
        assert set(item) == {"b"}
