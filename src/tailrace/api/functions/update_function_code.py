"""UpdateFunctionCode."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.code import CodeInput, read_code
from tailrace.api.functions.configuration import configuration, moment
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.publish_version import published
from tailrace.api.functions.settings import check_revision
from tailrace.api.functions.update_function_configuration import being_updated

__all__ = ["UPDATE_FUNCTION_CODE"]


class UpdateFunctionCodeInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    zip_file: str | None = None
    s3_bucket: str | None = None
    s3_key: str | None = None
    image_uri: str | None = None
    architectures: list[str] | None = None
    publish: bool = False
    dry_run: bool = False
    revision_id: str | None = None


async def run(call: HttpCall, request: UpdateFunctionCodeInput) -> Answer:
    """The function with other code; calls that begin from now on get it."""
    desk, name = call.desk, parse_function_name(request.function_name, call.scope)
    check_revision(desk.book.function(name).latest, request.revision_id)
    code = await read_code(
        desk, CodeInput(request.zip_file, request.s3_bucket, request.s3_key, request.image_uri)
    )
    async with desk.book.changing:
        function = desk.book.function(name)
        check_revision(function.latest, request.revision_id)
        latest = msgspec.structs.replace(
            function.latest,
            code=code,
            architectures=tuple(request.architectures or function.latest.architectures),
            modified=moment(desk.clock),
            revision_id=desk.ids.uuid(),
        )
        function = msgspec.structs.replace(function, latest=latest)
        version = latest
        if request.publish:
            function, version = published(desk, function, None)
        if request.dry_run:
            return json_answer(configuration(function, version))
        await desk.book.keep(function)
        await desk.functions.changed(function)
    return json_answer(being_updated(configuration(function, version)))


UPDATE_FUNCTION_CODE = FunctionsOperation(
    name="UpdateFunctionCode",
    method="PUT",
    path="/2015-03-31/functions/{FunctionName}/code",
    status=200,
    input=UpdateFunctionCodeInput,
    run=run,
)
