"""Why a network decided so: where its features speak for a class, an object or a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from napari_tessera.deep.data.object_sizes import boxes_and_sizes
from napari_tessera.deep.explain.questions import (
    by_hand,
    channel_of,
    objects_chosen,
    pixels_chosen,
    width,
)
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.objects import cached_objects
from napari_tessera.deep.inference.scores import (
    cached_network,
    cached_scores,
    enlarged_shape,
    prepared,
    side_of,
    zoomed,
)
from napari_tessera.deep.models.library import Model, ModelConfig, find_model
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import Device
from napari_tessera.methods.deep.predict import TileSide
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import (
    Array,
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
    VoxelSize,
    Word,
)

if TYPE_CHECKING:
    from napari_tessera.deep.explain.grad_cam import CamTarget, Place
    from napari_tessera.deep.inference.tiling import TilePlan

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
    own, report, cache = find_model(model), Reporter.of(report), cache or Cache()
    view = _View(image, own, VoxelSize.of(spacing, image.ndim - (channel_axis is not None)), cache)
    channel = None if target_class is None else channel_of(own, str(target_class))
    hand = by_hand(at, labels, object_ids)
    seen = view.found(
        diameter=diameter,
        tile=tile,
        device=device,
        intensities=intensities,
        spacing=spacing,
        channel_axis=channel_axis,
        report=report.part(0, 2),
    )
    choose: Any = objects_chosen if own.config.targets == "instances" else pixels_chosen
    pixels, channel = choose(seen, own, channel, at, hand)
    ready, shape = prepared(image, own, view.voxel, channel_axis, intensities)
    return view.heat(
        ready,
        view.zoom(ready.shape[-1] / shape[-1], diameter, seen),
        pixels.reshape(shape),
        channel,
        layer=layer,
        weighting=weighting,
        tile=tile,
        device=device,
        report=report.part(1, 2),
    )


@dataclass(frozen=True)
class _View:
    """A model that looks at an image."""

    image: Array
    model: Model
    voxel: VoxelSize
    cache: Cache

    def found(self, **options: Any) -> Any:
        """Return what the network finds: probabilities (K, *P), or a list of `Found`."""
        if self.model.config.targets == "instances":
            return cached_objects(self.image, self.model, cache=self.cache, **options)
        return cached_scores(self.image, self.model, cache=self.cache, flips=False, **options)

    def zoom(self, share: float, diameter: float | str, seen: Any) -> float:
        """Return how much the network enlarges an image that was resized by `share` before."""
        told = physical(diameter, self.voxel, name="diameter") / min(self.voxel)
        return zoomed(
            lambda zoom, report: zoom,
            lambda _: width(seen, self.model.config),
            self.model.config,
            told=told,
            share=share,
            report=Reporter(),
        )

    def heat(
        self,
        ready: Array,
        zoom: float,
        pixels: Array,
        channel: int | None,
        *,
        layer: str,
        weighting: str,
        tile: int,
        device: str,
        report: Reporter,
    ) -> Array:
        """Return the map of an image (C, *P), about labelled pixels of it as it was."""
        from napari_tessera.deep import devices
        from napari_tessera.deep.explain import grad_cam as cam
        from napari_tessera.deep.explain.layers import find_layer
        from napari_tessera.deep.inference import tiling as tiled

        config, place = self.model.config, devices.choose(device)
        network = cached_network(self.model, place, self.cache)
        sizes = NETWORKS[config.network].configure(**config.options).sizes
        found = find_layer(
            network, layer, sizes=sizes, in_channels=config.in_channels, axes=config.axes
        )
        image = tiled.resized(ready, enlarged_shape(ready.shape[1:], zoom, config.axes))
        flat = config.axes < image.ndim - 1
        images = list(np.moveaxis(image, 1, 0)) if flat else [image]  # of (C, *P)
        shape = images[0].shape[1:]
        tiles = tiled.plan_tiles(shape, sizes, tile=side_of(tile, config, shape))
        map_ = cam.heat(
            images,
            network,
            tiles,
            found,
            _asked(network, tiles, pixels, channel, image.shape[1:], config),
            weights="mean" if weighting == "channels" else "each place",
            device=place,
            report=report,
        )
        whole = tiled.resized((map_ if flat else map_[0])[None], pixels.shape)[0]
        return np.asarray(whole / (whole.max() or 1), np.float32)


def _asked(
    network: Any,
    tiles: TilePlan,
    pixels: Array,
    channel: int | None,
    shape: tuple[int, ...],
    config: ModelConfig,
) -> dict[Place, CamTarget]:
    """Return what is asked of each tile of an image that has another shape than the labels."""
    from napari_tessera.deep.explain import grad_cam as cam
    from napari_tessera.deep.explain.objects import objects_asked

    if config.targets != "instances":
        counts = cam.shrunk(pixels > 0, shape)
        counts = counts if config.axes < len(shape) else counts[None]
        return cam.pixels_asked(network, tiles, counts, int(channel or 0))
    planes = pixels if pixels.ndim == 3 else pixels[None]
    factors = np.array([shape[-1] / pixels.shape[-1], shape[-2] / pixels.shape[-2]] * 2)
    boxes = [
        (z, box * factors) for z, plane in enumerate(planes) for box in boxes_and_sizes(plane).boxes
    ]
    return objects_asked(network, tiles, boxes, channel)
