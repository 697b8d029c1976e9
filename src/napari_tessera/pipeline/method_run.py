"""A method, what it works on and how: the run of it, plane by plane, volume by volume or in blocks.

What may go wrong before anything is computed is found when a `Run` is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.parallel import WORKERS, in_order
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.registry import Method
from napari_tessera.pipeline.blocks import Blocks
from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.pieces import Location, Pieces
from napari_tessera.pipeline.regions import (
    clear_outside,
    cut_source,
    whole_planes,
    without_outside,
)
from napari_tessera.pipeline.result import KINDS, Result
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Index, Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.validation import part_of
from napari_tessera.signature.words import Array, Look, Over


class _Task(NamedTuple):
    """What is to be done at a place, or why nothing is."""

    run: Run | NothingToSeparate
    place: Location
    reach: int
    report: Reporter


@dataclass(frozen=True)
class Run:
    """A method, what it works on and how, all of it checked.

    Attributes
    ----------
    method : Method
    source : Source
    values : dict
        The complete parameters.
    walk : Walk
    over : {"planes", "volume"}
    cache : Cache
    report : Reporter
    sink : Sink, optional
        What makes the array of the result; None = it is kept in memory.
    """

    method: Method
    source: Source
    values: dict[str, Any]
    walk: Walk
    over: Over
    cache: Cache = field(default_factory=Cache)
    report: Reporter = field(default_factory=Reporter)
    sink: Sink | None = None

    @classmethod
    def of(
        cls,
        method: Method,
        source: Source,
        parameters: Mapping[str, Any],
        walk: Walk,
        cache: Cache | None = None,
        report: Callable[[Progress], None] | None = None,
        sink: Sink | None = None,
    ) -> Run:
        """Return a run, or raise an error that names what does not fit."""
        source = source.as_labels if method.source.is_labels else source
        values = _classes_first(method.complete(parameters), source)
        over = method.over(walk.over, source.over)
        _check_arrays(method, source, values)
        cls.check_only(method, walk)
        if walk.region is not None:
            walk.region.check(source)
        own = cache or Cache(), Reporter.of(report), sink
        return cls(method, source, values, walk, over, *own)

    @classmethod
    def check_only(cls, method: Method, walk: Walk) -> None:
        """Raise an error if a few labels only are to be worked on, and there are none."""
        if walk.only:
            raise ValueError(f"only is {walk.only}, but {method.name} does not refine labels")

    @property
    def kind(self) -> type[Result]:
        """What the run gives."""
        return KINDS[self.method.kind_of(self.values, self.source.kind)]

    @property
    def pieces(self) -> Pieces:
        """The planes or volumes that are worked on."""
        return Pieces(self.method, self.source, self.values, self.over)

    def within(self, region: Region) -> Run:
        """Return the run on a part of its source; labels are 0 outside its mask."""
        source, values = cut_source(self.source, self.values, region)
        if region.mask is not None and self.method.source.is_labels:
            source = without_outside(source, region.mask)
        return replace(self, source=source, values=values)

    @property
    def blocks(self) -> Blocks:
        """The blocks that they are cut into; without being asked for, one is all of a piece.

        Raises
        ------
        ValueError
            If they cannot be cut.
        """
        pieces, asked = self.pieces, self.walk.blocks
        if asked is None:
            return Blocks(pieces, self.source.shape[len(pieces.lead) :])
        blocks = Blocks.of(pieces, asked)
        if blocks.are_cut and self.walk.join:
            raise ValueError(
                f"join carries numbers on from plane to plane, but blocks of {blocks.sides} cut "
                "them; leave out one of the two"
            )
        return blocks

    def levelled(self) -> Run:
        """Return the run with all as numbers that is found in the whole and not in its pieces.

        These are automatic levels, and the ids of points.
        """
        blocks, several = self.blocks, len(self.pieces) > 1
        own = self.with_ids() if blocks.are_cut else self
        if self.walk.levels_from == "each" if several else not blocks.are_cut:
            return own
        reading = replace(own.blocks, reading=self.report.part(0, 10))
        return replace(own, values=reading.resolved())

    def with_ids(self) -> Run:
        """Return the run with points that keep their ids whatever they are cut into."""
        lead = len(self.pieces.lead)
        points = {k: v.with_ids(lead) for k, v in self.values.items() if isinstance(v, Points)}
        return replace(self, values={**self.values, **points})

    def one(self, index: Index, report: Reporter) -> tuple[Any, dict[str, Any]]:
        """Return what the method gives at one place, and the parameters it was called with.

        Raises
        ------
        NothingToSeparate
            If it says so.
        """
        pieces, arrays = self.pieces, self.pieces.arrays(index)
        values = {k: v for k, v in self.values.items() if k not in arrays}
        image = arrays.get("image")
        if self.method.takes_channels and image is not None and image.ndim > pieces.axes:
            values["channel_axis"] = -1
        # a method has those of these that its signature names
        around = {"spacing": pieces.spacing, "report": report, "cache": self.cache}
        used = {p.name: around[p.name] for p in self.method.parameters if p.name in around}
        return self._called(arrays, {**values, **used}), values

    def _called(self, arrays: dict[str, Array], values: dict[str, Any]) -> Any:
        """Return what the method gives for arrays."""
        return self.method.function(**arrays, **values)

    def collected(self, start: Index) -> Result:
        """Run the method everywhere and put the pieces together.

        Parameters
        ----------
        start : tuple of int
            Where the source begins in the one that it is a part of.
        """
        blocks = self.blocks
        collector = self.kind.collector(self._whole(blocks, start))
        tasks, places = self._tasks(blocks, collector.reach), blocks.places
        done = in_order(self._tried, tasks, workers=self._at_once(blocks))
        resolved, skipped, there = dict(self.values), list[NothingToSeparate](), set[Index]()
        for number, (place, found) in enumerate(zip(places, done, strict=True), 1):
            self.report(Progress(number, len(places)))
            if not isinstance(found, NothingToSeparate):
                collector.add(place, found[0])
                resolved = found[1]
                there.add(place.index)
                continue
            skipped.append(found)
            if self.method.refines:  # nothing to refine by: labels stay
                collector.add(place, self._own(place))
            else:
                collector.miss()
        if not there:
            raise self._nothing(skipped)
        look = Look() if self.method.look is None else self.method.look(self.values)
        # what has places of its own has them in the whole source
        start = start if self.kind.on_grid else (0,) * len(start)
        missed = len(self.pieces) - len(there)
        return collector.result(resolved=resolved, skipped=missed, start=start, look=look)

    def _whole(self, blocks: Blocks, start: Index) -> Whole:
        """Return what the pieces are put together to."""
        return Whole(
            self.source.shape,
            self.source.axes[: len(self.pieces.lead)],
            start,
            **self._numbers(),
            sink=self.sink,
            block=blocks.block,
            cut=blocks.shape if blocks.are_cut else (),
            exact=self.method.cut.is_exact(self.values),
        )

    def _at_once(self, blocks: Blocks) -> int:
        """Return how many pieces are worked on at once."""
        if self.method.cost.all_cores:
            return 1
        if blocks.are_cut:
            return blocks.at_once(WORKERS)
        # methods use all cores within a volume, and several volumes may not fit into memory
        return 1 if self.pieces.axes > 2 else WORKERS

    def _tasks(self, blocks: Blocks, reach: int) -> Iterator[_Task]:
        """Yield what is to be done at each place; levels of blocks are found where they are due."""
        places, each = blocks.places, self.walk.levels_from == "each" and len(self.pieces) > 1
        run: Run | NothingToSeparate = self
        known: Index | None = None
        for number, place in enumerate(places):
            report = self.report.part(number, len(places))
            if place.tile is not None and each and place.index != known:
                known, run = place.index, self._levelled_at(blocks, place.index, report)
            yield _Task(run, place, reach, report)

    def _levelled_at(
        self, blocks: Blocks, index: Index, report: Reporter
    ) -> Run | NothingToSeparate:
        """Return the run with the levels of one plane or volume, or why there are none."""
        try:
            values = replace(blocks, only=index, reading=report).resolved()
        except NothingToSeparate as reason:
            return reason
        return replace(self, values=values)

    @staticmethod
    def _tried(task: _Task) -> tuple[Any, dict[str, Any]] | NothingToSeparate:
        """Return what the method gives at one place, or why there is nothing to separate."""
        if isinstance(task.run, NothingToSeparate):
            return task.run
        try:
            return task.run.at(task.place, task.reach, task.report)
        except NothingToSeparate as reason:
            return reason

    def at(self, place: Location, reach: int, report: Reporter) -> tuple[Any, dict[str, Any]]:
        """Return what the method gives at a place, and the parameters it was called with.

        Parameters
        ----------
        place : Location
        reach : int
            How many pixels around a block are kept.
        report : Reporter
        """
        if place.tile is None:
            return self.one(place.index, report)
        cut = self.within(place.seen)
        with part_of(self.source.shape[len(place.index) :]):
            piece, values = cut.one((0,) * len(place.index), report)
        return piece[(..., *place.tile.part(place.tile.around(reach).seen))], values

    def _own(self, place: Location) -> Array:
        """Return the labels of the source at a place."""
        name = self.method.source.name
        if place.tile is None:
            return self.pieces.arrays(place.index)[name]
        cut = self.within(place.seen)
        return cut.pieces.arrays((0,) * len(place.index))[name][place.tile.inner]

    def _nothing(self, reasons: list[NothingToSeparate]) -> NothingToSeparate:
        if len(reasons) == 1:
            return reasons[0]
        return NothingToSeparate(
            f"{self.source.name} has nothing to separate in any of {len(reasons)} places; "
            f"in the first: {reasons[0]}"
        )

    def _numbers(self) -> dict[str, Any]:
        """Return what becomes of the numbers of objects, as arguments of `Whole`."""
        markers = self.values.get("markers")
        counted = isinstance(markers, Points) and markers.ids is None
        return {"keep_ids": markers is not None and not counted, "join": self.walk.join}

    def in_region(self, region: Region) -> Result:
        """Return what the method finds in a region; in an array, it is 0 outside its mask."""
        if not self.kind.on_grid:  # places are those in the source
            region = whole_planes(region, self.source, self.over)
            return self.within(region).levelled().collected(region.start)
        own = self.within(region)
        result = own.levelled().collected(region.start)
        if region.mask is not None:
            mask = np.broadcast_to(region.mask, own.source.shape)
            clear_outside(result.array, mask, own.blocks.block)
        return result

    def labelled(self, labels: Array) -> Result:
        """Return labels of the whole source as the result."""
        return self.kind(labels, dict(self.values), start=(0,) * labels.ndim)


def _classes_first(values: dict[str, Any], source: Source) -> dict[str, Any]:
    """Return the values, with probabilities as a source whose first axis holds the classes."""
    scores = values.get("scores")
    if scores is None or isinstance(scores, Source) or scores.ndim == len(source.shape):
        return values
    spacing = source.spacing
    return {**values, "scores": Source.of(scores, spacing=spacing, channel_axis=0, name="scores")}


def _check_arrays(method: Method, source: Source, values: Mapping[str, Any]) -> None:
    for option in method.options:
        value = values[option.name]
        if option.required and value is None:
            raise ValueError(option.missing)
        if isinstance(value, Points):
            value.check(source.shape, option.name)
