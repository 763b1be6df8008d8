"""Proves that canonical values are equal when values are, that sizes agree, and what is refused."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.model.values import (
    Malformed,
    canonical_item,
    canonical_set,
    canonical_value,
    decode_item,
    encode_item,
    item_size,
    name_problem,
    nesting,
    value_size,
)

texts = st.text(max_size=8)
names = st.text(min_size=1, max_size=5)
numerals = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.builds("{}.{:03d}e{}".format, st.integers(0, 99), st.integers(0, 999), st.integers(-9, 9)),
)
blobs = st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())


def _set(kind: str, members: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    unique = st.lists(members, min_size=1, max_size=4, unique=True)
    return unique.map(lambda chosen: {kind: chosen})


scalars: st.SearchStrategy[dict[str, Any]] = st.one_of(
    texts.map(lambda text: {"S": text}),
    numerals.map(lambda text: {"N": text}),
    blobs.map(lambda text: {"B": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    _set("SS", texts),
    _set("NS", st.integers(-1000, 1000).map(str)),
    _set("BS", blobs),
)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    scalars,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda elements: {"L": elements}),
        st.dictionaries(names, below, max_size=3).map(lambda entries: {"M": entries}),
    ),
    max_leaves=8,
)
items = st.dictionaries(names, values, max_size=4)


@given(items)
def test_canonical_form_is_its_own_and_its_sizes_agree(raw: dict[str, Any]) -> None:
    item, size = canonical_item(raw)
    assert canonical_item(item) == (item, size)
    assert item_size(item) == size
    assert size == sum(len(name.encode()) + value_size(value) for name, value in item.items())
    assert decode_item(encode_item(item)) == item


@given(items, st.randoms(use_true_random=False))
def test_bytes_do_not_depend_on_the_order_of_keys_and_members(
    raw: dict[str, Any], chance: random.Random
) -> None:
    shuffled = _shuffled({"M": raw}, chance)["M"]
    assert encode_item(canonical_item(shuffled)[0]) == encode_item(canonical_item(raw)[0])


def _shuffled(value: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "M":
        names = list(content)
        chance.shuffle(names)
        return {"M": {name: _shuffled(content[name], chance) for name in names}}
    if kind == "L":
        return {"L": [_shuffled(element, chance) for element in content]}
    if kind in ("SS", "NS", "BS"):
        return {kind: chance.sample(content, len(content))}
    return value


def test_number_spellings_and_set_orders_become_one() -> None:
    assert canonical_value({"N": "1.50"}) == ({"N": "1.5"}, 3)
    assert canonical_value({"NS": ["10", "9", "-1e1"]})[0] == {"NS": ["-10", "9", "10"]}
    assert canonical_value({"SS": ["b", "", "a"]})[0] == {"SS": ["", "a", "b"]}
    assert canonical_value({"BS": ["/w==", "AQ=="]})[0] == {"BS": ["AQ==", "/w=="]}
    assert canonical_value({"B": "YR=="})[0] == {"B": "YQ=="}


def test_sizes_are_those_of_the_capacity_rules() -> None:
    assert canonical_item({"näme": {"S": "ü"}})[1] == 5 + 2
    assert canonical_value({"M": {"a": {"N": "1"}}})[1] == 3 + 1 + 2 + 1
    assert canonical_value({"L": [{"BOOL": True}, {"NULL": True}]})[1] == 3 + 2 + 2
    assert canonical_value({"B": "YWJj"})[1] == 3
    assert canonical_value({"BS": ["YQ==", "YWI="]})[1] == 3


@given(st.sets(numerals, min_size=1, max_size=5))
def test_a_set_of_canonical_members_is_what_canonical_value_makes(members: set[str]) -> None:
    canonical = {canonical_value({"N": member})[0]["N"] for member in members}
    assert canonical_set("NS", canonical) == canonical_value({"NS": list(canonical)})[0]


def test_nesting_counts_maps_and_lists_inside_one_another() -> None:
    assert nesting({"S": "a"}) == 0
    assert nesting({"M": {}}) == 1
    assert nesting({"L": [{"S": "a"}, {"M": {"x": {"L": []}}}]}) == 3


_INVALID = "One or more parameter values were invalid: "
_EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, _EMPTY),
        ({"X": "a"}, _EMPTY),
        ({"M": {"a": {}}}, _EMPTY),
        ({"L": [{}]}, _EMPTY),
        (
            {"S": "a", "N": "1"},
            (
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one"
                " of the supported datatypes"
            ),
        ),
        ({"NULL": False}, _INVALID + "Null attribute value types must have the value of true"),
        ({"SS": []}, _INVALID + "An string set  may not be empty"),
        ({"NS": []}, _INVALID + "An number set  may not be empty"),
        ({"BS": []}, _INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, _INVALID + "Input collection [a, a] contains duplicates."),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        (
            {"BS": ["Yg==", "Yg=="]},
            _INVALID + "Input collection [Yg==, Yg==]of type BS contains duplicates.",
        ),
        ({"N": "b"}, "The parameter cannot be converted to a numeric value: b"),
    ],
)
def test_bad_values_are_refused_with_the_services_words(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        canonical_item({"a": raw})
    assert caught.value.message == message


@pytest.mark.parametrize(
    "raw",
    [
        {"S": 1},
        {"N": 1},
        {"B": "a"},
        {"B": "é==="},
        {"BOOL": "true"},
        {"NULL": "true"},
        {"M": []},
        {"M": {"a": 1}},
        {"L": {}},
        {"L": [1]},
        {"SS": "a"},
        {"SS": [1]},
        {"NS": [None]},
        {"BS": ["!"]},
        {"S": None},
    ],
)
def test_wrong_shapes_are_malformed(raw: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        canonical_item({"a": raw})


def test_thirty_two_levels_are_the_deepest() -> None:
    deep: dict[str, Any] = {"S": "x"}
    for _ in range(31):
        deep = {"L": [deep]}
    assert canonical_item({"a": deep})[0] == {"a": deep}
    with pytest.raises(ValidationException, match="Nesting Levels have exceeded supported limits"):
        canonical_item({"a": {"M": {"a": deep}}})


def test_names_have_a_length():
    assert name_problem("x") is None
    assert name_problem("\u20ac" * 21_845) is None
    assert name_problem("") == "Empty attribute name"
    assert name_problem("\u20ac" * 21_846) == (
        "Attribute name is too large, must be less than 65536 bytes"
    )
    for item in ({"": {"S": "x"}}, {"m": {"M": {"": {"S": "x"}}}}):
        with pytest.raises(ValidationException, match="Empty attribute name"):
            canonical_item(item)
