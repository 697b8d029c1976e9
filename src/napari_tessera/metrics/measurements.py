"""What is measured of objects, from the sums over their pixels.

Every column of the table of objects is named and made here: a new one is a line in one of these
functions, and one in `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.numbering import column_of_ids, numbered
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import column
from napari_tessera.signature.words import Array, Report, Table, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.algorithms.geometry.moments import Sums


COLUMNS = """\
- index: the label; pixels: how many it has;
- area (volumes: volume); equivalent diameter: that of the disc (ball) of this area;
- z, y, x: centroid, the centre of the first pixel is 0;
- (z min,) y min, x min, (z max,) y max, x max: first and last pixel, in pixels;
- touches border: True if one of its pixels lies on the border of the image;
- extent: share of its bounding box;
- perimeter (volumes: surface), estimated by the Crofton formula: of large discs and balls
  within 1 per cent; of long objects, where pixels are longer than wide, within 8;
- circularity (volumes: sphericity): 1 for a disc (ball), less for other shapes; objects of
  a few pixels may exceed 1;
- major axis, (middle axis,) minor axis: axes of the ellipse of the same second moments;
- planes: eccentricity of that ellipse, 0 to 1; orientation (deg): angle from the x axis to
  the major axis, counter-clockwise on the screen, 0 to 180 (0 of round objects);
- volumes: elongation, 1 - middle / major axis, and flatness, 1 - minor / middle axis;
- with `convex`: solidity, the share of the convex hull of its pixels, and max feret, the
  largest distance between two of their corners;
