"""A function of code in a directory of this machine, as `tailrace triggers add` makes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from tailrace.cli.lambda_api import LambdaApi, LambdaRefusal
from tailrace.errors import ConfigurationError

__all__ = ["FunctionCode", "ensure_function", "find_code", "read_environment"]

# A bucket that stands for this machine's directories; docs/functions.md.
_HOT_RELOAD = "hot-reload"
_ROLE = "arn:aws:iam::000000000000:role/tailrace"


class FunctionCode(msgspec.Struct, frozen=True):
    """Where code is: `handler` is as Lambda has it, `module.function`, seen from `directory`."""

    directory: Path
    handler: str

    @property
    def name(self) -> str:
        """A function's name, made of the handler's."""
        return re.sub(r"[^a-zA-Z0-9_-]+", "-", self.handler).strip("-")[:64]


def find_code(text: str, working: Path) -> FunctionCode | None:
    """The code that `path/to/file.py:handler` or `package.module:handler` means; None for text that
    names a function. Raises ConfigurationError for a file that is not there, and for a handler that
    is no plain name."""
    where, colon, attribute = text.rpartition(":")
    if not colon or not where or where.startswith("arn:"):
        return None
    if where.endswith(".py"):
        path = (working / where).resolve()
        if not path.is_file():
            raise ConfigurationError(f"there is no file {path}")
        directory, module = path.parent, path.stem
    else:
        parts = where.split(".")
        place = working.joinpath(*parts)
        if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
            return None
        directory, module = working.resolve(), where
    if not attribute.isidentifier():
        raise ConfigurationError(f"{attribute!r} is no function's name: write FILE.py:HANDLER")
    return FunctionCode(directory, f"{module}.{attribute}")


def read_environment(given: list[str]) -> dict[str, str]:
    """Variables written as NAME=VALUE. Raises ConfigurationError for what is none."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"{text!r} is no variable: write NAME=VALUE")
        found[name] = value
    return found


def ensure_function(
    api: LambdaApi, code: FunctionCode, name: str | None, settings: dict[str, Any]
) -> str:
    """Have a function of this code, loaded anew whenever it is saved; its name. One that is there
    gets the settings that were given. Raises ConfigurationError for a function of that name with
    other code, and on AWS, which cannot load from this machine."""
    if api.is_aws:
        raise ConfigurationError(
            "AWS cannot load code from here: deploy the function first, then name it"
        )
    chosen = name or code.name
    try:
        found = api.call("get_function", FunctionName=chosen)
    except LambdaRefusal as error:
        if error.code != "ResourceNotFoundException":
            raise
        made: dict[str, Any] = {"Runtime": "python3.12", "Role": _ROLE, **settings}
        place = {"S3Bucket": _HOT_RELOAD, "S3Key": str(code.directory)}
        api.call("create_function", FunctionName=chosen, Handler=code.handler, Code=place, **made)
        return chosen
    handler, location = found["Configuration"]["Handler"], found["Code"].get("Location")
    if (handler, location) != (code.handler, f"file://{code.directory}"):
        raise ConfigurationError(
            f"there is a function {chosen} with other code already: give another --name"
        )
    if settings:
        api.call("update_function_configuration", FunctionName=chosen, **settings)
    return chosen
