"""Key conditions: which keys a query reads.

Each partition key attribute must equal a value. Sort key attributes follow from left to right: all
but the last one named must equal a value, the last may also be compared, lie in a range, or begin
with a prefix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.bindings import Bindings
from tailrace.expressions.checks import check_condition, resolve
from tailrace.expressions.conditions import (
    cacheable,
    check_types,
    placeholders,
    verified_types,
)
from tailrace.expressions.parser import ParsedCondition, parse_condition
from tailrace.expressions.tree import (
    And,
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
)
from tailrace.model.keys import KeyAttribute, KeySchema, closed, content_bytes, successor
from tailrace.model.values import AttributeValue

__all__ = ["KeyRange", "KeyTest", "check_count", "key_condition", "key_range", "key_tests"]

_PARAMETER: Final = "KeyConditionExpression"
_NESTED: Final = "KeyConditionExpressions cannot contain nested operations"
_INDEXABLE: Final = frozenset({"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"})
_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class KeyTest(msgspec.Struct, frozen=True, gc=False):
    """What a key attribute must meet: `operator` is one of = < <= > >= BETWEEN begins_with, with
    one operand, or two bounds. (Before `key_range` it can be any other, with what operands that
    has.)
    """

    operator: str
    operands: tuple[AttributeValue, ...]


class KeyRange(msgspec.Struct, frozen=True, gc=False):
    """The keys of one item collection that a query reads.

    `hash_values` are the values of all partition key attributes, `equal` those of the sort key
    attributes before the last one that is named, `last` what that one must meet; None when none is
    named.
    """

    schema: KeySchema
    hash_values: tuple[AttributeValue, ...]
    equal: tuple[AttributeValue, ...] = ()
    last: KeyTest | None = None

    @property
    def low(self) -> bytes:
        """The least key of a table that is in the range, or would be."""
        return self.bounds()[0]

    @property
    def high(self) -> bytes | None:
        """The least key of a table above the range."""
        return self.bounds()[1]

    def bounds(self, index: bool = False) -> tuple[bytes, bytes | None]:
        """The range as `low <= key < high`, of a table's keys or, other than these, of the rows of
        an index.
        """
        base = self.schema.hash_bytes(self.hash_values) + b"".join(map(closed, self.equal))
        if self.last is None:
            return base, successor(base)
        # Only the last part of a table's key is open; see `tailrace.model.keys`.
        is_open = not index and len(self.equal) + 1 == len(self.schema.range)
        operator, operands = self.last.operator, self.last.operands
        if operator == "begins_with":
            prefix = content_bytes(operands[0])
            start = base + (prefix if is_open else prefix.replace(b"\0", b"\0\xff"))
            return start, successor(start)
        part = content_bytes if is_open else closed
        ends = [base + part(operand) for operand in operands]
        if operator in ("=", "BETWEEN"):
            return ends[0], _above(ends[-1], is_open)
        if operator in ("<", "<="):
            return base, ends[0] if operator == "<" else _above(ends[0], is_open)
        return ends[0] if operator == ">=" else _above(ends[0], is_open), successor(base)


def _above(end: bytes, is_open: bool) -> bytes:
    """The least key above those that end in, or go on from, a key attribute's bytes."""
    # Closed parts end in 00 00, so there is a successor.
    return end + b"\0" if is_open else end[:-1] + b"\x01"


def key_condition(text: str, bindings: Bindings, schema: KeySchema) -> KeyRange:
    """The range of a KeyConditionExpression over a table's or an index's key.

    Raises ValidationException for everything that can be wrong with the text, its placeholders, and
    its fit with the schema.
    """
    return key_range(key_tests(text, bindings), schema)


def key_tests(text: str, bindings: Bindings) -> dict[str, KeyTest]:
    """What a KeyConditionExpression asks of attributes, by their names.

    Raises ValidationException for everything that is wrong whatever the table's or index's key is.
    """
    parsed = parse_condition(text, _PARAMETER)
    names, values = bindings.names, bindings.values
    if not cacheable(names):
        check_condition(parsed, _PARAMETER, names, values)
        shape = _shape(parsed, names)
    else:
        types = verified_types(parsed, _PARAMETER, names, values)
        shape = _cached(text, tuple(names.items()), types)
    bindings.use(shape.names, shape.values)
    return {
        name: KeyTest(operator, tuple([values[key] for key in keys]))
        for name, operator, keys in shape.tests
    }


class _Shape(msgspec.Struct, frozen=True):
    """Attributes, what they must meet and the placeholders of the operands, for any values."""

    tests: tuple[tuple[str, str, tuple[str, ...]], ...]
    names: tuple[str, ...]
    values: tuple[str, ...]


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def _cached(
    text: str, names: tuple[tuple[str, str], ...], types: tuple[tuple[str, str], ...]
) -> _Shape:
    parsed = parse_condition(text, _PARAMETER)
    check_types(parsed, _PARAMETER, dict(names), types)
    return _shape(parsed, dict(names))


def _shape(parsed: ParsedCondition, names: Mapping[str, str]) -> _Shape:
    tests: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    pending: list[Condition] = [parsed.root]
    while pending:
        condition = pending.pop()
        if isinstance(condition, And):
            pending.extend(reversed(condition.terms))
            continue
        test = _key_test(condition, names)
        if test[0] in tests:
            raise ValidationException(
                "KeyConditionExpressions must only contain one condition per key"
            )
        tests[test[0]] = test
    return _Shape(tuple(tests.values()), *placeholders(parsed.order))