- with `image`: mean, std, min, max and sum of the intensities ("mean 0", "mean 1", ...
  with several channels), and for an image of floats "values", how many pixels count."""
"""What each column is, as `napari_tessera.measure` tells it."""

OF_HULLS = ("solidity", "max feret")
"""The columns that only `convex` gives, without units."""


def measurements(
    labels: Array,
    channels: list[Array],
    voxel: VoxelSize,
    *,
    convex: bool = False,
    report: Report = None,
) -> Table:
    """Return the table of objects, as `napari_tessera.measure` describes it.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
    channels : list of ndarray
        Intensities of the same shape.
    voxel : VoxelSize
    convex : bool
    report : callable, optional

    Examples
    --------
    >>> table = measurements(np.array([[4, 4, 0], [4, 0, 7]]), [], VoxelSize((2, 1), "um"))
    >>> table["pixels"].tolist(), table["extent"].tolist()
    ([3, 1], [0.75, 1.0])
    >>> table["area (um^2)"].tolist(), table["touches border"].tolist()
    ([6.0, 2.0], [True, True])
    """
    from napari_tessera.algorithms.geometry.hulls import hulls
    from napari_tessera.algorithms.geometry.moments import gather_sums

    reporter = Reporter.of(report)
    parts = 2 if convex else 1
    own, ids = _countable(labels)
    sums, runs = gather_sums(own, channels, keep_runs=convex, report=reporter.part(0, parts))
    gathered = Gathered.of(sums, ids, channels)
    table = gathered.forms(labels.shape, voxel)
    if convex:
        contents, widths = hulls(runs, voxel, reporter.part(1, parts))
        share, width = OF_HULLS
        table |= {share: sums.pixels / contents, column(width, voxel.unit): widths}
    return table | gathered.intensities()


class Gathered(NamedTuple):
    """What is summed up of objects, or of pieces of them, before it becomes a table.

    Attributes
    ----------
    sums : Sums
    floats : tuple of bool
        Of each channel, whether some of its pixels may have no value.
    """

    sums: Sums
    floats: tuple[bool, ...]

    @classmethod
    def of(cls, sums: Sums, ids: Array, channels: list[Array]) -> Gathered:
        """Return the sums by the labels in `ids`, of which the rows are numbers."""
        rows = sums.ids if ids.size == 0 else ids[sums.ids.astype(np.int64)]
        floats = tuple(channel.dtype.kind == "f" for channel in channels)
        return cls(sums._replace(ids=column_of_ids(rows.astype(ids.dtype))), floats)

    @classmethod
    def of_part(cls, labels: Array, channels: list[Array], part: PartOfWhole) -> Gathered:
        """Return the sums over the core of a part."""
        from napari_tessera.algorithms.geometry.moments import part_sums

        own, ids = _countable(labels)
        return cls.of(part_sums(own, channels, part), ids, channels)

    @classmethod
    def joined(cls, parts: Sequence[Gathered]) -> Gathered:
        """Return the sums over several parts."""
        from napari_tessera.algorithms.geometry.moments import joined_sums

        return cls(joined_sums([part.sums for part in parts]), parts[0].floats)

    def forms(self, shape: tuple[int, ...], voxel: VoxelSize) -> Table:
        """Return the columns of size, border and ellipse, for labels of a shape."""
        own = _axes_of(self.sums, len(shape))
        return _size(own, shape, voxel) | _border(own, voxel) | _ellipse(own, voxel)

    def intensities(self) -> Table:
        """Return the columns of intensities."""
        table: Table = {}
        for number, counted in enumerate(self.floats):
            suffix = f" {number}" if len(self.floats) > 1 else ""
            table |= _intensity(self.sums.values[:, number], suffix, counted)
        return table


def _countable(labels: Array) -> tuple[Array, Array]:
    """Return labels as rows of runs hold them, and the ids of these if they are others."""
    if labels.max(initial=0) > np.iinfo(np.int64).max:
        return numbered(labels)
    return labels, np.empty(0, labels.dtype)


def channels_of(image: Array | None, axis: int | None) -> list[Array]:
    """Return the channels of an image, none of no image."""
    if image is None:
        return []
    return [image] if axis is None else list(np.moveaxis(image, axis, 0))


def _axes_of(sums: Sums, axes: int) -> Sums:
    """Return the sums without the axis that a plane has not."""
    own = [0, 1, 2] if axes == 3 else [0, 2]
    return sums._replace(
        centres=sums.centres[:, own],
        moments=sums.moments[:, own][:, :, own],
        boxes=sums.boxes[:, :, own],
    )


def _size(sums: Sums, shape: tuple[int, ...], voxel: VoxelSize) -> Table:
    axes, unit = len(voxel), voxel.unit
    content = sums.pixels * np.prod(voxel)
    low, high = sums.boxes[:, 0], sums.boxes[:, 1]
    names = "zyx"[-axes:]
    diameter = (2 * axes * content / np.pi) ** (1 / axes)
    return {
        "index": sums.ids,
        "pixels": sums.pixels,
        column("area" if axes == 2 else "volume", unit, axes): content,
        column("equivalent diameter", unit): diameter,
        **{column(n, unit): sums.centres[:, i] * voxel[i] for i, n in enumerate(names)},
        **{f"{n} min": low[:, i] for i, n in enumerate(names)},
        **{f"{n} max": high[:, i] for i, n in enumerate(names)},
        "touches border": ((low == 0) | (high == np.array(shape) - 1)).any(axis=1),
        "extent": sums.pixels / np.prod(high - low + 1, axis=1),
    }


def _border(sums: Sums, voxel: VoxelSize) -> Table:
    """Return the measure of the border by the formula of Crofton, and how round it makes objects.

    Lines of one direction that cross an object fill its projection: their number, times the area
    that belongs to each, is the size of the projection.
    """
    from napari_tessera.algorithms.geometry.moments import steps

    moves = steps(len(voxel)) * np.array(voxel)
    lengths = np.sqrt((moves**2).sum(axis=1))
    projections = sums.exits * np.prod(voxel) / lengths
    content = sums.pixels * np.prod(voxel)
    if len(voxel) == 2:
        around = np.pi * projections @ _shares(moves)
        return {
            column("perimeter", voxel.unit): around,
            "circularity": 4 * np.pi * content / around**2,
        }
    around = 4 * projections @ _shares(moves)
    return {
        column("surface", voxel.unit, 2): around,
        "sphericity": np.cbrt(36 * np.pi * content**2) / around,
    }


def _shares(moves: Array) -> Array:
    """Return the share of all directions that is nearest to each of `moves` or its opposite."""
    if moves.shape[1] == 2:
        angles = np.arctan2(moves[:, 0], moves[:, 1]) % np.pi
        order = np.argsort(angles)
        gaps = np.diff(angles[order], append=angles[order][0] + np.pi) / np.pi
        return np.asarray(((gaps + np.roll(gaps, 1)) / 2)[np.argsort(order)])
    from scipy.spatial import SphericalVoronoi

    units = moves / np.linalg.norm(moves, axis=1, keepdims=True)
    areas = SphericalVoronoi(np.concatenate([units, -units])).calculate_areas()
    return np.asarray(areas.reshape(2, -1).sum(axis=0) / (4 * np.pi))


def _ellipse(sums: Sums, voxel: VoxelSize) -> Table:
    """Return the axes of the ellipse or ellipsoid of the same second moments, and its form."""
    spread = sums.moments * np.outer(voxel, voxel) / sums.pixels[:, None, None]
    eigenvalues = np.linalg.eigvalsh(spread)[:, ::-1]
    nothing = 1e-12 * eigenvalues[:, :1]  # what rounding leaves of an axis without extent
    # a disc of diameter d has the variance d^2 / 16 along each axis, a ball d^2 / 20
    factor = 16 if len(voxel) == 2 else 20
    axes = np.sqrt(factor * np.where(eigenvalues > nothing, eigenvalues, 0))
    names = ("major axis", "minor axis") if len(voxel) == 2 else _AXES
    table = {column(name, voxel.unit): axes[:, i] for i, name in enumerate(names)}
    if len(voxel) == 3:
        middle, minor = _ratio(axes[:, 1], axes[:, 0]), _ratio(axes[:, 2], axes[:, 1])
        return table | {"elongation": 1 - middle, "flatness": 1 - minor}
    rising, wider = -2 * spread[:, 0, 1], spread[:, 1, 1] - spread[:, 0, 0]
    twice = np.where(np.hypot(rising, wider) > nothing[:, 0], np.arctan2(rising, wider), 0)
    return table | {
        "eccentricity": np.sqrt(1 - _ratio(axes[:, 1], axes[:, 0]) ** 2),
        # the second remainder turns 180, to which the first may round, into 0
        column("orientation", "deg"): np.degrees(twice / 2) % 180 % 180,
    }


_AXES = ("major axis", "middle axis", "minor axis")


def _ratio(small: Array, large: Array) -> Array:
    """Return small / large, 1 where there is no extent at all."""
    return np.divide(small, large, out=np.ones(large.size), where=large > 0)


def _intensity(values: Array, suffix: str, counted: bool) -> Table:
    number, total, squares, low, high = values.T
    none = np.where(number > 0, 1.0, np.nan)
    own = {
        "mean": none * total / np.maximum(number, 1),
        "std": none * np.sqrt(squares / np.maximum(number, 1)),
        "min": np.where(number > 0, low, np.nan),
        "max": np.where(number > 0, high, np.nan),
        "sum": total,
    }
    if counted:
        own["values"] = number.astype(np.int64)
    return {name + suffix: array for name, array in own.items()}
