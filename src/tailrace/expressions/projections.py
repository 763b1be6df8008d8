"""Projections: which parts of an item a read returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.bindings import Bindings
from tailrace.expressions.checks import check_projection, resolve
from tailrace.expressions.conditions import cacheable, placeholders
from tailrace.expressions.parser import ParsedProjection, parse_projection
from tailrace.model.paths import Node, Path, overlay, project
from tailrace.model.values import Item

__all__ = ["Projection", "attributes_to_get", "projection"]


class Projection(msgspec.Struct, frozen=True, gc=False):
    """Paths to return, in the order of the text, and the top-level attributes they begin with."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    node: Node

    def apply(self, item: Item) -> Item:
        """The parts of an item that the projection names; what isn't there is left out."""
        return project(item, self.node)


def projection(text: str, bindings: Bindings) -> Projection:
    """The projection of a ProjectionExpression.

    Raises ValidationException for everything that can be wrong with the text and its placeholders.
    """
    names = bindings.names
    if cacheable(names):
        made, used = _cached(text, tuple(names.items()))
    else:
        made, used = _made(parse_projection(text), names)
    bindings.use(used, ())
    return made


def attributes_to_get(names: Sequence[str]) -> Projection:
    """The projection of the legacy AttributesToGet: whole top-level attributes, whatever characters
    their names have.

    Raises ValidationException when the list is empty or names one twice.
    """
    if not names:
        raise ValidationException("AttributesToGet cannot be empty")
    if "" in names:
        raise ValidationException("Empty attribute name")
    if len(set(names)) != len(names):
        raise ValidationException(
            "One or more parameter values were invalid: Duplicate value in attribute name:"
            f" {next(name for name in names if names.count(name) > 1)}"
        )
    return _projection(tuple([(name,) for name in names]))


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def _cached(text: str, names: tuple[tuple[str, str], ...]) -> tuple[Projection, tuple[str, ...]]:
    return _made(parse_projection(text), dict(names))


def _made(parsed: ParsedProjection, names: Mapping[str, str]) -> tuple[Projection, tuple[str, ...]]:
    check_projection(parsed, names)
    paths = tuple([resolve(path, names) for path in parsed.paths])
    return _projection(paths), placeholders(parsed.paths)[0]


def _projection(paths: tuple[Path, ...]) -> Projection:
    names = tuple(dict.fromkeys([str(path[0]) for path in paths]))
    return Projection(paths, names, overlay(paths))
