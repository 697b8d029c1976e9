"""Results that are no labels, and previews of what is painted or clicked."""

import numpy as np
import pytest
from napari.layers import Image, Labels
from skimage import data

from napari_tessera import apply, polygons_to_labels
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.widgets.forms.results import Edits, duration, same_place, sentence
from napari_tessera.widgets.forms.tables import show_table
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.plugin.menu import show_form

from ..conftest import wait


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
    form.walk.region.choose("current plane or volume")
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


def test_a_layer_is_worked_on_in_blocks():
    image = Image(data.coins()[:90, :120], name="coins")
    expected = apply(image, "threshold", smoothing="1 px").data
    np.testing.assert_array_equal(
        apply(image, "threshold", smoothing="1 px", blocks=(40, 50)).data, expected
    )
    objects = apply(image, "watershed", seed_distance="3 px", blocks=(60, 60))
    assert recipe_of(objects).blocks == [60, 60]


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
    assert form.walk.over.isHidden()
    assert run(form).data.shape == stack.data.shape


def test_objects_are_measured_into_their_features(
    viewer, coins, objects, form_of, run, tmp_path, monkeypatch
):
    form = form_of("measure")
    form.source.value, form.fields["image"].value = objects, coins
    assert form.show_preview.isHidden()
    assert run(form) is objects
    assert form.message.text().startswith("24 rows")
    table = objects.features
    np.testing.assert_array_equal(table["index"], np.arange(1, 25))
    first = objects.data == 1
    assert table["area (um^2)"][0] == first.sum() / 4
    assert table["mean"][0] == pytest.approx(coins.data[first].mean())
    monkeypatch.setattr(
        "napari_tessera.widgets.forms.tables.QFileDialog.getSaveFileName",
        lambda *args: (str(tmp_path / "t.csv"), ""),
    )
    form.save_button.click()
    assert (tmp_path / "t.csv").read_text().startswith("index,pixels,area (um^2)")
    assert recipe_of(objects).method == "watershed"


def test_features_of_others_stay(viewer, coins, objects, form_of, run):
    names = [f"coin {i}" for i in range(25)]
    objects.features = {"index": np.arange(25), "name": names, "pixels": np.full(25, -1)}
    form = form_of("measure")
    form.source.value = objects
    run(form)
    run(form)  # what an earlier run wrote is replaced, not kept twice
    table = objects.features.set_index("index")
    assert list(table["name"]) == names
    assert list(table["pixels (before)"]) == [-1] * 25
    assert table["pixels"][1] == (objects.data == 1).sum()
    assert sum("pixels" in column for column in table.columns) == 2


def test_the_table_of_labels_is_shown_in_a_form_and_others_by_napari(viewer, objects, form_of, run):
    form = form_of("measure")
    form.source.value = objects
    run(form)
    form.table_button.click()
    assert viewer.layers.selection.active is objects
    table = show_form(viewer, "explore_table")
    assert table.model.shown["pixels"].tolist() == objects.features["pixels"].tolist()
    show_table(viewer, viewer.add_shapes([np.eye(4, 2)], features={"length": [1.0]}))
    assert any("Features table" in name for name in viewer.window.dock_widgets)


def test_colours_are_measured_channel_by_channel(viewer, form_of, run):
    colours = viewer.add_image(data.astronaut()[:40, :50], name="colours", rgb=True)
    labels = viewer.add_labels(np.ones((40, 50), int), name="labels")
    form = form_of("measure")
    form.source.value, form.fields["image"].value = labels, colours
    run(form)
    means = colours.data.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(labels.features[["mean 0", "mean 1", "mean 2"]].iloc[0], means)


def test_a_table_is_made_again_from_its_recipe(viewer, coins, objects, form_of, run):
    from napari_tessera.pipeline.recipes.recipe import Recipe
    from napari_tessera.widgets.forms.recipe_menu import replay_on_layer

    form = form_of("measure")
    form.source.value, form.fields["image"].value = objects, coins
    run(form)
    recipe = Recipe.from_dict(objects.metadata[KEY]["table"])
    expected = objects.features
    objects.features = {}
    replay_on_layer(form, recipe, objects)
    wait(lambda: len(objects.features.columns) > 1)
    assert objects.features.equals(expected)
    names = {"viewer": viewer}
    objects.features = {}
    exec(recipe.as_python(), names)
    assert objects.features.equals(expected)


def test_an_image_elsewhere_is_refused(viewer, objects, form_of, quiet_errors):
    viewer.add_image(data.coins(), name="moved", translate=(90, 0))
    form = form_of("measure")
    form.source.value = objects
    form.fields["image"].value = viewer.layers["moved"]
    form.run_button.click()
    assert "image is layer 'moved', which lies elsewhere" in form.message.text()


def test_a_region_limits_the_table(viewer, objects, form_of, run):
    box = np.array([[0, 0], [0, 90], [100, 90], [100, 0]])
    viewer.add_shapes([box], name="box")
    form = form_of("measure")
    form.source.value = objects
    form.walk.region.choose(viewer.layers["box"])
    run(form)
    table = objects.features
    assert 0 < len(table) < 24
    assert table["y (um)"].max() < 100
    first = objects.data == table["index"][0]
    rows = np.argwhere(first & (np.indices(first.shape)[0] < 192)) * 0.5
    assert abs(table["y (um)"][0] - rows[:, 0].mean()) < 0.5


def test_edits_are_noticed_until_one_has_asked():
    layer = Labels(np.zeros((3, 4), int))
    calm, edits = Edits(layer), Edits(layer)
    assert not calm.seen()
    layer.paint((1, 1), 2)
    assert edits.seen()
    assert not calm.seen()
    assert not Edits(None).seen()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"scale": (2, 1)}, False),
        ({"translate": (0, 1)}, False),
        ({"data": np.zeros((4, 3))}, False),
    ],
)
def test_layers_lie_on_one_another_where_shape_and_place_agree(other, same):
    layer = Image(np.zeros((3, 4)))
    assert same_place(layer, Image(**{"data": np.ones((3, 4)), **other})) is same


def test_a_result_is_said_in_a_sentence():
    result = ObjectLabels(np.zeros((3, 4), int), skipped=2)
    words = "28 objects, 0.21 s; 2 with nothing to separate left alone"
    assert sentence(result, 28, 0.214) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.214, "0.21 s"), (9.99, "10 s"), (89, "89 s"), (90, "2 min")]
)
def test_times_are_as_short_as_they_can_be(seconds, words):
    assert duration(seconds) == words
