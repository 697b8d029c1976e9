"""Run a method, made for a plane or a volume, over the planes or volumes of a larger array.

`run` is the one path that the form, the console, scripts, recipes and the command line share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from napari_tessera.catalogue import METHODS, Method
from napari_tessera.kept import Kept
from napari_tessera.labels import alone, beside_others
from napari_tessera.result import (
    Collector,
    Described,
    Labelled,
    Outlined,
    Pictured,
    Result,
    Scored,
    Tabled,
)
from napari_tessera.signature import as_labels, native
from napari_tessera.sources import Index, Over, Points, Region, Source, grey
from napari_tessera.tiles import WORKERS, in_order
from napari_tessera.types import Array, Look, NothingToSeparate, Progress, Reporter, VoxelSize

LevelsFrom = Literal["each", "all"]


def run(
    method: str | Method,
    source: Source,
    parameters: Mapping[str, Any] | None = None,
    *,
    over: Over | None = None,
    levels_from: LevelsFrom = "each",
    join: bool = False,
    region: Region | None = None,
    only: Sequence[int] = (),
    kept: Kept | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Result:
    """Run a method over all planes or volumes of a source.

    Parameters
    ----------
    method : str or Method
        Its name in the catalogue.
    source : Source
        Read plane by plane (or volume by volume), never as a whole.
    parameters : mapping, optional
        The method's options as in its signature. Arrays (markers, mask) have the source's shape
        without channels, or that of one plane; markers may be `Points`.
    over : {"planes", "volume"}, optional
        Whether the last two or the last three axes are worked on at once; None = volumes where
        there is a z axis.
    levels_from : {"each", "all"}
        Whether automatic levels are found in each plane or volume, or once in all of them.
    join : bool
        Objects keep their ids from plane to plane where they overlap.
    region : Region, optional
        The part to work on; None = everything.
    only : sequence of int
        The labels to refine, for methods that refine; the others keep their pixels. Empty = all.
    kept : Kept, optional
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
    values = _classes_first(entry.complete(parameters or {}), source)
    over = worked_on(entry, source, over)
    _check_choice("levels_from", levels_from, ("each", "all"))
    _check_arrays(entry, source, values)
    _check_only(entry, only)
    reporter = Reporter.of(report)
    if entry.whole:
        return _on_all(entry, source, values, tuple(only), region)
    if entry.by_hand:
        return _at_one_place(entry, source, values, over, reporter)
    places = not (entry.is_labelling or entry.returns in ("scores", "image"))
    whole, inner = source, region
    if region is not None:
        region = _in_place(region, source, over) if places else region
        region = _with_halo(entry, source, values, region, over) if entry.refines else region
        source, values = cut(source, values, region)
        mask = None if entry.refines else region.mask
        if mask is not None and entry.source.word.name == "labels":
            source = replace(source, array=_Masked(source.array, mask))
    walk = _Walk(entry, source, values, over, tuple(only), kept or Kept())
    if levels_from == "all" and len(walk) > 1:
        walk = replace(walk, values=resolve(entry, source, values, over, reporter.part(0, 10)))
    start = (0,) * len(source.shape) if region is None else region.start
    result = walk.collect(_collector(walk, join, start), reporter)
    if entry.refines and inner is not None:
        return _trimmed(result, start, whole, inner)
    if region is not None and region.mask is not None and not places:
        result.array[..., ~np.broadcast_to(region.mask, source.shape)] = 0
    return replace(result, start=(0,) * len(start) if places else start)


def _classes_first(values: dict[str, Any], source: Source) -> dict[str, Any]:
    """Return the values, with probabilities as a source whose first axis holds the classes."""
    scores = values.get("scores")
    if scores is None or isinstance(scores, Source) or scores.ndim == len(source.shape):
        return values
    spacing = source.spacing
    return {**values, "scores": Source.of(scores, spacing=spacing, channel_axis=0, name="scores")}


def _check_only(method: Method, only: Sequence[int]) -> None:
    if only and not method.refines:
        raise ValueError(f"only is {tuple(only)}, but {method.name} does not refine labels")
    if any(number < 1 for number in only):
        raise ValueError(f"only is {tuple(only)}; pass labels, which are 1 or more")


