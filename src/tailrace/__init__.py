"""DynamoDB Streams that anyone can run: tables, ordered change streams, triggers and pipelines."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
