import numpy as np
import pytest

from napari_tessera import step
from napari_tessera.pipeline.recipes.data import pack
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.recipe.words import THE_IMAGE, input_words, step_words


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (step("watershed"), "as usual"),
        (step("watershed", lines=True, smoothing="3 px"), "smoothing 3 px; lines"),
        (step("kmeans", clusters=4), "clusters 4"),
        (step("threshold", method="hysteresis", levels=(2.5, 9.0)),
         "method hysteresis; levels 2.5 9"),
        # used with local methods only, so that it says nothing here
        (step("threshold", window="9 px"), "as usual"),
        (step("label", Walk("volume", join=True)), "in volumes; numbers kept across planes"),
        (step("expand", Walk(only=(3, 7))), "only 3, 7"),
        (step("expand", Walk(only=tuple(range(1, 9)))), "only 1, 2, 3, 4, 5, ..."),
        (step("kmeans", Walk(levels_from="all", region=Region((0, 0), (2, 2)))),
         "automatic from all; in a region"),
        (step("merge", how="points", path=((1, 2), (3, 4))), "path; how points"),
    ],
)  # fmt: skip
def test_what_is_not_usual_is_said(made, words):
    assert step_words(made) == words


def test_arrays_are_said_by_what_they_are():
    mask = pack(np.ones((3, 4), bool))
    assert input_words(mask) == "drawn, 3 x 4"
    assert input_words({"points": [[1.0, 2.0]] * 2}) == "2 points"
    assert input_words({"name": "cells"}, "cells") == THE_IMAGE
    assert step_words(step("measure", image="dapi")) == "image: dapi"
