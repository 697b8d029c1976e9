import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from skimage import data, filters

from napari_tessera import METHODS, apply, threshold, watershed
from napari_tessera.algorithms.parallel import WORKERS
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.features import recipe_of

from ...conftest import needed, squares, tiny_model
from ..conftest import same, wait

FORMS = [name for name, method in METHODS.items() if not method.way.by_hand]


@pytest.mark.parametrize("name", FORMS)
def test_every_method_runs_from_its_form(viewer, coins, form_of, run, name):
    place = {"scale": coins.scale, "translate": coins.translate, "units": coins.units}
    if METHODS[name].source.word.name == "labels":
        classes = (data.coins() > 100).astype(np.uint8)
        if not METHODS[name].way.takes_planes:
            classes = np.stack([classes, np.zeros_like(classes), classes])
            place = {}
        viewer.add_labels(classes, name="classes", **place)
    seeds = needed(METHODS[name], coins.data.shape)
    if "image" in seeds:
        seeds["image"] = coins
    for drawn in {"markers", "strokes"} & set(seeds):
        viewer.add_labels(seeds[drawn], name="seeds", scale=coins.scale, translate=(3, 4))
    form = form_of(name)
    if "strokes" in seeds:
        form.fields["strokes"].value = viewer.layers["seeds"]
    if "model" in seeds:
        form.fields["model"].value = seeds["model"]
    if "classifier" in seeds:
        form.fields["classifier"].value = seeds["classifier"]
    if "truth" in seeds:
        seeds["truth"] = form.fields["truth"].value
    if "labels_are" in form.fields:
        seeds["labels_are"] = form.fields["labels_are"].value  # as the form has guessed
    if name == "detect":  # coins are no squares
        seeds["confidence"] = form.fields["confidence"].value = 0.05
    layer = run(form)
    source = form.source.value
    same(layer, apply(source, name, **seeds))
    if METHODS[name].returns == "table":
        assert layer is source
        number = len(layer.features)
    else:
        assert layer.name == f"{source.name} {METHODS[name].display.lower()}"
        assert viewer.layers.index(layer) == viewer.layers.index(source) + 1
        counted = isinstance(layer.data, list) or METHODS[name].returns == "scores"
        number = len(layer.data) if counted else len(set(np.unique(layer.data)) - {0})
        number = 1 if METHODS[name].returns == "image" else number
    assert form.message.text().startswith(f"{number} ")


def test_a_result_lies_on_its_source(viewer, coins, form_of, run):
    coins.rotate = 20
    coins.affine = [[0, 1, 5], [1, 0, 7], [0, 0, 1]]
    layer = run(form_of("threshold"))
    for name in ("scale", "translate", "rotate", "shear"):
        np.testing.assert_allclose(getattr(layer, name), getattr(coins, name))
    np.testing.assert_allclose(layer.affine.affine_matrix, coins.affine.affine_matrix)
    assert layer.units == coins.units
    assert layer.axis_labels == coins.axis_labels
    np.testing.assert_allclose(layer.data_to_world((7, 9)), coins.data_to_world((7, 9)))


def test_lengths_are_those_of_the_pixel_size(viewer, coins, form_of, run):
    form = form_of("watershed")
    form.fields["smoothing"].value = "1 um"
    assert form.fields["smoothing"].value == "1 um"
    np.testing.assert_array_equal(run(form).data, watershed(data.coins(), smoothing="2 px"))


def test_running_again_replaces_an_untouched_result_in_its_layer(viewer, coins, form_of, run):
    form, other = form_of("threshold"), form_of("label")
    first = run(form)
    other.source.value = first
    first.contour = 2
    form.fields["method"].value = "li"
    run(form)
    assert list(viewer.layers) == [coins, first]
    np.testing.assert_array_equal(first.data, threshold(data.coins(), method="li"))
    assert recipe_of(first).parameters["method"] == "li"
    assert (first.contour, other.source.value) == (2, first)
    first.undo()  # there is nothing to undo
    np.testing.assert_array_equal(first.data, threshold(data.coins(), method="li"))


def _paint(layer):
    layer.data_setitem((np.array([5]), np.array([5])), 3)


def _rename(layer):
    layer.name = "keep me"


def _measure(layer):
    layer.features = {"area": [0, 1]}


