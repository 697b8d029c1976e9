"""What a score is made of: readings of planes or volumes, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.metrics.bins import WITHIN, by_bins
from napari_tessera.metrics.boundaries import (
    Distances,
    boundary_f,
    hausdorff,
    mean_surface_distance,
    per_label,
)
from napari_tessera.metrics.classes import by_class, mean_of, pixel_accuracy
from napari_tessera.metrics.error_kinds import names_told
from napari_tessera.metrics.matching import IOUS, ObjectPairs, Side, matched, pairs_of, verdict
from napari_tessera.metrics.overlap import Overlap, adapted_rand_error, variation_of_information
from napari_tessera.signature.docstrings import told_of
from napari_tessera.signature.units import column
from napari_tessera.signature.words import Array, Table, VoxelSize

_RIMS = ("boundary_f", "hausdorff95", "mean_surface_distance")


@told_of(TRUE=names_told("truth"), FOUND=names_told("prediction"))
@dataclass(frozen=True)
class Scores:
    """How well labels agree with a truth.

    Attributes
    ----------
    pixel_accuracy : float
        Share of the pixels whose class is right (of objects: foreground or background).
    dice, iou : float
        Of the foreground, or the mean over the classes that occur on either side.
    precision, recall, f1, panoptic_quality : float
        Of the objects, at the intersection over union that was asked for.
    average_precision : mapping of float to float
        TP / (TP + FP + FN) of the objects by intersection over union, 0.5 to 0.95.
    boundary_f, hausdorff95, mean_surface_distance : float
        Of the boundaries, in the units of the pixel size (mean over classes, without those of
        infinite distance unless all are); NaN if boundaries were not compared.
    adapted_rand_error, variation_of_information : float
        Of the partitions into objects; the latter in bits.
    true_objects, predicted_objects : int
        How many there are.
    true_positives, false_positives, false_negatives : int
        Pairs of partners, predicted objects without a partner, true ones without.
    errors : dict of str to int
        How many objects are of each kind of error that is counted, see `error_kinds.KINDS`: those
        of the truth, or of the prediction, as told there.
    classes : dict of ndarray
        Per class: index, pixels, predicted pixels, dice, iou and, where classes were scored, the
        boundary's figures. For objects: background 0 and foreground 1.
    objects : dict of ndarray
        Per true object: index, frame (of stacks), class (of classes), pixels, area or volume, kind
        (TRUE, see `matching.Verdict`), partner (its id, 0
        without one), iou (with the partner, else the largest) and, where the boundaries of objects
        were compared, the share of its boundary within the tolerance and the mean distance.
    predictions : dict of ndarray
        The same per predicted object: index to kind
        (FOUND) and partner.
    sizes : dict of ndarray
        Recall by size: what `bins.by_bins` tells of each bin of sizes, smallest first.
    """

    pixel_accuracy: float
    dice: float
    iou: float
    precision: float
    recall: float
    f1: float
    panoptic_quality: float
    average_precision: Mapping[float, float]
    boundary_f: float
    hausdorff95: float
    mean_surface_distance: float
    adapted_rand_error: float
    variation_of_information: float
    true_objects: int
    predicted_objects: int
    true_positives: int
    false_positives: int
    false_negatives: int
    errors: dict[str, int]
    classes: Table
    objects: Table
    predictions: Table
    sizes: Table

    @property
    def missed(self) -> int:
        """True objects that nothing covers to speak of.

        Those that are split, merged or only off at their boundary are not among them.
        """
        return self.errors["missed"]

    @property
    def spurious(self) -> int:
        """Predicted objects where there is none; not those that are split, merged or off."""
        return self.errors["spurious"]

    @property
    def split(self) -> int:
        """True objects that are split into several pieces; they may have a partner all the same."""
        return self.errors["split"]

    @property
    def merged(self) -> int:
        """Predicted objects that hold several true ones; they may have a partner all the same."""
        return self.errors["merged"]


class ScoreOptions(NamedTuple):
    """What a call of `score` asks for, the same in each plane or volume.

    Attributes
    ----------
    iou : float
    tolerance : float
        In the units of the pixel size.
    boundaries, background : bool
    ignore : int, optional
    bins : int
    voxel : VoxelSize
    """

    iou: float
    tolerance: float
    boundaries: bool
    background: bool
    ignore: int | None
    bins: int
    voxel: VoxelSize


class Reading(NamedTuple):
    """What was read of one plane or volume.

    Attributes
    ----------
    objects, classes : Overlap
        Of the objects; of the classes, or of the foreground.
    object_classes : tuple of two ndarray of int64, optional
        The class of each true and each found object by its id; None = they have none.
    distances : mapping of int to Distances
        By class; those of objects are at 1, which is the foreground. Empty if not asked for.
    """

    objects: Overlap
    classes: Overlap
    object_classes: tuple[Array, Array] | None
    distances: Mapping[int, Distances]


def summed(read: Sequence[Reading], asked: ScoreOptions) -> Scores:
    """Return the scores of all planes or volumes together."""
    table = Overlap.joined([each.objects for each in read])
    pairs = pairs_of(table)
    objects, predictions = _named(pairs.true, asked.voxel), _named(pairs.found, asked.voxel)
    if classes := [each.object_classes for each in read if each.object_classes]:
        objects["class"] = _looked_up(pairs.true, [true for true, _ in classes])
        predictions["class"] = _looked_up(pairs.found, [found for _, found in classes])
        same = objects["class"][pairs.first] == predictions["class"][pairs.second]
        pairs = pairs.only(same)
    elif asked.boundaries:
        objects |= _near(pairs.true, read, asked)
    return Scores(
        **_of_pixels(read, asked),
        **_of_objects(pairs, objects, predictions, asked),
        adapted_rand_error=adapted_rand_error(table),
        variation_of_information=sum(variation_of_information(table)),
    )


def _named(side: Side, voxel: VoxelSize) -> Table:
    """Return what is known of the objects of one side by themselves."""
    axes = len(voxel)
    size = column("area" if axes == 2 else "volume", voxel.unit, axes)
    frame = {"frame": side.frame} if side.frame.any() else {}
    content = side.pixels * np.prod(voxel)
    return {"index": side.ids, **frame, "pixels": side.pixels, size: content}


def _looked_up(side: Side, classes: Sequence[Array]) -> Array:
    """Return the class of each object from those of each frame."""
    starts = np.cumsum([0, *(each.size for each in classes)])
    return np.asarray(np.concatenate(classes)[starts[side.frame] + side.ids])


def _near(side: Side, read: Sequence[Reading], asked: ScoreOptions) -> Table:
    """Return how near the boundary of each true object is to a predicted one."""
    found = []
    for frame, each in enumerate(read):
        own, labels = each.distances[1], side.ids[side.frame == frame]
        found.append(per_label(labels, own.true_labels, own.true, asked.tolerance))
    shares, means = (np.concatenate(every) for every in zip(*found, strict=True))
    return {WITHIN: shares, column("boundary distance", asked.voxel.unit): means}


def _of_pixels(read: Sequence[Reading], asked: ScoreOptions) -> dict[str, Any]:
    """Return the scores of pixels and boundaries, and their table."""
    table = Overlap.joined([each.classes for each in read])
    classes = by_class(table)
    counted = (classes["index"] != 0) | asked.background
    scores = {name: mean_of(classes[name], counted, 1.0) for name in ("dice", "iou")}
    rims = dict.fromkeys(_RIMS, np.nan)
    if asked.boundaries:
        found = np.array([_rims(number, read, asked) for number in classes["index"].tolist()])
        columns = dict(zip(_RIMS, found.reshape(-1, 3).T, strict=True))
        there = classes["index"] != 0
        rims = {name: mean_of(columns[name], there, float(name == _RIMS[0])) for name in _RIMS}
        names = {_RIMS[0]: "boundary F", _RIMS[1]: "hausdorff 95 %", _RIMS[2]: "mean distance"}
        unit = asked.voxel.unit
        for name, values in columns.items():
            classes[names[name] if name == _RIMS[0] else column(names[name], unit)] = values
    return {"pixel_accuracy": pixel_accuracy(table), **scores, **rims, "classes": classes}


def _rims(number: int, read: Sequence[Reading], asked: ScoreOptions) -> tuple[float, float, float]:
    """Return boundary F, Hausdorff distance and mean distance of one class; background has none."""
    parts = [each.distances[number] for each in read if number in each.distances]
    if not parts:
        return np.nan, np.nan, np.nan
    own = Distances.joined(parts)
    return boundary_f(own, asked.tolerance), hausdorff(own), mean_surface_distance(own)


def _of_objects(
    pairs: ObjectPairs, objects: Table, predictions: Table, asked: ScoreOptions
) -> dict[str, Any]:
    """Return the scores of objects and their tables."""
    found, best = verdict(pairs, asked.iou), matched(pairs, asked.iou)
    there = np.flatnonzero(found.partner >= 0)
    partner, back = np.zeros(found.true.size, np.int64), np.zeros(found.found.size, np.int64)
    partner[there] = pairs.found.ids[found.partner[there]]
    back[found.partner[there]] = pairs.true.ids[there]
    objects |= {"kind": found.true, "partner": partner, "iou": found.iou}
    predictions |= {"kind": found.found, "partner": back}
    size = next(objects[name] for name in objects if name.startswith(("area", "volume")))
    return {
        "precision": best.precision,
        "recall": best.recall,
        "f1": best.f1,
        "panoptic_quality": best.panoptic_quality,
        "average_precision": {each: matched(pairs, each).average_precision for each in IOUS},
        "true_objects": found.true.size,
        "predicted_objects": found.found.size,
        "true_positives": best.true_positives,
        "false_positives": best.false_positives,
        "false_negatives": best.false_negatives,
        "errors": found.counts,
        "objects": objects,
        "predictions": predictions,
        "sizes": by_bins(objects, size, asked.bins),
    }
