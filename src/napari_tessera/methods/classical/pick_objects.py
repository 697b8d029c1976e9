"""Single objects, each found from a few marks on it and beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.algorithms.picking.marks import ObjectMarks, check_picks, check_values
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    ChannelAxis,
    Image,
    Objects,
    Picks,
    Report,
    Spacing,
)

if TYPE_CHECKING:
    from napari_tessera.algorithms.picking.picked import BoxMask, Scene

PickedBy = Literal["contrast", "network"]
"""What says where an object ends."""

IN_PLANES = "The click network knows planes only; objects of volumes are found by their contrast"


@checked
def pick_objects(
    image: Image,
    *,
    picks: Picks,
    overlap: Literal["first", "last"] = "first",
    by: PickedBy = "contrast",
    channel_axis: ChannelAxis = None,
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Find the objects that marks lie on, one by one.

    Each object is the most plausible outline around its first mark: where the image steps up or
    down, evenly and all around. Or it is what a small network says, which has learnt from nuclei,
    cells, grains and pebbles. Further marks on it and beside it mend it.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with colours or channels in `channel_axis`
        Intensities, a plane or a volume.
    picks : sequence of (object, sign, y, x), in a volume of (object, sign, z, y, x)
        Marks in the order in which they were made, in pixels: the number of the object, from 1;
        1 = on it, -1 = beside it, 0 = one of two corners of a box around it.
    overlap : {"first", "last"}
        Which of two objects has the pixels that both cover, in the order of their first marks.
    by : {"contrast", "network"}
        What says where an object ends: the steps of the image around its first mark, or the click
        network that comes with napari-tessera. This knows planes only; objects of volumes are
        found by their contrast.
    channel_axis : int, optional
        The axis of colours or channels; None = grey.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        The numbers of the objects; 0 = background.

    Raises
    ------
    ValueError
        If a mark lies outside the image or where it has no value, an object has no mark on it and
        no box, or a box has no area.

    References
    ----------
    S. Timp and N. Karssemeijer, "A new 2D segmentation method based on dynamic programming applied
    to computer aided detection in mammography", Medical Physics 31(5), 2004. O. Veksler, "Star
    shape prior for graph-cut image segmentation", ECCV 2008. N. Xu et al., "Deep interactive object
    selection", CVPR 2016. K. Sofiiuk, I. Petrov and A. Konushin, "Reviving iterative training with
    mask guidance for interactive segmentation", ICIP 2022.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((9, 12))
    >>> image[2:7, 2:7] = 9
    >>> pick_objects(image, picks=[(3, 1, 4, 4)])[:, 4]
    array([0, 0, 3, 3, 3, 3, 3, 0, 0], dtype=uint16)
    """
    from napari_tessera.algorithms.picking.picked import Scene

    report, rows = Reporter.of(report), np.array(picks, float)
    scene = Scene.of(image, channel_axis, spacing)
    check_picks(rows, scene.shape)
    check_values(image, channel_axis, rows)
    numbers = [int(number) for number in dict.fromkeys(rows[:, 0].tolist())]
    found = finder(scene, by)
    result = np.zeros(scene.shape, smallest_dtype("objects", max(numbers)))
    for done, number in enumerate(numbers):
        report(Progress(done, len(numbers)))
        mask = found(ObjectMarks.of(rows[rows[:, 0] == number, 1:]))
        own = result[mask.box]
        own[mask.values & (own == 0) if overlap == "first" else mask.values] = number
    falls_back = by == "network" and len(scene.shape) > 2
    report(Progress(1, 1, {"remarks": {"by": IN_PLANES} if falls_back else {}}))
    return result


def finder(scene: Scene, by: PickedBy) -> Callable[[ObjectMarks], BoxMask]:
    """Return what finds the object that marks lie on in a plane or volume."""
    from napari_tessera.algorithms.picking.picked import picked

    outline = partial(picked, scene)
    if by == "contrast" or len(scene.shape) > 2:
        return outline
    from napari_tessera.deep.clicks.answers import ClickedPlane, shipped_network

    return ClickedPlane.of(scene, shipped_network(), outline).picked
