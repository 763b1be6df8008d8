"""What a WHERE clause says about a table's or an index's keys: the one item that a statement is
about, or the ranges of keys that a SELECT reads.

A SELECT is taken apart into alternatives, each a conjunction with its own conditions on the keys.
When each of them has one partition key the table is queried, else it is scanned. All that was seen
on AWS, as were the refusals.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions import tree
from tailrace.expressions.checks import resolve
from tailrace.expressions.evaluation import Values
from tailrace.expressions.key_conditions import KeyTest, key_range
from tailrace.expressions.partiql.conditions import Where, path_nodes
from tailrace.model.keys import KeySchema, content_bytes
from tailrace.model.values import AttributeValue, Item

__all__ = ["ItemKey", "KeyReads", "Reach", "item_key", "key_reads", "only_key"]

_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "<>": "<>"}
_OVERLAP: Final = "Overlapping conditions with range keys are not supported in where clause"

# Alternatives that are looked at: enough to see that one of them has no partition key.
_KEPT: Final = 4 * limits.STATEMENT_READS


class ItemKey(msgspec.Struct, frozen=True):
    """The key attributes that a WHERE clause sets equal to values, and what it asks beside them;
    `rest` None asks for nothing. `conflict` names an attribute that was given two values.
    """

    values: Item
    rest: tree.Condition | None
    conflict: str | None


def item_key(where: Where | None, schema: KeySchema) -> ItemKey:
    """What a WHERE clause says about one item: equalities anywhere in its conjunction."""
    values: Item = {}
    rest: list[tree.Condition] = []
    conflict: str | None = None
    for term in () if where is None else _conjuncts(where.root):
        test = _key_test(term, schema)
        if test is None or test.operator != "=" or where is None:
            rest.append(term)
            continue
        value = where.values[test.operands[0].key]
        if values.setdefault(test.name, value) != value:
            conflict = conflict or test.name
            rest.append(term)
    root = None if not rest else rest[0] if len(rest) == 1 else tree.And(tuple(rest))
    return ItemKey(values, root, conflict)


def only_key(where: Where | None, schema: KeySchema) -> Item | None:
    """The key that is all a WHERE clause names, by equality or IN with one value; else None."""
    values: Item = {}
    for term in () if where is None else _conjuncts(where.root):
        test = _key_test(term, schema)
        if test is None or where is None or test.operator not in ("=", "IN"):
            return None
        if len(test.operands) != 1:
            return None
        value = where.values[test.operands[0].key]
        if values.setdefault(test.name, value) != value:
            return None
    return values if len(values) == len(schema.names) else None


class Reach(msgspec.Struct, frozen=True):
    """Keys `low <= key < high` of one item collection."""

    low: bytes
    high: bytes | None


class KeyReads(msgspec.Struct, frozen=True):
    """How a SELECT finds its items.

    `reaches` has, for each partition key value, in the order of reading, the ranges to read, in the
    order of keys; None: everything is read. `exact` says that all items in the ranges are wanted.
    `filtered` are attributes that the first alternative's conditions look at beside the keys.
    """

    reaches: tuple[tuple[Reach, ...], ...] | None
    exact: bool = False
    filtered: tuple[str, ...] = ()


class _Test(NamedTuple):
    """A key attribute and what it must meet."""

    name: str
    operator: str
    operands: tuple[tree.Literal, ...]


class _Alternative(msgspec.Struct, frozen=True):
    """A conjunction: its tests of the keys, and the top-level attributes it looks at otherwise.

    `loose` says that it has conditions on the sort key that are no ranges (<> and NOT).
    """

    tests: tuple[_Test, ...] = ()
    names: tuple[str, ...] = ()
    loose: bool = False


class _Span(NamedTuple):
    """A range of keys that an alternative reads."""

    low: bytes
    high: bytes | None
    loose: bool


def key_reads(where: Where | None, schema: KeySchema, index: bool) -> KeyReads:
    """How to read the items of a WHERE clause from a table, or an index, of a schema with one
    partition key attribute.

    Raises ValidationException for too many reads, overlapping ones and values of wrong types.
    """
    if where is None:
        return KeyReads(None)
    taker = _Taker(schema)
    alternatives = taker.alternatives(where.root)
    hash_name = schema.hash[0].name
    partitions: list[AttributeValue] = []
    for alternative in alternatives:
        found = _partition(alternative, hash_name, where.values)
        if found is None:
            return KeyReads(None)
        partitions.append(found)
    if taker.overflowed or len(alternatives) > limits.STATEMENT_READS:
        raise ValidationException("Too many decomposed read operations for a given query.")
    for alternative in alternatives:
        _check_types(alternative, schema, where.values)
    spans: dict[bytes, list[_Span]] = {}
    for alternative, partition in zip(alternatives, partitions, strict=True):
        found = _span(alternative, partition, schema, where.values, index)
        held = spans.setdefault(content_bytes(partition), [])
        if found is not None:
            held.append(found)
    for held in spans.values():
        _refuse_overlap(held)
    # Partition keys are read in the order of their hashes, MD5 on AWS.
    order = sorted(spans, key=lambda content: hashlib.md5(content, usedforsecurity=False).digest())
    first = alternatives[[content_bytes(each) for each in partitions].index(order[0])]
    exact = all(_is_exact(each, hash_name) for each in alternatives)
    return KeyReads(tuple([_merged(spans[content]) for content in order]), exact, first.names)


def _conjuncts(root: tree.Condition) -> list[tree.Condition]:
    """The terms that must all hold, from left to right."""
    terms: list[tree.Condition] = []
    pending = [root]
    while pending:
        term = pending.pop()
        if isinstance(term, tree.And):
            pending.extend(reversed(term.terms))
        else:
            terms.append(term)
    return terms


def _key_test(term: tree.Condition, schema: KeySchema) -> _Test | None:
    """What a condition asks of a key attribute; None when it is about anything else, or about more
    than one value of the item.
    """
    match term:
        case tree.Compare(operator, tree.PathNode() as path, tree.Literal() as value):
            return _named(path, operator, (value,), schema)
        case tree.Compare(operator, tree.Literal() as value, tree.PathNode() as path):
            return _named(path, _MIRRORED[operator], (value,), schema)
        case tree.Between(tree.PathNode() as path, tree.Literal() as low, tree.Literal() as high):
            return _named(path, "BETWEEN", (low, high), schema)
        case tree.Call("begins_with", (tree.PathNode() as path, tree.Literal() as value)):
            return _named(path, "begins_with", (value,), schema)
        case tree.In(tree.PathNode() as path, choices):
            literals = [choice for choice in choices if isinstance(choice, tree.Literal)]
            if len(literals) == len(choices):
                return _named(path, "IN", tuple(literals), schema)
        case _:
            pass
    return None


def _named(
    path: tree.PathNode, operator: str, operands: tuple[tree.Literal, ...], schema: KeySchema
) -> _Test | None:
    name = path.steps[0]
    if len(path.steps) > 1 or name not in schema.names:
        return None
    return _Test(str(name), operator, operands)


class _Taker:
    """Takes a condition apart into alternatives, until there are too many."""

    def __init__(self, schema: KeySchema) -> None:
        self._schema = schema
        self.overflowed = False

    def alternatives(self, root: tree.Condition) -> list[_Alternative]:
        """The alternatives of a condition. They hold together what the condition holds, but for
        what `loose` leaves out.
        """
        match root:
            case tree.And(terms):
                made = [_Alternative()]
                for term in terms:
                    made = self._crossed(made, self.alternatives(term))
                return made
            case tree.Or(terms):
                if not self._names_keys(root):
                    return [_Alternative(names=_names(root))]
                joined: list[_Alternative] = []
                for term in terms:
                    joined += self.alternatives(term)
                return self._bounded(joined)
            case _:
                return self._simple(root)

    def _simple(self, root: tree.Condition) -> list[_Alternative]:
        test = _key_test(root, self._schema)
        if test is None or test.operator == "<>":
            loose = isinstance(root, tree.Not) or test is not None
            if loose and self._names_keys(root):
                keys = self._schema.names
                names = tuple([name for name in _names(root) if name not in keys])
                return [_Alternative(names=names, loose=True)]
            return [_Alternative(names=_names(root))]
        if test.operator != "IN":
            return [_Alternative((test,))]
        return [_Alternative((_Test(test.name, "=", (operand,)),)) for operand in test.operands]

    def _names_keys(self, root: tree.Condition) -> bool:
        return any(name in self._schema.names for name in _names(root))

    def _crossed(
        self, left: Sequence[_Alternative], right: Sequence[_Alternative]
    ) -> list[_Alternative]:
        made: list[_Alternative] = []
        for one in left:
            for two in right:
                tests, names = one.tests + two.tests, one.names + two.names
                made.append(_Alternative(tests, names, one.loose or two.loose))
                if len(made) > _KEPT:
                    return self._bounded(made)
        return made

    def _bounded(self, made: list[_Alternative]) -> list[_Alternative]:
        self.overflowed = self.overflowed or len(made) > _KEPT
        return made[:_KEPT]


def _names(root: tree.Node) -> tuple[str, ...]:
    """The top-level attributes that a condition looks at, each once."""
    return tuple(dict.fromkeys([str(resolve(node, {})[0]) for node in path_nodes(root)]))


def _partition(alternative: _Alternative, hash_name: str, values: Values) -> AttributeValue | None:
    """The only partition key value of an alternative; None when it has none, or several."""
    found: AttributeValue | None = None
    for test in alternative.tests:
        if test.name == hash_name and test.operator == "=":
            value = values[test.operands[0].key]
            if found is not None and value != found:
                return None
            found = value
    return found


def _is_exact(alternative: _Alternative, hash_name: str) -> bool:
    """Whether an alternative asks for nothing that its range of keys doesn't say."""
    return (
        not alternative.names
        and not alternative.loose
        and all(test.operator == "=" for test in alternative.tests if test.name == hash_name)
    )


