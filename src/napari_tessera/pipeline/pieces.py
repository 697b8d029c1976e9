"""The planes or volumes of a source, one after the other, with what else a method takes there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box, Tile
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.source import Index, Points, Region, Source, grey
from napari_tessera.signature.arrays import as_labels, fitting, native
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import AXES, Array, ArrayWord, Over, VoxelSize


@dataclass(frozen=True)
class Location:
    """A plane or volume, or a block of it.

    Attributes
    ----------
    index : tuple of int
        Which plane or volume.
    tile : Tile, optional
        The block within it; None = all of it.
    """

    index: Index
    tile: Tile | None = None

    @property
    def core(self) -> tuple[Any, ...]:
        """What indexes it in an array of the whole."""
        return self.index if self.tile is None else (*self.index, *self.tile.core)

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is kept under: its index, and where the block begins."""
        start = () if self.tile is None else tuple(part.start for part in self.tile.core)
        return self.index, start

    @property
    def seen(self) -> Region:
        """What is read of a block."""
        return self.region(() if self.tile is None else self.tile.seen)

    def region(self, box: Box) -> Region:
        """Return a box of its plane or volume as a part of the whole."""
        start = (*self.index, *(part.start for part in box))
        return Region(start, (*(i + 1 for i in self.index), *(part.stop for part in box)))


@dataclass(frozen=True)
class Pieces:
    """The planes or volumes of a source; going through them reads their arrays.

    Attributes
    ----------
    method : Method
    source : Source
    values : mapping
        Its complete parameters; arrays have the source's shape without channels, or that of one
        plane.
    over : {"planes", "volume"}
        How many of the last axes a piece has, two or three.
    reading : Reporter
        Hears of each piece that is read.
    """

    method: Method
    source: Source
    values: Mapping[str, Any]
    over: Over
    reading: Reporter = field(default_factory=Reporter)

    def __post_init__(self) -> None:
        if len(self.source.shape) < self.axes:
            raise ValueError(
                f"{self.source.name} has shape {self.source.shape}; working on {self.over} needs "
                f"{self.axes} axes besides the channels"
            )

    @property
    def axes(self) -> int:
        """How many axes a piece has, channels not counted."""
        return AXES[self.over]

    @property
    def spacing(self) -> VoxelSize:
        """Pixel size along the axes of a piece."""
        return self.source.voxel(self.axes)

    @property
    def lead(self) -> tuple[int, ...]:
        """Lengths of the axes that the pieces differ in."""
        return self.source.shape[: -self.axes]

    def __len__(self) -> int:
        return math.prod(self.lead)

    def __iter__(self) -> Iterator[dict[str, Array]]:
        """Read the arrays of one piece after the other, for the statistics."""
        for number, index in enumerate(np.ndindex(self.lead)):
            self.reading(Progress(number, len(self)))
            if self.tells(index):
                yield self.arrays(index)

    def tells(self, index: Index) -> bool:
        """Return whether the statistics learn something in one piece: without marks they do not."""
        name = self.method.cut.marks
        if not name or self.values.get(name) is None:
            return True
        word = next(each.word for each in self.method.options if each.name == name)
        return bool(self._beside(name, cast("ArrayWord", word), self.values[name], index).any())

    def resolved(self) -> dict[str, Any]:
        """Return the values with everything automatic as numbers, found in all pieces."""
        return self.method.cut.resolve(self, self.values, self.spacing)

    def arrays(self, index: Index) -> dict[str, Array]:
        """Read all arrays of one piece, keyed by argument."""
        own = self.method.source
        arrays = {own.name: self.read(index, self.source)}
        for option in self.method.options:
            given = self.values[option.name]
            if isinstance(option.word, ArrayWord) and given is not None:
                arrays[option.name] = self._beside(option.name, option.word, given, index)
        words = {each.name: each.word for each in self.method.parameters}
        fit = {
            name: fitting(name, word, arrays[name])  # statistics read them too, past its checks
            for name, word in words.items()
            if isinstance(word, ArrayWord) and name in arrays
        }
        return {**fit, own.name: as_labels(fit[own.name])} if own.is_labels else fit

    def read(self, index: Index, source: Source) -> Array:
        """Read a source at one place; channels last if the method takes them, else as one."""
        box: list[Any] = [*index, *[slice(None)] * self.axes]
        axis, rgb = source.channel_axis, source.rgb
        if axis is None:
            return native(np.asarray(source.array[tuple(box)]))
        one = source.channel is not None
        box.insert(axis, source.channel if one else slice(None))
        piece = native(np.asarray(source.array[tuple(box)]))
        if one:
            return piece
        # leading axes before the channels are gone
        piece = np.moveaxis(piece, axis - min(len(index), axis), -1)
        piece = piece[..., :3] if rgb else piece  # transparency is no colour
        return piece if self.method.takes_channels else grey(piece, rgb=rgb)

    def _beside(self, name: str, word: ArrayWord, given: Any, index: Index) -> Array:
        """Return the part of an extra array that belongs to one piece."""
        shape = self.source.shape
        if isinstance(given, Points):
            if not word.from_points:
                raise ValueError(f"{name} is points; pass a labels image or a mask")
            return given.at(index, shape)
        given = given if hasattr(given, "shape") else np.asarray(given)
        if isinstance(given, Source) and given.shape == shape:
            return word.as_passed(self.read(index, given), self.axes)
        if tuple(given.shape) == shape:
            return np.asarray(given[(*index, *[slice(None)] * self.axes)])
        own = 0 if isinstance(given, Source) else len(given.shape)
        if own >= self.axes and tuple(given.shape) == shape[-own:]:
            return np.asarray(given[index[len(shape) - own :]])
        raise ValueError(
            f"{name} has shape {tuple(given.shape)} but {self.source.name} has {shape}; pass one "
            "of the same grid"
        )