def _move(layer):
    layer.translate = (50, 50)


@pytest.mark.parametrize("claim", [_paint, _rename, _measure, _move])
def test_what_the_user_made_of_a_result_is_kept(viewer, coins, form_of, run, claim):
    form = form_of("threshold")
    first = run(form)
    claim(first)
    before = first.data.copy()
    form.fields["method"].value = "mean"
    second = run(form)
    assert len(viewer.layers) == 3
    np.testing.assert_array_equal(first.data, before)
    np.testing.assert_array_equal(second.data, threshold(data.coins(), method="mean"))
    assert viewer.layers.index(second) > viewer.layers.index(first)
    why = "coins threshold was edited, so this result is a new layer."
    assert (why in form.message.text()) == (claim is _paint)


def test_results_are_kept_on_request_and_in_other_regions(viewer, stack, form_of, run):
    form = form_of("threshold")
    first = run(form)
    form.replace_last.setChecked(False)
    run(form)
    assert len(viewer.layers) == 3
    form.replace_last.setChecked(True)
    form.walk.region.setCurrentText("current plane or volume")
    run(form)
    assert first in viewer.layers
    assert len(viewer.layers) == 4


def test_an_edit_while_it_runs_is_kept(viewer, gated, form_of, run):
    gate, _ = gated
    gate.open.set()
    form = form_of("threshold")
    first = run(form)
    gate.open.clear()
    gate.asked.clear()
    form.run_button.click()
    wait(gate.asked.is_set)
    first.data_setitem((np.array([0]), np.array([5]), np.array([5])), 3)
    gate.open.set()
    wait(lambda: form.job is None)
    assert first in viewer.layers
    assert first.data[0, 5, 5] == 3
    assert len(viewer.layers) == 3


def test_a_complaint_does_not_lose_the_run(viewer, gated, form_of):
    gate, _ = gated
    form = form_of("threshold")
    form.run_button.click()
    wait(gate.asked.is_set)
    form.complain(ValueError("something else"))
    assert form.run_button.text() == "Stop"
    gate.open.set()
    wait(lambda: form.job is None)
    assert len(viewer.layers) == 2


def test_small_numbers_keep_their_digits(viewer, coins, form_of):
    form = form_of("watershed")
    form.fields["compactness"].value = 0.001
    assert form.fields["compactness"].value == 0.001
    form.fields["smoothing"].value = "0.0004 mm"
    assert form.fields["smoothing"].value == "0.0004 mm"


def test_units_given_later_are_offered(viewer, form_of):
    layer = viewer.add_image(data.coins(), name="plain")
    form = form_of("watershed")
    assert form.fields["smoothing"]._unit.count() == 1
    layer.units = ("nm", "nm")
    assert form.fields["smoothing"]._unit.itemText(1) == "nm"


def test_a_mask_of_another_place_is_refused_beside_channels_too(viewer, form_of):
    viewer.add_image(np.stack([data.coins()] * 2), name="two", axis_labels=("c", "y", "x"))
    form = form_of("threshold")
    form.fields["mask"].value = viewer.add_labels(np.ones((303, 384), int), name="m", scale=(7, 7))
    form.run_button.click()
    assert "mask is layer 'm', which lies elsewhere" in form.message.text()


def test_enter_runs(viewer, coins, form_of):
    form = form_of("threshold")
    QTest.keyClick(form.fields["smoothing"].native, Qt.Key.Key_Return)
    wait(lambda: len(viewer.layers) == 2)


def test_only_fields_with_a_meaning_are_shown(viewer, coins, form_of):
    form = form_of("threshold")
    form.show()
    assert form.fields["classes"].native.isVisibleTo(form)
    assert not form.fields["levels"].native.isVisibleTo(form)
    form.fields["method"].value = "manual"
    assert form.fields["levels"].native.isVisibleTo(form)
    assert not form.fields["classes"].native.isVisibleTo(form)
    assert len(form.fields["levels"].value) == 1
    form.fields["method"].value = "hysteresis"
    assert len(form.fields["levels"].value) == 2
    assert set(form.fields.chosen()) >= {"method", "levels", "smoothing"}
    assert "window" not in form.fields.chosen()


