"""Whether an index holds what a table holds, document by document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

__all__ = ["Comparison", "compare"]

# Ids that a comparison names; the rest is counted.
NAMED: Final = 20
_encoder = msgspec.json.Encoder(order="sorted")


class Comparison(msgspec.Struct, frozen=True):
    """`equal` documents are the same on both sides. The others are counted, and some are named:
    `missing` are not in the index, `extra` only there, `different` in both but not the same."""

    equal: int
    missing: int
    extra: int
    different: int
    named: Mapping[str, tuple[str, ...]]

    @property
    def is_equal(self) -> bool:
        """Whether both sides are the same."""
        return not (self.missing or self.extra or self.different)


def compare(
    expected: Iterable[tuple[str, Mapping[str, Any]]],
    actual: Iterable[tuple[str, Mapping[str, Any]]],
) -> Comparison:
    """Compare two collections of documents by id. Keeps a digest of each of `actual` in memory."""
    digests = {identity: _digest(document) for identity, document in actual}
    named: dict[str, list[str]] = {"missing": [], "extra": [], "different": []}
    counts = dict.fromkeys((*named, "equal"), 0)

    def count(kind: str, identity: str) -> None:
        counts[kind] += 1
        if len(named[kind]) < NAMED:
            named[kind].append(identity)

    for identity, document in expected:
        found = digests.pop(identity, None)
        if found is None:
            count("missing", identity)
        elif found != _digest(document):
            count("different", identity)
        else:
            counts["equal"] += 1
    for identity in digests:
        count("extra", identity)
    names = {kind: tuple(identities) for kind, identities in named.items()}
    return Comparison(named=names, **counts)


def _digest(document: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(_encoder.encode(document), digest_size=16).digest()
