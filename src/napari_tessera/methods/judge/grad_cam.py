"""Why a network decided so: where its features speak for a class, an object or a pixel."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import numpy as np

from napari_tessera.deep.explain.questions import Question, chosen
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.settings import Device
from napari_tessera.methods.deep.predict import TileSide
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Cached,
    ChannelAxis,
    Image,
    Intensities,
    Labels,
    Length,
    Markers,
    ModelFolder,
    Report,
    Spacing,
    Word,
)

_ADVANCED = "Advanced"


@checked
def grad_cam(
    image: Image,
    *,
    model: ModelFolder,
    target_class: str | None = None,
    at: Markers | None = None,
    labels: Labels | None = None,
    object_ids: str | None = None,
    layer: str = "bottleneck",
    weighting: Literal["channels", "places"] = "channels",
    diameter: Length = "0 px",
    tile: TileSide = 512,
    device: Annotated[Device, Word("device", section=_ADVANCED)] = "auto",
    intensities: Intensities | None = None,
    spacing: Spacing = None,
    channel_axis: ChannelAxis = None,
    cache: Cached = None,
    report: Report = None,
) -> Image:
    """Show which parts of an image speak for what a network found: a heat map (Grad-CAM).

    The score of a class, summed over the pixels that are asked about, changes with the features of
    a layer; features count by how much it does. Of networks that find objects one by one, it is the
    confidence and the mask of the objects. The map is as coarse as the features, and says what the
    network looks at, not where objects end.

    Parameters
    ----------
    image : ndarray, shape (..., Y, X), or with channels
        Intensities, a plane or a volume.
    model : str
        One of your models, by name, or the path of a model folder.
    target_class : str, optional
        The class to explain, by name or number. Empty = what was found at the chosen place; without
        one, the first class, or the surest object. Networks for objects have background, interior
        and boundary (or rim and centre), and interior (centre) is explained.
    at : ndarray of int, optional
        Points, or painted labels: the objects found there are explained; for classes, these pixels.
        With `labels`, the objects of these.
    labels : ndarray of int, optional
        Objects to explain, found or drawn by hand; what the network found does not matter then.
    object_ids : str, optional
        Numbers of the objects of `labels`, such as "3 7"; empty = all.
    layer : str
        "bottleneck" (the deepest features: what it is; coarse), "last" (the features that the
        answer is made of; fine), or the name of a layer of the network.
    weighting : {"channels", "places"}
        "channels": each kind of feature counts alike everywhere (Grad-CAM), so that other objects
        of the kind are hot too. "places": each feature counts by its own effect (HiResCAM), so that
        only what speaks for the chosen objects is hot.
    diameter : float or str
        Median diameter of the objects, by which images with small ones are enlarged for the
        network; 0 = measured in a first pass. Not used for classes.
    tile : int
        Side of the tiles in pixels. Larger images are looked at in tiles: features count alike in
        all of them, and the map has one scale, but no tile sees what lies beyond it.
    device : str
        Where the network runs: auto, cpu, cuda, cuda:1, mps.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the image that holds channels.
    cache : Cache, optional
        Where networks and what they have found are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ndarray of float32, shape (..., Y, X)
        0 (does not speak for it) to 1 (speaks most for it, of all places in `image`); 0 everywhere
        if nothing speaks for it.

    Raises
    ------
    ValueError
        If the model does not fit the image, there is no such class or layer, or nothing was found
        at the chosen place; the message says which there are.

    References
    ----------
    R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
    localization", ICCV 2017; K. Vinogradova, A. Dibrov, G. Myers, "Towards interpretable semantic
    segmentation via gradient-weighted class activation mapping", AAAI 2020; R. L. Draelos, L.
    Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks", 2020, arXiv:2011.08891; what such maps can be trusted with: J. Adebayo et al.,
    "Sanity checks for saliency maps", NeurIPS 2018.

    Examples
    --------
    >>> grad_cam(np.zeros((64, 64)), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    from napari_tessera.deep.explain.cam_targets import cam_targets
    from napari_tessera.deep.explain.grad_cam import heat_map
    from napari_tessera.deep.inference.tiling import resized

    own, cache, reporter = find_model(model), cache or Cache(), Reporter.of(report)
    predictor = Predictor(
        own, device, cache, tile, diameter, False, intensities, spacing, channel_axis
    )
    question = Question.of(own, target_class, at, labels, object_ids)
    said = predictor.answer(image, reporter.part(0, 2))
    pixels, channel = chosen(said, question)
    fitted = predictor.fitted(image)
    shape = predictor.enlarged_shape(fitted, predictor.zoom(fitted, said.diameter))
    targets = partial(cam_targets, said, pixels.reshape(fitted.shape), channel, shape)
    map_ = heat_map(
        predictor,
        resized(fitted.array, shape),
        targets,
        layer=layer,
        weights="mean" if weighting == "channels" else "each place",
        report=reporter.part(1, 2),
    )
    whole = resized(map_[None], fitted.shape)[0]
    return np.asarray(whole / (whole.max() or 1), np.float32)
