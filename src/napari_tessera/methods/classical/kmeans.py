"""Group pixels by intensity or colour: k-means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.filters.colour import ColourSpace, features, smooth_points
from napari_tessera.algorithms.filters.smoothing import both
from napari_tessera.algorithms.parallel import parallel_for, slabs
from napari_tessera.algorithms.scrambled import ALL, scrambled
from napari_tessera.signature.parts import PartOfWhole, passed
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Centres,
    ChannelAxis,
    Classes,
    Image,
    Length,
    Mask,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

Background = Literal["darkest", "brightest", "none"]

SAMPLE = 1 << 18
"""Centres are found from all pixels of an image of up to this many, else from so many of them."""

_FEW = 1 << 13
_PIECE = 1 << 18
_BEGINNINGS = 8
_MOST = 32  # clusters
_ADVANCED = "Advanced"


@checked
def kmeans(
    image: Image,
    *,
    clusters: Annotated[int, Word(low=2, high=_MOST)] = 3,
    colour_space: ColourSpace = "as is",
    smoothing: Length = "0 px",
    position_weight: Annotated[float, Word(low=0)] = 0.0,
    background: Background = "darkest",
    mask: Mask | None = None,
    seed: Annotated[int, Word(low=0, section=_ADVANCED)] = 0,
    centres: Centres | None = None,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Classes:
    """Group pixels of similar intensity or colour into clusters.

    Every pixel joins the nearest of several centres, and each centre moves to the mean of its
    pixels, until nothing changes. Centres begin with k-means++; of eight beginnings the best is
    taken. Clusters are numbered by brightness, so that runs agree.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with colours or channels in `channel_axis`
        Intensities, a plane or a volume. Of more than 262 144 pixels, a random sample of so many
        finds the centres.
    clusters : int
        How many groups.
    colour_space : {"as is", "lab"}
        Compare the channels themselves, or colours as the eye does (CIE L*a*b*; RGB images only).
    smoothing : float or str
        Standard deviation of a Gaussian applied first.
    position_weight : float
        0 groups by intensity alone; larger values make compact regions: to be as far apart as the
        image's longest side counts as much as to differ by this intensity.
    background : {"darkest", "brightest", "none"}
        The cluster that becomes 0; the others are numbered away from it. "none": all are numbered,
        from 1, dark to bright.
    mask : ndarray of bool, optional
        Only pixels inside are grouped; the others are 0.
    seed : int
        Of the random numbers; the same seed gives the same clusters.
    centres : tuple of tuple of float, optional
        One row per cluster, from an earlier run, instead of finding them: a value per channel (in
        Lab if so chosen), then, with a `position_weight`, the place along each axis as a share of
        the longest side, times that weight.
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint8
        0, 1, 2, ... from dark to bright (see `background`); pixels without a value are 0.

    Raises
    ------
    NothingToSeparate
        If the image has fewer different values than there are clusters.

    References
    ----------
    S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28(2), 1982.
    D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

    Examples
    --------
    >>> image = np.array([[10, 12, 200], [100, 11, 210], [98, 102, 201]], dtype=np.uint8)
    >>> kmeans(image, clusters=3)
    array([[0, 0, 2],
           [1, 0, 2],
           [1, 1, 2]], dtype=uint8)
    """
    report, voxel = (
        Reporter.of(report),
        VoxelSize.of(spacing, image.ndim - (channel_axis is not None)),
    )
    points, valid = _points(image, smoothing, colour_space, channel_axis, voxel)
    inside = both(mask, valid)
    report(Progress(1, 3))
    places = _Places(passed(points.shape[:-1]), position_weight, voxel)
    if centres is None:
        sample = _Sample(seed)
        sample.add(points, inside, places)
        centres = _centres(sample.rows(), clusters, seed, report.part(1, 3))
    rows = np.array(centres, np.float32)
    columns = points.shape[-1] + (len(voxel) if position_weight else 0)
    if rows.shape[1] != columns or not 2 <= len(rows) <= _MOST:
        raise ValueError(
            f"centres has shape {rows.shape}; pass 2 to {_MOST} rows of {columns} numbers, one per "
            "channel and, with position_weight, one per axis"
        )
    brightness = rows[:, 0] if colour_space == "lab" else rows[:, : points.shape[-1]].mean(axis=1)
    rows = rows[np.argsort(brightness, kind="stable")]
    result = _assign(points, rows, places, report.part(2, 3))
    result = _numbered(result, len(rows), background)
    if inside is not None:
        result[~inside] = 0
    return result


def kmeans_statistics(
    pieces: Iterable[Mapping[str, Array]],
    *,
    clusters: int,
    colour_space: ColourSpace,
    smoothing: float | str,
    position_weight: float,
    seed: int,
    centres: Any,
    spacing: VoxelSize,
    channel_axis: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Return the centres found in all pieces together.

    Parameters
    ----------
    pieces : iterable of mapping
        The image (and mask) in pieces, {"image": ..., "mask": ..., "part": ...}; channels last.
        Of a part of a plane or volume, the colours of the core count; the rest lies around it.
    clusters, colour_space, smoothing, position_weight, seed, centres, spacing, channel_axis, **_
        As for `kmeans`.
    """
    if centres is not None:
        return {}
    sample, planes = _Sample(seed), 0
    nothing: NothingToSeparate | None = None
    for piece in pieces:
        image, mask = piece["image"], piece.get("mask")
        axis = -1 if image.ndim > len(spacing) else channel_axis
        part: Any = piece.get("part") or passed(image.shape, axis)
        planes += not any(each.start for each in part.core)
        try:
            points, valid = _points(image, smoothing, colour_space, axis, spacing)
        except NothingToSeparate as reason:  # other pieces have values
            nothing = reason
            continue
        inside, core = both(mask, valid), part.inner
        inside = None if inside is None else inside[core]
        places = _Places(replace(part, seen=part.core), position_weight, spacing)
        sample.add(points[core], inside, places, planes - 1)
    if nothing is not None and not sample:
        raise nothing
    return {"centres": _centres(sample.rows(), clusters, seed, Reporter())}


