"""Opening, closing, erosion, dilation, gradient, top-hat and smoothing, for labels and images."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from napari_tessera.algorithms.morphology import grey, labelwise
from napari_tessera.algorithms.morphology.elements import Shape
from napari_tessera.algorithms.morphology.elements import element as structuring
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Image,
    Labels,
    LabelsAre,
    Length,
    Refined,
    Report,
    Spacing,
    VoxelSize,
    Word,
)

Operation = Literal["opening", "closing", "erosion", "dilation", "gradient"]

_OPERATIONS = {
    "opening": labelwise.opening,
    "closing": labelwise.closing,
    "erosion": labelwise.erosion,
    "dilation": labelwise.dilation,
    "gradient": labelwise.label_gradient,
}

Tone = Literal["bright", "dark"]

Angle = Annotated[float, Word(low=-180, high=180, when=("element", ("line",)))]


@checked
def morphology(
    labels: Refined,
    *,
    operation: Operation = "opening",
    element: Shape = "ball",
    radius: Length = "2 px",
    angle: Angle = 0.0,
    labels_are: LabelsAre = "objects",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Open, close, shrink, grow or outline every label, without any of them touching another's.

    Every label is treated by itself: what has the same id is one region, whether it is an object
    or a class, in one piece or in several. Nothing lies beyond the border of the array, so nothing
    is eaten from there, and what is near it may be closed against it.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    operation : {"opening", "closing", "erosion", "dilation", "gradient"}
        "opening" removes what is too thin for the element to fit in: spurs, bridges, specks;
        "closing" fills gaps, bays and holes too thin for it, from background only; "erosion"
        shrinks each label, also where it touches another; "dilation" grows it into the background
        only; "gradient" leaves the rim that erosion would take. A pixel of background that several
        labels claim goes to the nearest, of those as near to the lowest.
    element : {"ball", "box", "line"}
        What slides over the labels: a disc (a ball in a volume), a square (a cube), or a line
        within the plane.
    radius : float or str
        How far the element reaches from its centre; a line is twice as long. In a volume with
        unequal spacing it covers fewer of the larger pixels.
    angle : float
        Direction of the line in degrees, -180 to 180: 0 along X, 90 along Y, 45 rising to the
        right.
    labels_are : {"objects", "classes"}
        What the ids stand for, and so what the result is: objects or classes. The pixels come out
        the same.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        Of the dtype of `labels`, with the same ids.

    References
    ----------
    P. Soille, "Morphological Image Analysis", Springer, 2nd edition, 2003. A. Meijster, J. Roerdink
    and W. Hesselink, "A general algorithm for computing distance transforms in linear time",
    Mathematical Morphology and its Applications to Image and Signal Processing, 2000.

    Examples
    --------
    >>> labels = np.array([[1, 1, 1, 2, 2], [1, 1, 1, 2, 2], [1, 1, 1, 0, 2]])
    >>> morphology(labels, operation="erosion", radius="1 px")
    array([[1, 1, 0, 0, 2],
           [1, 1, 0, 0, 2],
           [1, 1, 0, 0, 0]])
    """
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    chosen = structuring(element, to_pixels(radius, voxel, name="radius"), angle)
    result = _OPERATIONS[operation](labels, chosen, voxel, report)
    report(Progress(1, 1))
    return result


@checked
def top_hat(
    image: Image,
    *,
    tone: Tone = "bright",
    element: Shape = "ball",
    radius: Length = "10 px",
    angle: Angle = 0.0,
    spacing: Spacing = None,
    report: Report = None,
) -> Image:
    """Keep what is brighter (or darker) than its surroundings and narrower than an element.

    This evens out the light: the image minus its opening, or its closing minus the image. Pixels
    that are NaN or infinite come out NaN and touch no others.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Intensities, a plane or a volume.
    tone : {"bright", "dark"}
        Whether bright or dark details are kept.
    element : {"ball", "box", "line"}
        What the details are measured with: a disc (a ball in a volume), a square (a cube), or a
        line within the plane. A large ball in a volume takes long, a box never.
    radius : float or str
        How far the element reaches from its centre; more than half the width of the widest detail.
    angle : float
        Direction of the line in degrees, -180 to 180: 0 along X, 90 along Y, 45 rising to the
        right.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        0 or more, in the dtype of `image`; of signed whole numbers in the unsigned dtype of the
        same width, of bool in uint8.

    References
    ----------
    F. Meyer, "Iterative image transformations for an automatic screening of cervical smears",
    J. Histochemistry and Cytochemistry 27(1), 1979.

    Examples
    --------
    >>> image = np.array([[10, 11, 90, 13, 14, 15, 16]], dtype=np.uint8)
    >>> top_hat(image, radius="1 px")
    array([[ 0,  0, 77,  0,  0,  0,  1]], dtype=uint8)
    """
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, image.ndim)
    chosen = structuring(element, to_pixels(radius, voxel, name="radius"), angle)
    values = image.view(np.uint8) if image.dtype == bool else image
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, values.dtype.type(np.nan))
    # differences of signed numbers fit the unsigned ones, whose arithmetic goes round
    plain = np.dtype(f"u{values.itemsize}") if values.dtype.kind == "i" else values.dtype
    if tone == "bright":
        result = values.view(plain) - grey.grey_opening(values, chosen, report).view(plain)
    else:
        result = grey.grey_closing(values, chosen, report).view(plain) - values.view(plain)
    report(Progress(1, 1))
    return np.asarray(result)


@checked
def smooth(
    labels: Refined,
    *,
    radius: Length = "2 px",
    spacing: Spacing = None,
    report: Report = None,
) -> Labels:
    """Smooth the borders of labels: each pixel takes the label that most pixels around it have.

    Background is a label like the others: specks vanish, dents and small holes are filled. A tie
    leaves the pixel as it is. Thin parts vanish and may leave an object in pieces, which keep its
    id.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Objects or classes, a plane or a volume; 0 = background.
    radius : float or str
        How far to look around each pixel, in all directions; nothing is counted beyond the border
        of the array.
    spacing : sequence of float, optional
        Pixel size along each axis.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray
        Of the dtype of `labels`.

    References
    ----------
    P. Soille, "Morphological Image Analysis", Springer, 2nd edition, 2003 (rank filters).

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 0], [1, 2, 1, 0], [1, 1, 0, 0]])
    >>> smooth(labels, radius="1 px")
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [1, 1, 0, 0]])
    """
    from napari_tessera.algorithms.morphology.majority import majority

    report, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    ball = structuring("ball", to_pixels(radius, voxel, name="radius"))
    result = majority(labels, ball, report)
    report(Progress(1, 1))
    return result
