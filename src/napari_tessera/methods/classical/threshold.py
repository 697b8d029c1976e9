"""Separate pixels by their intensity: automatic, manual, local and hysteresis thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.filters.histogram import (
    Histogram,
    histogram,
    hysteresis,
    level,
    otsu,
)
from napari_tessera.algorithms.filters.smoothing import (
    Prefilter,
    both,
    fill_gaps,
    prepare,
    smooth_image,
)
from napari_tessera.algorithms.kept_arrays import KeptArrays
from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.parallel import (
    PIECE,
    map_slabs,
    parallel_for,
    slabs,
)
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    AnyImage,
    Array,
    Classes,
    Length,
    Levels,
    Mask,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.attributes import Attributes

Brightness = Literal["bright", "dark"]

ThresholdMethod = Literal[
    "otsu",
    "li",
    "triangle",
    "yen",
    "isodata",
    "mean",
    "minimum",
    "manual",
    "hysteresis",
    "gaussian",
    "sauvola",
]

LOCAL = ("gaussian", "sauvola")
"""The methods that find a level of their own for each pixel, in a window around it."""


@checked
def threshold(
    image: AnyImage,
    *,
    method: ThresholdMethod = "otsu",
    levels: Annotated[
        Levels | None, Word("levels", when=("method", ("manual", "hysteresis")))
    ] = None,
    classes: Annotated[int, Word(low=2, high=6, when=("method", ("otsu",)))] = 2,
    window: Annotated[Length, Word("length", when=("method", LOCAL))] = "51 px",
    offset: Annotated[float, Word(when=("method", ("gaussian",)))] = 0.0,
    sensitivity: Annotated[float, Word(low=-1, high=1, when=("method", ("sauvola",)))] = 0.2,
    contrast: Annotated[float | None, Word(low=0, when=("method", ("sauvola",)))] = None,
    objects: Brightness = "bright",
    smoothing: Length = "0 px",
    background: Length = "0 px",
    mask: Mask | None = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Classes:
    """Separate bright from dark by one or several intensity levels.

    Pixels above a level are foreground (at or below it with dark `objects`). NaN and infinity are
    always background.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Intensities, a plane or a volume.
    method : str
        How the level is found: "otsu" (least variance within classes), "li" (least cross-entropy),
        "triangle" (a large background and a small foreground), "yen", "isodata", "mean", "minimum"
        (valley between two peaks), "manual" (your levels), "hysteresis" (pixels above the low level
        that are connected to one above the high level), or, level by neighbourhood, "gaussian" and
        "sauvola" (uneven light, text).
    levels : tuple of float, optional
        Intensities that separate the classes, lowest first: one or more for "manual", low and high
        for "hysteresis" (None = Otsu's level for strong pixels, and for weak ones the middle
        between it and the mean of the background).
    classes : int
        Number of classes, background included, for "otsu". Exact; with more than two classes and
        more than 2048 different intensities, the best levels of a coarser histogram, improved.
    window : float or str
        Width of the neighbourhood for "gaussian" (six standard deviations) and "sauvola" (a box).
    offset : float
        Grey levels subtracted from the local mean, for "gaussian".
    sensitivity : float
        Sauvola's k: how far the level falls below the local mean where contrast is low.
    contrast : float, optional
        Sauvola's R: the largest standard deviation expected (None = half of the range of `image`).
    objects : {"bright", "dark"}
        Whether objects are brighter or darker than the background.
    smoothing : float or str
        Standard deviation of a Gaussian applied first.
    background : float or str
        Standard deviation of a wide Gaussian that is subtracted to even out the light (0 = none);
        about the width of the largest object. Levels then count from the local background.
    mask : ndarray of bool, optional
        The level is found from pixels inside only, and everything outside is background.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint8
        0 = background, 1 = foreground; 1, 2, ... with several levels.

    Raises
    ------
    NothingToSeparate
        If an automatic level is asked of an image of one value.
    ValueError
        If the levels are missing or do not fit the method.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Systems, Man
    and Cybernetics 9(1), 1979. J. Sauvola and M. Pietikainen, "Adaptive document image
    binarization", Pattern Recognition 33(2), 2000.

    Examples
    --------
    >>> image = np.array([[10, 12, 200], [11, 190, 210]], dtype=np.uint8)
    >>> threshold(image)
    array([[0, 0, 1],
           [0, 1, 1]], dtype=uint8)
    """
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, image.ndim)
    filled, valid = fill_gaps(image)
    widths = to_pixels(smoothing, voxel), to_pixels(background, voxel)
    smoothed = prepare(filled, *widths, report=report.part(0, 2))
    report(Progress(1, 2))
    inside = both(mask, valid)
    given: dict[str, Any] = {"method": method, "levels": levels, "classes": classes}
    given |= {"contrast": contrast, "objects": objects}
    found = _find([smoothed if inside is None else smoothed[inside]], **given)
    if found["method"] in LOCAL:
        width = to_pixels(window, voxel)
        surface = _local_level(smoothed, width, found["method"], offset, sensitivity, found)
        result = _classify(smoothed, [surface], objects)
    elif found["method"] == "hysteresis":
        result = _hysteresis(_strength(smoothed, found["levels"], objects, inside))
    else:
        result = _classify(smoothed, found["levels"], objects)
    if inside is not None:
        result[~inside] = 0
    report(Progress(1, 1))
    return result


def threshold_statistics(
    pieces: Iterable[Mapping[str, Array]],
    *,
    smoothing: float | str,
    background: float | str,
    spacing: VoxelSize,
    mask: Array | None = None,
    prefilter: Prefilter = "gaussian",
    **parameters: Any,
) -> dict[str, Any]:
    """Return the parameters of `threshold` with automatic levels replaced by numbers.

    Parameters
    ----------
    pieces : iterable of mapping
        The image (and mask) in pieces, {"image": ..., "mask": ..., "core": ...}; read twice. Of the
        core, if it is given, the intensities count; the rest lies around it.
    smoothing, background, spacing, mask, **parameters
        As for `threshold`.
    prefilter : {"gaussian", "median"}
        The filter that smooths.
    """
    if parameters["method"] == "gaussian" or (parameters.get("levels") is not None):
        return {}
    widths = to_pixels(smoothing, spacing), to_pixels(background, spacing)
    return _find(_Prepared(pieces, *widths, prefilter), **parameters)


def threshold_of_prepared(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters with which `threshold` gives the same of an image that is prepared.

    Parameters
    ----------
    values : mapping
        Its complete parameters.

    Returns
    -------
    dict or None
        None if a pixel still looks at others then, or at a mask.

    Examples
    --------
    >>> threshold_of_prepared({"method": "otsu", "smoothing": "2 px", "mask": None})
    {'method': 'otsu', 'smoothing': '0 px', 'mask': None, 'background': '0 px'}
    >>> threshold_of_prepared({"method": "sauvola", "smoothing": "2 px", "mask": None})
    """
    if values["method"] in (*LOCAL, "hysteresis") or values["mask"] is not None:
        return None
    return {**values, "smoothing": "0 px", "background": "0 px"}


