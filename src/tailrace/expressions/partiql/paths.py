"""Paths in statements: attributes, and what a statement reads or writes."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.partiql.nodes import Constant, Name, Node, Path, Source, Star
from tailrace.expressions.tree import PathNode

__all__ = ["Target", "attribute_path", "is_path", "label", "target_of"]

_INDEX_MAX: Final = 2**31 - 1


class Target(msgspec.Struct, frozen=True):
    """The name or ARN of a table, and the name of an index of it, or None."""

    table: str
    index: str | None = None


def is_path(node: Node) -> bool:
    """Whether a node can lead to an attribute."""
    return isinstance(node, Name) or (isinstance(node, Path) and isinstance(node.root, Name))


def attribute_path(node: Node) -> PathNode:
    """The document path that a node is. Raises ValidationException."""
    if isinstance(node, Name):
        return PathNode((node.text,))
    if not isinstance(node, Path) or not isinstance(node.root, Name):
        raise ValidationException(f"Unexpected path component at {node.at}")
    if len(node.steps) >= limits.PATH_DEPTH:
        raise ValidationException(
            f"The document path has too many nesting levels; nesting levels: {len(node.steps) + 1}"
        )
    return PathNode((node.root.text, *[_step(step) for step in node.steps]))


def _step(step: str | Node) -> str | int:
    if isinstance(step, str):
        return step
    if isinstance(step, Constant) and step.kind == "S":
        return step.text
    if not isinstance(step, Constant) or step.kind != "N" or not step.text.lstrip("-").isdigit():
        raise ValidationException(f"Unexpected path component at {step.at}")
    digits = step.text.lstrip("-").lstrip("0") or "0"
    negative = step.text.startswith("-") and digits != "0"
    if negative or len(digits) > len(str(_INDEX_MAX)) or int(digits) > _INDEX_MAX:
        raise ValidationException(
            "List index is not within the allowable range;"
            f" index: [{'-' if negative else ''}{digits}] at {step.at}"
        )
    return int(digits)


def label(path: PathNode) -> str:
    """What a column with this path is called: its last name with the indexes after it."""
    indexes = ""
    for step in reversed(path.steps):
        if isinstance(step, str):
            return step + indexes
        indexes = f"[{step}]{indexes}"
    return indexes


def target_of(source: Source) -> Target:
    """The table, or index, that FROM or UPDATE names. Raises ValidationException."""
    if source.aliased:
        raise ValidationException("Aliasing is not supported")
    node = source.of
    if isinstance(node, Star) or not is_path(node):
        raise ValidationException(f"Unexpected path component at {node.at}")
    names = [str(step) for step in attribute_path(node).steps]
    if len(names) > 2:
        raise ValidationException("A path may contain at most 2 components in the FROM clause")
    if "" in names:
        raise ValidationException("Path component cannot be an empty string")
    return Target(*names)
