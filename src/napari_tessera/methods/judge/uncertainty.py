"""How sure a network is of each pixel."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Annotated, Literal

import numpy as np

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.settings import Device
from napari_tessera.methods.deep.predict import TileSide
from napari_tessera.signature.parts import passed, passing
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
    Cached,
    ChannelAxis,
    Image,
    Intensities,
    Length,
    PixelModelFolder,
    Report,
    Spacing,
    Word,
)

_ADVANCED = "Advanced"


@checked
def uncertainty(
    image: Image,
    *,
    model: PixelModelFolder,
    measure: Literal["entropy", "flips", "dropout"] = "entropy",
    samples: Annotated[int, Word(low=2, high=200, when=("measure", ("dropout",)))] = 10,
    diameter: Length = "0 px",
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    cache: Cached = None,
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
    measure : {"entropy", "flips", "dropout"}
        "entropy": how evenly the probabilities are shared out among the classes. "flips": how far
        the predictions of the image and of its mirror images disagree (mutual information), each
        of which may be sure; it takes four times as long, of networks for volumes eight times.
        "dropout": the same of predictions for which features are left out at random, as when the
        network learnt (Monte-Carlo dropout); only for networks that have dropout.
    samples : int
        Predictions for "dropout", 2 to 200: more are more exact, and take longer.
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
    cache : Cache, optional
        Where networks and probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of float32, shape (..., Y, X)
        0 (sure) to 1 (all classes are as probable; of "flips" and "dropout": the predictions are
        sure of different ones). The mean over an object is that of the object: see `measure`.

    Raises
    ------
    ValueError
        If the model does not fit the image, finds objects one by one or, for "dropout", has none.

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", 1948. G. Wang et al., "Aleatoric
    uncertainty estimation with test-time augmentation for medical image segmentation with
    convolutional neural networks", Neurocomputing 338, 2019. Y. Gal, Z. Ghahramani, "Dropout as a
    Bayesian approximation: representing model uncertainty in deep learning", ICML 2016.

    Examples
    --------
    >>> uncertainty(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    own, cache, reporter = find_model(model), cache or Cache(), Reporter.of(report)
    predictor = Predictor(
        own, device, cache, tile, diameter, False, intensities, spacing, channel_axis
    )
    if measure == "entropy":
        return entropy(predictor.scores(image, reporter).array).astype(np.float32)
    views: list[tuple[tuple[int, ...], int]]
    if measure == "flips":
        # mirrored along none, some or all of the axes that the network sees
        own_axes = range(image.ndim - (channel_axis is not None))[-own.config.axes :]
        views = [(few, 0) for n in range(len(own_axes) + 1) for few in combinations(own_axes, n)]
    else:
        _check_dropout(predictor)
        views = [((), number) for number in range(1, samples + 1)]
    if own.config.diameter and not float(str(diameter).split()[0]):
        # all predictions of one scale
        first = predictor.scores(image, reporter.part(0, len(views) + 1))
        predictor = replace(predictor, diameter=f"{first.diameter} px")
    place = passed(image.shape, channel_axis)
    each, mean = np.zeros(()), np.zeros(())
    for number, (axes, sample) in enumerate(views, start=1):
        part = reporter.part(number, len(views) + 1)
        # mirrored, a part of an image lies elsewhere
        with passing(place.flipped(axes)):
            view = replace(predictor, sample=sample)
            seen = view.scores(_flipped(image, axes, channel_axis), part)
        found = np.flip(seen.array, tuple(axis + 1 for axis in axes))  # (K, *P)
        each, mean = each + entropy(found) / len(views), mean + found / len(views)
    return np.asarray(np.clip(entropy(mean) - each, 0, 1), np.float32)


def _check_dropout(predictor: Predictor) -> None:
    from napari_tessera.deep.inference.dropout import has_dropout

    if not has_dropout(predictor.network):
        raise ValueError(
            f"measure is 'dropout', but model {predictor.model.name!r} has no dropout; choose "
            "'entropy' or 'flips', or train a network with dropout"
        )


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


def _flipped(image: Array, axes: tuple[int, ...], channel_axis: int | None) -> Array:
    """Return an image mirrored along some of its axes besides the channels."""
    if channel_axis is not None:
        places = [axis for axis in range(image.ndim) if axis != channel_axis % image.ndim]
        axes = tuple(places[axis] for axis in axes)
    return np.ascontiguousarray(np.flip(image, axes))
