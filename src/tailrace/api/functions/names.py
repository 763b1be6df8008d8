"""The names of functions: short, partial or full ARN, with or without a qualifier."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tailrace.api.functions.errors import FunctionNotFound, InvalidParameterValueException
from tailrace.wire.call import Scope

__all__ = [
    "LATEST",
    "FunctionName",
    "function_arn",
    "mapping_arn",
    "parse_function_name",
    "parse_mapping_arn",
]

LATEST: Final = "$LATEST"
_FORM: Final = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?=\d{12}:))?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)

_MAPPING: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":event-source-mapping:(?P<uuid>[0-9a-f-]{36})"
)


class FunctionName(msgspec.Struct, frozen=True):
    """Which function, and which of its versions or aliases; None: none was named."""

    account: str
    region: str
    name: str
    qualifier: str | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """What identifies the function."""
        return self.account, self.region, self.name

    @property
    def arn(self) -> str:
        """The ARN, qualified as the name is."""
        return function_arn(self.place, self.qualifier)


def function_arn(place: tuple[str, str, str], qualifier: str | None = None) -> str:
    """The ARN of a function in (account, region, name)."""
    account, region, name = place
    arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
    return arn if qualifier is None else f"{arn}:{qualifier}"


def mapping_arn(account: str, region: str, uuid: str) -> str:
    """The ARN of an event source mapping."""
    return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"


def parse_mapping_arn(text: str) -> tuple[str, str, str] | None:
    """(account, region, uuid) of an event source mapping's ARN; None for what is none."""
    found = _MAPPING.fullmatch(text)
    return None if found is None else (found["account"], found["region"], found["uuid"])


def parse_function_name(text: str, scope: Scope, qualifier: str | None = None) -> FunctionName:
    """The function a caller names, by any form of its name and by a qualifier beside it.

    Raises InvalidParameterValueException for two qualifiers that differ, FunctionNotFound for
    another region or account.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidParameterValueException(f"Invalid function name: {text}")
    named = found["qualifier"]
    if named is not None and qualifier is not None and named != qualifier:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    region, account = found["region"] or scope.region, found["account"] or scope.account
    if region != scope.region:
        raise FunctionNotFound(
            f"Functions from '{region}' are not reachable in this region ('{scope.region}')"
        )
    name = FunctionName(account, region, found["name"], qualifier or named)
    if account != scope.account:
        raise FunctionNotFound(f"Function not found: {name.arn}")
    return name
