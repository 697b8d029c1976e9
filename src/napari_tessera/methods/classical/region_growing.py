"""Seeded region growing: regions take the most similar pixel at their border, one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.filters.colour import (
    ColourSpace,
    features,
    points_within,
    smooth_points,
)
from napari_tessera.algorithms.filters.gaussian import WIDE
from napari_tessera.algorithms.filters.smoothing import both
from napari_tessera.algorithms.growth.windows import reaches_out, windows
from napari_tessera.algorithms.halo_tiles import Box, extent
from napari_tessera.algorithms.labels.components import Connectivity
from napari_tessera.algorithms.labels.ids import renumbered, smallest_dtype
from napari_tessera.algorithms.labels.numbering import numbered
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import most_pixels, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    ChannelAxis,
    Image,
    Length,
    Markers,
    Mask,
    Objects,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.growth.similar import GrowthRule

_ADVANCED = "Advanced"


@checked
def region_growing(
    image: Image,
    *,
    markers: Markers,
    partition: bool = False,
    tolerance: Annotated[float | None, Word(low=0, when=("partition", (False,)))] = None,
    compare: Literal["region", "seed"] = "region",
    smoothing: Length = "1 px",
    colour_space: ColourSpace = "as is",
    connectivity: Connectivity = "faces",
    max_diameter: Annotated[Length, Word("length", low=0, section=_ADVANCED)] = "0 px",
    fill_holes: Annotated[bool, Word(section=_ADVANCED)] = True,
    mask: Annotated[Mask | None, Word(section=_ADVANCED)] = None,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Grow regions from seeds over pixels of similar intensity or colour.

    At each step, of all pixels that touch a region the one most like it joins it, so that several
    regions compete for the pixels between them.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with colours or channels in `channel_axis`
        Intensities, a plane or a volume.
    markers : ndarray of int
        The seeds: Points, or painted labels, one value per region; 0 = none.
    partition : bool
        Let regions grow until they meet and every pixel belongs to one; mark the background too.
    tolerance : float, optional
        Largest difference, in grey levels or colour distance, of a pixel that joins (None = one
        standard deviation of the image).
    compare : {"region", "seed"}
        What a pixel is compared with: the mean of its region, which moves as that grows, or that of
        the seed.
    smoothing : float or str
        Standard deviation of a Gaussian applied first.
    colour_space : {"as is", "lab"}
        Compare the channels themselves, or colours as the eye does (CIE L*a*b*; RGB images only).
    connectivity : {"faces", "full"}
        "faces": neighbours share an edge (4 in a plane) or a face (6 in a volume); "full": corners
        count too (8, 26).
    max_diameter : float or str
        A region stops when it is as large as a disc or ball of this diameter; 0 = no limit.
    fill_holes : bool
        Holes in a region become part of it.
    mask : ndarray of bool, optional
        Regions stay inside it.
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        The values of the markers, grown.

    Raises
    ------
    ValueError
        If there are no seeds, or one lies where the image has no value or outside the mask.

    References
    ----------
    R. Adams and L. Bischof, "Seeded region growing", IEEE Trans. Pattern Analysis and Machine
    Intelligence 16(6), 1994.

    Examples
    --------
    >>> image = np.array([[10, 11, 12, 90, 91]])
    >>> seeds = np.array([[7, 0, 0, 0, 0]])
    >>> region_growing(image, markers=seeds, tolerance=5, smoothing=0)
    array([[7, 7, 7, 0, 0]], dtype=uint16)
    """
    from napari_tessera.algorithms.growth.similar import GrowthRule
    from napari_tessera.algorithms.morphology.holes import filled

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, markers.ndim)
    check_numbers(markers)
    colours = _Colours(image, channel_axis, colour_space, to_pixels(smoothing, voxel))
    if partition:
        tolerance = math.inf
    elif tolerance is None:
        points, _ = colours.whole
        tolerance = _deviation([points.reshape(-1, points.shape[-1])])
    largest = most_pixels(max_diameter, voxel, name="max_diameter")
    steps = 1 if connectivity == "faces" else markers.ndim
    rule = GrowthRule(tolerance, largest, steps, moving=compare == "region")
    whole, growth = markers.shape, _Growth(colours, markers, mask, rule)
    report(Progress(1, 10))
    for window in windows(extent(markers), whole):
        grown, ids = growth.within(window, report.part(1, 2))
        if not reaches_out(grown, window, whole):
            break
    grown = filled(grown) if fill_holes else grown
    found = renumbered(grown, ids.astype(smallest_dtype("objects", int(ids[-1]))))
    if found.shape == whole:
        return found
    result = np.zeros(whole, found.dtype)
    result[window] = found
    return result


