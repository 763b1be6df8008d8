"""What exports, imports and bulk puts have in common: their ARNs, their number, and pages of their
lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tailrace.api.dynamodb.tables import checked_name
from tailrace.api.operation import Altered, Committed, Context, Result
from tailrace.errors import (
    AccessDeniedException,
    AwsError,
    LimitExceededException,
    ValidationException,
)
from tailrace.model.arns import parse_table_arn
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome
from tailrace.tables.transfer.decompression import has_compression
from tailrace.tables.transfer.jobs import (
    UNDER_WAY,
    Job,
    JobKind,
    all_jobs,
    ensure_jobs,
    job_write,
    jobs_table,
)

__all__ = [
    "PAGE",
    "begun",
    "check_compression",
    "find_job",
    "job_arn",
    "job_page",
    "named_table",
    "own_jobs",
    "refuse_more",
    "seconds",
    "without_nulls",
]

PAGE: Final = 25
# How an ARN names a kind of job, and how messages do.
_WORDS: Final = {
    JobKind.EXPORT: ("export", "Export"),
    JobKind.IMPORT: ("import", "Import"),
    JobKind.BULK_PUT: ("bulk-operation", "BulkOperation"),
}
_OPERATIONS: Final = {
    JobKind.EXPORT: "export",
    JobKind.IMPORT: "import table",
    JobKind.BULK_PUT: "bulk put",
}
_TOKEN_STEP: Final = 16
_TOKEN_LENGTH: Final = 112


def seconds(us: int) -> float:
    """A time as the API shows it, to the millisecond."""
    return us // 1000 / 1000


def job_arn(context: Context, table_arn: str, kind: str, now_us: int) -> str:
    """The ARN of a new job; `kind` is export, import or bulk-operation."""
    suffix = context.service.ids.uuid().replace("-", "")[-8:]
    return f"{table_arn}/{kind}/{now_us // 1000:014d}-{suffix}"


def named_table(context: Context, arn: str, invalid: str) -> tuple[str, str, str]:
    """(account, region, name) of a table's ARN. Raises ValidationException with `invalid`, or
    AccessDeniedException."""
    parsed = parse_table_arn(arn)
    if parsed is None:
        raise ValidationException(invalid)
    region, account, name = parsed
    if account != context.scope.account:
        raise AccessDeniedException("Access is denied")
    return account, region, checked_name(name)


def own_jobs(context: Context, kind: JobKind) -> Sequence[Job]:
    """The caller's jobs of a kind, the newest first."""
    scope = context.scope
    return [
        job
        for job in all_jobs(context.service.engine)
        if job.kind is kind and (job.account, job.region) == (scope.account, scope.region)
    ]


def find_job(context: Context, kind: JobKind, arn: str) -> Job | None:
    """The job of an ARN, None when there is none. Raises ValidationException for other ARNs and
    AccessDeniedException for those of others."""
    word, shown = _WORDS[kind]
    parts = arn.split(":", 5)
    pieces = parts[5].split("/") if len(parts) == 6 else []
    if len(pieces) != 4 or parts[2] != "dynamodb" or (pieces[0], pieces[2]) != ("table", word):
        raise ValidationException(f"Invalid {shown} ARN")
    if parts[4] != context.scope.account:
        raise AccessDeniedException("Access is denied")
    return next((job for job in own_jobs(context, kind) if job.arn == arn), None)


def refuse_more(context: Context, kind: JobKind, most: int) -> None:
    """Raise LimitExceededException when as many of the caller's jobs are under way as may be."""
    if sum(job.status in UNDER_WAY for job in own_jobs(context, kind)) >= most:
        raise LimitExceededException(
            "Subscriber limit exceeded: There is a limit of"
            f" {most} concurrent {_OPERATIONS[kind]} operations"
        )


def check_compression(name: str | None) -> None:
    """Raise ValidationException for what can't be read here, which a further package can."""
    if name is not None and not has_compression(name):
        raise ValidationException(
            f"Invalid Request: InputCompressionType {name} is not supported without backports.zstd:"
            " pip install 'tailrace[zstd]'"
        )


def without_nulls(value: Any) -> Any:
    """A value as JSON without the members of its objects that are null."""
    if isinstance(value, dict):
        members = msgspec.convert(value, dict[str, Any])
        return {
            name: without_nulls(member) for name, member in members.items() if member is not None
        }
    if isinstance(value, list):
        return [without_nulls(element) for element in msgspec.convert(value, list[Any])]
    return value


def begun(
    context: Context, job_of: Callable[[Catalog], Job], then: Callable[[Job, Catalog], Result]
) -> Altered:
    """Keep a new job, whose table the catalog tells; then go on with `then`."""
    now_us = context.service.clock.now_us()

    def kept(catalog: Catalog) -> Committed:
        table = jobs_table(catalog)
        assert table is not None
        job = job_of(catalog)

        def done(outcomes: Sequence[Outcome]) -> Result:
            first = outcomes[0][0]
            if isinstance(first, AwsError):
                raise first
            return then(job, catalog)

        return Committed(((job_write(table, job),),), done)

    return Altered(ensure_jobs(now_us), kept)


def job_page(
    jobs: Sequence[Job], size: int | None, token: str | None
) -> tuple[Sequence[Job], dict[str, Any]]:
    """The jobs of a page, and its NextToken member where there are more."""
    if token is not None:
        try:
            after = bytes.fromhex(token).rstrip(b"\0").decode()
            place = [job.arn for job in jobs].index(after)
        except ValueError:
            raise ValidationException(
                f"Invalid Request: Provided nextToken is invalid: {token}"
            ) from None
        jobs = jobs[place + 1 :]
    page = jobs[: size or PAGE]
    if len(jobs) == len(page):
        return page, {}
    last = page[-1].arn.encode().hex()
    length = max(-(-len(last) // _TOKEN_STEP) * _TOKEN_STEP, _TOKEN_LENGTH)
    return page, {"NextToken": last.ljust(length, "0")}
