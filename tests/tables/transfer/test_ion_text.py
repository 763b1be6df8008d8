"""Proves that items survive the way through Ion text, and that other text is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.model.values import canonical_item
from tailrace.tables.transfer.ion_text import IonFault, ion_struct, parse_ion

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NAMES = _TEXT.filter(bool)
_BINARY = st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
_NUMBER = st.decimals(-(10**20), 10**20, places=3).map(str)


def _set(kind: str, members: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    distinct = st.lists(members, min_size=1, max_size=3, unique=True)
    return distinct.map(lambda content: {kind: content})


_SCALARS = st.one_of(
    _TEXT.map(lambda text: {"S": text}),
    _NUMBER.map(lambda text: {"N": text}),
    _BINARY.map(lambda text: {"B": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    _set("SS", _TEXT),
    _set("BS", _BINARY),
    _set("NS", st.integers(-1000, 1000).map(str)),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda content: {"L": content}),
        st.dictionaries(_NAMES, inner, max_size=3).map(lambda content: {"M": content}),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_items_come_back_as_they_were(raw: dict[str, Any]) -> None:
    item, size = canonical_item(raw)
    text = ion_struct(item)
    assert "\n" not in text
    assert canonical_item(parse_ion(text)) == (item, size)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"""{"a":'x'}""", None),
        (r"""{'\\\'"':"x"}""", {"\\'\"": {"S": "x"}}),
        (r"""{a:"\'\"\\'"}""", {"a": {"S": "'\"\\'"}}),
        (r"""{a:"\a\0\v\?\x41\U0001F600\u00e9\n"}""", {"a": {"S": "\a\0\v?A😀é\n"}}),
        (r"""{a:"\U00110000"}""", None),
        (r"""{a:"\U0000D800"}""", None),
        (r"""{a:"\q"}""", None),
    ],
)
def test_escapes_are_those_of_ion(text: str, value: dict[str, Any] | None) -> None:
    if value is None:
        with pytest.raises(IonFault):
            parse_ion(text)
    else:
        assert parse_ion(text) == value


def test_the_documented_example_is_read() -> None:
    text = """$ion_1_0 {
        Item:{
            Authors:$dynamodb_SS::["Author1","Author2"],
            ISBN:"333-3333333333",
            Id:103.,
            InPublication:false,
            PageCount:6d2,
            'odd name':{{aGk=}},
            nothing:null.string,
            Tags:[1.50, ["x",],],
        }
    }"""
    item, _ = canonical_item(parse_ion(text)["Item"]["M"])
    assert item == {
        "Authors": {"SS": ["Author1", "Author2"]},
        "ISBN": {"S": "333-3333333333"},
        "Id": {"N": "103"},
        "InPublication": {"BOOL": False},
        "PageCount": {"N": "600"},
        "odd name": {"B": "aGk="},
        "nothing": {"NULL": True},
        "Tags": {"L": [{"N": "1.5"}, {"L": [{"S": "x"}]}]},
    }


def test_items_are_written_as_documented() -> None:
    item = {
        "Authors": {"SS": ["Author1"]},
        "Id": {"N": "103"},
        "null": {"NULL": True},
        "a b": {"B": "aGk="},
    }
    assert ion_struct(item) == (
        '{Authors:$dynamodb_SS::["Author1"],Id:103.,"null":null,"a b":{{aGk=}}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "{a:1",
        "{a 1}",
        "{a:}",
        "{a:1}{b:2}",
        "{a:$dynamodb_SS::[1]}",
        "{a:$dynamodb_SS::5}",
        "{a:other::1}",
        "{a:{{aGk}}}",
        "{a:(1 2)}",
        '{a:"\\q"}',
        "{a:1x}",
        "{a:" + "[" * 100 + "]" * 100 + "}",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(IonFault):
        parse_ion(text)
