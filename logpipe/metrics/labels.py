"""Labels: what a metric is given for every row, turned into integer codes.

A *label* is the template text of a row (``str``, or ``bytes`` decoded as UTF-8 with
``surrogateescape``) or an integer group id. A metric takes two columns of labels, the truth and the
prediction, in whatever form the caller has them: a list, a numpy array, an Arrow array (plain,
chunked or dictionary), or `Coded`. All of them become one int32 code per row and one value per
distinct label, so that everything after this file works on small integers.

Why codes and not strings: a log of 16 million rows has a few thousand distinct templates. Each
distinct text is hashed, compared, normalised and measured once, and the rest is counting.

A label can be *null*: ``None``, ``NaN``, a pandas ``NA`` or an Arrow null; in `Coded`, a negative
code. The texts ``"null"``, ``"NA"``, ``"None"`` and ``""`` are ordinary labels (see
`logpipe.metrics.as_pandas_reads` for those who need the published evaluator's reading of
them).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, SupportsIndex, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from logpipe.errors import LogpipeError

Label: TypeAlias = str | int
"""A distinct label: template text, or an integer group id."""

_DENSE_SPAN = 1 << 27  # ids within this span are renumbered through a table rather than by sorting
_STRING_CHUNK = 1 << 16  # rows of a numpy string array turned into Python strings at a time


class LabelError(LogpipeError, TypeError):
    """A label is neither text nor an integer, or a column mixes the two."""


class LengthMismatch(LogpipeError, ValueError):
    """Truth and prediction do not have one label for each row."""


class NothingToScore(LogpipeError, ValueError):
    """There is no row with a truth, so no ratio is defined."""


class ArrowLike(Protocol):
    """What ``pyarrow.Array`` and ``pyarrow.ChunkedArray`` have and other sequences have not."""

    @property
    def null_count(self) -> int:
        """How many entries are null."""

    def __len__(self) -> int: ...

    def to_pylist(self) -> list[Any]:
        """The entries as Python objects."""


@dataclass(frozen=True, eq=False)
class Coded:
    """A column given as codes into a table of labels: an Arrow dictionary array without Arrow.

    Attributes:
        codes: Integer array of shape (rows,). ``codes[i]`` is an index into `labels`; negative
            means null.
        labels: The table. May hold unused labels (ignored), nulls, and duplicates (rows of both are
            one group, as everywhere in this package: two clusters with the same text are one).
    """

    codes: NDArray[Any]
    labels: Sequence[str | bytes | int | None]


Labels: TypeAlias = Sequence[Any] | NDArray[Any] | ArrowLike | Coded
"""A column of labels, one per row."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A column of labels as codes.

    Attributes:
        codes: int32 array of shape (rows,); an index into `values`, or -1 for null.
        values: The distinct labels; all ``str`` or all ``int``. A value may be unused when the
            input was `Coded` or an Arrow dictionary.
    """

    codes: NDArray[np.int32]
    values: tuple[Label, ...]


class _Index(dict[object, int]):
    """Label -> code, assigning the next code to a label not seen before.

    Looking up through ``__missing__`` costs one dictionary probe for every row that is a
    repetition, which is nearly every row.
    """

    def __init__(self, side: str) -> None:
        super().__init__()
        self.side = side
        self.values_: list[Label] = []

    def __missing__(self, key: object) -> int:
        if isinstance(key, bytes):
            code = self[key.decode("utf-8", "surrogateescape")]
        elif isinstance(key, str):
            code = self._new(str(key))
        elif key is None or type(key).__name__ == "NAType":
            code = -1
        elif isinstance(key, float | np.floating):
            if key == key:
                raise LabelError(
                    f"{self.side}: the label {key!r} is a float; expected template text or integer "
                    "group ids. Ids that pandas turned into floats because some are missing: "
                    "convert them to a nullable integer type, or put None where one is missing."
                )
            return -1  # not stored: every NaN object is a key of its own
        else:
            try:
                value = operator.index(cast(SupportsIndex, key))
            except TypeError:
                raise LabelError(
                    f"{self.side}: the label {key!r} is a {type(key).__name__}; "
                    "expected str, bytes, int or None"
                ) from None
            code = self._new(value)
        self[key] = code
        return code

    def _new(self, value: Label) -> int:
        if self.values_ and isinstance(value, str) is not isinstance(self.values_[0], str):
            raise LabelError(
                f"{self.side}: text and integers are mixed ({self.values_[0]!r} and {value!r}); "
                "a column is all template text or all group ids"
            )
        self.values_.append(value)
        return len(self.values_) - 1


def encode(labels: Labels | Iterable[Any], side: str = "labels") -> Encoded:
    """Turns a column of labels into codes.

    Args:
        labels: The column. Integer arrays are group ids, whatever their sign; only `Coded` gives
            negative integers a meaning.
        side: What to call the column in an error message.

    Raises:
        LabelError: A label is of another type, text and integers are mixed, or the array is not
            one-dimensional.

    >>> encoded = encode(["a <*>", "b", None, b"a <*>"])
    >>> encoded.codes.tolist(), encoded.values
    ([0, 1, -1, 0], ('a <*>', 'b'))
    >>> encode(Coded(np.array([2, 0, -1]), ["x", "y", "x"])).codes.tolist()
    [0, 0, -1]
    """
    if isinstance(labels, Coded):
        return _encode_coded(labels, side)
    if isinstance(labels, str | bytes):
        raise LabelError(
            f"{side}: a single {type(labels).__name__} was given; expected one label for each row"
        )
    if type(labels).__module__.partition(".")[0] == "pyarrow":
        return _encode_arrow(labels, side)
    column: Any = labels
    if not isinstance(column, np.ndarray) and hasattr(
        column, "to_numpy"
    ):  # a pandas or polars series
        column = column.to_numpy()
    if isinstance(column, np.ndarray):
        if column.ndim != 1:
            raise LabelError(
                f"{side}: the array has shape {column.shape}; expected one label for each row"
            )
        if column.dtype.kind in "iub":
            return _encode_integers(column)
        if column.dtype.kind in "UST":
            chunks = range(0, len(column), _STRING_CHUNK)
            return _encode_objects(
                (x for i in chunks for x in column[i : i + _STRING_CHUNK].tolist()),
                len(column),
                side,
            )
    elif not hasattr(column, "__len__"):
        column = list(column)
    return _encode_objects(column, len(column), side)


def _encode_objects(column: Iterable[Any], rows: int, side: str) -> Encoded:
    index = _Index(side)
    try:
        codes = np.fromiter(map(index.__getitem__, column), dtype=np.int32, count=rows)
    except LabelError:
        raise
    except TypeError as error:
        raise LabelError(
            f"{side}: a label cannot be looked up ({error}); expected str, bytes, int or None"
        ) from error
    return Encoded(codes, tuple(index.values_))


def _encode_integers(column: NDArray[Any]) -> Encoded:
    if not len(column):
        return Encoded(np.empty(0, np.int32), ())
    low, high = int(column.min()), int(column.max())
    if high - low < min(_DENSE_SPAN, max(4 * len(column), 1 << 16)) and high < 1 << 63:
        offsets = column.astype(np.int64)
        offsets -= low
        seen = np.zeros(high - low + 1, dtype=bool)
        seen[offsets] = True
        table = np.cumsum(seen, dtype=np.int32)
        table -= 1
        return Encoded(table[offsets], tuple((np.flatnonzero(seen) + low).tolist()))
    values, codes = np.unique(column, return_inverse=True)
    return Encoded(codes.astype(np.int32), tuple(int(value) for value in values.tolist()))


def _encode_coded(column: Coded, side: str) -> Encoded:
    codes = np.asarray(column.codes)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise LabelError(
            f"{side}: the codes have shape {codes.shape} and dtype {codes.dtype}; "
            "expected one integer for each row"
        )
    if len(codes) and int(codes.max()) >= len(column.labels):
        raise LabelError(
            f"{side}: the code {int(codes.max())} is beyond the {len(column.labels)} labels given"
        )
    index = _Index(side)
    # The last entry is no label: code -1, and every other negative one clipped to it, lands there.
    table = np.fromiter([*map(index.__getitem__, column.labels), -1], dtype=np.int32)
    return Encoded(
        table[np.maximum(codes, -1) if codes.dtype.kind == "i" else codes], tuple(index.values_)
    )


def _encode_arrow(labels: object, side: str) -> Encoded:
    column: Any = labels
    index = _Index(side)
    parts: list[NDArray[np.int32]] = []
    previous: Any = None
    table = np.array([-1], dtype=np.int32)
    for chunk in column.chunks if hasattr(column, "chunks") else [column]:
        if str(chunk.type).endswith("_view"):
            chunk = chunk.cast("large_string" if "string" in str(chunk.type) else "large_binary")
        if not hasattr(chunk, "dictionary"):
            chunk = chunk.dictionary_encode()
        if previous is None or not chunk.dictionary.equals(previous):
            previous = chunk.dictionary
            # A final -1: a chunk of nulls only has an empty dictionary, and needs an entry to hit.
            table = np.fromiter([*map(index.__getitem__, previous.to_pylist()), -1], dtype=np.int32)
        indices = chunk.indices
        if indices.null_count:
            codes = table[indices.fill_null(0).to_numpy(zero_copy_only=False)]
            codes[indices.is_null().to_numpy(zero_copy_only=False)] = -1
        else:
            codes = table[indices.to_numpy(zero_copy_only=False)]
        parts.append(codes)
    return Encoded(np.concatenate(parts) if parts else np.empty(0, np.int32), tuple(index.values_))
