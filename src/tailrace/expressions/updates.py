"""Updates: what UpdateExpression and AttributeUpdates do to an item.

Every value is computed from the item as it was before; then all targets are written, each container
on the way copied once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.bindings import Bindings
from tailrace.expressions.checks import check_update, resolve
from tailrace.expressions.conditions import cacheable, placeholders
from tailrace.expressions.evaluation import Evaluate, Values, compile_operand
from tailrace.expressions.parser import ParsedUpdate, parse_update
from tailrace.expressions.tree import Arithmetic, Call, Literal, Operand, PathNode, UpdateAction
from tailrace.model import numbers
from tailrace.model.keys import KeySchema
from tailrace.model.paths import Node, Path, find, overlay, project
from tailrace.model.values import AttributeValue, Item, canonical_set, nesting

__all__ = ["Effect", "Step", "Update", "make_update", "parsed_update", "update"]

_MISSING: Final = "The provided expression refers to an attribute that does not exist in the item"
_WRONG_TYPE: Final = "An operand in the update expression has an incorrect data type"
_WRONG_PATH: Final = "The document path provided in the update expression is invalid for update"
_DEEP: Final = "Nesting Levels have exceeded supported limits"

# What a step leaves at its target, from the item before: a value, or one of the two marks.
REMOVED: Final = object()
UNTOUCHED: Final = object()
Effect: TypeAlias = Callable[[Item, Values], Any]


class Step(msgspec.Struct, frozen=True, gc=False):
    """A target and what happens to it. `sets` says that it is a SET, `literal` is the placeholder
    of the value that it assigns, where that is all it does."""

    path: Path
    effect: Effect
    sets: bool = False
    literal: str | None = None


class Update(msgspec.Struct, frozen=True, gc=False):
    """An update with its values.

    `creates` says whether it makes an item where there is none: one that only removes doesn't.
    `touched` are the paths it writes, in the order of the text; `reads` those its values are from.
    """

    steps: tuple[Step, ...]
    values: Values
    touched: tuple[Path, ...]
    creates: bool
    flat: bool
    reads: tuple[Path, ...] = ()

    def apply(self, item: Item) -> Item:
        """The item after the update; `item` must be canonical, stays as it is, and shares what was
        not changed.

        Raises ValidationException when the item doesn't have what the update needs.
        """
        values = self.values
        if not self.flat:
            _check_targets(item, self.steps)
            results = [step.effect(item, values) for step in self.steps]
            return _write_nested(item, self.steps, results)
        result = dict(item)
        for step in self.steps:
            value = step.effect(item, values)
            if value is REMOVED:
                result.pop(step.path[0], None)
            elif value is not UNTOUCHED:
                result[step.path[0]] = value
        return result

    def check_keys(self, schema: KeySchema) -> None:
        """Raise ValidationException if the update writes to an attribute of a table's key."""
        for path in self.touched:
            if path[0] in schema.names:
                raise ValidationException(
                    "One or more parameter values were invalid: Cannot update attribute"
                    f" {path[0]}. This attribute is part of the key"
                )

    def check_index_keys(self, names: Container[str]) -> None:
        """Raise ValidationException if the update assigns an empty value to an attribute of an
        index's key, of those `names`."""
        for step in self.steps:
            name, *below = step.path
            if step.literal is None or below or name not in names:
                continue
            ((kind, content),) = self.values[step.literal].items()
            if kind in ("S", "B") and not content:
                word = "string" if kind == "S" else "binary"
                raise ValidationException(
                    "One or more parameter values are not valid. The update expression attempted to"
                    " update a secondary index key to a value that is not supported. The"
                    f" AttributeValue for a key attribute cannot contain an empty {word} value."
                )

    def updated(self, item: Item) -> Item:
        """What of an item, old or new, the update touches: the Attributes of UPDATED_OLD and
        UPDATED_NEW.
        """
        return project(item, overlay(self.touched))


def update(text: str, bindings: Bindings) -> Update:
    """The update of an UpdateExpression.

    Raises ValidationException for everything that can be wrong with the text and its placeholders.
    """
    names, values = bindings.names, bindings.values
    if cacheable(names):
        types = tuple([(key, next(iter(value))) for key, value in values.items()])
        compiled = _cached(text, tuple(names.items()), types)
    else:
        compiled = _compiled(parse_update(text), names, values)
    bindings.use(compiled.names, compiled.values)
    return Update(
        compiled.steps,
        values,
        compiled.touched,
        compiled.creates,
        compiled.flat,
        compiled.reads,
    )


