"""Labels of an image that may be larger than memory, worked out where they are looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.labels.ids import renumbered
from napari_tessera.algorithms.parallel import WORKERS
from napari_tessera.pipeline.blockwise.blocks import Blocks
from napari_tessera.pipeline.blockwise.joining import REACH
from napari_tessera.pipeline.live.grid import LiveGrid
from napari_tessera.pipeline.live.levels import LiveLevel, levels_of
from napari_tessera.pipeline.live.queue import LiveQueue
from napari_tessera.pipeline.live.store import KEPT, Key, LiveBlock, LiveStore
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Index, Source
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Look

if TYPE_CHECKING:
    from types import TracebackType

READ_ONLY = (
    "live labels are worked out where they are looked at, and cannot be changed; freeze them to "
    "disk, and change what was written"
)


@dataclass(frozen=True)
class LiveStatus:
    """How far a live segmentation has come with what is looked at.

    Attributes
    ----------
    done, blocks : int
        How many of the blocks that are looked at are there, and how many these are.
    fits : bool
        Whether they are worked on; if not, they are more than are kept.
    finding : bool
        Whether automatic levels are being found, which comes first.
    sampled : bool
        Whether automatic levels were found in a sample of blocks.
    error : Exception or None
        What went wrong last.
    """

    done: int
    blocks: int
    fits: bool
    finding: bool = False
    sampled: bool = False
    error: Exception | None = None

    def __str__(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> str(LiveStatus(2, 3, True))
        'Live: 2 of 3 blocks.'
        >>> str(LiveStatus(0, 90_000, False))
        'Live: zoom in; what is shown has 90000 blocks, too many to be kept in memory.'
        """
        if not self.fits:
            return (
                f"Live: zoom in; what is shown has {self.blocks} blocks, too many to be kept in "
                "memory."
            )
        if self.finding:
            return "Live: automatic levels are being found ..."
        levels = " Automatic levels are from a sample of blocks." if self.sampled else ""
        return f"Live: {self.done} of {self.blocks} blocks.{levels}"


