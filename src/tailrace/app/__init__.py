"""The one place where components are put together: settings in, a running Tailrace out."""

from __future__ import annotations

from tailrace.app.tailrace import Tailrace

__all__ = ["Tailrace"]
