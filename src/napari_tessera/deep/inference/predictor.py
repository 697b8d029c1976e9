"""A trained model made ready to look at images: what it says of each is found once, and kept.

image -> `fitted_image` (channels, intensities, pixel size) -> enlarged where its objects are small
-> tiles -> network -> `PixelScores` or `DetectedObjects`, which know what labels they mean.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.ids import ball_diameter, median_diameter
from napari_tessera.deep.data.appearance import figures, sample_boxes
from napari_tessera.deep.data.pieces import zoom_of
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.familiarity import Familiarity
from napari_tessera.deep.inference.fitting import FittedImage, enlarged_shape, fitted_image
from napari_tessera.deep.inference.objects import DetectedObjects
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.inference.sizing import sized
from napari_tessera.deep.inference.three_axes import averaged_scores
from napari_tessera.deep.models.library import Model
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.signature.parts import passed
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.words import Array, Report, Spacing, VoxelSize

if TYPE_CHECKING:
    import torch

    from napari_tessera.deep.inference.tile_plan import TilePlan
    from napari_tessera.deep.inference.tiling import TileRun
    from napari_tessera.deep.networks.options import Sizes

Answer = PixelScores | DetectedObjects

SLIGHT = 1.1
"""Images are not enlarged or shrunk, and predicted again, by less than this."""

_SEEN = 32  # pixels around the core of a part in which objects are found, at least

PIXELS = 1 << 20
"""About how many pixels a network sees at once."""


@dataclass(frozen=True)
class Predictor:
    """A model, and how it is to look at images.

    Attributes
    ----------
    model : Model
    device : str
        As for `napari_tessera.deep.devices.choose`.
    cache : Cache
        Where the network and what it says are kept.
    tile : int
        Side of the tiles in pixels.
    diameter : float or str
        Median diameter of the objects; 0 = measured in a first pass.
    flips : bool
        Average the scores of mirrored images.
    intensities : tuple, optional
        What becomes 0 and the range, of each channel; None = found in the image.
    spacing : sequence of float, optional
        Pixel size along each axis.
    channel_axis : int, optional
        Axis of the images that holds channels.
    sample : int
        From 1: features are left out at random, for each number others.
    averaged : bool
        Whether networks for planes look at the objects of volumes along all three axes, see
        `napari_tessera.deep.inference.three_axes`.
    """

    model: Model
    device: str = "auto"
    cache: Cache = field(default_factory=Cache)
    tile: int = 512
    diameter: float | str = "0 px"
    flips: bool = False
    intensities: Any = None
    spacing: Spacing = None
    channel_axis: int | None = None
    sample: int = 0
    averaged: bool = False

    def scores(self, image: Array, report: Report = None) -> PixelScores:
        """Return the probabilities of an image.

        Raises
        ------
        ValueError
            If the model finds objects one by one, or does not fit the image.
        """
        found = None if self.model.config.one_by_one else self.answer(image, report)
        if not isinstance(found, PixelScores):
            raise ValueError(  # noqa: TRY004 (it is the model that does not fit)
                f"model {self.model.name!r} finds objects one by one and has no probabilities of "
                "pixels; choose 'predict' or 'detect', or another model"
            )
        return found

    def objects(self, image: Array, report: Report = None) -> DetectedObjects:
        """Return the objects that are found one by one in the planes of an image.

        Raises
        ------
        ValueError
            If the model gives scores of pixels, or does not fit the image.
        """
        found = self.answer(image, report) if self.model.config.one_by_one else None
        if not isinstance(found, DetectedObjects):
            able = [each.title for each in NETWORKS.values() if each.one_by_one]
            raise ValueError(  # noqa: TRY004 (it is the model that does not fit)
                f"model {self.model.name!r} is a {NETWORKS[self.model.config.network].title}, "
                "which scores pixels; choose 'predict', or a model that finds objects one by one "
                f"({' or '.join(able)})"
            )
        return found

    def answer(self, image: Array, report: Report = None) -> Answer:
        """Return what the network says of an image, from what is kept if it did so before."""
        one_by_one, voxel = self.model.config.one_by_one, self.voxel(image)
        flips = self.flips and not one_by_one
        sight = (self.channel_axis, tuple(voxel), voxel.unit, self.intensities)
        means = flips, self.averages(len(voxel))
        part = passed(image.shape, self.channel_axis)
        own = (*sight, self.device, self.tile, self.diameter, self.sample, *means, str(part))
        said: Answer = self.cache.value(
            "objects" if one_by_one else "scores",
            cache_key(image, self.model, own),
            lambda: self._answer(image, Reporter.of(report)),
            size=lambda found: found.nbytes,
        )
        return said

    def _answer(self, image: Array, report: Reporter) -> Answer:
        from napari_tessera.deep.inference.tiling import resized

        kind = DetectedObjects if self.model.config.one_by_one else PixelScores
        fitted, wanted = self.fitted(image), self.model.config.diameter
        averages = self.averages(len(fitted.shape))
        first = report.part(0, 3) if averages else report

        def look(zoom: float, report: Reporter) -> Answer:
            enlarged = resized(fitted.array, self.enlarged_shape(fitted, zoom))
            return kind.of(enlarged, self, report).resized(fitted.shape)

        def zoom_for(diameter: float) -> float:
            zoom = self._zoom(diameter)
            return 1.0 if _is_slight(zoom) else zoom

        diameter = self._told(fitted.voxel)
        if diameter or not wanted:
            seen = look(self.zoom(fitted, diameter), first)
        else:
            found, seen = sized(look, zoom_for, first)
            diameter = (wanted if zoom_for(found) == 1 else found) / fitted.share
        if averages:
            across_z: Any = seen
            zoom = self.zoom(fitted, diameter)
            seen = averaged_scores(across_z, fitted, zoom, self, report)
        return replace(seen, diameter=diameter)

    def averages(self, axes: int) -> bool:
        """Return whether it looks at images of so many axes along three of them."""
        config = self.model.config
        able = config.kind == "objects" and not config.one_by_one
        return self.averaged and able and axes > config.axes

    def voxel(self, image: Array) -> VoxelSize:
        """Return the pixel size of an image."""
        return VoxelSize.of(self.spacing, image.ndim - (self.channel_axis is not None))

    def fitted(self, image: Array) -> FittedImage:
        """Return an image as the model takes it, not enlarged yet."""
        return fitted_image(
            image, self.model, self.voxel(image), self.channel_axis, self.intensities
        )

    def _told(self, voxel: VoxelSize) -> float:
        """Return the diameter that was told, in finest pixels; 0 = it was not."""
        return physical(self.diameter, voxel, name="diameter") / min(voxel)

    def zoom(self, fitted: FittedImage, diameter: float) -> float:
        """Return how much an image is enlarged because its objects are small, or shrunk.

        Parameters
        ----------
        fitted : FittedImage
        diameter : float
            Of the objects, in finest pixels of the image; 0 = unknown.
        """
        return self._zoom(fitted.share * diameter)

    def _zoom(self, diameter: float) -> float:
        config = self.model.config
        return zoom_of(diameter, config.diameter, config.widest)

    def remarks(self, image: Array, labels: Array) -> dict[str, str]:
        """Return in what an image differs from those of the training, and what to do about it.

        Parameters
        ----------
        image : ndarray
        labels : ndarray of int
            What the network has found in it.

        Returns
        -------
        dict
            As of `Familiarity.differences`; empty if nothing is known of the training.
        """
        config, voxel = self.model.config, self.voxel(image)
        if not config.seen:
            return {}

        def look() -> tuple[dict[str, float], float]:
            fitted = self.fitted(image)
            boxes = [
                fitted.array[(slice(None), *box)] for box in sample_boxes(fitted.array.shape[1:])
            ]
            return figures(boxes, rgb=config.rgb), fitted.share

        sight = (self.channel_axis, tuple(voxel), voxel.unit, self.intensities)
        key = cache_key(image, self.model, sight)
        own, share = self.cache.value("figures", key, look, size=lambda _: 1024)
        diameter = share * _median_diameter(labels, config.axes) if config.kind == "objects" else 0
        return Familiarity.of(config).differences(own, diameter)

    def typical_diameter(self, images: Iterable[Array]) -> str:
        """Return the median diameter of the objects in the pieces of an image, as an option.

        Those that a border of a piece cuts do not count.
        """
        from napari_tessera.algorithms.labels.boxes import found

        every = [np.empty(0)]
        for image in images:
            objects = self.answer(image).fullest()
            boxes = found(objects)
            whole = ((boxes.low > 0) & (boxes.high < np.array(objects.shape))).all(axis=1)
            every.append(boxes.pixels[whole])
            share, axes = self.fitted(image).share, objects.ndim
        sizes = np.concatenate(every)
        wanted = self.model.config.diameter
        if not sizes.size:
            return f"{wanted / share} px"
        diameter = ball_diameter(float(np.median(sizes)), axes)
        # as in a single piece, which is not enlarged by little
        slight = _is_slight(self._zoom(share * diameter))
        return f"{wanted / share if slight else diameter} px"

    def enlarged_shape(self, fitted: FittedImage, zoom: float) -> tuple[int, ...]:
        """Return the shape of an image when it is enlarged."""
        return enlarged_shape(fitted.array.shape[1:], zoom, self.model.config.axes)

    @property
    def sizes(self) -> Sizes:
        """The image sizes that the network takes."""
        config = self.model.config
        return NETWORKS[config.network].configure(**config.options).sizes

    @property
    def side(self) -> int:
        """The side of tiles; those of volumes have no more pixels than those of planes."""
        return self.tile if self.model.config.axes == 2 else max(32, round(self.tile ** (2 / 3)))

    @property
    def reach(self) -> int:
        """How far around the core of a part objects are looked at, in pixels."""
        config = self.model.config
        if config.kind != "objects":
            return 0
        return math.ceil(max(_SEEN, self.side / 4, 2 * config.diameter))

    def halo(self, axes: int) -> tuple[int, ...]:
        """Return how far around a part has to be read, so that its tiles are those of the whole."""
        config, sizes = self.model.config, self.sizes
        side = max(self.side, sizes.smallest)
        side += (sizes.offset - side) % sizes.multiple + sizes.margin
        if self.averages(axes):
            return (self.reach + side,) * axes
        return (self.reach,) * (axes - config.axes) + (self.reach + side,) * config.axes

    def tiles(self, shape: tuple[int, ...]) -> TilePlan:
        """Return how a plane or volume, or each plane of it, is covered.

        A part of one is covered as the whole is. Images that were fitted are one tile.
        """
        from napari_tessera.deep.inference.tile_plan import plan_tiles

        config = self.model.config
        if config.fitted:
            return plan_tiles(shape[-config.axes :], self.sizes, tile=max(shape))
        part = passed(shape).along(config.axes)
        whole = plan_tiles(part.whole, self.sizes, tile=self.side)
        if part.is_all:
            return whole
        own = plan_tiles(shape[-config.axes :], self.sizes, tile=self.side)
        return whole.of_part(part, self.reach) or own

    def tile_run(self, shape: tuple[int, ...]) -> TileRun:
        """Return the network at work on the tiles of planes or volumes of a shape."""
        from napari_tessera.deep.inference.tiling import TileRun

        tiles = self.tiles(shape)
        batch = max(1, PIXELS // math.prod(tiles.tile))
        return TileRun(self.network, tiles, self.place, batch)

    @property
    def place(self) -> torch.device:
        """The device on which the network runs."""
        from napari_tessera.deep import devices

        return devices.choose(self.device)

    @property
    def network(self) -> torch.nn.Module:
        """The network on its device, from what is kept if it was loaded before."""
        from napari_tessera.deep.inference.dropout import with_dropout

        place = self.place
        network: torch.nn.Module = self.cache.value(
            "network",
            (str(self.model.path), self.model.config.weights, str(place)),
            lambda: self.model.load_network().to(place),
            size=lambda network: sum(4 * each.numel() for each in network.parameters()),
        )
        return with_dropout(network, self.sample) if self.sample else network


def _median_diameter(objects: Array, axes: int) -> float:
    """Return the median diameter of objects, of a volume in the plane that is fullest of them."""
    if objects.ndim > axes:
        objects = objects[np.count_nonzero(objects, axis=(1, 2)).argmax()]
    return median_diameter(objects)


def cache_key(image: Array, model: Model, options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what tells a prediction from another one."""
    whole = np.ascontiguousarray(image)
    digest = hashlib.blake2b(whole.data, digest_size=16).digest()
    return image.shape, image.dtype.str, digest, str(model.path), model.config.weights, *options


def _is_slight(zoom: float) -> bool:
    return 1 / SLIGHT < zoom < SLIGHT
