"""What images look like to a network, in a few figures: bright or dark, noisy, blurred, coloured.

They were chosen on real images by what tells those of one kind from those of others, see the table
in ``docs/accuracy.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.algorithms.labels.ids import ball_diameter, sizes
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.data.pieces import Piece

QUARTILES = ("lower quartile", "median", "upper quartile")
"""Of the intensities, of which 0 and 1 are about the darkest and the brightest."""

PIXELS = 1 << 18
"""About how many pixels of an image are looked at, which takes 0.03 s."""

PIECES = 100
"""How many examples are looked at, up to twice as many."""

_FAR = 8  # pixels over which sharp and blurred images change about as much


def sample_boxes(shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """Return the boxes of a plane or volume that stand for it: all of it, or 3 along each axis.

    Examples
    --------
    >>> sample_boxes((4, 6))
    [(slice(0, 4, None), slice(0, 6, None))]
    >>> [box[0].start for box in sample_boxes((5000, 100))]
    [0, 2415, 4830]
    """
    if np.prod(shape, dtype=float) <= PIXELS:
        return [tuple(slice(0, length) for length in shape)]
    side = int((PIXELS / 3 ** len(shape)) ** (1 / len(shape)))
    parts = [
        [slice(0, length)]
        if length <= side
        else [slice(a, a + side) for a in (0, (length - side + 1) // 2, length - side)]
        for length in shape
    ]
    return list(product(*parts))


def figures(boxes: Sequence[Array], *, rgb: bool = False) -> dict[str, float]:
    """Return what an image looks like.

    Parameters
    ----------
    boxes : sequence of ndarray, shape (C, *P)
        Parts of it, normalised: most of it from 0 to 1.
    rgb : bool
        Whether the channels are red, green and blue.

    Returns
    -------
    dict
        For each channel `QUARTILES`; "noise", the median difference of neighbours; and
        "sharpness", what share of the mean difference of pixels 8 apart it is between neighbours.
        The second channel's end in 2, and so on. "colour" is the mean difference of the strongest
        and the weakest of red, green and blue. What an image is too small for is left out.

    Examples
    --------
    >>> figures([np.array([[[0.0, 0.25, 0.5, 0.75, 1.0]]])])["median"]
    0.5
    """
    found: dict[str, float] = {}
    for channel in range(len(boxes[0])):
        end = f" {channel + 1}" if channel else ""
        own = [box[channel] for box in boxes]
        values = np.concatenate([each.ravel() for each in own])
        for name, value in zip(QUARTILES, np.quantile(values, (0.25, 0.5, 0.75)), strict=True):
            found[name + end] = float(value)
        near, far = _differences(own, 1), _differences(own, _FAR)
        if near.size:
            found["noise" + end] = float(np.median(near))
        if near.size and far.size and far.any():
            found["sharpness" + end] = float(near.mean() / far.mean())
    if rgb:
        spread = [(box.max(axis=0) - box.min(axis=0)).mean() for box in boxes]
        found["colour"] = float(np.mean(spread))
    return found


def _differences(boxes: Sequence[Array], step: int) -> Array:
    """Return how much pixels differ that lie a step apart along x or y."""
    along = [np.abs(box[..., step:] - box[..., :-step]).ravel() for box in boxes]
    across = [np.abs(box[..., step:, :] - box[..., :-step, :]).ravel() for box in boxes]
    return np.concatenate([*along, *across])


def seen_in(
    pieces: Sequence[Piece], *, objects: bool, rgb: bool = False
) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest of each figure in examples.

    Parameters
    ----------
    pieces : sequence of Piece
        With their intensities. Of many, some are looked at.
    objects : bool
        Whether their labels are objects, of which "diameter" is told: in pixels, from that of the
        5 % smallest to that of the 5 % largest, medians of images among them.
    rgb : bool
        Whether the channels are red, green and blue.

    Returns
    -------
    dict
        As of `figures`.
    """
    some = pieces[:: max(1, len(pieces) // PIECES)]
    found = _ranges(figures(_boxes(piece), rgb=rgb) for piece in some)
    diameters = [d for piece in some if (d := _diameters(piece)).size] if objects else []
    if diameters:
        ends = np.quantile(np.concatenate(diameters), (0.05, 0.95))
        middles = [np.median(each) for each in diameters]
        found["diameter"] = (float(min(*ends, *middles)), float(max(*ends, *middles)))
    return {name: (_rounded(low), _rounded(high)) for name, (low, high) in found.items()}


def _boxes(piece: Piece) -> list[Array]:
    return [piece.image_at(box) for box in sample_boxes(piece.shape)]


def _ranges(every: Iterable[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for each in every:
        for name, value in each.items():
            low, high = found.get(name, (value, value))
            found[name] = (min(low, value), max(high, value))
    return found


def _diameters(piece: Piece) -> Array:
    """Return the diameters of the objects of a piece, in pixels."""
    labels = piece.labels_at(piece.everything)
    found = [size for label, size in sizes(labels).items() if label > 0]
    return np.array([ball_diameter(size, labels.ndim) for size in found])


def _rounded(value: float) -> float:
    """Return a number of four digits, which is all that it says."""
    return float(f"{value:.4g}")
