"""Of which images it is said that they are unlike those of a training: ``familiarity.py FOLDER``.

FOLDER holds the data sets that ``accuracy.py`` and ``networks.py`` read, and others with a folder of
images. No network is trained: what a model would remember of its examples is compared with images of
the same kind and of others. Sizes are those of the annotated objects, where there are any.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_tessera.algorithms.filters.intensities import intensities, normalised
from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.deep.data.appearance import figures, sample_boxes, seen_in
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.inference.familiarity import Familiarity

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".bmp")

OBJECTS = ("dsb2018/train", "dsb2018/test", "dsb2018/test_other", "bbbc039_nuclei", "t98g_phase")
"""Those whose labels are objects."""

OTHERS = (
    "powder_sem/images", "gravel_photos/images", "wbc/dataset1", "wbc/dataset2", "bsds500/test",
    "isbi2012_em/images", "bacteria_phase/images", "drive_vessels/images", "camvid/val/images",
)  # fmt: skip

MOST = 110
"""Images of a set that are looked at."""

CHANGES: dict[str, Callable] = {
    "as they are": lambda image, random: image,
    "negative": lambda image, random: 1 - image,
    "noise .05": lambda image, random: image + random.normal(0, 0.05, image.shape),
    "noise .1": lambda image, random: image + random.normal(0, 0.1, image.shape),
    "blur 2 px": lambda image, random: ndimage.gaussian_filter(image, 2),
    "blur 4 px": lambda image, random: ndimage.gaussian_filter(image, 4),
}
"""What may happen to an image, normalised."""


def read(path: Path) -> np.ndarray:
    """Return a plane of an image, grey."""
    import imageio.v3 as imageio
    import tifffile

    own = tifffile.imread(path) if path.suffix.startswith(".tif") else imageio.imread(path)
    grey = own[..., :3].mean(axis=-1) if own.ndim == 3 and own.shape[-1] in (3, 4) else own
    return grey[0] if grey.ndim == 3 else grey


def files(folder: Path) -> list[Path]:
    """Return the images in a folder and those below."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES][:MOST]


def labelled(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return images with their objects."""
    return [
        (read(path), read(next((folder / "labels").glob(f"{path.stem}.*"))))
        for path in files(folder / "images")
    ]


def trained_on(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Familiarity:
    """Return what a model would remember of examples."""
    images, labels = zip(*pairs, strict=True)
    found = [
        replace(each, intensities=intensities([each.plane_values()], channels=False))
        for each in pieces(images, labels, axes=2)
    ]
    return Familiarity(seen_in(found, objects=True), len(found))


def looks(image: np.ndarray, change: Callable = CHANGES["as they are"]) -> dict[str, float]:
    """Return the figures of an image that something happened to."""
    scaled = normalised(image, intensities([image], channels=False), channel_axis=None)[0]
    changed = change(scaled, np.random.default_rng(0))
    again = normalised(changed, intensities([changed], channels=False), channel_axis=None)
    return figures([again[(slice(None), *box)] for box in sample_boxes(changed.shape)])


def told(known: Familiarity, every: list[tuple[dict[str, float], float]]) -> str:
    """Return of which share of images something is said, and what."""
    found = [known.differences(own, diameter) for own, diameter in every]
    words = Counter(subject for each in found for subject in each)
    shares = ", ".join(f"{subject} {count / len(every):.2f}" for subject, count in words.items())
    return f"| {len(every)} | {np.mean(list(map(bool, found))):.2f} | {shares} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    sets = {name: labelled(folder / name) for name in OBJECTS}
    every = {
        name: [(looks(image), median_diameter(objects)) for image, objects in own]
        for name, own in sets.items()
    }
    every |= {name: [(looks(read(path)), 0.0) for path in files(folder / name)] for name in OTHERS}
    nuclei, cells = trained_on(sets["dsb2018/train"]), trained_on(sets["t98g_phase"][::2])
    for name, known in (("dsb2018/train", nuclei), ("half of t98g_phase", cells)):
        print(name, dict(known.seen))
        for other, own in every.items():
            print(f"| {other} {told(known, own)}", flush=True)
    alike = trained_on(sets["bbbc039_nuclei"][::2])
    asked = ((nuclei, "dsb2018/test", 1), (alike, "bbbc039_nuclei", 2), (cells, "t98g_phase", 2))
    for trained, other, step in asked:
        for name, change in CHANGES.items():
            changed = [(looks(image, change), 0.0) for image, _ in sets[other][step - 1 :: step]]
            print(f"| {other}, {name} {told(trained, changed)}", flush=True)
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 10, 20):
        said = []
        for _ in range(20):
            chosen = random.choice(len(sets["dsb2018/train"]), count, replace=False)
            few = trained_on([sets["dsb2018/train"][i] for i in chosen])
            said += [bool(few.differences(*own)) for own in every["dsb2018/test"]]
        print(f"| trained on {count}, dsb2018/test | {np.mean(said):.3f} |", flush=True)


if __name__ == "__main__":
    main()
