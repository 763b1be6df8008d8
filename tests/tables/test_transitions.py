"""What is due is settled, all of it and nothing else, whoever looks first; and the catalog says so
without being altered."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import (
    Index,
    IndexKind,
    IndexStatus,
    Projection,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.tables.backups import Backup, leaving_behind
from tailrace.tables.catalog import Alteration, Catalog, Tick
from tailrace.tables.transitions import (
    Transition,
    being_created,
    being_deleted,
    can_be_backed_up,
    index_being_created,
    index_being_deleted,
    settle,
    settled,
    settled_first,
    settlement_due,
)

KEYS = KeySchema((KeyAttribute("pk", "S"),))
NOW_US = 1_000_000


def table(table_id: int, *indexes: Index, **more: object) -> Table:
    made = Table(table_id, "u", "eu", "0" * 12, f"t{table_id}", KEYS, {"pk": "S"}, 1, 1)
    return msgspec.structs.replace(made, indexes=indexes, **more)


def index(index_id: int, kind: IndexKind = IndexKind.GLOBAL) -> Index:
    return Index(index_id, f"i{index_id}", kind, KEYS, Projection.ALL)


def of(*tables: Table) -> Catalog:
    return Catalog(tables={each.id: each for each in tables}, next_id=1000)


def tick(table_id: int, partition: int) -> int:
    raise AssertionError(f"no clock of {table_id}/{partition} is needed to settle anything")


def applied(catalog: Catalog, now_us: int) -> Catalog:
    return catalog.after(settle(now_us)(catalog, tick))


def states(catalog: Catalog) -> dict[str, object]:
    return {
        each.name: (each.status, [(own.name, own.status) for own in each.indexes])
        for each in catalog.tables.values()
    }


UNTIL = Transition(NOW_US, NOW_US + 100)


def test_a_new_table_is_usable_when_its_moment_comes() -> None:
    made = being_created(table(1, index(2), index(3, IndexKind.LOCAL)), UNTIL)
    catalog = of(made)
    assert not catalog.available
    assert settled(catalog, NOW_US + 99) is catalog
    after = settled(catalog, NOW_US + 100)
    (known,) = after.available.values()
    assert known.status is TableStatus.ACTIVE
    assert all(own.status is IndexStatus.ACTIVE for own in known.indexes)
    assert after.next_settlement_us is None
    assert not can_be_backed_up(known, NOW_US + 149)
    assert can_be_backed_up(known, NOW_US + 150)


def test_a_deleted_table_goes_when_its_moment_comes() -> None:
    catalog = of(being_deleted(table(1), UNTIL), table(2))
    assert list(catalog.available) == [("0" * 12, "eu", "t2")]
    assert list(catalog.by_name) != list(catalog.available)
    assert settled(catalog, NOW_US + 100).tables.keys() == {2}


def test_a_deleted_table_can_leave_itself_behind() -> None:
    backup = Backup("arn", "name", NOW_US, 3, 70, type="SYSTEM", expires_us=NOW_US * 2)
    gone = being_deleted(leaving_behind(table(1, index(2)), backup), UNTIL)
    (left,) = settled(of(gone), NOW_US + 100).tables.values()
    assert (left.id, left.name, left.status) == (1, "arn", TableStatus.ACTIVE)
    assert not left.indexes


def test_an_index_is_made_in_two_phases_and_active_once_it_is_filled() -> None:
    new = index_being_created(index(2), UNTIL)
    changing = table(1, new, status=TableStatus.UPDATING, settles_us=UNTIL.halfway_us)
    allocated = settled(of(changing), NOW_US + 50)
    (half,) = allocated.tables.values()
    assert half.status is TableStatus.ACTIVE
    assert (half.indexes[0].status, half.indexes[0].allocated_us) == (IndexStatus.CREATING, None)
    # Its time is over, but its rows are not all there.
    assert settled(allocated, NOW_US + 1000) is allocated
    filled = msgspec.structs.replace(half.indexes[0], backfilling=False)
    whole = of(msgspec.structs.replace(half, indexes=(filled,)))
    assert not settlement_due(whole, NOW_US + 99)
    assert settled(whole, NOW_US + 100).tables[1].indexes[0].status is IndexStatus.ACTIVE


def test_an_index_goes_when_its_moment_comes() -> None:
    gone = index_being_deleted(index(2), UNTIL)
    catalog = of(table(1, gone, index(3)))
    assert [own.id for own in settled(catalog, NOW_US + 100).tables[1].indexes] == [3]


def test_what_was_provisioned_before_is_forgotten() -> None:
    changing = table(
        1,
        status=TableStatus.UPDATING,
        settles_us=NOW_US,
        throughput=Throughput(5, 5),
        former_throughput=Throughput(1, 1),
    )
    known = settled(of(changing), NOW_US).tables[1]
    assert (known.throughput, known.former_throughput) == (Throughput(5, 5), None)


def test_an_alteration_sees_what_is_due_settled() -> None:
    catalog = of(being_created(table(1), UNTIL), being_deleted(table(2), UNTIL))

    def decide(seen: Catalog, clocks: Tick) -> Alteration:
        del clocks
        assert states(seen) == {"t1": (TableStatus.ACTIVE, [])}
        return Alteration(tables=(table(3),), next_id=1001)

    alteration = settled_first(decide, NOW_US + 100)(catalog, tick)
    assert catalog.after(alteration).tables.keys() == {1, 3}
    assert alteration.next_id == 1001


def test_a_refusal_settles_nothing() -> None:
    def refuse(seen: Catalog, clocks: Tick) -> Alteration:
        raise ValidationException("no")

    with pytest.raises(ValidationException, match="no"):
        settled_first(refuse, NOW_US + 100)(of(being_created(table(1), UNTIL)), tick)


MOMENTS = st.integers(0, 6)


@st.composite
def indexes(draw: st.DrawFn, index_id: int) -> Index:
    begun = Transition(draw(MOMENTS), 6 + draw(MOMENTS))
    made = index(index_id)
    state = draw(st.sampled_from(["active", "updating", "creating", "filled", "deleting"]))
    if state == "deleting":
        return index_being_deleted(made, begun)
    if state == "updating":
        changed = {"status": IndexStatus.UPDATING, "settles_us": begun.ends_us}
        return msgspec.structs.replace(made, **changed)
    if state in ("creating", "filled"):
        created = index_being_created(made, begun)
        return msgspec.structs.replace(created, backfilling=state == "creating")
    return made


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    tables: list[Table] = []
    for table_id in range(1, draw(st.integers(1, 5)) + 1):
        own: Sequence[Index] = [
            draw(indexes(table_id * 10 + place)) for place in range(draw(st.integers(0, 2)))
        ]
        made = table(table_id, *own)
        begun = Transition(draw(MOMENTS), 6 + draw(MOMENTS))
        state = draw(st.sampled_from(["active", "creating", "updating", "deleting", "copied"]))
        if state == "creating":
            made = being_created(made, begun)
        elif state == "deleting":
            made = being_deleted(made, begun)
        elif state == "updating":
            changed = {"status": TableStatus.UPDATING, "settles_us": begun.ends_us}
            made = msgspec.structs.replace(made, **changed)
        elif state == "copied":
            made = msgspec.structs.replace(made, status=TableStatus.CREATING)
        tables.append(made)
    return of(*tables)


@given(catalogs(), st.lists(st.integers(0, 14), max_size=5).map(sorted))
def test_it_does_not_matter_how_often_and_when_anybody_looks(
    catalog: Catalog, looks: list[int]
) -> None:
    """Looking, settling now and then, and settling once at the end come to the same."""
    kept = looked = catalog
    for now_us in looks:
        looked = settled(looked, now_us)
        kept = applied(kept, now_us)
        assert states(looked) == states(kept) == states(settled(catalog, now_us))
        assert not settlement_due(looked, now_us)
    end = settled(catalog, 14)
    assert states(end) == states(applied(kept, 14)) == states(settled(looked, 14))
    for known in end.tables.values():
        assert known.settles_us is None
        for own in known.indexes:
            assert own.status is IndexStatus.ACTIVE or own.backfilling
