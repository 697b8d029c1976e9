"""A method, what it works on and how: the run of it, plane by plane, volume by volume or in blocks.

What may go wrong before anything is computed is found when a `Run` is made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.kept_arrays import KeptArrays
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.fitting import check_channels
from napari_tessera.deep.models.library import find_model
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.blockwise.assembling import Decision
from napari_tessera.pipeline.blockwise.blocks import Blocks
from napari_tessera.pipeline.blockwise.workers import Threads, Workers
from napari_tessera.pipeline.collectors import Collector, Finisher, JoinedRows, Whole
from napari_tessera.pipeline.label_arrays import distinct
from napari_tessera.pipeline.pieces import Location, Pieces
from napari_tessera.pipeline.regions import (
    clear_outside,
    cut_source,
    whole_planes,
    without_outside,
)
from napari_tessera.pipeline.remarks import Listening, summed_up
from napari_tessera.pipeline.result import KINDS, Result
from napari_tessera.pipeline.sinks import Log, NoLog, Sink
from napari_tessera.pipeline.source import Index, Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parts import passing
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.validation import check_lengths
from napari_tessera.signature.words import Array, Look, Over


class BlockJob(NamedTuple):
    """What is to be done at a place; it can be sent to another process.

    Attributes
    ----------
    place : Location
    found : dict or NothingToSeparate
        The parameters that were found in its plane or volume, in place of those of the run; or why
        nothing is to be done.
    finish : Finisher
        What is done with what the method gives.
    reach : int
        How many pixels around the block it takes.
    report : Reporter
    """

    place: Location
    found: dict[str, Any] | NothingToSeparate
    finish: Finisher
    reach: int
    report: Reporter


class BlockOutcome(NamedTuple):
    """What is known of a place that is done.

    Attributes
    ----------
    known : object
        What the collector has to know; None = there is no piece.
    resolved : dict
        The numbers that the method was called with.
    skipped : NothingToSeparate, optional
        Why there was nothing to separate.
    remarks : dict, optional
        What the method remarks of it: what that is about -> a sentence.
    """

    known: Any
    resolved: dict[str, Any]
    skipped: NothingToSeparate | None = None
    remarks: dict[str, str] | None = None


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
    workers : Workers
        Who computes its planes, volumes or blocks.
    kept : KeptArrays, optional
        Blocks that were smoothed when levels were found, and need not be smoothed again.
    """

    method: Method
    source: Source
    values: dict[str, Any]
    walk: Walk
    over: Over
    cache: Cache = field(default_factory=Cache)
    report: Reporter = field(default_factory=Reporter)
    sink: Sink | None = None
    workers: Workers = field(default_factory=Threads)
    kept: KeptArrays | None = None

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
        walk = replace(walk, levels_from="all") if method.cut.marks else walk
        values = _classes_first(method.complete(parameters), source)
        over = method.over(walk.over, source.over)
        _check_arrays(method, source, values)
        _check_channels(method, source, values)
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
        own = self.with_ids().keeping() if blocks.are_cut else self
        if self.walk.levels_from == "each" if several else not blocks.are_cut:
            return own
        return own.with_found()

    def with_found(self) -> Run:
        """Return the run with what is found in all its blocks."""
        own, blocks = self, self.blocks
        log = self._log("levels", blocks)
        if 0 in log:
            return replace(own, values={**own.values, **log[0]})
        values = own.resolved(blocks, self.report.part(0, 10))
        log.note(0, _changed(own.values, values))
        return replace(own, values=values)

    def taught(self) -> Run:
        """Return the run with what marks teach, also those outside of the part to work on."""
        return self.with_found() if self.method.cut.marks else self

    def keeping(self) -> Run:
        """Return the run with a place for what is smoothed once, if it can go on from that."""
        goes_on = self.method.cut.prepared_with(self.values) is not None
        return replace(self, kept=KeptArrays()) if goes_on and self.workers.share_memory else self

    def resolved(self, blocks: Blocks, report: Reporter) -> dict[str, Any]:
        """Return the values with everything automatic as numbers, found in some blocks."""
        kept = KeptArrays() if self.kept is None else self.kept
        return replace(blocks, reading=report, workers=self.workers, kept=kept).resolved()

    def with_ids(self) -> Run:
        """Return the run with points that keep their ids whatever they are cut into."""
        lead = len(self.pieces.lead)
        points = {k: v.with_ids(lead) for k, v in self.values.items() if isinstance(v, Points)}
        return replace(self, values={**self.values, **points})

    def one(
        self, index: Index, report: Reporter, function: Callable[..., Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Return what the method gives at one place, and the parameters it was called with.

        Parameters
        ----------
        index : tuple of int
        report : Reporter
        function : callable, optional
            What is called in place of the method, with the same.

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
        own = function or self.method.function
        return self._called(own, arrays, {**values, **self._supplied(report)}), values

    def _supplied(self, report: Reporter) -> dict[str, Any]:
        """Return what a method gets that no user chooses: those that its signature names."""
        around = {"spacing": self.pieces.spacing, "report": report, "cache": self.cache}
        return {p.name: around[p.name] for p in self.method.parameters if p.name in around}

    def _called(
        self, function: Callable[..., Any], arrays: dict[str, Array], values: dict[str, Any]
    ) -> Any:
        """Return what the method, or a function in place of it, gives for arrays."""
        return function(**arrays, **values)

    def collected(self, start: Index) -> Result:
        """Run the method everywhere and put the pieces together.

        Parameters
        ----------
        start : tuple of int
            Where the source begins in the one that it is a part of.
        """
        blocks = self.blocks
        collector = self._collector(blocks, self._whole(blocks, start))
        resolved, skipped, there = dict(self.values), list[NothingToSeparate](), set[Index]()
        remarks: list[Mapping[str, str]] = []
        # closed, workers have ended when a stop goes on to clear away what they write
        with closing(self._outcomes(blocks, collector)) as outcomes:
            for place, outcome in outcomes:
                if outcome.skipped is None:
                    resolved = outcome.resolved
                    there.add(place.index)
                    remarks.append(outcome.remarks or {})
                else:
                    skipped.append(outcome.skipped)
                if outcome.known is None and outcome.skipped is not None:
                    collector.miss()
                else:
                    collector.add(place, outcome.known)
        if not there:
            raise self._nothing(skipped)
        look = Look() if self.method.look is None else self.method.look(self.values)
        # what has places of its own has them in the whole source
        start = start if self.kind.on_grid else (0,) * len(start)
        missed = len(self.pieces) - len(there)
        noun = "blocks" if blocks.are_cut else "planes" if self.pieces.axes == 2 else "volumes"
        notes = summed_up(remarks, noun)
        return collector.result(
            resolved=resolved, skipped=missed, start=start, look=look, notes=notes
        )

    def _collector(self, blocks: Blocks, whole: Whole) -> Collector:
        """Return what puts the pieces together."""
        assembly = self.method.cut.assembly_with(self.values)
        if assembly is None or not blocks.are_cut:
            return self.kind.collector(whole)
        spacing = self.pieces.spacing
        values = {**self.values, "spacing": spacing}
        check_lengths(self.method.options, self.values, spacing, blocks.shape)

        def decided(objects: Any) -> Any:
            return assembly.decided(objects, blocks.shape, **values)

        decision = Decision(decided, assembly.is_by_id(self.values), assembly.across)
        return self.kind.assembling_collector(whole, decision)

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
            blocks=len(blocks.places),
            workers=self.workers,
            at_once=blocks.at_once(self.workers.count) if blocks.are_cut else self._at_once(blocks),
            report=self._after(len(blocks.places)),
            joined_rows=self._joined_rows(),
        )

    def _joined_rows(self) -> JoinedRows | None:
        """Return what makes the table of objects that lie in several blocks, if there is one."""
        joined = self.method.cut.joined_rows
        return None if joined is None else partial(joined, spacing=self.pieces.spacing)

    def _after(self, count: int) -> Reporter:
        """Return what hears of the work after the first pass through so many places."""
        more = _more(count)

        def tell(progress: Progress) -> None:
            self.report(Progress(count + more * progress.done / progress.total, count + more))

        return Reporter(tell)

    def _at_once(self, blocks: Blocks) -> int:
        """Return how many pieces are worked on at once."""
        if self.method.cost.all_cores:
            return 1
        if blocks.are_cut:
            return blocks.at_once(self.workers.count)
        # methods use all cores within a volume, and several volumes may not fit into memory
        return 1 if self.pieces.axes > 2 else self.workers.count

    def _outcomes(
        self, blocks: Blocks, collector: Collector
    ) -> Generator[tuple[Location, BlockOutcome]]:
        """Yield all places with what is known of them, and report how many are done."""
        places, log = blocks.places, self._log("blocks", blocks, collector.reach)
        total = len(places) + (_more(len(places)) if collector.passes > 1 else 0)
        jobs = self._jobs(blocks, collector, total, log)
        with closing(self._fresh(jobs, collector, self._at_once(blocks))) as fresh:
            for number, place in enumerate(places):
                if number in log:
                    outcome = log[number]
                else:
                    outcome = next(fresh)
                    log.note(number, outcome)
                self.report(Progress(number + 1, total))
                yield place, outcome

    def _log(self, name: str, blocks: Blocks, *more: Any) -> Log:
        """Return the log of what is done in all blocks; it is another one if they lie otherwise."""
        if self.sink is None:
            return NoLog()
        return self.sink.log({name: more, "method": self.method.name, "block": blocks.block})

    def _fresh(
        self, jobs: Iterator[BlockJob], collector: Collector, at_once: int
    ) -> Generator[BlockOutcome]:
        """Yield the outcomes of what has to be done."""
        work = _Work(self._bare())
        if not self.workers.share_memory:
            # nothing large comes back from elsewhere but the first piece of a map
            while collector.waits and (job := next(jobs, None)) is not None:
                yield from self.workers.in_order(work, [job], at_once=1)
        with closing(self.workers.in_order(work, jobs, at_once=at_once)) as rest:
            yield from rest

    def _bare(self) -> Run:
        """Return the run without what is of no use to a worker."""
        return replace(self, sink=None, report=Reporter(), workers=Threads())

    def _jobs(
        self, blocks: Blocks, collector: Collector, total: float, log: Log
    ) -> Iterator[BlockJob]:
        """Yield what is to be done at each place; levels of blocks are found where they are due."""
        each = self.walk.levels_from == "each" and len(self.pieces) > 1
        found: dict[str, Any] | NothingToSeparate = {}
        known: Index | None = None
        for number, place in enumerate(blocks.places):
            if number in log:
                continue
            report = self.report.part(number, total)
            if place.tile is not None and each and place.index != known:
                known, found = place.index, self._found_at(blocks, place.index, report)
            yield BlockJob(place, found, collector.finisher, collector.reach, report)

    def _found_at(
        self, blocks: Blocks, index: Index, report: Reporter
    ) -> dict[str, Any] | NothingToSeparate:
        """Return the levels of one plane or volume, or why there are none."""
        try:
            values = self.resolved(replace(blocks, only=index), report)
        except NothingToSeparate as reason:
            return reason
        return _changed(self.values, values)

    def done(self, job: BlockJob) -> BlockOutcome:
        """Do a job where it is computed, and return what is known of it."""
        try:
            if isinstance(job.found, NothingToSeparate):
                raise job.found
            own, heard = replace(self, values={**self.values, **job.found}), Listening(job.report)
            piece, values = own.at(job.place, job.reach, heard)
            return BlockOutcome(job.finish(job.place, piece), values, remarks=heard.remarks)
        except NothingToSeparate as reason:
            if not self.method.refines:
                return BlockOutcome(None, {}, reason)
            # nothing to refine by: labels stay
            return BlockOutcome(job.finish(job.place, self._own(job.place)), {}, reason)

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
        prepared = None if self.kept is None else self.kept.taken(place.key)
        core = tuple(part.stop - part.start for part in place.tile.core)
        if prepared is not None and prepared.shape == core:  # without gaps
            return self._of_prepared(prepared, report)
        cut, assembly = self.within(place.seen), self.method.cut.assembly_with(self.values)
        own = None if assembly is None else assembly.pieces
        with passing(place.tile.part_of(self.source.shape[len(place.index) :], reach)):
            piece, values = cut.one((0,) * len(place.index), report, own)
        box = (..., *place.tile.part(place.tile.around(reach).seen))
        if not isinstance(piece, tuple):
            return piece[box], values
        labels, more = piece  # a table of what is seen, or what is known of pieces
        return (None if labels is None else labels[box], more), values

    def _of_prepared(self, core: Array, report: Reporter) -> tuple[Any, dict[str, Any]]:
        """Return what `at` gives, of the core of a block that is smoothed already."""
        own = self.method.cut.prepared_with(self.values) or {}
        given = {**own, **self._supplied(report)}
        arrays = {self.method.source.name: core}
        return self._called(self.method.function, arrays, given), self.values

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
        own = self.taught().within(region)
        result = own.levelled().collected(region.start)
        if region.mask is not None:
            mask = np.broadcast_to(region.mask, own.source.shape)
            block = own.blocks.block
            clear_outside(result.array, mask, block)
            if result.count is not None:  # some may have lain outside
                return replace(result, count=distinct(result.array, block))
        return result

    def labelled(self, labels: Array) -> Result:
        """Return labels of the whole source as the result."""
        return self.kind(labels, dict(self.values), start=(0,) * labels.ndim)


@dataclass(frozen=True)
class _Work:
    """Does the jobs of a run."""

    run: Run

    def __call__(self, job: BlockJob) -> BlockOutcome:
        return self.run.done(job)


def _changed(values: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters that were found."""
    return {name: each for name, each in found.items() if each is not values.get(name)}


def _more(count: int) -> float:
    """Return how much work is left, in places, when so many have been gone through once."""
    return count / 10


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


def _check_channels(method: Method, source: Source, values: Mapping[str, Any]) -> None:
    """Raise an error if a network of other channels is to see some that are no colours."""
    if source.channel_axis is None or source.channel is not None or source.rgb:
        return
    for option in method.options:
        if option.word.name == "model":
            check_channels(find_model(values[option.name]), source.array.shape[source.channel_axis])
