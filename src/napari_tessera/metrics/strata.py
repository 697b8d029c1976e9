"""Where objects are found and where they are not: recall by size, shadow, crowding and border."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.parallel import parallel_for, slabs
from napari_tessera.metrics.bins import by_bins
from napari_tessera.metrics.measurements import channels_of, measurements
from napari_tessera.metrics.overlap import added
from napari_tessera.metrics.score import score
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Image,
    Labels,
    Length,
    Report,
    Spacing,
    Table,
    VoxelSize,
    Word,
)

By = Literal["size", "brightness", "crowding", "border"]


@checked
def strata(
    truth: Labels,
    prediction: Labels,
    image: Image | None = None,
    *,
    by: By = "size",
    bins: Annotated[int, Word(low=1, high=100)] = 4,
    iou: Annotated[float, Word(low=0.01, high=1)] = 0.5,
    tolerance: Length = "2 px",
    spacing: Spacing = None,
    report: Report = None,
) -> Table:
    """Tell how well true objects are found by their size, brightness, crowding or place.

    Parameters
    ----------
    truth : ndarray of int, shape (..., Y, X)
        The true objects, a plane or a volume; 0 = background.
    prediction : ndarray of int, shape (..., Y, X)
        The predicted objects; their ids need not be those of the truth.
    image : ndarray, shape (..., Y, X), optional
        Intensities, needed for "brightness"; NaN and infinity are left out, and objects of nothing
        else are left out too.
    by : {"size", "brightness", "crowding", "border"}
        "size": area or volume; "brightness": the mean intensity inside, low in the shade;
        "crowding": how many other true objects touch it by an edge (in volumes: a face); "border":
        how far its box is from the border of the image, 0 where it touches it.
    bins : int
        How many groups of about equally many objects, 1 to 100. Objects of one value stay together.
    iou : float
        Intersection over union from which a predicted object is the partner of a true one.
    tolerance : float or str
        How far boundaries may be apart and still agree, in units of `spacing`, or as "2 px".
    spacing : sequence of float, optional
        Pixel size along each axis, the unit of sizes and distances.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict of ndarray
        One row per group, lowest values first: index; from and to, the least and greatest value;
        objects, how many; recall, the share with a partner; iou, the mean of those with a partner;
        boundary within tolerance, the mean share of a true boundary near which there is predicted
        boundary; boundary distance, the mean distance to it. No rows if there is no true object.

    References
    ----------
    J. C. Caicedo et al., "Evaluation of deep learning strategies for nucleus segmentation in
    fluorescence images", Cytometry A 95(9), 2019.

    Examples
    --------
    >>> truth = np.array([[1, 1, 1, 0, 2, 0, 3]])
    >>> table = strata(truth, np.array([[1, 1, 1, 0, 0, 0, 3]]), by="size")
    >>> table["to"].tolist(), table["objects"].tolist(), table["recall"].tolist()
    ([1.0, 3.0], [2, 1], [0.5, 1.0])
    """
    if by == "brightness" and image is None:
        raise ValueError("image is None, but by is 'brightness'; pass the image of the objects")
    reporter, voxel = Reporter.of(report), VoxelSize.of(spacing, truth.ndim)
    objects = score(
        truth,
        prediction,
        iou=iou,
        tolerance=tolerance,
        spacing=voxel,
        report=reporter.part(0, 2),
    ).objects
    return grouped(
        objects, truth, image, by=by, bins=bins, spacing=voxel, report=reporter.part(1, 2)
    )


def grouped(
    objects: Table,
    truth: Any,
    image: Any = None,
    *,
    by: By = "size",
    bins: int = 4,
    spacing: VoxelSize,
    report: Report = None,
) -> Table:
    """Sort the true objects of a score into groups, and say how well each group was found.

    Parameters
    ----------
    objects : dict of ndarray
        The table of true objects that `score` gives.
    truth, image, by, bins, report
        As for `strata`; of stacks of planes or volumes too, also lazily read ones.
    spacing : VoxelSize
        Of one plane or volume.

    Returns
    -------
    dict of ndarray
        As `strata` does.

    Raises
    ------
    ValueError
        If `truth` has other objects than those that were scored.

    Examples
    --------
    >>> truth = np.array([[[1, 1, 1, 0, 2]], [[0, 5, 5, 5, 5]]])
    >>> objects = score(truth, truth, over="planes").objects
    >>> table = grouped(objects, truth, by="border", bins=2, spacing=VoxelSize((1, 1)))
    >>> table["objects"].tolist(), table["recall"].tolist()
    ([3], [1.0])
    """
    if by == "size":
        return by_bins(objects, objects["pixels"] * np.prod(spacing), bins)
    reporter = Reporter.of(report)
    lead = truth.shape[: truth.ndim - len(spacing)]
    frames = objects.get("frame", np.zeros(len(objects["index"]), int))
    count, values = int(np.prod(lead, dtype=int)), np.empty(len(frames))
    for number, place in enumerate(np.ndindex(lead)):
        own = frames == number
        part = None if image is None or by != "brightness" else np.asarray(image[place])
        last = reporter.part(number, count)
        ids = objects["index"][own]
        values[own] = _values(np.asarray(truth[place]), part, ids, by, spacing, last)
    return by_bins(objects, values, bins)


def _values(
    truth: Array, image: Array | None, ids: Array, by: By, voxel: VoxelSize, report: Reporter
) -> Array:
    """Return what the objects of one plane or volume are sorted by."""
    table = measurements(truth, channels_of(image, None), voxel, report=report)
    if not np.array_equal(table["index"], ids):
        raise ValueError(
            f"truth has {len(table['index'])} objects that are not the {len(ids)} that were "
            "compared; compare again"
        )
    return crowding(truth, ids) if by == "crowding" else _measured(table, truth.shape, voxel)


def _measured(table: Table, shape: tuple[int, ...], voxel: VoxelSize) -> Array:
    """Return the mean brightness, if it was measured, or the distance to the border."""
    if "mean" in table:
        return table["mean"]
    gaps = [
        np.minimum(table[f"{name} min"], size - 1 - table[f"{name} max"]) * step
        for name, size, step in zip("zyx"[-len(shape) :], shape, voxel, strict=True)
    ]
    return np.asarray(np.min(gaps, axis=0))


def crowding(labels: Array, ids: Array, report: Reporter | None = None) -> Array:
    """Return how many other objects touch each object by an edge or a face.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
    ids : ndarray of int
        The objects, rising.
    report : Reporter, optional

    Examples
    --------
    >>> crowding(np.array([[1, 1, 2, 0, 3], [1, 4, 4, 0, 3]]), np.array([1, 2, 3, 4]))
    array([2, 2, 0, 2])
    """
    from napari_tessera.algorithms.labels.contacts import count_contacts

    volume = labels if labels.ndim == 3 else labels[:, None]

    def count(slab: tuple[int, int]) -> Array:
        # one plane more: contacts across the seam; those within it are counted twice, which is
        # the same where only their being there counts
        part = volume[slab[0] : slab[1] + 1]
        return np.asarray(count_contacts(np.ascontiguousarray(part, np.int64)))

    parts = parallel_for(count, slabs(len(volume), volume[0].size), Reporter.of(report))
    pairs = added(np.concatenate(parts))[:, :2]
    return np.bincount(np.searchsorted(ids, pairs.reshape(-1)), minlength=ids.size)
