"""Run a method, made for a plane or a volume, over the planes or volumes of a larger array.

`run` is the one path that the form, the console, scripts, recipes and the command line share::

    Source -> Pieces (planes or volumes) -> method -> Collector -> Result
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import alone, beside_others
from napari_tessera.algorithms.parallel import WORKERS, in_order
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.registry import METHODS, Method
from napari_tessera.methods.ways import (
    PaintedPixels,
    PlanesOrVolumes,
    PointedPlace,
    Way,
    WholeStack,
)
from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.regions import cut_source, whole_planes, without_outside
from napari_tessera.pipeline.result import KINDS, Result
from napari_tessera.pipeline.source import Index, Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.progress import NothingToSeparate, Progress, Reporter
from napari_tessera.signature.words import Array, Look, Over

_log = logging.getLogger(__name__)


def run(
    method: str | Method,
    source: Source,
    parameters: Mapping[str, Any] | None = None,
    walk: Walk | None = None,
    *,
    cache: Cache | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Result:
    """Run a method over all planes or volumes of a source.

    Parameters
    ----------
    method : str or Method
        Its name in the registry.
    source : Source
        Read plane by plane (or volume by volume), never as a whole.
    parameters : mapping, optional
        The method's options as in its signature. Arrays (markers, mask) have the source's shape
        without channels, or that of one plane; markers may be `Points`.
    walk : Walk, optional
        Planes or volumes, which part, which labels; None = all, as is usual for the source.
    cache : Cache, optional
        Where networks and their probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    Result

    Raises
    ------
    Stop
        If `report` raised it.
    """
    entry = METHODS[method] if isinstance(method, str) else method
    kind = Refinement if entry.refines else Run
    return walked(
        entry.way, kind.of(entry, source, parameters or {}, walk or Walk(), cache, report)
    )


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
    """

    method: Method
    source: Source
    values: dict[str, Any]
    walk: Walk
    over: Over
    cache: Cache = field(default_factory=Cache)
    report: Reporter = field(default_factory=Reporter)

    @classmethod
    def of(
        cls,
        method: Method,
        source: Source,
        parameters: Mapping[str, Any],
        walk: Walk,
        cache: Cache | None = None,
        report: Callable[[Progress], None] | None = None,
    ) -> Run:
        """Return a run, or raise an error that names what does not fit."""
        source = source.as_labels if method.source.is_labels else source
        values = _classes_first(method.complete(parameters), source)
        over = method.over(walk.over, source.over)
        _check_arrays(method, source, values)
        cls.check_only(method, walk)
        if walk.region is not None:
            walk.region.check(source)
        return cls(method, source, values, walk, over, cache or Cache(), Reporter.of(report))

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

    def levelled(self) -> Run:
        """Return the run with automatic levels as numbers, if they are to be those of all."""
        if self.walk.levels_from == "each" or len(self.pieces) < 2:
            return self
        pieces = replace(self.pieces, reading=self.report.part(0, 10))
        return replace(self, values=pieces.resolved())

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
        lead = self.pieces.lead
        whole = Whole(self.source.shape, self.source.axes[: len(lead)], start, **self._numbers())
        indices, collector = list(np.ndindex(lead)), self.kind.collector(whole)
        places = [(index, self.report.part(i, len(indices))) for i, index in enumerate(indices)]
        # methods use all cores within a volume, and several volumes may not fit into memory
        at_once = 1 if self.pieces.axes > 2 or self.method.cost.all_cores else WORKERS
        done = in_order(self._tried, places, workers=at_once)
        resolved, skipped = dict(self.values), list[NothingToSeparate]()
        for number, (index, found) in enumerate(zip(indices, done, strict=True), 1):
            self.report(Progress(number, len(indices)))
            if isinstance(found, NothingToSeparate):
                skipped.append(found)
                if self.method.refines:  # nothing to refine by: labels stay
                    collector.add(index, self.pieces.arrays(index)[self.method.source.name])
                else:
                    collector.miss()
            else:
                collector.add(index, found[0])
                resolved = found[1]
        if len(skipped) == len(indices):
            raise self._nothing(skipped)
        look = Look() if self.method.look is None else self.method.look(self.values)
        # what has places of its own has them in the whole source
        start = start if self.kind.on_grid else (0,) * len(start)
        return collector.result(resolved=resolved, skipped=len(skipped), start=start, look=look)

    def _tried(
        self, place: tuple[Index, Reporter]
    ) -> tuple[Any, dict[str, Any]] | NothingToSeparate:
        """Return what the method gives at one place, or why there is nothing to separate."""
        try:
            return self.one(*place)
        except NothingToSeparate as reason:
            return reason

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
            result.array[..., ~np.broadcast_to(region.mask, own.source.shape)] = 0
        return result

    def result(self, labels: Array) -> Result:
        """Return labels of the whole source as the result."""
        return self.kind(labels, dict(self.values), start=(0,) * labels.ndim)


