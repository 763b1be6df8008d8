"""CBOR is read and written as RFC 8949 has it, whatever comes in, and as botocore reads it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from botocore.parsers import RpcV2CBORParser
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.errors import SerializationException
from tailrace.wire.cbor import Tagged, decode, encode

# RFC 8949, appendix A.
VECTORS: list[tuple[str, Any]] = [
    ("00", 0),
    ("0a", 10),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1a000f4240", 1_000_000),
    ("1b000000e8d4a51000", 1_000_000_000_000),
    ("1bffffffffffffffff", 2**64 - 1),
    ("20", -1),
    ("3863", -100),
    ("3bffffffffffffffff", -(2**64)),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("c11a514b67b0", Tagged(1, 1_363_896_240)),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("60", ""),
    ("6449455446", "IETF"),
    ("62c3bc", "ü"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
]
READ_ONLY: list[tuple[str, Any]] = [
    ("f93e00", 1.5),
    ("f97bff", 65504.0),
    ("fa47c35000", 100_000.0),
    ("f7", None),
    ("5f42010243030405ff", b"\1\2\3\4\5"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
    ("1800", 0),
]
BROKEN = [
    "",
    "18",
    "0000",
    "ff",
    "5a7fffffff",
    "9affffffff",
    "bbffffffffffffffff",
    "a10102",
    "62c328",
    "bf6161ff",
    "bf6161",
    "5f6161ff",
    "1c",
    "f97e00",
    "fb7ff0000000000000",
    "f8ff",
    "df01",
    "81" * 2000 + "00",
]


@pytest.mark.parametrize(("text", "value"), VECTORS)
def test_the_vectors_of_the_standard(text: str, value: Any) -> None:
    assert encode(value).hex() == text
    assert decode(bytes.fromhex(text)) == value


@pytest.mark.parametrize(("text", "value"), READ_ONLY)
def test_forms_that_are_only_read(text: str, value: Any) -> None:
    assert decode(bytes.fromhex(text)) == value


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(SerializationException):
        decode(bytes.fromhex(text))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
    | st.builds(Tagged, st.integers(0, 2**64 - 1), st.integers(0, 2**40)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=40))
@example(b"\x9b" + b"\xff" * 8)
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except SerializationException:
        return
    assert value == decode(encode(value)) or math.isnan(value)


# botocore leaves out members that are null.
plain = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(plain)
def test_botocore_reads_the_same(value: Any) -> None:
    parser = RpcV2CBORParser()
    stream = parser.get_peekable_stream_from_bytes(encode(value))
    assert parser.parse_data_item(stream) == value
