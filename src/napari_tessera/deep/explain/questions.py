"""What a network is asked about: the pixels of a class, chosen objects, or a place."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.deep.inference.decode import DEFAULTS, to_objects
from napari_tessera.deep.inference.objects import thresholds
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array, VoxelSize

CHANNELS = {
    "boundaries": ("background", "interior", "boundary"),
    "distances": ("background", "rim", "centre"),
}
"""What the scores of networks for objects are of."""

INNER = {"boundaries": 1, "distances": 2}
"""Which of these stands for objects."""


def _classes(config: ModelConfig) -> list[tuple[int, str]]:
    """Return number and name of what a network can be asked about."""
    if config.targets in CHANNELS:
        return list(enumerate(CHANNELS[config.targets]))
    names = config.class_names or ("",) * len(config.ids)
    return list(zip(config.ids, names, strict=True))


def channel_of(model: Model, text: str) -> int:
    """Return the place of a class among those of a model."""
    known = _classes(model.config)
    for place, (number, name) in enumerate(known):
        if text.strip() in (name, str(number)):
            return place
    names = ", ".join(f"{number} ({name})" if name else str(number) for number, name in known)
    raise ValueError(f"target_class is {text!r}, but model {model.name!r} knows {names}")


def by_hand(at: Array | None, labels: Array | None, object_ids: str | None) -> Array | None:
    """Return the objects that were chosen among given labels, 0 elsewhere; None without labels."""
    if at is not None and not np.any(at):
        raise NothingToSeparate("at has no points in the image; add one on what is to be explained")
    if labels is None:
        if object_ids is not None:
            raise ValueError(
                f"object_ids is {object_ids!r}, but there are no labels with these numbers; "
                "pass labels too"
            )
        return None
    if object_ids is not None and at is not None:
        raise ValueError("object_ids and at both choose objects of labels; leave one of them out")
    chosen = labels > 0
    if object_ids is not None:
        chosen &= np.isin(labels, _numbers(object_ids))
    elif at is not None:
        chosen &= np.isin(labels, labels[at != 0])
    if not chosen.any():
        which = "" if object_ids is None else f" {object_ids}"
        place = "" if at is None else " at the points of 'at'"
        raise NothingToSeparate(f"labels has no object{which}{place}; choose another")
    return np.where(chosen, labels, 0)


def _numbers(text: str) -> list[int]:
    words = str(text).strip("()[]").replace(",", " ").split()
    if not words or not all(word.isdecimal() for word in words):
        raise ValueError(f"object_ids is {text!r}; write numbers of objects, such as '3 7'")
    return [int(word) for word in words]


def pixels_chosen(
    scores: Array, model: Model, channel: int | None, at: Array | None, hand: Array | None
) -> tuple[Array, int]:
    """Return labels of the pixels that are asked about, 0 elsewhere, and the place of the class."""
    config, said = model.config, scores.argmax(axis=0)
    if config.kind == "objects":
        own = INNER[config.targets] if channel is None else channel
        if hand is not None:
            return hand, own
        if at is not None:
            return _found_at(_objects(scores, config), at, model), own
        return _said(said, own, model), own
    pixels = hand if hand is not None else at
    first = next(place for place, number in enumerate(config.ids) if number or place)
    if pixels is None:
        own = first if channel is None else channel
        return _said(said, own, model), own
    if channel is None:
        channel = _commonest(said[pixels != 0], model)
    return pixels, channel


def objects_chosen(
    planes: list[Any],
    model: Model,
    channel: int | None,
    at: Array | None,
    hand: Array | None,
) -> tuple[Array, int | None]:
    """Return labels of the objects that are asked about, 0 elsewhere, and their class if known."""
    from napari_tessera.deep.inference.pasting import stacked

    if hand is not None:
        return hand, channel
    pasted = stacked(planes, smallest=0, **thresholds(model.config))
    labels = pasted.labels
    if at is not None:  # a volume may have one plane only
        return _found_at(labels.reshape(at.shape), at, model), channel
    sure = pasted.confidence
    sure = sure if channel is None else np.where(pasted.classes == channel, sure, 0)
    if not sure.size or not sure.any():
        raise _nothing(model, channel)
    number = int(sure.argmax()) + 1
    return np.where(labels == number, labels, 0), channel


def _found_at(objects: Array, at: Array, model: Model) -> Array:
    """Return the objects that lie under points, 0 elsewhere."""
    chosen = (objects > 0) & np.isin(objects, objects[at != 0])
    if not chosen.any():
        raise NothingToSeparate(
            f"model {model.name!r} finds no object at the points of 'at'; place them on an object "
            "it finds, or pass labels to ask about pixels it leaves out"
        )
    return np.where(chosen, objects, 0)


def _said(said: Array, channel: int, model: Model) -> Array:
    """Return 1 where the network says a class, 0 elsewhere."""
    pixels: Array = (said == channel).astype(np.uint8)
    if not pixels.any():
        raise _nothing(model, channel, np.unique(said).tolist())
    return pixels


def _commonest(said: Array, model: Model) -> int:
    """Return the class that most of the chosen pixels are said to be of, the background apart."""
    counts = np.bincount(said, minlength=len(model.config.ids))
    for place, number in enumerate(model.config.ids):
        if number == 0:
            counts[place] = 0
    if not counts.any():
        raise NothingToSeparate(
            f"model {model.name!r} sees nothing but background at the chosen place; choose "
            "another, or a target_class, to see what speaks for it there"
        )
    return int(counts.argmax())


def _nothing(model: Model, channel: int | None, seen: Any = ()) -> NothingToSeparate:
    """Return an error that says which class was not found, and which were."""
    known = [name or str(number) for number, name in _classes(model.config)]
    what = "object" if channel is None else f"{known[channel]!r}"
    others = f" (but {', '.join(known[each] for each in seen)})" if seen else ""
    return NothingToSeparate(
        f"model {model.name!r} finds no {what} in the image{others}; there is nothing to explain. "
        "Choose another target_class, or pass labels to ask about pixels of your own"
    )


def width(seen: Any, config: ModelConfig) -> float:
    """Return the median diameter of the objects that were found, in the plane with most."""
    from napari_tessera.deep.inference.pasting import pasted

    if isinstance(seen, list):
        fullest = max(seen, key=lambda each: float(each.confidence.sum()))
        return median_diameter(pasted(fullest, **thresholds(config)).labels)
    plane = seen if seen.ndim == 3 else seen[:, seen[0].mean(axis=(1, 2)).argmin()]
    return median_diameter(_objects(plane, config))


def _objects(scores: Array, config: ModelConfig) -> Array:
    """Return the objects that the model's own thresholds give."""
    best = {**DEFAULTS, **config.thresholds}
    return to_objects(
        scores,
        targets=config.targets,
        threshold=best["threshold"],
        seed_threshold=best["seed_threshold"],
        voxel=VoxelSize((1,) * (scores.ndim - 1)),
    )
