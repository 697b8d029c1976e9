"""What a network is to give: targets, and weights of pixels, made from the labels of a patch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from napari_tessera.deep.settings import ClassWeights
from napari_tessera.signature.words import Array

IGNORE = -1
"""Target of pixels that nobody has annotated; they do not count."""

REACH = 4
"""How many widths of the border weights count: beyond, a weight is below 1 + w0 / 2900."""


def boundary_targets(labels: Array) -> Array:
    """Return the interior and the inner boundary of objects.

    The boundary is one pixel wide; the border of the patch is none. Objects that have no interior
    are interior as a whole, so that they are not lost.

    Parameters
    ----------
    labels : ndarray of int
        Objects of a patch; `IGNORE` where unknown.

    Returns
    -------
    ndarray of int16
        0 background, 1 interior, 2 boundary, `IGNORE` where unknown.

    Examples
    --------
    >>> boundary_targets(np.array([[0, 1, 1, 1, 2, 2]] * 3))[1]
    array([0, 2, 1, 2, 2, 1], dtype=int16)
    """
    inside = labels > 0
    rim = np.zeros(labels.shape, bool)
    for before, after in _neighbours(labels.ndim):
        differ = labels[before] != labels[after]
        rim[before] |= differ
        rim[after] |= differ
    result = np.where(inside, np.where(rim, 2, 1), 0).astype(np.int16)
    result[labels == IGNORE] = IGNORE
    thin = np.setdiff1d(labels[inside], labels[inside & ~rim])
    result[np.isin(labels, thin)] = 1
    return result


def _neighbours(axes: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield slices of all pixels but the last along an axis, and of all but the first."""
    for axis in range(axes):
        lead = (slice(None),) * axis
        yield (*lead, slice(None, -1)), (*lead, slice(1, None))


def distance_targets(labels: Array, *, spacing: Sequence[float] | None = None) -> Array:
    """Return how far inside its object each pixel lies, as shares of three classes.

    Parameters
    ----------
    labels : ndarray of int
        Objects of a patch; `IGNORE` where unknown.
    spacing : sequence of float, optional
        Pixel size along each axis; None = 1.

    Returns
    -------
    ndarray of float32, shape (3, *P)
        Background, rim 1 - d and centre d, where d is the distance to the outside as a share of
        the largest in that object; nothing where unknown. An object that fills the patch is centre.

    Examples
    --------
    >>> distance_targets(np.array([[0, 1, 1, 1, 0]]))[2]
    array([[0. , 0.5, 1. , 0.5, 0. ]], dtype=float32)
    """
    from scipy import ndimage

    result = np.zeros((3, *labels.shape), np.float32)
    result[0] = labels == 0
    for number, box in _boxes(labels):
        own = labels[box] == number
        if own.size == labels.size and own.all():  # no outside from which a distance could count
            result[2] = 1
            break
        # a frame of outside pixels, but not beyond the patch
        frame = [
            (int(part.start > 0), int(part.stop < length))
            for part, length in zip(box, labels.shape, strict=True)
        ]
        far = ndimage.distance_transform_edt(np.pad(own, frame), sampling=spacing)
        inner = tuple(slice(a, a + n) for (a, _), n in zip(frame, own.shape, strict=True))
        share = (far[inner] / far.max())[own]
        result[2][box][own], result[1][box][own] = share, 1 - share
    return result


