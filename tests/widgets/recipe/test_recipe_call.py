import numpy as np
import pytest
from napari.layers import Labels, Shapes

from napari_tessera import Recipe, step
from napari_tessera.pipeline.recipes.execution import KeptSteps, StepTools, array_key
from napari_tessera.pipeline.source import Region
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.recipe.recipe_call import RecipeCall, RecipeResults
from napari_tessera.widgets.recipe.source_rows import Ground

from .conftest import IMAGE, squares


def call_of(recipe, image, viewer, later=None, tools=None):
    ground = Ground(image, source(image), recipe.steps[0], later)
    return RecipeCall.of(recipe.steps, ground, viewer.layers, tools or StepTools())


def ran(call):
    told = []
    return call.run(lambda *each: told.append(each), Reporter()), told


def test_what_is_given_are_layers_that_say_how_they_were_made(viewer, image):
    given, told = ran(call_of(squares().with_step(step("contours")), image, viewer))
    labels, shapes = (each.outcome.layer for each in given)
    assert isinstance(labels, Labels)
    assert isinstance(shapes, Shapes)
    assert [each.step for each in given] == [2, 4]
    assert [words for _, words, _ in told] == [
        "1 class", "3 objects", "2 objects", "2 rows", "2 polygons",
    ]  # fmt: skip
    assert labels.features["mean"].tolist() == [120, 160]
    first = Recipe.from_dict(labels.metadata["napari-tessera"]["recipe"]).first
    assert first.source["name"] == "cells"
    assert first.source["unit"] == "um"


def test_a_table_of_labels_that_are_there_goes_to_them(viewer):
    labels = viewer.add_labels((IMAGE > 0).astype(int), name="mask")
    given, _ = ran(call_of(Recipe.chain(step("measure")), labels, viewer))
    assert given[0].outcome.layer is None
    assert given[0].outcome.call.layer is labels


def test_painting_a_result_does_not_change_what_is_kept(viewer, image):
    tools = StepTools(kept=KeptSteps(10_000_000))
    call = call_of(squares(), image, viewer, tools=tools)
    first = ran(call)[0][0].outcome.layer
    before = first.data.copy()
    first.data[:] = 7
    np.testing.assert_array_equal(ran(call)[0][0].outcome.layer.data, before)


def test_a_region_is_found_out_in_the_thread(viewer, image):
    part = Region((18, 20), (32, 36))
    call = call_of(squares(), image, viewer, later=lambda: part)
    given, _ = ran(call)
    layer = given[0].outcome.layer
    assert layer.data.shape == (14, 16)
    assert layer.translate.tolist() == [9, 10]
    assert layer.features["mean"].tolist() == [160]
    assert call.settled().recipe().first.region == {"start": [18, 20], "stop": [32, 36]}


def test_layers_that_are_named_are_passed_and_packed(viewer, image):
    mask = viewer.add_labels(np.ones((40, 50), int), name="mask", scale=(0.5, 0.5), units="um")
    recipe = squares().with_parameters(0, mask="mask")
    call = call_of(recipe, image, viewer)
    assert call.arrays[0]["mask"] is mask.data
    assert "zlib" in call.recipe().first.inputs["mask"]
    viewer.layers.remove(mask)
    with pytest.raises(ValueError, match="mask of step 1 is the layer 'mask', which is not there"):
        call_of(recipe, image, viewer)


def test_results_are_replaced_until_somebody_edits_them(viewer, image):
    results = RecipeResults(viewer)

    def run(recipe):
        call = results.replaceable(call_of(recipe, image, viewer))
        watched = results.watch(call)
        return results.add(call, ran(call)[0], watched)

    assert run(squares()) == []
    first = viewer.layers[1]
    assert results.holds(first)
    assert not results.holds(image)
    # labels take the place of labels, whichever step gives them
    assert run(squares().with_step(step("expand"), at=3)) == []
    assert list(viewer.layers) == [image, first]
    first.data[0, 0] = 9
    assert run(squares()) == [f"{first.name} was edited, so this result is a new layer."]
    assert len(viewer.layers) == 3
    viewer.layers.remove(next(e for e in viewer.layers if results.holds(e)))
    run(squares())
    assert len(viewer.layers) == 3


def test_layers_that_are_channels_are_known_again(viewer, image):
    other = viewer.add_image(IMAGE[::-1], name="other", scale=(0.5, 0.5), units="um")
    keys = [array_key(source([image, other]).array) for _ in range(2)]
    assert keys[0] == keys[1]
    image.data[0, 0] += 1
    assert array_key(source([image, other]).array) != keys[0]
