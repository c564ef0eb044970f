"""Time and memory of scoring a big log, for each form in which the columns can be given.

Run ``python -m benchmarks.metrics_scale [ROWS] [FORM ...]``; each form is measured in a process of
its own. Two columns of labels are made first: 3,000 true templates of about 60 characters whose
frequencies follow a power law, and a prediction that splits a tenth of them and misspells another
tenth. Then `official` and all of `extended` and `slices` are computed, and CPU seconds, wall
seconds, and the process's peak memory before and after are printed; "before" is what the columns
themselves take.

Measured on two shared cores of an AMD EPYC, CPython 3.11, numpy 2.4, pyarrow 26, 16,000,000 rows.
Wall and CPU seconds of `official`, wall seconds of everything, peak memory in GB before and after:

    form                      wall   CPU    all   before  after
    codes                      1.1   1.1    1.3     0.29   0.46
    arrow-dictionary           1.4   1.3    1.9     0.29   0.50
    arrow-strings              3.8   2.1    4.7     2.43   2.66
    list-of-shared-strings     5.0   2.4    5.4     0.69   0.69
    list-of-fresh-strings     16.1   6.4   16.5     4.72   4.72

The target is 60 s and 4 GB. The last form is above 4 GB before scoring starts: 32 million Python
strings, one object for each row and side, take that much by themselves. Give codes or Arrow.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from logpipe.metrics import Coded, contingency_table, extended, official, slices

TEMPLATES = 3000


def columns(rows: int) -> tuple[Coded, Coded]:
    """The made-up truth and prediction."""
    random = np.random.default_rng(16)
    words = [f"{'<*>' if i % 5 == 0 else 'word'}{i % 97:02d}" for i in range(TEMPLATES * 9)]
    texts = [f"t{i} " + " ".join(words[i * 9 : i * 9 + 9]) for i in range(TEMPLATES)]
    weights = 1 / np.arange(1, TEMPLATES + 1) ** 1.2
    truth = random.choice(TEMPLATES, size=rows, p=weights / weights.sum()).astype(np.int32)
    guesses = [text + "x" if i % 10 == 1 else text for i, text in enumerate(texts)]
    guesses += [text + " split" for text in texts]
    predicted = truth.copy()
    predicted[(truth % 10 == 0) & (random.random(rows, dtype=np.float32) < 0.5)] += TEMPLATES
    return Coded(truth, texts), Coded(predicted, guesses)


def arrow(column: Coded, *, dictionary: bool) -> Any:
    """An Arrow array in chunks of a million rows, as a Parquet reader gives it."""
    import pyarrow as pa

    texts: Any = column.labels
    labels = pa.array(texts)
    chunks = []
    for start in range(0, len(column.codes), 1_000_000):
        codes = pa.array(column.codes[start : start + 1_000_000])
        chunk = pa.DictionaryArray.from_arrays(codes, labels)
        chunks.append(chunk if dictionary else chunk.dictionary_decode())
    return pa.chunked_array(chunks)


FORMS: dict[str, Callable[[Coded], Any]] = {
    "codes": lambda column: column,
    "arrow-dictionary": lambda column: arrow(column, dictionary=True),
    "arrow-strings": lambda column: arrow(column, dictionary=False),
    "list-of-shared-strings": lambda column: [column.labels[i] for i in column.codes.tolist()],
    "list-of-fresh-strings": lambda column: [f"{column.labels[i]} " for i in column.codes.tolist()],
}


def measure(form: str, rows: int) -> None:
    """Prints one line for one form."""
    truth, predicted = map(FORMS[form], columns(rows))
    before = peak()
    started = time.perf_counter(), time.process_time()
    table = contingency_table(truth, predicted)
    scores = official(table)
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    extended(table)
    slices(table)
    everything = time.perf_counter() - started[0]
    print(
        f"{form:24} official {wall:6.1f} s wall {cpu:6.1f} s CPU   everything {everything:6.1f} s"
        f"   peak {before:5.2f} -> {peak():5.2f} GB   pairs {len(table.pair_rows):,}"
        f"   GA {scores['GA']:.4f} FTA {scores['FTA']:.4f}"
    )


def peak() -> float:
    """Peak resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--one"]:
        measure(arguments[1], int(arguments[2]))
        return
    rows = int(arguments[0]) if arguments else 16_000_000
    for form in arguments[1:] or FORMS:
        command = [sys.executable, "-m", "benchmarks.metrics_scale", "--one", form, str(rows)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
