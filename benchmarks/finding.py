"""Networks that find objects one by one: ``finding.py FOLDER [overfit] [times] [many]``.

FOLDER holds coco128_seg. ``overfit`` trains on its photographs, shrunk to ``--side`` pixels, for some
minutes and prints the mask AP of COCO on those very images, by pycocotools; ``times`` sets finding objects beside the bare
pass of the network (for Mask R-CNN torchvision's own); ``many`` times what follows the network.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from napari_tessera import detect
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.detections import PlaneDetections
from napari_tessera.deep.inference.pasting import pasted, stacked
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.networks.instances import GRID
from napari_tessera.deep.settings import NO_AUGMENTATION, Examples, Optimisation, Transfer
from napari_tessera.deep.training.train import train
from napari_tessera.io.datasets import TrainingPairs, load, matched_files
from napari_tessera.signature.progress import Progress

NETWORKS = {
    "mask_rcnn": {"encoder": "tu-tf_efficientnet_lite0", "width": 0.25},
    "yolov5seg": {"size": "n"},
}


def photographs(folder: Path) -> TrainingPairs:
    """Return the images of coco128_seg with their objects and classes."""
    place = folder / "coco128_seg"
    return load(matched_files(place / "images", place / "labels"), channel_axis="rgb")


def shrunk(pairs: TrainingPairs, side: int) -> TrainingPairs:
    """Return photographs, longest side `side` pixels, with what is left of their objects."""
    from skimage.transform import rescale

    def smaller(array: np.ndarray, **how: object) -> np.ndarray:
        share = side / max(array.shape[:2])
        found = rescale(array, share, preserve_range=True, **how)
        return np.round(found).astype(array.dtype)

    images = [
        smaller(np.asarray(each), channel_axis=-1, anti_aliasing=True) for each in pairs.images
    ]
    labels = [smaller(np.asarray(each), order=0) for each in pairs.labels]
    return replace(pairs, images=images, labels=labels)


def trained(
    pairs: TrainingPairs,
    network: str,
    minutes: float,
    place: Path,
    patch: int = 224,
    weights: str = "imagenet",
    optimisation: dict | None = None,
    **options: object,
) -> str:
    """Train a network on photographs, none held out, and return the path of its model."""
    model = train(
        pairs.images,
        pairs.labels,
        model=place / network,
        channel_axis=pairs.channel_axis,
        rgb=True,
        classes=pairs.classes,
        class_names=pairs.class_names,
        network=network,
        options={**NETWORKS[network], **options},
        examples=Examples(patch=patch, diameter=0, validation=0),
        augmentation=replace(NO_AUGMENTATION, flips=False, brightness=0.05),
        optimisation=Optimisation(
            epochs=10_000, steps=100, minutes=minutes, **{"batch": 8, **(optimisation or {})}
        ),
        report=losses,
        transfer=Transfer(weights=weights),
    )
    return str(model.path)


def losses(progress: Progress) -> None:
    """Print the loss of each epoch."""
    if "loss" in progress.values:
        print(f"epoch {progress.values['epoch']}: loss {progress.values['loss']:.4f}", flush=True)


def coco(pairs: TrainingPairs, found: list) -> dict:
    """Return ground truth and results in the form of COCO.

    `found` is one list of (class name, confidence, mask) per image.
    """
    from pycocotools import mask as masks

    names = sorted(set(pairs.class_names.values()))
    numbers = {name: number for number, name in enumerate(names, 1)}

    def entry(image: int, name: str, mask: np.ndarray) -> dict:
        coded = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
        box = masks.toBbox(coded).tolist()
        own = {"image_id": image, "category_id": numbers[name], "segmentation": coded}
        return {**own, "bbox": box, "area": float(mask.sum()), "iscrowd": 0}

    truth = [
        entry(image, name, np.asarray(labels) == number)
        for image, (labels, classes) in enumerate(zip(pairs.labels, pairs.classes, strict=True))
        for number, name in classes.items()
        if (np.asarray(labels) == number).any()
    ]
    for number, each in enumerate(truth, 1):
        each["id"] = number
    results = [
        {**entry(image, name, mask), "score": sure}
        for image, own in enumerate(found)
        for name, sure, mask in own
    ]
    images = [
        {"id": i, "height": a.shape[0], "width": a.shape[1]} for i, a in enumerate(pairs.labels)
    ]
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    return {"images": images, "categories": categories, "annotations": truth}, results


def mask_ap(pairs: TrainingPairs, found: list) -> tuple[float, float]:
    """Return AP (mean over IoU .5 to .95) and AP at .5 of masks, by pycocotools."""
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    data, results = coco(pairs, found)
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, **data}
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(results), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0]), float(judge.stats[1])


def overfit(arguments: argparse.Namespace) -> None:
    """Train on the photographs, and find on the same."""
    pairs = photographs(arguments.folder)
    if arguments.alike:
        alike = [dict.fromkeys(own, "thing") for own in pairs.classes]
        pairs = replace(pairs, classes=alike, class_names={1: "thing"})
    pairs = shrunk(pairs, arguments.side)
    print(f"{len(pairs.images)} photographs, {sum(map(len, pairs.classes))} objects", flush=True)
    perfect = [
        [(name, 1.0, np.asarray(labels) == number) for number, name in classes.items()]
        for labels, classes in zip(pairs.labels, pairs.classes, strict=True)
    ]
    highest, at_half = mask_ap(pairs, perfect)
    print(f"the truth itself: AP {highest:.3f}, AP50 {at_half:.3f}", flush=True)
    for network in arguments.networks:
        with tempfile.TemporaryDirectory() as place:
            model = trained(
                pairs,
                network,
                arguments.minutes,
                Path(place),
                patch=arguments.side,
                optimisation={"learning_rate": arguments.rate, "batch": arguments.batch},
            )
            kept, began, found = Cache(), time.monotonic(), []
            for image in pairs.images:
                labels, table = detect(
                    np.asarray(image), model=model, confidence=0.05, channel_axis=-1, cache=kept
                )
                rows = zip(table["index"], table["class"], table["confidence"], strict=True)
                found.append([(str(name), float(sure), labels == i) for i, name, sure in rows])
            each = (time.monotonic() - began) / len(pairs.images)
            precision, at_half = mask_ap(pairs, found)
            print(
                f"{network}: mask AP {precision:.3f}, AP50 {at_half:.3f} after {arguments.minutes:g} min, "
                f"{sum(map(len, found))} found, {each:.2f} s per image",
                flush=True,
            )


def best(function, turns: int = 5) -> float:
    """Return the shortest of some times, after one that does not count."""
    function()
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def detecting(image: np.ndarray, model: str, side: int) -> Callable[[], object]:
    """Return what finds objects in one tile, each time in another image."""
    image, kept = image.copy(), Cache()

    def once() -> object:
        image[0, 0, 0] ^= 1  # of the same one, all would be kept
        return detect(image, model=model, channel_axis=-1, tile=side, diameter="40 px", cache=kept)

    return once


def bare(network: torch.nn.Module, images: torch.Tensor | list) -> Callable[[], object]:
    """Return what passes images through a network, and nothing else."""
    network.eval()

    def once() -> object:
        with torch.inference_mode():
            return network(images)

    return once


def times(arguments: argparse.Namespace) -> None:
    """Print what finding objects takes beside the bare pass of the network."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    pairs = photographs(arguments.folder)
    names = ("images", "labels", "classes", "names")
    some = replace(pairs, **{name: getattr(pairs, name)[:6] for name in names})
    scene = np.tile(np.asarray(pairs.images[0]), (3, 3, 1))
    for network, options in (("yolov5seg", {}), ("mask_rcnn", {"encoder": "resnet50"})):
        with tempfile.TemporaryDirectory() as place:
            model = trained(some, network, 0.5, Path(place), weights="none", **options)
            for side in (256, 512, 640):
                image = scene[:side, :side]
                given = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)
                if network == "mask_rcnn":
                    peer = maskrcnn_resnet50_fpn(
                        weights=None, weights_backbone=None, min_size=side, max_size=side
                    )
                    alone = best(bare(peer, [given]))
                else:
                    alone = best(bare(find_model(model).load_network(), given[None]))
                whole = best(detecting(image, model, side))
                print(
                    f"{network} {side}^2: {whole:.3f} s, the bare pass {alone:.3f} s, ratio "
                    f"{whole / alone:.2f}",
                    flush=True,
                )


