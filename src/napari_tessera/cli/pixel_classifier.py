"""``napari-tessera train-pixel-classifier``: strokes in several files teach one classifier."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 (the command line reads the annotations)

from napari_tessera.cli.arguments import colour_axis
from napari_tessera.io.datasets import load, matched_files
from napari_tessera.methods.classical.stroke_learning import train_pixel_classifier
from napari_tessera.signature.schema import one_line
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.words import VoxelSize


def pixel_classifier_command(
    images: Path,
    strokes: Path,
    /,
    *,
    classifier: str,
    onto: str | None = None,
    smallest_scale: str = "1 px",
    largest_scale: str = "8 px",
    texture: bool = False,
    seed: int = 0,
    channels: str | None = None,
) -> int:
    """Learn from strokes in several images to classify pixels, for classify-pixels --classifier.

    Parameters
    ----------
    images : Path
        A file or a folder of images.
    strokes : Path
        Their strokes, as images of labels: 1, 2, 3, ... for classes, 0 where nothing is drawn.
        cells.tif goes with cells.tif or cells-labels.tif.
    classifier : str
        Name of the classifier, or the path of a new folder.
    onto : str
        A classifier, by name or folder, to whose examples those of the strokes are added.
    smallest_scale, largest_scale : str
        Standard deviations of the finest and of the coarsest Gaussian, such as '2 px' or '0.5 um'.
    texture : bool
        Also see how strongly intensities change around a pixel, and along how many directions.
    seed : int
        The same seed gives the same forest.
    channels : str
        Axis of the channels, or rgb; else the files'.
    """
    try:
        pairs = load(
            matched_files(images, strokes), channel_axis=colour_axis(channels), kind="classes"
        )
        if pairs.note:
            print(one_line(pairs.note), file=sys.stderr)
        axes = pairs.images[0].ndim - (pairs.channel_axis is not None)
        spacing: VoxelSize | None = pairs.spacing_of(axes)
        found = train_pixel_classifier(
            pairs.images,
            pairs.labels,
            smallest_scale=smallest_scale,
            largest_scale=largest_scale,
            texture=texture,
            seed=seed,
            classifier=onto,
            channel_axis=pairs.channel_axis,
            spacing=spacing,
        )
        path = found.save(classifier)
    except (ValueError, TypeError, OSError) as error:
        print(f"train-pixel-classifier: {sentence_of(error)}", file=sys.stderr)
        return 2
    classes = ", ".join(map(str, found.forest.classes))
    print(one_line(f"{path}: classes {classes}, learnt from {found.examples.count} pixels"))
    return 0