def _boxes(labels: Array, margin: int = 0) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield the numbers of the objects of a patch with their boxes, grown by a margin."""
    from scipy import ndimage

    numbers, places = np.unique(np.maximum(labels, 0), return_inverse=True)
    order = places.reshape(labels.shape) + (1 if numbers[0] else 0)
    numbers = numbers[numbers > 0]
    for number, box in zip(numbers, ndimage.find_objects(order), strict=True):
        yield (
            number,
            tuple(
                slice(max(0, part.start - margin), min(part.stop + margin, length))
                for part, length in zip(box, labels.shape, strict=True)
            ),
        )


def class_targets(labels: Array, ids: tuple[int, ...]) -> Array:
    """Return the place of each label among `ids`.

    Parameters
    ----------
    labels : ndarray of int
    ids : tuple of int
        In rising order.

    Returns
    -------
    ndarray of int16
        0 to K - 1; `IGNORE` for labels that are not among them.

    Examples
    --------
    >>> class_targets(np.array([[0, 5, 9]]), (5, 9))
    array([[-1,  0,  1]], dtype=int16)
    """
    result = np.full(labels.shape, IGNORE, np.int16)
    for place, number in enumerate(ids):
        result[labels == number] = place
    return result


def border_weights(labels: Array, *, weight: float = 10.0, width: float = 5.0) -> Array:
    """Return weights that are large between neighbouring objects.

    1 + weight exp(-(d1 + d2)^2 / (2 width^2)), with the distances d1 and d2 to the nearest object
    and to the second nearest, 0 inside them.

    Parameters
    ----------
    labels : ndarray of int
        Objects of a patch.
    weight : float
        w0 of the paper.
    width : float
        sigma of the paper, in pixels.

    Returns
    -------
    ndarray of float32, shape P

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.

    Examples
    --------
    >>> border_weights(np.array([[1, 0, 0, 2]]), weight=10, width=5)[0].round(2)
    array([9.35, 9.35, 9.35, 9.35], dtype=float32)
    """
    from scipy import ndimage

    reach = REACH * width
    nearest = np.full((2, *labels.shape), np.inf, np.float32)
    for number, box in _boxes(labels, int(np.ceil(reach))):
        # d1 and d2 of each pixel are kept, and this object's distance sorted in between
        far = ndimage.distance_transform_edt(labels[box] != number).astype(np.float32)
        first, second = nearest[0][box], nearest[1][box]
        np.minimum(second, np.maximum(first, far), out=second)
        np.minimum(first, far, out=first)
    together = nearest.sum(axis=0)
    return np.asarray(1 + weight * np.exp(-(together**2) / (2 * width**2)), np.float32)


def distances_from_boundary(inside: Array, known: Array) -> Array:
    """Return how far pixels are from the boundary of a region, which lies between two pixels.

    Parameters
    ----------
    inside : ndarray of bool
        The region.
    known : ndarray of bool
        Where it is known what belongs to it; other pixels are on neither side, and 0 in the result.

    Returns
    -------
    ndarray of float32
        In pixels, .5 beside the boundary; 0 everywhere if there is no boundary.

    Examples
    --------
    >>> known = np.array([[True, True, True, True, False]])
    >>> distances_from_boundary(np.array([[False, True, True, True, True]]), known)
    array([[0.5, 0.5, 1.5, 2.5, 0. ]], dtype=float32)
    """
    from scipy import ndimage

    within, outside = inside & known, ~inside & known
    if not within.any() or not outside.any():
        return np.zeros(inside.shape, np.float32)
    far = np.where(
        within, ndimage.distance_transform_edt(~outside), ndimage.distance_transform_edt(~within)
    )
    return np.where(known, far - 0.5, 0).astype(np.float32)


def class_weights(counts: Sequence[int], kind: ClassWeights) -> list[float] | None:
    """Return weights that make up for rare classes; classes without pixels get 0.

    Parameters
    ----------
    counts : sequence of int
        Pixels of each class.
    kind : {"none", "inverse", "median"}
        None at all; 1 / share, with a mean of 1; or median of the shares / share.

    References
    ----------
    D. Eigen, R. Fergus, "Predicting depth, surface normals and semantic labels with a common
    multi-scale convolutional architecture", ICCV 2015 (median).

    Examples
    --------
    >>> class_weights([80, 20, 10], "median")
    [0.25, 1.0, 2.0]
    >>> class_weights([30, 10], "inverse")
    [0.5, 1.5]
    """
    if kind == "none":
        return None
    shares = np.asarray(counts, float)
    there = shares > 0
    if not there.any():
        raise ValueError(f"counts is {list(counts)}; at least one class needs pixels")
    inverse = np.divide(1, shares, out=np.zeros_like(shares), where=there)
    scale = np.median(shares[there]) if kind == "median" else 1 / inverse[there].mean()
    return [float(each) for each in inverse * scale]
