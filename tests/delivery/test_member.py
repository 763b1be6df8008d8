"""A worker takes, keeps, hands over and loses leases by the rules, fenced by their counters."""

from __future__ import annotations

import random

import msgspec

from tailrace.delivery.leases.lease import Lease, LeaseTimes, Prepared
from tailrace.delivery.leases.member import Action, Member, Write
from tailrace.delivery.ports import Position

TIMES = LeaseTimes(failover_ms=10_000, handoff_ms=30_000)


class Rows:
    """A lease table that members write to by hand."""

    def __init__(self, *leases: Lease) -> None:
        self.rows = {lease.shard_id: lease for lease in leases}

    def member(self, name: str) -> Member:
        return Member(name, TIMES, random.Random(1))

    def scan(self, member: Member, now_ms: int) -> list[Action]:
        """Let a member look and take what it may; what it did."""
        member.observe(list(self.rows.values()), now_ms)
        return self.apply(member, member.acquisitions(now_ms), now_ms)

    def renew(self, member: Member, now_ms: int) -> list[Action]:
        return self.apply(member, member.renewals(now_ms), now_ms)

    def apply(self, member: Member, writes: list[Write], now_ms: int) -> list[Action]:
        for write in writes:
            member.began(write)
            row = self.rows.get(write.old.shard_id)
            if row is not None and row.counter == write.old.counter:
                self.rows[row.shard_id] = write.new
                member.wrote(write, now_ms, now_ms)
            else:
                member.refused(write, row, now_ms)
        return [write.action for write in writes]


def run(member: Member) -> list[str]:
    """Start what may be started."""
    started = member.startable()
    for held in started:
        held.running = True
    return sorted(held.lease.shard_id for held in started)


def test_a_free_lease_is_taken_and_renewed_in_time() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    assert rows.scan(one, 0) == [Action.TAKE]
    assert rows.rows["a"].owner == "one"
    assert run(one) == ["a"]
    assert rows.renew(one, 3_000) == []
    assert rows.renew(one, 3_400) == [Action.KEEP]
    assert rows.rows["a"].counter == 2


def test_a_lease_whose_counter_stands_still_is_taken_after_the_failover_time() -> None:
    rows = Rows(Lease(shard_id="a", owner="dead", counter=7))
    one = rows.member("one")
    assert rows.scan(one, 0) == []
    assert rows.scan(one, 9_999) == []
    assert rows.scan(one, 10_000) == [Action.TAKE]
    assert (rows.rows["a"].owner, rows.rows["a"].switches) == ("one", 1)


def test_a_lease_that_is_renewed_stays_with_its_owner() -> None:
    rows = Rows(Lease(shard_id="a", owner="other", counter=7))
    one = rows.member("one")
    for second in range(0, 60, 5):
        rows.rows["a"] = msgspec.structs.replace(rows.rows["a"], counter=100 + second)
        assert rows.scan(one, second * 1000) == []


def test_whoever_was_overtaken_writes_nothing_and_knows_it() -> None:
    rows = Rows(Lease(shard_id="a"))
    one, two = rows.member("one"), rows.member("two")
    rows.scan(one, 0)
    rows.scan(two, 0)
    rows.scan(two, 10_000)
    one.advance("a", Position(sequence=5))
    assert rows.renew(one, 10_000) == [Action.KEEP]
    assert rows.rows["a"].position == Position()
    assert one.held == {}


def test_a_lease_that_was_not_renewed_in_time_is_given_up_unasked() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    rows.scan(one, 0)
    assert one.overdue(9_999) == []
    assert one.overdue(10_000) == ["a"]
    assert one.held == {}


def test_a_write_whose_answer_was_lost_is_recognised() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    rows.scan(one, 0)
    (write,) = one.renewals(4_000)
    rows.rows["a"] = write.new
    one.refused(write, rows.rows["a"], 4_100)
    assert rows.renew(one, 4_200) == [Action.KEEP]
    assert rows.rows["a"].counter == 3
    (take,) = Rows(Lease(shard_id="b")).member("one").acquisitions(0) or [None]
    assert take is None


def test_a_take_whose_answer_was_lost_is_found_by_the_next_look() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    one.observe(list(rows.rows.values()), 0)
    (write,) = one.acquisitions(0)
    rows.rows["a"] = write.new
    one.unknown(write)
    assert rows.scan(one, 100) == [Action.TAKE]
    assert list(one.held) == ["a"]


def handed_over() -> tuple[Rows, Member, Member]:
    """Two leases of worker one, of which worker two asked for one."""
    rows = Rows(Lease(shard_id="a"), Lease(shard_id="b"))
    one, two = rows.member("one"), rows.member("two")
    rows.scan(one, 0)
    run(one)
    assert rows.scan(two, 0) == []
    rows.renew(one, 3_500)
    assert rows.scan(two, 3_500) == [Action.ASK]
    return rows, one, two


