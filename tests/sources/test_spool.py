"""A directory's spool meets the contract, outlives its process, and gives its room back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tailrace.delivery.leases.spool import Spool
from tailrace.errors import ConfigurationError, TailraceError
from tailrace.sources.spool import DirectorySpool, spool_directory, spool_path
from tailrace.testing.contracts.spool import BASE, SpoolContract, record
from tailrace.testing.memory_spool import MemorySpool


class TestMemorySpool(SpoolContract):
    def make(self, *, full: bool = False) -> Spool:
        return MemorySpool(max_records=300 if full else None)


class TestDirectorySpool(SpoolContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "deep" / "group.spool"

    def make(self, *, full: bool = False) -> Spool:
        return DirectorySpool(self.path, 400_000) if full else DirectorySpool(self.path)


# What a killed process had: it says that a page was kept, and stops in the middle of the next.
_KILLED = """
import asyncio, sys
from pathlib import Path
from tailrace.sources.spool import DirectorySpool
from tailrace.testing.contracts.spool import BASE, record

async def main():
    spool = DirectorySpool(Path(sys.argv[1]))
    await spool.open(create=True)
    after = None
    for start in range(1, 10**6, 10):
        page = [record(n, "x" * 500) for n in range(start, start + 10)]
        await spool.append("a", after, page, now_ms=1)
        after = page[-1].sequence
        print(after - BASE, flush=True)

asyncio.run(main())
"""


def test_what_was_kept_outlives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "group.spool"
    command = [sys.executable, "-c", _KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(20)][-1]
        os.kill(process.pid, signal.SIGKILL)

    async def main() -> None:
        spool = DirectorySpool(path)
        await spool.open(create=False)
        found = [each.sequence - BASE for each in await spool.read("a", -1, 10**6)]
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= told
        assert len(found) % 10 == 0
        await spool.close()

    asyncio.run(main())


def test_processes_share_it_and_what_is_dropped_leaves_the_disk(tmp_path: Path) -> None:
    path = spool_path(tmp_path, "a group", "arn")

    async def main() -> None:
        one, two = DirectorySpool(path), DirectorySpool(path)
        await one.open(create=True)
        await two.open(create=False)
        assert one.id == two.id
        page = [record(n, "x" * 10_000) for n in range(1, 501)]
        await one.append("a", None, page, now_ms=1)
        assert (await two.append("a", None, page, now_ms=1)).last == BASE + 500
        assert len(await two.read("a", -1, 1000)) == 500
        await two.drop("a")
        assert await one.state("a") is None
        await one.close()
        await two.close()
        with pytest.raises(TailraceError, match="is not open"):
            await one.state("a")

    asyncio.run(main())
    assert path.stat().st_size < 100_000
    assert list(tmp_path.iterdir()) == [path]


def test_groups_have_files_of_their_own(tmp_path: Path) -> None:
    one = spool_path(tmp_path, "a/group", "stream 1")
    assert one.parent == tmp_path
    assert one.name.startswith("a_group-")
    assert one != spool_path(tmp_path, "a/group", "stream 2")


def test_a_file_that_is_no_spool_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "group.spool"
    path.write_bytes(b"this is no spool" * 1000)
    with pytest.raises(TailraceError, match=r"the spool .*group\.spool"):
        asyncio.run(DirectorySpool(path).open(create=False))
    with pytest.raises(TailraceError, match="the spool"):
        asyncio.run(DirectorySpool(path / "below").open(create=True))


def test_it_is_in_the_users_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert spool_directory() == tmp_path / "tailrace" / "spool"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert spool_directory() == tmp_path / ".local" / "state" / "tailrace" / "spool"


def test_a_user_without_a_home_must_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ConfigurationError, match="give a directory for the spool"):
        spool_directory()
