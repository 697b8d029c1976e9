"""Objects ranked without a truth, by how little an image supports their boundaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.boxes import box_centres
from napari_tessera.algorithms.labels.ids import sizes
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import AXES, Array, Over, Report, Spacing, Table


def suspects(
    labels: Any,
    image: Any,
    *,
    over: Over = "volume",
    spacing: Spacing = None,
    report: Report = None,
) -> tuple[Table, Array]:
    """List objects by how little an image supports their boundaries, the most suspicious first.

    Parameters
    ----------
    labels : array of int, shape (..., Y, X)
        Objects; 0 = background.
    image : array of the same shape
        Intensities.
    over : {"planes", "volume"}
        Whether objects are in planes or in volumes; what is typical is found in each.
    spacing : sequence of float, optional
        Pixel size along each axis of a plane or volume.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    table : dict of ndarray
        One row per object: suspicion, index, pixels, and edge share, contrast and gradient as
        `boundary_support` tells them. Objects of which nothing is known (NaN) come last.
    centres : ndarray of float64, shape (N, D)
        Of their boxes, in pixels along all axes of the arrays.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> labels = np.zeros((20, 20), int)
    >>> labels[4:9, 4:9], labels[12:17, 12:17] = 1, 2
    >>> table, centres = suspects(labels, 100.0 * (labels == 1))
    >>> table["index"].tolist(), table["suspicion"].round(2).tolist(), centres.tolist()
    ([2, 1], [1.0, 0.0], [[14.0, 14.0], [6.0, 6.0]])
    """
    from napari_tessera.methods.judge.boundary_support import boundary_support

    if tuple(labels.shape) != tuple(image.shape):
        raise ValueError(
            f"image has shape {tuple(image.shape)} but labels has {tuple(labels.shape)}; pass "
            "arrays of one shape"
        )
    axes = min(labels.ndim, AXES[over])
    lead = tuple(labels.shape[: labels.ndim - axes])
    reporter, tables = Reporter.of(report), []
    for number, index in enumerate(np.ndindex(lead)):
        own, part = np.asarray(labels[index]), np.asarray(image[index])
        step = reporter.part(number, max(1, int(np.prod(lead))))
        table = dict(boundary_support(own, part, spacing=spacing, report=step))
        counted = sizes(own)
        table["pixels"] = np.array([counted[n] for n in table["index"].tolist()], np.int64)
        tables.append(table)
    found = {name: np.concatenate([each[name] for each in tables]) for name in tables[0]}
    order = np.argsort(-found["suspicion"], kind="stable")
    names = ("suspicion", "index", "pixels", "edge share", "contrast", "gradient")
    return {name: found[name][order] for name in names}, box_centres(labels, axes)[order]
