"""The dense CRF on arrays that do not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from napari_tessera.algorithms.crf.energies import Guide
from napari_tessera.algorithms.halo_tiles import Tile, covering
from napari_tessera.methods.refine.crf import (
    CrfSettings,
    crf_statistics,
    refined,
)
from napari_tessera.signature.arrays import as_labels, native
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array, Report, VoxelSize


def crf_by_tiles(
    labels: Any,
    image: Any,
    out: Any,
    *,
    labels_are: Literal["objects", "classes"] = "objects",
    certainty: float = 0.8,
    smoothness_width: float | str = "2 px",
    appearance_width: float | str = "10 px",
    intensity_width: float = 0.03,
    smoothness_weight: float = 1.0,
    appearance_weight: float = 6.0,
    iterations: int = 5,
    unknown: int | None = None,
    pixels: int = 1 << 24,
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
    report: Report = None,
) -> None:
    """Refine labels that do not fit into memory by a dense CRF, tile by tile.

    Tiles overlap by three widths of the wider kernel, and share one range of intensities. The
    result is almost that of the whole: messages of a few steps come from farther away.

    Parameters
    ----------
    labels : array of int, shape (..., Y, X)
        Dask, Zarr, a memory map: anything with shape, dtype and slices. A plane or a volume.
    image : array of the same shape, or with channels in `channel_axis`
        Read twice.
    out : array of the shape of `labels`
        Takes the result slice by slice; not `labels` itself, whose tiles are read again.
    labels_are, certainty, smoothness_width, appearance_width, intensity_width
        As for `crf`.
    smoothness_weight, appearance_weight, iterations, unknown, spacing, channel_axis
        As for `crf`.
    pixels : int
        Most pixels of a tile, without its surroundings.
    report : callable, optional
        Takes `Progress`.

    Raises
    ------
    ValueError
        If the shapes differ, `out` is `labels`, or only one label is left.

    Examples
    --------
    >>> image = np.repeat([[0, 0, 0, 0, 9, 9, 9, 9]], 8, axis=0)
    >>> labels = np.repeat([[0, 0, 0, 1, 1, 1, 1, 1]], 8, axis=0)
    >>> out = np.zeros_like(labels)
    >>> crf_by_tiles(labels, image, out, labels_are="classes", pixels=32)
    >>> out[3]
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    settings = CrfSettings.of(locals())
    colours = None if channel_axis is None else channel_axis % image.ndim
    shape = tuple(length for axis, length in enumerate(image.shape) if axis != colours)
    for name, size in (("image", shape), ("out", tuple(out.shape))):
        if size != tuple(labels.shape):
            raise ValueError(f"{name} has shape {size}, but labels has {tuple(labels.shape)}")
    if out is labels:
        raise ValueError("out is labels itself, whose tiles are read again; pass another array")
    reporter, voxel = Reporter.of(report), VoxelSize.of(spacing, labels.ndim)
    tiles = covering(labels.shape, settings.kernels(voxel).reach, pixels)
    pieces = _Pieces(tiles, labels, image, colours)
    whole = crf_statistics(pieces, labels_are=labels_are, unknown=unknown, spacing=voxel)
    axis = None if colours is None else -1
    for number, tile in enumerate(tiles):
        own = pieces.read(tile.seen)
        guide = Guide.of(own["image"], axis, intensity_width, whole["intensities"])
        field = settings.field(guide, voxel, reporter.part(number, len(tiles)))
        found = refined(own["labels"], settings, field, voxel, known=whole["classes"])
        out[tile.core] = found[tile.inner]
        reporter(Progress(number + 1, len(tiles)))


@dataclass(frozen=True)
class _Pieces:
    """Both arrays tile by tile, read anew each time they are gone through."""

    tiles: list[Tile]
    labels: Any
    image: Any
    channel_axis: int | None

    def __iter__(self) -> Iterator[dict[str, Array]]:
        return (self.read(tile.core) for tile in self.tiles)

    def read(self, box: tuple[slice, ...]) -> dict[str, Array]:
        """Return a part of both, channels last."""
        labels = as_labels(np.asarray(self.labels[box]))
        if self.channel_axis is None:
            return {"labels": labels, "image": native(np.asarray(self.image[box]))}
        places: list[Any] = list(box)
        places.insert(self.channel_axis, slice(None))
        return {
            "labels": labels,
            "image": np.moveaxis(
                native(np.asarray(self.image[tuple(places)])), self.channel_axis, -1
            ),
        }
