"""Proves that searches find what is nearest, on both engines, and say what is wrong in AWS's
words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tailrace.testing.calling import Caller
from tests.api.dynamodb.vectors import (
    DIVIDED,
    Json,
    definitions,
    index,
    refused,
    schema,
    scores,
    search,
    vector,
)

FUNCTIONS = ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")


def where(text: str, **values: Json) -> Json:
    return {
        "SearchConditionExpression": text,
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }


@pytest.fixture
def filled(store: Caller) -> Caller:
    """Four vectors, in one index for each function."""
    names = ("near", "euclidean", "dot")
    functions = zip(names, FUNCTIONS, strict=True)
    store.create(
        VectorIndexes=[index(name, DistanceFunction=function) for name, function in functions]
    )
    for pk, numbers in (
        ("same", (1, 0, 0)),
        ("across", (0, 1, 0)),
        ("against", (-1, 0, 0)),
        ("close", ("0.6", "0.8", 0)),
    ):
        store.put(pk, v=vector(*numbers), title={"S": pk.upper()})
    return store


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("near", {"same": 0.0, "close": 0.4, "across": 1.0, "against": 2.0}),
        (
            "euclidean",
            {"same": 0.0, "close": math.sqrt(0.8), "across": math.sqrt(2), "against": 2.0},
        ),
        ("dot", {"same": 1.0, "close": 0.6, "across": 0.0, "against": -1.0}),
    ],
)
def test_the_most_similar_come_first(filled: Caller, name: str, expected: Json) -> None:
    found = scores(search(filled, vector(1, 0, 0), IndexName=name))
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-7)
    first = scores(search(filled, vector(1, 0, 0), 2, IndexName=name))
    assert list(first) == list(expected)[:2]


def test_an_empty_index_has_nothing(caller: Caller) -> None:
    caller.create(VectorIndexes=[index()])
    assert search(caller, vector(1, 0, 0)) == {"SearchResults": []}


def test_vectors_are_shown_when_asked_for_as_the_index_holds_them(caller: Caller) -> None:
    keys = index(
        "keys", Projection={"ProjectionType": "KEYS_ONLY"}, **schema(grade="INLINE_FILTER")
    )
    some = index(
        "some", Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v", "title"]}
    )
    caller.create(**definitions(grade="N"), VectorIndexes=[index(), keys, some])
    exact = vector("16777217", "0.1", "-1")
    held = vector("16777216.0", "0.1", "-1.0")
    rest: Json = {"title": {"S": "t"}, "grade": {"N": "1"}, "extra": {"BOOL": True}}
    caller.put("a", v=exact, **rest)

    def item(name: str, projection: str | None = None) -> Json:
        more: Json = {} if projection is None else {"ProjectionExpression": projection}
        (found,) = search(caller, vector(1, 0, 0), IndexName=name, **more)["SearchResults"]
        return found["Item"]

    key = {"pk": {"S": "a"}}
    assert item("near") == {**key, **rest}
    assert item("keys") == {**key, "grade": rest["grade"]}
    assert item("some") == {**key, "title": rest["title"]}
    assert item("near", "v, extra") == {"v": held, "extra": rest["extra"]}
    assert item("near", "v[1]") == {"v": {"L": [{"N": "0.1"}]}}
    assert item("some", "pk, v, extra") == {**key, "v": held}
    assert item("keys", "pk, v") == key
    assert caller.get("a") == {**key, **rest, "v": exact}


def test_equal_scores_come_in_the_order_of_the_index(store: Caller) -> None:
    store.create(VectorIndexes=[index()])
    for place in range(20):
        store.put(f"k{place}", v=vector(1, 2, 3))
    keys = list(scores(search(store, vector(1, 0, 0))))
    assert list(scores(search(store, vector(1, 0, 0), 7))) == keys[:7]
    assert len(set(keys)) == 20


# Conditions --------------------------------------------------------------------------------------


@pytest.fixture
def divided(store: Caller) -> Caller:
    store.create(**DIVIDED)
    for pk, tenant, grade in (("a", "t", "1"), ("b", "t", "2"), ("c", "u", "1"), ("d", "t", None)):
        more: Json = {} if grade is None else {"grade": {"N": grade}}
        store.put(pk, v=vector(1, 0, 0), tenant={"S": tenant}, **more)
    store.put("lost", v=vector(1, 0, 0), grade={"N": "1"})
    return store


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (where("tenant = :t", t={"S": "t"}), {"a", "b", "d"}),
        (where("tenant = :t", t={"S": "u"}), {"c"}),
        (where("tenant = :t", t={"S": "nobody"}), set[str]()),
        (where("tenant = :t AND grade = :g", t={"S": "t"}, g={"N": "1.0"}), {"a"}),
        (where("grade = :g AND tenant = :t", t={"S": "u"}, g={"N": "2"}), set[str]()),
    ],
)
def test_conditions_choose_among_items(
    divided: Caller, condition: Json, expected: set[str]
) -> None:
    assert set(scores(search(divided, vector(1, 0, 0), **condition))) == expected


def test_filters_need_no_division(caller: Caller) -> None:
    caller.create(**definitions(grade="N"), VectorIndexes=[index(**schema(grade="INLINE_FILTER"))])
    caller.put("a", v=vector(1, 0, 0), grade={"N": "1"})
    caller.put("b", v=vector(1, 0, 0))
    assert set(scores(search(caller, vector(1, 0, 0)))) == {"a", "b"}
    condition = where("grade = :g", g={"N": "1"})
    assert set(scores(search(caller, vector(1, 0, 0), **condition))) == {"a"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "SearchConditionExpression must be provided when SearchSchema has a HASH key"),
        (
            where("grade = :g", g={"N": "1"}),
            "SearchConditionExpression must have all HASH attributes in configured SearchSchema",
        ),
        (
            where("tenant = :t AND title = :x", t={"S": "t"}, x={"S": "x"}),
            (
                "SearchConditionExpression must not contain any attributes that is not in"
                " SearchSchema. Invalid attribute: title"
            ),
        ),
        (
            where("tenant = :t", t={"N": "1"}),
            (
                "Type of 'tenant' attribute in SearchConditionExpression (N) does not match type in"
                " search schema (S)"
            ),
        ),
        (
            where("tenant = :t", t={"S": ""}),
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: tenant"
            ),
        ),
        (
            where("tenant < :t", t={"S": "t"}),
            (
                "Invalid SearchConditionExpression: Invalid comparator used in"
                " SearchConditionExpression"
            ),
        ),
        (
            {"ExpressionAttributeValues": {":t": {"S": "t"}}},
            (
                "ExpressionAttributeValues can only be specified when using expressions:"
                " SearchConditionExpression is null"
            ),
        ),
        (
            where("tenant = :t", t={"S": "t"}, u={"S": "u"}),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:u}",
        ),
    ],
)
def test_conditions_that_do_not_fit_are_refused(caller: Caller, more: Json, message: str) -> None:
    caller.create(**DIVIDED)
    assert refused(caller, vector(1, 0, 0), **more) == message


# What can't be searched --------------------------------------------------------------------------

NO_VECTOR = (
    "Search vector contains invalid values. All values in the search vector must be a 32-bit"
    " floating-point number attribute"
)


@pytest.mark.parametrize(
    ("query", "top", "message"),
    [
        (
            vector(1, 0, 0),
            101,
            (
                "Provided TopK value '101' is out of valid range. The value must be between 1 and"
                " 100 inclusive"
            ),
        ),
        (
            vector(1, 0),
            1,
            "Input search vector dimension 2 does not match vector index dimension 3",
        ),
        (vector("1E+39", 0, 0), 1, NO_VECTOR),
        (vector("x", 0, 0), 1, NO_VECTOR),
        ({"L": [vector(1, 0, 0)]}, 1, NO_VECTOR),
        ({"L": [{"N": "1"}, {"S": "0"}, {"N": "0"}]}, 1, NO_VECTOR),
    ],
)
def test_vectors_that_cannot_be_searched_for_are_refused(
    caller: Caller, query: Json, top: int, message: str
) -> None:
    caller.create(VectorIndexes=[index()])
    assert refused(caller, query, top) == message


def test_what_is_not_there_cannot_be_searched(caller: Caller) -> None:
    members = {"IndexName": "near", "SearchVector": [{"N": "1"}], "TopK": 1}
    error = caller.refused("SearchVectors", TableName="things", **members)
    assert (error.code, error.message) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    by_g = {
        "IndexName": "by-g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    caller.create(**definitions(g="S"), GlobalSecondaryIndexes=[by_g], VectorIndexes=[index("far")])
    for name in ("near", "by-g"):
        message = refused(caller, vector(1, 0, 0), IndexName=name)
        assert message == f"The table does not have the specified index: {name}"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"TopK": 0}, "Member must have value greater than or equal to 1"),
        ({"IndexName": "ab"}, "Member must have length greater than or equal to 3"),
        ({"SearchVector": []}, "Member must have length greater than or equal to 1"),
        (
            {"SearchVector": [{"N": "1"}] * 4097},
            "Member must have length less than or equal to 4096",
        ),
    ],
)
def test_what_is_no_search_is_refused_by_the_model(
    caller: Caller, change: Json, constraint: str
) -> None:
    members: Json = {
        "TableName": "things",
        "IndexName": "near",
        "SearchVector": [{"N": "1"}],
        "TopK": 1,
    }
    error = caller.refused("SearchVectors", **members | change)
    assert error.code == "ValidationException"
    assert error.message.endswith(constraint)


def test_values_of_no_shape_are_refused(caller: Caller) -> None:
    caller.create(VectorIndexes=[index()])
    members = {"TableName": "things", "IndexName": "near", "TopK": 1}
    for element in ({"N": 1}, {"L": "x"}):
        error = caller.refused("SearchVectors", SearchVector=[element] * 3, **members)
        assert error.code == "SerializationException"


def test_an_answer_has_at_most_16_megabytes(caller: Caller) -> None:
    keys = index("keys", Projection={"ProjectionType": "KEYS_ONLY"})
    caller.create(VectorIndexes=[index(), keys])
    for place in range(50):
        caller.put(f"k{place}", v=vector(1, 0, place), blob={"S": "x" * 390_000})
    assert refused(caller, vector(1, 0, 0), 50).startswith("The response exceeds the maximum size")
    assert len(scores(search(caller, vector(1, 0, 0), 40))) == 40
    assert len(scores(search(caller, vector(1, 0, 0), 50, IndexName="keys"))) == 50


# Capacity ----------------------------------------------------------------------------------------


def test_searches_are_counted_by_dimensions_and_results(caller: Caller) -> None:
    caller.create(VectorIndexes=[index(Dimensions=128)])
    query = vector(*[1] * 128)
    for place in range(10):
        caller.put(f"k{place}", v=query)

    def used(detail: str, top: int, **more: Any) -> Any:
        answer = search(caller, query, top, ReturnConsumedCapacity=detail, **more)
        return answer.get("ConsumedCapacity")

    assert used("NONE", 10) is None
    for detail in ("TOTAL", "INDEXES"):
        # 128 * 30.6875, and for each result 65 bytes and its own 4.
        assert used(detail, 1) == {"VectorSearchRequestBytes": 3928.0 + 69}
        assert used(detail, 10) == {"VectorSearchRequestBytes": 3928.0 + 690}
    shown = used("TOTAL", 10, ProjectionExpression="v")
    assert shown == {"VectorSearchRequestBytes": 3928.0 + 690 + 10 * 128 * 4}
    caller.call("DeleteTable", TableName="things")
    caller.create(VectorIndexes=[index()])
    assert search(caller, vector(1, 0, 0), ReturnConsumedCapacity="TOTAL") == {
        "SearchResults": [],
        "ConsumedCapacity": {"VectorSearchRequestBytes": 1024.0},
    }
