"""The code that a request brings: a zip file, an object, or a directory to load from."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Final

import msgspec

from tailrace.api.functions.errors import InvalidParameterValueException, RequestEntityTooLarge
from tailrace.api.functions.operation import Desk
from tailrace.api.functions.ports import BadBundle
from tailrace.api.functions.records import Code

__all__ = ["HOT_RELOAD_BUCKET", "CodeInput", "read_code"]

# A bucket that stands for this machine's directories: the key is an absolute path, and what is
# saved there is loaded at the next call.
HOT_RELOAD_BUCKET: Final = "hot-reload"
# gettingstarted-limits.html: 50 MB for a zip file in a request.
MAX_ZIP_BYTES: Final = 50 * 1024 * 1024


class CodeInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`FunctionCode`, as far as it can be served."""

    zip_file: str | None = None
    s3_bucket: str | None = None
    s3_key: str | None = None
    image_uri: str | None = None


async def read_code(desk: Desk, given: CodeInput) -> Code:
    """The code of a request, kept. Raises InvalidParameterValueException for none, or for what
    cannot be had or unpacked."""
    if given.image_uri is not None:
        raise InvalidParameterValueException(
            "Container images cannot be run here. Please provide a zip file or a directory."
        )
    if given.zip_file is not None:
        return await _bundle(desk, _decoded(given.zip_file))
    if given.s3_bucket is None or given.s3_key is None:
        raise InvalidParameterValueException("Please provide a source for function code.")
    if given.s3_bucket == HOT_RELOAD_BUCKET:
        return _directory(given.s3_key)
    archive = await desk.s3(given.s3_bucket, given.s3_key)
    if archive is None:
        raise InvalidParameterValueException(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The"
            " specified key does not exist."
        )
    return await _bundle(desk, archive)


def _decoded(text: str) -> bytes:
    try:
        archive = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidParameterValueException(f"ZipFile is no base64: {error}") from None
    if len(archive) > MAX_ZIP_BYTES:
        raise RequestEntityTooLarge(
            f"Zip file of {len(archive)} bytes is over the limit of {MAX_ZIP_BYTES} bytes"
        )
    return archive


async def _bundle(desk: Desk, archive: bytes) -> Code:
    try:
        return await desk.bundles.keep(archive)
    except BadBundle as error:
        raise InvalidParameterValueException(
            str(error)
            or "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None


def _directory(key: str) -> Code:
    path = Path(key)
    if not path.is_absolute() or not path.is_dir():
        raise InvalidParameterValueException(
            f"The key of an object in {HOT_RELOAD_BUCKET} is the absolute path of a directory;"
            f" there is no directory {key}"
        )
    digest = base64.b64encode(hashlib.sha256(str(path).encode()).digest()).decode()
    return Code(directory=str(path), size=0, sha256=digest)