def many(_: argparse.Namespace) -> None:
    """Print the time from 500 objects, as a network gives them, to labels."""
    random = np.random.default_rng(0)
    for count in (500, 2000):
        side = 2048
        corner = random.uniform(0, side - 60, (count, 2))
        boxes = np.hstack([corner, corner + random.uniform(20, 60, (count, 2))]).astype(np.float32)
        y, x = np.indices((GRID, GRID)) - (GRID - 1) / 2
        disc = (np.hypot(y, x) < GRID / 2).astype(np.uint8) * 255
        found = PlaneDetections(
            (side, side),
            boxes,
            np.zeros(count, np.int64),
            random.uniform(0.1, 1, count).astype(np.float32),
            np.tile(disc, (count, 1, 1)),
            np.zeros(count, np.int64),
            np.zeros(count, bool),
            np.array([[0, 0, side, side]], np.float32),
        )
        took = best(lambda found=found: stacked([found], confidence=0.1, overlap=0.5))
        kept = pasted(found, confidence=0.1, overlap=0.5)
        print(
            f"{count} objects in {side}^2 pixels: {1000 * took:.1f} ms, "
            f"{count / took:.0f} objects per second, {len(kept.classes)} stay",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", nargs="*", default=["overfit", "times", "many"])
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--side", type=int, default=256, help="overfit: pixels of the photographs")
    parser.add_argument("--rate", type=float, default=2e-3, help="overfit: learning rate")
    parser.add_argument("--batch", type=int, default=8, help="overfit: photographs per step")
    parser.add_argument("--alike", action="store_true", help="overfit: all objects as one class")
    given = parser.parse_args()
    for word in given.what:
        {"overfit": overfit, "times": times, "many": many}[word](given)
