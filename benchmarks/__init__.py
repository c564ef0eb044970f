"""Measurements: what they are made of, and the figures they gave.

`python -m benchmarks.speed` is the speed suite. Inputs are made in `benchmarks/.work` (ignored by
git), figures are kept in `benchmarks/results/<date>-<machine>/`.

Principles:

* Every run is a process of its own. The contestants of one comparison take turns (A B C A B C ...),
  so that a machine that slows down slows all of them; a ratio is formed within one round, and the
  median over rounds is what is reported.
* Speed is MB (10^6 bytes) of raw log per CPU-second, user and system time together, children
  included. The clock runs from opening the input to the last result; starting Python and importing
  packages is not in it (the row "start" measures that) but is recorded beside it.
* Every run reports the lines it saw, and a run that saw another number than the input has counts
  as failed. A failed run counts as speed 0; it never vanishes.
* Others run with the parameters their documentation gives, in their fastest documented single
  thread form, and get what favours them: the header already cut off, no variables asked for.
"""