def _at_one_place(
    method: Method, source: Source, values: Mapping[str, Any], over: Over, report: Reporter
) -> Result:
    """Run a step of a mouse on a copy of the labels."""
    labels = as_labels(np.array(source.array[(slice(None),) * source.array.ndim]))
    index, piece = step_by_hand(method, replace(source, array=labels), values, over, report)
    labels[index] = piece
    kind, start = method.kind_of(values, source.kind), (0,) * labels.ndim
    return Result(labels, kind, dict(values), start=start)


def step_by_hand(
    method: Method,
    source: Source,
    values: Mapping[str, Any],
    over: Over,
    report: Reporter | None = None,
) -> tuple[Index, Array]:
    """Return what a step of a mouse makes of the plane or volume that it was made in.

    Returns
    -------
    index : tuple of int
        Which plane or volume that is.
    labels : ndarray
    """
    values = method.complete(values)
    walk = _Walk(method, source, values, over)
    lead, shape = len(walk.lead), source.shape
    path = np.asarray(values["path"], float)
    if path.ndim != 2 or path.shape[1] != len(shape):
        raise ValueError(
            f"path has points of shape {path.shape}, but {source.name} has {len(shape)} axes; "
            f"pass {len(shape)} coordinates per point"
        )
    index = tuple(np.rint(path[0, :lead]).astype(int).tolist())
    if any(not 0 <= place < length for place, length in zip(index, shape, strict=False)):
        raise ValueError(f"path lies at {index}, outside {source.name} of shape {shape}")
    highest = max(int(np.asarray(source.array[i]).max(initial=0)) for i in range(shape[0]))
    own = {**values, "path": tuple(map(tuple, path[:, lead:].tolist()))}
    if any(p.name == "new_label" for p in method.parameters):
        own["new_label"] = highest + 1
    piece, _ = replace(walk, values=own).one(index, Reporter.of(report))
    return index, piece


def _on_all(
    method: Method,
    source: Source,
    values: Mapping[str, Any],
    only: tuple[int, ...],
    region: Region | None,
) -> Result:
    """Run a method on all labels at once, whatever their axes."""
    if only or region is not None:
        raise ValueError(f"{method.name} works on all labels; leave out region and only")
    labels = as_labels(np.asarray(source.array[(slice(None),) * source.array.ndim]))
    # places in the array matter to what a hand has made alone
    flat = labels if method.by_hand else labels.reshape(-1, *labels.shape[-2:])
    result = method.function(flat, **values).reshape(labels.shape)
    kind, start = method.kind_of(values, source.kind), (0,) * labels.ndim
    return Result(result, kind, dict(values), start=start)


def _with_halo(
    method: Method, source: Source, values: Mapping[str, Any], region: Region, over: Over
) -> Region:
    """Return the box of a region with what a method has to see around it."""
    walk = _Walk(method, source, values, over)
    if method.halo is None:
        return region.grown(source.shape[-walk.axes :], source.shape)
    return region.grown(method.halo(values, walk.spacing), source.shape)


def _trimmed(result: Result, start: Index, source: Source, region: Region) -> Result:
    """Return the part of a refinement in a region; outside its mask all stays as it was.

    `start` is where the result begins in the source.
    """
    inside = tuple(
        slice(a - first, b - first)
        for a, b, first in zip(region.start, region.stop, start, strict=True)
    )
    array = result.array[inside]
    if region.mask is not None:
        outside = ~np.broadcast_to(region.mask, array.shape)
        array[outside] = np.asarray(source.array[region.box])[outside]
    return replace(result, array=array, start=region.start)


def _check_arrays(method: Method, source: Source, values: Mapping[str, Any]) -> None:
    for option in method.options:
        value = values[option.name]
        if option.required and value is None:
            raise ValueError(f"{option.name} is missing: {option.help.split('. ')[0].rstrip('.')}")
        if isinstance(value, Points):
            value.check(source.shape, option.name)


def worked_on(method: Method, source: Source, over: Over | None) -> Over:
    """Return what a method works on at once: as asked, or as method and source suggest.

    Raises
    ------
    ValueError
        If the method cannot do so.
    """
    _check_choice("over", over, (None, "planes", "volume"))
    if method.planes_only and over == "volume":
        raise ValueError(f"over is 'volume', but {method.name} works on planes; choose 'planes'")
    return "planes" if method.planes_only else over or source.over


