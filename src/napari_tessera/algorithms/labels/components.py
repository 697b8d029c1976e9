"""Connected components, and holes in objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from napari_tessera.algorithms.labels.ids import count, smallest_dtype
from napari_tessera.signature.words import Array, LabelsAre

Connectivity = Literal["faces", "full"]


def components(labels: Array, connectivity: Connectivity = "full") -> Array:
    """Number the pieces of connected pixels of one label, in the order in which a scan meets them.

    Parameters
    ----------
    labels : ndarray of int or bool, shape (..., Y, X)
        0 = background.
    connectivity : {"faces", "full"}
        "faces": neighbours share an edge (4 in a plane) or a face (6 in a volume); "full": corners
        count too (8, 26).

    Returns
    -------
    ndarray of uint16 or uint32
        1, 2, 3, ...

    Examples
    --------
    >>> components(np.array([[1, 1, 0, 2, 1]]))
    array([[1, 1, 0, 2, 3]], dtype=uint16)
    """
    from napari_tessera.algorithms.labels.component_runs import numbered_components

    steps = 1 if connectivity == "faces" else labels.ndim
    if labels.ndim in (2, 3):
        return numbered_components(labels, steps)
    # a line, or a series of volumes, which scikit-image knows not
    if labels.dtype == bool or (labels.min() >= 0 and labels.max() <= 1):
        from scipy import ndimage

        neighbours = ndimage.generate_binary_structure(labels.ndim, steps)
        objects, highest = ndimage.label(labels, neighbours, np.int32)
    else:
        from skimage import measure

        objects, highest = measure.label(labels, connectivity=steps, return_num=True)
    return np.asarray(objects.astype(smallest_dtype("objects", highest)))


OBJECTS_OF: Mapping[LabelsAre, Callable[[Array], Array]] = MappingProxyType(
    {"objects": np.asarray, "classes": components}
)
"""By what labels stand for: the objects in them; of classes, what hangs together is one."""


def guessed_kind(labels: Array) -> LabelsAre:
    """Guess what a plane of labels is: objects are mostly in one piece, classes in several.

    Examples
    --------
    >>> guessed_kind(np.array([[1, 1, 0, 2]])), guessed_kind(np.array([[1, 0, 1, 0, 1]]))
    ('objects', 'classes')
    """
    pieces = count(components(labels))
    return "objects" if pieces < 2 * max(count(labels), 1) else "classes"
