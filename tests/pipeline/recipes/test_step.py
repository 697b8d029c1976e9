"""One step, before it is run."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import Recipe, step
from napari_tessera.pipeline.recipes.given_source import given_source
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import Walk

IMAGE = np.array([[9, 9, 0, 0, 0, 0]] * 2 + [[0, 7, 7, 7, 0, 0]] * 3, np.uint8)


def test_an_option_that_is_none_is_refused():
    with pytest.raises(TypeError, match="label has no option 'sigma'"):
        step("label", sigma=1)


def test_a_step_says_how_it_is_walked():
    region = Region((0, 1), (4, 6))
    own = step("kmeans", Walk("planes", "all", region=region), clusters=3)
    assert own.walk == Walk("planes", "all", region=region)
    assert own.run(IMAGE).start == (0, 1)


def test_planes_or_volumes_are_as_is_usual_for_the_image():
    own = step("threshold", method="manual", levels=(4.0,))
    assert own.over is None
    assert Recipe.from_dict(own.to_dict()).over is None
    volume = np.stack([IMAGE] * 3)
    source = replace(given_source(own, volume, None, None), axes=("z", "y", "x"))
    assert own.on(source).over == "volume"
    assert own.on(given_source(own, volume, None, None)).over == "planes"
    assert "over=None" in own.as_python("file")
    assert "over" not in own.as_python()
    assert "--None" not in own.as_command()


def test_an_array_is_no_step():
    with pytest.raises(TypeError, match="leave it out, and give the array when the recipe runs"):
        step("threshold", image=IMAGE)
