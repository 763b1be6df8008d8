"""A process with an embedded Tailrace and a handler: `python -m bench.handler_host DIRECTORY`.

It prints its port, then answers commands on standard input, one a line: `watch TABLE BATCH_SIZE`
begins delivery from the start of the table's stream, `count` tells how much the handler has seen,
`times` when it was called with each item. The end of input stops it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tailrace.app import Tailrace
from tailrace.settings import Settings

__all__ = ["main"]


class _Handler:
    """Keeps when it was first called with each item, by sort key.

    Times are nanoseconds of CLOCK_MONOTONIC, which is the same in all processes.
    """

    def __init__(self) -> None:
        self.called_ns: dict[str, int] = {}
        self.records = 0
        self.last_ns = 0

    def __call__(self, event: dict[str, Any], context: object) -> None:
        now_ns = time.monotonic_ns()
        records = event["Records"]
        for record in records:
            self.called_ns.setdefault(record["dynamodb"]["Keys"]["sk"]["S"], now_ns)
        self.records += len(records)
        self.last_ns = time.monotonic_ns()

    def count(self) -> dict[str, int]:
        return {"items": len(self.called_ns), "records": self.records, "last_ns": self.last_ns}


def main() -> None:
    """Serve the directory given as the argument until input ends."""
    handler = _Handler()
    with Tailrace(Settings(data=Path(sys.argv[1]), port=0)) as tailrace:
        _answer(urlsplit(tailrace.endpoint_url).port)
        for line in sys.stdin:
            command, *arguments = line.split()
            if command == "watch":
                tailrace.on_change(arguments[0], handler, batch_size=int(arguments[1]))
            _answer(handler.called_ns if command == "times" else handler.count())


def _answer(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
