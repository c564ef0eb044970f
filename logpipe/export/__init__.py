"""Outputs of a parse: Parquet, JSON lines, Loghub's CSV pair, OpenTelemetry.

`open_sink` finds the right one by file name and style; `base` says what a sink must do.
"""

from __future__ import annotations

from logpipe.export.base import ParseInfo, Sink, open_sink

__all__ = ["ParseInfo", "Sink", "open_sink"]
