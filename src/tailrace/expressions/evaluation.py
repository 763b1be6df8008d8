"""Trees of conditions and operands to functions that evaluate them on an item.

The functions take the item and the request's values, so that one compiled expression serves every
request with the same text and names. A missing attribute makes every comparison false except <>;
values of different types are unequal and in no order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from tailrace.expressions.checks import resolve
from tailrace.expressions.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Condition,
    In,
    Literal,
    Not,
    Operand,
    Or,
    PathNode,
    Truth,
)
from tailrace.model.paths import find
from tailrace.model.values import AttributeValue, Item, decoded_base64

__all__ = ["Evaluate", "Test", "Values", "compile_operand", "compile_test", "sort_key"]

Values: TypeAlias = Mapping[str, AttributeValue]
Evaluate: TypeAlias = Callable[[Item, Values], AttributeValue | None]
Test: TypeAlias = Callable[[Item, Values], bool]


def compile_operand(operand: Operand, names: Mapping[str, str]) -> Evaluate:
    """A function that gives an operand's value, None when it has none."""
    if isinstance(operand, PathNode):
        path = resolve(operand, names)
        if len(path) == 1:
            name = path[0]
            return lambda item, values: item.get(name)
        return lambda item, values: find(item, path)
    if isinstance(operand, Literal):
        key = operand.key
        return lambda item, values: values[key]
    if isinstance(operand, Arithmetic):
        raise TypeError("sums stand in updates only")
    if isinstance(operand, Truth):
        test = compile_test(operand.condition, names)
        return lambda item, values: {"BOOL": test(item, values)}
    return _compile_size(compile_operand(operand.operands[0], names))


def compile_test(condition: Condition, names: Mapping[str, str]) -> Test:
    """A function that says whether a condition holds."""
    match condition:
        case Compare(operator, left, right):
            return _compile_compare(operator, left, right, names)
        case Call():
            return _compile_call(condition, names)
        case And(terms) | Or(terms):
            tests: list[Test] = []
            for term in terms:
                tests.append(compile_test(term, names))  # noqa: PERF401 - half the stack
            return _compile_all(tests) if isinstance(condition, And) else _compile_any(tests)
        case Not(term):
            return _compile_not(compile_test(term, names))
        case Between():
            return _compile_between(condition, names)
        case In():
            return _compile_in(condition, names)


def _compile_all(tests: list[Test]) -> Test:
    def test(item: Item, values: Values) -> bool:
        for term in tests:  # noqa: SIM110 - a generator costs more than the comparison
            if not term(item, values):
                return False
        return True

    return test


def _compile_any(tests: list[Test]) -> Test:
    def test(item: Item, values: Values) -> bool:
        for term in tests:  # noqa: SIM110 - a generator costs more than the comparison
            if term(item, values):
                return True
        return False

    return test


def _compile_not(term: Test) -> Test:
    return lambda item, values: not term(item, values)


def _compile_compare(
    operator: str, left: Operand, right: Operand, names: Mapping[str, str]
) -> Test:
    first, second = compile_operand(left, names), compile_operand(right, names)
    if operator == "=":

        def equal(item: Item, values: Values) -> bool:
            value = first(item, values)
            return value is not None and value == second(item, values)

        return equal
    if operator == "<>":

        def unequal(item: Item, values: Values) -> bool:
            value = first(item, values)
            return value is None or value != second(item, values)

        return unequal
    # a > b is b < a, and a >= b is b <= a.
    if operator in (">", ">="):
        first, second = second, first
    strict = operator in ("<", ">")

    def ordered(item: Item, values: Values) -> bool:
        keys = _sort_keys(first(item, values), second(item, values))
        if keys is None:
            return False
        return keys[0] < keys[1] if strict else keys[0] <= keys[1]

    return ordered


def _sort_keys(one: AttributeValue | None, two: AttributeValue | None) -> tuple[Any, Any] | None:
    """What two values compare by, or None when they are in no order."""
    if one is None or two is None or one.keys() != two.keys():
        return None
    first = sort_key(one)
    return None if first is None else (first, sort_key(two))