class _Prepared:
    """Prepared intensities inside mask and core, piece by piece, as often as they are asked for.

    What was smoothed is kept for the next time, as far as memory goes: pieces that know who works
    on them keep it themselves.
    """

    def __init__(self, pieces: Iterable[Mapping[str, Array]], *how: Any) -> None:
        self._pieces, self._prepare = pieces, _Preparing(*how)
        self._kept = KeptArrays() if self._prepare.smooths else KeptArrays(0)

    def __iter__(self) -> Any:
        return self.mapped(_itself)

    def mapped(self, function: Callable[[Array], Any]) -> Iterator[Any]:
        """Yield what a function gives for each piece that has values."""
        own = getattr(self._pieces, "mapped", None)
        if own is None:
            yield from (function(values) for values in self._each())
            return
        prepare = self._prepare
        found = own(function, prepare) if prepare.smooths else own(_Then(prepare, function))
        yield from (each for each in found if each is not None)

    def _each(self) -> Iterator[Array]:
        for number, piece in enumerate(self._pieces):
            values = self._kept.get(number)
            values = self._prepare(piece) if values is None else values
            if values is not None:
                self._kept.put(number, values)
                yield values


def _itself(values: Array) -> Array:
    return values


@dataclass(frozen=True)
class _Preparing:
    """Prepares the intensities of a piece; None = it has none."""

    smoothing: tuple[float, ...]
    background: tuple[float, ...]
    prefilter: Prefilter

    @property
    def smooths(self) -> bool:
        """Whether there is anything to do."""
        return any(self.smoothing) or any(self.background)

    def __call__(self, piece: Mapping[str, Array]) -> Array | None:
        image, mask = piece["image"], piece.get("mask")
        if image.dtype.kind == "f" and not np.isfinite(image).any():
            return None
        core = piece.get("core", ())
        filled, valid = fill_gaps(image)
        smoothed = prepare(filled, self.smoothing, self.background, self.prefilter)[core]
        inside = both(mask, valid)
        inside = None if inside is None else inside[core]
        # a copy, so that what lies around the core is let go
        return np.ascontiguousarray(smoothed) if inside is None else smoothed[inside]


@dataclass(frozen=True)
class _Then:
    """Does something with prepared intensities."""

    prepare: _Preparing
    function: Callable[[Array], Any]

    def __call__(self, piece: Mapping[str, Array]) -> Any:
        values = self.prepare(piece)
        return None if values is None else self.function(values)


