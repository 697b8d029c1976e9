"""What each network learns in the same time, on real images: ``networks.py FOLDER``.

FOLDER holds dsb2018 (nuclei, objects), camvid (road scenes, classes) and isbi2012_em (neurites,
objects; with ``--data isbi2012``). Each network is trained in
a process of its own, so that its peak memory is its own, and scored on images it has not seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from annotated import mapped, read
from scipy import ndimage

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.settings import Augmentation, Examples, Optimisation, Transfer
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.matching import average_precision

NETWORKS = ("fcn", "unet", "segnet", "deeplabv3plus")
FINDERS = ("mask_rcnn", "yolov5seg")
CLASSES = 11


def nuclei(folder: Path) -> dict:
    """Return the fluorescence images of the Data Science Bowl 2018, to train on and to test on."""
    learnt, rest = (read(folder / "dsb2018" / part) for part in ("train", "test"))
    return {"train": learnt, "test": rest, "task": {"kind": "objects"}}


def neurites(folder: Path) -> dict:
    """Return the slices of the ISBI 2012 challenge: profiles of neurites, 18 slices and 6."""
    data = read(folder / "isbi2012_em", "membranes")
    data = mapped(data, lambda own: ndimage.label(own > 127)[0].astype(np.uint16))
    learnt, rest = data.apart(slice(18, None))
    task = {"kind": "objects", "examples": Examples(diameter=0)}
    return {"train": learnt, "test": rest, "task": task}


def scenes(folder: Path) -> dict:
    """Return CamVid's images; its class 11, nobody knows what, becomes 0, the others 1 to 11."""

    def moved(own: np.ndarray) -> np.ndarray:
        return np.where(own == CLASSES, 0, own + 1).astype(np.uint8)

    learnt, rest = (
        mapped(read(folder / "camvid" / part, rgb=True), moved) for part in ("train", "val")
    )
    task = {"kind": "classes", "examples": Examples(patch=224, unlabelled="ignore")}
    return {"train": learnt, "test": rest, "task": task}


DATA = {"dsb2018": nuclei, "camvid": scenes, "isbi2012": neurites}


def precision(found: list, truth: list) -> dict[str, float]:
    """Return the average precision of objects, mean over the images, at two overlaps."""
    return {
        f"AP{int(100 * iou)}": float(
            np.mean([average_precision(t, p, iou) for t, p in zip(truth, found, strict=True)])
        )
        for iou in (0.5, 0.75)
    }


def agreement(found: list, truth: list) -> dict[str, float]:
    """Return global accuracy and mean IoU over all pixels of all images that are annotated."""
    table = np.zeros((CLASSES, CLASSES), np.int64)
    for own, true in zip(found, truth, strict=True):
        known = true > 0
        pairs = (true[known].astype(int) - 1) * CLASSES + own[known] - 1
        table += np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    common = np.diag(table)
    union = table.sum(0) + table.sum(1) - common
    return {
        "accuracy": float(common.sum() / table.sum()),
        "mean IoU": float(np.mean(common[union > 0] / union[union > 0])),
    }


def one(arguments: argparse.Namespace) -> dict:
    """Train one network and score it."""
    data = DATA[arguments.data](arguments.folder)
    learnt, rest = data["train"], data["test"]
    rgb = learnt.rgb
    augmentation = Augmentation(
        right_angles=not rgb,
        flips=not rgb,
        rotation=5 if rgb else 15,
        mixup=arguments.mixup,
        cutmix=arguments.cutmix,
    )
    optimisation = Optimisation(
        epochs=arguments.epochs or 10_000,
        steps=arguments.steps,
        minutes=None if arguments.epochs else arguments.minutes,
        batch=arguments.batch,
    )
    settings = dict(data["task"])
    if arguments.targets and not rgb:
        settings["targets"] = arguments.targets
    if arguments.options:
        settings["options"] = json.loads(arguments.options)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        model = train(
            learnt.images,
            learnt.labels,
            model=Path(place) / "model",
            channel_axis=-1 if rgb else None,
            rgb=rgb,
            network=arguments.network,
            augmentation=augmentation,
            optimisation=optimisation,
            transfer=Transfer(weights=arguments.weights),
            seed=arguments.seed,
            **settings,
        )
        took = time.monotonic() - began
        kept, axis = Cache(), -1 if rgb else None
        name, began = str(model.path), time.monotonic()
        found = [predict(image, model=name, channel_axis=axis, cache=kept) for image in rest.images]
        each = (time.monotonic() - began) / len(rest.images)
        network = model.load_network()
    return {
        "data": arguments.data,
        "network": arguments.network,
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "seconds": round(took),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "s per image": round(each, 3),
        "thresholds": model.config.thresholds,
        **(agreement if rgb else precision)(found, rest.labels),
    }


def main() -> None:
    """Train every network for the same time and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", choices=DATA, help="one set of images; by default both")
    parser.add_argument(
        "--network",
        choices=(*NETWORKS, *FINDERS),
        help="one network; by default the four that score pixels",
    )
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--epochs", type=int, help="so many epochs, however long they take")
    parser.add_argument("--steps", type=int, default=50, help="steps per epoch")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--targets", choices=("boundaries", "distances"))
    parser.add_argument("--options", help="of the network, as JSON")
    parser.add_argument("--mixup", type=float, default=0)
    parser.add_argument("--cutmix", type=float, default=0)
    parser.add_argument("--here", action="store_true", help="in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(one(arguments)))
        return
    for data in [arguments.data] if arguments.data else ("dsb2018", "camvid"):
        for network in [arguments.network] if arguments.network else NETWORKS:
            words = [*sys.argv, "--here", "--data", data, "--network", network]
            done = subprocess.run(
                [sys.executable, *words], capture_output=True, text=True, check=False
            )
            print(done.stdout.strip() or done.stderr[-2000:], flush=True)


if __name__ == "__main__":
    main()