def sort_key(value: AttributeValue) -> Any:
    """What a scalar compares by among those of its type, None for types without an order."""
    ((kind, content),) = value.items()
    if kind == "S":
        return content  # code points are in the order of their UTF-8 bytes
    if kind == "N":
        return Decimal(content)
    return decoded_base64(content) if kind == "B" else None


def _compile_between(test: Between, names: Mapping[str, str]) -> Test:
    operand = compile_operand(test.operand, names)
    low = compile_operand(test.low, names)
    high = compile_operand(test.high, names)

    def between(item: Item, values: Values) -> bool:
        value = operand(item, values)
        lower = _sort_keys(low(item, values), value)
        if lower is None or lower[0] > lower[1]:
            return False
        upper = _sort_keys(value, high(item, values))
        return upper is not None and upper[0] <= upper[1]

    return between


def _compile_in(test: In, names: Mapping[str, str]) -> Test:
    operand = compile_operand(test.operand, names)
    choices = [compile_operand(choice, names) for choice in test.choices]

    def contained(item: Item, values: Values) -> bool:
        value = operand(item, values)
        if value is None:
            return False
        return any(value == choice(item, values) for choice in choices)

    return contained


def _compile_size(operand: Evaluate) -> Evaluate:
    def size(item: Item, values: Values) -> AttributeValue | None:
        value = operand(item, values)
        if value is None:
            return None
        ((kind, content),) = value.items()
        if kind == "S":
            # UTF-16 code units: a character beyond the basic plane counts twice.
            length = len(content) if content.isascii() else len(content.encode("utf-16-le")) // 2
        elif kind == "B":
            length = len(decoded_base64(content))
        elif kind in ("SS", "NS", "BS", "L", "M"):
            length = len(content)
        else:
            return None
        return {"N": str(length)}

    return size


def _compile_call(call: Call, names: Mapping[str, str]) -> Test:
    first = compile_operand(call.operands[0], names)
    if call.function in ("attribute_exists", "attribute_not_exists"):
        return _compile_presence(call.operands[0], first, names, call.function)
    second = compile_operand(call.operands[1], names)
    if call.function == "contains":
        return lambda item, values: _contains(first(item, values), second(item, values))
    if call.function == "begins_with":
        return lambda item, values: _begins_with(first(item, values), second(item, values))

    def has_type(item: Item, values: Values) -> bool:
        value, kind = first(item, values), second(item, values)
        return value is not None and kind is not None and kind.get("S") in value

    return has_type


def _compile_presence(
    operand: Operand, evaluate: Evaluate, names: Mapping[str, str], function: str
) -> Test:
    path = resolve(operand, names) if isinstance(operand, PathNode) else ()
    name = path[0] if len(path) == 1 else None
    if function == "attribute_exists":
        if name is not None:
            return lambda item, values: name in item
        return lambda item, values: evaluate(item, values) is not None
    if name is not None:
        return lambda item, values: name not in item
    return lambda item, values: evaluate(item, values) is None


def _contains(container: AttributeValue | None, part: AttributeValue | None) -> bool:
    """Whether a string holds a substring, binary a run of bytes, a set a member, or a list an
    element.
    """
    if container is None or part is None:
        return False
    ((kind, content),) = container.items()
    ((part_kind, wanted),) = part.items()
    if kind == "L":
        return part in content
    if kind == part_kind == "S":
        return wanted in content
    if kind == part_kind == "B":
        return decoded_base64(wanted) in decoded_base64(content)
    # SS holds S, NS holds N and BS holds B.
    return len(kind) == 2 and kind == part_kind + "S" and wanted in content


def _begins_with(value: AttributeValue | None, prefix: AttributeValue | None) -> bool:
    if value is None or prefix is None:
        return False
    ((kind, content),) = value.items()
    start = prefix.get(kind)
    if start is None:
        return False
    if kind == "S":
        return content.startswith(start)
    return kind == "B" and decoded_base64(content).startswith(decoded_base64(start))
