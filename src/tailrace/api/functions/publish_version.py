"""PublishVersion."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.configuration import configuration, moment
from tailrace.api.functions.errors import InvalidParameterValueException
from tailrace.api.functions.names import LATEST, parse_function_name
from tailrace.api.functions.operation import (
    Answer,
    Desk,
    FunctionsOperation,
    HttpCall,
    json_answer,
)
from tailrace.api.functions.records import Function, Version
from tailrace.api.functions.settings import check_revision

__all__ = ["PUBLISH_VERSION", "published"]


class PublishVersionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    code_sha256: str | None = msgspec.field(default=None, name="CodeSha256")
    description: str | None = None
    revision_id: str | None = None


async def run(call: HttpCall, request: PublishVersionInput) -> Answer:
    """The changing version, kept under the next number; the last number again when nothing
    changed since."""
    desk, name = call.desk, parse_function_name(request.function_name, call.scope)
    async with desk.book.changing:
        function = desk.book.function(name)
        check_revision(function.latest, request.revision_id)
        sha256 = function.latest.code.sha256
        if request.code_sha256 and request.code_sha256 != sha256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({request.code_sha256}) is different from current CodeSHA256 in"
                f" $LATEST ({sha256}). Please try again with the CodeSHA256 in $LATEST.",
            )
        function, version = published(desk, function, request.description)
        await desk.book.keep(function)
        await desk.functions.changed(function)
    return json_answer(configuration(function, version))


def published(desk: Desk, function: Function, description: str | None) -> tuple[Function, Version]:
    """The function with its changing version published, and that version."""
    number = str(function.next_version)
    version = msgspec.structs.replace(
        function.latest,
        version=number,
        description=function.latest.description if description is None else description,
        modified=moment(desk.clock),
        revision_id=desk.ids.uuid(),
    )
    newest = function.published.get(str(function.next_version - 1))
    if newest is not None and _same(newest, version):
        return function, newest
    return (
        msgspec.structs.replace(
            function,
            published={**function.published, number: version},
            next_version=function.next_version + 1,
        ),
        version,
    )


def _same(one: Version, other: Version) -> bool:
    return _essence(one) == _essence(other)


def _essence(version: Version) -> Version:
    return msgspec.structs.replace(
        version, version=LATEST, description="", modified="", revision_id=""
    )


PUBLISH_VERSION = FunctionsOperation(
    name="PublishVersion",
    method="POST",
    path="/2015-03-31/functions/{FunctionName}/versions",
    status=201,
    input=PublishVersionInput,
    run=run,
)
