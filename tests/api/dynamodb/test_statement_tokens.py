"""Proves that pages of a SELECT join without a gap, and that their tokens can be neither forged nor
used for another request."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.testing.calling import Caller
from tests.api.dynamodb.statements import Json, refused, run


def sort_keys(answer: Json) -> list[str]:
    return [item["sk"]["S"] for item in answer["Items"]]


def test_a_token_goes_on_where_the_page_ended(things: Caller):
    statement = "SELECT sk FROM things WHERE pk = ?"
    first = run(things, statement, {"S": "a"}, Limit=2)
    assert sort_keys(first) == ["1", "2"]
    assert first["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"S": "2"}}
    second = run(things, statement, {"S": "a"}, NextToken=first["NextToken"], Limit=9)
    assert sort_keys(second) == ["3"]
    assert "NextToken" not in second


def test_the_limit_counts_items_before_the_filter(things: Caller):
    page = run(things, "SELECT * FROM things WHERE pk = 'a' AND n = 3", Limit=2)
    assert page["Items"] == []
    again = run(
        things, "SELECT * FROM things WHERE pk = 'a' AND n = 3", NextToken=page["NextToken"]
    )
    assert sort_keys(again) == ["3"]


@pytest.mark.parametrize(
    ("statement", "parameter"),
    [
        ("SELECT * FROM things WHERE pk = ?", "b"),
        ("SELECT sk FROM things WHERE pk = ?", "a"),
    ],
)
def test_a_token_belongs_to_its_request(things: Caller, statement: str, parameter: str):
    page = run(things, "SELECT * FROM things WHERE pk = ?", {"S": "a"}, Limit=1)
    refusal = refused(things, statement, {"S": parameter}, NextToken=page["NextToken"])
    assert refusal.message == "NextToken does not match request"


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "{}", "A" * 88])
def test_tokens_that_were_not_issued(things: Caller, token: str):
    refusal = refused(things, "SELECT * FROM things", NextToken=token)
    assert (refusal.code, refusal.message) == ("ValidationException", "Invalid NextToken")


def test_a_page_is_one_megabyte_whatever_the_ranges(caller: Caller):
    caller.create(sort=True)
    for sk in "123456":
        item = {"M": {"pk": {"S": "a"}, "sk": {"S": sk}, "x": {"S": "x" * 300_000}}}
        run(caller, "INSERT INTO things VALUE ?", item)
    statement = "SELECT sk FROM things WHERE pk = 'a' AND sk IN ['1', '2', '3', '4', '5', '6']"
    page = run(caller, statement)
    assert sort_keys(page) == ["1", "2", "3", "4"]
    assert sort_keys(run(caller, statement, NextToken=page["NextToken"])) == ["5", "6"]


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=60), st.integers(0, 200), st.sampled_from("Aa0-_"))
def test_no_token_is_forged(noise: str, place: int, instead: str):
    caller = Caller()
    caller.create()
    caller.put("a")
    caller.put("b")
    statement = "SELECT * FROM things"
    token = run(caller, statement, Limit=1)["NextToken"]
    at = place % len(token)
    for forged in (noise, token[:at], token[:at] + instead + token[at + 1 :]):
        if forged and forged != token:
            refusal = refused(caller, statement, NextToken=forged)
            assert refusal.message == "Invalid NextToken"
    caller.close()
