"""Proves what is said of placeholders and operands that don't fit, and which error comes first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, condition, projection, update

VALUES: dict[str, Any] = {
    ":s": {"S": "s"},
    ":t": {"S": "t"},
    ":n": {"N": "1"},
    ":m": {"N": "10"},
    ":b": {"B": "YQ=="},
    ":l": {"L": []},
    ":map": {"M": {}},
    ":flag": {"BOOL": True},
    ":null": {"NULL": True},
    ":ss": {"SS": ["a"]},
    ":ns": {"NS": ["1"]},
    ":bs": {"BS": ["YQ=="]},
    ":S": {"S": "S"},
}
NAMES = {"#a": "a", "#c": "c", "#three": "[3]"}


def _bindings(text: str) -> Bindings:
    values = {key: VALUES[key] for key in re.findall(r":\w+", text) if key in VALUES}
    names = {key: NAMES[key] for key in re.findall(r"#\w+", text) if key in NAMES}
    return Bindings(names or None, values or None)


def _errors(text: str, make: Any, parameter: str) -> str:
    with pytest.raises(ValidationException) as caught:
        make(text, _bindings(text))
    prefix = f"Invalid {parameter}: "
    assert caught.value.message.startswith(prefix)
    return caught.value.message.removeprefix(prefix)


def _distinct(operator: str, path: str) -> str:
    return (
        "The first operand must be distinct from the remaining operands for this operator or"
        f" function; operator: {operator}, first operand: {path}"
    )


def _type(operator: str, kind: str) -> str:
    return (
        "Incorrect operand type for operator or function; operator or function:"
        f" {operator}, operand type: {kind}"
    )


def _count(function: str, number: int) -> str:
    return (
        "Incorrect number of operands for operator or function; operator or function:"
        f" {function}, number of operands: {number}"
    )


def _value(key: str) -> str:
    return (
        f"An expression attribute value used in expression is not defined; attribute value: {key}"
    )


def _name(key: str) -> str:
    return (
        "An expression attribute name used in the document path is not defined; attribute name:"
        f" {key}"
    )


def _path(function: str) -> str:
    return f"Operator or function requires a document path; operator or function: {function}"


_ANY = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
_BOUNDS = (
    "The BETWEEN operator requires {}; lower bound operand: AttributeValue: {}, upper bound"
    " operand: AttributeValue: {}"
)
_SAME_TYPE = "same data type for lower and upper bounds"
_ORDER = "upper bound to be greater than or equal to lower bound"
_DEEP = "The document path has too many nesting levels; nesting levels: {}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#q = :s", _name("#q")),
        ("a = :q", _value(":q")),
        ("#q = :q", _name("#q")),
        (":q = #q", _value(":q")),
        ("a = a", _distinct("=", "[a]")),
        ("#a = a", _distinct("=", "[a]")),
        ("a.b[0] < a.b[0]", _distinct("<", "[a, b, [0]]")),
        ("a in (:s, a)", _distinct("IN", "[a]")),
        ("a between :n and a", _distinct("BETWEEN", "[a]")),
        ("contains(a, a)", _distinct("contains", "[a]")),
        ("begins_with(a, a)", _distinct("begins_with", "[a]")),
        ("attribute_type(a, a)", _distinct("attribute_type", "[a]")),
        ("a = a and b = :q", _distinct("=", "[a]")),
        ("b = :q and a = a", _value(":q")),
        ("a < :l", _type("<", "L")),
        ("a >= :flag", _type(">=", "BOOL")),
        ("a <= :map", _type("<=", "M")),
        (":ss > a", _type(">", "SS")),
        ("a < :null", _type("<", "NULL")),
        ("size(:n) = :n", _type("size", "N")),
        ("size(:null) = :n", _type("size", "NULL")),
        ("size(size(a)) = :n", _type("size", "N")),
        ("begins_with(a, :n)", _type("begins_with", "N")),
        ("begins_with(size(a), :s)", _type("begins_with", "N")),
        ("attribute_type(a, :n)", _type("attribute_type", "N")),
        ("attribute_type(a, b)", _type("attribute_type", _ANY)),
        ("attribute_type(a, size(b))", _type("attribute_type", "N")),
        (
            "attribute_type(a, :s)",
            (
                "Invalid attribute type name found; type: s, valid types:"
                " {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
            ),
        ),
        ("a between :l and :n", _type("BETWEEN", "L")),
        ("a between :n and :l", _type("BETWEEN", "L")),
        ("a between :s and :n", _BOUNDS.format(_SAME_TYPE, "{S:s}", "{N:1}")),
        ("a between :m and :n", _BOUNDS.format(_ORDER, "{N:10}", "{N:1}")),
        ("a between :t and :s", _BOUNDS.format(_ORDER, "{S:t}", "{S:s}")),
        (
            "a between :b and :s",
            _BOUNDS.format(_SAME_TYPE, "{B:java.nio.HeapByteBuffer[pos=0 lim=1 cap=1]}", "{S:s}"),
        ),
        ("attribute_exists(:s)", _path("attribute_exists")),
        ("attribute_not_exists(size(a))", _path("attribute_not_exists")),
        ("attribute_exists(a, :q)", _value(":q")),
        ("attribute_exists(a, b)", _count("attribute_exists", 2)),
        ("attribute_exists(:s, b)", _count("attribute_exists", 2)),
        ("begins_with(a)", _count("begins_with", 1)),
        ("contains(a, a, a)", _count("contains", 3)),
        ("size(:n, :n) = :n", _count("size", 2)),
        (
            f"a in ({','.join([':n'] * 101)})",
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
        (f"attribute_exists({'.'.join(['a'] * 33)})", _DEEP.format(33)),
        (f"attribute_exists(a{'[0]' * 32})", _DEEP.format(33)),
        (f"attribute_exists({'.'.join(['a'] * 33)}.#q)", _DEEP.format(34)),
        (
            " or ".join(["a=:s"] * 151),
            "The expression contains too many operators; operator count: 301",
        ),
        (
            " or ".join(["size(a)=:n"] * 101),
            "The expression contains too many operators; operator count: 301",
        ),
        (
            "not " * 300 + "a=:s",
            "The expression contains too many operators; operator count: 301",
        ),
        (" or ".join(["a=:s"] * 151) + " or a=a", _distinct("=", "[a]")),
    ],
)
def test_conditions(text: str, message: str) -> None:
    assert _errors(text, condition, "ConditionExpression") == message


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["a=:s"] * 150),
        "not " * 299 + "a=:s",
        f"a in ({','.join([':n'] * 100)})",
        f"attribute_exists({'.'.join(['a'] * 32)})",
        "size(a) = size(a)",
        "contains(:n, :flag)",
        "a between :n and :n",
        "n between :n and :m",
        "attribute_type(:s, :S)",
        "not (" * 299 + "a = :s" + ")" * 299,
        "a=:s and(a=:s or(" * 74 + "a=:s" + "))" * 74,
    ],
)
def test_conditions_at_the_limits_are_accepted(text: str) -> None:
    bindings = _bindings(text)
    assert condition(text, bindings).matches(None) in (True, False)
    bindings.finish()


def _clash(problem: str, one: str, two: str) -> str:
    return (
        f"Two document paths {problem} with each other; must remove or rewrite one of these paths;"
        f" path one: {one}, path two: {two}"
    )


def _set_type(section: str, kind: str) -> str:
    return (
        f"Incorrect operand type for operator or function; operator: {section}, operand type:"
        f" {kind}, typeSet: ALLOWED_FOR_{section}_OPERAND"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET #q = :q", _name("#q")),
        ("SET a = #q", _name("#q")),
        ("SET a = :q", _value(":q")),
        ("SET a = :q, b = :r", _value(":r")),
        ("REMOVE #q, #r", _name("#r")),
        ("SET a = :s, a = :s", _clash("overlap", "[a]", "[a]")),
        ("SET a = b REMOVE a, #c", _clash("overlap", "[a]", "[a]")),
        ("REMOVE c, #c.a, #three", _clash("overlap", "[c]", "[c, a]")),
        ("REMOVE a, #c, a, #three", _clash("overlap", "[a]", "[a]")),
        ("SET c.b.#c = a, c = a", _clash("overlap", "[c, b, c]", "[c]")),
        (
            "SET #c[3].#three = a, #c.#three[3] = if_not_exists(a)",
            _clash("conflict", "[c, [3], [3]]", "[c, [3], [3]]"),
        ),
        ("REMOVE a.#c SET a[1] = #three", _clash("conflict", "[a, c]", "[a, [1]]")),
        (
            "SET d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)",
            _clash("overlap", "[c, [1], a]", "[c]"),
        ),
        ("SET a = :q, a = :q", _clash("overlap", "[a]", "[a]")),
        ("SET a = b + :s", _type("+", "S")),
        ("SET a = :ss - b", _type("-", "SS")),
        ("SET a = list_append(:n, b)", _type("list_append", "N")),
        ("SET a = list_append(b, :map)", _type("list_append", "M")),
        ("SET a = list_append(b)", _count("list_append", 1)),
        ("SET a = if_not_exists(b)", _count("if_not_exists", 1)),
        ("SET a = if_not_exists(:n, b)", _path("if_not_exists")),
        ("SET a = if_not_exists(if_not_exists(a, b), c)", _path("if_not_exists")),
        ("SET a = if_not_exists(b, b)", _distinct("if_not_exists", "[b]")),
        ("ADD a :s", _set_type("ADD", "STRING")),
        ("ADD a :l", _set_type("ADD", "LIST")),
        ("ADD a :map", _set_type("ADD", "MAP")),
        ("ADD a :flag", _set_type("ADD", "BOOLEAN")),
        ("ADD a :null", _set_type("ADD", "NULL")),
        ("ADD a :b", _set_type("ADD", "BINARY")),
        ("DELETE a :n", _set_type("DELETE", "NUMBER")),
        ("DELETE a :s", _set_type("DELETE", "STRING")),
        (
            "SET b = list_append(:s, a), c = if_not_exists(a) ADD a.b :s",
            _set_type("ADD", "STRING"),
        ),
        ("ADD #q :s, b :s", _name("#q")),
        (
            "SET " + ",".join(f"a{i}=n+n" for i in range(301)),
            "The expression contains too many operators; operator count: 301",
        ),
    ],
)
def test_updates(text: str, message: str) -> None:
    assert _errors(text, update, "UpdateExpression") == message


@pytest.mark.parametrize("text", ["ADD a :n", "ADD a :ss, b :ns, c :bs", "DELETE a :ss, b :bs"])
def test_updates_of_numbers_and_sets_are_accepted(text: str) -> None:
    update(text, _bindings(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#q, #r", _name("#r")),
        ("a, b, #a", _clash("overlap", "[a]", "[a]")),
        ("m.x, m", _clash("overlap", "[m, x]", "[m]")),
        ("a[0], a.b", _clash("conflict", "[a, [0]]", "[a, b]")),
        (".".join(["a"] * 33), _DEEP.format(33)),
    ],
)
def test_projections(text: str, message: str) -> None:
    assert _errors(text, projection, "ProjectionExpression") == message


def test_the_same_text_with_other_values_or_names_is_checked_anew() -> None:
    text = "a < :v AND #x = :v"
    condition(text, Bindings({"#x": "b"}, {":v": {"N": "1"}}))
    with pytest.raises(ValidationException, match="operand type: BOOL"):
        condition(text, Bindings({"#x": "b"}, {":v": {"BOOL": True}}))
    condition("#x = a", Bindings({"#x": "b"}, None))
    with pytest.raises(ValidationException, match="must be distinct"):
        condition("#x = a", Bindings({"#x": "a"}, None))
    condition("a BETWEEN :v AND :w", Bindings(None, {":v": {"N": "9"}, ":w": {"N": "10"}}))
    with pytest.raises(ValidationException, match="upper bound to be greater"):
        condition("a BETWEEN :v AND :w", Bindings(None, {":v": {"N": "11"}, ":w": {"N": "10"}}))
    update("ADD a :v", Bindings(None, {":v": {"N": "1"}}))
    with pytest.raises(ValidationException, match="operand type: STRING"):
        update("ADD a :v", Bindings(None, {":v": {"S": "1"}}))
