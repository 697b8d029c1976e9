"""How sure a network is of each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Annotated, Literal

import numpy as np

from napari_tessera.deep.model import find
from napari_tessera.deep.predict import TileSide
from napari_tessera.deep.scoring import kept_scores
from napari_tessera.deep.settings import Device
from napari_tessera.kept import Kept
from napari_tessera.signature import checked
from napari_tessera.types import (
    Array,
    ChannelAxis,
    Image,
    Intensities,
    Keeping,
    Length,
    ModelFolder,
    Report,
    Reporter,
    Spacing,
    Word,
)

_ADVANCED = "Advanced"


@checked
def uncertainty(
    image: Image,
    *,
    model: ModelFolder,
    measure: Literal["entropy", "flips"] = "entropy",
    diameter: Length = "0 px",
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    kept: Keeping = None,
    report: Report = None,
) -> Image:
    """Show where a network is not sure: places to look at, and to label next.

    A network can be sure and wrong, most of all in images unlike those it was trained on.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume.
    model : str
        One of your models, by name, or the path of a model folder. Networks that find objects one
        by one tell how sure they are of each in their table instead.
    measure : {"entropy", "flips"}
        "entropy": how evenly the probabilities are shared out among the classes. "flips": how far
        the predictions of the image and of its mirror images disagree (mutual information), each
        of which may be sure; it takes four times as long, of networks for volumes eight times.
    diameter : float or str
        Median diameter of the objects, by which images with small ones are enlarged for the
        network; 0 = measured in a first pass. Not used for classes.
    tile : int
        Side of the tiles in pixels; smaller ones need less memory.
    device : str
        Where the network runs: auto, cpu, cuda, cuda:1, mps.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the image that holds channels.
    kept : Kept, optional
        Where networks and probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of float32, shape (..., Y, X)
        0 (sure) to 1 (all classes are as probable; of "flips": the views are sure of different
        ones). The mean over an object is that of the object: see `measure`.

    Raises
    ------
    ValueError
        If the model does not fit the image, or finds objects one by one.

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", 1948. G. Wang et al., "Aleatoric
    uncertainty estimation with test-time augmentation for medical image segmentation with
    convolutional neural networks", Neurocomputing 338, 2019.

    Examples
    --------
    >>> uncertainty(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    own, reporter, memory = find(model), Reporter.of(report), kept or Kept()
    last = image.ndim if channel_axis is None else image.ndim - 1
    views = list(_views(last, own.config.axes)) if measure == "flips" else [()]
    shape = image.shape if channel_axis is None else np.delete(image.shape, channel_axis)
    each, mean = np.zeros(shape), None
    for number, axes in enumerate(views):
        found = kept_scores(
            _flipped(image, axes, channel_axis),
            own,
            kept=memory,
            spacing=spacing,
            channel_axis=channel_axis,
            device=device,
            report=reporter.part(number, len(views)),
            intensities=intensities,
            diameter=diameter,
            flips=False,
            tile=tile,
        )  # (K, *P)
        found = np.flip(found, tuple(axis + 1 for axis in axes))
        each += entropy(found) / len(views)
        mean = found / len(views) if mean is None else mean + found / len(views)
    if measure == "entropy" or mean is None:
        return each.astype(np.float32)
    return np.asarray(np.clip(entropy(mean) - each, 0, 1), np.float32)


def entropy(probabilities: Array) -> Array:
    """Return the entropy of probabilities (K, *P), 0 to 1: as a share of the largest possible.

    Examples
    --------
    >>> entropy(np.array([[1.0, 0.5], [0.0, 0.5]]))
    array([0., 1.])
    """
    total = np.zeros(probabilities.shape[1:], np.result_type(probabilities, np.float32))
    for own in probabilities:
        total -= own * np.log(np.maximum(own, np.finfo(np.float32).tiny))
    return np.asarray(total / np.log(len(probabilities)))


def _views(axes: int, mirrored: int) -> Iterator[tuple[int, ...]]:
    """Yield the axes, of the last few, along which each view of an image is mirrored."""
    last = range(axes - mirrored, axes)
    return chain.from_iterable(combinations(last, count) for count in range(mirrored + 1))


def _flipped(image: Array, axes: tuple[int, ...], channel_axis: int | None) -> Array:
    """Return an image mirrored along some of its axes besides the channels."""
    if channel_axis is not None:
        places = [axis for axis in range(image.ndim) if axis != channel_axis % image.ndim]
        axes = tuple(places[axis] for axis in axes)
    return np.ascontiguousarray(np.flip(image, axes))
