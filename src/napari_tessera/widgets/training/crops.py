"""Parts of layers as layers of their own, at their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.pipeline.source import Region
from napari_tessera.widgets.forms.refine_options import kind_of, note_kind
from napari_tessera.widgets.layers.geometry import array, between, geometry

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer


def missing_axis(image: Image, other: Layer) -> int | None:
    """Return the axis of an image that another layer of its pixels lacks, None if it has all.

    Raises
    ------
    ValueError
        If the other layer has more axes, or fewer by two or more.
    """
    more = image.ndim - other.ndim
    if more not in (0, 1):
        raise ValueError(
            f"layer {other.name!r} has {other.ndim} axes but image {image.name!r} has "
            f"{image.ndim}; choose the image that it was made of"
        )
    if not more:
        return None
    shape, own = array(image).shape, array(other).shape
    axes = [axis for axis in range(image.ndim) if (*shape[:axis], *shape[axis + 1 :]) == own]
    return axes[0] if axes else 0


def placed(region: Region, of: Layer, image: Image, channels: int | None) -> Region:
    """Return where a region of a layer lies in an image, without its channels.

    Raises
    ------
    ValueError
        If the layer's pixels are not those of the image, or lie outside of it.
    """
    kept = [axis for axis in range(image.ndim) if axis != channels]
    to_image = between(of, image, kept)
    if not np.allclose(to_image[:-1, :-1], np.eye(len(kept)), atol=1e-3):
        raise ValueError(
            f"the pixels of layer {of.name!r} are not those of image {image.name!r}; choose the "
            "image that it was made of"
        )
    offset = np.rint(to_image[:-1, -1]).astype(int)
    start, stop = (
        tuple((np.array(each) + offset).tolist()) for each in (region.start, region.stop)
    )
    shape = np.array(array(image).shape[: image.ndim])[kept]
    if min(start) < 0 or (np.array(stop) > shape).any():
        raise ValueError(f"layer {of.name!r} reaches beyond image {image.name!r}; choose another")
    return Region(start, stop)


def part_of_image(image: Image, region: Region, channels: int | None) -> Image:
    """Return a part of an image, all of its channels, as a hidden layer; pixels are not copied."""
    from napari.layers import Image as ImageLayer

    box: list[Any] = list(region.box)
    start = list(region.start)
    if channels is not None:
        box.insert(channels, slice(None))
        start.insert(channels, 0)
    return ImageLayer(
        array(image)[tuple(box)],
        name=file_name(f"{image.name} ({_corner(region.start)})"),
        rgb=image.rgb,
        colormap=image.colormap,
        contrast_limits=image.contrast_limits,
        visible=False,
        **geometry(image, start),
    )


def part_to_label(
    image: Image, region: Region, channels: int | None, begin: Labels | None
) -> Labels:
    """Return labels for a part of an image: nothing, or a copy of labels to be put right."""
    from napari.layers import Labels as LabelsLayer

    name = file_name(f"{image.name} to label ({_corner(region.start)})")
    place = geometry(image, region.start, channels)
    if begin is None:
        shape = [b - a for a, b in zip(region.start, region.stop, strict=True)]
        return LabelsLayer(np.zeros(shape, np.uint16), name=name, **place)
    data = np.array(array(begin)[region.box])
    layer = LabelsLayer(data, name=name, colormap=begin.colormap, **place)
    note_kind(layer, kind_of(begin))
    return layer


def _corner(start: Sequence[int]) -> str:
    """Return a corner for people.

    Examples
    --------
    >>> _corner((3, 0, 256))
    '3, 0, 256'
    """
    return ", ".join(map(str, start))
