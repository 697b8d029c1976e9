"""Marker-controlled watershed: split touching objects along the valleys between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.child_process import stoppable
from napari_tessera.algorithms.filters.smoothing import Prefilter, both, fill_gaps, prepare
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.parallel import map_slabs
from napari_tessera.methods.classical.threshold import Brightness, threshold, threshold_statistics
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.units import physical, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Fraction,
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

Landscape = Literal["distance", "intensity", "gradient"]
Seeds = Literal["distance", "h-maxima"]

_SLIGHT, _STEEP = 1e-12, 1e15
_FOREGROUND = "Foreground"
_ADVANCED = "Advanced"


@checked
def watershed(
    image: Image,
    *,
    smoothing: Length = "2 px",
    landscape: Landscape = "distance",
    objects: Brightness = "bright",
    markers: Markers | None = None,
    seeds: Seeds = "distance",
    seed_distance: Annotated[
        Length, Word("length", low=0, when=("seeds", ("distance",)))
    ] = "10 px",
    seed_height: Annotated[
        Fraction, Word("fraction", low=0, high=1, when=("seeds", ("h-maxima",)))
    ] = 0.1,
    foreground: Annotated[Literal["otsu", "level", "all"], Word(section=_FOREGROUND)] = "otsu",
    level: Annotated[
        float | None, Word("level", when=("foreground", ("level",)), section=_FOREGROUND)
    ] = None,
    background: Annotated[Length, Word("length", low=0, section=_FOREGROUND)] = "0 px",
    mask: Annotated[Mask | None, Word(section=_FOREGROUND)] = None,
    prefilter: Annotated[Prefilter, Word(section=_ADVANCED)] = "gaussian",
    compactness: Annotated[float, Word(low=0, section=_ADVANCED)] = 0.0,
    lines: Annotated[bool, Word(section=_ADVANCED)] = False,
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Split touching objects by flooding a landscape from markers.

    The image is smoothed, separated into foreground and background, turned into a landscape with
    one basin per object, and flooded from one marker per object; floods meet at the borders.
    Landscapes that are not whole numbers are flooded in 65 536 steps.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Intensities, a plane or a volume.
    smoothing : float or str
        Width of the filter applied first: standard deviation of the Gaussian or radius of the
        median. More smoothing gives fewer objects.
    landscape : {"distance", "intensity", "gradient"}
        What is flooded: the distance to the background (roundish objects), the intensity itself
        (objects with a bright or dark centre), or the strength of edges (objects of any shape,
        marked by hand).
    objects : {"bright", "dark"}
        Whether objects are brighter or darker than the background.
    markers : ndarray of int, optional
        One value per object where its flood begins (Points or Labels in the viewer); None = found
        automatically.
    seeds : {"distance", "h-maxima"}
        How markers are found: peaks that are highest within `seed_distance`, or peaks that
        rise by `seed_height` above their surroundings.
    seed_distance : float or str
        Smallest distance between two markers; about the radius of the smallest object.
    seed_height : float
        Smallest rise of a peak, as a share of the highest one.
    foreground : {"otsu", "level", "all"}
        Which pixels belong to objects: those that Otsu's threshold separates, those beyond `level`,
        or all of them.
    level : float, optional
        Intensity that separates foreground from background, for `foreground` "level".
    background : float or str
        Standard deviation of a wide Gaussian that is subtracted to even out the light (0 = none);
        about the width of the largest object.
    mask : ndarray of bool, optional
        Objects are kept inside it.
    prefilter : {"gaussian", "median"}
        The filter: Gaussian, or median, which keeps edges sharper and is slower.
    compactness : float
        0 follows the landscape; larger values give rounder objects of more even size.
    lines : bool
        Leave a line of background, one pixel wide, between touching objects.
    spacing : sequence of float, optional
        Pixel size along each axis; distances and smoothing respect it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        Objects 1, 2, 3, ...; with `markers`, their values.

    Raises
    ------
    NothingToSeparate
        If the image is constant or all foreground, or no marker lies in the foreground.

    References
    ----------
    F. Meyer, "Topographic distance and watershed lines", Signal Processing 38(1), 1994.
    P. Neubert and P. Protzel, "Compact watershed and preemptive SLIC", ICPR 2014 (compactness).

    Examples
    --------
    >>> image = np.zeros((5, 9))
    >>> image[1:4, 1:4] = image[1:4, 5:8] = 1
    >>> watershed(image, smoothing=0, seed_distance=2)[2]
    array([0, 1, 1, 1, 0, 2, 2, 2, 0], dtype=uint16)
    """
    from napari_tessera.algorithms.growth.flood import flood, in_steps

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, image.ndim)
    filled, valid = fill_gaps(image)
    widths = to_pixels(smoothing, voxel), to_pixels(background, voxel)
    smoothed = prepare(filled, *widths, prefilter, report.part(0, 4))
    report(Progress(1, 4))
    inside = _foreground(smoothed, foreground, level, objects, both(mask, valid))
    heights = _heights(smoothed, inside, landscape, objects, voxel, report.part(1, 4))
    del filled, smoothed  # as large as the image, and of no more use
    report(Progress(2, 4))
    if markers is None:
        if seeds == "distance":
            apart = physical(seed_distance, voxel, name="seed_distance")
            markers = _separate_peaks(heights, inside, apart, voxel)
        else:
            markers = _rising_peaks(heights, inside, seed_height, report.part(2, 4))
    elif markers.max() > np.iinfo(np.int32).max or markers.min() < 0:
        raise ValueError(
            f"markers has values from {markers.min()} to {markers.max()}; use 0 to 2 147 483 647"
        )
    elif not np.any(markers[inside] if inside is not None else markers):
        raise NothingToSeparate(
            "markers has no marker inside the foreground; place them on the objects, or set "
            "foreground to 'all'"
        )
    report(Progress(3, 4))
    # scikit-image's lines need neighbours that share a face
    steps = image.ndim if landscape == "distance" and not lines else 1
    np.negative(heights, out=heights)
    if compactness or lines:
        result = stoppable(
            "skimage.segmentation",
            "watershed",
            {"image": heights, "markers": markers, "mask": inside},
            {"connectivity": steps, "compactness": compactness, "watershed_line": lines},
            report,
        )
    else:
        # a quarter to a half of what floats take
        heights = in_steps(heights, inside)
        result = flood(heights, markers, inside, steps, report.part(3, 4))
    report(Progress(1, 1))
    del heights
    return np.asarray(result.astype(smallest_dtype("objects", int(result.max()))))


