"""A function's name is understood in every form, and nothing else is."""

from __future__ import annotations

import pytest

from tailrace.api.functions.errors import FunctionNotFound, InvalidParameterValueException
from tailrace.api.functions.names import FunctionName, parse_function_name
from tailrace.wire.call import Scope

SCOPE = Scope("123456789012", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("f", None),
        ("f:live", "live"),
        ("f:$LATEST", "$LATEST"),
        ("function:f:7", "7"),
        ("123456789012:function:f", None),
        (ARN, None),
        (f"{ARN}:live", "live"),
    ],
)
def test_forms(text: str, qualifier: str | None) -> None:
    name = parse_function_name(text, SCOPE)
    assert name == FunctionName("123456789012", "us-east-1", "f", qualifier)
    assert name.arn == (ARN if qualifier is None else f"{ARN}:{qualifier}")


def test_a_qualifier_beside_the_name() -> None:
    assert parse_function_name("f", SCOPE, "7").qualifier == "7"
    assert parse_function_name("f:7", SCOPE, "7").qualifier == "7"
    with pytest.raises(InvalidParameterValueException, match="derived qualifier"):
        parse_function_name("f:6", SCOPE, "7")


@pytest.mark.parametrize("text", ["", "f g", "f:", "f:a:b", "arn:aws:sqs:us-east-1:123456789012:f"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        parse_function_name(text, SCOPE)


def test_elsewhere_is_not_found() -> None:
    for text in (ARN.replace("us-east-1", "eu-west-1"), ARN.replace("123456789012", "1" * 12)):
        with pytest.raises(FunctionNotFound):
            parse_function_name(text, SCOPE)
