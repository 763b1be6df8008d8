"""UpdateContributorInsights, DescribeContributorInsights and ListContributorInsights: whether the
most used keys of a table or a global index are to be watched.

Kept and returned. The rules that AWS makes in CloudWatch have nothing to stand for here, so none
are listed.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from tailrace.api.dynamodb.inputs import IndexName, TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import described_table
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import IndexKind, Table
from tailrace.tables import life
from tailrace.tables.catalog import Catalog

__all__ = [
    "DESCRIBE_CONTRIBUTOR_INSIGHTS",
    "LIST_CONTRIBUTOR_INSIGHTS",
    "UPDATE_CONTRIBUTOR_INSIGHTS",
    "DescribeContributorInsightsInput",
    "ListContributorInsightsInput",
    "UpdateContributorInsightsInput",
]

_INSIGHTS: Final = "ContributorInsights"
_Mode = Literal["ACCESSED_AND_THROTTLED_KEYS", "THROTTLED_KEYS"]
_DEFAULT_MODE: Final = "ACCESSED_AND_THROTTLED_KEYS"
_PAGE: Final = 100


class UpdateContributorInsightsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    contributor_insights_action: Literal["ENABLE", "DISABLE"]
    index_name: IndexName | None = None
    contributor_insights_mode: _Mode | None = None


class DescribeContributorInsightsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    index_name: IndexName | None = None


class ListContributorInsightsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef | None = None
    next_token: str | None = None
    max_results: int | None = None


class _Insights(msgspec.Struct, frozen=True):
    """What was last asked for; `mode` None is off. Until `settles_us` that is not done yet."""

    mode: str | None
    updated_us: int
    settles_us: int = 0

    def status(self, now_us: int) -> str:
        """What the status is at a moment."""
        if now_us < self.settles_us:
            return "DISABLING" if self.mode is None else "ENABLING"
        return "DISABLED" if self.mode is None else "ENABLED"


def update_contributor_insights(
    context: Context, request: UpdateContributorInsightsInput
) -> Altered:
    found = _checked(described_table(context, request.table_name), request.index_name)
    _check_active(found, request.index_name)
    place = request.index_name or ""
    mode = None
    if request.contributor_insights_action == "ENABLE":
        mode = request.contributor_insights_mode or _DEFAULT_MODE
    now_us = context.service.clock.now_us()
    transition = context.transition(now_us)
    settles_us = 0 if transition is None else transition.ends_us
    before = _insights(found).get(place)
    settled = mode == (None if before is None else before.mode)

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        if settled:
            return table, next_id
        insights = {**_insights(table), place: _Insights(mode, now_us, settles_us)}
        settings = {**table.settings, _INSIGHTS: msgspec.to_builtins(insights)}
        return msgspec.structs.replace(table, settings=settings), next_id

    def reply(catalog: Catalog) -> bytes:
        del catalog
        status = ("ENABLED" if settled else "ENABLING", "DISABLED" if settled else "DISABLING")
        members = _named(found, request.index_name)
        members["ContributorInsightsStatus"] = status[mode is None]
        if mode is not None:
            members["ContributorInsightsMode"] = mode
        return body_of(members)

    scope = (found.account, found.region, found.name)
    return Altered(life.update_table(scope, change, None, now_us), reply)


def describe_contributor_insights(
    context: Context, request: DescribeContributorInsightsInput
) -> bytes:
    table = _checked(described_table(context, request.table_name), request.index_name)
    members = _named(table, request.index_name)
    known = _insights(table).get(request.index_name or "")
    members["ContributorInsightsStatus"] = "DISABLED"
    if known is not None:
        status = known.status(context.service.clock.now_us())
        members["ContributorInsightsStatus"] = status
        members["LastUpdateDateTime"] = known.updated_us / 1e6
        if known.mode is not None:
            members["ContributorInsightsMode"] = known.mode
    return body_of(members)


def list_contributor_insights(context: Context, request: ListContributorInsightsInput) -> bytes:
    scope, now_us = context.scope, context.service.clock.now_us()
    if request.max_results is not None and request.max_results < 1:
        raise ValidationException("MaxResults must be greater than 0")
    if request.table_name is not None:
        tables = [described_table(context, request.table_name)]
    else:
        catalog = context.catalog()
        tables = sorted(
            (
                table
                for table in catalog.tables.values()
                if (table.account, table.region) == (scope.account, scope.region)
            ),
            key=lambda table: table.name,
        )
    after = request.next_token or ""
    shown = [
        (f"{table.name}/{place}", table, place, insights)
        for table in tables
        for place, insights in sorted(_insights(table).items())
        if insights.mode is not None
    ]
    shown = [entry for entry in shown if entry[0] > after]
    page = shown[: request.max_results or _PAGE]
    members: dict[str, Any] = {
        "ContributorInsightsSummaries": [
            {
                **_named(table, place or None),
                "ContributorInsightsStatus": insights.status(now_us),
                "ContributorInsightsMode": insights.mode,
            }
            for _, table, place, insights in page
        ]
    }
    if len(shown) > len(page):
        members["NextToken"] = page[-1][0]
    return body_of(members)


def _checked(table: Table, index_name: str | None) -> Table:
    """The table itself, when it has a global index of the name."""
    if index_name is not None:
        index = table.index_by_name.get(index_name)
        if index is None or index.kind is not IndexKind.GLOBAL:
            raise ResourceNotFoundException(
                f"Requested resource not found: Index: {index_name} not found for table:"
                f" {table.name}"
            )
    return table


def _check_active(table: Table, index_name: str | None) -> None:
    """Raise ValidationException for what is still changing."""
    changing = [] if table.settles_us is None else ["Table"]
    if index_name is not None and table.index_by_name[index_name].settles_us is not None:
        changing.append("Index")
    for what in changing:
        raise ValidationException(
            "Table or Index is not in a valid state to update Key Access Insights:"
            f" {what}Status must be ACTIVE to enable ContributorInsights."
        )


def _named(table: Table, index_name: str | None) -> dict[str, Any]:
    members: dict[str, Any] = {"TableName": table.name}
    if index_name is not None:
        members["IndexName"] = index_name
    return members


def _insights(table: Table) -> dict[str, _Insights]:
    """By the index's name; the table's own by the empty name. Those of dropped indexes are gone
    with them."""
    known = msgspec.convert(table.settings.get(_INSIGHTS, {}), dict[str, _Insights])
    return {
        place: insights
        for place, insights in known.items()
        if not place or place in table.index_by_name
    }


UPDATE_CONTRIBUTOR_INSIGHTS = Operation(
    "UpdateContributorInsights", UpdateContributorInsightsInput, update_contributor_insights
)
DESCRIBE_CONTRIBUTOR_INSIGHTS = Operation(
    "DescribeContributorInsights", DescribeContributorInsightsInput, describe_contributor_insights
)
LIST_CONTRIBUTOR_INSIGHTS = Operation(
    "ListContributorInsights", ListContributorInsightsInput, list_contributor_insights
)
