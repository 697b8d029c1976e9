"""Model folders of networks that others have trained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_tessera.deep.models.library import Folder, Model, ModelConfig, card, place_of, versions
from napari_tessera.deep.weights.coco import PUBLISHED, Learnt, learnt
from napari_tessera.signature.words import Report

if TYPE_CHECKING:
    from pathlib import Path

LICENCE = (
    "torchvision, which publishes these weights, is under the BSD-3-Clause licence; they were "
    "learnt from COCO (annotations CC BY 4.0, photographs under the terms of Flickr)."
)
"""What the card says in place of ours."""


LONGEST = 5
"""Thirds of the shorter side that the longer one may have, as torchvision resizes photographs."""


def import_model(
    name: str,
    *,
    file: str | Path | None = None,
    model: str | Path | None = None,
    report: Report = None,
) -> Model:
    """Keep a network that has learnt from COCO as a model, with its classes and their colours.

    It takes red, green and blue, as photographs have them. People, cars, animals and things are
    found at once, without training.

    Parameters
    ----------
    name : str
        maskrcnn_resnet50_fpn or maskrcnn_resnet50_fpn_v2 (objects), deeplabv3_mobilenet_v3_large,
        deeplabv3_resnet50, deeplabv3_resnet101, fcn_resnet50 or fcn_resnet101 (classes).
    file : str or Path, optional
        The weights (.pth, .safetensors) as torchvision publishes them; None = those in PyTorch's
        cache, or downloaded.
    model : str or Path, optional
        Name of the model, or the path of a new folder; None = `name`.
    report : callable, optional
        Takes `Progress` of the download.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        If there is no such network, or the file holds other weights.
    FileExistsError
        If there is such a model.
    ConnectionError
        If the weights would have to be downloaded and cannot; the message says how to pass a file.
    """
    folder = Folder(place_of(name if model is None else model))
    folder.check()
    found = learnt(name, file=file, report=report)
    config = _config(found)
    folder.create(config)
    config = folder.write_weights(found.network.state_dict(), config)
    text = card(config)
    folder.write_card(text[: text.index("## Licence")] + f"## Licence\n\n{LICENCE}\n")
    return Model(folder.path, config)


def _config(found: Learnt) -> ModelConfig:
    about, count = found.about, len(found.class_names)
    objects = about.network == "mask_rcnn"
    return ModelConfig(
        network=about.network,
        options=dict(about.options),
        in_channels=3,
        rgb=True,
        channel_names=("red", "green", "blue"),
        axes=2,
        targets="instances" if objects else "classes",
        ids=tuple(range(1, count + 1)) if objects else tuple(range(count)),
        class_names=found.class_names,
        colours=found.colours,
        spacing=None,
        unit="pixel",
        normalise="range",
        low=0.0,
        high=100.0,
        thresholds={"threshold": 0.5} if objects else {},
        patch=about.side,
        fitted=(about.side, LONGEST * about.side // 3),
        diameter=0.0,
        score=None,
        scored="",
        examples=0,
        data=f"COCO: {PUBLISHED[found.name].place}",
        training={},
        versions=versions(),
        created=time.strftime("%Y-%m-%d"),
        weights="",
    )
