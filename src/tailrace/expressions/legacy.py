"""The parameters from before expressions: Expected, QueryFilter, ScanFilter, KeyConditions and
AttributeUpdates.

They mean what expressions mean, and are lowered to the same trees, key ranges and updates; their
mistakes have messages of their own. Attribute names in them are names, never paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tailrace.errors import ValidationException
from tailrace.expressions.conditions import Condition
from tailrace.expressions.evaluation import Values, compile_test
from tailrace.expressions.key_conditions import KeyRange, KeyTest, key_range
from tailrace.expressions.tree import And, Between, Call, Compare, In, Literal, Not, Or, PathNode
from tailrace.expressions.tree import Condition as Tree
from tailrace.expressions.updates import (
    REMOVED,
    Effect,
    Step,
    Update,
    add_to,
    delete_from,
    make_update,
)
from tailrace.model.keys import KeySchema, content_bytes
from tailrace.model.values import AttributeValue, Item, canonical_value, check_names

__all__ = [
    "attribute_updates",
    "expected",
    "key_conditions",
    "legacy_key_tests",
    "query_filter",
    "scan_filter",
]

_INVALID: Final = "One or more parameter values were invalid: "
_MISMATCH: Final = "Type mismatch for attribute to update"

_COMPARE: Final = {"EQ": "=", "NE": "<>", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
_ORDERED: Final = frozenset({"S", "N", "B"})
# The types each operator takes; those not listed take all.
_TYPES: Final = {
    **dict.fromkeys(("LT", "LE", "GT", "GE", "IN", "BETWEEN"), _ORDERED),
    "BEGINS_WITH": frozenset({"S", "B"}),
    "CONTAINS": frozenset({"S", "N", "B", "BOOL", "NULL"}),
    "NOT_CONTAINS": frozenset({"S", "N", "B", "BOOL", "NULL"}),
}
_COUNTS: Final = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2}
_OPERATORS: Final = frozenset({*_COMPARE, *_TYPES, *_COUNTS})
_KEY_OPERATORS: Final = {
    "EQ": "=",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}
_ADDED: Final = frozenset({"N", "SS", "NS", "BS", "L"})
_DELETED: Final = frozenset({"SS", "NS", "BS"})

_Json = Mapping[str, Any]


def expected(conditions: Mapping[str, _Json] | None, operator: str | None) -> Condition | None:
    """The condition of Expected and ConditionalOperator; None when they ask for nothing.

    Raises ValidationException for contradictory, missing or mistyped parts, and Malformed for
    values of the wrong shape.
    """
    tests: list[tuple[str, str, list[AttributeValue]]] = []
    check_names(conditions or ())
    for name, entry in (conditions or {}).items():
        tests.append((name, *_expectation(name, entry)))
    return _joined(tests, operator)


def query_filter(conditions: Mapping[str, _Json] | None, operator: str | None) -> Condition | None:
    """The condition of QueryFilter and ConditionalOperator; errors as those of `expected`."""
    return _filter(conditions, operator)


def scan_filter(conditions: Mapping[str, _Json] | None, operator: str | None) -> Condition | None:
    """The condition of ScanFilter and ConditionalOperator; errors as those of `expected`."""
    return _filter(conditions, operator)


def key_conditions(conditions: Mapping[str, _Json], schema: KeySchema) -> KeyRange:
    """The range of KeyConditions over a table's or an index's key; errors as those of `expected`
    and of key conditions.
    """
    return key_range(legacy_key_tests(conditions), schema)


def legacy_key_tests(conditions: Mapping[str, _Json]) -> dict[str, KeyTest]:
    """What KeyConditions ask of attributes, by their names; errors as those of `expected`."""
    tests: dict[str, KeyTest] = {}
    for name, entry in conditions.items():
        comparison, operands = _comparison(entry)
        tests[name] = KeyTest(_KEY_OPERATORS.get(comparison, comparison), tuple(operands))
    return tests


def attribute_updates(updates: Mapping[str, _Json]) -> Update:
    """The update of AttributeUpdates.

    PUT, the default, and ADD make the item when it isn't there; DELETE alone doesn't. Raises
    ValidationException for actions that miss their value or can't have it, and Malformed for values
    of the wrong shape.
    """
    steps: list[Step] = []
    creates = not updates
    check_names(updates)
    for name, entry in updates.items():
        action = entry.get("Action") or "PUT"
        raw = entry.get("Value")
        if raw is None:
            if action != "DELETE":
                raise ValidationException(
                    _INVALID + "Only DELETE action is allowed when no attribute value is specified"
                )
            steps.append(Step((name,), lambda item, values: REMOVED))
            continue
        value, _ = canonical_value(raw)
        steps.append(Step((name,), _effect(name, action, value)))
        creates = creates or action != "DELETE"
    return make_update(tuple(steps), creates or not updates)


def _effect(name: str, action: str, value: AttributeValue) -> Effect:
    kind = next(iter(value))
    if action == "ADD":
        if kind not in _ADDED:
            raise ValidationException(f"{_INVALID}ADD action is not supported for the type {kind}")

        def add(item: Item, values: Values) -> AttributeValue:
            return add_to(item.get(name), value, _MISMATCH)

        return add
    if action == "DELETE":
        if kind not in _DELETED:
            raise ValidationException(
                f"{_INVALID}DELETE action with value is not supported for the type {kind}"
            )

        def delete(item: Item, values: Values) -> Any:
            return delete_from(item.get(name), value, _MISMATCH)

        return delete
    return lambda item, values: value


# Conditions --------------------------------------------------------------------------------------


def _filter(conditions: Mapping[str, _Json] | None, operator: str | None) -> Condition | None:
    tests: list[tuple[str, str, list[AttributeValue]]] = []
    for name, entry in (conditions or {}).items():
        tests.append((name, *_comparison(entry)))
    return _joined(tests, operator)


def _expectation(name: str, entry: _Json) -> tuple[str, list[AttributeValue]]:
    """The operator and the operands of an entry of Expected."""
    value, exists = entry.get("Value"), entry.get("Exists")
    operator, operands = entry.get("ComparisonOperator"), entry.get("AttributeValueList")
    problem: str | None = None
    if value is not None and operands is not None:
        problem = "Value and AttributeValueList cannot be used together"
    elif exists is not None and operator is not None:
        problem = "Exists and ComparisonOperator cannot be used together"
    elif operator is None and operands is not None:
        problem = "AttributeValueList can only be used with a ComparisonOperator"
    elif operator is None and exists is False and value is not None:
        problem = "Value cannot be used when Exists is false"
    elif operator is None and exists is not False and value is None:
        state = "null" if exists is None else "true"
        problem = f"Value must be provided when Exists is {state}"
    elif value is None and operands is None and operator not in (None, "NULL", "NOT_NULL"):
        problem = f"Value or AttributeValueList must be used with ComparisonOperator: {operator}"
    if problem is not None:
        raise ValidationException(f"{_INVALID}{problem} for Attribute: {name}")
    if operator is None:
        operator = "NULL" if exists is False else "EQ"
    if value is not None:
        operands = [value]
    return _comparison({"ComparisonOperator": operator, "AttributeValueList": operands})


def _comparison(entry: _Json) -> tuple[str, list[AttributeValue]]:
    """The operator and the operands of an entry of a filter or of KeyConditions."""
    operator = entry.get("ComparisonOperator")
    operands = [canonical_value(raw)[0] for raw in entry.get("AttributeValueList") or ()]
    if operator not in _OPERATORS:
        raise ValidationException("Comparison type does not exist in DynamoDB")
    needed = _COUNTS.get(operator, 1)
    if len(operands) < needed or (len(operands) > needed and operator != "IN"):
        raise ValidationException(
            f"{_INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"
        )
    _check_types(operator, operands)
    return operator, operands


def _check_types(operator: str, operands: Sequence[AttributeValue]) -> None:
    kinds = [next(iter(operand)) for operand in operands]
    allowed = _TYPES.get(operator)
    for kind in kinds:
        if allowed is not None and kind not in allowed:
            raise ValidationException(
                f"{_INVALID}ComparisonOperator {operator} is not valid for {kind}"
                " AttributeValue type"
            )
    if len(set(kinds)) > 1:
        raise ValidationException(
            _INVALID + "AttributeValues inside AttributeValueList must be of same type"
        )
    if operator == "BETWEEN" and content_bytes(operands[0]) > content_bytes(operands[1]):
        raise ValidationException(
            "The BETWEEN condition was provided a range where the lower bound is greater than the"
            " upper bound"
        )


def _joined(
    tests: Sequence[tuple[str, str, list[AttributeValue]]], operator: str | None
) -> Condition | None:
    if not tests:
        if operator is not None:
            raise ValidationException(
                "ConditionalOperator cannot be used without Filter or Expected"
            )
        return None
    if operator is not None and len(tests) == 1:
        raise ValidationException(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )
    values: dict[str, AttributeValue] = {}
    terms: list[Tree] = []
    for name, comparison, operands in tests:
        literals: list[Literal] = []
        for operand in operands:
            literal = Literal(f":{len(values)}")
            values[literal.key] = operand
            literals.append(literal)
        terms.append(_lowered(PathNode((name,)), comparison, literals))
    root: Tree = Or(tuple(terms)) if operator == "OR" else And(tuple(terms))
    return Condition(compile_test(root, {}), values, tuple([(name,) for name, _, _ in tests]))


def _lowered(path: PathNode, comparison: str, literals: list[Literal]) -> Tree:
    """The tree of one comparison."""
    if comparison in _COMPARE:
        return Compare(_COMPARE[comparison], path, literals[0])
    if comparison == "BETWEEN":
        return Between(path, literals[0], literals[1])
    if comparison == "IN":
        return In(path, tuple(literals))
    if comparison == "NULL":
        return Call("attribute_not_exists", (path,))
    if comparison == "NOT_NULL":
        return Call("attribute_exists", (path,))
    if comparison == "BEGINS_WITH":
        return Call("begins_with", (path, literals[0]))
    contains = Call("contains", (path, literals[0]))
    if comparison == "CONTAINS":
        return contains
    # Other than NOT contains(…), this asks for an attribute.
    return And((Call("attribute_exists", (path,)), Not(contains)))