def test_the_manual_level_starts_at_otsus_and_spans_the_image(viewer, coins, form_of, run):
    form = form_of("threshold")
    form.fields["method"].value = "manual"
    assert form.fields["levels"].value[0] == pytest.approx(107, abs=2)
    form.fields["levels"].value = (150,)
    np.testing.assert_array_equal(run(form).data, data.coins() > 150)


def test_levels_are_of_the_channel_and_above_the_background(viewer, form_of):
    viewer.add_image(data.retina()[::4, ::4], name="retina")
    form = form_of("threshold")
    form.fields["method"].value = "manual"
    suggested = []
    for channel, name in ((1, "green"), (2, "blue")):
        form.walk.channels.one.setCurrentText(name)
        otsu = filters.threshold_otsu(data.retina()[::4, ::4, channel])
        suggested.append(form.fields["levels"].value[0])
        assert suggested[-1] == pytest.approx(otsu, abs=3)
    assert suggested[0] != suggested[1]
    form.fields["background"].value = "15 px"
    assert form.fields["levels"]._slider.minimum() < 0
    assert abs(form.fields["levels"].value[0]) < 20


def test_it_follows_the_selection_until_a_layer_is_chosen(viewer, coins, form_of, run):
    other = viewer.add_image(255 - coins.data, name="other")
    viewer.layers.selection.active = coins
    form, labelled = form_of("top_hat"), form_of("label")
    assert form.source.value is coins
    viewer.layers.selection.active = other
    assert form.source.value is other
    own = run(form)  # napari selects it
    assert form.source.value is other
    viewer.layers.selection.active = coins
    viewer.layers.selection.active = own
    assert form.source.value is coins
    labels = viewer.add_labels((coins.data > 100).astype(int), name="classes")
    assert (form.source.value, labelled.source.value) == (coins, labels)
    form.source.native.setCurrentText("other")
    form.source.native.activated.emit(0)  # as a person does
    viewer.layers.selection.active = coins
    assert form.source.value is other
    viewer.layers.remove(other)
    viewer.layers.selection.active = own
    viewer.layers.selection.active = coins
    assert form.source.value is coins


def test_a_heat_map_is_no_image_unless_it_is_selected(viewer, coins, form_of):
    made = {"napari-tessera": {"recipe": {"method": "uncertainty"}, "kind": "image"}}
    heat = viewer.add_image(np.ones((4, 4)), name="coins uncertainty", metadata=made)
    assert viewer.layers.selection.active is heat
    form, network = form_of("threshold"), form_of("predict")
    assert (form.source.value, network.source.value) == (heat, coins)
    viewer.layers.selection.active = None
    assert form_of("canny").source.value is coins
    network.source.value = heat
    assert network.source.value is heat


def test_a_level_that_was_found_is_said_drawn_and_kept_in_the_recipe(viewer, coins, form_of, run):
    form = form_of("threshold")
    levels, said = form.fields["levels"], "Otsu's level 107; 39 % of the area is above."
    assert not levels.native.isVisibleTo(form)
    form.show_preview.setChecked(True)
    wait(lambda: said in form.message.text())
    assert levels._histogram._marks == [107]
    layer = run(form)
    assert said in form.message.text()
    assert levels.native.isVisibleTo(form)
    assert not levels._slider.isVisibleTo(form)
    recipe = recipe_of(layer)
    assert (recipe.parameters["levels"], recipe.found) == (None, {"levels": [107]})
    form.fields["method"].value = "mean"  # another one that is not known yet
    assert levels._histogram._marks == ()
    form.fields["method"].value = "sauvola"
    run(form)
    assert not levels.native.isVisibleTo(form)
    form.fields["method"].value = "manual"
    assert levels._slider.isVisibleTo(form)


def test_an_image_unlike_those_of_the_training_is_predicted_and_said(viewer, form_of, run):
    viewer.add_image(255 - squares()[0], name="dark")
    form = form_of("predict")
    form.fields["model"].value = tiny_model()
    run(form)
    assert len(viewer.layers) == 2
    assert "This image has dark objects on bright ground; the model" in form.message.text()


def test_an_image_of_one_value_is_refused_with_what_to_do(viewer, form_of, run):
    viewer.add_image(np.zeros((96, 96), np.uint8), name="dark")
    form = form_of("predict")
    form.fields["model"].value = tiny_model()
    run(form)
    assert len(viewer.layers) == 1
    assert "one value only, 0; choose another plane" in form.message.text()