@dataclass(frozen=True)
class _Places:
    """Where the pixels of a part lie in the whole plane or volume.

    Attributes
    ----------
    part : PartOfWhole
    weight : float
        Of the places beside the intensities.
    voxel : VoxelSize
    """

    part: PartOfWhole
    weight: float
    voxel: VoxelSize

    def shares(self, flat: Array) -> Array:
        """Return places by flat index, as shares of the longest side, times their weight."""
        longest = (np.array(self.part.whole) * self.voxel).max()
        return np.asarray(self._of(flat) * (self.weight * np.array(self.voxel) / longest))

    def flat(self, flat: Array) -> Array:
        """Return the index in the flat whole."""
        if self.part.is_all:
            return flat
        return np.asarray(np.ravel_multi_index(tuple(self._of(flat).T), self.part.whole))

    def _of(self, flat: Array) -> Array:
        shape = tuple(each.stop - each.start for each in self.part.seen)
        own = np.stack(np.unravel_index(flat, shape), axis=1)
        return np.asarray(own + np.array(self.part.start))


class _Sample:
    """So many pixels of an image in pieces, each with the same chance, and never many more of them.

    Each pixel has a random number that depends on its place alone, and those of the lowest numbers
    are kept: they are the same into whatever pieces an image is cut.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # of each pixel: its random number, which plane or volume and which pixel of it, its values
        self._kept: list[tuple[Array, Array, Array]] = []
        self._highest = np.uint64(ALL)

    def __bool__(self) -> bool:
        """Return whether there is any pixel."""
        return any(len(kept) for kept, _, _ in self._kept)

    def add(self, points: Array, inside: Array | None, places: _Places, number: int = 0) -> None:
        """Take the pixels of a piece of the plane or volume of a number."""
        first = number * math.prod(places.part.whole)
        pixels = points.reshape(-1, points.shape[-1])
        there = None if inside is None else inside.reshape(-1)
        for start, stop in slabs(len(pixels), 1, pixels=_PIECE):
            own = np.arange(start, stop)
            own = own if there is None else own[there[start:stop]]
            where = places.flat(own) + first
            drawn = scrambled(where, self._seed)
            low = drawn <= self._highest
            values = pixels[own[low]].astype(np.float64)
            if places.weight:
                values = np.hstack([values, places.shares(own[low])])
            self._kept.append((drawn[low], where[low], values))
            if sum(len(kept) for kept, _, _ in self._kept) > 2 * SAMPLE:
                self._drop()

    def _drop(self) -> None:
        drawn, where, values = map(np.concatenate, zip(*self._kept, strict=True))
        if len(drawn) > SAMPLE:
            self._highest = np.partition(drawn, SAMPLE - 1)[SAMPLE - 1]
        low = drawn <= self._highest
        self._kept = [(drawn[low], where[low], values[low])]

    def rows(self) -> Array:
        """Return a row for each pixel that was chosen, as a scan meets them."""
        self._drop()
        _, where, values = self._kept[0]
        return np.asarray(values[np.argsort(where)])


def _points(
    image: Array,
    smoothing: float | str,
    space: ColourSpace,
    channel_axis: int | None,
    voxel: VoxelSize,
) -> tuple[Array, Array | None]:
    """Return one point per pixel, channels last, and where all channels have a value."""
    points = features(image, channel_axis, space)
    return smooth_points(points, to_pixels(smoothing, voxel))


def _some(values: Array, count: int, rng: np.random.Generator) -> Array:
    """Return all rows, or so many of them at random, in their order."""
    if len(values) <= count:
        return values
    return np.asarray(values[np.sort(rng.choice(len(values), count, replace=False))])


def _centres(
    values: Array, clusters: int, seed: int, report: Reporter
) -> tuple[tuple[float, ...], ...]:
    """Return the best centres of several beginnings, first tried on fewer values."""
    from napari_tessera.algorithms.filters.kmeans import lloyd

    rng = np.random.default_rng(seed)
    few = _some(values, _FEW, rng)
    tries = [lloyd(few, _begin(few, clusters, rng), report) for _ in range(_BEGINNINGS)]
    best, _ = min(tries, key=lambda found: found[1])
    best, _ = lloyd(values, best, report)
    return tuple(tuple(map(float, row)) for row in best)


def _begin(values: Array, clusters: int, rng: np.random.Generator) -> Array:
    """Choose centres far from one another: each with a chance that grows with its distance."""
    chosen = [values[rng.integers(len(values))]] if len(values) else []
    distance = np.full(len(values), np.inf)
    while len(chosen) < clusters:
        if chosen:
            distance = np.minimum(distance, ((values - chosen[-1]) ** 2).sum(axis=1))
        total = distance.sum() if chosen else 0.0
        if total == 0:
            raise NothingToSeparate(
                f"clusters is {clusters}, but image has only {len(chosen)} different values; ask "
                "for fewer"
            )
        chosen.append(values[np.searchsorted(np.cumsum(distance), rng.random() * total)])
    return np.array(chosen)


def _assign(points: Array, centres: Array, places: _Places, report: Reporter) -> Array:
    """Return for each pixel the number of its nearest centre, on all cores."""
    from napari_tessera.algorithms.filters.kmeans import nearest_centre

    shape = points.shape[:-1]
    flat = points.reshape(-1, points.shape[-1])
    result = np.empty(len(flat), np.uint8)

    def fill(piece: tuple[int, int]) -> None:
        start, stop = piece
        values = np.ascontiguousarray(flat[start:stop], np.float32)
        if places.weight:
            shares = places.shares(np.arange(start, stop)).astype(np.float32)
            values = np.hstack([values, shares])
        nearest_centre(values, centres, result[start:stop])

    parallel_for(fill, slabs(len(flat), 1, pixels=_PIECE), report)
    return result.reshape(shape)


def _numbered(result: Array, clusters: int, background: Background) -> Array:
    """Number clusters, which are in order of brightness, away from the background."""
    if background == "none":
        return np.asarray(result + np.uint8(1))
    return result if background == "darkest" else np.asarray(np.uint8(clusters - 1) - result)