def _find(
    pieces: Iterable[Array],
    *,
    method: str,
    levels: tuple[float, ...] | None,
    classes: int = 2,
    contrast: float | None = None,
    objects: str = "bright",
    **_: Any,
) -> dict[str, Any]:
    """Return method, levels and contrast with everything automatic replaced by numbers."""
    if method == "manual" and levels is None:
        raise ValueError("levels is missing; method 'manual' needs at least one, such as (100,)")
    if method == "hysteresis" and levels is not None and len(levels) != 2:
        raise ValueError(f"levels is {levels!r}; method 'hysteresis' needs two, low and high")
    if method == "gaussian" or levels is not None:
        return {"method": method, "levels": levels}
    if contrast == 0:
        raise ValueError("contrast is 0; pass a larger number, or None for half of the range")
    if method == "sauvola":
        span = contrast if contrast is not None else _half_range(histogram(pieces))
        return {"method": method, "contrast": span}
    found = histogram(pieces)
    if method == "hysteresis":
        if found.values.size < 2:
            raise NothingToSeparate("image is constant; there is nothing to separate")
        return {"method": method, "levels": hysteresis(found, objects)}
    levels = otsu(found, classes) if method == "otsu" and classes > 2 else (level(found, method),)
    return {"method": "manual", "levels": levels, "classes": 2}


def _half_range(found: Histogram) -> float:
    half = float(found.values[-1] - found.values[0]) / 2
    if half == 0:
        raise NothingToSeparate(f"image is constant (every pixel is {found.values[0]:g})")
    return half


def _classify(image: Array, levels: Any, objects: Brightness) -> Array:
    """Count for each pixel the levels that it exceeds (or, for dark objects, does not)."""
    result = np.empty(image.shape, np.uint8)
    compare = np.greater if objects == "bright" else np.less_equal

    def fill(rows: tuple[int, int]) -> None:
        part, own = image[slice(*rows)], result[slice(*rows)]
        for number, each in enumerate(levels):
            edge = each[slice(*rows)] if isinstance(each, np.ndarray) else each
            if image.dtype.kind in "ui" and np.isscalar(each):
                edge = int(np.floor(each))
            if number == 0:
                compare(part, edge, out=own.view(bool))
            else:
                own += compare(part, edge)

    parallel_for(fill, slabs(len(image), image[0].size, pixels=PIECE))
    return result


def hysteresis_pieces(
    image: Array,
    *,
    levels: tuple[float, float],
    objects: Brightness,
    smoothing: float | str,
    background: float | str,
    mask: Array | None = None,
    spacing: VoxelSize,
    report: Report = None,
    **_: Any,
) -> tuple[Array, Attributes]:
    """Return the pieces of what lies above the low level in the core of a part.

    Parameters
    ----------
    image, levels, objects, smoothing, background, mask, spacing, report, **_
        As for `threshold`, of what is seen of the part.

    Returns
    -------
    pieces : ndarray of int
    attributes : Attributes
        Marked is what lies above the high level.
    """
    from napari_tessera.algorithms.labels.attributes import pieces_in

    filled, valid = fill_gaps(image)
    widths = to_pixels(smoothing, spacing), to_pixels(background, spacing)
    smoothed = prepare(filled, *widths, report=Reporter.of(report))
    strength = _strength(smoothed, levels, objects, both(mask, valid))
    part = passed(image.shape)
    return pieces_in(np.minimum(strength, 1), part, components, marked=strength == 2)


def with_mark(pieces: Attributes, shape: tuple[int, ...], **_: Any) -> Array:
    """Return 1 for what hangs together with a marked pixel, and 0 for the rest.

    Parameters
    ----------
    pieces : Attributes
    shape : tuple of int
    **_
        The parameters of the method.
    """
    return pieces.marked.astype(np.uint8)


def _strength(
    image: Array, levels: tuple[float, ...], objects: Brightness, inside: Array | None
) -> Array:
    """Return how many levels each pixel exceeds; none outside of a mask."""
    strength = _classify(image, levels, objects)
    if inside is not None:
        strength[~inside] = 0
    return strength


def _hysteresis(strength: Array) -> Array:
    regions = components(strength > 0)
    keep = np.zeros(int(regions.max(initial=0)) + 1, np.uint8)
    keep[regions[strength == 2]] = 1
    return np.asarray(keep[regions])


def _local_level(
    image: Array,
    width: tuple[float, ...],
    method: str,
    offset: float,
    sensitivity: float,
    found: Mapping[str, Any],
) -> Array:
    from scipy import ndimage

    if method == "gaussian":
        return smooth_image(image, tuple(w / 6 for w in width)) - offset
    size = [2 * round((w - 1) / 2) + 1 for w in width]

    def surface(slab: Array) -> Array:
        values = slab.astype(np.float64)
        mean = ndimage.uniform_filter(values, size, mode="mirror")
        square = ndimage.uniform_filter(values**2, size, mode="mirror")
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        return np.asarray(mean * (1 + sensitivity * (deviation / found["contrast"] - 1)))

    return map_slabs(surface, image, size[0] // 2, np.float64)
