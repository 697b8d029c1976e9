"""The rows of ``accuracy.py`` that train a network: what is trained on, what is judged, and how.

Each row trains one network for as long as is asked for, on all of its training images, and scores it on
images that it has not seen. Whoever tries settings does so on other images than these.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from annotated import Annotated, flat, mapped, read, usual
from scipy import ndimage

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.settings import Augmentation, Examples, Objective, Optimisation, Transfer
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.matching import average_precision

Scores = Mapping[str, list[float]]
"""What is measured -> one number for each image."""


@dataclass(frozen=True)
class Row:
    """One training: its images and those that are judged, how these are scored, and the settings."""

    data: Callable[[Path], tuple[Annotated, Annotated]]
    score: Callable[[list, Annotated], Scores]
    task: Mapping = field(default_factory=dict)
    floor: Callable[[Annotated], list] | None = None


# --- images


def nuclei(folder: Path, count: int | None = None) -> tuple[Annotated, Annotated]:
    """Return the fluorescence images of the Data Science Bowl, and its test images."""
    learnt, test = (read(folder / "dsb2018" / part) for part in ("train", "test"))
    if count:  # evenly spaced
        learnt = learnt.some(np.linspace(0, len(learnt.images) - 1, count).round().astype(int))
    return learnt, test


def held(name: str, places, *, rgb: bool = False) -> Callable[[Path], tuple[Annotated, Annotated]]:
    """Return what reads a folder, of which the images at some places are held out."""
    return lambda folder: read(folder / name, rgb=rgb).apart(places)


def powder(folder: Path) -> tuple[Annotated, Annotated]:
    """Return quarters of the images of one lot of powder, and the image of another lot."""
    learnt, rest = read(folder / "powder_sem").apart([2])
    images, labels = (
        [part for own in some for rows in np.split(own, 2) for part in np.split(rows, 2, axis=1)]
        for some in (learnt.images, learnt.labels)
    )
    return Annotated(images, labels), rest


def membranes(folder: Path) -> tuple[Annotated, Annotated]:
    """Return slices 0 to 17 and 18 to 23 of ISBI 2012: 0 membrane, 1 cell."""
    data = read(folder / "isbi2012_em", "membranes")
    data = mapped(data, lambda own: (own > 127).astype(np.uint8))
    return data.apart(slice(18, None))


def axons(folder: Path) -> tuple[Annotated, Annotated]:
    """Return the left part of the one image, and its right third, across a gap of 64 pixels."""
    data = read(folder / "axon_myelin_sem")
    width = data.images[0].shape[1]
    cut = 2 * width // 3
    left, right = (
        Annotated([data.images[0][:, part]], [data.labels[0][:, part]])
        for part in (slice(0, cut - 32), slice(cut + 32, width))
    )
    return left, right


def vessels(fold: int) -> Callable[[Path], tuple[Annotated, Annotated]]:
    """Return what reads DRIVE, of which every fifth image is held out; 255 = outside the field."""

    def parts(folder: Path) -> tuple[Annotated, Annotated]:
        place = folder / "drive_vessels"
        data = read(place, "vessels", rgb=True)
        fields = read(place, "fov").labels
        labels = [
            np.where(flat(view) > 0, flat(own) > 0, 255).astype(np.uint8)
            for own, view in zip(data.labels, fields, strict=True)
        ]
        return Annotated(data.images, labels, rgb=True).apart(slice(fold, None, 5))

    return parts


def cracks(folder: Path) -> tuple[Annotated, Annotated]:
    """Return coatings with cracks; two specimens are held out."""
    data = read(folder / "coating_cracks_sem")
    names = sorted(file.name for file in (folder / "coating_cracks_sem" / "images").iterdir())
    chosen = [n for n, name in enumerate(names) if name.startswith(("040617-3", "111418-4"))]
    return data.apart(chosen)


def scenes(folder: Path) -> tuple[Annotated, Annotated]:
    """Return CamVid's 60 training images and 16 for validation; class 11, unknown, becomes 255."""
    learnt, rest = (read(folder / "camvid" / part, rgb=True) for part in ("train", "val"))

    def unknown(own):
        return np.where(own == 11, 255, own).astype(np.uint8)

    return mapped(learnt, unknown), mapped(rest, unknown)


# --- scores


def precisions(found: list, truth: Annotated) -> Scores:
    """Return the average precision of objects at overlaps .5 to .9."""
    pairs = list(zip(truth.labels, found, strict=True))
    levels = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
    return {
        f"AP{round(100 * level)}": [average_precision(*pair, level) for pair in pairs]
        for level in levels
    }


def membrane_errors(found: list, truth: Annotated) -> Scores:
    """Return the share of pixels that are wrong, and 1 - F1 of the membranes."""
    wrong = [float(np.mean(own != true)) for own, true in zip(found, truth.labels, strict=True)]
    f1 = [f_score(own == 0, true == 0) for own, true in zip(found, truth.labels, strict=True)]
    return {"pixel error": wrong, "1 - F1 of membranes": [1 - each for each in f1]}


def f_score(found, truth) -> float:
    """Return 2 TP / (2 TP + FP + FN)."""
    return float(2 * (found & truth).sum() / max(found.sum() + truth.sum(), 1))


def overlaps(number: int, name: str) -> Callable[[list, Annotated], Scores]:
    """Return what gives the intersection over union of a class."""

    def scores(found: list, truth: Annotated) -> Scores:
        f1 = [
            f_score(own == number, true == number)
            for own, true in zip(found, truth.labels, strict=True)
        ]
        return {f"IoU of {name}": [each / (2 - each) for each in f1]}

    return scores


