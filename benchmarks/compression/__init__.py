"""The compression suite: `python -m benchmarks.compression`, a part of `make bench`.

Ratio: every compressor on every real log of the mirror that is 1 MB or more, its decompressed bytes
compared with the original's, CPU time and memory taken both ways. Speed: on logs scaled to a few
hundred megabytes, beside zstd in the same rounds.

Principles beside those of `benchmarks`:

* A compressor is given the whole log as one file, with the strongest or the fastest settings of its
  documentation, whichever its row says, and one thread.
* Ratio is raw bytes over all bytes it needs to give them back. A compressor whose bytes come back
  different is listed with its ratio struck out, and counts for nothing.
* Others run once and their records are kept (CPU seconds of a run of many seconds hardly vary, and
  zpaq takes minutes); ours run anew every time. `--fresh` runs all.
* What is not installed has a row that says so.

What is where: `logs` finds the logs, `compressors` lists who takes part, `codecs` and `jobs` are
how they are called, `rows` has the targets, `report` writes JSON, CSV and Markdown.
"""
