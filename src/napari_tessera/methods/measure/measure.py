"""Measure objects: size, position, shape and intensity, in physical units."""

from __future__ import annotations

from typing import Any

from napari_tessera.metrics.measurements import COLUMNS, Gathered, channels_of, measurements
from napari_tessera.signature.arrays import check_ids
from napari_tessera.signature.docstrings import told_of
from napari_tessera.signature.parts import passed
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    ChannelAxis,
    Image,
    Labels,
    Report,
    Spacing,
    Table,
    VoxelSize,
)


@checked
@told_of(COLUMNS=COLUMNS)
def measure(
    labels: Labels,
    image: Image | None = None,
    *,
    convex: bool = False,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Table:
    """Measure every object: size, position, shape and intensity, in physical units.

    Each label is one object, even if it has several parts.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects, a plane or a volume; 0 = background.
    image : ndarray, shape (..., Y, X), optional
        Intensities to measure in each object; NaN and infinity are left out.
    convex : bool
        Also measure the convex hull: solidity and largest diameter. Takes longer in volumes.
    channel_axis : int, optional
        The axis of `image` that holds channels; each is measured on its own.
    spacing : sequence of float, optional
        Pixel size along each axis, the unit of lengths, areas and volumes.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    dict of ndarray
        One row per label, rising. Where pixels have a size, its unit is part of the name:
        "area (um^2)". The columns:

        COLUMNS

    Raises
    ------
    ValueError
        If a label is negative, or `image` has another shape.

    References
    ----------
    G. Lehmann and D. Legland, "Efficient N-dimensional surface estimation using Crofton formula
    and run-length encoding", Insight Journal, 2012. D. Legland, K. Kieu and M.-F. Devaux,
    "Computation of Minkowski measures on 2D and 3D binary images", Image Analysis and Stereology
    26(2), 2007. T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample
    variance", The American Statistician 37(3), 1983.

    Examples
    --------
    >>> table = measure(np.array([[1, 1, 0], [0, 0, 2]]), spacing=VoxelSize((2, 0.5), "um"))
    >>> table["index"], table["area (um^2)"], table["x (um)"]
    (array([1, 2]), array([2., 1.]), array([0.25, 1.  ]))
    """
    check_ids(labels)
    return measurements(
        labels,
        channels_of(image, channel_axis),
        VoxelSize.of(spacing, labels.ndim),
        convex=convex,
        report=report,
    )


def measured_pieces(
    labels: Array,
    image: Array | None = None,
    *,
    channel_axis: int | None = None,
    **_: Any,
) -> tuple[None, Gathered]:
    """Return the sums over the pieces of objects in the core of a part.

    Parameters
    ----------
    labels, image, channel_axis, **_
        As for `measure`, of what is seen of the part.
    """
    check_ids(labels)
    channels = channels_of(image, channel_axis)
    return None, Gathered.of_part(labels, channels, passed(labels.shape))


def measured_objects(
    objects: Gathered, shape: tuple[int, ...], *, spacing: VoxelSize, **_: Any
) -> Table:
    """Return the table of objects from the sums over all their pieces.

    Parameters
    ----------
    objects : Gathered
        All of a plane or volume.
    shape : tuple of int
        Of the plane or volume.
    spacing, **_
        As for `measure`.
    """
    return objects.forms(shape, spacing) | objects.intensities()