def _key_test(condition: Condition, names: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """The attribute that a condition is about, its operator and the placeholders of its values."""
    operator, operands = _parts(condition)
    ranged = operator in ("BETWEEN", "begins_with")
    if ranged and isinstance(operands[0], Literal):
        raise ValidationException(
            f"Invalid condition in {_PARAMETER}: {operator} operator must have the key attribute"
            " as its first operand"
        )
    if ranged and isinstance(operands[0], Call):
        raise ValidationException(_NESTED)
    if not ranged and not isinstance(operands[0], PathNode):
        operands = (operands[1], operands[0])
        operator = _MIRRORED[operator]
    paths = [operand for operand in operands if isinstance(operand, PathNode)]
    if len(paths) > 1:
        raise ValidationException(
            f"Invalid condition in {_PARAMETER}: Multiple attribute names used in one condition"
        )
    if any(isinstance(operand, Call) for operand in operands):
        raise ValidationException(_NESTED)
    if not paths:
        raise ValidationException(f"Invalid condition in {_PARAMETER}: No key attribute specified")
    path = resolve(paths[0], names)
    name, *below = path
    if below:
        raise ValidationException(
            "KeyConditionExpressions cannot have conditions on nested attributes"
        )
    keys = [operand.key for operand in operands if isinstance(operand, Literal)]
    return str(name), operator, tuple(keys)


def _parts(condition: Condition) -> tuple[str, tuple[Operand, ...]]:
    match condition:
        case Compare(operator, left, right) if operator != "<>":
            return operator, (left, right)
        case Between(operand, low, high):
            return "BETWEEN", (operand, low, high)
        case Call("begins_with", operands):
            return "begins_with", operands
        case Compare(operator) | Call(operator):
            pass
        case Or():
            operator = "OR"
        case Not():
            operator = "NOT"
        case In():
            operator = "IN"
        case And():
            operator = "AND"
    raise ValidationException(f"Invalid operator used in {_PARAMETER}: {operator}")


def check_count(tests: Mapping[str, KeyTest]) -> None:
    """Raise ValidationException unless there are as many tests as a key of a table can meet."""
    if not 1 <= len(tests) <= 2:
        raise ValidationException("Conditions can be of length 1 or 2 only")


def key_range(tests: Mapping[str, KeyTest], schema: KeySchema) -> KeyRange:
    """The range of the keys whose attributes meet tests.

    Raises ValidationException when the tests don't fit the schema, or their operands don't fit the
    attributes.
    """
    single = len(schema.hash) == 1 and len(schema.range) <= 1
    if single:
        check_count(tests)
    if single and not schema.range and len(tests) == 2:
        raise ValidationException("Query key condition not supported")
    for attribute in schema.hash:
        if attribute.name not in tests:
            raise ValidationException(
                f"Query condition missed key schema element: {attribute.name}"
            )
    _check_types(schema.hash, tests)
    _check_operators(schema.hash, tests)
    if any(tests[attribute.name].operator != "=" for attribute in schema.hash):
        raise ValidationException("Query key condition not supported")
    for attribute in schema.hash:
        _check_contents(attribute, tests[attribute.name], schema)
    named = _named_range(tests, schema)
    _check_types(named, tests)
    _check_operators(named, tests)
    for attribute in named:
        _check_contents(attribute, tests[attribute.name], schema)
    return KeyRange(
        schema,
        tuple([tests[attribute.name].operands[0] for attribute in schema.hash]),
        tuple([tests[attribute.name].operands[0] for attribute in named[:-1]]),
        tests[named[-1].name] if named else None,
    )


def _named_range(tests: Mapping[str, KeyTest], schema: KeySchema) -> list[KeyAttribute]:
    """The sort key attributes that tests name: a run from the first one, all but the last by
    equality.
    """
    count = len(tests) - len(schema.hash)
    named = [attribute for attribute in schema.range if attribute.name in tests]
    if len(named) != count:
        missed = [attribute for attribute in schema.range if attribute.name not in tests]
        if not missed:
            raise ValidationException("Query key condition not supported")
        raise ValidationException(f"Query condition missed key schema element: {missed[0].name}")
    if named:
        last = named[-1]
        before = schema.range[: schema.range.index(last)]
        loose = [
            attribute.name
            for attribute in before
            if attribute.name not in tests or tests[attribute.name].operator != "="
        ]
        if loose:
            raise ValidationException(
                f"RANGE key attributes {', '.join(loose)} must have equality conditions specified"
                f" in the query because a condition is present on key attribute {last.name}"
            )
    return named


def _check_types(attributes: Sequence[KeyAttribute], tests: Mapping[str, KeyTest]) -> None:
    for attribute in attributes:
        if any(attribute.type not in operand for operand in tests[attribute.name].operands):
            raise ValidationException(
                "One or more parameter values were invalid:"
                " Condition parameter type does not match schema type"
            )


def _check_operators(attributes: Sequence[KeyAttribute], tests: Mapping[str, KeyTest]) -> None:
    if any(tests[attribute.name].operator not in _INDEXABLE for attribute in attributes):
        raise ValidationException("Attempted conditional constraint is not an indexable operation")


def _check_contents(attribute: KeyAttribute, test: KeyTest, schema: KeySchema) -> None:
    if attribute.type == "N":
        return
    for operand in test.operands:
        if not operand[attribute.type]:
            kind = "string" if attribute.type == "S" else "binary"
            raise ValidationException(
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                f" cannot contain an empty {kind} value. Key: {attribute.name}"
            )
        size = len(content_bytes(operand))
        if attribute in schema.hash:
            if size > limits.PARTITION_KEY_BYTES:
                raise ValidationException(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the"
                    f" maximum size limit of{limits.PARTITION_KEY_BYTES} bytes"
                )
        elif size > limits.SORT_KEY_BYTES:
            raise ValidationException(
                "One or more parameter values were invalid: Aggregated size of all range keys has"
                f" exceeded the size limit of {limits.SORT_KEY_BYTES} bytes"
            )
