"""Proves that projections return the parts they name, in the order of the item."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, attributes_to_get, projection

ITEM: dict[str, Any] = {
    "a": {"S": "x"},
    "a.b": {"S": "dotted"},
    "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}},
}


@pytest.mark.parametrize(
    ("text", "names", "result"),
    [
        ("a, q", None, {"a": {"S": "x"}}),
        ("#d", {"#d": "a.b"}, {"a.b": {"S": "dotted"}}),
        ("l[2], l[0]", None, {"l": {"L": [{"N": "0"}, {"N": "2"}]}}),
        ("m.y, #m.x", {"#m": "m"}, {"m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}}),
        ("m.q, l[9], a.b, n[0], a.c", None, {}),
    ],
)
def test_parts(text: str, names: Any, result: Any) -> None:
    bindings = Bindings(names, None)
    made = projection(text, bindings)
    bindings.finish()
    assert made.apply(ITEM) == result


def test_names_are_the_attributes_at_the_top_once_each() -> None:
    made = projection("m.x, a, m.#y, l[0]", Bindings({"#y": "y"}, None))
    assert made.names == ("m", "a", "l")
    assert made.paths == (("m", "x"), ("a",), ("m", "y"), ("l", 0))


def test_attributes_to_get_are_names_and_never_paths() -> None:
    assert attributes_to_get(["a.b", "q"]).apply(ITEM) == {"a.b": {"S": "dotted"}}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "AttributesToGet cannot be empty"),
        ([""], "Empty attribute name"),
        (
            ["a", "b", "a"],
            "One or more parameter values were invalid: Duplicate value in attribute name: a",
        ),
    ],
)
def test_bad_attributes_to_get(names: list[str], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        attributes_to_get(names)
    assert caught.value.message == message
