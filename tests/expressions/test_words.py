"""Proves that the reserved words are the published ones, by their number and odd members."""

from __future__ import annotations

from tailrace.expressions.words import RESERVED


def test_reserved_words() -> None:
    assert len(RESERVED) == 573
    assert all(word.isalpha() and word.isupper() for word in RESERVED)
    # The published list has these misspellings, and they are reserved as they stand.
    assert {"FLATTERN", "INNTER", "LOGED"} <= RESERVED
    assert RESERVED.isdisjoint({"ID", "PK", "SK", "VERSION", "EMAIL", "CONTAINS"})
