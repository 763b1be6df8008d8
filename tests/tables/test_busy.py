"""A table that is changing refuses what gets in the way of that, in AWS's words, and nothing
else."""

from __future__ import annotations

import msgspec
import pytest

from tailrace.errors import LimitExceededException, ResourceInUseException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import (
    Index,
    IndexKind,
    IndexStatus,
    Projection,
    Stream,
    StreamViewType,
    Table,
    TableStatus,
)
from tailrace.tables import setting_changes
from tailrace.tables.busy import Asked, check_creatable, check_deletable, check_updatable
from tailrace.tables.catalog import Catalog
from tailrace.tables.transitions import (
    Transition,
    being_created,
    being_deleted,
    index_being_created,
    index_being_deleted,
)

KEYS = KeySchema((KeyAttribute("pk", "S"),))
UNTIL = Transition(100, 200)
STILL = "Attempt to change a resource which is still in use: "
NOTHING = Asked()
THROUGHPUT = Asked(throughput=True)
STREAM = Asked(stream=True)
CLASS = Asked(table_class=True)
ON_DEMAND = Asked(on_demand=True)
CREATE = Asked(created=frozenset({"new"}))
DELETE = Asked(deleted=frozenset({"i"}))
DELETE_OTHER = Asked(deleted=frozenset({"other"}))
RETUNE = Asked(retuned=frozenset({"i"}))
RETUNE_OTHER = Asked(retuned=frozenset({"other"}))


def table(*indexes: Index, **more: object) -> Table:
    other = Index(9, "other", IndexKind.GLOBAL, KEYS, Projection.ALL)
    made = Table(1, "u", "eu", "0" * 12, "t", KEYS, {"pk": "S"}, 1, 1)
    return msgspec.structs.replace(made, indexes=(*indexes, other), **more)


def updating(*indexes: Index) -> Table:
    return table(*indexes, status=TableStatus.UPDATING, settles_us=200)


INDEX = Index(2, "i", IndexKind.GLOBAL, KEYS, Projection.ALL)
ALLOCATING = index_being_created(INDEX, UNTIL)
FILLING = msgspec.structs.replace(ALLOCATING, allocated_us=None)
GOING = index_being_deleted(INDEX, UNTIL)
RETUNED = msgspec.structs.replace(INDEX, status=IndexStatus.UPDATING, settles_us=200)

ENABLING = Stream(
    5, 1, "t", "eu", "0" * 12, "L", StreamViewType.KEYS_ONLY, KEYS, 100, settles_us=200
)
DISABLING = msgspec.structs.replace(ENABLING, disabled_us=100)


def refusal(known: Table, asked: Asked | None, *streams: Stream) -> str | None:
    """The message that an update, or for None a deletion, is refused with."""
    catalog = Catalog(tables={1: known}, streams={each.id: each for each in streams})
    try:
        if asked is None:
            check_deletable(catalog, known, 150)
        else:
            check_updatable(catalog, known, asked, 150)
    except (LimitExceededException, ResourceInUseException) as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("known", "asked", "detail"),
    [
        (being_created(table(), UNTIL), NOTHING, "Table is being created: t"),
        (being_created(table(), UNTIL), None, "Table is being created: t"),
        (being_deleted(table(), UNTIL), NOTHING, "Table is being deleted: t"),
        (being_deleted(table(), UNTIL), None, "Table is being deleted: t"),
        (updating(), None, "Table: t is in the process of being updated."),
        (updating(), THROUGHPUT, "Table IOPS are currently being updated. Table: t"),
        (
            updating(),
            STREAM,
            "Can't enable or disable stream while table IOPS are being updated. Table: t",
        ),
        (
            updating(),
            ON_DEMAND,
            "OnDemandThroughput cannot be updated while BillingMode update is in progress",
        ),
        (
            updating(),
            CREATE,
            "Can't create or delete index while table IOPS are being updated. Table: t",
        ),
        (
            updating(ALLOCATING),
            None,
            "Cannot delete table while indexes are being created, updated, or deleted.",
        ),
        (
            table(FILLING),
            None,
            "Cannot delete table while indexes are being created, updated, or deleted.",
        ),
        (
            table(RETUNED),
            None,
            "Cannot delete table while indexes are being created, updated, or deleted.",
        ),
        (
            updating(ALLOCATING),
            DELETE,
            (
                "Index creation is in resource allocation phase. Retry deletion during backfilling"
                " phase or when the index is active. Table: t Index: i"
            ),
        ),
        (
            updating(ALLOCATING),
            RETUNE,
            "Index is being created but is not backfilling yet.  Table: t Index: i",
        ),
        (
            updating(ALLOCATING),
            THROUGHPUT,
            "Can't change table IOPS when an index is being created. Table: t Indexes: [i]",
        ),
        (
            table(FILLING),
            STREAM,
            "Can't change stream status when an index is being created. Table: t Indexes: [i]",
        ),
        (
            table(GOING),
            THROUGHPUT,
            "Can't change table IOPS when an index is being deleted. Table: t Indexes: [i]",
        ),
        (
            table(GOING),
            ON_DEMAND,
            "OnDemandThroughput cannot be updated while index deletion is in progress",
        ),
        (table(GOING), DELETE, "Index is being deleted.  Table: t Index: i"),
        (table(GOING), RETUNE, "Index is being deleted.  Table: t Index: i"),
        (table(RETUNED), RETUNE, "Index is being updated.  Table: t Index: i"),
        (table(RETUNED), DELETE, "Index is being updated.  Table: t Index: i"),
    ],
)
def test_what_is_in_the_way_is_named(known: Table, asked: Asked | None, detail: str) -> None:
    assert refusal(known, asked) == STILL + detail


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        (None, "Cannot delete table while stream is being enabled/disabled."),
        (STREAM, "A stream status change is currently in progress. {place}"),
        (THROUGHPUT, "Can't change table IOPS when stream status is being updated. {place}"),
        (CLASS, "Can't update table class when stream status is being updated. {place}"),
        (CREATE, "Can't create or delete index when stream status is being updated. {place}"),
        (
            ON_DEMAND,
            "OnDemandThroughput cannot be updated while stream status update is in progress",
        ),
    ],
)
@pytest.mark.parametrize(("stream", "doing"), [(ENABLING, "ENABLE"), (DISABLING, "DISABLE")])
def test_a_stream_that_changes_is_named(
    asked: Asked | None, detail: str, stream: Stream, doing: str
) -> None:
    place = f"Table: t Stream: L Operation: {doing}"
    assert refusal(updating(), asked, stream) == STILL + detail.format(place=place)


