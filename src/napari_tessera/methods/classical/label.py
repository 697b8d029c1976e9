"""Regions of connected pixels."""

from __future__ import annotations

from napari_tessera.algorithms.labels.components import Connectivity, components
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import Labels, Objects, Report, Spacing


@checked
def label(
    labels: Labels,
    *,
    connectivity: Connectivity = "full",
    spacing: Spacing = None,
    report: Report = None,
) -> Objects:
    """Number the connected components, so that classes become objects.

    Pixels belong together when they touch and have the same label.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Classes, or a mask; 0 = background.
    connectivity : {"faces", "full"}
        "faces": neighbours share an edge (4 in a plane) or a face (6 in a volume); "full": corners
        count too (8, 26).
    spacing : sequence of float, optional
        Pixel size along each axis; components do not depend on it.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of uint16 or uint32
        Objects 1, 2, 3, ... in the order in which a scan meets them.

    References
    ----------
    K. Wu, E. Otoo and A. Shoshani, "Optimizing connected component labeling algorithms", Proc.
    SPIE 5747, 2005.

    Examples
    --------
    >>> label(np.array([[1, 1, 0, 2], [0, 0, 0, 2], [1, 0, 1, 1]]))
    array([[1, 1, 0, 2],
           [0, 0, 0, 2],
           [3, 0, 4, 4]], dtype=uint16)
    """
    return components(labels, connectivity)
