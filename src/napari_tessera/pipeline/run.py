"""Run a method, made for a plane or a volume, over the planes or volumes of a larger array.

`run` is the one path that the form, the console, scripts, recipes and the command line share::

    Source -> Pieces (planes or volumes) -> Blocks -> method -> Collector -> Sink -> Result
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.methods.ways import (
    PaintedPixels,
    PickedPlaces,
    PlanesOrVolumes,
    PointedPlace,
    Way,
    WholeStack,
)
from napari_tessera.pipeline.blockwise.workers import Workers, workers_of
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.sinks import MemorySink, Sink
from napari_tessera.pipeline.source import Index, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.progress import Progress
from napari_tessera.signature.words import Array, Over

if TYPE_CHECKING:
    from distributed import Client


def run(
    method: str | Method,
    source: Source,
    parameters: Mapping[str, Any] | None = None,
    walk: Walk | None = None,
    *,
    cache: Cache | None = None,
    report: Callable[[Progress], None] | None = None,
    sink: Sink | None = None,
    workers: Workers | Client | None = None,
) -> Result:
    """Run a method over all planes or volumes of a source.

    Parameters
    ----------
    method : str or Method
        Its name in the registry.
    source : Source
        Read plane by plane (or volume by volume, or block by block), never as a whole.
    parameters : mapping, optional
        The method's options as in its signature. Arrays (markers, mask) have the source's shape
        without channels, or that of one plane; markers may be `Points`.
    walk : Walk, optional
        Planes, volumes or blocks of them, which part, which labels; None = all, as is usual for the
        source.
    cache : Cache, optional
        Where networks and their probabilities are kept for the next run.
    report : callable, optional
        Takes `Progress`.
    sink : Sink, optional
        What makes the array of labels or images; None = it is kept in memory.
    workers : Workers or distributed.Client, optional
        Who computes planes, volumes or blocks; None = the threads of this process.

    Returns
    -------
    Result

    Raises
    ------
    Stop
        If `report` raised it.
    """
    entry = METHODS[method] if isinstance(method, str) else method
    kind, walk = Refinement if entry.refines else Run, walk or Walk()
    own = kind.of(entry, source, parameters or {}, walk, cache, report, sink)
    own = replace(own, workers=workers_of(workers))
    if sink is None and own.kind.on_grid and not own.workers.share_memory:
        raise ValueError(
            f"{type(own.workers).__name__} do not share this memory, and cannot write a result "
            "into it; write to an OME-Zarr, such as cells.zarr"
        )
    if walk.blocks is not None and sink is None:
        own = replace(own, sink=MemorySink())
    return walked(entry.way, own)


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
    if run.walk.blocks is not None:
        _check_all(run)
        return run.levelled().collected((0,) * len(run.source.shape))
    labels = _all_labels(run)
    # any two axes in front are as good as one: numbers have to agree, not places
    numbered = run.method.function(labels.reshape(-1, *labels.shape[-2:]), **run.values)
    return run.labelled(numbered.reshape(labels.shape))


@walked.register
def _(way: PickedPlaces, run: Run) -> Result:
    _check_uncut(run)
    _check_all(run)
    rows = np.asarray(run.values["picks"], float)
    lead, axes = len(run.pieces.lead), len(run.source.shape)
    if rows.ndim != 2 or rows.shape[1] != 2 + axes:
        raise ValueError(
            f"picks has rows of {rows.shape[-1]} numbers, but {run.source.name} has {axes} axes; "
            f"pass an object, a sign and {axes} coordinates"
        )
    places = np.rint(rows[:, 2 : 2 + lead]).astype(int)
    _check_places(rows[:, 0], places, run.pieces.lead)
    dtype = smallest_dtype("objects", int(rows[:, 0].max()))
    labels = np.zeros(run.source.shape, dtype)
    there = np.unique(places, axis=0)
    for done, place in enumerate(there.tolist()):
        own = np.delete(rows[(places == place).all(axis=1)], range(2, 2 + lead), axis=1)
        values = {**run.values, "picks": tuple(map(tuple, own.tolist()))}
        part = run.report.part(done, len(there))
        labels[tuple(place)], _ = replace(run, values=values).one(tuple(place), part)
    return run.labelled(labels)


def _check_places(numbers: Array, places: Array, lead: tuple[int, ...]) -> None:
    """Raise an error if marks lie in no plane or volume, or those of one object in several."""
    outside = ((places < 0) | (places >= np.array(lead, int))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"picks has a mark at {tuple(places[outside][0].tolist())} of the leading axes, whose "
            f"lengths are {lead}; move or delete it"
        )
    for number in np.unique(numbers):
        own = np.unique(places[numbers == number], axis=0)
        if len(own) > 1:
            first, second = (tuple(place) for place in own[:2].tolist())
            raise ValueError(
                f"picks has marks of object {number:g} at {first} and at {second}; one object lies "
                "in one plane, or in one volume if over is 'volume'"
            )


@walked.register
def _(way: PaintedPixels, run: Run) -> Result:
    return run.labelled(run.method.function(_all_labels(run), **run.values))


@walked.register
def _(way: PointedPlace, run: Run) -> Result:
    _check_uncut(run)
    labels = as_labels(np.array(run.source.whole))
    index, piece = _step(replace(run, source=replace(run.source, array=labels)))
    labels[index] = piece
    return run.labelled(labels)


def _all_labels(run: Run) -> Array:
    _check_uncut(run)
    _check_all(run)
    return as_labels(run.source.whole)


def _check_all(run: Run) -> None:
    if run.walk.only or run.walk.region is not None:
        raise ValueError(f"{run.method.name} works on all labels; leave out region and only")


def _check_uncut(run: Run) -> None:
    if run.sink is not None:
        raise ValueError(
            f"blocks is {run.walk.blocks}, but {run.method.name} works on all labels at once; "
            "leave it out"
        )


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