CLASSED = {"TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"}}
RECLASSED = setting_changes.changing(updating(), table(settings=CLASSED), 200)
RECLASSED = msgspec.structs.replace(RECLASSED, status=TableStatus.UPDATING, settles_us=200)
PLACE = "Table: t TableClassUpdateInProgress: STANDARD_INFREQUENT_ACCESS"


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        (None, "Table: t is in the process of being updated."),
        (CLASS, f"Can't update table class when a table class update is in progress. {PLACE}"),
        (
            STREAM,
            f"Can't enable or disable stream when a table class update is in progress. {PLACE}",
        ),
        (CREATE, f"Can't create or delete index when a table class update is in progress. {PLACE}"),
        (ON_DEMAND, "OnDemandThroughput cannot be updated while TableClass update is in progress"),
    ],
)
def test_a_class_that_changes_is_named(asked: Asked | None, detail: str) -> None:
    assert refusal(RECLASSED, asked) == STILL + detail


def test_encryption_that_changes_is_in_its_own_way_alone() -> None:
    sealed = setting_changes.changing(table(), table(settings={"SSEDescription": {"a": 1}}), 200)
    still = f"{STILL}Server-Side Encryption is still being updated"
    assert refusal(sealed, Asked(encryption=True)) == still
    assert refusal(sealed, None) == still
    assert refusal(sealed, Asked(True, True, True, True)) is None


def test_a_table_that_warms_up_is_not_deleted() -> None:
    warmer = setting_changes.changing(table(), table(settings={"WarmThroughput": {"a": 1}}), 200)
    assert refusal(warmer, None) == f"{STILL}Table: t is in the process of being updated."
    assert refusal(warmer, Asked(True, True, True, True, True)) is None


@pytest.mark.parametrize("index", [ALLOCATING, FILLING, GOING])
@pytest.mark.parametrize("asked", [CREATE, DELETE_OTHER])
def test_one_index_is_made_or_removed_at_a_time(index: Index, asked: Asked) -> None:
    assert refusal(table(index), asked) == (
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously"
        " per table"
    )


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (table(), None),
        (table(), Asked(True, True, True, True)),
        (updating(), NOTHING),
        (updating(), RETUNE_OTHER),
        (table(FILLING), DELETE),
        (table(FILLING), RETUNE),
        (table(FILLING), RETUNE_OTHER),
        (table(GOING), RETUNE_OTHER),
        (table(RETUNED), THROUGHPUT),
        (table(RETUNED), CREATE),
        # Being filled without a moment when that ends, as when nothing takes time.
        (table(index_being_created(INDEX, None)), None),
        (table(index_being_created(INDEX, None)), CREATE),
    ],
)
def test_the_rest_is_let_through(known: Table, asked: Asked | None) -> None:
    assert refusal(known, asked) is None


def test_a_stream_that_has_changed_is_in_nobodys_way() -> None:
    done = msgspec.structs.replace(ENABLING, settles_us=150)
    assert refusal(table(), None, done) is None


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (being_created(table(), UNTIL), STILL + "Table is being created: t"),
        (table(), "Table already exists: t"),
        (updating(), "Table already exists: t"),
        (being_deleted(table(), UNTIL), "Table already exists: t"),
    ],
)
def test_a_name_is_taken_until_its_table_is_gone(known: Table, message: str) -> None:
    with pytest.raises(ResourceInUseException) as refused:
        check_creatable(known)
    assert refused.value.message == message
    check_creatable(None)