def parsed_update(parsed: ParsedUpdate, values: Values) -> Update:
    """The update of actions that no expression was parsed to; they have no placeholders for names.

    Raises ValidationException as `update` does, without the name of a parameter.
    """
    compiled = _compiled(parsed, {}, values, "")
    return Update(
        compiled.steps, values, compiled.touched, compiled.creates, compiled.flat, compiled.reads
    )


def make_update(steps: tuple[Step, ...], creates: bool) -> Update:
    """An update of steps that bring their own values."""
    touched = tuple([step.path for step in steps])
    return Update(steps, {}, touched, creates, flat=all(len(path) == 1 for path in touched))


class _Compiled(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]
    touched: tuple[Path, ...]
    creates: bool
    flat: bool
    reads: tuple[Path, ...]
    names: tuple[str, ...]
    values: tuple[str, ...]


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def _cached(
    text: str, names: tuple[tuple[str, str], ...], types: tuple[tuple[str, str], ...]
) -> _Compiled:
    samples: dict[str, AttributeValue] = {key: {type_: None} for key, type_ in types}
    return _compiled(parse_update(text), dict(names), samples)


def _compiled(
    parsed: ParsedUpdate,
    names: Mapping[str, str],
    values: Values,
    parameter: str = "UpdateExpression",
) -> _Compiled:
    check_update(parsed, names, values, parameter)
    steps = tuple([_compile_step(action, names) for action in parsed.actions])
    touched = tuple([step.path for step in steps])
    targets = tuple([action.target for action in parsed.actions])
    nodes = sum(parsed.orders, targets)
    reads = [
        resolve(node, names)
        for order in parsed.orders
        for node in order
        if isinstance(node, PathNode)
    ]
    creates = any(action.section in ("SET", "ADD") for action in parsed.actions)
    flat = all(len(path) == 1 for path in touched)
    return _Compiled(steps, touched, creates, flat, tuple(reads), *placeholders(nodes))


# Effects -----------------------------------------------------------------------------------------


def _compile_step(action: UpdateAction, names: Mapping[str, str]) -> Step:
    path = resolve(action.target, names)
    sets = action.section == "SET"
    literal = action.value.key if sets and isinstance(action.value, Literal) else None
    return Step(path, _compile_action(action, names), sets, literal)


def _compile_action(action: UpdateAction, names: Mapping[str, str]) -> Effect:
    if action.value is None:
        return lambda item, values: REMOVED
    if action.section == "SET" or not isinstance(action.value, Literal):
        return _compile_value(action.value, names)
    key = action.value.key
    target = compile_operand(action.target, names)
    change = add_to if action.section == "ADD" else delete_from

    def effect(item: Item, values: Values) -> Any:
        return change(target(item, values), values[key], _WRONG_TYPE)

    return effect


def _compile_value(operand: Operand, names: Mapping[str, str]) -> Evaluate:
    """A function that gives what a SET assigns; it raises where a condition's operand would have no
    value.
    """
    if isinstance(operand, Arithmetic):
        return _compile_arithmetic(operand, names)
    if isinstance(operand, PathNode):
        read = compile_operand(operand, names)

        def existing(item: Item, values: Values) -> AttributeValue:
            value = read(item, values)
            if value is None:
                raise ValidationException(_MISSING)
            return value

        return existing
    if not isinstance(operand, Call):
        return compile_operand(operand, names)
    second = _compile_value(operand.operands[1], names)
    if operand.function == "if_not_exists":
        first = compile_operand(operand.operands[0], names)
        return lambda item, values: first(item, values) or second(item, values)
    return _compile_list_append(_compile_value(operand.operands[0], names), second)


def _compile_list_append(first: Evaluate, second: Evaluate) -> Evaluate:
    def append(item: Item, values: Values) -> AttributeValue:
        head = _content(first(item, values), "L")
        return {"L": head + _content(second(item, values), "L")}

    return append


