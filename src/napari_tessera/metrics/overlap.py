"""Which labels of two arrays lie on one another: the table that every score is read from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import groups
from napari_tessera.algorithms.parallel import in_order, slabs
from napari_tessera.signature.arrays import as_labels, check_signed, fitting
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import LABELS, Array

UNKNOWN = -1
"""What stands in blocks for pixels that nobody has annotated."""


@dataclass(frozen=True)
class Overlap:
    """The pairs of labels that share pixels; only those, so it has no more rows than needed.

    Attributes
    ----------
    frame : ndarray of int64, shape (K,)
        The plane, frame or volume; the same id in two of them stands for two objects.
    truth, prediction : ndarray of int64, shape (K,)
        Ids, background (0) too; rows are in rising order of frame, truth and prediction.
    pixels : ndarray of int64, shape (K,)
        How many both share.
    """

    frame: Array
    truth: Array
    prediction: Array
    pixels: Array

    @classmethod
    def joined(cls, tables: Sequence[Overlap]) -> Overlap:
        """Return one table of several frames, numbered as they come."""
        frame = np.repeat(np.arange(len(tables)), [table.pixels.size for table in tables])
        names = ("truth", "prediction", "pixels")
        return cls(frame, *(np.concatenate([getattr(t, name) for t in tables]) for name in names))


def overlap_table(
    truth: Any, prediction: Any, *, ignore: int | None = None, report: Reporter | None = None
) -> Overlap:
    """Count on how many pixels each pair of labels meets, block by block on all cores.

    Parameters
    ----------
    truth, prediction : array of int
        Ids of one shape, 0 = background. Anything with shape, dtype and slicing (NumPy, Dask,
        Zarr): blocks along the first axis are read one after the other, each once.
    ignore : int, optional
        The id in `truth` of pixels that do not count.
    report : Reporter, optional

    Returns
    -------
    Overlap
        Of a single frame.

    Raises
    ------
    ValueError
        If the shapes differ, an array is empty, or an id is negative.
    TypeError
        If an array does not hold whole numbers.

    Examples
    --------
    >>> table = overlap_table(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 5, 0]]))
    >>> [column.tolist() for column in (table.truth, table.prediction, table.pixels)]
    [[0, 1, 2], [5, 5, 0], [1, 2, 1]]
    """
    from napari_tessera.algorithms.labels.contacts import count_pairs

    agree(truth, prediction)
    report, done, parts = Reporter.of(report), 0, []

    def count(block: tuple[Array, ...]) -> tuple[int, Array]:
        own = with_unknown(block[0], block[1], ignore)
        return len(block[0]), count_pairs(*(array.reshape(-1) for array in own))

    for planes, part in in_order(count, blocks(truth, prediction)):
        parts.append(part)
        done += planes
        report(Progress(done, truth.shape[0]))
    rows = added(np.concatenate(parts))
    return Overlap(np.zeros(len(rows), np.int64), *rows.T)


def added(rows: Array) -> Array:
    """Return rows of two keys and a count, sorted, those of the same keys added up.

    Examples
    --------
    >>> added(np.array([[2, 1, 5], [0, 3, 1], [2, 1, 2]]))
    array([[0, 3, 1],
           [2, 1, 7]])
    """
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    first, _ = groups(rows[:, 0], rows[:, 1])
    if first.size == 0:
        return rows
    return np.column_stack([rows[first, :2], np.add.reduceat(rows[:, 2], first)])


def agree(truth: Any, prediction: Any) -> None:
    """Raise an error unless both are arrays of whole numbers on one grid."""
    for name, array in (("truth", truth), ("prediction", prediction)):
        if not hasattr(array, "dtype"):
            raise TypeError(f"{name} is {type(array).__name__}; pass an array of whole numbers")
        if np.dtype(array.dtype).kind not in "buif":
            raise TypeError(f"{name} has dtype {array.dtype}; pass an array of whole numbers")
    if tuple(truth.shape) != tuple(prediction.shape):
        raise ValueError(
            f"prediction has shape {tuple(prediction.shape)} but truth has {tuple(truth.shape)}; "
            "pass two arrays of the same grid"
        )
    if len(truth.shape) < 2 or 0 in truth.shape:
        raise ValueError(
            f"truth has shape {tuple(truth.shape)}; pass a plane (Y, X) or more, with pixels"
        )


def read_now(labels: Any, name: str) -> Any:
    """Return labels in memory as an array of whole numbers, and others as they are."""
    lazy = hasattr(labels, "dtype") and not isinstance(labels, np.ndarray)
    return labels if lazy else fitting(name, LABELS, labels)


def blocks(*arrays: Any) -> Iterator[tuple[Array, ...]]:
    """Yield the arrays in pieces along the first axis, whole chunks where they have any."""
    shape = arrays[0].shape
    rows = slabs(shape[0], math.prod(shape[1:]))[0][1]
    chunk = max(_chunk(array) for array in arrays)
    rows = -(-rows // chunk) * chunk
    for start in range(0, shape[0], rows):
        yield tuple(np.asarray(array[start : start + rows]) for array in arrays)


def _chunk(array: Any) -> int:
    """Return how long the chunks of an array are along the first axis."""
    chunks = getattr(array, "chunks", None)
    first = chunks[0] if chunks else 1
    return int(first[0] if isinstance(first, tuple) else first)


def with_unknown(truth: Array, prediction: Array, ignore: int | None = None) -> tuple[Array, Array]:
    """Return a block as signed integers of one type, `UNKNOWN` where `truth` is `ignore`."""
    truth, prediction = _signed(truth, "truth"), _signed(prediction, "prediction")
    narrow = all(np.can_cast(array.dtype, np.int32) for array in (truth, prediction))
    own, other = (
        np.ascontiguousarray(array, np.int32 if narrow else np.int64)
        for array in (truth, prediction)
    )
    known = None if ignore is None else own != ignore
    for name, array in (("truth", own), ("prediction", other)):
        lowest = array.min() if known is None else array.min(where=known, initial=0)
        if lowest < 0:
            raise ValueError(
                f"{name} has the id {lowest}; pass ids of 0 (background) or more"
                + (", or name those that do not count as ignore" if name == "truth" else "")
            )
    if known is None or known.all():
        return own, other
    return tuple(np.where(known, array, array.dtype.type(UNKNOWN)) for array in (own, other))  # type: ignore[return-value]


def _signed(labels: Array, name: str) -> Array:
    """Return whole numbers that 64 bits with a sign can hold."""
    ids = as_labels(labels, name)
    if ids.dtype == np.uint64:
        check_signed(ids, name)
    return ids


def adapted_rand_error(table: Overlap) -> float:
    """Return how badly pairs of pixels agree on being in one object, 0 (at best) to 1.

    One minus the harmonic mean of precision and recall of the pairs of pixels that share an object.
    Background of the truth does not count; background of the prediction is one object.

    Returns
    -------
    float
        If no object is true, 0 where none was found either, else 1; 0 if no object has two pixels.

    References
    ----------
    I. Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms for
    connectomics", Frontiers in Neuroanatomy 9, 2015.

    Examples
    --------
    >>> adapted_rand_error(overlap_table(np.array([[1, 1, 2, 2]]), np.array([[7, 7, 7, 7]])))
    0.5
    """
    inside = table.truth != 0
    if not inside.any():
        return 1.0 if table.prediction.any() else 0.0
    pixels = table.pixels[inside].astype(np.float64)
    keys = table.frame[inside], table.truth[inside], table.prediction[inside]
    together = pixels @ pixels - pixels.sum()
    true = _total(pixels, keys[0], keys[1])
    found = _total(pixels, keys[0], keys[2])
    pairs = (true @ true - true.sum() + found @ found - found.sum()) / 2
    return float(1 - together / pairs) if pairs > 0 else 0.0


def variation_of_information(table: Overlap) -> tuple[float, float]:
    """Return what is not known of one labelling when the other is known, in bits.

    Background counts as an object.

    Returns
    -------
    splits : float
        Entropy of the prediction given the truth: how much too finely it divides.
    merges : float
        Entropy of the truth given the prediction. Both add up to the variation of information.

    References
    ----------
    M. Meila, "Comparing clusterings: an information based distance", Journal of Multivariate
    Analysis 98(5), 2007.

    Examples
    --------
    >>> variation_of_information(overlap_table(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])))
    (1.0, 0.0)
    """
    if table.pixels.size == 0:
        return 0.0, 0.0
    share = table.pixels / table.pixels.sum()
    own, true = _entropy(share), _entropy(_total(share, table.frame, table.truth))
    found = _entropy(_total(share, table.frame, table.prediction))
    return max(own - true, 0.0), max(own - found, 0.0)


def _entropy(shares: Array) -> float:
    return float(-(shares @ np.log2(shares)))


def _total(values: Array, *keys: Array) -> Array:
    """Return the sums of values of the same keys."""
    order = np.lexsort(keys)
    first, _ = groups(*(key[order] for key in keys))
    return np.asarray(np.add.reduceat(values[order], first))
