"""What a pixel classifier has learnt, kept in a folder: its forest and the examples behind it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.algorithms.filters.pixel_features import FilterBank, doubling
from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.algorithms.forest.pixels import MarkedPixels
from napari_tessera.deep.models.folder import CONFIG, sha256
from napari_tessera.deep.models.places import FOREST, models_folder, place_of
from napari_tessera.signature.schema import read_as
from napari_tessera.signature.text_files import parse_json, read_text
from napari_tessera.signature.units import METRES, physical, unit
from napari_tessera.signature.words import VoxelSize

SCHEMA = 1
"""Version of this layout."""

FINEST, COARSEST = 0.05, 64.0
"""Scales in finest pixels: Gaussians that do nothing, and those that take long."""

_LARGEST = 1 << 20  # bytes of a config
_PIN = re.compile(r"(.+)@([0-9a-f]{12})")
_OF_TREES = ("roots", "feature", "left", "level", "shares", "gains")
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
        from safetensors.numpy import save_file

        path = place_of(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, owned=lambda _: False) as fresh:
            fresh.mkdir()
            arrays = {name: getattr(self.forest, name) for name in _OF_TREES}
            arrays |= {name: getattr(self.examples, name) for name in _OF_EXAMPLES}
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, fresh / FOREST)
            config = json.dumps(self._config(sha256(fresh / FOREST)), indent=2)
            (fresh / CONFIG).write_text(config + "\n", encoding="utf-8")
        return path

    def _config(self, forest: str) -> _Config:
        return {
            "schema": SCHEMA,
            "kind": "pixel classifier",
            "smallest_scale": str(self.scales.smallest),
            "largest_scale": str(self.scales.largest),
            "texture": self.scales.texture,
            "axes": self.axes,
            "channels": self.channels,
            "classes": self.forest.classes,
            "seed": self.seed,
            "forest": forest,
            "versions": {name: version(name) for name in ("napari-tessera", "numpy", "numba")},
        }

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
    path, pin = _place(classifier)
    config = _config_of(path)
    if pin and not config["forest"].startswith(pin):
        raise ValueError(
            f"classifier {path.name!r} has another forest ({config['forest'][:12]}) than the one "
            f"asked for ({pin}): it was learnt again; leave out '@{pin}' to use it as it is now"
        )
    if sha256(path / FOREST) != config["forest"]:
        raise ValueError(
            f"classifier {path.name!r}: {FOREST} is damaged or was exchanged; restore the folder "
            "from a copy, or learn it anew"
        )
    return _read(path, config)


def pinned_classifier(classifier: str | Path) -> str:
    """Return what finds a classifier with the forest it has now, and no other."""
    path, _ = _place(classifier)
    own = path.parent.resolve() == models_folder().resolve()
    return f"{path.name if own else path}@{_config_of(path)['forest'][:12]}"


def classifiers() -> list[str]:
    """Return the names of the user's pixel classifiers, the newest first."""
    folder = models_folder()
    inner = folder.iterdir() if folder.is_dir() else ()
    found = [each for each in inner if (each / FOREST).is_file() and each.name[:1] != "."]
    return [each.name for each in sorted(found, key=lambda e: -(e / CONFIG).stat().st_mtime)]


def _place(classifier: str | Path) -> tuple[Path, str]:
    """Return the folder of a classifier, and the beginning of the hash that it must have."""
    text, pin = str(classifier), ""
    if not Path(text).expanduser().is_dir() and (match := _PIN.fullmatch(text)):
        text, pin = match[1], match[2]
    return place_of(Path(text) if isinstance(classifier, Path) else text), pin


def _config_of(path: Path) -> _Config:
    if not (path / FOREST).is_file():
        known = ", ".join(classifiers()) or "there is none yet: draw strokes, and save one"
        what = "is no pixel classifier" if path.is_dir() else "is not there"
        raise ValueError(f"classifier is {path.name!r}, but {path} {what}; choose one of {known}")
    try:
        text = read_text(path / CONFIG, largest=_LARGEST)
        found: _Config = read_as(_Config, parse_json(text, CONFIG), f"{CONFIG}: ")
    except (OSError, ValueError) as error:
        raise ValueError(f"classifier {path.name!r}: {error}") from None
    if found["schema"] > SCHEMA:
        raise ValueError(
            f"classifier {path.name!r} has the layout {found['schema']}, but {SCHEMA} is the "
            "newest known here; update napari-tessera"
        )
    return found


def _read(path: Path, config: _Config) -> PixelClassifier:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path / FOREST)
        trees = {name: arrays[name] for name in _OF_TREES}
        examples = MarkedPixels(config["seed"])
        examples.keep(*(arrays[name] for name in _OF_EXAMPLES))
        forest = Forest(tuple(config["classes"]), len(trees["gains"]), **trees)
        forest.check()
    except (SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"classifier {path.name!r}: {FOREST} is no intact forest ({error})"
        ) from None
    scales = Scales(config["smallest_scale"], config["largest_scale"], config["texture"])
    axes, channels = config["axes"], config["channels"]
    return PixelClassifier(scales, axes, channels, config["seed"], forest, examples)
