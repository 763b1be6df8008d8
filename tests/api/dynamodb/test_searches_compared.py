"""Proves that a search is a plain comparison of all items, after any writes, on both engines."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.testing.calling import Caller
from tests.api.dynamodb.vectors import Json, definitions, index, schema, scores, search, vector

FUNCTIONS = ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")
NUMBERS = st.one_of(
    st.integers(-3, 3).map(str),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.6f}"),
)
VECTORS = st.tuples(NUMBERS, NUMBERS)
KEYS = st.sampled_from([f"k{place}" for place in range(8)])
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "v": VECTORS.map(lambda numbers: vector(*numbers)),
        "tenant": st.sampled_from(["t", "u"]).map(lambda name: {"S": name}),
        "grade": st.integers(0, 1).map(lambda grade: {"N": str(grade)}),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, ITEMS),
        st.tuples(st.just("delete"), KEYS, st.just({})),
        st.tuples(st.just("set"), KEYS, VECTORS.map(lambda numbers: vector(*numbers))),
        st.tuples(st.just("remove"), KEYS, st.sampled_from(["v", "tenant", "grade"])),
    ),
    max_size=20,
)


def narrow(numeral: str) -> float:
    return struct.unpack("f", struct.pack("f", float(numeral)))[0]


def naive(function: str, query: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(query, other, strict=True))
    if function == "DOT_PRODUCT":
        return product
    if function == "EUCLIDEAN":
        return math.sqrt(sum((a - b) ** 2 for a, b in zip(query, other, strict=True)))
    lengths = math.hypot(*query) * math.hypot(*other)
    return 1.0 if not lengths else 1 - product / lengths


def carry_out(caller: Caller, what: str, pk: str, detail: Any) -> None:
    key = {"TableName": "things", "Key": {"pk": {"S": pk}}}
    if what == "put":
        caller.put(pk, **detail)
    elif what == "delete":
        caller.call("DeleteItem", **key)
    elif what == "remove":
        caller.call("UpdateItem", **key, UpdateExpression=f"REMOVE {detail}")
    else:
        caller.call(
            "UpdateItem",
            **key,
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": detail},
        )


@pytest.mark.parametrize("durable", [False, True])
@settings(max_examples=40, deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(
    steps=STEPS,
    function=st.sampled_from(FUNCTIONS),
    query=VECTORS,
    top=st.integers(1, 10),
    divided=st.booleans(),
    grade=st.one_of(st.none(), st.integers(0, 1)),
    late=st.booleans(),
)
def test_a_search_is_a_comparison_of_all_items(
    tmp_path_factory: pytest.TempPathFactory,
    durable: bool,
    steps: list[tuple[str, str, Any]],
    function: str,
    query: tuple[str, str],
    top: int,
    divided: bool,
    grade: int | None,
    late: bool,
) -> None:
    caller = Caller(tmp_path_factory.mktemp("store") if durable else None)
    roles = {"grade": "INLINE_FILTER", **({"tenant": "HASH"} if divided else {})}
    types = {"grade": "N", **({"tenant": "S"} if divided else {})}
    wanted = index(Dimensions=2, DistanceFunction=function, **schema(**roles))
    try:
        # Half of the writes come before an index that is made late.
        caller.create(**({} if late else {**definitions(**types), "VectorIndexes": [wanted]}))
        for place, step in enumerate(steps):
            if late and place == len(steps) // 2:
                _add(caller, wanted, definitions(**types))
            carry_out(caller, *step)
        if late and not steps:
            _add(caller, wanted, definitions(**types))
        caller.keep()
        equal: Json = {} if grade is None else {"grade": {"N": str(grade)}}
        if divided:
            equal["tenant"] = {"S": "t"}
        found = scores(search(caller, vector(*query), top, **_condition(equal)))
        expected = {
            item["pk"]["S"]: naive(
                function,
                [narrow(numeral) for numeral in query],
                [narrow(element["N"]) for element in item["v"]["L"]],
            )
            for item in caller.scan()
            if "v" in item and all(item.get(name) == value for name, value in equal.items())
        }
    finally:
        caller.close()
    order = sorted(expected.values(), reverse=function == "DOT_PRODUCT")[:top]
    assert list(found.values()) == pytest.approx(order, rel=1e-9, abs=1e-6)
    for pk, score in found.items():
        assert score == pytest.approx(expected[pk], rel=1e-9, abs=1e-6)


def _add(caller: Caller, wanted: Json, types: Json) -> None:
    caller.call("UpdateTable", TableName="things", VectorIndexUpdates=[{"Create": wanted}], **types)


def _condition(equal: Json) -> Json:
    if not equal:
        return {}
    return {
        "SearchConditionExpression": " AND ".join(f"#{name} = :{name}" for name in equal),
        "ExpressionAttributeNames": {f"#{name}": name for name in equal},
        "ExpressionAttributeValues": {f":{name}": value for name, value in equal.items()},
    }
