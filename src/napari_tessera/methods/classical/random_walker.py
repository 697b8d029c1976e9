"""The random walker: each pixel goes to the seeds that a walk from it reaches most likely first."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from napari_tessera.algorithms.child_process import stoppable
from napari_tessera.algorithms.filters.colour import ColourSpace, features, smooth_points
from napari_tessera.algorithms.filters.smoothing import both
from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.methods.classical.region_growing import (
    check_numbers,
    check_seeds,
    consecutive_markers,
)
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.units import to_pixels
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

_INACTIVE = -1
_DIRECT = 1 << 17
_QUICK = 1 << 18  # pixels that are walked in a second or two


@checked
def random_walker(
    image: Image,
    *,
    markers: Markers,
    beta: Annotated[float, Word(low=0)] = 130.0,
    smoothing: Length = "0 px",
    colour_space: ColourSpace = "as is",
    mask: Mask | None = None,
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Divide an image among seeds by where random walks arrive first.

    A walk crosses edges of the image less readily, so that borders settle on them, also on faint
    ones with gaps. Everything is divided: mark the background too. The solver is scikit-image's.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with colours or channels in `channel_axis`
        Intensities, a plane or a volume.
    markers : ndarray of int
        The seeds: Points, or painted labels, one value per region, the background's among them;
        0 = none.
    beta : float
        How strongly edges hold a walk back, in an image scaled to 0..1; larger values follow them
        more closely.
    smoothing : float or str
        Standard deviation of a Gaussian applied first.
    colour_space : {"as is", "lab"}
        Compare the channels themselves, or colours as the eye does (CIE L*a*b*; RGB images only).
    mask : ndarray of bool, optional
        Walks stay inside it, and everything outside is background.
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        The value of the marker that each pixel belongs to; 0 where no marker can be reached.

    Raises
    ------
    ValueError
        If there are no seeds, or one lies where the image has no value or outside the mask.

    References
    ----------
    L. Grady, "Random walks for image segmentation", IEEE Trans. Pattern Analysis and Machine
    Intelligence 28(11), 2006.

    Examples
    --------
    >>> image = np.array([[10, 11, 12, 90, 91]] * 3)
    >>> seeds = np.zeros((3, 5), int)
    >>> seeds[1, 0], seeds[1, 4] = 1, 2
    >>> random_walker(image, markers=seeds)[0]
    array([1, 1, 1, 2, 2], dtype=uint16)
    """
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, markers.ndim)
    points, valid = smooth_points(
        features(image, channel_axis, colour_space), to_pixels(smoothing, voxel)
    )
    check_numbers(markers)
    check_seeds(markers, valid, mask)
    inside = both(mask, valid)
    numbers, ids = consecutive_markers(markers if inside is None else np.where(inside, markers, 0))
    walkable = _walkable(numbers, inside)
    # scikit-image mixes up pixels beside seeds without a way, and ids of which all seeds are so
    starts, walkers = consecutive_markers(np.where(walkable, numbers, 0))
    report(Progress(1, 10))
    if len(walkers) <= 2:
        walked = np.full(numbers.shape, len(walkers) - 1)
    elif points.min() == points.max():
        raise NothingToSeparate("image is constant; there are no edges to walk along")
    else:
        starts[~walkable] = _INACTIVE
        # solved directly while that is fast; probabilities a little outside 0..1 do no harm
        walked = stoppable(
            "skimage.segmentation",
            "random_walker",
            {"data": (points - points.min()) / np.ptp(points), "labels": starts},
            {
                "beta": beta,
                "mode": "bf" if numbers.ndim == 2 and numbers.size <= _DIRECT else "cg_mg",
                "spacing": list(voxel),
                "channel_axis": -1,
                "prob_tol": np.inf,
            },
            report.part(1, 2),
            large=_QUICK,
        )
    numbers = np.where(walkable, walkers[np.maximum(walked, 0)], numbers)
    report(Progress(1, 1))
    return np.asarray(ids.astype(smallest_dtype("objects", int(ids[-1])))[numbers])


def _walkable(numbers: Array, inside: Array | None) -> Array:
    """Return the pixels that hang together, over faces, with a seed and a pixel that is none."""
    from scipy import ndimage

    if inside is None:
        return np.full(numbers.shape, not numbers.all())
    parts, count = ndimage.label(inside)
    seeded, open_ = np.zeros((2, count + 1), bool)
    seeded[parts[numbers > 0]] = True
    open_[parts[inside & (numbers == 0)]] = True
    return np.asarray((seeded & open_)[parts])
