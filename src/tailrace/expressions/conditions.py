"""Conditions: what ConditionExpression, FilterExpression and their legacy kin mean for an item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.bindings import Bindings
from tailrace.expressions.checks import check_condition, resolve
from tailrace.expressions.evaluation import Test, Values, compile_test
from tailrace.expressions.parser import ParsedCondition, parse_condition
from tailrace.expressions.tree import Alias, Literal, Node, PathNode
from tailrace.model.keys import KeySchema
from tailrace.model.paths import Path
from tailrace.model.values import AttributeValue, Item

__all__ = [
    "Condition",
    "cacheable",
    "check_types",
    "condition",
    "placeholders",
    "refuse_key_filter",
    "refuse_key_paths",
    "verified_types",
]

_NO_ITEM: Final[Item] = {}
# Names longer than this are compiled anew for each request, so that the cache stays small.
_CACHED_NAMES_BYTES: Final = 4096


class Condition(msgspec.Struct, frozen=True, gc=False):
    """A condition with its values. `paths` are the document paths it looks at, in the order of the
    text.
    """

    test: Test
    values: Values
    paths: tuple[Path, ...]

    def matches(self, item: Item | None) -> bool:
        """Whether a canonical item, or the absence of one, meets the condition."""
        return self.test(_NO_ITEM if item is None else item, self.values)


class _Compiled(msgspec.Struct, frozen=True):
    test: Test
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    values: tuple[str, ...]


def condition(text: str, bindings: Bindings, kind: str = "ConditionExpression") -> Condition:
    """The condition of an expression. `kind` is the parameter's name, for messages.

    Raises ValidationException for everything that can be wrong with the text and its placeholders.
    """
    parsed = parse_condition(text, kind)
    names, values = bindings.names, bindings.values
    if not cacheable(names):
        check_condition(parsed, kind, names, values)
        compiled = _compiled(parsed, names)
    else:
        types = verified_types(parsed, kind, names, values)
        compiled = _cached(text, kind, tuple(names.items()), types)
    bindings.use(compiled.names, compiled.values)
    return Condition(compiled.test, values, compiled.paths)


def verified_types(
    parsed: ParsedCondition, kind: str, names: Mapping[str, str], values: Values
) -> tuple[tuple[str, str], ...]:
    """What decides, beside the text and the names, on what is wrong with a condition: the types of
    its values, or nothing once a condition was checked that more than the types decides on.
    """
    if parsed.by_type:
        return tuple([(key, next(iter(value))) for key, value in values.items()])
    check_condition(parsed, kind, names, values)
    return ()


def check_types(
    parsed: ParsedCondition, kind: str, names: Mapping[str, str], types: Iterable[tuple[str, str]]
) -> None:
    """Check a condition, unless `verified_types` did, with values of these types."""
    if parsed.by_type:
        samples: dict[str, AttributeValue] = {key: {type_: None} for key, type_ in types}
        check_condition(parsed, kind, names, samples)


def refuse_key_filter(filter_: Condition, schema: KeySchema, legacy: bool = False) -> None:
    """Raise ValidationException when a query's filter looks at the key it queries by."""
    refuse_key_paths(filter_.paths, schema)
    for path in filter_.paths:
        name = path[0]
        if name in schema.names:
            parameter = "QueryFilter" if legacy else "Filter Expression"
            raise ValidationException(
                f"{parameter} can only contain non-primary key attributes:"
                f" Primary key attribute: {name}"
            )


def refuse_key_paths(paths: Iterable[Path], schema: KeySchema, label: str = "Key") -> None:
    """Raise ValidationException when a path leads into an attribute of a key, as if it had parts.

    `label` is Key for a table's key and IndexKey for an index's.
    """
    for path in paths:
        name = path[0]
        if len(path) > 1 and name in schema.names:
            raise ValidationException(
                "Key attributes must be scalars; list random access '[]' and map lookup '.'"
                f" are not allowed: {label}: {name}"
            )


def cacheable(names: Mapping[str, str]) -> bool:
    """Whether a compiled expression with these names may be kept."""
    return not names or sum(map(len, names.values())) <= _CACHED_NAMES_BYTES


def placeholders(order: tuple[Node, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The placeholders for names and for values among some nodes."""
    names: dict[str, None] = {}
    values: dict[str, None] = {}
    for node in order:
        if isinstance(node, Literal):
            values[node.key] = None
        elif isinstance(node, PathNode):
            names.update((step.key, None) for step in node.steps if isinstance(step, Alias))
    return tuple(names), tuple(values)


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def _cached(
    text: str, kind: str, names: tuple[tuple[str, str], ...], types: tuple[tuple[str, str], ...]
) -> _Compiled:
    parsed = parse_condition(text, kind)
    check_types(parsed, kind, dict(names), types)
    return _compiled(parsed, dict(names))


def _compiled(parsed: ParsedCondition, names: Mapping[str, str]) -> _Compiled:
    paths = [resolve(node, names) for node in parsed.order if isinstance(node, PathNode)]
    return _Compiled(compile_test(parsed.root, names), tuple(paths), *placeholders(parsed.order))
