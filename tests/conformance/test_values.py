"""Values: all ten types as they come back, numbers in the service's form, nesting, and what is not
JSON as the service reads it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels"
    " beyond supported limit"
)


def nested(levels: int) -> Json:
    """A string inside so many maps and lists."""
    value: Json = {"S": "inside"}
    for level in range(levels):
        value = {"L": [value]} if level & 1 else {"M": {"m": value}}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"S": "text"},
        {"S": ""},
        {"S": "\u0000\u00e9\u20ac\U0001f600"},
        {"N": "0"},
        {"B": "AP8="},
        {"B": ""},
        {"BOOL": True},
        {"BOOL": False},
        {"NULL": True},
        {"SS": ["a"]},
        {"SS": [""]},
        {"NS": ["-1"]},
        {"BS": ["AA=="]},
        {"L": []},
        {"L": [{"S": "a"}, {"N": "1"}, {"L": [{"NULL": True}]}]},
        {"M": {}},
        {"M": {" ": {"S": "x"}, "a.b": {"M": {"SS": {"SS": ["q"]}}}}},
        nested(31),
    ],
    ids=lambda value: str(value)[:30],
)
def test_values_come_back(db: Client, simple: str, value: Json) -> None:
    key = {"a": {"S": "value"}}
    db.put(simple, {**key, "v": value})
    assert db.get(simple, key) == {**key, "v": value}


def test_sets_come_back_without_order(db: Client, simple: str) -> None:
    key = {"a": {"S": "sets"}}
    db.put(simple, {**key, "s": {"SS": ["b", "c", "a"]}, "n": {"NS": ["3", "-1", "1e1"]}})
    found = db.get(simple, key)
    assert found is not None
    assert sorted(found["s"]["SS"]) == ["a", "b", "c"]
    assert sorted(found["n"]["NS"], key=int) == ["-1", "3", "10"]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1.0", "1"),
        ("0042.1200", "42.12"),
        ("+5", "5"),
        ("100", "100"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("12.5e-3", "0.0125"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-1.50", "-1.5"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("-0.0000012345678901234567890123456789012345678", None),
        ("1E125", "1" + "0" * 125),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
        ("000000000000000000000000000000000000000000000000000000000000001", "1"),
    ],
)
def test_numbers_are_stored_in_one_form(
    db: Client, simple: str, sent: str, stored: str | None
) -> None:
    key = {"a": {"S": "number"}}
    db.put(simple, {**key, "n": {"N": sent}})
    found = db.get(simple, key)
    assert found is not None
    assert found["n"] == {"N": sent if stored is None else stored}


def test_numbers_that_are_equal_are_one_key(db: Client, numeric: str) -> None:
    db.put(numeric, {"a": {"S": "same"}, "n": {"N": "1.0"}, "v": {"S": "first"}})
    db.put(numeric, {"a": {"S": "same"}, "n": {"N": "1e0"}, "v": {"S": "second"}})
    found = db.get(numeric, {"a": {"S": "same"}, "n": {"N": "1"}})
    assert found == {"a": {"S": "same"}, "n": {"N": "1"}, "v": {"S": "second"}}


def test_nesting_ends_at_32_levels(db: Client, simple: str, refuses: Refuses) -> None:
    body = {"TableName": simple, "Item": {"a": {"S": "deep"}, "v": nested(32)}}
    refuses("PutItem", body, DEEP)
    assert db.get(simple, {"a": {"S": "deep"}}) is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b'"text"', ""),
        (b'{"TableName": "\xff"}', ""),
        (b'{"TableName": "abc", "Item": {"a": {"S": "\\ud800"}}', ""),
    ],
)
def test_what_is_no_json_is_a_serialization_fault(db: Client, body: bytes, message: str) -> None:
    answer = db.send("PutItem", body)
    assert (answer.status, answer.code) == (400, "SerializationException")
    assert answer.body["__type"].startswith("com.amazon.coral.service#")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"S": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"S": True}, "TRUE_VALUE cannot be converted to String"),
        ({"S": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ({"N": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"S": []}, None),
        ({"S": {}}, "Start of structure or map found where not expected"),
        ({"SS": "a"}, "Unexpected field type"),
        ({"L": {}}, None),
        ({"B": "YQ"}, None),
        ({"B": "*!=="}, None),
    ],
    ids=str,
)
def test_values_of_the_wrong_json_type(
    db: Client, simple: str, value: Any, message: str | None
) -> None:
    answer = db.send("PutItem", {"TableName": simple, "Item": {"a": {"S": "t"}, "v": value}})
    assert (answer.status, answer.code) == (400, "SerializationException")
    if message is not None:
        assert answer.message == message


def test_unknown_members_are_passed_over(db: Client, simple: str) -> None:
    db.call("PutItem", {"TableName": simple, "Item": {"a": {"S": "t"}}, "Nonsense": [1, {}]})


def test_unknown_operations_are_told(db: Client) -> None:
    answer = db.send("NoSuchOperation", {})
    assert (answer.status, answer.code) == (400, "UnknownOperationException")
