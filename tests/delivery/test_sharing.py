"""Workers that ask for leases end with even shares, whoever held how many before."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery.leases.lease import Lease
from tailrace.delivery.leases.sharing import wishes


def leases_of(*owners: str | None) -> list[Lease]:
    return [Lease(shard_id=f"s{n}", owner=owner) for n, owner in enumerate(owners)]


def wished(worker: str, leases: list[Lease]) -> list[tuple[str, bool]]:
    free = {lease.shard_id for lease in leases if lease.owner is None}
    names = {lease.shard_id for lease in leases}
    return [
        (wish.lease.shard_id, wish.ask)
        for wish in wishes(worker, leases, free, random.Random(1), names)
    ]


def test_a_worker_alone_takes_all_that_is_free() -> None:
    assert sorted(wished("a", leases_of(None, None, None))) == [
        ("s0", False),
        ("s1", False),
        ("s2", False),
    ]


def test_free_leases_are_taken_up_to_an_even_share() -> None:
    assert len(wished("a", leases_of("b", "b", None, None, None, None))) == 3
    assert wished("a", leases_of("a", "a", None, "b")) == []


def test_half_of_what_lacks_is_asked_for() -> None:
    asked = wished("a", leases_of(*["b"] * 8))
    assert len(asked) == 2
    assert all(ask for _, ask in asked)


def test_owners_that_were_not_seen_alive_are_not_asked() -> None:
    assert wishes("a", leases_of(*["b"] * 8), (), random.Random(1), ()) == []


def test_nothing_is_asked_for_that_is_being_handed_over_or_would_only_swap_places() -> None:
    assert wished("a", leases_of("a", "b", "b")) == []
    moving = [Lease(shard_id=f"s{n}", owner="b", checkpoint_owner="c") for n in range(4)]
    assert wished("a", moving) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.randoms(use_true_random=False))
def test_shares_become_even_and_stay_so(count: int, workers: int, rng: random.Random) -> None:
    names = [f"w{n}" for n in range(workers)]
    leases = {
        f"s{n}": Lease(shard_id=f"s{n}", owner=rng.choice([None, *names])) for n in range(count)
    }
    for _ in range(40):
        for name in names:
            free = {key for key, lease in leases.items() if lease.owner is None}
            for wish in wishes(name, list(leases.values()), free, rng, leases):
                key = wish.lease.shard_id
                leases[key] = Lease(shard_id=key, owner=name)
    loads = [sum(lease.owner == name for lease in leases.values()) for name in names]
    assert sum(loads) == count
    assert max(loads) - min(loads) <= 1
