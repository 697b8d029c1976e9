"""The objects of a labels image, as networks that find objects learn them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from napari_tessera.deep.data.object_sizes import SMALLEST, boxes_and_sizes
from napari_tessera.deep.networks.instances import Instances
from napari_tessera.signature.words import Array


def instances_of(
    labels: Array, classes: Mapping[int, int] | None = None, *, smallest: int = SMALLEST
) -> tuple[Instances, int]:
    """Return the objects of a plane, and how many are left out for being too small.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Ids of objects; 0 is background.
    classes : mapping of int to int, optional
        Id -> class, 0 for the first; None = all are of one.
    smallest : int
        Pixels that an object needs.

    Returns
    -------
    Instances
        In the order of their ids.
    int

    Examples
    --------
    >>> labels = np.array([[0, 7, 7], [3, 7, 7]])
    >>> found, dropped = instances_of(labels, {3: 0, 7: 1})
    >>> found.boxes, found.classes, dropped
    (tensor([[1., 0., 3., 2.]]), tensor([1]), 1)
    """
    found = boxes_and_sizes(labels)
    large = found.pixels >= smallest
    ids = found.ids[large]
    kinds = [0 if classes is None else classes[int(each)] for each in ids]
    masks = labels[None] == ids[:, None, None].astype(labels.dtype)
    return Instances(
        torch.from_numpy(found.boxes[large].astype(np.float32)),
        torch.tensor(kinds, dtype=torch.int64),
        torch.from_numpy(masks),
    ), int(np.count_nonzero(~large))
