"""Proves that paths find, clash and project as document paths do."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.model.paths import Path, clash, find, overlay, project, render

ITEM: dict[str, Any] = {
    "a": {"S": "x"},
    "m": {"M": {"x": {"N": "1"}, "y": {"M": {"z": {"N": "2"}}}}},
    "l": {"L": [{"N": "0"}, {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}, {"N": "3"}]},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a",), {"S": "x"}),
        (("b",), None),
        (("a", "x"), None),
        (("a", 0), None),
        (("m", "x"), {"N": "1"}),
        (("m", "y", "z"), {"N": "2"}),
        (("m", "q", "z"), None),
        (("m", 0), None),
        (("l", 0), {"N": "0"}),
        (("l", 9), None),
        (("l", "x"), None),
        (("l", 1, "y"), {"N": "2"}),
        (("l", 1, "q"), None),
        (("l", 0, "y"), None),
    ],
)
def test_find(path: Path, value: Any) -> None:
    assert find(ITEM, path) == value


@pytest.mark.parametrize(
    ("one", "two", "problem"),
    [
        (("a",), ("a",), "overlap"),
        (("a",), ("a", "b"), "overlap"),
        (("a", 1, "b"), ("a", 1), "overlap"),
        (("a",), ("b",), None),
        (("a", 0), ("a", 1), None),
        (("a", "b"), ("a", "c"), None),
        (("a", "b"), ("a", 0), "conflict"),
        (("a", 0, "b"), ("a", 0, 0), "conflict"),
        (("a", 0, "b"), ("a", 1, 0), None),
    ],
)
def test_clash_is_the_same_in_both_directions(one: Path, two: Path, problem: str | None) -> None:
    assert clash(one, two) == clash(two, one) == problem


@pytest.mark.parametrize(
    ("paths", "result"),
    [
        ([("a",), ("q",)], {"a": {"S": "x"}}),
        ([("m", "x")], {"m": {"M": {"x": {"N": "1"}}}}),
        ([("m", "y", "z"), ("m", "x")], {"m": ITEM["m"]}),
        ([("m", "q")], {}),
        ([("m", 0)], {}),
        ([("a", "x")], {}),
        ([("l", 2), ("l", 0)], {"l": {"L": [{"N": "0"}, {"N": "3"}]}}),
        ([("l", 9), ("l", 2)], {"l": {"L": [{"N": "3"}]}}),
        ([("l", 1, "y"), ("l", 0)], {"l": {"L": [{"N": "0"}, {"M": {"y": {"N": "2"}}}]}}),
        ([("l", 0, "y")], {}),
    ],
)
def test_project_keeps_only_what_is_there(paths: list[Path], result: Any) -> None:
    before = repr(ITEM)
    assert project(ITEM, overlay(paths)) == result
    assert repr(ITEM) == before


def test_render() -> None:
    assert render(("a", 0, "b.c")) == "[a, [0], b.c]"
