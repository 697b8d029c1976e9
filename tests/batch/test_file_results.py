from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, measure
from napari_tessera.batch.file_results import FileResults, labels_from, with_columns
from napari_tessera.io.files import read, write
from napari_tessera.pipeline.blockwise import blocks
from napari_tessera.pipeline.result import ClassLabels, ObjectLabels, ObjectTable, PolygonSet
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk

from .conftest import IMAGES


def results_of(recipe, image=IMAGES["a"], **options):
    source, steps = Source.of(image, name="a.tif", **options), []
    recipe.run(source, each=steps.append)
    return FileResults(source, recipe.on(source), steps)


def test_each_step_is_there_with_its_own_recipe(chain):
    found = results_of(chain)
    kinds = [ClassLabels, ObjectLabels, ObjectLabels, ObjectTable]
    assert [type(each) for each in found.steps] == kinds
    assert found.labels is found.steps[2]
    assert found.last(PolygonSet) is None
    assert [found.recipe_of(each).method for each in found.steps] == [
        *("threshold", "label", "expand", "measure")
    ]
    assert found.table is found.steps[3].table
    assert found.table["area"].tolist() == [6 * 6 + 4 * 6] * 2


def test_labels_are_measured_in_their_image(recipe):
    found = results_of(recipe, spacing=(0.5, 0.5))
    expected = measure(found.labels.array, IMAGES["a"], spacing=(0.5, 0.5))
    assert found.table.keys() == expected.keys()
    assert found.table["mean"].tolist() == [110, 120]


def test_large_labels_are_measured_in_blocks(recipe, monkeypatch):
    asked = []
    monkeypatch.setattr(blocks, "sides_of", lambda pieces, sides: asked.append(sides) or (5, 9))
    found = results_of(recipe)
    expected = measure(found.labels.array, IMAGES["a"])
    assert found.table.keys() == expected.keys()
    for name, column in expected.items():
        np.testing.assert_allclose(found.table[name], column, atol=1e-9)
    assert set(asked) == {"auto"}


def test_labels_that_were_given_have_no_image():
    recipe = Recipe.of(METHODS["expand"], Source.of(IMAGES["a"]), {"distance": 1.0})
    found = results_of(recipe)
    assert found.image is None
    assert "mean" not in found.table


def test_outlines_of_labels_lie_in_the_whole_image():
    region = Walk(region=Region((1, 2), (10, 30)))
    recipe = Recipe.of(METHODS["threshold"], Source.of(IMAGES["a"]), {}, region)
    found = results_of(recipe)
    assert found.image.shape == found.labels.array.shape == (9, 28)
    polygons, made_by = found.polygons
    lines = polygons.polygons
    assert [step.method for step in made_by.steps] == ["threshold", "contours"]
    assert [line.min(axis=0).tolist() for line in lines] == [[1.5, 2.5]]
    assert found.polygons[0] is polygons  # traced once


def test_what_a_step_has_given_is_not_made_again(recipe):
    given = PolygonSet(polygons=[np.zeros((2, 2))], table={"index": np.array([1])})
    found = FileResults(Source.of(IMAGES["a"]), recipe, [given])
    assert found.polygons == (given, recipe)
    assert found.table is given.table


def test_without_labels_there_is_nothing_to_measure(recipe):
    found = FileResults(Source.of(IMAGES["a"], name="a.tif"), recipe, [])
    with pytest.raises(ValueError, match=r"a\.tif: the recipe gives nothing that can be measured"):
        found.table  # noqa: B018
    with pytest.raises(ValueError, match=r"a\.tif: the recipe gives nothing that has outlines"):
        found.polygons  # noqa: B018


def test_columns_of_other_objects_are_left_out():
    table = {"index": np.array([1, 2, 2])}
    sure = {"index": np.array([2, 1]), "confidence": np.array([0.5, 0.9])}
    assert with_columns(table, sure)["confidence"].tolist() == [0.9, 0.5, 0.5]
    assert with_columns(table, {"index": np.array([1, 3]), "class": np.array([1, 1])}) == table
    assert with_columns(table, None) is with_columns(table, {"class": np.array([1])}) is table


@pytest.mark.parametrize("region", [None, Region((1, 2), (10, 30))])
def test_labels_are_read_back_where_they_were(folder, region):
    source = read("images/a.tif")
    recipe = Recipe.of(METHODS["threshold"], source, {}, Walk(region=region))
    made = recipe.run(source)
    write("o.tif", made, source, recipe)
    found = labels_from(Path("o.tif"), source, recipe)
    np.testing.assert_array_equal(found.labels.array, made.array)
    assert found.image.shape == made.array.shape
    assert found.labels.start == ((0, 0) if region is None else region.start)