@dataclass(frozen=True)
class _Colours:
    """The intensities of an image as points, smoothed; the whole of it only if need be.

    Attributes
    ----------
    image : ndarray
    channel_axis : int, optional
    space : {"as is", "lab"}
    width : tuple of float
        Standard deviation of the Gaussian along each axis, in pixels.
    """

    image: Array
    channel_axis: int | None
    space: ColourSpace
    width: tuple[float, ...]

    @cached_property
    def whole(self) -> tuple[Array, Array | None]:
        """All points, and where there is a value; None if everywhere."""
        return smooth_points(features(self.image, self.channel_axis, self.space), self.width)

    def within(self, window: Box) -> tuple[Array, Array | None]:
        """Return the same of a window, to the last bit."""
        if "whole" not in vars(self) and max(self.width) < WIDE:
            axis, space = self.channel_axis, self.space
            points, valid = points_within(self.image, self.width, axis, window, space)
            if valid is None:
                return points, None
        # gaps are filled by the mean of the whole
        points, valid = self.whole
        return points[window], None if valid is None else valid[window]


@dataclass(frozen=True)
class _Growth:
    """Regions that grow from markers by a rule, as far as a mask allows."""

    colours: _Colours
    markers: Array
    mask: Array | None
    rule: GrowthRule

    def within(self, window: Box, report: Reporter) -> tuple[Array, Array]:
        """Return the regions that grow in a window, numbered from 1, and the id of each number."""
        from napari_tessera.algorithms.growth.similar import grow_regions

        points, valid = self.colours.within(window)
        markers = self.markers[window]
        mask = None if self.mask is None else self.mask[window]
        check_seeds(markers, valid, mask)
        numbers, ids = consecutive_markers(markers)
        return grow_regions(points, numbers, both(mask, valid), self.rule, report), ids


def region_growing_statistics(
    pieces: Iterable[Mapping[str, Array]],
    *,
    partition: bool,
    tolerance: float | None,
    smoothing: float | str,
    colour_space: ColourSpace,
    spacing: VoxelSize,
    **_: Any,
) -> dict[str, Any]:
    """Return the automatic tolerance of all pieces together.

    Parameters
    ----------
    pieces : iterable of mapping
        The image in pieces, {"image": ...}; channels last.
    partition, tolerance, smoothing, colour_space, spacing, **_
        As for `region_growing`.
    """
    if partition or tolerance is not None:
        return {}
    width = to_pixels(smoothing, spacing)

    def prepared() -> Iterable[Array]:
        for piece in pieces:
            axis = -1 if piece["image"].ndim > len(spacing) else None
            points, _ = smooth_points(features(piece["image"], axis, colour_space), width)
            yield points.reshape(-1, points.shape[-1])

    return {"tolerance": _deviation(prepared())}


def check_seeds(markers: Array, valid: Array | None, mask: Array | None) -> None:
    """Raise an error unless all seeds are where something can grow.

    Parameters
    ----------
    markers : ndarray of int
    valid : ndarray of bool, optional
        Where the image has a value; None = everywhere.
    mask : ndarray of bool, optional
        Where regions may be; None = everywhere.
    """
    if valid is not None and np.any(markers[~valid]):
        count = np.count_nonzero(markers[~valid])
        raise ValueError(
            f"markers has {count} pixels where image has no value (NaN or infinity); move them"
        )
    if mask is not None and not np.any(markers[mask.astype(bool)]):
        raise ValueError("markers has no seeds inside mask; place them there, or choose no mask")


def check_numbers(markers: Array) -> None:
    """Raise an error unless there are seeds, numbered from 1 as 32 bits hold them."""
    # along the rows: whole planes are read as they lie
    low, high = int(markers.min(axis=-1).min()), int(markers.max(axis=-1).max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise ValueError(f"markers has values from {low} to {high}; use 0 to 2 147 483 647")
    if not high:
        raise ValueError("markers has no seeds; add points, or paint some labels, and run again")


def consecutive_markers(markers: Array) -> tuple[Array, Array]:
    """Return markers with their ids replaced by 1, 2, 3, ..., and the id of each number from 0.

    The numbers are signed, in the smallest type that holds them.
    """
    numbers, ids = numbered(markers)
    return numbers.astype(np.min_scalar_type(-ids.size - 1)), ids


def _deviation(pieces: Iterable[Array]) -> float:
    """Return the standard deviation of points around their mean, in all pieces together."""
    count, total, squares = 0, np.zeros(1), 0.0
    for points in pieces:
        count += len(points)
        total = total + points.sum(axis=0, dtype=np.float64)
        squares += float(np.einsum("ij,ij->", points, points, dtype=np.float64))
    return math.sqrt(max(squares / count - float(((total / count) ** 2).sum()), 0.0))
