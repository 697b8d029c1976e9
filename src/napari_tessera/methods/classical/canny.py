"""Find edges, one pixel wide, where the intensity changes fastest: Canny."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.algorithms.labels.components import components
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Classes,
    Fraction,
    Image,
    Length,
    Mask,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.labels.attributes import Attributes

Steepness = Literal["quantiles", "absolute"]

_LOW, _HIGH = 0.8, 0.9


@checked
def canny(
    image: Image,
    *,
    smoothing: Length = "2 px",
    thresholds: Steepness = "quantiles",
    low_quantile: Annotated[
        Fraction, Word("fraction", low=0, high=1, when=("thresholds", ("quantiles",)))
    ] = _LOW,
    high_quantile: Annotated[
        Fraction, Word("fraction", low=0, high=1, when=("thresholds", ("quantiles",)))
    ] = _HIGH,
    low: Annotated[float | None, Word(low=0, when=("thresholds", ("absolute",)))] = None,
    high: Annotated[float | None, Word(low=0, when=("thresholds", ("absolute",)))] = None,
    mask: Mask | None = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Classes:
    """Find edges, one pixel wide, where the intensity changes fastest.

    A pixel is an edge if the gradient of the smoothed image is steeper there than at its neighbours
    along the gradient, and at least `low` steep, and if a line of such pixels joins it to one that
    is at least `high` steep. Where two neighbours are equally steep, the brighter one is the edge.
    The outermost pixels of the image are never edges, nor those within two pixels of NaN and
    infinity.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Intensities, a plane.
    smoothing : float or str
        Standard deviation of a Gaussian applied first. More smoothing gives fewer, longer edges,
        less exactly placed.
    thresholds : {"quantiles", "absolute"}
        Whether steepness is asked for as a share of the pixels or as a number.
    low_quantile : float
        Share of the pixels that are too flat for an edge, for "quantiles".
    high_quantile : float
        Share of the pixels that are too flat to start an edge, for "quantiles".
    low : float, optional
        Steepness from which an edge goes on, for "absolute": grey levels per pixel (per finest
        pixel where pixels are not square).
    high : float, optional
        Steepness that starts an edge, for "absolute"; at least `low`.
    mask : ndarray of bool, optional
        Edges are kept inside it, and quantiles are taken there.
    spacing : sequence of float, optional
        Pixel size along each axis; smoothing, steepness and direction respect it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        1 = edge, 0 = none.

    Raises
    ------
    NothingToSeparate
        If quantiles are asked of an image of one value.
    ValueError
        If `image` is no plane, or the thresholds are missing or the wrong way round.

    References
    ----------
    J. Canny, "A computational approach to edge detection", IEEE Trans. Pattern Analysis and Machine
    Intelligence 8(6), 1986.

    Examples
    --------
    >>> image = np.repeat([[0, 0, 0, 9, 9, 9]], 4, axis=0)
    >>> canny(image, smoothing=0)
    array([[0, 0, 0, 0, 0, 0],
           [0, 0, 0, 1, 0, 0],
           [0, 0, 0, 1, 0, 0],
           [0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    from napari_tessera.algorithms.filters.gradient import Smoothed
    from napari_tessera.algorithms.filters.ridges import magnitudes, quantiles, ridges

    check_plane("image", image)
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, 2)
    levels = _wanted(thresholds, low_quantile, high_quantile, low, high)
    smoothed = Smoothed.of(image, to_pixels(smoothing, voxel), voxel, report.part(0, 3))
    inside = None if mask is None else mask.astype(bool)
    if thresholds == "quantiles":
        # the gradient is found twice, in parts: at once it takes three times the smoothed image
        levels = quantiles(magnitudes(smoothed, inside, report.part(1, 3)), levels)
    result = ridges(smoothed, levels, inside, report.part(2, 3))
    report(Progress(1, 1))
    return result


def canny_pieces(
    image: Array,
    *,
    smoothing: float | str,
    low: float | None,
    high: float | None,
    mask: Array | None = None,
    spacing: VoxelSize,
    report: Report = None,
    **_: Any,
) -> tuple[Array, Attributes]:
    """Return the pieces of lines in the core of a part, and which of them are steep enough.

    Parameters
    ----------
    image, smoothing, low, high, mask, spacing, report, **_
        As for `canny`, of what is seen of the part.
    """
    from napari_tessera.algorithms.filters.gradient import Smoothed
    from napari_tessera.algorithms.filters.ridges import STRONG, steepest
    from napari_tessera.algorithms.labels.attributes import pieces_in

    levels, own = _wanted("absolute", 0, 0, low, high), Reporter.of(report)
    smoothed = Smoothed.of(image, to_pixels(smoothing, spacing), spacing, own.part(0, 2))
    inside = None if mask is None else mask.astype(bool)
    lines = steepest(smoothed, levels, inside, own.part(1, 2))
    strong = lines == STRONG
    return pieces_in(np.minimum(lines, 1), passed(image.shape), components, marked=strong)


def canny_statistics(
    pieces: Iterable[Mapping[str, Array]],
    *,
    smoothing: float | str,
    spacing: VoxelSize,
    thresholds: str,
    low_quantile: float,
    high_quantile: float,
    **_: Any,
) -> dict[str, Any]:
    """Return the parameters of `canny` with quantiles replaced by absolute thresholds.

    Parameters
    ----------
    pieces : iterable of mapping
        The image (and mask) in pieces, {"image": ..., "mask": ..., "core": ...}; read once. Of the
        core, if it is given, the gradient counts; the rest lies around it.
    smoothing, spacing, thresholds, low_quantile, high_quantile, **_
        As for `canny`.
    """
    from napari_tessera.algorithms.filters.ridges import quantiles

    if thresholds != "quantiles":
        return {}
    shares = _wanted(thresholds, low_quantile, high_quantile, None, None)
    low, high = quantiles(_magnitudes(pieces, to_pixels(smoothing, spacing), spacing), shares)
    defaults = {"low_quantile": _LOW, "high_quantile": _HIGH}
    return {"thresholds": "absolute", "low": low, "high": high, **defaults}


def check_plane(name: str, array: Array) -> None:
    """Raise an error if an array is no plane."""
    if array.ndim != 2:
        raise ValueError(
            f"{name} has shape {array.shape}; pass a plane (Y, X), or one plane of it after the "
            "other"
        )


def _wanted(
    thresholds: str,
    low_quantile: float,
    high_quantile: float,
    low: float | None,
    high: float | None,
) -> tuple[float, float]:
    """Return the pair of thresholds that is in use, or raise an error if it cannot be used."""
    names = ("low_quantile", "high_quantile") if thresholds == "quantiles" else ("low", "high")
    pair = (low_quantile, high_quantile) if thresholds == "quantiles" else (low, high)
    for name, value in zip(names, pair, strict=True):
        if value is None:
            raise ValueError(
                f"{name} is missing; thresholds 'absolute' needs low and high, in grey levels per "
                "pixel, such as low=5, high=10"
            )
    weak, strong = float(pair[0] or 0), float(pair[1] or 0)
    if weak > strong:
        raise ValueError(
            f"{names[0]} is {weak:g} and {names[1]} is {strong:g}, thresholds the wrong way round; "
            "exchange them"
        )
    return weak, strong


def _magnitudes(
    pieces: Iterable[Mapping[str, Array]], width: tuple[float, ...], voxel: VoxelSize
) -> Iterable[Array]:
    from napari_tessera.algorithms.filters.gradient import Smoothed
    from napari_tessera.algorithms.filters.ridges import magnitudes

    for piece in pieces:
        image, mask = piece["image"], piece.get("mask")
        if image.dtype.kind == "f" and not np.isfinite(image).any():
            continue
        smoothed = Smoothed.of(image, width, voxel, Reporter.of(None))
        inside = None if mask is None else mask.astype(bool)
        if "core" in piece:
            counts = np.zeros(image.shape, bool)
            counts[piece["core"]] = True
            inside = counts if inside is None else counts & inside
        yield from magnitudes(smoothed, inside)
