"""Pieces of table definitions and values, so that tests name what they are about, no more."""

from __future__ import annotations

from typing import Any

from tests.conformance.client import Json

__all__ = ["definitions", "index", "is_", "keys", "number", "text"]


def definitions(*pairs: tuple[str, str]) -> list[Json]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in pairs]


def keys(*names: str) -> list[Json]:
    """A key schema: the first attribute is the partition key, the second the sort key."""
    roles = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": role} for name, role in zip(names, roles, strict=False)
    ]


def index(name: str, *key_names: str, included: list[str] | None = None, kind: str = "") -> Json:
    """An index that projects `kind`, by default INCLUDE where `included` is given, else ALL."""
    projection: Json = {"ProjectionType": kind or ("ALL" if included is None else "INCLUDE")}
    if included is not None:
        projection["NonKeyAttributes"] = included
    return {"IndexName": name, "KeySchema": keys(*key_names), "Projection": projection}


def text(value: str) -> Json:
    return {"S": value}


def number(value: Any) -> Json:
    return {"N": str(value)}


def is_(operator: str, *values: Json) -> Json:
    """A condition of the legacy parameters."""
    entry: Json = {"ComparisonOperator": operator}
    if values:
        entry["AttributeValueList"] = list(values)
    return entry
