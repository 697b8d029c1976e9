"""What a recipe says of its source, its values and the packages that ran."""

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, StepResult
from napari_tessera.pipeline.recipes.description import (
    input_data,
    package_versions,
    parameter_data,
)
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize

SPACING = VoxelSize((2, 0.5, 0.5), "um")


def test_a_recipe_keeps_what_was_written(rng):
    image = rng.integers(0, 100, (4, 16, 18)).astype(np.uint8)
    source = Source.of(image, spacing=SPACING, axes=("z", "y", "x"), name="stack.tif")
    recipe = Recipe.of(METHODS["watershed"], source, {"smoothing": "1.5 um"})
    assert recipe.parameters["smoothing"] == "1.5 um"
    assert recipe.over == "volume"
    assert recipe.source["spacing"] == [2, 0.5, 0.5]
    assert recipe.source["unit"] == "um"
    assert {"napari-tessera", "numpy", "scikit-image"} <= set(recipe.versions)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (np.float32(0.5), 0.5),
        ((60, np.uint8(120)), [60.0, 120.0]),
        (((3, 11), (4, 12)), [[3.0, 11.0], [4.0, 12.0]]),
        ("2 px", "2 px"),
    ],
)
def test_values_are_as_json_writes_them(value, data):
    levels = next(each for each in METHODS["threshold"].options if each.name == "levels")
    found = parameter_data(levels, value)
    assert found == data
    assert type(found) is type(data)


def test_names_and_steps_stand_for_arrays():
    assert input_data("nuclei") == {"name": "nuclei"}
    assert input_data(StepResult(2)) == {"step": 2}
    assert input_data({"name": "nuclei"}) == {"name": "nuclei"}
    assert input_data(np.eye(2, dtype=np.uint8))["shape"] == [2, 2]


def test_what_runs_networks_is_named_with_them_alone():
    assert "torch" in package_versions(METHODS["predict"])
    assert "torch" not in package_versions(METHODS["threshold"])
