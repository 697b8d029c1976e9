"""Marker-controlled watershed: split touching objects along the valleys between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.child_process import stoppable
from napari_tessera.algorithms.filters.smoothing import Prefilter, both, fill_gaps, prepare
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.labels.touching import Touching
from napari_tessera.algorithms.parallel import map_slabs
from napari_tessera.methods.classical.threshold import Brightness, threshold, threshold_statistics
from napari_tessera.signature.parts import PartOfWhole, passed
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
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, image.ndim)
    filled, valid = fill_gaps(image)
    widths = to_pixels(smoothing, voxel), to_pixels(background, voxel)
    smoothed = prepare(filled, *widths, prefilter, report.part(0, 4))
    report(Progress(1, 4))
    inside = _foreground(smoothed, foreground, level, objects, both(mask, valid))
    _check(landscape, inside, markers)
    apart = physical(seed_distance, voxel, name="seed_distance")
    seeding = _Seeding(seeds, apart, seed_height, voxel)
    for window in _windows(inside, passed(image.shape), seeding.reach, landscape):
        heights = _heights(smoothed[window.box], window.near, landscape, objects, voxel, report)
        if window.complete:
            del filled, smoothed  # as large as the image, and of no more use
        report(Progress(2, 4))
        given = None if markers is None else markers[window.box]
        seen = seeding.markers(heights, window, report.part(2, 4)) if given is None else given
        if seen is not None:
            break
    report(Progress(3, 4))
    # scikit-image's lines need neighbours that share a face
    steps = image.ndim if landscape == "distance" and not lines else 1
    flooding = _Flooding(steps, compactness, lines)
    relief = flooding.relief(heights, window.own)
    del heights
    labels = flooding.labels(relief, seen, window.own, report.part(3, 4))
    report(Progress(1, 1))
    result = np.zeros(image.shape, smallest_dtype("objects", int(labels.max(initial=0))))
    result[window.box] = labels
    return result


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


def _check(landscape: Landscape, inside: Array | None, markers: Array | None) -> None:
    """Raise an error if there is nothing to flood, or nowhere to begin."""
    if landscape == "distance" and (inside is None or inside.all()):
        raise NothingToSeparate(
            "landscape is 'distance', but no pixel is background to measure distances from; "
            "choose another foreground, or the landscape 'intensity' or 'gradient'"
        )
    if markers is None:
        return
    if markers.max() > np.iinfo(np.int32).max or markers.min() < 0:
        raise ValueError(
            f"markers has values from {markers.min()} to {markers.max()}; use 0 to 2 147 483 647"
        )
    if not np.any(markers[inside] if inside is not None else markers):
        raise NothingToSeparate(
            "markers has no marker inside the foreground; place them on the objects, or set "
            "foreground to 'all'"
        )


def _windows(
    inside: Array | None, part: PartOfWhole, reach: tuple[int, ...], landscape: Landscape
) -> Iterator[Touching]:
    """Yield where to flood: what matters of a part, then all of it if that was too little.

    Objects beyond the core count only where they touch it; those near them may hold higher peaks.
    """
    if inside is None or part.is_all:
        yield Touching(tuple(slice(None) for _ in part.whole), inside, inside, complete=True)
        return
    # distances end with the components; of other landscapes, what surrounds them counts too
    more = tuple(1 if landscape == "distance" else width + 2 for width in reach)
    yield Touching.of(inside, part.compared, reach, more)
    yield Touching.among_all(inside, part.compared)


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

    if landscape == "distance" and inside is not None:
        square = squared_distance(inside, voxel, report.part(1, 4))
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


@dataclass(frozen=True)
class _Seeding:
    """Finds markers.

    Attributes
    ----------
    seeds : {"distance", "h-maxima"}
    apart : float
        Smallest distance, in the unit of `voxel`.
    rise : float
    voxel : VoxelSize
    """

    seeds: Seeds
    apart: float
    rise: float
    voxel: VoxelSize

    @property
    def reach(self) -> tuple[int, ...]:
        """How far a peak is compared with others along each axis, in pixels."""
        return tuple(max(1, int(self.apart / step)) for step in self.voxel)

    def markers(self, heights: Array, window: Touching, report: Reporter) -> Array | None:
        """Return markers for the components that touch; None if they depend on what is not near."""
        if self.seeds == "h-maxima":
            return _rising_peaks(heights, window.near, self.rise, report)
        return self._separate_peaks(heights, window)

    def _separate_peaks(self, heights: Array, window: Touching) -> Array | None:
        """Number the peaks that are highest within `apart` (a box) and no nearer to one another."""
        from scipy.spatial import cKDTree

        peaks, pixels = _peaks(heights, window.near, tuple(2 * width + 1 for width in self.reach))
        step = np.array(self.voxel)
        if window.own is not None and not window.complete:
            peaks = peaks[window.own[tuple(peaks.T)]]
            # two peaks within `apart` are equally high, and the first of all that are linked like
            # this is kept: through one of another component, that may lie anywhere
            others = pixels[~window.own[tuple(pixels.T)]]
            if len(others) and len(peaks):
                most = self.apart * (1 + 1e-9)
                nearest, _ = cKDTree(others * step).query(peaks * step, distance_upper_bound=most)
                if np.isfinite(nearest).any():
                    return None
        order = np.argsort(-heights[tuple(peaks.T)], kind="stable")
        peaks = peaks[order]
        tree = cKDTree(peaks * step)
        alive = np.ones(len(peaks), bool)
        for index, place in enumerate(tree.data):
            if alive[index]:
                near = np.array(tree.query_ball_point(place, self.apart))
                alive[near[near > index]] = False
        markers = np.zeros(heights.shape, smallest_dtype("objects", int(alive.sum())))
        kept = peaks[alive]
        kept = kept[np.lexsort(kept.T[::-1])]
        markers[tuple(kept.T)] = np.arange(1, len(kept) + 1)
        return markers


def _peaks(heights: Array, inside: Array | None, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return one pixel of each plateau that is highest in a box of `size`, and all of them."""
    from scipy import ndimage

    highest = map_slabs(
        lambda slab: ndimage.maximum_filter(slab, size=size, mode="nearest") == slab,
        heights,
        size[0] // 2,
        bool,
    )
    if inside is not None:
        highest &= inside
    plateaus, _ = ndimage.label(highest, np.ones((3,) * heights.ndim))
    found = np.flatnonzero(plateaus)
    _, first = np.unique(plateaus.ravel()[found], return_index=True)
    pixels = np.stack(np.unravel_index(found, heights.shape), axis=1)
    return pixels[first], pixels


@dataclass(frozen=True)
class _Flooding:
    """Floods a landscape.

    Attributes
    ----------
    steps : int
        1: neighbours share a face; the number of axes: corners count too.
    compactness : float
    lines : bool
    """

    steps: int
    compactness: float
    lines: bool

    @property
    def _is_plain(self) -> bool:
        return not (self.compactness or self.lines)

    def relief(self, heights: Array, inside: Array | None) -> Array:
        """Return heights, which are not needed any more, upside down as they are flooded."""
        from napari_tessera.algorithms.growth.flood import in_steps

        np.negative(heights, out=heights)
        # a quarter to a half of what floats take
        return in_steps(heights, inside) if self._is_plain else heights

    def labels(self, relief: Array, markers: Any, inside: Array | None, report: Reporter) -> Any:
        """Return the markers grown to objects."""
        from napari_tessera.algorithms.growth.flood import flood

        if not self._is_plain:
            return stoppable(
                "skimage.segmentation",
                "watershed",
                {"image": relief, "markers": markers, "mask": inside},
                {
                    "connectivity": self.steps,
                    "compactness": self.compactness,
                    "watershed_line": self.lines,
                },
                report,
            )
        return flood(relief, markers, inside, self.steps, report)