def _check_choice(name: str, given: Any, allowed: tuple[Any, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{name} is {given!r}; choose {' or '.join(filter(None, allowed))}")


def _collector(walk: _Walk, join: bool, start: Index) -> Collector:
    """Return what puts the pieces together that the method gives."""
    kind = walk.method.kind_of(walk.values, walk.source.kind)
    axes = walk.source.axes[: len(walk.lead)]
    if kind == "polygons":
        return Outlined(axes, start)
    if kind == "table":
        return Tabled(axes, start)
    if kind == "scores":
        return Scored(walk.source.shape)
    if kind == "image":
        return Pictured(walk.source.shape)
    if walk.method.refines:
        dtype = as_labels(np.empty(0, walk.source.array.dtype)).dtype
        return Labelled(kind, walk.source.shape, keep_ids=True, join=False, dtype=dtype)
    markers = walk.values.get("markers")
    own = isinstance(markers, Points) and markers.ids is None
    keep_ids = markers is not None and not own
    labels = Labelled(kind, walk.source.shape, keep_ids=keep_ids, join=join)
    return Described(labels, Tabled(axes, start)) if "table" in walk.method.gives else labels


def _in_place(region: Region, source: Source, over: Over) -> Region:
    """Return a region of whole planes or volumes with a mask: coordinates are the source's."""
    inside = True if region.mask is None else region.mask
    axes = max(3 if over == "volume" else 2, np.ndim(inside))
    mask = np.zeros(source.shape[-axes:], bool)
    mask[region.box[-axes:]] = inside
    lead = len(source.shape) - axes
    return Region(region.start[:lead] + (0,) * axes, region.stop[:lead] + mask.shape, mask)


def cut(source: Source, values: Mapping[str, Any], region: Region) -> tuple[Source, dict[str, Any]]:
    """Return the source and the extra arrays within a region; its mask joins the method's own."""
    own = {name: _cut(value, region, source.shape) for name, value in values.items()}
    source = source.cut(region)
    if region.mask is not None and "mask" in own:
        own["mask"] = _masked(own["mask"], region.mask, source.shape)
    return source, own


def resolve(
    method: Method,
    source: Source,
    values: Mapping[str, Any],
    over: Over,
    report: Reporter | None = None,
) -> dict[str, Any]:
    """Return complete `values` with everything automatic as numbers, found in all of `source`."""
    walk = _Walk(method, source, values, over, reading=Reporter.of(report))
    return method.resolve(walk, values, walk.spacing)


def _cut(value: Any, region: Region, shape: tuple[int, ...]) -> Any:
    """Return the part of an extra array (or of points) that lies in the region."""
    if isinstance(value, Points):
        return value.cut(region)
    if isinstance(value, Source):
        return value.cut(region) if value.shape == shape else value
    if not hasattr(value, "shape") or not value.shape:
        return value
    if tuple(value.shape) not in (shape, shape[-value.ndim :]):
        return value  # the walk says what is wrong with it
    return value[region.box[-value.ndim :]]


def _masked(mask: Array | None, inside: Array, shape: tuple[int, ...]) -> Array:
    """Return the user's own mask (if any) and the region's as one."""
    both = np.broadcast_to(inside, shape)
    return both if mask is None else both & (np.asarray(mask) != 0)


class _Masked:
    """An array that is 0 outside a mask of its last axes."""

    def __init__(self, array: Any, mask: Array) -> None:
        self._array, self._mask = array, np.broadcast_to(mask, array.shape)
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        return np.where(self._mask[index], np.asarray(self._array[index]), 0).astype(self.dtype)


@dataclass(frozen=True)
class _Walk:
    """The planes or volumes of a source, one after the other."""

    method: Method
    source: Source
    values: Mapping[str, Any]
    over: Over
    only: tuple[int, ...] = ()
    kept: Kept = field(default_factory=Kept)
    reading: Reporter = field(default_factory=Reporter)

    def __post_init__(self) -> None:
        if len(self.source.shape) < self.axes:
            raise ValueError(
                f"{self.source.name} has shape {self.source.shape}; working on {self.over} needs "
                f"{self.axes} axes besides the channels"
            )

    @property
    def axes(self) -> int:
        return 3 if self.over == "volume" else 2

    @property
    def spacing(self) -> VoxelSize:
        whole = self.source.spacing
        return VoxelSize(whole[len(whole) - self.axes :], whole.unit)

    @property
    def lead(self) -> tuple[int, ...]:
        return self.source.shape[: -self.axes]

    def __len__(self) -> int:
        return math.prod(self.lead)

    def __iter__(self) -> Iterator[dict[str, Array]]:
        """Read the arrays of one plane after the other, for the statistics."""
        for number, index in enumerate(np.ndindex(self.lead)):
            self.reading(Progress(number, len(self)))
            yield self.arrays(index)

    def arrays(self, index: Index) -> dict[str, Array]:
        """Read all arrays of one plane or volume, keyed by argument."""
        own = self.method.source
        image = self.read(index)
        arrays = {own.name: as_labels(image) if own.word.name == "labels" else image}
        for option in self.method.options:
            given = self.values[option.name]
            if option.is_array and given is not None:
                arrays[option.name] = self.piece(option.name, given, index)
        return arrays

    def read(self, index: Index, source: Source | None = None) -> Array:
        """Read a source at one place; channels last if the method takes them, else as one."""
        source, at = source or self.source, list(index)
        box: list[Any] = [*at, *[slice(None)] * self.axes]
        if source.channel_axis is None:
            return native(np.asarray(source.array[tuple(box)]))
        one = source.channel is not None
        box.insert(source.channel_axis, source.channel if one else slice(None))
        piece = native(np.asarray(source.array[tuple(box)]))
        if one:
            return piece
        kept = source.channel_axis - min(len(index), source.channel_axis)
        piece = np.moveaxis(piece, kept, -1)
        if source.rgb:
            piece = piece[..., :3]  # transparency is no colour
        return piece if self.method.takes_channels else grey(piece, rgb=source.rgb)

    def piece(self, name: str, given: Any, index: Index) -> Array:
        """Return the part of an extra array that belongs to one plane or volume."""
        shape = self.source.shape
        if isinstance(given, Points):
            if name == "mask":
                raise ValueError("mask is points; pass a labels image or a mask")
            return given.at(index, shape)
        if isinstance(given, Source) and given.shape == shape:
            piece = self.read(index, given)
            classes = name == "scores" and piece.ndim > self.axes
            return np.moveaxis(piece, -1, 0) if classes else piece
        if tuple(given.shape) == shape:
            return np.asarray(given[(*index, *[slice(None)] * self.axes)])
        if tuple(given.shape) == shape[-given.ndim :] and given.ndim >= self.axes:
            return np.asarray(given[index[len(shape) - given.ndim :]])
        raise ValueError(
            f"{name} has shape {tuple(given.shape)} but {self.source.name} has {shape}; pass one "
            "of the same grid"
        )

    def one(self, index: Index, report: Reporter) -> tuple[Any, dict[str, Any]]:
        """Run the method at one place; in a stack, return why there is nothing to separate."""
        arrays = self.arrays(index)
        values = {k: v for k, v in self.values.items() if k not in arrays}
        image = arrays.get("image")
        if self.method.takes_channels and image is not None and image.ndim > self.axes:
            values["channel_axis"] = -1
        if self.method.keeps:
            values["kept"] = self.kept
        name = self.method.source.name
        labels = arrays[name]
        if self.only:
            arrays[name] = alone(labels, self.only)
        try:
            piece = self.method.function(**arrays, **values, spacing=self.spacing, report=report)
        except NothingToSeparate as reason:
            if len(self) == 1:
                raise
            return reason, values
        if self.only:
            piece = beside_others(labels, self.only, piece)
        return piece, values

    def collect(self, collector: Collector, report: Reporter) -> Result:
        """Run the method everywhere and put the pieces together."""
        resolved = dict(self.values)
        skipped: list[NothingToSeparate] = []
        indices = list(np.ndindex(self.lead))
        places = [(index, report.part(i, len(indices))) for i, index in enumerate(indices)]
        # methods use all cores within a volume, and several volumes may not fit into memory
        workers = 1 if self.over == "volume" or self.method.takes_all_cores else WORKERS
        done = in_order(lambda place: (place[0], *self.one(*place)), places, workers=workers)
        for number, (index, piece, used) in enumerate(done, 1):
            report(Progress(number, len(indices)))
            resolved = used
            if isinstance(piece, NothingToSeparate):
                skipped.append(piece)
                collector.miss()
            else:
                collector.add(index, piece)
        if len(skipped) == len(indices):
            raise NothingToSeparate(
                f"{self.source.name} has nothing to separate in any of {len(skipped)} places; "
                f"in the first: {skipped[0]}"
            )
        kind, count = self.method.kind_of(self.values, self.source.kind), len(skipped)
        look = Look() if self.method.look is None else self.method.look(self.values)
        return Result(kind=kind, resolved=resolved, skipped=count, look=look, **collector.whole())
