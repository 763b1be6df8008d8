"""Document paths with all placeholders replaced: where a value sits inside an item.

A path is a tuple of attribute names (`str`) and list indexes (`int`) that begins with a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from tailrace.model.values import AttributeValue, Item

__all__ = ["Node", "Path", "clash", "find", "overlay", "project", "render"]

# Steps are `str` and `int`; which of the two is known only by where a path leads.
Path: TypeAlias = tuple[Any, ...]

# Paths gathered by their steps: a step leads to what lies below it, or to None where a path ends.
Node: TypeAlias = dict[Any, Any]


def render(path: Path) -> str:
    """A path as DynamoDB's messages show it: `[a, [0], b]`."""
    return f"[{', '.join(f'[{step}]' if isinstance(step, int) else step for step in path)}]"


def find(item: Item, path: Path) -> AttributeValue | None:
    """The value at a path, or None when there is none."""
    value = item.get(path[0])
    for step in path[1:]:
        if value is None:
            return None
        if step.__class__ is str:
            value = value.get("M", {}).get(step)
        else:
            elements = value.get("L", ())
            value = elements[step] if step < len(elements) else None
    return value


def clash(one: Path, two: Path) -> str | None:
    """`overlap` when one path is, or lies inside, the other; `conflict` when they take one value
    for a map and for a list.
    """
    for first, second in zip(one, two, strict=False):
        if first.__class__ is not second.__class__:
            return "conflict"
        if first != second:
            return None
    return "overlap"


def overlay(paths: Iterable[Path]) -> Node:
    """Paths that do not clash, gathered by their steps."""
    root: Node = {}
    for path in paths:
        node = root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = None
    return root


def project(item: Item, node: Node) -> Item:
    """The parts of an item that an overlay reaches. Chosen list elements move together, in the
    order of their indexes.
    """
    result: Item = {}
    for name, below in node.items():
        value = item.get(name)
        if value is not None:
            part = value if below is None else _part(value, below)
            if part is not None:
                result[name] = part
    return result


def _part(value: AttributeValue, node: Node) -> AttributeValue | None:
    if next(iter(node)).__class__ is str:
        entries = project(value.get("M", {}), node)
        return {"M": entries} if entries else None
    elements = value.get("L", ())
    chosen: list[AttributeValue] = []
    for index in sorted(node):
        if index < len(elements):
            below = node[index]
            part = elements[index] if below is None else _part(elements[index], below)
            if part is not None:
                chosen.append(part)
    return {"L": chosen} if chosen else None
