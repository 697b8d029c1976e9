"""Turn labels into polygons: outlines or boxes of objects, or chains of edge pixels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from napari_tessera.methods.classical.canny import check_plane
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.units import column, physical, to_pixels
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Image,
    Labels,
    Length,
    Polygons,
    Report,
    Spacing,
    Table,
    VoxelSize,
    Word,
)

Trace = Literal["outlines", "edges", "boxes"]


@checked
def contours(
    labels: Labels,
    image: Annotated[Image | None, Word(when=("trace", ("edges",)))] = None,
    *,
    trace: Trace = "outlines",
    smoothing: Annotated[Length, Word("length", low=0, when=("trace", ("edges",)))] = "1 px",
    tolerance: Annotated[
        Length, Word("length", low=0, when=("trace", ("outlines", "edges")))
    ] = "0.5 px",
    min_length: Length = "0 px",
    spacing: Spacing = None,
    report: Report = None,
) -> tuple[Polygons, Table]:
    """Turn labels into polygons: outlines or boxes of objects, or chains of edge pixels.

    Vertices are (y, x) in pixels; the centre of the first pixel is (0, 0). A closed polygon repeats
    its first vertex. Outlines run clockwise on the screen with the object to their right, and
    around holes the other way; they are closed at the border of the image too.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Objects or classes, 0 = background; or edges, as `canny` gives them.
    image : ndarray, shape (Y, X), optional
        Intensities in which the vertices of edges are moved to where the gradient is steepest, at
        most half a pixel along each axis; None = vertices at the centres of pixels.
    trace : {"outlines", "edges", "boxes"}
        What becomes a polygon: the border of each label, with vertices half-way between a pixel
        inside and one outside (pixels of one label belong together if only their corners touch); or
        lines of labelled pixels, thinned to one pixel, cut where they branch (single edge pixels
        are left out); or the rectangle around each label.
    smoothing : float or str
        Standard deviation of a Gaussian applied to `image` before its gradient is taken.
    tolerance : float or str
        How far a vertex that is left out may lie from the line drawn without it; 0 keeps every
        vertex. Curved outlines are up to 6 % too long at half a pixel, for they follow the pixels'
        steps, and up to 3 % at 0.7 px. An outline that would vanish keeps all of its vertices.
    min_length : float or str
        Shorter polygons are left out.
    spacing : sequence of float, optional
        Pixel size along each axis, the unit of lengths and areas.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    polygons : list of ndarray, shape (N, 2)
    table : dict of ndarray
        One row per polygon: index (1, 2, ...), label, closed, hole (True around a hole), length
        and, of closed ones, the area they enclose (0 of open ones). Where pixels have a size, the
        unit is part of the name: "length (um)", "area (um^2)".

    Raises
    ------
    ValueError
        If `labels` is no plane, or `image` is given for outlines.

    References
    ----------
    D. H. Douglas and T. K. Peucker, "Algorithms for the reduction of the number of points required
    to represent a digitized line or its caricature", Cartographica 10(2), 1973. F. Devernay, "A
    non-maxima suppression method for edge detection with sub-pixel accuracy", INRIA report 2724,
    1995.

    Examples
    --------
    >>> polygons, table = contours(np.array([[0, 0, 0], [0, 7, 0], [0, 0, 0]]))
    >>> polygons[0].tolist()
    [[0.5, 1.0], [1.0, 1.5], [1.5, 1.0], [1.0, 0.5], [0.5, 1.0]]
    >>> table["label"], table["area"]
    (array([7]), array([0.5]))
    """
    from napari_tessera.algorithms.filters.gradient import gradient, to_maxima
    from napari_tessera.algorithms.geometry.outlines import (
        boxes,
        edges,
        measures,
        outlines,
        simplified,
    )

    check_plane("labels", labels)
    if image is not None and trace != "edges":
        raise ValueError(
            "image is given, but it is used only with trace = 'edges'; leave it out, or pass the "
            "edges that canny finds in it"
        )
    report, voxel = Reporter.of(report), VoxelSize.of(spacing, 2)
    chains = {"outlines": outlines, "edges": edges, "boxes": boxes}[trace](labels)
    if labels.dtype == np.uint64:  # tracing kept their bits in int64
        chains = chains._replace(labels=chains.labels.view(np.uint64))
    report(Progress(1, 3))
    _, areas = measures(*chains[:2], *voxel)
    holes = (areas < 0) & (trace == "outlines")
    if image is not None:
        slopes = gradient(image, to_pixels(smoothing, voxel), voxel, report.part(1, 3))
        chains = chains._replace(vertices=to_maxima(chains.vertices, slopes, voxel))
    if trace != "boxes":
        chains = simplified(chains, physical(tolerance, voxel, name="tolerance"), voxel)
    report(Progress(2, 3))
    return _tabled(chains, holes, physical(min_length, voxel, name="min_length"), voxel)


def _tabled(
    chains: Any, holes: Array, least: float, voxel: VoxelSize
) -> tuple[list[Array], dict[str, Array]]:
    """Return the chains that are long enough as a list, and a table of them."""
    from napari_tessera.algorithms.geometry.outlines import measures

    vertices, starts, labels = chains
    lengths, areas = measures(vertices, starts, *voxel)
    closed = (vertices[starts[:-1]] == vertices[starts[1:] - 1]).all(axis=1)
    kept = np.flatnonzero(lengths >= least)
    polygons = [vertices[starts[k] : starts[k + 1]].copy() for k in kept]
    return polygons, {
        "index": np.arange(1, kept.size + 1),
        "label": labels[kept],
        "closed": closed[kept],
        "hole": holes[kept],
        column("length", voxel.unit): lengths[kept],
        column("area", voxel.unit, 2): np.where(closed, np.abs(areas), 0.0)[kept],
    }