class Refinement(Run):
    """A run that changes labels: their numbers stay, and so do those not worked on."""

    @classmethod
    def check_only(cls, method: Method, walk: Walk) -> None:
        """Do nothing: here there are labels."""

    def collected(self, start: Index) -> Result:
        """Refine the labels everywhere; see `Run`.

        Raises
        ------
        ValueError
            If none of those to be refined is there.
        """
        if self.walk.only:
            self._say_missing()
        return super().collected(start)

    def _say_missing(self) -> None:
        missing = set(self.walk.only)
        for index in np.ndindex(self.pieces.lead):
            labels = self.pieces.read(index, self.source)
            missing = {number for number in missing if not (labels == number).any()}
            if not missing:
                return
        absent = f"{self.source.name} has no {', '.join(map(str, sorted(missing)))}"
        if missing == set(self.walk.only):
            raise ValueError(f"only is {self.walk.only}, but {absent}")
        _log.warning("%s, of those to be refined", absent)

    def _called(self, arrays: dict[str, Array], values: dict[str, Any]) -> Any:
        name, only = self.method.source.name, self.walk.only
        if not only:
            return super()._called(arrays, values)
        labels = arrays[name]
        piece = super()._called({**arrays, name: alone(labels, only)}, values)
        return beside_others(labels, only, piece)

    def _numbers(self) -> dict[str, Any]:
        dtype = as_labels(np.empty(0, self.source.array.dtype)).dtype
        return {"keep_ids": True, "dtype": dtype}

    def in_region(self, region: Region) -> Result:
        """Return the labels of a region, refined as if all were; outside its mask they stay."""
        pieces, cut, shape = self.pieces, self.method.cut, self.source.shape
        halo = shape[-pieces.axes :] if cut.halo is None else cut.halo(self.values, pieces.spacing)
        # the mask is no part of what is seen: labels go on outside it
        seen = region.grown(halo, shape)
        result = self.within(seen).levelled().collected(seen.start)
        inside = tuple(
            slice(a - first, b - first)
            for a, b, first in zip(region.start, region.stop, seen.start, strict=True)
        )
        array = result.array[inside]
        if region.mask is not None:
            outside = ~np.broadcast_to(region.mask, array.shape)
            array[outside] = as_labels(np.asarray(self.source.array[region.box]))[outside]
        return replace(result, array=array, start=region.start)


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
            raise ValueError(f"{option.name} is missing: {option.help.split('. ')[0].rstrip('.')}")
        if isinstance(value, Points):
            value.check(source.shape, option.name)


@singledispatch
def walked(way: Way, run: Run) -> Result:
    """Return what a run gives, going through the stack in the way of its method."""
    raise NotImplementedError(f"{type(way).__name__} is no way that is known")


@walked.register
def _(way: PlanesOrVolumes, run: Run) -> Result:
    region = run.walk.region
    if region is not None:
        return run.in_region(region)
    return run.levelled().collected((0,) * len(run.source.shape))


@walked.register
def _(way: WholeStack, run: Run) -> Result:
    labels = _all_labels(run)
    # any two axes in front are as good as one: numbers have to agree, not places
    numbered = run.method.function(labels.reshape(-1, *labels.shape[-2:]), **run.values)
    return run.result(numbered.reshape(labels.shape))


@walked.register
def _(way: PaintedPixels, run: Run) -> Result:
    return run.result(run.method.function(_all_labels(run), **run.values))


@walked.register
def _(way: PointedPlace, run: Run) -> Result:
    labels = as_labels(np.array(run.source.whole))
    index, piece = _step(replace(run, source=replace(run.source, array=labels)))
    labels[index] = piece
    return run.result(labels)


def _all_labels(run: Run) -> Array:
    if run.walk.only or run.walk.region is not None:
        raise ValueError(f"{run.method.name} works on all labels; leave out region and only")
    return as_labels(run.source.whole)


def step_by_hand(
    method: Method, source: Source, values: Mapping[str, Any], over: Over
) -> tuple[Index, Array]:
    """Return what a step of a mouse makes of the plane or volume that it was made in.

    Returns
    -------
    index : tuple of int
        Which plane or volume that is.
    labels : ndarray
    """
    return _step(Refinement.of(method, source, values, Walk(over)))


def _step(run: Run) -> tuple[Index, Array]:
    source, path = run.source, np.asarray(run.values["path"], float)
    lead, shape = len(run.pieces.lead), source.shape
    if path.ndim != 2 or path.shape[1] != len(shape):
        raise ValueError(
            f"path has points of shape {path.shape}, but {source.name} has {len(shape)} axes; "
            f"pass {len(shape)} coordinates per point"
        )
    index = tuple(np.rint(path[0, :lead]).astype(int).tolist())
    if any(not 0 <= place < length for place, length in zip(index, shape, strict=False)):
        raise ValueError(f"path lies at {index}, outside {source.name} of shape {shape}")
    own = {**run.values, "path": tuple(map(tuple, path[:, lead:].tolist()))}
    if any(p.name == "new_label" for p in run.method.parameters):
        # free in the whole stack, not only in this plane
        own["new_label"] = 1 + max(
            int(as_labels(np.asarray(source.array[i])).max(initial=0)) for i in range(shape[0])
        )
    piece, _ = replace(run, values=own).one(index, run.report)
    return index, piece