def field_of_view(found: list, truth: Annotated) -> Scores:
    """Return F1 of the vessels in the field of view."""
    pairs = zip(found, truth.labels, strict=True)
    return {"F1": [f_score((own == 1) & (true != 255), true == 1) for own, true in pairs]}


def thin_cracks(found: list, truth: Annotated) -> Scores:
    """Return the recall of cracks thinner than 4 pixels, and precision and recall of all, as one."""
    seen, true = (np.stack([own == 2 for own in some]) for some in (found, truth.labels))
    square = np.ones((1, 4, 4), bool)  # what it does not fit into is thinner than 4 pixels
    thin = true & ~ndimage.binary_opening(true, square)
    near = ndimage.binary_dilation(true, np.ones((1, 3, 3), bool))  # a pixel beside is right
    return {
        "recall of cracks under 4 px": [float(seen[thin].mean())],
        "recall": [float(seen[true].mean())],
        "precision, one pixel beside counts": [float(near[seen].mean()) if seen.any() else 1.0],
    }


def mean_overlap(found: list, truth: Annotated) -> Scores:
    """Return mean IoU and global accuracy of 11 classes, all images as one."""
    table = np.zeros((11, 11), np.int64)
    for own, true in zip(found, truth.labels, strict=True):
        known = true < 11
        pairs = true[known].astype(int) * 11 + own[known]
        table += np.bincount(pairs, minlength=121).reshape(11, 11)
    common, union = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    return {
        "mean IoU": [float(np.mean(common[union > 0] / union[union > 0]))],
        "accuracy": [float(common.sum() / table.sum())],
    }


def otsu(data: Annotated) -> list:
    """Return what plain scikit-image finds."""
    return [usual(flat(image)) for image in data.images]


# --- rows

T98G = held("t98g_phase", slice(3, None, 7))
BRIGHT = Augmentation(flips=False, right_angles=False, rotation=5)
CLASSES = {"kind": "classes"}


def finders() -> Iterator[tuple[str, Row]]:
    """Yield the networks that find objects one by one, beside the U-Net."""
    for network in ("mask_rcnn", "yolov5seg"):
        for name, data in (("dsb2018", nuclei), ("t98g_phase", T98G), ("powder_sem", powder)):
            yield f"{name} {network}", Row(data, precisions, {"network": network}, otsu)


def crack_losses() -> Iterator[tuple[str, Row]]:
    """Yield the losses for what is rare and thin."""
    objectives = {
        "dice": Objective("dice + cross_entropy"),
        "focal": Objective("dice + focal"),
        "tversky": Objective("tversky + cross_entropy"),
        "border weights": Objective("dice + cross_entropy", border_weight=10.0),
        "boundary": Objective("dice + boundary"),
    }
    for name, objective in objectives.items():
        task = {**CLASSES, "objective": objective}
        yield f"coating_cracks_sem {name}", Row(cracks, thin_cracks, task)


def road_scenes() -> Iterator[tuple[str, Row]]:
    """Yield four networks, and what weights to begin with and to keep do."""
    usual_task = {
        **CLASSES,
        "augmentation": BRIGHT,
        "examples": Examples(patch=224, ignore=255),
    }
    for network in ("segnet", "fcn", "unet", "deeplabv3plus"):
        yield f"camvid {network}", Row(scenes, mean_overlap, {**usual_task, "network": network})
    for name, transfer in (
        ("random", Transfer(weights="none")),
        ("frozen", Transfer(freeze="always")),
    ):
        yield f"camvid unet {name}", Row(scenes, mean_overlap, {**usual_task, "transfer": transfer})


ROWS: Mapping[str, Row] = {
    "dsb2018 unet": Row(nuclei, precisions, floor=otsu),
    "dsb2018 16 images": Row(lambda folder: nuclei(folder, 16), precisions, floor=otsu),
    "t98g_phase unet": Row(T98G, precisions, floor=otsu),
    "bacteria_phase unet": Row(held("bacteria_phase", [4]), precisions, floor=otsu),
    "powder_sem unet": Row(powder, precisions, floor=otsu),
    "gravel_photos unet": Row(held("gravel_photos", [1, 4], rgb=True), precisions, floor=otsu),
    "isbi2012_em unet": Row(membranes, membrane_errors, CLASSES),
    "axon_myelin_sem unet": Row(axons, overlaps(2, "axons"), CLASSES),
    **{
        f"drive_vessels fold {fold + 1}": Row(
            vessels(fold), field_of_view, {**CLASSES, "examples": Examples(ignore=255)}
        )
        for fold in range(5)
    },
    **dict(crack_losses()),
    **dict(road_scenes()),
    **dict(finders()),
}


def measured(name: str, folder: Path, minutes: float) -> Iterator[tuple]:
    """Train the network of a row, and yield the columns of ``accuracy.py`` for each measure."""
    row = ROWS[name]
    learnt, rest = row.data(folder)
    network, axis = row.task.get("network", "unet"), -1 if learnt.rgb else None
    with tempfile.TemporaryDirectory() as place:
        model = train(
            learnt.images,
            learnt.labels,
            model=Path(place) / "model",
            channel_axis=axis,
            rgb=learnt.rgb,
            optimisation=Optimisation(epochs=10_000, minutes=minutes),
            **row.task,
        )
        given = {"model": str(model.path), "channel_axis": axis, "cache": Cache()}
        found = [predict(image, **given) for image in rest.images]
    scores = row.score(found, rest)
    floors = row.score(row.floor(rest), rest) if row.floor else {}
    for metric, each in scores.items():
        yield name, network, {"minutes": minutes}, metric, each, floors.get(metric)
