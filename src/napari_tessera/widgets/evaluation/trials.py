"""What is offered to be tried, and what is said and shown of the trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qtpy.QtGui import QIcon, QImage, QPixmap

from napari_tessera.batch.overview import labels_on_image
from napari_tessera.deep.models.library import title_of
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.trials import Trial
from napari_tessera.signature.words import Array, Table

PRESETS = (
    ("threshold", "method = otsu, li, triangle"),
    ("threshold", "method = gaussian; window = 51 px"),
    ("watershed", "smoothing = 1 px, 2 px, 4 px"),
    ("kmeans", "clusters = 2, 3"),
)
"""What is offered at first, besides models."""

SIDE = 96
"""Pixels of a thumbnail."""


@dataclass(frozen=True)
class Candidate:
    """A line of the list of what to try.

    Attributes
    ----------
    method : str
    fixed : mapping
        Options that the line does not show, such as the model.
    """

    method: str
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called."""
        return _called(self.method, self.fixed)


def _called(method: str, values: Mapping[str, Any]) -> str:
    """Return what a method is called with its options, which is its model if it has one."""
    return title_of(values["model"]) if "model" in values else METHODS[method].display


def can_be_tried(method: Method) -> bool:
    """Return True for methods that give labels from an image and a model alone."""
    image = method.is_labelling and method.source.is_image
    return image and not any(p.required and p.word.name != "model" for p in method.asked)


def trial_title(trial: Trial) -> str:
    """Return what was tried, for people."""
    options = {name: value for name, value in trial.values.items() if name != "model"}
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options.items())
    title = _called(trial.method, trial.values)
    return f"{title}: {said}" if said else title


def trial_in_words(trial: Trial) -> str:
    """Return what came of a trial, for under its picture."""
    if trial.result is None:
        return f"{trial_title(trial)}\nfailed"
    accuracy = f"\nIoU {trial.mean_iou:.2f}" if np.isfinite(trial.mean_iou) else ""
    return f"{trial_title(trial)}\n{trial.result.counted()}\n{trial.seconds:.2g} s/MP{accuracy}"


def trials_table(trials: list[Trial]) -> Table:
    """Return what was tried as a table, a row per trial."""
    return {
        "index": np.arange(1, len(trials) + 1),
        "method": np.array([METHODS[each.method].display for each in trials]),
        "tried": np.array([trial_title(each) for each in trials]),
        "labels": np.array([each.result.number if each.result else 0 for each in trials]),
        "seconds per megapixel": np.array([each.seconds for each in trials]),
        "mean iou": np.array([each.mean_iou for each in trials]),
        "found": np.array([each.found for each in trials]),
        "error": np.array([each.error for each in trials]),
    }


def shown_plane(own: Source, crop: Region) -> Array:
    """Return the middle plane of a crop, grey or (Y, X, 3), for small pictures."""
    box: list[Any] = [*((a + b) // 2 for a, b in zip(crop.start[:-2], crop.stop[:-2], strict=True))]
    box += crop.box[-2:]
    if own.channel_axis is None:
        return np.asarray(own.array[tuple(box)])
    axis = own.channel_axis % own.array.ndim
    box.insert(axis, slice(None))
    plane = np.asarray(own.array[tuple(box)])
    plane = np.moveaxis(plane, axis - sum(isinstance(each, int) for each in box[:axis]), -1)
    return plane if own.rgb and plane.dtype == np.uint8 else plane.mean(axis=-1)


def picture_of(image: Array, trial: Trial) -> Array | None:
    """Return the labels of a trial on the plane that `shown_plane` gives; None if it failed."""
    if trial.result is None:
        return None
    labels = np.asarray(trial.result.array)
    plane = labels[tuple(length // 2 for length in labels.shape[:-2])]
    return labels_on_image(image, plane, SIDE)


def icon(image: Array) -> QIcon:
    """Return colours (y, x, 3) of 8 bits as an icon."""
    high, wide = image.shape[:2]
    data = np.ascontiguousarray(image)
    return QIcon(QPixmap(QImage(data.data, wide, high, 3 * wide, QImage.Format.Format_RGB888)))
