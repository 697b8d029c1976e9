"""What a pixel classifier has learnt, kept in a folder: its forest and the examples behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from napari_tessera.algorithms.filters.pixel_features import FilterBank, doubling
from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.algorithms.forest.pixels import MarkedPixels
from napari_tessera.deep.models.places import FOREST
from napari_tessera.methods.forest_folder import ForestFolders, forest_from
from napari_tessera.signature.units import METRES, physical, unit
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

FINEST, COARSEST = 0.05, 64.0
"""Scales in finest pixels: Gaussians that do nothing, and those that take long."""

_OF_EXAMPLES = ("labels", "rows", "drawn")


class _Config(TypedDict):
    schema: int
    kind: str
    smallest_scale: str
    largest_scale: str
    texture: bool
    axes: int
    channels: int
    classes: tuple[int, ...]
    seed: int
    forest: str
    versions: dict[str, str]


_FOLDERS = ForestFolders("pixel classifier", FOREST, _Config, "draw strokes, and save one")


@dataclass(frozen=True)
class Scales:
    """At which scales filters look, as lengths that mean the same in images of any pixel size.

    Attributes
    ----------
    smallest, largest : float or str
        Lengths.
    texture : bool
    """

    smallest: float | str
    largest: float | str
    texture: bool

    def bank(self, voxel: VoxelSize) -> FilterBank:
        """Return the filters for an image.

        Raises
        ------
        ValueError
            If the scales are too fine or too coarse for its pixels.
        """
        finest = min(voxel)
        low = physical(self.smallest, voxel, name="smallest_scale") / finest
        high = physical(self.largest, voxel, name="largest_scale") / finest
        if not FINEST <= low <= high <= COARSEST:
            raise ValueError(
                f"smallest_scale is {self.smallest!r} and largest_scale {self.largest!r}, {low:g} "
                f"and {high:g} pixels; choose from {FINEST:g} to {COARSEST:g}, the largest not "
                "below the smallest"
            )
        sizes = tuple(size / finest for size in voxel)
        return FilterBank(doubling(low, high), sizes, self.texture)

    def of_size(self, voxel: VoxelSize) -> Scales:
        """Return them in a unit of length, where pixels have one."""
        own = unit(voxel.unit)
        size, name = (1.0, own) if own in METRES else (min(voxel), "px")
        low, high = (physical(each, voxel) / size for each in (self.smallest, self.largest))
        return Scales(f"{low:.9g} {name}", f"{high:.9g} {name}", self.texture)


@dataclass(frozen=True, eq=False)
class PixelClassifier:
    """A forest with all that it needs to classify other images, and to learn more.

    Attributes
    ----------
    scales : Scales
    axes : int
        2 for planes, 3 for volumes.
    channels : int
        How many channels the images have.
    seed : int
        Of the random numbers.
    forest : Forest
    examples : MarkedPixels
        What it was learnt from.
    """

    scales: Scales
    axes: int
    channels: int
    seed: int
    forest: Forest
    examples: MarkedPixels

    def save(self, place: str | Path) -> Path:
        """Write it to a new folder: a name among the user's models, or a path.

        Raises
        ------
        FileExistsError
            If there is one of that name.
        """
        about = {
            "smallest_scale": str(self.scales.smallest),
            "largest_scale": str(self.scales.largest),
            "texture": self.scales.texture,
            "axes": self.axes,
            "channels": self.channels,
            "classes": self.forest.classes,
            "seed": self.seed,
        }
        examples = {name: getattr(self.examples, name) for name in _OF_EXAMPLES}
        return _FOLDERS.write(place, about, self.forest, examples)

    def check(self, axes: int, channels: int, name: str = "classifier") -> None:
        """Raise an error unless images are such as it was learnt from."""
        for what, own, given in (
            ("spatial axes", self.axes, axes),
            ("channels", self.channels, channels),
        ):
            if own != given:
                raise ValueError(
                    f"{name} was learnt from images of {own} {what}, but image has {given}; pass "
                    "such an image, or draw strokes and leave out the classifier"
                )


def find_classifier(classifier: str | Path) -> PixelClassifier:
    """Return a pixel classifier by the name or the path of its folder.

    Parameters
    ----------
    classifier : str or Path
        "name@" and the first 12 digits of the hash of its forest stand for this and no other.

    Raises
    ------
    ValueError
        If there is none, it cannot be read, or it is another one.
    """
    name, config, arrays = _FOLDERS.read(classifier)
    try:
        examples = MarkedPixels(config["seed"])
        examples.keep(*(arrays[each] for each in _OF_EXAMPLES))
        forest = forest_from(tuple(config["classes"]), arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ValueError(_FOLDERS.damage(name, error)) from None
    scales = Scales(config["smallest_scale"], config["largest_scale"], config["texture"])
    axes, channels = config["axes"], config["channels"]
    return PixelClassifier(scales, axes, channels, config["seed"], forest, examples)


pinned_classifier = _FOLDERS.pinned
"""Takes a name or a folder and returns what finds the classifier as it is now, and no other."""

classifiers = _FOLDERS.names
"""Returns the names of the user's pixel classifiers, the newest first."""