def test_an_owner_that_is_asked_drains_keeps_its_checkpoint_and_lets_go() -> None:
    rows, one, two = handed_over()
    asked = next(lease for lease in rows.rows.values() if lease.checkpoint_owner)
    assert (asked.owner, asked.worker) == ("two", "one")
    rows.renew(one, 7_000)
    held = one.held[asked.shard_id]
    assert held.leaving
    one.advance(asked.shard_id, Position(sequence=9))
    held.running = False
    assert Action.RELEASE in rows.renew(one, 7_100)
    lease = rows.rows[asked.shard_id]
    assert (lease.worker, lease.position) == ("two", Position(sequence=9))
    assert rows.scan(two, 7_200) == [Action.TAKE]
    assert two.held[asked.shard_id].position == Position(sequence=9)
    assert asked.shard_id not in one.held


def test_an_owner_that_takes_too_long_to_let_go_is_overtaken() -> None:
    rows, one, two = handed_over()
    for second in range(6, 33, 3):
        rows.renew(one, second * 1_000 + 500)
        assert rows.scan(two, second * 1_000 + 600) == []
    rows.renew(one, 33_000)
    assert rows.scan(two, 33_600) == [Action.TAKE]
    rows.renew(one, 36_900)
    assert len(one.held) == len(two.held) == 1


def test_stopping_gives_leases_to_anyone_at_once() -> None:
    rows = Rows(Lease(shard_id="a"))
    one, two = rows.member("one"), rows.member("two")
    rows.scan(one, 0)
    one.advance("a", Position(sequence=3))
    one.leave()
    assert rows.renew(one, 10) == [Action.RELEASE]
    assert rows.rows["a"].owner is None
    assert rows.scan(two, 20) == [Action.TAKE]
    assert two.held["a"].position == Position(sequence=3)


def test_who_stops_takes_back_what_it_asked_for() -> None:
    rows, one, two = handed_over()
    asked = next(lease for lease in rows.rows.values() if lease.checkpoint_owner)
    two.leave()
    two.observe(list(rows.rows.values()), 4_000)
    assert rows.apply(two, two.withdrawals(), 4_000) == [Action.ASK]
    lease = rows.rows[asked.shard_id]
    assert (lease.owner, lease.checkpoint_owner) == ("one", None)
    assert two.withdrawals() == []
    rows.renew(one, 7_000)
    assert rows.rows[asked.shard_id].owner == "one"


def test_a_shard_waits_for_its_parents_ends() -> None:
    rows = Rows(Lease(shard_id="a", owner="other"), Lease(shard_id="b", parents=("a", "gone")))
    one = rows.member("one")
    rows.scan(one, 0)
    assert run(one) == []
    assert one.waiting() == 1
    done = Position(finished=True)
    rows.rows["a"] = Lease(shard_id="a", counter=1, position=done)
    rows.scan(one, 100)
    assert run(one) == ["b"]


def test_checkpoints_are_kept_once_in_a_while_and_never_go_back() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    rows.scan(one, 0)
    one.advance("a", Position(sequence=5))
    assert rows.renew(one, 10) == [Action.KEEP]
    one.advance("a", Position(sequence=6))
    one.advance("a", Position(sequence=4))
    assert rows.renew(one, 500) == []
    assert rows.renew(one, 1_010) == [Action.KEEP]
    assert rows.rows["a"].position == Position(sequence=6)


def test_an_announced_checkpoint_is_kept_until_it_is_made() -> None:
    rows = Rows(Lease(shard_id="a"))
    one = rows.member("one")
    rows.scan(one, 0)
    one.announce("a", Prepared(5, b"state"))
    rows.renew(one, 10)
    assert rows.rows["a"].prepared == Prepared(5, b"state")
    one.advance("a", Position(sequence=4))
    rows.renew(one, 2_000)
    assert rows.rows["a"].prepared is not None
    one.advance("a", Position(sequence=5))
    rows.renew(one, 4_000)
    assert rows.rows["a"].prepared is None


def test_the_first_of_the_living_leads() -> None:
    one = Rows().member("one")
    dead, alive = Lease(shard_id="a", owner="a-dead"), Lease(shard_id="b", owner="two")
    one.observe([dead, alive, Lease(shard_id="c", owner="one")], 0)
    assert not one.leads(0)
    one.observe([dead, msgspec.structs.replace(alive, counter=1)], 9_000)
    assert not one.leads(10_000)
    one.observe([dead, alive, Lease(shard_id="c", owner="one", counter=1)], 9_000)
    assert one.leads(10_000)
    assert not Rows().member("zoe").held
    assert Rows().member("zoe").leads(0)
