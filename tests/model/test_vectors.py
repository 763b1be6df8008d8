"""Proves what a vector index takes and refuses of items, in AWS's words, and how it measures."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.model.values import canonical_item
from tailrace.model.vectors import (
    DistanceFunction,
    SearchAttribute,
    SearchRole,
    VectorSchema,
    distance_to,
    float_text,
    vector_of,
)

TENANT = SearchAttribute("tenant", "S", SearchRole.HASH)
RANK = SearchAttribute("rank", "N", SearchRole.INLINE_FILTER)
SCHEMA = VectorSchema("v", 3, DistanceFunction.COSINE, (TENANT, RANK))
FLOAT_MAX = 3.4028234663852886e38
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def vector(*numerals: str) -> dict[str, Any]:
    return {"L": [{"N": numeral} for numeral in numerals]}


FITS = vector("1", "-0.5", "1E+10")


def problem(**attributes: dict[str, Any]) -> str | None:
    item, _ = canonical_item({"pk": {"S": "a"}, **attributes})
    try:
        SCHEMA.check_index(item, "near")
    except ValidationException as refusal:
        assert not SCHEMA.holds({"tenant": {"S": "t"}, "v": FITS, **item})
        return refusal.message
    return None


@pytest.mark.parametrize(
    ("attributes", "held"),
    [
        ({"v": FITS, "tenant": {"S": "t"}, "rank": {"N": "1"}}, True),
        ({"v": FITS, "tenant": {"S": "t"}}, True),
        ({"v": FITS, "rank": {"N": "1"}}, False),
        ({"tenant": {"S": "t"}}, False),
        ({}, False),
    ],
)
def test_items_that_lack_something_are_taken_but_not_held(
    attributes: dict[str, Any], held: bool
) -> None:
    assert problem(**attributes) is None
    assert SCHEMA.holds(canonical_item(attributes)[0]) is held


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"v": {"S": "x"}},
            (
                "Invalid type for parameter v, Expected: 32-bit floating point number list"
                " IndexName: near"
            ),
        ),
        (
            {"v": {"NS": ["1", "2", "3"]}},
            (
                "Invalid type for parameter v, Expected: 32-bit floating point number list"
                " IndexName: near"
            ),
        ),
        (
            {"v": vector("1", "2")},
            "Invalid size for parameter v, Expected: 3, Actual: 2 IndexName: near",
        ),
        ({"v": vector()}, "Invalid size for parameter v, Expected: 3, Actual: 0 IndexName: near"),
        (
            {"v": {"L": [{"N": "1"}, {"S": "x"}, {"N": "3"}]}},
            (
                "Invalid type for parameter v[1], Expected: 32-bit floating point number,"
                " Actual: S. IndexName: near"
            ),
        ),
        (
            {"v": vector("0", "0", "1E+39")},
            (
                "Invalid value for parameter v[2], Value: 1E+39 is outside valid range"
                " [-3.4028235E38, 3.4028235E38]. IndexName: near"
            ),
        ),
        (
            {"tenant": {"N": "7"}},
            "Attribute 'tenant' type mismatch. Expected: S, Actual: N. IndexName: near",
        ),
        (
            {"v": FITS, "tenant": {"S": "t"}, "rank": {"S": "1"}},
            "Attribute 'rank' type mismatch. Expected: N, Actual: S. IndexName: near",
        ),
    ],
)
def test_what_an_index_cannot_hold_is_refused(attributes: dict[str, Any], message: str) -> None:
    assert problem(**attributes) == f"One or more parameter values were invalid. {message}"


def test_the_value_that_divides_an_index_is_neither_empty_nor_too_long() -> None:
    assert problem(tenant={"S": ""}) == (
        "One or more parameter values are not valid. A value specified for a secondary index key is"
        " not supported. The AttributeValue for a key attribute cannot contain an empty string"
        " value. IndexName: near, IndexKey: tenant"
    )
    assert problem(tenant={"S": "x" * 2048}) is None
    assert problem(tenant={"S": "x" * 2049}) == (
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size"
        " limit of2048 bytes"
    )


def test_the_greatest_32_bit_numbers_fit() -> None:
    assert problem(v=vector("3.4028235E38", "-3.4028235E38", "1E-130")) is None
    assert vector_of(["3.4028235E38"]) == (FLOAT_MAX,)
    assert vector_of(["1E-130", "16777217", "0.1"]) == (0.0, 16777216.0, 0.10000000149011612)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1.0"), (-0.5, "-0.5"), (0.1, "0.1"), (16777217.0, "16777216.0")]
)
def test_numbers_come_back_in_few_digits(value: float, text: str) -> None:
    assert float_text(*vector_of([value])) == text


@given(FLOATS)
def test_numerals_name_their_number(value: float) -> None:
    assert struct.pack("<f", float(float_text(value))) == struct.pack("<f", value)


# Distances ---------------------------------------------------------------------------------------

VECTORS = st.integers(1, 8).flatmap(
    lambda size: st.tuples(*[st.lists(FLOATS, min_size=size, max_size=size)] * 2)
)


@pytest.mark.parametrize(
    ("function", "scores"),
    [
        (DistanceFunction.COSINE, [0.0, 0.4, 1.0, 2.0, 1.0]),
        (DistanceFunction.EUCLIDEAN, [0.0, math.sqrt(0.8), math.sqrt(2), 2.0, 1.0]),
        (DistanceFunction.DOT_PRODUCT, [1.0, 0.6, 0.0, -1.0, 0.0]),
    ],
)
def test_scores_are_what_the_functions_mean(
    function: DistanceFunction, scores: list[float]
) -> None:
    score = distance_to((1.0, 0.0), function)
    others = [("1", "0"), ("0.6", "0.8"), ("0", "1"), ("-1", "0"), ("0", "0")]
    found = [score(vector_of(other)) for other in others]
    assert found == pytest.approx(scores, abs=1e-7)
    assert found[0] == scores[0]


def test_scores_stay_within_32_bits() -> None:
    large, small = vector_of(["3.4E38", "0"]), vector_of(["-3.4E38", "0"])
    assert distance_to(large, DistanceFunction.EUCLIDEAN)(small) == FLOAT_MAX
    assert distance_to(large, DistanceFunction.DOT_PRODUCT)(large) == FLOAT_MAX
    assert distance_to(large, DistanceFunction.DOT_PRODUCT)(small) == -FLOAT_MAX
    tiny = vector_of(["1E-23", "0"])
    assert distance_to(tiny, DistanceFunction.COSINE)(tiny) == 0.0


@given(VECTORS, st.sampled_from(DistanceFunction))
def test_scores_are_symmetric_and_bounded(
    pair: tuple[list[float], list[float]], function: DistanceFunction
) -> None:
    left, right = vector_of(pair[0]), vector_of(pair[1])
    score = distance_to(left, function)(right)
    assert score == distance_to(right, function)(left)
    if function is DistanceFunction.COSINE:
        assert 0.0 <= score <= 2.0
        assert distance_to(left, function)(left) in (0.0, 1.0)
    else:
        assert abs(score) <= FLOAT_MAX
    if function is DistanceFunction.EUCLIDEAN:
        assert distance_to(left, function)(left) == 0.0
