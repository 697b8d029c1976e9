"""What a network is asked about: the pixels of a class, chosen objects, or a place.

A `Question`, and what the network says of the image, give the labelled pixels whose reasons are
wanted, and the class they are asked about (`chosen`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from napari_tessera.deep.inference.objects import DetectedObjects
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.models.library import Model, ModelConfig
from napari_tessera.deep.target_kinds import KINDS, ObjectPixelTargets
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array, VoxelSize


@dataclass(frozen=True)
class Question:
    """What is to be explained.

    Attributes
    ----------
    channel : int, optional
        The place of a class among those of the model; None = what is found at the chosen place.
    at : ndarray of int, optional
        Points or painted labels.
    hand : ndarray of int, optional
        Objects that were chosen among given labels, 0 elsewhere.
    """

    channel: int | None = None
    at: Array | None = None
    hand: Array | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        target_class: str | None,
        at: Array | None,
        labels: Array | None,
        object_ids: str | None,
    ) -> Question:
        """Return what the arguments of `grad_cam` ask for, or raise an error that says why not."""
        channel = None if target_class is None else channel_of(model, str(target_class))
        return cls(channel, at, by_hand(at, labels, object_ids))


def _classes(config: ModelConfig) -> list[tuple[int, str]]:
    """Return number and name of what a network can be asked about."""
    kind = KINDS.get(config.targets)
    if kind is not None and issubclass(kind, ObjectPixelTargets):
        return list(enumerate(kind.channels))
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


@singledispatch
def chosen(said: Any, question: Question) -> tuple[Array, int | None]:
    """Return labels of what is asked about, 0 elsewhere, and the place of its class if known.

    Parameters
    ----------
    said : PixelScores or DetectedObjects
        What the network says of the image.
    question : Question
    """
    raise TypeError(f"said is a {type(said).__name__}; pass what a `Predictor` answers")


@chosen.register
def _(said: PixelScores, question: Question) -> tuple[Array, int | None]:
    if isinstance(said.targets, ObjectPixelTargets):
        return _objects_of_pixels(said, said.targets.inner, question)
    highest, model, channel = said.array.argmax(axis=0), said.model, question.channel
    pixels = question.hand if question.hand is not None else question.at
    if pixels is None:
        ids = model.config.ids
        first = next(place for place, number in enumerate(ids) if number or place)
        own = first if channel is None else channel
        return _places_of(highest, own, model), own
    if channel is None:
        channel = _commonest(highest[pixels != 0], model)
    return pixels, channel


def _objects_of_pixels(said: PixelScores, inner: int, question: Question) -> tuple[Array, int]:
    """Return the pixels, or objects, asked about where a network scores pictures of objects."""
    own = inner if question.channel is None else question.channel
    if question.hand is not None:
        return question.hand, own
    if question.at is not None:
        return _found_at(said.objects(), question.at, said.model), own
    return _places_of(said.array.argmax(axis=0), own, said.model), own


@chosen.register
def _(said: DetectedObjects, question: Question) -> tuple[Array, int | None]:
    if question.hand is not None:
        return question.hand, question.channel
    voxel = VoxelSize((1.0,) * (3 if len(said.planes) > 1 else 2))
    pasted = said.pasted(voxel, smallest=0, confidence=None)
    labels, sure = pasted.labels, pasted.confidence
    if question.at is not None:  # a volume may have one plane only
        at = question.at
        return _found_at(labels.reshape(at.shape), at, said.model), question.channel
    if question.channel is not None:
        sure = np.where(pasted.classes == question.channel, sure, 0)
    if not sure.size or not sure.any():
        raise _nothing(said.model, question.channel)
    number = int(sure.argmax()) + 1
    return np.where(labels == number, labels, 0), question.channel


def _found_at(objects: Array, at: Array, model: Model) -> Array:
    """Return the objects that lie under points, 0 elsewhere."""
    chosen = (objects > 0) & np.isin(objects, objects[at != 0])
    if not chosen.any():
        raise NothingToSeparate(
            f"model {model.name!r} finds no object at the points of 'at'; place them on an object "
            "it finds, or pass labels to ask about pixels it leaves out"
        )
    return np.where(chosen, objects, 0)


def _places_of(highest: Array, channel: int, model: Model) -> Array:
    """Return 1 where the network says a class, 0 elsewhere."""
    pixels: Array = (highest == channel).astype(np.uint8)
    if not pixels.any():
        raise _nothing(model, channel, np.unique(highest).tolist())
    return pixels


def _commonest(highest: Array, model: Model) -> int:
    """Return the class that most of the chosen pixels are said to be of, the background apart."""
    counts = np.bincount(highest, minlength=len(model.config.ids))
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