def test_values_are_kept_when_a_form_is_closed(viewer, coins, form_of):
    memory.remember("threshold", {"method": "li"})
    form, same_again = form_of("watershed"), form_of("threshold")
    form.fields["smoothing"].value = "4 px"
    viewer.window.remove_dock_widget(form)
    assert memory.recall("watershed")["smoothing"] == "4 px"
    viewer.window.remove_dock_widget(same_again)
    assert memory.recall("threshold") == {"method": "li"}


def test_values_are_remembered_and_reset(viewer, coins, form_of, run):
    form = form_of("watershed")
    form.fields["smoothing"].value = "3 px"
    form.fields["lines"].value = True
    run(form)
    assert memory.recall("watershed")["smoothing"] == "3 px"
    again = form_of("watershed")
    assert again.fields["smoothing"].value == "3 px"
    assert again.fields["lines"].value is True
    again.reset_button.click()
    assert again.fields["smoothing"].value == "2 px"
    assert form_of("watershed").fields["lines"].value is False


def test_broken_memory_is_no_obstacle(viewer, coins, form_of, run):
    memory.remember("watershed", {"smoothing": "x", "gone": 1, "landscape": "moon"})
    assert form_of("watershed").fields["smoothing"].value == "2 px"


def test_tooltips_are_the_docstring(viewer, coins, form_of):
    form = form_of("watershed")
    for name, field in form.fields.items():
        help_text = next(p.help for p in METHODS["watershed"].options if p.name == name)
        assert field.native.toolTip() == help_text != ""


def test_the_form_fits_a_narrow_dock_and_no_row_is_cut_off(viewer, stack, form_of):
    for name in FORMS:
        form = form_of(name)
        form.show()
        wide = form.rows.widget().minimumSizeHint().width()
        assert wide < form.rows.minimumWidth() <= form.minimumSizeHint().width() <= 320


@pytest.mark.parametrize("over", ["planes", "volume"])
def test_stacks_are_worked_on_as_planes_or_volumes(viewer, stack, form_of, run, over):
    form = form_of("watershed")
    form.walk.over.setCurrentText(over)
    layer = run(form)
    np.testing.assert_array_equal(layer.data, apply(stack, "watershed", over=over).data)
    assert layer.ndim == 3


def test_an_axis_called_z_or_a_3d_display_means_volumes(viewer, stack, form_of):
    assert form_of("watershed").walk.over.currentText() == "planes"
    viewer.dims.ndisplay = 3
    assert form_of("watershed").walk.over.currentText() == "volume"
    viewer.dims.ndisplay = 2
    stack.axis_labels = ("z", "y", "x")
    assert form_of("watershed").walk.over.currentText() == "volume"


def test_the_current_plane_alone(viewer, stack, form_of, run):
    viewer.dims.set_current_step(0, 2)
    form = form_of("threshold")
    form.walk.over.setCurrentText("planes")
    form.walk.region.setCurrentText("current plane or volume")
    layer = run(form)
    assert layer.data.shape == (1, 40, 50)
    np.testing.assert_array_equal(layer.data[0], threshold(stack.data[2]))
    np.testing.assert_allclose(layer.translate, (4, 0, 0))


@pytest.mark.on_screen
def test_what_is_shown_alone(viewer, coins, form_of, run):
    viewer.scene.camera.zoom *= 4
    wait(lambda: coins.corner_pixels[1][0] < 250)
    form = form_of("threshold")
    form.walk.region.setCurrentText("what is shown")
    layer = run(form)
    assert layer.data.size < data.coins().size / 4
    corner = layer.data_to_world((0, 0))
    start = np.rint(coins.world_to_data(corner)).astype(int)
    part = data.coins()[
        tuple(slice(a, a + n) for a, n in zip(start, layer.data.shape, strict=True))
    ]
    np.testing.assert_array_equal(layer.data, threshold(part))


