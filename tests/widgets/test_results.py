"""Results that are no labels, and previews of what is painted or clicked."""

import numpy as np
import pytest
from skimage import data

from napari_tessera import apply, polygons_to_labels
from napari_tessera.recipe import KEY
from napari_tessera.widgets.layers import recipe_of

from .conftest import wait


@pytest.fixture
def objects(viewer, coins):
    layer = apply(coins, "watershed", background="30 um")
    layer.name = "objects"
    viewer.add_layer(layer)
    return layer


def test_outlines_lie_on_their_objects(viewer, objects, form_of, run):
    form = form_of("contours")
    form.source.value = objects
    shapes = run(form)
    assert shapes.name == "objects contours"
    assert list(shapes.features.columns) == [
        "index",
        "label",
        "closed",
        "hole",
        "length (um)",
        "area (um^2)",
    ]
    assert set(shapes.shape_type) == {"polygon"}
    np.testing.assert_allclose(shapes.scale, objects.scale)
    np.testing.assert_allclose(shapes.translate, objects.translate)
    assert recipe_of(shapes).method == "contours"
    assert form.save_button.isEnabled()


def test_outlines_become_the_labels_they_came_from(viewer, objects, form_of, run):
    form = form_of("contours")
    form.source.value = objects
    form.fields["tolerance"].value = "0 px"
    shapes = run(form)
    closed = [np.vstack([line, line[:1]]) for line in shapes.data]
    filled = polygons_to_labels(closed, objects.data.shape, shapes.features["label"])
    np.testing.assert_array_equal(filled, objects.data)


def test_running_again_replaces_untouched_shapes_only(viewer, objects, form_of, run):
    form = form_of("contours")
    form.source.value = objects
    first = run(form)
    second = run(form)
    assert first not in viewer.layers
    assert second.name == "objects contours"
    second.data = second.data[:-1]
    third = run(form)
    assert second in viewer.layers
    assert third.name == "objects contours [1]"


def test_shapes_of_a_stack_know_their_plane(viewer, form_of, run):
    labels = np.zeros((3, 20, 20), int)
    labels[1, 5:9, 5:9], labels[2, 4:6, 4:6] = 3, 4
    layer = viewer.add_labels(labels, scale=(4, 1, 1), name="labels")
    form = form_of("contours")
    shapes = run(form)
    assert [line[0, 0] for line in shapes.data] == [1, 2]
    assert list(shapes.features["axis 0"]) == [1, 2]
    viewer.dims.set_point(0, 8)
    form.region.choose("current plane or volume")
    part = run(form)
    assert [line[0, 0] for line in part.data] == [2]
    np.testing.assert_allclose(
        part.data_to_world(part.data[0][0]), layer.data_to_world([2, 4, 4.0]), atol=1
    )


def test_lines_are_previewed(viewer, coins, form_of, run):
    edges = apply(coins, "canny")
    viewer.add_layer(edges)
    form = form_of("contours")
    form.source.value = edges
    form.fields["trace"].value = "edges"
    form.show_preview.setChecked(True)
    wait(lambda: form.preview.layer is not None)
    preview = form.preview.layer
    assert preview.metadata[KEY] == {"preview": True}
    shapes = run(form)
    assert preview not in viewer.layers
    assert len(shapes.data) == len(preview.data)
    np.testing.assert_array_equal(shapes.data[5], preview.data[5])
    assert "path" in shapes.shape_type


def test_painted_seeds_are_previewed_as_they_come(viewer, coins, form_of):
    seeds = viewer.add_labels(
        np.zeros(coins.data.shape, np.uint8), name="seeds", scale=(0.5, 0.5), translate=(3, 4)
    )
    form = form_of("region_growing")
    form.fields["markers"].value = seeds
    form.show_preview.setChecked(True)
    wait(lambda: "no seeds" in form.message.text())
    seeds.paint((70, 50), 1)
    wait(lambda: form.preview.layer is not None)
    assert set(np.unique(form.preview.layer.data)) == {0, 1}
    seeds.paint((260, 200), 2)
    wait(lambda: 2 in form.preview.layer.data)
    form.show_preview.setChecked(False)
    seeds.paint((150, 200), 3)
    assert form.preview.layer is None


def test_clicked_points_are_previewed_as_they_come(viewer, coins, form_of):
    points = viewer.add_points(
        np.array([[70.0, 50]]), name="points", scale=(0.5, 0.5), translate=(3, 4)
    )
    form = form_of("region_growing")
    form.fields["markers"].value = points
    form.show_preview.setChecked(True)
    wait(lambda: form.preview.layer is not None)
    points.add([260, 200])
    wait(lambda: 2 in form.preview.layer.data)
    assert form.preview.layer.data[70, 50] == 1
    assert form.preview.layer.data[260, 200] == 2


def test_points_of_one_label_are_one_region(viewer, coins, form_of, run):
    viewer.add_points(
        np.array([[70.0, 50], [260, 200]]),
        name="points",
        features={"label": [7, 7]},
        scale=(0.5, 0.5),
        translate=(3, 4),
    )
    layer = run(form_of("region_growing"))
    assert set(np.unique(layer.data)) == {0, 7}
    assert layer.data[70, 50] == layer.data[260, 200] == 7


def test_without_seeds_the_form_says_what_to_do(viewer, coins, form_of, quiet_errors):
    form = form_of("region_growing")
    form.run_button.click()
    wait(lambda: form.job is None)
    assert "markers is missing" in form.message.text()
    assert quiet_errors


def test_colours_reach_methods_that_take_them(viewer, form_of, run):
    layer = viewer.add_image(data.astronaut()[::4, ::4], name="colours", rgb=True)
    form = form_of("kmeans")
    form.fields["colour_space"].value = "lab"
    found = run(form)
    np.testing.assert_array_equal(found.data, apply(layer, "kmeans", colour_space="lab").data)
    assert recipe_of(found).parameters["seed"] == 0
    assert "centres" not in form.fields


def test_planes_only_are_not_offered_as_volumes(viewer, stack, form_of, run):
    form = form_of("canny")
    assert form.over.isHidden()
    assert run(form).data.shape == stack.data.shape
