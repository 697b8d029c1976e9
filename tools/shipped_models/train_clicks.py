"""Train the click network that comes with napari-tessera, and write it where it is shipped from.

    python tools/shipped_models/train_clicks.py DATA --trained FOLDER

See README.md here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from images import Pair, frames, pairs
from scenes import scene
from train import SLIM

from napari_tessera.deep.clicks.exercises import PracticeImage
from napari_tessera.deep.clicks.training import ClickTask, ImageSets, train_clicks
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.settings import Augmentation, Optimisation
from napari_tessera.signature.progress import Progress

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
    train_clicks(task, Folder(asked.trained), told)


if __name__ == "__main__":
    main()