def test_inside_a_drawn_shape(viewer, coins, form_of, run):
    world = [coins.data_to_world(p) for p in ((50, 60), (50, 160), (120, 160), (120, 60))]
    viewer.add_shapes([np.array(world)], shape_type="rectangle", name="box")
    form = form_of("threshold")
    form.walk.region.setCurrentText("inside box")
    layer = next(each for each in [run(form), *viewer.layers] if each.name == "coins threshold")
    part = data.coins()[50:121, 60:161]
    assert layer.data.shape == part.shape
    np.testing.assert_array_equal(layer.data[1:-1, 1:-1], threshold(part)[1:-1, 1:-1])
    np.testing.assert_allclose(layer.data_to_world((0, 0)), coins.data_to_world((50, 60)))


def test_inside_an_ellipse_and_inside_labels(viewer, coins, form_of, run):
    corners = [coins.data_to_world(p) for p in ((50, 60), (50, 160), (120, 160), (120, 60))]
    viewer.add_shapes([np.array(corners)], shape_type="ellipse", name="round")
    painted = np.zeros(data.coins().shape, int)
    painted[10:30, 10:40] = 1
    viewer.add_labels(
        painted, name="painted", scale=coins.scale, translate=coins.translate, units=coins.units
    )
    form = form_of("threshold")
    form.fields["method"].value = "mean"
    form.walk.region.setCurrentText("inside round")
    form.run_button.click()
    wait(lambda: form.job is None)
    layer = viewer.layers["coins threshold"]
    assert layer.data[0, 0] == layer.data[-1, -1] == 0
    assert layer.data.any()
    form.replace_last.setChecked(False)
    form.walk.region.setCurrentText("inside painted")
    form.run_button.click()
    wait(lambda: form.job is None)
    assert any(
        each.data.shape == (20, 30)
        for each in viewer.layers
        if each.ndim == 2 and hasattr(each.data, "shape")
    )


def test_points_and_painted_markers(viewer, coins, form_of, run):
    pixels = np.array([[70.0, 50], [250, 200]])
    points = viewer.add_points([coins.data_to_world(p) for p in pixels], name="seeds")
    form = form_of("watershed")
    form.fields["markers"].value = points
    form.fields["foreground"].value = "all"
    form.fields["landscape"].value = "gradient"
    form.run_button.click()
    wait(lambda: form.job is None)
    layer = viewer.layers["coins watershed"]
    assert np.unique(layer.data).tolist() == [1, 2]
    assert (layer.data[70, 50], layer.data[250, 200]) == (1, 2)
    recipe = recipe_of(layer)
    np.testing.assert_allclose(recipe.inputs["markers"]["points"], pixels)


def test_rgb_is_luminance_or_one_channel(viewer, form_of, run):
    picture = data.astronaut()[:100, :120]
    layer = viewer.add_image(picture, name="picture")
    form = form_of("threshold")
    assert [form.walk.channels.one.itemText(i) for i in range(4)] == [
        "luminance",
        "red",
        "green",
        "blue",
    ]
    np.testing.assert_array_equal(run(form).data, apply(layer, "threshold").data)
    form.walk.channels.one.setCurrentText("green")
    np.testing.assert_array_equal(run(form).data, threshold(picture[..., 1]))


def test_a_named_axis_holds_channels(viewer, form_of, run):
    channels = np.stack([data.coins(), 255 - data.coins()])
    viewer.add_image(channels, name="two", scale=(1, 0.5, 0.5), axis_labels=("c", "y", "x"))
    form = form_of("threshold")
    assert form.walk.channels.axis.currentText() == "0 (c)"
    form.walk.channels.one.setCurrentText("1")
    layer = run(form)
    assert layer.data.shape == data.coins().shape
    np.testing.assert_allclose(layer.scale, (0.5, 0.5))
    np.testing.assert_array_equal(layer.data, threshold(255 - data.coins()))


def test_several_layers_are_channels_of_one(viewer, form_of, run):
    red = viewer.add_image(data.coins(), name="red")
    form = form_of("threshold")
    assert not form.walk.channels.others.isVisibleTo(form)
    viewer.add_image(np.zeros((5, 5)), name="small")
    green = viewer.add_image(255 - data.coins(), name="green")
    form.source.value = red
    assert form.walk.channels.others.isVisibleTo(form)
    assert form.walk.channels.others.offered == 1
    form.walk.channels.others.tick(green)
    assert [form.walk.channels.one.itemText(i) for i in range(3)] == ["mean of all", "red", "green"]
    form.walk.channels.one.setCurrentText("green")
    run(form)
    layer = viewer.layers["red + green threshold"]
    np.testing.assert_array_equal(layer.data, threshold(255 - data.coins()))
    assert recipe_of(layer).source["parts"] == ["red", "green"]
    viewer.layers.remove(green)
    assert form.walk.channels.others.chosen == []


