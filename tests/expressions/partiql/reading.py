"""Statements read in tests, and an item they are held against."""

from __future__ import annotations

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import read_statement
from tailrace.model.values import AttributeValue, Item

__all__ = ["ITEM", "refusal"]

ITEM: Item = {
    "pk": {"S": "a"},
    "n": {"N": "5"},
    "s": {"S": "str"},
    "ss": {"SS": ["a", "b"]},
    "nul": {"NULL": True},
    "flag": {"BOOL": True},
    "m": {"M": {"k": {"L": [{"S": "x"}]}}},
}


def refusal(text: str, *parameters: AttributeValue) -> str:
    """The words in which a statement is refused."""
    with pytest.raises(ValidationException) as refused:
        read_statement(text, parameters)
    return refused.value.message
