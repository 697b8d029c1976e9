"""Train a model that comes with napari-tessera, and write it where it is shipped from.

    python tools/shipped_models/train.py nuclei DATA --trained FOLDER

See README.md here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from recipes import RECIPES, ShippedRecipe

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import Model, read_model
from napari_tessera.deep.models.shipped.index import shipped_folder
from napari_tessera.deep.models.shipped.publish import HeldOutFigures, publish
from napari_tessera.deep.settings import Examples, Optimisation
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Progress

if TYPE_CHECKING:
    from images import Pair

SLIM = {"encoder": "tu-tf_efficientnet_lite0", "stages": 4, "decoder": 0.5}
"""A U-Net of 0.9 million weights."""

OVERLAPS = {"AP50": (0.5,), "AP75": (0.75,), "AP50 to 90": (0.5, 0.6, 0.7, 0.8, 0.9)}
"""What is measured: TP / (TP + FP + FN) at these overlaps."""


def trained(recipe: ShippedRecipe, data: Path, folder: Path) -> Model:
    """Train a network, or go on with its training."""
    examples = recipe.learnt(data)
    return train(
        [each.image for each in examples],
        [each.labels for each in examples],
        model=folder,
        network="unet",
        options=SLIM,
        examples=Examples(validation=0.1, patch=160),
        augmentation=recipe.augmentation,
        optimisation=Optimisation(
            epochs=recipe.epochs, steps=250, batch=8, averaging=0.998, threads=1
        ),
        seed=0,
        report=told,
        resume=folder.exists(),
    )


def told(progress: Progress) -> None:
    """Print a line for each epoch."""
    judged = progress.values.get("judged")
    if judged is not None and judged.score is not None:
        own = progress.values
        print(f"epoch {own['epoch']}: loss {own['loss']:.4f}, score {judged.score:.4f}", flush=True)


def figures(model: Model, held_back: Sequence[Pair]) -> dict[str, float]:
    """Return how well a model does, mean over images."""
    cache, found = Cache(), []
    for image, truth in held_back:
        own = predict(image, model=str(model.path), cache=cache)
        found.append([average_precision(truth, own, *ious) for ious in OVERLAPS.values()])
    return dict(zip(OVERLAPS, np.mean(found, axis=0).tolist(), strict=True))


def main() -> None:
    """Train, judge and write one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("data", type=Path, help="folder with the sets of images")
    parser.add_argument("--trained", type=Path, required=True, help="folder of the training")
    parser.add_argument("--output", type=Path, help="by default where it is shipped from")
    asked = parser.parse_args()
    recipe, folder = RECIPES[asked.name], asked.trained
    done = len(Folder(folder).read_losses())
    model = read_model(folder) if done >= recipe.epochs else trained(recipe, asked.data, folder)

    def judge(rounded: Model) -> list[HeldOutFigures]:
        return [
            HeldOutFigures(said, figures(rounded, read(asked.data)))
            for said, read in recipe.held_back.items()
        ]

    place = asked.output or shipped_folder() / asked.name
    made = publish(model, place, recipe.facts, judge)
    print(Folder(made.path).read_card())


if __name__ == "__main__":
    main()