# ------------------------------------------------------------------ what goes wrong


def test_without_a_layer_the_form_says_what_to_do(viewer, form_of, quiet_errors):
    form = form_of("watershed")
    form.run_button.click()
    assert "image is missing; open a file or a sample" in form.message.text()
    assert quiet_errors
    assert form.run_button.text() == "Run"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((20, 20), 7), "image is constant (every pixel is 7)"),
        (np.full((20, 20), np.nan), "only NaN and infinity"),
    ],
)
def test_errors_are_shown_and_the_form_goes_on(viewer, form_of, quiet_errors, image, message):
    viewer.add_image(image, name="image", contrast_limits=(0, 1))
    form = form_of("watershed")
    form.run_button.click()
    wait(lambda: form.job is None)
    assert message in form.message.text()
    assert message in quiet_errors[-1]
    assert len(viewer.layers) == 1
    assert form.run_button.text() == "Run"


def test_a_length_over_half_the_image(viewer, coins, form_of):
    form = form_of("watershed")
    form.fields["smoothing"].value = "300 px"
    form.run_button.click()
    wait(lambda: form.job is None)
    assert "smoothing is '300 px'" in form.message.text()


def test_markers_and_masks_of_another_grid(viewer, coins, form_of):
    form = form_of("watershed")
    form.fields["mask"].value = viewer.add_labels(np.ones((5, 5), int), name="small")
    form.run_button.click()
    assert (
        "mask is layer 'small' of shape (5, 5), but 'coins' has (303, 384)" in form.message.text()
    )
    form.fields["mask"].value = viewer.add_labels(np.ones((303, 384), int), name="elsewhere")
    form.run_button.click()
    assert "mask is layer 'elsewhere', which lies elsewhere" in form.message.text()
    form.fields["mask"].value = None
    form.fields["markers"].value = viewer.add_points(np.array([[9999.0, 0]]), name="out")
    form.run_button.click()
    wait(lambda: form.job is None)
    assert "1 points outside the image" in form.message.text()