def watershed_statistics(
    pieces: Iterable[Mapping[str, Array]],
    *,
    smoothing: float | str,
    background: float | str,
    spacing: VoxelSize,
    foreground: str,
    prefilter: Prefilter,
    **_: Any,
) -> dict[str, Any]:
    """Return the parameters of `watershed` with an automatic foreground replaced by a level.

    Parameters
    ----------
    pieces : iterable of mapping
        The image (and mask) in pieces, {"image": ..., "mask": ..., "core": ...}; read twice.
    smoothing, background, spacing, foreground, prefilter, **_
        As for `watershed`.
    """
    if foreground != "otsu":
        return {}
    found = threshold_statistics(
        pieces,
        smoothing=smoothing,
        background=background,
        spacing=spacing,
        prefilter=prefilter,
        method="otsu",
        levels=None,
    )
    return {"foreground": "level", "level": found["levels"][0]}


def _foreground(
    image: Array, kind: str, level: float | None, objects: Brightness, inside: Array | None
) -> Array | None:
    """Return where objects may be; None = everywhere."""
    if kind == "all":
        return inside
    if kind == "level" and level is None:
        raise ValueError("level is missing; foreground 'level' needs an intensity")
    levels = None if level is None else (level,)
    method: Any = "otsu" if levels is None else "manual"
    return threshold(image, method=method, levels=levels, objects=objects, mask=inside) > 0


