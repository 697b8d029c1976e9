"""Grey-scale morphology: erosion, dilation, opening and closing of intensities.

Pixels that are NaN take no part, as if they lay beyond the border, and stay NaN.
"""

from __future__ import annotations

import numpy as np

from napari_tessera.algorithms.morphology.elements import Element
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array


def grey_erosion(image: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return the least intensity within the element around each pixel.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X)
        Of any real dtype but bool; two or three axes.
    element : Element
    report : Reporter, optional

    Returns
    -------
    ndarray
        In the dtype of `image`.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> grey_erosion(np.array([[5.0, np.nan, 7.0, 2.0]]), element("ball", (1.0, 1.0)))
    array([[ 5., nan,  2.,  2.]])
    """
    from napari_tessera.algorithms.morphology.minima import minima

    if image.dtype.kind != "f":
        return minima(image, element, report)
    gaps = np.isnan(image)
    if not gaps.any():
        return minima(image, element, report)
    result = minima(np.where(gaps, image.dtype.type(np.inf), image), element, report)
    np.copyto(result, np.nan, where=gaps)
    return result


def grey_dilation(image: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return the greatest intensity within the element around each pixel, as `grey_erosion` does.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> grey_dilation(np.array([[5, 6, 7, 2]], np.uint8), element("ball", (1.0, 1.0)))
    array([[6, 7, 7, 7]], dtype=uint8)
    """
    # of whole numbers the complement, which fits their dtype
    turn = np.negative if image.dtype.kind == "f" else np.invert
    return np.asarray(turn(grey_erosion(turn(image), element, report)))


def grey_opening(image: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return the image without what is brighter than its surroundings and narrower than `element`.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> grey_opening(np.array([[1, 1, 9, 1, 5, 5, 5, 1]]), element("ball", (1.0, 1.0)))
    array([[1, 1, 1, 1, 5, 5, 5, 1]])
    """
    report = Reporter.of(report)
    return grey_dilation(
        grey_erosion(image, element, report.part(0, 2)), element, report.part(1, 2)
    )


def grey_closing(image: Array, element: Element, report: Reporter | None = None) -> Array:
    """Return the image without what is darker than its surroundings and narrower than `element`.

    Examples
    --------
    >>> from napari_tessera.algorithms.morphology.elements import element
    >>> grey_closing(np.array([[5, 1, 5, 5, 2, 2, 2, 5]]), element("ball", (1.0, 1.0)))
    array([[5, 5, 5, 5, 2, 2, 2, 5]])
    """
    report = Reporter.of(report)
    return grey_erosion(
        grey_dilation(image, element, report.part(0, 2)), element, report.part(1, 2)
    )
