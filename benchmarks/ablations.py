"""What each loss and each augmentation does in 600 steps: ``ablations.py DATA OUT.csv``.

DATA holds ``dsb2018`` and ``t98g_phase``. Of the training images every fifth is judged on, the others
are trained on, all rows alike but for what they are named after. Rows that OUT.csv has are left out, and
a row that was interrupted goes on after its last epoch: its model lies beside OUT.csv as long.

    python benchmarks/ablations.py DATA benchmarks/ablations.csv --only dsb2018
"""

from __future__ import annotations

import argparse
import csv
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from annotated import Annotated, read

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.settings import (
    NO_AUGMENTATION,
    Augmentation,
    Examples,
    Objective,
    Optimisation,
)
from napari_tessera.deep.training.losses import TERMS
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.matching import average_precision

DATA = {"dsb2018": "dsb2018/train", "t98g_phase": "t98g_phase"}

SMALL = {"encoder": "tu-tf_efficientnet_lite0", "stages": 4, "decoder": 0.5}
"""Options of a U-Net that learns in half of the time of the default."""

EPOCHS, STEPS = 12, 50

PRECISIONS = (0.5, 0.75, 0.9)

USUAL = Augmentation()
"""Geometry and intensities."""

GEOMETRY = replace(
    NO_AUGMENTATION,
    **{
        name: getattr(USUAL, name)
        for name in ("flips", "right_angles", "rotation", "scaling", "elastic")
    },
)

AUGMENTATIONS = {
    "none": NO_AUGMENTATION,
    "geometry": GEOMETRY,
    "geometry, intensities": USUAL,
    "the same, mixup": replace(USUAL, mixup=0.5),
    "the same, cutmix": replace(USUAL, cutmix=0.5),
    "the same, copy_paste": replace(USUAL, copy_paste=0.5),
}

OBJECTIVES = {
    **{name: Objective(name) for name in TERMS},
    "dice + boundary": Objective("dice + boundary"),
    "cross_entropy, border weights": Objective("cross_entropy", border_weight=10.0),
}


def rows() -> Iterator[tuple[str, str, dict]]:
    """Yield what is told apart, its name, and the settings."""
    for name, augmentation in AUGMENTATIONS.items():
        yield "augmentation", name, {"augmentation": augmentation}
    for name, objective in OBJECTIVES.items():
        yield "loss", name, {"objective": objective}


def judged(data: Annotated, settings: dict, place: Path) -> dict[str, float]:
    """Return how good a network is that was trained on four fifths, on the rest."""
    learnt, rest = data.apart(slice(None, None, 5))
    began, spent = time.monotonic(), time.process_time()
    model = train(
        learnt.images,
        learnt.labels,
        model=place,
        options=SMALL,
        examples=Examples(validation=0.1),
        optimisation=Optimisation(epochs=EPOCHS, steps=STEPS, threads=1),
        resume=True,
        **settings,
    )
    took, spent = time.monotonic() - began, time.process_time() - spent
    kept = Cache()
    found = [predict(image, model=str(model.path), cache=kept) for image in rest.images]
    pairs = list(zip(rest.labels, found, strict=True))
    return {
        **{
            f"AP{round(100 * iou)}": round(
                float(np.mean([average_precision(*pair, iou) for pair in pairs])), 4
            )
            for iou in PRECISIONS
        },
        "images": len(pairs),
        "seconds": round(took),
        "CPU seconds": round(spent),
    }


def known(out: Path) -> list[dict[str, str]]:
    """Return the rows that are there."""
    if not out.exists():
        return []
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Add the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=DATA, help="one set of images")
    asked = parser.parse_args()
    for name in [asked.only] if asked.only else DATA:
        data = read(asked.folder / DATA[name])
        for what, title, settings in rows():
            key = {"data": name, "what": what, "of": title}
            if any(key.items() <= row.items() for row in known(asked.out)):
                continue
            place = asked.out.parent.resolve() / f".{asked.out.stem} {name} {title}"
            row = {**key, **judged(data, settings, place)}
            new = not asked.out.exists()
            with asked.out.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                if new:
                    writer.writeheader()
                writer.writerow(row)
            shutil.rmtree(place)
            print(row, flush=True)


if __name__ == "__main__":
    main()