class LiveLabels:
    """Labels that are read at once: 0 where they are not worked out yet, which begins then.

    Objects have numbers that no other has. Those in several blocks become one as soon as the blocks
    are there.

    Parameters
    ----------
    sources : sequence of Source
        The image, and the smaller levels of its pyramid if it has any.
    recipe : Recipe
    arrays : mapping, optional
        Images that the recipe only names, or other markers and masks than it keeps.
    memory : int
        Bytes of labels that are kept at most.
    arrived : callable, optional
        Called, in a thread, when a block has arrived that is looked at.

    Attributes
    ----------
    levels : list of LiveView
        What is shown at each zoom, the finest first; reading them begins nothing.
    news : int
        How many blocks have arrived so far.

    Raises
    ------
    ValueError
        If the recipe cannot be followed block by block.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        recipe: Recipe,
        arrays: Mapping[str, Any] | None = None,
        *,
        memory: int = KEPT,
        arrived: Callable[[], None] | None = None,
    ) -> None:
        self._levels = levels_of(sources, recipe, arrays or {})
        self._memory, self._arrived = memory, arrived
        first = self._levels[0]
        self._numbered = first.last.run.kind.numbered and not first.keeps_ids
        self.shape: Index = first.shape
        self.ndim, self.dtype = len(self.shape), first.dtype
        self.levels = [
            LiveView(self, number, tuple(slice(0, n) for n in each.shape))
            for number, each in enumerate(self._levels)
        ]
        self._grids = list({id(each.grid): each.grid for each in self._levels}.values())
        self._store = LiveStore(memory, numbered=self._numbered, exact=first.exact)
        own = any(step.run.method.cost.all_cores for step in first.steps)
        # threads of this name leave the cores to one another
        name = "live segmentation" if own else "tessera live segmentation"
        self._queue = LiveQueue(self._work, 1 if own else self._workers(), name)
        self._shown: dict[Key, None] = {}
        self._blocks, self._fits, self.news = 0, True, 0

    def _workers(self) -> int:
        """Return how many blocks are worked on at once, as far as memory goes."""
        first = self._levels[0]
        return Blocks(first.last.run.pieces, first.grid.sides).at_once(WORKERS)

    # ------------------------------------------------------------------ an array

    def __getitem__(self, index: Any) -> Array:
        """Return what is there of a part, and work on the rest."""
        view = self.levels[0][index]
        self.look_at(0, view.box)
        return np.asarray(view)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ValueError(READ_ONLY)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[()], dtype)

    def wait(self, patience: float | None = None) -> bool:
        """Wait until all is worked out that was read or looked at last.

        Parameters
        ----------
        patience : float, optional
            How many seconds at most; None = until it is.

        Returns
        -------
        bool
            Whether it is.

        Raises
        ------
        Exception
            That of the method, if it has failed.
        """
        done = self._queue.wait(patience)
        if self._queue.error is not None:
            raise self._queue.error
        return done

    def close(self) -> None:
        """Work on nothing any more; what is there can still be read."""
        self._queue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ what is looked at

    def look_at(self, level: int, box: Box | None) -> None:
        """Work on a box of a level first, from its centre outwards, and then on what is beside it.

        What is not looked at any more is dropped.

        Parameters
        ----------
        level : int
        box : tuple of slice or None
            In pixels of the level; None = nothing is looked at.
        """
        if box is None or any(part.start >= part.stop for part in box):
            self._shown, self._blocks, self._fits = {}, 0, True
            self._queue.want(())
            return
        own = self._levels[level]
        looked = _Looked(self._grids.index(own.grid), own.grid, _unstrided(own, box))
        room = self._memory // (self.dtype.itemsize * _kept_pixels(own.grid))
        self._blocks = looked.count
        self._fits = looked.count <= max(1, room)
        shown = looked.nearest_first() if self._fits else []
        beside = looked.beside(room - len(shown), own.last.run.source.shape) if shown else []
        self._store.use([*beside, *reversed(shown)])
        self._shown = dict.fromkeys(shown)
        self._queue.want([key for key in [*shown, *beside] if key not in self._store])

    @property
    def status(self) -> LiveStatus:
        """How far it has come with what is looked at."""
        done = sum(key in self._store for key in list(self._shown))
        steps = self._levels[0].steps
        finding = self._queue.is_busy and any(step.finding for step in steps)
        sampled = any(step.sampled for step in steps)
        return LiveStatus(done, self._blocks, self._fits, finding, sampled, self._queue.error)

    @property
    def is_busy(self) -> bool:
        """Whether threads are at work."""
        return self._queue.is_busy

    @property
    def nbytes(self) -> int:
        """Bytes of labels that are kept."""
        return self._store.nbytes

    @property
    def look(self) -> Look:
        """Names and colours of classes."""
        run = self._levels[0].last.run
        return Look() if run.method.look is None else run.method.look(run.values)

    # ------------------------------------------------------------------ blocks

    def _work(self, key: Any, report: Reporter) -> None:
        """Work on one block, in a thread."""
        number, index, cell = key
        grid = self._grids[number]
        level = next(each for each in self._levels if each.grid is grid)
        tile = grid.tile(cell)
        reach = REACH if self._numbered and grid.is_cut else 0
        place = Location(index, tile if grid.is_cut else None)
        labels = level.last.at(place, reach, report)
        beside = [(number, index, each) for each in grid.around(cell, REACH)] if reach else []
        self._store.put(key, tile.around(reach), labels, beside)
        self.news += 1
        if self._arrived is not None and key in self._shown:
            self._arrived()

    def read(self, level: int, box: Box) -> Array:
        """Return what is there of a box of a level, 0 elsewhere; begins nothing."""
        own = self._levels[level]
        looked = _Looked(self._grids.index(own.grid), own.grid, _unstrided(own, box))
        result = np.zeros([part.stop - part.start for part in box], self.dtype)
        few = looked.count <= len(self._store)
        for key, block in self._store.blocks(looked.keys if few else None):
            if key[0] == looked.number:
                _write(result, box, own, key[1], block)
        return result


class LiveView:
    """A part of a level of live labels, read when it is made a NumPy array.

    Parameters
    ----------
    labels : LiveLabels
    level : int
    box : tuple of slice
    dropped : tuple of int
        Axes, one pixel long, that it does not have.
    """

    def __init__(self, labels: LiveLabels, level: int, box: Box, dropped: Index = ()) -> None:
        self._labels, self._level, self._dropped = labels, level, dropped
        self.box = box
        self.dtype = labels.dtype

    @property
    def _axes(self) -> list[int]:
        return [axis for axis in range(len(self.box)) if axis not in self._dropped]

    @property
    def shape(self) -> Index:
        """Of what it covers."""
        return tuple(self.box[axis].stop - self.box[axis].start for axis in self._axes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._axes)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> LiveView:
        """Return a part, which is not read yet; slices have no steps.

        Raises
        ------
        IndexError
            If there is no such part.
        """
        box, dropped = list(self.box), set(self._dropped)
        for axis, position in zip(self._axes, _complete(index, self.ndim), strict=True):
            part = box[axis]
            length = part.stop - part.start
            if isinstance(position, slice):
                start, stop, step = position.indices(length)
                if step != 1:
                    raise IndexError(f"index is {index}; read every pixel, and take some of them")
                box[axis] = slice(part.start + start, part.start + max(start, stop))
                continue
            at = int(position) + (length if position < 0 else 0)
            if not 0 <= at < length:
                raise IndexError(f"index is {index}, but the shape is {self.shape}")
            box[axis] = slice(part.start + at, part.start + at + 1)
            dropped.add(axis)
        return LiveView(self._labels, self._level, tuple(box), tuple(sorted(dropped)))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ValueError(READ_ONLY)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        found = self._labels.read(self._level, self.box)
        return np.asarray(found.reshape(self.shape), dtype)


def _complete(index: Any, count: int) -> tuple[Any, ...]:
    """Return an index with a position for each axis."""
    own = index if isinstance(index, tuple) else (index,)
    place = next((i for i, each in enumerate(own) if each is Ellipsis), len(own))
    before, after = own[:place], own[place + 1 :]
    if len(before) + len(after) > count:
        raise IndexError(f"index is {index}, but there are {count} axes")
    return (*before, *(slice(None),) * (count - len(before) - len(after)), *after)


def _kept_pixels(grid: LiveGrid) -> int:
    return math.prod(
        min(n, side + 2 * REACH) for n, side in zip(grid.shape, grid.sides, strict=True)
    )


def _unstrided(level: LiveLevel, box: Box) -> Box:
    """Return a box of what is shown in pixels of what is worked on."""
    return tuple(
        slice(part.start * step, part.stop * step)
        for part, step in zip(box, level.stride, strict=True)
    )


def _write(result: Array, box: Box, level: LiveLevel, index: Index, block: LiveBlock) -> None:
    """Write what a block has of a box of a level."""
    core = (*(slice(i, i + 1) for i in index), *block.tile.core)
    into, out = [], []
    for part, own, step in zip(box, core, level.stride, strict=True):
        first = step // 2  # of so many pixels, the one in the middle is shown
        low = max(part.start, -(-(own.start - first) // step))
        high = min(part.stop, -(-(own.stop - first) // step))
        if low >= high:
            return
        into.append(slice(low - part.start, high - part.start))
        out.append((low * step + first, high * step, step))
    lead = len(index)
    seen = block.tile.seen
    inside = tuple(
        slice(start - part.start, stop - part.start, step)
        for (start, stop, step), part in zip(out[lead:], seen, strict=True)
    )
    labels = block.labels[inside]
    if block.numbers is not None:
        labels = renumbered(labels, block.numbers)
    result[tuple(into)] = labels.reshape([part.stop - part.start for part in into])


@dataclass(frozen=True)
class _Looked:
    """The blocks of a grid that are looked at.

    Attributes
    ----------
    number : int
        Of the grid.
    grid : LiveGrid
    box : tuple of slice
        In pixels of what is worked on, along all axes.
    """

    number: int
    grid: LiveGrid
    box: Box

    @property
    def _lead(self) -> int:
        return len(self.box) - len(self.grid.shape)

    @property
    def _ranges(self) -> list[range]:
        lead = self._lead
        whole = tuple(
            slice(part.start, min(part.stop, n))
            for part, n in zip(self.box[lead:], self.grid.shape, strict=True)
        )
        places = [range(part.start, part.stop) for part in self.box[:lead]]
        return [*places, *self.grid.cells(whole)]

    @property
    def count(self) -> int:
        """How many there are."""
        return math.prod(map(len, self._ranges))

    @property
    def keys(self) -> Iterator[Key]:
        """They, in the order in which a scan meets them."""
        for cell in product(*self._ranges):
            yield self.number, cell[: self._lead], cell[self._lead :]

    def nearest_first(self) -> list[Key]:
        """Return them, those nearest to the centre first."""
        return self._sorted(product(*self._ranges))

    def beside(self, most: int, shape: Index) -> list[Key]:
        """Return at most so many of those beside them, along each axis."""
        counts = (*shape[: self._lead], *self.grid.counts)
        found = list[Index]()
        for axis, own in enumerate(self._ranges):
            ends = [at for at in (own.start - 1, own.stop) if 0 <= at < counts[axis]]
            found += product(*self._ranges[:axis], ends, *self._ranges[axis + 1 :])
        return self._sorted(found)[: max(0, most)]

    def _sorted(self, cells: Any) -> list[Key]:
        lead, sides = self._lead, (1,) * self._lead + self.grid.sides
        middle = np.array([(part.start + part.stop) / 2 for part in self.box])
        there = list(cells)
        if not there:
            return []
        centres = (np.array(there) + 0.5) * np.array(sides)
        order = np.argsort(((centres - middle) ** 2).sum(axis=1), kind="stable")
        return [(self.number, there[i][:lead], there[i][lead:]) for i in order.tolist()]
