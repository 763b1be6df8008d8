"""Memory of a process and its children is told once, however they share it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tailrace.runtimes.memory import ROOM_BYTES, data_limit_bytes, resident_kb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

MANY_KB = 1 << 40
HELD = """
import os, sys, time
held = b"x" * (64 << 20)
if sys.argv[1] == "forked" and os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.mark.parametrize(("kind", "least", "most"), [("alone", 64, 110), ("forked", 64, 110)])
def test_what_is_shared_counts_once(kind: str, least: int, most: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        whole = resident_kb(process.pid, MANY_KB)
        shared = resident_kb(process.pid, 0)
        os.killpg(process.pid, 9)
    assert whole is not None
    assert shared is not None
    assert least <= shared >> 10 <= most
    assert whole >> 10 >= (2 * least if kind == "forked" else least)


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], check=True, stdout=subprocess.PIPE
    )
    assert resident_kb(int(process.stdout), MANY_KB) is None


def test_a_program_may_ask_for_more_than_it_may_use() -> None:
    assert data_limit_bytes(128) == (256 << 20) + ROOM_BYTES
