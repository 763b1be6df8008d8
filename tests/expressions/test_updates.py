"""Proves that updates leave what they should, from the item as it was, and spare their input."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, Update, update
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.values import canonical_item

ITEM: dict[str, Any] = canonical_item(
    {
        "pk": {"S": "x"},
        "a": {"S": "s"},
        "n": {"N": "5"},
        "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
        "m": {"M": {"x": {"N": "1"}, "s": {"SS": ["a"]}}},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["9", "10"]},
    }
)[0]
VALUES: dict[str, Any] = {
    ":s": {"S": "new"},
    ":n": {"N": "1"},
    ":half": {"N": "0.5"},
    ":l": {"L": [{"S": "x"}]},
    ":m": {"M": {}},
    ":ss": {"SS": ["a"]},
    ":more": {"SS": ["a", "0"]},
    ":ns": {"NS": ["-1", "10"]},
}


def _update(text: str, values: dict[str, Any] = VALUES) -> Update:
    used = {key: values[key] for key in re.findall(r":\w+", text)}
    return update(text, Bindings(None, used or None))


def _changes(text: str, item: dict[str, Any] = ITEM) -> dict[str, Any]:
    """What an update changes: new values by attribute, None for those it removed."""
    before = copy.deepcopy(item)
    result = _update(text).apply(item)
    assert item == before
    names = {**item, **result}
    return {name: result.get(name) for name in names if item.get(name) != result.get(name)}


L1, L2, L3, NEW = {"N": "1"}, {"N": "2"}, {"N": "3"}, {"S": "new"}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SET a = :s", {"a": NEW}),
        ("SET b = a, a = n", {"b": {"S": "s"}, "a": {"N": "5"}}),
        ("SET n = n + :n", {"n": {"N": "6"}}),
        ("SET n = :half - n", {"n": {"N": "-4.5"}}),
        ("SET n = n - n", {"n": {"N": "0"}}),
        ("SET q = if_not_exists(q, :s)", {"q": NEW}),
        ("SET a = if_not_exists(a, :s)", {}),
        ("SET q = if_not_exists(m.q.r, :n) + if_not_exists(n, :n)", {"q": {"N": "6"}}),
        ("SET l = list_append(:l, l)", {"l": {"L": [{"S": "x"}, L1, L2, L3]}}),
        ("SET q = list_append(if_not_exists(q, :l), :l)", {"q": {"L": [{"S": "x"}] * 2}}),
        ("SET m.q = :s, m.x = m.x + :n", {"m": {"M": {"x": L2, "s": {"SS": ["a"]}, "q": NEW}}}),
        ("SET m.a = m", {"m": {"M": {**ITEM["m"]["M"], "a": ITEM["m"]}}}),
        ("SET l[1] = :s", {"l": {"L": [L1, NEW, L3]}}),
        ("SET l[9] = :s, l[7] = a", {"l": {"L": [L1, L2, L3, {"S": "s"}, NEW]}}),
        ("SET l[0] = l[1], l[1] = l[0]", {"l": {"L": [L2, L1, L3]}}),
        ("SET l[5] = :s REMOVE l[0]", {"l": {"L": [L2, L3, NEW]}}),
        ("REMOVE a, q", {"a": None}),
        ("REMOVE l[2], l[0]", {"l": {"L": [L2]}}),
        ("REMOVE l[9], m.q", {}),
        ("REMOVE m.x", {"m": {"M": {"s": {"SS": ["a"]}}}}),
        ("REMOVE ss SET q = ss", {"ss": None, "q": {"SS": ["a", "b"]}}),
        ("ADD n :n SET q = n", {"n": {"N": "6"}, "q": {"N": "5"}}),
        ("ADD q :n, m.q :n", {"q": L1, "m": {"M": {**ITEM["m"]["M"], "q": L1}}}),
        ("ADD ss :more", {"ss": {"SS": ["0", "a", "b"]}}),
        ("ADD ns :ns", {"ns": {"NS": ["-1", "9", "10"]}}),
        ("ADD q :ss", {"q": {"SS": ["a"]}}),
        ("ADD l[0] :n, l[9] :n", {"l": {"L": [L2, L2, L3, L1]}}),
        ("DELETE ss :ss", {"ss": {"SS": ["b"]}}),
        ("DELETE m.s :ss", {"m": {"M": {"x": L1}}}),
        ("DELETE q :ss, m.q :ss, l[9] :ss", {}),
        ("DELETE ss :more", {"ss": {"SS": ["b"]}}),
    ],
)
def test_changes(text: str, changes: dict[str, Any]) -> None:
    assert _changes(text) == changes


def test_a_set_without_members_goes() -> None:
    item: dict[str, Any] = {"pk": {"S": "x"}, "ss": {"SS": ["a"]}, "l": {"L": [{"SS": ["a"]}, L1]}}
    assert _changes("DELETE ss :ss, l[0] :ss", item) == {"ss": None, "l": {"L": [L1]}}


MISSING = "The provided expression refers to an attribute that does not exist in the item"
TYPE = "An operand in the update expression has an incorrect data type"
PATH = "The document path provided in the update expression is invalid for update"
DEEP = "Nesting Levels have exceeded supported limits"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET a = q", MISSING),
        ("SET a = l[7]", MISSING),
        ("SET a = a.b", MISSING),
        ("SET a = n + q", MISSING),
        ("SET a = if_not_exists(q, r)", MISSING),
        ("SET a = list_append(l, q)", MISSING),
        ("SET a = a + :n", TYPE),
        ("SET a = if_not_exists(q, :s) + :n", TYPE),
        ("SET a = list_append(n, l)", TYPE),
        ("ADD a :n", TYPE),
        ("ADD n :ss", TYPE),
        ("ADD ss :ns", TYPE),
        ("DELETE n :ss", TYPE),
        ("DELETE ss :ns", TYPE),
        ("SET q.r = :s", PATH),
        ("SET n.r = :s", PATH),
        ("SET m.q.r = :s", PATH),
        ("SET m[0] = :s", PATH),
        ("SET l.x = :s", PATH),
        ("SET l[0].x = :s", PATH),
        ("SET l[9].x = :s", PATH),
        ("SET q[0] = :s", PATH),
        ("REMOVE q.r", PATH),
        ("REMOVE m.q.r", PATH),
        ("REMOVE m[0]", PATH),
        ("ADD q.r :n", PATH),
        ("DELETE l.x :ss", PATH),
        ("SET q.r = :s, a = q", PATH),
    ],
)
def test_what_the_item_does_not_have(text: str, message: str) -> None:
    made = _update(text)
    with pytest.raises(ValidationException) as caught:
        made.apply(ITEM)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("9" + "0" * 125, "Number overflow. Attempting to store a number with magnitude larger"),
        ("1" + "0" * 40, "Attempting to store more than 38 significant digits in a Number"),
    ],
)
def test_sums_that_cannot_be_stored(number: str, message: str) -> None:
    step = number if number.startswith("9") else "1"
    item = {"n": {"N": number}}
    for text in ("SET n = n + :n", "ADD n :n"):
        with pytest.raises(ValidationException, match=f"^{message}"):
            _update(text, {":n": {"N": step}}).apply(item)


def test_thirty_two_levels_are_the_deepest() -> None:
    deep: Any = {"S": "x"}
    for _ in range(30):
        deep = {"M": {"a": deep}}
    item: dict[str, Any] = {"m": {"M": {"n": {"M": {}}}}}
    assert _update("SET m.q = :v", {":v": deep}).apply(item)["m"]["M"]["q"] == deep
    with pytest.raises(ValidationException, match=DEEP):
        _update("SET m.n.q = :v", {":v": deep}).apply(item)
    with pytest.raises(ValidationException, match=DEEP):
        _update("SET m.n.q = list_append(:v, :v)", {":v": {"L": [deep]}}).apply(item)


def test_chains_of_defaults_are_followed_to_their_end() -> None:
    text = "SET q = " + "if_not_exists(r," * 230 + ":s" + ")" * 230
    assert _changes(text) == {"q": NEW}


@pytest.mark.parametrize(
    ("text", "creates"),
    [
        ("SET a = :s", True),
        ("ADD a :n REMOVE b", True),
        ("REMOVE a", False),
        ("DELETE a :ss REMOVE b", False),
    ],
)
def test_only_removing_makes_no_item(text: str, creates: bool) -> None:
    assert _update(text).creates == creates


def test_updated_are_the_parts_that_were_written() -> None:
    made = _update("SET m.x = :s, a = :s REMOVE n ADD q :n, l[1] :n DELETE ss :ss")
    after = made.apply(ITEM)
    assert made.updated(ITEM) == {
        "m": {"M": {"x": L1}},
        "a": {"S": "s"},
        "n": {"N": "5"},
        "l": {"L": [L2]},
        "ss": {"SS": ["a", "b"]},
    }
    assert made.updated(after) == {
        "m": {"M": {"x": NEW}},
        "a": NEW,
        "q": L1,
        "l": {"L": [L3]},
        "ss": {"SS": ["b"]},
    }
    assert made.touched == (("m", "x"), ("a",), ("n",), ("q",), ("l", 1), ("ss",))
    assert _update("SET a = b.c + n, d = :s").reads == (("b", "c"), ("n",))


@pytest.mark.parametrize("text", ["SET pk = :s", "REMOVE a, pk", "ADD pk :n", "SET pk.a = :s"])
def test_keys_cannot_be_updated(text: str) -> None:
    schema = KeySchema((KeyAttribute("pk", "S"),))
    with pytest.raises(ValidationException) as caught:
        _update(text).check_keys(schema)
    assert caught.value.message == (
        "One or more parameter values were invalid: Cannot update attribute pk. This attribute is"
        " part of the key"
    )
    _update("SET a = pk").check_keys(schema)


# Against a naive model ---------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]
contents = st.one_of(
    st.integers(-9, 9).map(lambda number: {"N": str(number)}),
    st.sampled_from(["", "x"]).map(lambda text: {"S": text}),
    st.sets(st.sampled_from("abc"), min_size=1).map(lambda members: {"SS": sorted(members)}),
    st.lists(st.just({"N": "1"}), max_size=2).map(lambda elements: {"L": elements}),
)
items = st.dictionaries(st.sampled_from(NAMES), contents)
terms = st.one_of(st.sampled_from(NAMES), st.integers(-3, 3).map(lambda n: {"N": str(n)}), contents)
assignments = st.one_of(
    st.tuples(st.just("put"), terms),
    st.tuples(st.sampled_from(["+", "-", "if_not_exists", "list_append"]), terms, terms),
    st.tuples(st.just("remove")),
    st.tuples(st.sampled_from(["add", "delete"]), contents),
)
plans = st.dictionaries(st.sampled_from(NAMES), assignments, min_size=1)


class _Refused(Exception):
    pass


def _text(plan: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {}
    sections: dict[str, list[str]] = {}

    def shown(term: Any) -> str:
        if isinstance(term, str):
            return term
        key = f":{len(values)}"
        values[key] = term
        return key

    for name, (kind, *parts) in plan.items():
        if kind == "put":
            sections.setdefault("SET", []).append(f"{name} = {shown(parts[0])}")
        elif kind in ("+", "-"):
            text = f"{name} = {shown(parts[0])} {kind} {shown(parts[1])}"
            sections.setdefault("SET", []).append(text)
        elif kind in ("if_not_exists", "list_append"):
            text = f"{name} = {kind}({shown(parts[0])}, {shown(parts[1])})"
            sections.setdefault("SET", []).append(text)
        elif kind == "remove":
            sections.setdefault("REMOVE", []).append(name)
        else:
            sections.setdefault(kind.upper(), []).append(f"{name} {shown(parts[0])}")
    text = " ".join(f"{section} {', '.join(acts)}" for section, acts in sections.items())
    return text, values


def _naive(plan: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    def value(term: Any) -> Any:
        found = item.get(term) if isinstance(term, str) else term
        if found is None:
            raise _Refused
        return found

    result = dict(item)
    for name, (kind, *parts) in plan.items():
        if kind == "remove":
            result.pop(name, None)
        elif kind == "put":
            result[name] = value(parts[0])
        elif kind == "if_not_exists":
            if not isinstance(parts[0], str) or parts[0] == parts[1]:
                raise _Refused
            result[name] = item.get(parts[0]) or value(parts[1])
        elif kind in ("add", "delete"):
            _naive_set_action(kind, name, parts[0], item, result)
        else:
            one, two = value(parts[0]), value(parts[1])
            needed = "L" if kind == "list_append" else "N"
            if needed not in one or needed not in two:
                raise _Refused
            if needed == "L":
                result[name] = {"L": [*one["L"], *two["L"]]}
            else:
                sign = 1 if kind == "+" else -1
                result[name] = {"N": str(int(one["N"]) + sign * int(two["N"]))}
    return result


def _naive_set_action(kind: str, name: str, operand: Any, item: Any, result: Any) -> None:
    if operand.keys() - ({"SS", "N"} if kind == "add" else {"SS"}):
        raise _Refused
    before = item.get(name)
    if before is None:
        if kind == "add":
            result[name] = operand
    elif before.keys() != operand.keys():
        raise _Refused
    elif "N" in before:
        result[name] = {"N": str(Decimal(before["N"]) + Decimal(operand["N"]))}
    else:
        one, two = set(before["SS"]), set(operand["SS"])
        members = one | two if kind == "add" else one - two
        result[name] = {"SS": sorted(members)}
        if not members:
            del result[name]


@given(plans, items)
def test_updates_agree_with_a_naive_model(plan: dict[str, Any], item: dict[str, Any]) -> None:
    text, values = _text(plan)
    before = copy.deepcopy(item)
    try:
        result: Any = update(text, Bindings(None, values or None)).apply(item)
    except ValidationException:
        result = None
    try:
        expected: Any = _naive(plan, item)
    except _Refused:
        expected = None
    assert result == expected
    assert item == before
    assert result is None or canonical_item(result)[0] == result