def _check_types(alternative: _Alternative, schema: KeySchema, values: Values) -> None:
    types = {attribute.name: attribute.type for attribute in schema.attributes}
    hash_name = schema.hash[0].name
    for test in alternative.tests:
        if test.name == hash_name and test.operator != "=":
            continue
        if any(types[test.name] not in values[operand.key] for operand in test.operands):
            raise ValidationException(
                "Key attribute's data type should match its data type in table's schema:"
                f" Key {test.name}"
            )


def _span(
    alternative: _Alternative,
    partition: AttributeValue,
    schema: KeySchema,
    values: Values,
    index: bool,
) -> _Span | None:
    """The keys that an alternative reads; None when there can be none."""
    hash_name = schema.hash[0].name
    whole = {hash_name: KeyTest("=", (partition,))}
    low, high = key_range(whole, schema).bounds(index)
    for test in alternative.tests:
        if test.name == hash_name:
            continue
        operands = tuple([values[operand.key] for operand in test.operands])
        tests = {**whole, test.name: KeyTest(test.operator, operands)}
        lower, upper = key_range(tests, schema).bounds(index)
        low = max(low, lower)
        high = upper if high is None or (upper is not None and upper < high) else high
    if high is not None and low >= high:
        return None
    return _Span(low, high, alternative.loose)


def _refuse_overlap(spans: Sequence[_Span]) -> None:
    """Raise ValidationException when two alternatives read the same keys of a partition. Those
    whose conditions on the sort key are no ranges may.
    """
    tight = sorted([(span.low, span.high) for span in spans if not span.loose], key=_low)
    for (_, high), (low, _) in itertools.pairwise(tight):
        if high is None or low < high:
            raise ValidationException(_OVERLAP)


def _low(bounds: tuple[bytes, bytes | None]) -> bytes:
    return bounds[0]


def _merged(spans: Sequence[_Span]) -> tuple[Reach, ...]:
    """The same keys as ranges without overlap, in their order."""
    merged: list[Reach] = []
    for span in sorted(spans, key=lambda span: span.low):
        last = merged[-1] if merged else None
        if last is None or (last.high is not None and span.low > last.high):
            merged.append(Reach(span.low, span.high))
        elif last.high is not None and (span.high is None or span.high > last.high):
            merged[-1] = Reach(last.low, span.high)
    return tuple(merged)
