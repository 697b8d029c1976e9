import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import (
    ClassLabels,
    ImageResult,
    ObjectLabels,
    ObjectTable,
    PolygonSet,
    ScoreMaps,
)
from napari_tessera.signature.words import Look
from napari_tessera.widgets.layers.from_result import (
    as_layer,
    find_method,
    named_by,
    result_layer,
    show,
)
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.to_source import source

LABELS = np.array([[0, 1, 2]])


ON = Image(LABELS, name="on", scale=(2, 3))


@pytest.mark.parametrize(
    ("result", "layer"),
    [
        (ObjectLabels(LABELS), Labels),
        (ScoreMaps(np.zeros((2, 1, 3))), Image),
        (ImageResult(LABELS / 2), Image),
    ],
    ids=lambda each: getattr(each, "kind", ""),
)
def test_each_kind_of_result_has_its_layer(result, layer):
    found = as_layer(result, ON, **geometry(ON, (0, 0)))
    assert type(found) is layer
    np.testing.assert_array_equal(found.data, result.array)
    assert found.scale.tolist() == [1, 2, 3][-result.array.ndim :]


def test_what_has_no_layer_says_so():
    with pytest.raises(TypeError, match="ObjectTable has no layer"):
        as_layer(ObjectTable(), ON)


def test_closed_lines_are_polygons_and_open_ones_paths():
    square = np.array([[0.0, 0], [0, 2], [2, 2], [0, 0]])
    result = PolygonSet(polygons=[square, square[:3]], table={"index": [1, 2]})
    found = as_layer(result, Labels(LABELS), scale=(1, 1))
    assert type(found) is Shapes
    assert found.shape_type == ["polygon", "path"]
    np.testing.assert_array_equal(found.data[0], square[:3])  # napari closes it


def test_polygons_say_what_is_known_of_the_labels_that_they_were_drawn_around():
    on = Labels(LABELS, features={"index": [0, 1, 2], "class": ["", "wall", "roof"]})
    line = np.array([[0.0, 0], [0, 2], [2, 2]])
    table = {"index": np.array([0, 1]), "label": np.array([2, 1])}
    found = as_layer(PolygonSet(polygons=[line, line], table=table), on, scale=(1, 1))
    assert found.features["class"].tolist() == ["roof", "wall"]


def test_classes_keep_their_names_and_colours():
    look = Look(names={1: "wall", 2: "roof"}, colours={1: "#ff0000"})
    found = as_layer(ClassLabels(LABELS, look=look), ON)
    assert found.features["class"].tolist() == ["wall", "roof"]
    np.testing.assert_allclose(found.colormap.map(1), [1, 0, 0, 1])
    assert found.colormap.map(0)[3] == 0


def test_a_result_lies_on_its_source_and_carries_its_recipe():
    on = Image(np.arange(20.0).reshape(4, 5), name="ramp", scale=(2, 0.5), translate=(3, 4))
    recipe = Recipe.of(METHODS["threshold"], source(on), {})
    found = result_layer(ClassLabels(np.ones((2, 2), int), start=(1, 2)), recipe, on, None)
    assert found.name == "ramp threshold"
    np.testing.assert_allclose(found.data_to_world((0, 0)), on.data_to_world((1, 2)))
    np.testing.assert_allclose(found.data_to_world((1, 1)), on.data_to_world((2, 3)))
    assert found.metadata[KEY] == {"recipe": recipe.to_dict(), "kind": "classes"}


def test_a_layer_is_shown_directly_above_another():
    viewer = ViewerModel()
    below, above = viewer.add_image(LABELS), viewer.add_image(LABELS)
    own, last = Labels(LABELS), Labels(LABELS)
    show(viewer, own, below)
    assert list(viewer.layers) == [below, own, above]
    viewer.layers.remove(below)
    show(viewer, last, below)
    assert list(viewer.layers) == [own, above, last]


def test_methods_are_found_by_name():
    assert named_by(find_method("kmeans")) == METHODS["kmeans"].display.lower()
    with pytest.raises(ValueError, match="method is 'magic'; choose one of threshold"):
        find_method("magic")
