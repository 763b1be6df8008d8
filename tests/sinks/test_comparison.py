"""A comparison finds every difference between a table and its index."""

from __future__ import annotations

from tailrace.sinks.comparison import NAMED, compare


def test_equal_documents_whatever_the_order_of_their_keys() -> None:
    found = compare([("a", {"x": 1, "y": [1, {}]})], [("a", {"y": [1, {}], "x": 1})])
    assert found.is_equal
    assert found.equal == 1


def test_each_kind_of_difference_is_counted_and_named() -> None:
    expected = [("same", {"v": 1}), ("other", {"v": 1}), ("lost", {})]
    found = compare(expected, [("same", {"v": 1}), ("other", {"v": 2}), ("left", {})])
    assert not found.is_equal
    assert (found.equal, found.missing, found.extra, found.different) == (1, 1, 1, 1)
    assert found.named == {"missing": ("lost",), "extra": ("left",), "different": ("other",)}


def test_not_everything_is_named() -> None:
    found = compare([(str(n), {}) for n in range(NAMED + 5)], [])
    assert found.missing == NAMED + 5
    assert len(found.named["missing"]) == NAMED
