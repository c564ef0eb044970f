"""Our own jobs: parse with the online Drain, and match against templates learned before."""

from __future__ import annotations

__all__: list[str] = []