def _content(value: AttributeValue | None, kind: str) -> Any:
    content = None if value is None else value.get(kind)
    if content is None:
        raise ValidationException(_WRONG_TYPE)
    return content


def _compile_arithmetic(operation: Arithmetic, names: Mapping[str, str]) -> Evaluate:
    first = _compile_value(operation.left, names)
    second = _compile_value(operation.right, names)
    combine = numbers.add if operation.operator == "+" else numbers.subtract

    def calculate(item: Item, values: Values) -> AttributeValue:
        left = _content(first(item, values), "N")
        return {"N": combine(left, _content(second(item, values), "N"))}

    return calculate


def add_to(before: AttributeValue | None, operand: AttributeValue, mismatch: str) -> AttributeValue:
    """What ADD leaves: the sum of numbers, the union of sets, or the operand where there was
    nothing.
    """
    if before is None:
        return operand
    ((kind, content),) = before.items()
    more = operand.get(kind)
    if more is None:
        raise ValidationException(mismatch)
    if kind == "N":
        return {"N": numbers.add(content, more)}
    if kind == "L":
        return {"L": content + more}
    return canonical_set(kind, {*content, *more})


def delete_from(before: AttributeValue | None, operand: AttributeValue, mismatch: str) -> Any:
    """What DELETE leaves of a set; nothing when all its members go."""
    if before is None:
        return UNTOUCHED
    ((kind, content),) = before.items()
    fewer = operand.get(kind)
    if fewer is None:
        raise ValidationException(mismatch)
    left = [member for member in content if member not in fewer]
    return {kind: left} if left else REMOVED


# Writing -----------------------------------------------------------------------------------------


def _check_targets(item: Item, steps: tuple[Step, ...]) -> None:
    """Check, before any value is computed, that what SET writes into is there."""
    for step in steps:
        if step.sets and len(step.path) > 1:
            container = find(item, step.path[:-1])
            kind = "M" if step.path[-1].__class__ is str else "L"
            if container is None or kind not in container:
                raise ValidationException(_WRONG_PATH)


def _write_nested(item: Item, steps: tuple[Step, ...], results: list[Any]) -> Item:
    root: Node = overlay([step.path for step in steps])
    for step, result in zip(steps, results, strict=True):
        node = root
        for key in step.path[:-1]:
            node = node[key]
        node[step.path[-1]] = _Leaf(result)
        if len(step.path) > 1 and result.__class__ is dict:
            _check_nesting(result, len(step.path))
    return _write_map(item, root)


class _Leaf:
    """The end of a path among the nodes that lead to it."""

    __slots__ = ("result",)

    def __init__(self, result: Any) -> None:
        self.result = result


def _write_map(entries: Item, node: Node) -> Item:
    written = dict(entries)
    for name, below in node.items():
        if below.__class__ is not _Leaf:
            written[name] = _write(entries.get(name), below)
        elif below.result is REMOVED:
            written.pop(name, None)
        elif below.result is not UNTOUCHED:
            written[name] = below.result
    return written


def _write(value: AttributeValue | None, node: Node) -> AttributeValue:
    if value is None:
        raise ValidationException(_WRONG_PATH)
    if next(iter(node)).__class__ is str:
        entries = value.get("M")
        if entries is None:
            raise ValidationException(_WRONG_PATH)
        return {"M": _write_map(entries, node)}
    elements = value.get("L")
    if elements is None:
        raise ValidationException(_WRONG_PATH)
    return {"L": _write_list(elements, node)}


def _write_list(elements: list[AttributeValue], node: Node) -> list[AttributeValue]:
    """The list after writing to its indexes, which all mean the list as it was: beyond its end they
    append, in their order.
    """
    written: list[Any] = list(elements)
    indexes: list[int] = sorted(node)
    for index in indexes:
        below = node[index]
        inside = index < len(elements)
        if below.__class__ is not _Leaf:
            before: AttributeValue | None = elements[index] if inside else None
            written[index] = _write(before, below)
        elif inside and below.result is not UNTOUCHED:
            written[index] = below.result
        elif not inside and below.result.__class__ is dict:
            written.append(below.result)
    return [element for element in written if element is not REMOVED]


def _check_nesting(value: AttributeValue, level: int) -> None:
    if level + nesting(value) > limits.ITEM_NESTING:
        raise ValidationException(_DEEP)