def _heights(
    image: Array,
    inside: Array | None,
    landscape: Landscape,
    objects: Brightness,
    voxel: VoxelSize,
    report: Reporter,
) -> Array:
    """Return the landscape upside down: one peak per object."""
    from napari_tessera.algorithms.geometry.distance import squared_distance

    if landscape == "distance":
        if inside is None or inside.all():
            raise NothingToSeparate(
                "landscape is 'distance', but no pixel is background to measure distances from; "
                "choose another foreground, or the landscape 'intensity' or 'gradient'"
            )
        square = squared_distance(inside, voxel, report)
        return np.sqrt(square, out=square)
    if landscape == "intensity":
        heights = image.astype(np.float32)
        return heights if objects == "bright" else -heights
    axes = [axis for axis in range(image.ndim) if image.shape[axis] > 1]
    highest = max(abs(float(image.min())), abs(float(image.max())))
    # squares of slopes that float32 cannot hold would be infinite, or 0
    usual = all(_SLIGHT <= highest / step <= _STEEP for step in voxel) or highest == 0
    own = image.astype(np.float32 if usual else np.float64)
    squares = (np.gradient(own, voxel[axis], axis=axis) ** 2 for axis in axes)
    return np.asarray(-np.sqrt(sum(squares, np.zeros_like(own))))


def _rising_peaks(heights: Array, inside: Array | None, rise: float, report: Reporter) -> Array:
    """Number the peaks that rise by a share of the whole range above what surrounds them."""
    from skimage.measure import label

    floor = heights.min() if inside is None or not inside.any() else heights[inside].min()
    above = np.maximum(heights - floor, 0)
    height = max(rise, 1e-6) * float(above.max() or 1)
    marked = stoppable("skimage.morphology", "h_maxima", {"image": above}, {"h": height}, report)
    peaks = marked.astype(bool)
    if inside is not None:
        peaks &= inside
    return np.asarray(label(peaks, connectivity=heights.ndim))


def _separate_peaks(heights: Array, inside: Array | None, apart: float, voxel: VoxelSize) -> Array:
    """Number the peaks that are highest within `apart` (a box) and no nearer to one another."""
    from scipy.spatial import cKDTree

    peaks = _peaks(heights, inside, tuple(2 * int(apart / step) + 1 for step in voxel))
    order = np.argsort(-heights[tuple(peaks.T)], kind="stable")
    peaks = peaks[order]
    tree = cKDTree(peaks * np.array(voxel))
    alive = np.ones(len(peaks), bool)
    for index, place in enumerate(tree.data):
        if alive[index]:
            near = np.array(tree.query_ball_point(place, apart))
            alive[near[near > index]] = False
    markers = np.zeros(heights.shape, smallest_dtype("objects", int(alive.sum())))
    kept = peaks[alive]
    kept = kept[np.lexsort(kept.T[::-1])]
    markers[tuple(kept.T)] = np.arange(1, len(kept) + 1)
    return markers


def _peaks(heights: Array, inside: Array | None, size: tuple[int, ...]) -> Array:
    """Return one pixel of each plateau that is highest in a box of `size`, shape (N, D)."""
    from scipy import ndimage

    box = tuple(max(3, width) for width in size)
    highest = map_slabs(
        lambda slab: ndimage.maximum_filter(slab, size=box, mode="nearest") == slab,
        heights,
        box[0] // 2,
        bool,
    )
    if inside is not None:
        highest &= inside
    plateaus, count = ndimage.label(highest, np.ones((3,) * heights.ndim))
    found = np.flatnonzero(plateaus)
    _, first = np.unique(plateaus.ravel()[found], return_index=True)
    return np.stack(np.unravel_index(found[first], heights.shape), axis=1).reshape(
        count, heights.ndim
    )
