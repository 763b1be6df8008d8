"""Functions get the memory they may have: what they take beyond it, they and their children, fails
the call, and memory that is shared counts once."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tailrace.runtimes.memory import ROOM_BYTES, data_limit_bytes, resident_kb
from tailrace.runtimes.workers import WorkerPool
from tests.runtimes.conftest import Lab, call, told

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


@pytest.mark.parametrize(
    "statement",
    [
        "grown = [b'x' * (8 << 20) for _ in range(40)]; time.sleep(60)",
        "for n in range(10_000): grown.append(b'x' * (1 << 20)); print('noise', flush=True)",
        "subprocess.run([sys.executable, '-c', CHILD])",
        "in_thread(lambda: subprocess.run([sys.executable, '-c', CHILD]))",
    ],
    ids=["itself", "while it prints", "its child", "the child of a thread"],
)
def test_a_call_that_takes_too_much_memory_is_killed_while_it_runs(
    lab: Lab, statement: str
) -> None:
    lab.write(f"""
        import os, subprocess, sys, threading, time
        CHILD = "import time; grown = b'x' * (300 << 20); time.sleep(60)"
        grown = []
        def in_thread(work):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        def handler(event, context):
            if event == "grow":
                {statement}
            return os.getpid()
    """)

    async def body(pool: WorkerPool) -> None:
        outcome = await call(pool, "grow")
        answer = told(outcome)
        assert answer["errorType"] == "Runtime.OutOfMemory"
        assert answer["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
        report = outcome.log.decode().splitlines()[-1]
        assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in report
        assert report.endswith("Status: error\tError Type: Runtime.OutOfMemory")
        assert isinstance(told(await call(pool)), int)

    lab.run(body)


def test_memory_far_beyond_the_limit_is_not_even_given(lab: Lab) -> None:
    lab.write("""
        def handler(event, context):
            return len(bytes(4 << 30))
    """)

    async def body(pool: WorkerPool) -> None:
        outcome = await call(pool)
        assert (outcome.error, told(outcome)["errorType"]) == ("Unhandled", "MemoryError")

    lab.run(body)


def test_memory_that_is_only_reserved_does_not_count(lab: Lab) -> None:
    lab.write("""
        import mmap
        def handler(event, context):
            reserved = mmap.mmap(-1, 512 << 20, flags=mmap.MAP_PRIVATE)
            reserved[:10] = b"x" * 10
            return len(reserved)
    """)

    async def body(pool: WorkerPool) -> None:
        outcome = await call(pool)
        assert told(outcome) == 512 << 20
        assert int(re.findall(rb"Max Memory Used: (\d+) MB", outcome.log)[0]) < 128

    lab.run(body)


def test_code_that_takes_too_much_when_it_is_loaded_fails_each_call(lab: Lab) -> None:
    lab.write("""
        import time
        grown = [b"x" * (8 << 20) for _ in range(40)]
        time.sleep(60)
    """)

    async def body(pool: WorkerPool) -> None:
        for _ in range(2):
            outcome = await call(pool)
            assert told(outcome)["errorType"] == "Runtime.OutOfMemory"

    lab.run(body)
