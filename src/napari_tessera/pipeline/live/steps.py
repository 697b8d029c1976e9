"""Steps of a recipe that give what they find in a block when it is asked for."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.pipeline.blockwise.blocks import PIXELS, Blocks, automatic_sides
from napari_tessera.pipeline.live.grid import LiveGrid
from napari_tessera.pipeline.live.reading import chunks_of
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.source import Index
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import Array

BLOCK = 1 << 19
"""About how many pixels a block has, its halo among them: some tens of milliseconds of work."""

SIDE = 64
"""Of blocks of arrays that are not kept in chunks; and multiples of it."""

SAMPLED = 1 << 25
"""Of more pixels than this, a sample of blocks says what automatic levels are."""

_FEWEST, _MOST, _PIXELS = 4, 16, 1 << 24
"""Of how many blocks a sample is, and of how many pixels if these are more than the fewest."""


@dataclass(frozen=True)
class SampledBlocks(Blocks):
    """Some blocks of all planes or volumes, one in each of equal stretches of them.

    Attributes
    ----------
    pieces, sides, only, reading
        As for `Blocks`.
    """

    @property
    def places(self) -> list[Location]:
        """The blocks of the sample, the same ones each time."""
        grid = LiveGrid(self.shape, self.sides, self.halo)
        lead = self.pieces.lead if self.only is None else ()
        shape = (*lead, *grid.counts)
        total = math.prod(shape)
        count = min(total, max(_FEWEST, min(_MOST, _PIXELS // math.prod(self.sides))))
        # at random in each stretch: at equal distances, they could all lie at one border
        at = np.arange(count) + np.random.default_rng(0).random(count)
        cells = np.unravel_index((at * total / count).astype(np.int64), shape)
        found = []
        for cell in zip(*(axis.tolist() for axis in cells), strict=True):
            index = cell[: len(lead)] if self.only is None else self.only
            found.append(Location(index, grid.tile(cell[len(lead) :])))
        return found


class LiveStep:
    """A method on a source, block by block; its automatic levels are found when they are due.

    Parameters
    ----------
    run : Run
    finest : LiveStep, optional
        The same step on the full image, whose levels are taken; None = this is that one.

    Attributes
    ----------
    finding, sampled : bool
        Whether levels are being found now, and whether in a sample of blocks.
    """

    def __init__(self, run: Run, finest: LiveStep | None = None) -> None:
        self.run, self._finest = run, finest
        self.finding = self.sampled = False
        self._levels: dict[Index, dict[str, Any] | NothingToSeparate] = {}
        self._lock = threading.Lock()

    @property
    def can_be_cut(self) -> bool:
        """Whether blocks with a halo give what the whole gives."""
        cut = self.run.method.cut
        whole = cut.halo is None or cut.scope_of(self.run.values) == "global"
        return not whole and not self.run.method.has_loose_table

    @property
    def shape(self) -> Index:
        """Shape of a plane or volume."""
        return self.run.source.shape[len(self.run.pieces.lead) :]

    def sides(self, pixels: int) -> Index:
        """Return the sides of blocks of about so many pixels, in whole chunks of the source.

        Raises
        ------
        ValueError
            If the method cannot be cut, and its planes or volumes are too large to be worked on.
        """
        if not self.can_be_cut:
            if math.prod(self.shape) > PIXELS:
                method, over = self.run.method, self.run.pieces.over
                raise ValueError(
                    f"{method.name} cannot be worked out where one looks in {over} of {self.shape} "
                    f"pixels: {method.cut.reason or 'its table would be that of a block'}; it can "
                    f"in those of up to {PIXELS} pixels, and be run on a part (region)"
                )
            return self.shape
        halo = Blocks(self.run.pieces, self.shape).halo
        chunks = self._chunks()
        # to read a chunk for each part of it takes longer than to work on all of it
        one = math.prod(
            min(n, side + 2 * width)
            for n, side, width in zip(self.shape, chunks, halo, strict=True)
        )
        most = max(pixels, one) if one <= PIXELS else pixels
        return automatic_sides(self.shape, halo, chunks, most)

    def _chunks(self) -> Index:
        source, axes = self.run.source, len(self.shape)
        kept = chunks_of(source.array)
        sides = [SIDE] * axes if kept is None else list(kept)
        if kept is not None and source.channel_axis is not None:
            sides.pop(source.channel_axis)
        return tuple(min(n, side) for n, side in zip(self.shape, sides[-axes:], strict=True))

    @property
    def grid(self) -> LiveGrid:
        """The blocks that are worked on one by one."""
        sides = self.sides(BLOCK)
        return LiveGrid(self.shape, sides, Blocks(self.run.pieces, sides).halo)

    def at(self, place: Location, reach: int, report: Reporter) -> Array:
        """Return what the method gives at a place; 0, or labels as they are, if that is nothing."""
        own = self._levelled(place.index, report)
        if not isinstance(own, NothingToSeparate):
            try:
                piece = own.at(place, reach, report)[0]
            except NothingToSeparate:
                pass
            else:
                return np.asarray(piece[0] if isinstance(piece, tuple) else piece)
        return self._unchanged(place, reach)

    def _unchanged(self, place: Location, reach: int) -> Array:
        seen = place.tile and place.tile.around(reach).seen
        box = seen or tuple(slice(0, n) for n in self.shape)
        if self.run.method.refines:
            return as_labels(np.asarray(self.run.source.array[(*place.index, *box)]))
        return np.zeros([part.stop - part.start for part in box], np.uint8)

    # ------------------------------------------------------------------ levels

    def _levelled(self, index: Index, report: Reporter) -> Run | NothingToSeparate:
        """Return the run with all automatic levels of a plane or volume as numbers."""
        found = self.levels(index, report)
        if isinstance(found, NothingToSeparate):
            return found
        return replace(self.run, values={**self.run.values, **found})

    def levels(self, index: Index, report: Reporter) -> dict[str, Any] | NothingToSeparate:
        """Return what is found in the whole for one plane or volume, or why nothing is."""
        if self.run.method.cut.statistics is None:
            return {}
        if self._finest is not None:
            finer = zip(index, self.run.pieces.lead, self._finest.run.pieces.lead, strict=True)
            return self._finest.levels(
                tuple((2 * i + 1) * m // (2 * n) for i, n, m in finer), report
            )
        index = index if self.run.walk.levels_from == "each" else ()
        with self._lock:  # the other threads wait for the one that finds them
            if index not in self._levels:
                self._levels[index] = self._found(index, report)
            return self._levels[index]

    def _found(self, index: Index, report: Reporter) -> dict[str, Any] | NothingToSeparate:
        statistics, run = self.run.method.cut.statistics, self.run
        pieces = self._to_read(index, report)
        self.finding = True
        try:
            found = statistics(pieces, **{**run.values, "spacing": pieces.pieces.spacing})  # type: ignore[misc]
        except NothingToSeparate as reason:
            return reason
        finally:
            self.finding = False
        arrays = {each.name for each in run.method.options if each.is_array}
        return {name: value for name, value in found.items() if name not in arrays}

    def _to_read(self, index: Index, report: Reporter) -> Blocks:
        """Return the blocks in which levels are found: all of them, or a sample."""
        pieces, each = self.run.pieces, self.run.walk.levels_from == "each"
        only, planes = (index, 1) if each else (None, len(pieces))
        if planes * math.prod(self.shape) <= SAMPLED or self.run.method.cut.marks:
            return Blocks(pieces, self.sides(1 << 21), only, report)
        self.sampled = True
        return SampledBlocks(pieces, self.sides(BLOCK), only, report)


class StepArray:
    """What a step gives, worked out where it is read: the source of the next step.

    Parameters
    ----------
    step : LiveStep
    """

    def __init__(self, step: LiveStep) -> None:
        self._step = step
        self.shape: Index = step.run.source.shape
        self.ndim = len(self.shape)
        labels = {"classes": np.uint8, "objects": np.uint32}
        self.dtype = np.dtype(labels.get(step.run.kind.kind, step.run.source.array.dtype))

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        """Return a box; objects have numbers of their own in each plane or volume of it."""
        box = tuple(
            slice(*each.indices(n)[:2]) if isinstance(each, slice) else slice(each, each + 1)
            for each, n in zip(index, self.shape, strict=True)
        )
        lead = len(self._step.run.pieces.lead)
        places = list(product(*(range(part.start, part.stop) for part in box[:lead])))
        parts = [self._at(place, box[lead:]) for place in places]
        whole = np.stack(parts).reshape([part.stop - part.start for part in box])
        return whole[tuple(slice(None) if isinstance(each, slice) else 0 for each in index)]

    def _at(self, index: Index, box: tuple[slice, ...]) -> Array:
        step, report = self._step, Reporter()
        if not step.can_be_cut:
            return step.at(Location(index), 0, report)[box]
        halo = Blocks(step.run.pieces, step.shape).halo
        seen = tuple(
            slice(max(0, part.start - width), min(n, part.stop + width))
            for part, width, n in zip(box, halo, step.shape, strict=True)
        )
        return step.at(Location(index, Tile(box, seen)), 0, report)
