"""Proves that conditions hold when they should, against examples and against a naive evaluator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, condition, refuse_key_filter, refuse_key_paths
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.values import canonical_item

ITEM: dict[str, Any] = canonical_item(
    {
        "pk": {"S": "x"},
        "a": {"S": "s"},
        "n": {"N": "5"},
        "u": {"S": "é😀"},
        "b": {"B": "YWJj"},
        "l": {"L": [{"N": "1"}, {"S": "x"}]},
        "m": {"M": {"x": {"N": "1"}}},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "5"]},
        "bs": {"BS": ["YWI="]},
        "t": {"BOOL": True},
        "f": {"BOOL": False},
        "z": {"NULL": True},
    }
)[0]
VALUES: dict[str, Any] = {
    ":s": {"S": "s"},
    ":z": {"S": "z"},
    ":e": {"S": ""},
    ":n": {"N": "1"},
    ":two": {"N": "2"},
    ":three": {"N": "3"},
    ":five": {"N": "5.0"},
    ":ab": {"B": "YWI="},
    ":ss": {"SS": ["b", "a"]},
    ":S": {"S": "S"},
    ":T": {"BOOL": True},
}


def _matches(text: str, item: Any = ITEM) -> bool:
    values = {key: value for key, value in VALUES.items() if f"{key} " in f"{text} "}
    return condition(text.replace(" )", ")"), Bindings(None, values or None)).matches(item)


TRUE = """
zz <> :s
not zz = :s
zz <> yy
not zz < :s
not zz in ( :s )
size(zz) <> :n
size(n) <> :n
not size(n) = :n
a <> :n
not a < :n
size(u) = :three
size(b) = :three
size(l) = :two
size(m) = :n
size(ss) = :two
size( :ss ) = :two
n = :five
ss = :ss
contains(a, :e )
contains(a, :s )
contains(l, :n )
contains(ss, pk) or contains(ns, :five )
contains(bs, :ab ) and contains(b, :ab )
begins_with(b, :ab ) and begins_with(a, :e )
contains( :s , a)
attribute_type(a, :S )
t = :T and not f = :T
m.x = :n
l[0] = :n
attribute_exists(l[1]) and attribute_not_exists(l[2])
attribute_exists(m.x) and attribute_not_exists(m.y)
n between :n and :five
:s between a and :z
size(a) in ( :n )
n in (zz, :five )
n > size(a) and n >= :five and :five <= n
size(l[1]) = :n
contains(ns, n)
a = :s and zz = :s or a = :s
attribute_not_exists(zz.y)
""".strip().splitlines()

FALSE = """
zz = :s
zz = yy
zz < :s
zz in ( :s )
zz between :s and :z
begins_with(zz, :s )
contains(zz, :s )
contains(a, zz)
size(zz) = :n
size(t) = :n
size(z) = :n
n > :s
a < :n
contains(n, :n )
contains(m, :s )
contains(t, f)
contains(ss, :n )
contains(ns, a)
contains(b, a)
begins_with(n, :s )
begins_with(a, n)
attribute_type(zz, :S )
attribute_type(n, :S )
t < f
l < m
l[5] = :n
l.x = :n
a.x = :n
m[0] = :n
attribute_exists(zz)
n between zz and :five
n between a and :five
not a = :s and a = :s
t = f
""".strip().splitlines()


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(text: str) -> None:
    assert _matches(text)


@pytest.mark.parametrize("text", FALSE)
def test_what_does_not_hold(text: str) -> None:
    assert not _matches(text)


def test_no_item_is_an_item_without_attributes() -> None:
    assert _matches("attribute_not_exists(pk)", None)
    assert not _matches("attribute_exists(pk)", None)
    assert _matches("a <> :s", None)
    assert not _matches("a = :s", None)


def test_paths_are_those_the_condition_looks_at() -> None:
    bindings = Bindings({"#m": "m"}, {":s": {"S": "s"}})
    made = condition("#m.x[1] = :s AND size(a) > size(b)", bindings)
    bindings.finish()
    assert made.paths == (("m", "x", 1), ("a",), ("b",))


KEYS = KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "S"),))


@pytest.mark.parametrize(
    ("text", "legacy", "message"),
    [
        (
            "x = y AND attribute_exists(sk)",
            False,
            (
                "Filter Expression can only contain non-primary key attributes:"
                " Primary key attribute: sk"
            ),
        ),
        (
            "pk = y",
            True,
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: pk",
        ),
        (
            "pk = y AND sk.a = y",
            False,
            (
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
                " allowed: Key: sk"
            ),
        ),
    ],
)
def test_filters_of_queries_may_not_look_at_the_key(text: str, legacy: bool, message: str) -> None:
    filter_ = condition(text, Bindings(None, None), "FilterExpression")
    with pytest.raises(ValidationException) as caught:
        refuse_key_filter(filter_, KEYS, legacy)
    assert caught.value.message == message
    refuse_key_filter(condition("x = y.pk", Bindings(None, None)), KEYS)


def test_key_attributes_have_no_parts() -> None:
    refuse_key_paths([("pk",), ("x", "pk")], KEYS)
    with pytest.raises(ValidationException, match="not allowed: IndexKey: sk"):
        refuse_key_paths([("sk", 0)], KEYS, "IndexKey")


# Against a naive evaluator -----------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]
scalars = st.one_of(
    st.sampled_from(["", "a", "ab", "b"]).map(lambda text: {"S": text}),
    st.sampled_from(["-10", "-9", "0", "1.5", "2", "10"]).map(lambda text: {"N": text}),
    st.sampled_from(["", "YQ==", "YWI="]).map(lambda text: {"B": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.sampled_from([{"SS": ["a", "b"]}, {"NS": ["2", "10"]}, {"L": [{"S": "a"}]}]),
)
items = st.dictionaries(st.sampled_from(NAMES), scalars)
operands = st.one_of(
    st.sampled_from(NAMES), st.sampled_from([":0", ":1", ":2"]), st.just("size(a)")
)
comparisons = st.one_of(
    st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands),
    st.tuples(st.just("contains"), operands, operands),
    st.tuples(st.just("begins_with"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("between"), operands, operands, operands),
    st.tuples(st.just("in"), operands, operands, operands),
    st.tuples(st.just("attribute_exists"), st.sampled_from(NAMES)),
)
trees: Any = st.recursive(
    comparisons,
    lambda below: st.one_of(
        st.tuples(st.just("not"), below),
        st.tuples(st.sampled_from(["and", "or"]), below, below),
    ),
    max_leaves=5,
)


def _text(tree: Any) -> str:
    operator, *parts = tree
    if operator == "not":
        return f"not ({_text(parts[0])})"
    if operator in ("and", "or"):
        return f"({_text(parts[0])}) {operator} ({_text(parts[1])})"
    if operator == "between":
        return f"{parts[0]} between {parts[1]} and {parts[2]}"
    if operator == "in":
        return f"{parts[0]} in ({parts[1]}, {parts[2]})"
    if operator in ("contains", "begins_with", "attribute_exists"):
        return f"{operator}({', '.join(parts)})"
    return f"{parts[0]} {operator} {parts[1]}"


def _naive(tree: Any, scope: dict[str, Any]) -> bool:
    operator, *parts = tree
    if operator == "not":
        return not _naive(parts[0], scope)
    if operator in ("and", "or"):
        results = [_naive(part, scope) for part in parts]
        return all(results) if operator == "and" else any(results)
    first, *others = [scope.get(part) for part in parts]
    if operator == "attribute_exists":
        return first is not None
    if operator == "<>":
        return first is None or first != others[0]
    if first is None:
        return False
    if operator == "=":
        return bool(first == others[0])
    if operator == "in":
        return first in others
    if operator == "between":
        return _ordered("<=", others[0], first) and _ordered("<=", first, others[1])
    if operator == "contains":
        return _naive_contains(first, others[0])
    if operator == "begins_with":
        return first.keys() == (others[0] or {}).keys() <= {"S", "B"} and _bytes(first).startswith(
            _bytes(others[0])
        )
    return _ordered(operator, first, others[0])


def _naive_contains(first: Any, second: Any) -> bool:
    if second is None:
        return False
    if "L" in first:
        return second in first["L"]
    for kind in ("S", "N", "B"):
        if kind in second and f"{kind}S" in first:
            return second[kind] in first[f"{kind}S"]
    return first.keys() == second.keys() <= {"S", "B"} and _bytes(second) in _bytes(first)


def _bytes(value: Any) -> bytes:
    import base64

    return value["S"].encode() if "S" in value else base64.b64decode(value["B"])


def _ordered(operator: str, one: Any, two: Any) -> bool:
    if two is None or one is None or one.keys() != two.keys() or not one.keys() <= {"S", "N", "B"}:
        return False
    first: Any = Decimal(one["N"]) if "N" in one else _bytes(one)
    second: Any = Decimal(two["N"]) if "N" in two else _bytes(two)
    return {"<": first < second, "<=": first <= second, ">": first > second}.get(
        operator, first >= second
    )


@given(trees, items, st.lists(scalars, min_size=3, max_size=3))
def test_conditions_agree_with_a_naive_evaluator(tree: Any, item: Any, literals: list[Any]) -> None:
    text = _text(tree)
    values = {f":{i}": value for i, value in enumerate(literals) if f":{i}" in text}
    try:
        made = condition(text, Bindings(None, values or None))
    except ValidationException as error:
        assert error.message.startswith("Invalid ConditionExpression: ")  # noqa: PT017
        return
    scope = {**item, **values}
    if "a" in item:
        sizes = {
            "S": len,
            "SS": len,
            "NS": len,
            "L": len,
            "B": lambda text: text.count("Y") + (1 if text == "YWI=" else 0),
        }
        ((kind, content),) = item["a"].items()
        if kind in sizes:
            scope["size(a)"] = {"N": str(sizes[kind](content))}
    assert made.matches(item) == _naive(tree, scope)