class Gate:
    """An image whose reading waits until it is let through."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.dtype = array, array.shape, array.ndim, array.dtype
        self.size = array.size
        self.open, self.asked = threading.Event(), threading.Event()

    def __getitem__(self, index):
        if threading.current_thread() is not threading.main_thread():
            self.reader = threading.current_thread()
            self.asked.set()
            assert self.open.wait(30)
        return self.array[index]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


@pytest.fixture
def gated(viewer):
    gate = Gate(np.stack([data.coins()] * 6))
    layer = viewer.add_image(gate, name="gated", contrast_limits=(0, 255))
    yield gate, layer
    gate.open.set()


def test_stop_frees_the_form_at_once_and_adds_nothing(viewer, gated, form_of):
    gate, _ = gated
    form = form_of("threshold")
    form.run_button.click()
    assert form.run_button.text() == "Stop"
    wait(gate.asked.is_set)
    form.run_button.click()
    assert form.run_button.text() == "Run"
    assert "Stopped" in form.message.text()
    gate.open.set()
    QTest.qWait(300)
    assert len(viewer.layers) == 1
    form.run_button.click()  # and it can run again
    wait(lambda: form.job is None)
    assert len(viewer.layers) == 2


def test_the_viewer_goes_on_while_it_runs(viewer, gated, form_of):
    gate, _ = gated
    form, ticks = form_of("threshold"), []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(form.job is not None))
    form.run_button.click()
    wait(gate.asked.is_set)
    timer.start(5)
    wait(lambda: len(ticks) >= 50)
    timer.stop()
    assert all(ticks)
    assert gate.reader is not threading.main_thread()
    gate.open.set()
    wait(lambda: form.job is None)
    assert "gated threshold" in viewer.layers


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("levels_from", ["each", "all"])
def test_stop_ends_the_work_at_its_next_report(viewer, form_of, monkeypatch, share, levels_from):
    viewer.add_image(np.stack([data.coins()[:150, :150]] * 6), name="stack")
    reached, resume, ended = threading.Event(), threading.Event(), threading.Event()
    reports, report, run = [], Job._report, Job.run

    def held(self, progress):
        reports.append(progress.done)
        if progress.done >= share:
            reached.set()
            resume.wait(30)
        report(self, progress)

    def followed(self):
        outcome = run(self)
        ended.set()
        return outcome

    monkeypatch.setattr(Job, "_report", held)
    monkeypatch.setattr(Job, "run", followed)
    form = form_of("watershed")
    form.walk.levels_from.choose(levels_from)
    form.run_button.click()
    wait(reached.is_set)
    form.run_button.click()
    assert form.run_button.text() == "Run"
    seen = len(reports)
    resume.set()
    wait(ended.is_set)
    assert len(reports) <= seen + 2 * WORKERS  # threads of other planes end at theirs
    assert len(viewer.layers) == 1


def test_a_layer_removed_while_running(viewer, gated, form_of):
    gate, layer = gated
    form = form_of("threshold")
    form.run_button.click()
    wait(gate.asked.is_set)
    viewer.layers.remove(layer)
    gate.open.set()
    wait(lambda: form.job is None)
    assert [each.name for each in viewer.layers] == ["gated threshold"]


def test_a_form_closed_while_running(viewer, gated, form_of):
    gate, _ = gated
    form = form_of("threshold")
    form.run_button.click()
    wait(gate.asked.is_set)
    viewer.window.remove_dock_widget(form)
    assert form.job is None
    gate.open.set()
    QTest.qWait(200)
    assert len(viewer.layers) == 1


def test_a_viewer_closed_while_running(make_napari_viewer):
    from napari_tessera.widgets.forms.method_form import dock

    viewer = make_napari_viewer()
    gate = Gate(np.stack([data.coins()] * 6))
    viewer.add_image(gate, name="gated", contrast_limits=(0, 255))
    form = dock(METHODS["threshold"])(viewer)
    viewer.window.add_dock_widget(form)
    form.run_button.click()
    wait(gate.asked.is_set)
    job = form.job
    viewer.close()
    gate.open.set()
    wait(lambda: not job._worker.is_running)
    assert job._stopped


def test_a_closed_form_leaves_no_trace_in_the_viewer(viewer, coins, form_of):
    emitters = [
        viewer.layers.events.inserted,
        viewer.layers.events.renamed,
        viewer.dims.events.current_step,
        viewer.scene.camera.events.zoom,
    ]
    before = [len(emitter.callbacks) for emitter in emitters]
    form = form_of("watershed")
    assert [len(emitter.callbacks) for emitter in emitters] > before
    form.release()
    assert [len(emitter.callbacks) for emitter in emitters] == before


def test_progress_is_shown(viewer, gated, form_of):
    gate, _ = gated
    form = form_of("threshold")
    seen = []
    form.bar.valueChanged.connect(seen.append)
    form.run_button.click()
    assert form.bar.isVisibleTo(form)
    wait(gate.asked.is_set)
    form.job._share = 0.5
    wait(lambda: 50 in seen)
    assert form.bar.text().startswith("50 %")
    gate.open.set()
    wait(lambda: form.job is None)
    assert any(seen)
    assert not form.bar.isVisibleTo(form)


def test_labels_are_judged_by_other_labels(viewer, form_of, run):
    """The form does not offer the layer itself as its truth, and the layer stays one of objects."""
    squares = np.zeros((20, 30), np.uint16)
    squares[2:8, 2:8], squares[2:8, 12:18] = 1, 2
    viewer.add_labels(squares, name="truth")
    found = viewer.add_labels(np.where(squares == 2, 0, squares), name="found")
    form = form_of("error_map")
    assert form.source.value is found
    assert form.fields["truth"].value.name == "truth"
    form.fields["labels_are"].value = "objects"
    layer = run(form)
    assert layer.data[4, 4] == 1
    assert layer.data[4, 14] == 2
    assert layer.features.set_index("index")["class"][2] == "missed"
    other = form_of("fill_holes")
    other.source.value = found
    assert other.fields["labels_are"].value == "objects"
