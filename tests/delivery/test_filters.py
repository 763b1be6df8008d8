"""Filter patterns match what Lambda's do, and what is no pattern is refused."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.filters import (
    MAX_FILTERS,
    MAX_PATTERN_CHARACTERS,
    compile_filters,
    compile_pattern,
)
from tailrace.delivery.settings import InvalidParameterValueException

EVENT = {
    "eventID": "1",
    "eventName": "MODIFY",
    "eventSource": "aws:dynamodb",
    "dynamodb": {
        "Keys": {"pk": {"S": "order#1"}},
        "NewImage": {
            "state": {"S": "Paid"},
            "total": {"N": "300"},
            "note": {"S": ""},
            "gone": {"NULL": True},
            "address": {"M": {"ip": {"S": "10.0.0.7"}}},
            "tags": {"SS": ["new", "express"]},
            "lines": {"L": [{"M": {"sku": {"S": "a"}}}, {"M": {"sku": {"S": "b"}}}]},
        },
        "SizeBytes": 300.0,
    },
}


def matches(pattern: Any, event: Any = EVENT) -> bool:
    return compile_pattern(json.dumps(pattern))(event)


def new(name: str, **value: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": {name: value}}}


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"eventName": ["INSERT", "MODIFY"]},
        {"eventName": ["MODIFY"], **new("state", S=["Paid"])},
        new("state", S=[{"prefix": "Pa"}]),
        new("state", S=[{"prefix": {"equals-ignore-case": "pA"}}]),
        new("state", S=[{"suffix": "id"}]),
        new("state", S=[{"suffix": {"equals-ignore-case": "ID"}}]),
        new("state", S=[{"equals-ignore-case": "pAID"}]),
        new("state", S=[{"wildcard": "P*d"}]),
        new("state", S=[{"anything-but": "Open"}]),
        new("state", S=[{"anything-but": ["Open", "Lost"]}]),
        new("state", S=[{"anything-but": {"prefix": "O"}}]),
        new("state", S=[{"anything-but": {"suffix": ["x", "y"]}}]),
        new("state", S=[{"anything-but": {"wildcard": "*x*"}}]),
        new("state", S=[{"exists": True}]),
        new("other", S=[{"exists": False}]),
        new("state", N=[{"exists": False}]),
        new("note", S=[""]),
        new("gone", NULL=[True]),
        new("tags", SS=["express", "slow"]),
        new("tags", SS=[{"prefix": "exp"}]),
        new("lines", L={"M": {"sku": {"S": ["b"]}}}),
        new("address", M={"ip": {"S": [{"cidr": "10.0.0.0/24"}]}}),
        new("total", N=["300"]),
        {"dynamodb": {"SizeBytes": [300]}},
        {"dynamodb": {"SizeBytes": [{"numeric": [">", 0, "<=", 300]}]}},
        {"dynamodb": {"SizeBytes": [{"numeric": ["=", 3e2]}]}},
        {"userIdentity": {"type": [{"exists": False}]}},
        {"$or": [{"eventName": ["INSERT"]}, new("state", S=["Paid"])]},
        {"dynamodb": {"$or": [{"SizeBytes": [1]}, {"SizeBytes": [300]}]}, "eventName": ["MODIFY"]},
    ],
)
def test_what_matches(pattern: Any) -> None:
    assert matches(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"eventName": ["REMOVE"]},
        {"eventName": ["MODIFY"], **new("state", S=["Open"])},
        {"eventID": ["1"]},
        new("state", S=["paid"]),
        new("state", S=[{"prefix": "pa"}]),
        new("state", S=[{"suffix": "i"}]),
        new("state", S=[{"wildcard": "P*x"}]),
        new("state", S=[{"anything-but": ["Paid"]}]),
        new("state", S=[{"anything-but": {"prefix": "P"}}]),
        new("other", S=[{"anything-but": "x"}]),
        new("other", S=[{"exists": True}]),
        new("state", S=[{"exists": False}]),
        {"dynamodb": {"NewImage": [{"exists": True}]}},
        new("total", N=[300]),
        new("total", N=[{"numeric": [">", 0]}]),
        new("gone", NULL=[1]),
        new("gone", NULL=[None]),
        new("note", S=[None]),
        new("address", M={"ip": {"S": [{"cidr": "10.0.1.0/24"}]}}),
        new("state", S=[{"cidr": "10.0.1.0/24"}]),
        {"dynamodb": {"SizeBytes": [{"numeric": ["<", 300]}]}},
        {"dynamodb": {"SizeBytes": ["300"]}},
        {"$or": [{"eventName": ["INSERT"]}, {"eventName": ["REMOVE"]}]},
    ],
)
def test_what_does_not_match(pattern: Any) -> None:
    assert not matches(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        [],
        "text",
        None,
        {"eventName": "MODIFY"},
        {"eventName": []},
        {"eventName": {}},
        {"eventName": [["MODIFY"]]},
        {"eventName": [{}]},
        {"eventName": [{"prefix": "a", "suffix": "b"}]},
        {"eventName": [{"unknown": "a"}]},
        {"eventName": [{"prefix": 1}]},
        {"eventName": [{"prefix": {"wildcard": "a"}}]},
        {"eventName": [{"exists": "yes"}]},
        {"eventName": [{"wildcard": "a**b"}]},
        {"eventName": [{"wildcard": "a\\b"}]},
        {"eventName": [{"wildcard": "a\\"}]},
        {"eventName": [{"anything-but": []}]},
        {"eventName": [{"anything-but": None}]},
        {"eventName": [{"anything-but": {"numeric": ["=", 1]}}]},
        {"eventName": [{"numeric": []}]},
        {"eventName": [{"numeric": [">"]}]},
        {"eventName": [{"numeric": [">", "1"]}]},
        {"eventName": [{"numeric": ["!", 1]}]},
        {"eventName": [{"numeric": [">", 2, "<", 1]}]},
        {"eventName": [{"numeric": ["<", 2, ">", 1]}]},
        {"eventName": [{"numeric": [1, ">"]}]},
        {"eventName": [{"cidr": "10.0.0.300/8"}]},
        {"$or": [{"eventName": ["a"]}]},
        {"$or": {"eventName": ["a"]}},
        {"$or": ["a", "b"]},
    ],
)
def test_what_is_no_pattern(pattern: Any) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        compile_pattern(json.dumps(pattern))
    assert refused.value.message == "Invalid filter pattern definition."


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1', "[" * 5000, '{"a":' * 800, "x" * (MAX_PATTERN_CHARACTERS + 1)]
)
def test_what_is_no_json_or_too_much(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        compile_pattern(text)


def test_deep_patterns_are_refused() -> None:
    depth = 100
    with pytest.raises(InvalidParameterValueException):
        compile_pattern('{"a":' * depth + '["x"]' + "}" * depth)


def test_any_filter_is_enough_and_none_is_no_filter() -> None:
    assert compile_filters([]) is None
    accept = compile_filters(['{"eventName":["INSERT"]}', '{"eventName":["MODIFY"]}'])
    assert accept is not None
    assert accept(EVENT)
    assert not accept({"eventName": "REMOVE"})
    with pytest.raises(InvalidParameterValueException):
        compile_filters(["{}"] * (MAX_FILTERS + 1))


def kinesis(data: bytes) -> dict[str, Any]:
    return {"kinesis": {"partitionKey": "p", "data": base64.b64encode(data).decode()}}


def test_kinesis_payloads_are_decoded_and_what_is_no_json_never_matches() -> None:
    assert matches({"data": {"n": [1]}}, kinesis(b'{"n": 1}'))
    assert not matches({"data": {"n": [1]}}, kinesis(b'{"n": 2}'))
    assert not matches({"data": {"n": [{"exists": False}]}}, kinesis(b"no json"))
    assert not matches({"data": {"n": [{"exists": False}]}}, kinesis(b"\xff"))
    assert matches({"partitionKey": ["p"]}, kinesis(b"no json"))


@given(st.text(alphabet="ab", max_size=8), st.text(alphabet="ab*", max_size=6))
def test_wildcards_match_what_the_expression_they_stand_for_does(value: str, text: str) -> None:
    pattern = re.sub(r"\*+", "*", text)
    expected = re.fullmatch(pattern.replace("*", ".*"), value) is not None
    assert matches({"eventName": [{"wildcard": pattern}]}, {"eventName": value}) == expected


LETTERS = st.text(alphabet="ab*\\", max_size=6)


@given(LETTERS, LETTERS)
def test_escaped_wildcards_match_only_themselves(wanted: str, value: str) -> None:
    escaped = wanted.replace("\\", "\\\\").replace("*", "\\*")
    assert matches({"eventName": [{"wildcard": escaped}]}, {"eventName": value}) == (
        wanted == value
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    )
)
def test_no_event_breaks_a_filter(value: Any) -> None:
    accept = compile_filters(
        [
            '{"dynamodb":{"a":[{"numeric":[">",1]},{"prefix":"x"},{"anything-but":["y"]}]}}',
            '{"dynamodb":{"a":{"b":[{"exists":true},{"cidr":"::/0"},{"wildcard":"*"}]}}}',
        ]
    )
    assert accept is not None
    assert accept({"dynamodb": {"a": value}}) in (True, False)
